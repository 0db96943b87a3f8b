//! `predict`.

use std::io::Write;
use std::process::Stdio;

use cpu::data::idx;
use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use super::pictures::{encoded, grey};
use super::{CLASSES, Place, SIZE, drawing, idx_file, model};

#[test]
fn drawings_of_all_formats_and_sizes_are_recognized() {
    let place = Place::new();
    let mut names = Vec::new();
    let mut expected = Vec::new();
    for (class, name) in CLASSES.into_iter().enumerate() {
        for (size, format) in [
            ([28, 28], ImageFormat::Png),
            ([301, 157], ImageFormat::Jpeg),
            ([64, 99], ImageFormat::Pnm),
        ] {
            let mut image = DynamicImage::from(grey(&drawing(class, size)));
            if class == 1 {
                image.invert();
            }
            // The content says what it is, not the name.
            let file = format!("{name}-{}.picture", size[0]);
            place.write(&file, &encoded(&image, format));
            names.push(file);
            expected.push(name);
        }
    }
    let mut arguments = vec!["predict", "model.safetensors", "--device", "cpu", "--json"];
    arguments.extend(names.iter().map(String::as_str));
    let lines = place.run(&arguments).succeeds().lines();
    assert_eq!(lines.len(), names.len());
    for ((line, name), class) in lines.iter().zip(&names).zip(expected) {
        assert_eq!(line["file"], **name);
        assert_eq!(line["index"], Value::Null);
        assert!(line.get("logits").is_none());
        let predictions = line["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 3);
        assert_eq!(predictions[0]["class"], class, "{name}");
        let probability = |prediction: &Value| prediction["probability"].as_f64().unwrap();
        assert!(predictions.is_sorted_by(|a, b| probability(a) >= probability(b)));
        let sum: f64 = predictions.iter().map(probability).sum();
        // Three roundings to f32.
        assert!((sum - 1.0).abs() <= 2e-7, "{sum}");
    }
}

/// The images of an IDX file are taken as they are, and the numbers are what the model says.
#[test]
fn logits_and_probabilities_are_those_of_the_model() {
    let place = Place::new();
    let mut random = fastrand::Rng::with_seed(1);
    let n_pixels = SIZE[0] * SIZE[1];
    let images: Vec<Vec<u8>> = (0..300)
        .map(|_| (0..n_pixels).map(|_| random.u8(..)).collect())
        .collect();
    place.write("images", &idx_file(SIZE, &images));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&idx_file(SIZE, &images)).unwrap();
    place.write("images.gz", &gzip.finish().unwrap());

    let common = [
        "predict",
        "model.safetensors",
        "--device",
        "cpu",
        "--json",
        "--logits",
    ];
    let run = |arguments: &[&str]| place.run(&[&common[..], arguments].concat()).succeeds();
    let all = run(&["images", "--top", "1"]).lines();
    assert_eq!(all.len(), images.len());
    let checkpoint = model();
    let (weight, bias) = (
        &checkpoint.tensors["1.weight"],
        &checkpoint.tensors["1.bias"],
    );
    for (line, image) in all.iter().zip(&images) {
        let x = || image.iter().map(|&grey| f64::from(grey) / 255.0);
        let logits: Vec<f64> = line["logits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|logit| logit.as_f64().unwrap())
            .collect();
        let rows = weight.values.chunks_exact(n_pixels).zip(&bias.values);
        for ((row, &bias), logit) in rows.zip(&logits) {
            let terms = row.iter().zip(x()).map(|(&w, x)| f64::from(w) * x);
            let terms: Vec<f64> = terms.chain([f64::from(bias)]).collect();
            let expected: f64 = terms.iter().sum();
            let magnitude: f64 = terms.iter().map(|term| term.abs()).sum();
            // A rounding for each addition, in whatever order, and one for each product.
            let limit = f64::from(f32::EPSILON) * terms.len() as f64 * magnitude;
            assert!((logit - expected).abs() <= limit, "{logit} {expected}");
        }
        let best = (0..3).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        let best = best.unwrap();
        let powers = logits.iter().map(|logit| (logit - logits[best]).exp());
        let expected = 1.0 / powers.sum::<f64>();
        assert_eq!(line["predictions"][0]["class"], CLASSES[best]);
        let probability = line["predictions"][0]["probability"].as_f64().unwrap();
        // One rounding to f32.
        let limit = f64::from(f32::EPSILON) * expected;
        assert!(
            (probability - expected).abs() <= limit,
            "{probability} {expected}"
        );
    }

    let some = run(&["images.gz", "--index", "7,0-2,299", "--top", "1"]).lines();
    let indices: Vec<&Value> = some.iter().map(|line| &line["index"]).collect();
    assert_eq!(json!(indices), json!([7, 0, 1, 2, 299]));
    for line in &some {
        let index = line["index"].as_u64().unwrap() as usize;
        assert_eq!(line["logits"], all[index]["logits"]);
    }
}

#[test]
fn the_image_is_drawn_as_the_model_sees_it() {
    let place = Place::new();
    let png = encoded(&grey(&drawing(0, [100, 80])).into(), ImageFormat::Png);
    place.write("bar.png", &png);
    let common = ["predict", "model.safetensors", "bar.png", "--device", "cpu"];
    let stdout = place.run(&common).succeeds().stdout;
    let drawn: Vec<&str> = stdout
        .lines()
        .skip(1)
        .take_while(|line| !line.contains('%'))
        .collect();
    // 14 of 20 rows, two columns or three beside the middle, twice as wide; no line ends in blanks.
    let ink = drawn.iter().filter(|line| line.contains("@@")).count();
    assert!((14..=15).contains(&ink), "{stdout}");
    assert!(
        drawn
            .iter()
            .all(|line| !line.ends_with(' ') && line.len() <= 2 * SIZE[1])
    );
    assert!(stdout.starts_with("bar.png\n"), "{stdout}");
    let last: Vec<&str> = stdout.lines().rev().take(3).collect();
    assert!(
        last[2].starts_with("  bar ") && last[2].ends_with(" %"),
        "{stdout}"
    );

    let without = place
        .run(&[&common[..], &["--no-picture", "--top", "1"]].concat())
        .succeeds();
    assert_eq!(without.stdout.lines().count(), 2, "{}", without.stdout);
}

/// As a shell's `<(command)` gives it: what was read of it is gone.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_can_come_through_a_pipe() {
    let place = Place::new();
    let png = encoded(&grey(&drawing(2, [50, 40])).into(), ImageFormat::Png);
    let mut child = place
        .command(&[
            "predict",
            "model.safetensors",
            "/dev/stdin",
            "--json",
            "--device",
            "cpu",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe closes behind it.
    child.stdin.take().unwrap().write_all(&png).unwrap();
    let output = child.wait_with_output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["predictions"][0]["class"], "ring");
}

#[test]
fn a_picture_can_be_taken_as_it_is() {
    let place = Place::new();
    let [height, width] = SIZE;
    // Ink in one corner, which is where it stays.
    let pixels: Vec<u8> = (0..4 * height * width)
        .map(|index| {
            if index / (2 * width) < 6 && index % (2 * width) < 4 {
                255
            } else {
                0
            }
        })
        .collect();
    let picture = cpu::image::Picture::new([2 * height, 2 * width], pixels).unwrap();
    place.write(
        "corner.png",
        &encoded(&grey(&picture).into(), ImageFormat::Png),
    );
    let mut expected = vec![0; height * width];
    for row in 0..3 {
        expected[row * width..][..2].fill(255);
    }
    assert_eq!(
        picture
            .scaled(SIZE)
            .iter()
            .map(|&v| u32::from(v))
            .sum::<u32>()
            / 255,
        6
    );
    place.write("corner.idx", &idx_file(SIZE, &[picture.scaled(SIZE)]));
    let run = |file: &str, flag: &[&str]| {
        let arguments = [
            "predict",
            "model.safetensors",
            "--device",
            "cpu",
            "--json",
            "--logits",
            file,
        ];
        place
            .run(&[&arguments[..], flag].concat())
            .succeeds()
            .lines()[0]["logits"]
            .clone()
    };
    assert_eq!(run("corner.png", &["--as-is"]), run("corner.idx", &[]));
    assert_ne!(run("corner.png", &[]), run("corner.idx", &[]));
}

#[test]
fn what_cannot_be_predicted_is_refused() {
    let place = Place::new();
    let png = encoded(&grey(&drawing(0, [20, 20])).into(), ImageFormat::Png);
    place.write("bar.png", &png);
    place.write("half.png", &png[..png.len() / 2]);
    place.write("text.png", b"this is not a picture");
    place.write("empty.png", b"");
    place.write("blank.pgm", b"P5 4 4 255\n0000000000000000");
    place.write("other.idx", &idx_file([5, 4], &[vec![0; 20]]));
    place.write("labels.idx", &[idx::header(&[3]), vec![0, 1, 2]].concat());
    place.write(
        "fits.idx",
        &idx_file(SIZE, &vec![vec![0; SIZE[0] * SIZE[1]]; 2]),
    );
    std::fs::create_dir(place.path("folder")).unwrap();
    let mut rows_of_numbers = model();
    rows_of_numbers.description.architecture.input = vec![SIZE[0] * SIZE[1]];
    place.write("rows.safetensors", &rows_of_numbers.to_bytes());
    let mut missing = model();
    missing.tensors.remove("1.bias");
    place.write("missing.safetensors", &missing.to_bytes());

    for (arguments, parts) in [
        (
            &["none.safetensors", "bar.png"][..],
            &["none.safetensors: ", "cannot be read"][..],
        ),
        (
            &["bar.png", "bar.png"],
            &["bar.png: ", "no safetensors file"],
        ),
        (
            &["missing.safetensors", "bar.png"],
            &["missing.safetensors: ", "`1.bias`", "[3]"],
        ),
        (
            &["rows.safetensors", "bar.png"],
            &["rows.safetensors: ", "[320]"],
        ),
        (&["model.safetensors"], &["IMAGE"]),
        (
            &["model.safetensors", "none.png"],
            &["none.png: ", "cannot be read"],
        ),
        (
            &["model.safetensors", "folder"],
            &["folder: ", "cannot be read"],
        ),
        (
            &["model.safetensors", "bar.png", "half.png"],
            &["half.png: ", "damaged"],
        ),
        (
            &["model.safetensors", "text.png"],
            &["text.png: ", "expected PNG, JPEG or PGM"],
        ),
        (
            &["model.safetensors", "empty.png"],
            &["empty.png: ", "expected PNG, JPEG or PGM"],
        ),
        (
            &["model.safetensors", "blank.pgm"],
            &["blank.pgm: ", "nothing drawn"],
        ),
        (
            &["model.safetensors", "other.idx"],
            &["other.idx: ", "5 x 4", "20 x 16"],
        ),
        (
            &["model.safetensors", "labels.idx"],
            &["labels.idx: ", "0x00000801"],
        ),
        (
            &["model.safetensors", "fits.idx", "--index", "1-2"],
            &["fits.idx: ", "--index 2", "0 to 1"],
        ),
        (
            &["model.safetensors", "bar.png", "--index", "0"],
            &["bar.png: ", "--index"],
        ),
        (
            &["model.safetensors", "fits.idx", "--index", "2-1"],
            &["2-1", "0-9"],
        ),
        (
            &["model.safetensors", "bar.png", "--top", "0"],
            &["at least 1"],
        ),
        (&["model.safetensors", "bar.png", "--logits"], &["--json"]),
    ] {
        let run = place.run(&[&["predict"], arguments].concat());
        assert_eq!(run.stdout, "", "{arguments:?}");
        run.refused(parts);
    }
}

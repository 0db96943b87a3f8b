//! Files that are damaged at random: whatever is in one, nothing panics, and what is refused is refused
//! with a sentence.

use std::collections::HashMap;
use std::num::NonZero;
#[cfg(target_os = "linux")]
use std::process::Command;

use cpu::backend::{Activation, HostBackend};
use cpu::checkpoint::{Checkpoint, METADATA_KEY};
use cpu::data::Dataset;
use cpu::image::Picture;
use cpu::nn::{Initializer, Sgd, models, random_generator};
use cpu::onnx;
use cpu::train::{Recipe, Trainer};
use cpu::{Error, Result};
use fastrand::Rng;
use image::{DynamicImage, ImageFormat, RgbaImage};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use super::pictures::{encoded, grey};
use super::{Place, drawing, idx_file, model};

/// Changes a few places of a file: bits, bytes, runs that go missing, come twice or come from elsewhere.
fn mutated(bytes: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..4) {
        if bytes.is_empty() {
            break;
        }
        // Headers are where most can go wrong.
        let end = if random.bool() {
            bytes.len().min(64)
        } else {
            bytes.len()
        };
        let place = random.usize(..end);
        let n = random.usize(..=16).min(bytes.len() - place);
        match random.u8(..6) {
            0 => bytes[place] ^= 1 << random.u8(..8),
            1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.usize(..5)],
            2 => bytes[place..place + n].fill(0xff),
            3 => drop(bytes.drain(place..place + n)),
            4 => {
                let run = bytes[place..place + n].to_vec();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, run);
            }
            _ => bytes.truncate(place),
        }
    }
    bytes
}

/// A refusal is a sentence about the input, not a failure of the program.
#[track_caller]
fn is_sentence<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error, Error::Input(_)), "{error:?}");
            assert!(error.to_string().len() > 20, "{error}");
            None
        }
    }
}

#[test]
fn pictures() {
    let mut random = Rng::with_seed(1);
    let picture = grey(&drawing(2, [24, 20]));
    let colours = RgbaImage::from_fn(9, 7, |x, y| image::Rgba([x as u8 * 9, y as u8 * 9, 3, 200]));
    let mut files = vec![
        encoded(&picture.clone().into(), ImageFormat::Png),
        encoded(
            &DynamicImage::from(picture.clone()).to_luma16().into(),
            ImageFormat::Png,
        ),
        encoded(&colours.clone().into(), ImageFormat::Png),
        encoded(&picture.clone().into(), ImageFormat::Jpeg),
        encoded(
            &DynamicImage::from(colours).to_rgb8().into(),
            ImageFormat::Jpeg,
        ),
        encoded(&picture.clone().into(), ImageFormat::Pnm),
    ];
    let numbers: Vec<String> = picture.as_raw().iter().map(u8::to_string).collect();
    files.push(format!("P2\n20 24 255\n{}\n", numbers.join(" ")).into_bytes());
    let mut n_read = 0;
    for file in &files {
        let whole = Picture::decode(file).unwrap();
        assert!(!whole.pixels().is_empty());
        for _ in 0..500 {
            let decoded = is_sentence(Picture::decode(&mutated(file, &mut random)));
            if let Some(seen) = decoded.and_then(|picture| is_sentence(picture.prepared([28, 28])))
            {
                assert_eq!(seen.len(), 28 * 28);
                n_read += 1;
            }
        }
    }
    // Enough to say that both ends were tried.
    assert!((150..3000).contains(&n_read), "{n_read}");
}

/// A checkpoint with everything that one can have.
fn trained() -> (Checkpoint, Recipe, Dataset) {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let data = Dataset {
        images: vec![200, 10, 10, 200, 90, 30, 0, 80],
        labels: vec![0, 1, 0, 1],
        size: [1, 2],
        n_classes: 2,
    };
    let optimizer = Sgd::new(0.5).unwrap().momentum(0.5).unwrap();
    let recipe = Recipe::new(optimizer, 2, 1);
    let architecture = models::mlp(&[1, 1, 2], &[3], 2, Activation::Relu, Initializer::HeNormal);
    let mut network = architecture
        .build(&backend, 2, &mut random_generator(1))
        .unwrap();
    let mut trainer = Trainer::new(&backend, recipe.clone(), &data).unwrap();
    trainer.epoch(&backend, &mut network).unwrap();
    let training = json!({
        "recipe": recipe,
        "n_epochs": 3,
        "progress": trainer.progress(),
        "history": [{
            "epoch": 1, "train_loss": 0.5, "test_loss": 0.5, "test_accuracy": 0.5, "seconds": 0.1,
            "train_accuracy": 0.5,
        }],
        "data": {"name": "four", "n_images": 4, "crc32": 1},
        "device": {"name": "cpu", "threads": 1},
        "settings": {},
    });
    let mut description = model().description;
    description.architecture = architecture;
    description.classes = vec!["left".to_owned(), "right".to_owned()];
    description.training = Some(serde_json::from_value(training).unwrap());
    let mut checkpoint = Checkpoint::of(&backend, &network, description).unwrap();
    checkpoint
        .add_training(&backend, &network, &trainer)
        .unwrap();
    (checkpoint, recipe, data)
}

/// Everything that is done with a checkpoint.
fn try_all(bytes: &[u8], backend: &HostBackend, recipe: &Recipe, data: &Dataset) -> bool {
    let Some(checkpoint) = is_sentence(Checkpoint::parse(bytes)) else {
        return false;
    };
    is_sentence(onnx::export(&checkpoint));
    is_sentence(checkpoint.description.image_size());
    let Some(mut model) = is_sentence(checkpoint.build(backend, 2)) else {
        return false;
    };
    let mut trainer = Trainer::new(backend, recipe.clone(), data).unwrap();
    is_sentence(checkpoint.restore_training(backend, &mut model, &mut trainer)).is_some()
}

#[test]
fn checkpoints() {
    let mut random = Rng::with_seed(3);
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let (checkpoint, recipe, data) = trained();
    let bytes = checkpoint.to_bytes();
    assert!(try_all(&bytes, &backend, &recipe, &data));
    for _ in 0..5000 {
        try_all(&mutated(&bytes, &mut random), &backend, &recipe, &data);
    }
}

/// Files that are whole, with a description that says something else: sizes that overflow, rates that are
/// no numbers, lists that go missing.
#[test]
fn descriptions() {
    let mut random = Rng::with_seed(4);
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let (checkpoint, recipe, data) = trained();
    let bytes = checkpoint.to_bytes();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let text = &header.metadata().as_ref().unwrap()[METADATA_KEY];
    let with_text = |text: String| {
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
        safetensors::serialize(file.iter(), Some(metadata)).unwrap()
    };
    let whole: Value = serde_json::from_str(text).unwrap();
    assert!(try_all(
        &with_text(whole.to_string()),
        &backend,
        &recipe,
        &data
    ));

    let mut n_accepted = 0;
    for _ in 0..2000 {
        let mut description = whole.clone();
        for _ in 0..random.usize(1..3) {
            mutate_value(&mut description, &mut random);
        }
        let bytes = with_text(description.to_string());
        n_accepted += usize::from(try_all(&bytes, &backend, &recipe, &data));
    }
    // Names, seeds and times may be others.
    assert!((20..1200).contains(&n_accepted), "{n_accepted}");

    for text in [
        "[".repeat(100_000),
        format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
        text.replace("0.5", "NaN"),
        text.replace("0.5", "1e999"),
        text.replace("0.5", "-0.0"),
        String::new(),
    ] {
        assert!(!try_all(&with_text(text), &backend, &recipe, &data));
    }
}

/// Changes one value somewhere inside.
fn mutate_value(value: &mut Value, random: &mut Rng) {
    let n_inside = match value {
        Value::Array(values) => values.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if n_inside > 0 && random.u8(..8) > 0 {
        let index = random.usize(..n_inside);
        let inside = match value {
            Value::Array(values) => values.get_mut(index),
            Value::Object(fields) => fields.values_mut().nth(index),
            _ => None,
        };
        return mutate_value(inside.expect("it is one of them"), random);
    }
    match (value, random.u8(..4)) {
        (Value::Array(values), 0) => drop(values.pop()),
        (Value::Array(values), 1) => values.extend(values.clone()),
        (Value::Object(fields), 0 | 1) => {
            let name = fields.keys().nth(random.usize(..n_inside.max(1))).cloned();
            fields.remove(&name.unwrap_or_default());
        }
        (value, _) => *value = strange_value(random),
    }
}

fn strange_value(random: &mut Rng) -> Value {
    let size = |random: &mut Rng| [0, 1, 2, 3, 1 << 20, u64::MAX][random.usize(..6)];
    let window = json!({
        "size": [size(random), size(random)],
        "stride": [size(random), size(random)],
        "padding": [size(random), size(random)],
    });
    let values = [
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(1_u64 << 24),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(usize::MAX / 2 + 1),
        json!(0.5),
        json!(-0.0),
        json!(1e-300),
        json!(1e39),
        json!(f64::MAX),
        json!(null),
        json!(true),
        json!(""),
        json!("relu"),
        json!([]),
        json!({}),
        json!([1, 1 << 20, 1 << 20]),
        json!([u64::MAX, 2]),
        json!({"kind": "dense", "n_outputs": u64::MAX}),
        json!({"kind": "flatten"}),
        json!({"kind": "batch_norm"}),
        json!({"kind": "softmax"}),
        json!({"kind": "dropout", "probability": random.f64() * 2.0}),
        json!({"kind": "layer_norm", "n_dimensions": size(random)}),
        json!({"kind": "embedding", "n_entries": size(random), "n_values": size(random)}),
        json!({"kind": "conv2d", "n_outputs": size(random), "window": window}),
        json!({"kind": "pool2d", "pooling": "max", "window": window}),
    ];
    values[random.usize(..values.len())].clone()
}

/// What is no file of a certain length, and files that promise more than there can be: nothing is waited
/// for, and no memory is taken for what is promised.
#[cfg(target_os = "linux")]
#[test]
fn what_has_no_end_is_not_read_to_its_end() {
    let place = Place::new();
    place.write(
        "long-header",
        &[&(1_u64 << 60).to_le_bytes()[..], b"{}"].concat(),
    );
    let header = format!(
        r#"{{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{}]}}}}"#,
        1_u64 << 58,
        1_u64 << 60
    );
    let length = (header.len() as u64).to_le_bytes();
    place.write("long-tensor", &[&length[..], header.as_bytes()].concat());
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    std::fs::create_dir(place.path("set")).unwrap();

    for path in [
        "/dev/zero",
        "/dev/urandom",
        "pipe",
        "set",
        "long-header",
        "long-tensor",
    ] {
        for command in [
            &["inspect", path][..],
            &["export", path, "model.onnx"],
            &["predict", path, "picture.png"],
            &["predict", "model.safetensors", path],
            &["evaluate", path, "--dataset", "digits"],
            &["serve", path, "--port", "0"],
            &["mnist", "--dataset", "digits", "--resume", path],
        ] {
            place.run(command).refused(&[path]);
        }
        // As one of the files of a data set.
        let names = [
            "set/train-images-idx3-ubyte",
            "set/train-labels-idx1-ubyte",
            "set/t10k-images-idx3-ubyte",
            "set/t10k-labels-idx1-ubyte",
            "set/classes.txt",
        ];
        for bad in names {
            for name in names {
                let _ = std::fs::remove_file(place.path(name));
                if name == bad {
                    let target = place.0.path().join(path);
                    std::os::unix::fs::symlink(target, place.path(name)).unwrap();
                } else if name.ends_with("txt") {
                    place.write(name, b"a\n");
                } else if name.contains("images") {
                    place.write(name, &idx_file([1, 1], &[vec![0]]));
                } else {
                    place.write(name, &[0, 0, 8, 1, 0, 0, 0, 1, 0]);
                }
            }
            let arguments = ["evaluate", "model.safetensors", "--dataset", "set"];
            place.run(&arguments).refused(&[bad]);
        }
    }
}

/// The program itself, which also prints what it reads.
#[test]
fn the_program_says_what_is_wrong() {
    let place = Place::new();
    let mut random = Rng::with_seed(5);
    let bytes = trained().0.to_bytes();
    for index in 0..20 {
        place.write("mutated", &mutated(&bytes, &mut random));
        let command: &[&str] = match index % 2 {
            0 => &["inspect", "mutated"],
            _ => &["inspect", "mutated", "--json"],
        };
        let run = place.run(command);
        match run.code {
            Some(0) => {}
            _ => run.refused(&["mutated: "]),
        }
    }
}

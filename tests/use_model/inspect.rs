//! `inspect`.

use std::collections::HashMap;

use cpu::checkpoint::Tensor;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::{CLASSES, Place, model};

#[test]
fn a_model_of_this_program_is_described() {
    let place = Place::new();
    let stdout = place
        .run(&["inspect", "model.safetensors"])
        .succeeds()
        .stdout;
    for part in [
        "nearest: [1, 20, 16] -> 3 classes: bar, dash, ring",
        "0   flatten -> [320]",
        "1   dense (n outputs 3) -> [3]",
        "training  none",
        "tensors   2: 963 elements, 3852 bytes",
    ] {
        assert!(stdout.contains(part), "no {part:?} in: {stdout}");
    }
    let row: Vec<&str> = stdout
        .lines()
        .find(|line| line.starts_with("1.weight"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(row[..6], ["1.weight", "F32", "[3,", "320]", "960", "3840"]);

    let run = place
        .run(&["inspect", "model.safetensors", "--json"])
        .succeeds();
    let [object] = &run.lines()[..] else {
        panic!("one line: {}", run.stdout);
    };
    assert_eq!(object["description"]["classes"], json!(CLASSES));
    let weight = &model().tensors["1.weight"].values;
    let tensor = &object["tensors"][1];
    assert_eq!(tensor["name"], "1.weight");
    assert_eq!(tensor["shape"], json!([3, 320]));
    assert_eq!((&tensor["min"], &tensor["max"]), (&json!(0.0), &json!(1.0)));
    let mean = weight.iter().map(|&v| f64::from(v)).sum::<f64>() / 960.0;
    assert_eq!(tensor["mean"], json!(mean));
}

#[test]
fn layers_are_in_the_order_of_their_numbers_and_nan_is_said() {
    let place = Place::new();
    let mut checkpoint = model();
    for index in [10, 2] {
        let values = vec![f32::NAN, 1.0, f32::INFINITY, 3.0];
        let name = format!("{index}.extra");
        checkpoint
            .tensors
            .insert(name, Tensor::new(&[2, 2], values));
    }
    place.write("more.safetensors", &checkpoint.to_bytes());
    let stdout = place
        .run(&["inspect", "more.safetensors"])
        .succeeds()
        .stdout;
    let place_of = |name: &str| stdout.find(&format!("\n{name} ")).unwrap();
    assert!(place_of("1.weight") < place_of("2.extra"));
    assert!(place_of("2.extra") < place_of("10.extra"));
    assert!(stdout.contains("`10.extra` has 2 values that are NaN or infinite"));
    let lines = place
        .run(&["inspect", "more.safetensors", "--json"])
        .succeeds()
        .lines();
    let tensor = &lines[0]["tensors"][2];
    assert_eq!(tensor["not_finite"], 2);
    assert_eq!((&tensor["min"], &tensor["max"]), (&json!(1.0), &json!(3.0)));
    assert_eq!(tensor["mean"], json!(2.0));
}

/// As far as it can be read: names, shapes and sizes always, values where their type is known.
#[test]
fn a_file_of_another_program_is_shown() {
    let place = Place::new();
    let arrays: [(&str, Dtype, Vec<u8>, Value); 5] = [
        ("f16", Dtype::F16, vec![0x00, 0x3c, 0x00, 0xc0], json!(-0.5)),
        (
            "bf16",
            Dtype::BF16,
            vec![0x80, 0x3f, 0x00, 0x40],
            json!(1.5),
        ),
        (
            "i64",
            Dtype::I64,
            [(-3_i64).to_le_bytes(), 5_i64.to_le_bytes()].concat(),
            json!(1.0),
        ),
        ("u8", Dtype::U8, vec![255, 0], json!(127.5)),
        ("f8", Dtype::F8_E4M3, vec![1, 2], Value::Null),
    ];
    let views = arrays
        .iter()
        .map(|(name, dtype, bytes, _)| (*name, TensorView::new(*dtype, vec![2], bytes).unwrap()));
    let metadata = HashMap::from([("format".to_owned(), "pt\u{1b}[2J".to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).unwrap();
    place.write("foreign.safetensors", &bytes);
    let stdout = place
        .run(&["inspect", "foreign.safetensors"])
        .succeeds()
        .stdout;
    assert!(
        stdout.contains("another program has written the file"),
        "{stdout}"
    );
    assert!(
        stdout.contains("format: pt\\u{1b}[2J") && !stdout.contains('\u{1b}'),
        "{stdout}"
    );
    let lines = place
        .run(&["inspect", "foreign.safetensors", "--json"])
        .succeeds()
        .lines();
    assert_eq!(lines[0]["description"], Value::Null);
    assert_eq!(lines[0]["metadata"], json!({"format": "pt\u{1b}[2J"}));
    let tensors = lines[0]["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), arrays.len());
    for (name, dtype, bytes, mean) in &arrays {
        let tensor = tensors
            .iter()
            .find(|tensor| tensor["name"] == *name)
            .unwrap();
        assert_eq!(tensor["dtype"], format!("{dtype:?}"));
        assert_eq!(tensor["bytes"], bytes.len());
        assert_eq!(tensor.get("mean").unwrap_or(&Value::Null), mean, "{name}");
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let place = Place::new();
    let bytes = model().to_bytes();
    place.write("short.safetensors", &bytes[..bytes.len() - 1]);
    place.write("text", b"hello, this is text");
    let mut damaged = bytes;
    *damaged.last_mut().unwrap() ^= 1;
    place.write("damaged.safetensors", &damaged);
    for (name, parts) in [
        ("none", &["none: ", "cannot be read"][..]),
        ("text", &["text: ", "no safetensors file"]),
        ("short.safetensors", &["short.safetensors: ", "damaged"]),
        (
            "damaged.safetensors",
            &["damaged.safetensors: ", "`1.weight`", "checksum"],
        ),
    ] {
        place.run(&["inspect", name]).refused(parts);
        place.run(&["inspect", name, "--json"]).refused(parts);
    }
}

//! `evaluate`.

use std::fs;

use cpu::data::idx;
use serde_json::json;

use super::{CLASSES, Place, SIZE, drawing, idx_file, model};

/// The images of a data set of ten classes whose first three the test's model knows, and labels that are
/// wrong for some: 4 bars, of which one is called a dash, 2 dashes, 3 rings, of which one is called a bar.
const DRAWN: [usize; 9] = [0, 1, 2, 0, 2, 0, 1, 2, 0];
const LABELS: [u8; 9] = [0, 1, 2, 0, 0, 1, 1, 2, 0];

impl Place {
    /// Writes a data set in the layout of MNIST, the same images to train on and to test with.
    fn write_set(&self, size: [usize; 2]) {
        fs::create_dir_all(self.path("set")).unwrap();
        let images = DRAWN.map(|class| drawing(class, [90, 90]).prepared(size).unwrap());
        for split in ["train", "t10k"] {
            let n = if split == "train" { 3 } else { 9 };
            let images_file = idx_file(size, &images[..n]);
            let labels_file = [idx::header(&[n]), LABELS[..n].to_vec()].concat();
            self.write(&format!("set/{split}-images-idx3-ubyte"), &images_file);
            self.write(&format!("set/{split}-labels-idx1-ubyte"), &labels_file);
        }
    }

    /// A model that gives each of the ten classes a logit, the last seven never the highest.
    fn write_ten(&self) {
        let mut checkpoint = model();
        checkpoint.description.classes = (0..10)
            .map(|class| match CLASSES.get(class) {
                Some(name) => (*name).to_owned(),
                None => format!("never {class}"),
            })
            .collect();
        let architecture = &mut checkpoint.description.architecture;
        architecture.layers.pop();
        *architecture = architecture.clone().dense(10);
        for (name, value) in [("1.weight", 0.0), ("1.bias", -1e3)] {
            let tensor = checkpoint.tensors.get_mut(name).unwrap();
            tensor.shape[0] = 10;
            let n = tensor.shape.iter().product();
            tensor.values.resize(n, value);
        }
        self.write("ten.safetensors", &checkpoint.to_bytes());
    }
}

#[test]
fn metrics_are_those_of_the_images() {
    let place = Place::new();
    place.write_set(SIZE);
    place.write_ten();
    let common = [
        "evaluate",
        "ten.safetensors",
        "--data",
        "set",
        "--device",
        "cpu",
    ];
    let run = |arguments: &[&str]| place.run(&[&common[..], arguments].concat()).succeeds();
    let lines = run(&["--json"]).lines();
    let [object] = &lines[..] else {
        panic!("one line: {lines:?}");
    };
    assert_eq!(object["images"], 9);
    assert_eq!(object["accuracy"], json!(7.0 / 9.0));
    // What is called wrong is among three at least.
    assert_eq!(object["top"], json!({"k": 3, "accuracy": 1.0}));
    assert!(object["loss"].as_f64().unwrap() > 0.0);
    let row = |begin: [usize; 3]| [&begin[..], &[0; 7]].concat();
    let mut confusion = vec![row([3, 0, 1]), row([1, 2, 0]), row([0, 0, 2])];
    confusion.resize(10, row([0; 3]));
    assert_eq!(object["confusion"], json!(confusion));
    let expected = [
        ("bar", 4, 3.0 / 4.0, 3.0 / 4.0, 3.0 / 4.0),
        ("dash", 3, 1.0, 2.0 / 3.0, 0.8),
        ("ring", 2, 2.0 / 3.0, 1.0, 0.8),
        ("never 3", 0, 0.0, 0.0, 0.0),
    ];
    for (class, (name, n, precision, recall, f1)) in expected.into_iter().enumerate() {
        let expected = json!({
            "class": name, "images": n, "precision": precision, "recall": recall, "f1": f1,
        });
        assert_eq!(object["classes"][class], expected);
    }

    let stdout = run(&["--top", "2"]).stdout;
    for part in [
        "model     nearest: 3210 parameters, from ten.safetensors",
        "9 test images",
        "accuracy  77.78 %",
        "top 2     ",
        "dash          3   100.00 %  66.67 %  80.00 %",
        "confusion matrix",
    ] {
        assert!(stdout.contains(part), "no {part:?} in: {stdout}");
    }
    assert!(
        stdout
            .lines()
            .any(|line| line.trim_start().starts_with("bar     3     0     1")),
        "{stdout}"
    );

    let train = run(&["--split", "train", "--json"]).lines();
    assert_eq!(
        (&train[0]["images"], &train[0]["accuracy"]),
        (&json!(3), &json!(1.0))
    );
    assert_eq!(train[0]["split"], "train");
}

/// The loss is the mean cross-entropy, here of images that the model knows by heart.
#[test]
fn the_loss_is_that_of_the_logits() {
    let place = Place::new();
    place.write_set(SIZE);
    place.write_ten();
    let arguments = ["ten.safetensors", "--device", "cpu", "--json"];
    let evaluated = place
        .run(&[&["evaluate"], &arguments[..], &["--data", "set"]].concat())
        .succeeds();
    let images = "set/t10k-images-idx3-ubyte";
    let predicted = place
        .run(&[&["predict"], &arguments[..], &["--logits", images]].concat())
        .succeeds();
    let losses = predicted
        .lines()
        .into_iter()
        .zip(LABELS)
        .map(|(line, label)| {
            let logits: Vec<f64> = line["logits"]
                .as_array()
                .unwrap()
                .iter()
                .map(|logit| logit.as_f64().unwrap())
                .collect();
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            sum.ln() - logits[usize::from(label)]
        });
    let expected = losses.sum::<f64>() / 9.0;
    let actual = evaluated.lines()[0]["loss"].as_f64().unwrap();
    // Differences of logits up to 70 are rounded to f32.
    assert!(
        (actual - expected).abs() <= 1e-5 * (1.0 + expected),
        "{actual} {expected}"
    );
}

/// Names are compared where there are any: without a file of names, classes are called by their labels.
#[test]
fn classes_of_another_name_are_refused() {
    let place = Place::new();
    place.write_set(SIZE);
    place.write_ten();
    let run = || {
        let arguments = "evaluate ten.safetensors --dataset set --device cpu";
        place.run(&arguments.split(' ').collect::<Vec<_>>())
    };
    let names = |third: &str| {
        let names = ["bar", "dash", third].map(str::to_owned).into_iter();
        let names: Vec<String> = names.chain((3..10).map(|n| format!("never {n}"))).collect();
        names.join("\n")
    };
    place.write("set/classes.txt", names("circle").as_bytes());
    run().refused(&[
        "ten.safetensors: ",
        "class 2 of the model is `ring`",
        "set is `circle`",
    ]);
    place.write("set/classes.txt", names("ring").as_bytes());
    run().succeeds();
    let numbers: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    place.write("set/classes.txt", numbers.join("\n").as_bytes());
    run().succeeds();
}

#[test]
fn data_that_the_model_does_not_know_are_refused() {
    let place = Place::new();
    place.write_ten();
    place.write_set([28, 28]);
    let run = |model: &str, arguments: &[&str]| {
        place.run(&[&["evaluate", model, "--device", "cpu"], arguments].concat())
    };
    run("ten.safetensors", &["--data", "set"]).refused(&[
        "ten.safetensors: ",
        "20 x 16",
        "28 x 28",
        "set",
    ]);
    place.write_set(SIZE);
    run("model.safetensors", &["--data", "set"]).refused(&[
        "model.safetensors: ",
        "3 classes",
        "10",
    ]);
    run("ten.safetensors", &["--data", "nowhere"]).refused(&["nowhere", "no such folder"]);
    run("none", &["--data", "set"]).refused(&["none: ", "cannot be read"]);
    run("ten.safetensors", &["--data", "set", "--test-limit", "10"])
        .refused(&["--test-limit 10", "9"]);
    run("ten.safetensors", &["--data", "set", "--top", "0"]).refused(&["at least 1"]);
    let built_in = run(
        "ten.safetensors",
        &[
            "--dataset",
            "digits",
            "--test-limit",
            "5",
            "--train-limit",
            "5",
        ],
    );
    built_in.refused(&["20 x 16", "28 x 28", "built-in digits"]);
}

//! The program as its user meets it: what it prints, what it refuses and how it ends.
//!
//! No test needs a network, a GPU or MNIST: each writes the few images that it reads.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// Enough that their headers say nothing about their contents: no two dimensions are equal.
const N_TRAIN: u32 = 50;
const N_TEST: u32 = 20;
const N_ROWS: u32 = 5;
const N_COLUMNS: u32 = 4;

/// What a run of the program came to.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "");
        self
    }

    /// Ends with this code and a message that has all of `parts`.
    #[track_caller]
    fn fails(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no {part:?} in: {}",
                self.stderr
            );
        }
        self
    }
}

/// A folder of its own for each test: the program runs in it, `set` in it holds its images.
struct Place(TempDir);

impl Place {
    /// With a small set that is as it should be: the label can be seen in each image.
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("set")).unwrap();
        for (images, labels, n) in [
            (TRAIN_IMAGES, TRAIN_LABELS, N_TRAIN),
            (TEST_IMAGES, TEST_LABELS, N_TEST),
        ] {
            place.write(images, &images_file([n, N_ROWS, N_COLUMNS]));
            place.write(labels, &labels_file(&digits(n)));
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into the set.
    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("set").join(name), bytes).unwrap();
    }

    /// Puts a compressed file into the set in place of the plain one.
    fn write_gzip(&self, name: &str, bytes: &[u8]) {
        self.remove(name);
        self.write(&format!("{name}.gz"), bytes);
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path("set").join(name)).unwrap();
    }

    /// The program, with no MNIST anywhere and no network.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("MNIST_DIR")
            .env_remove("CUDA_DRIVER")
            .env("NO_PROXY", "*")
            .env("MNIST_MIRROR", "http://127.0.0.1:1")
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// `mnist` on the set, on the CPU and for three epochs if not told otherwise.
    fn mnist(&self, arguments: &[&str]) -> Run {
        let mut all = vec!["mnist", "--data", "set"];
        for (flag, value) in [("--device", "cpu"), ("--epochs", "3")] {
            if !arguments.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        all.extend(arguments);
        self.run(&all)
    }

    /// The lines of a file of metrics.
    fn metrics(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn digits(n: u32) -> Vec<u8> {
    (0..n).map(|index| (index % 10) as u8).collect()
}

fn idx(dimensions: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(
        dimensions
            .iter()
            .flat_map(|dimension| dimension.to_be_bytes()),
    );
    bytes.extend(data);
    bytes
}

/// Image `i` is dark but for pixel `i % 10`.
fn images_file(dimensions: [u32; 3]) -> Vec<u8> {
    let [n_images, n_rows, n_columns] = dimensions;
    let n_pixels = n_rows * n_columns;
    let pixels: Vec<u8> = (0..n_images)
        .flat_map(|image| (0..n_pixels).map(move |pixel| if pixel == image % 10 { 255 } else { 0 }))
        .collect();
    idx(&dimensions, &pixels)
}

fn labels_file(labels: &[u8]) -> Vec<u8> {
    idx(&[labels.len() as u32], labels)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn training_reports_and_writes_what_it_measured() {
    let place = Place::new();
    let run = place
        .mnist(&[
            "--epochs",
            "40",
            "--batch-size",
            "16",
            "--hidden",
            "12,8",
            "--seed",
            "7",
            "--metrics",
            "metrics.jsonl",
        ])
        .succeeds();
    // 20 · 12 + 12 + 12 · 8 + 8 + 8 · 10 + 10
    for part in [
        "50 training and 20 test images of 20 pixels",
        "their checksums are not those of MNIST",
        "446 parameters",
        "dense 20 -> 12, relu",
        "cpu: ",
        "40/40",
        "test accuracy 100.00 % after 40 epochs",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in: {}", run.stdout);
    }
    let matrix: Vec<Vec<u32>> = run.stdout.lines().rev().take(10).map(numbers).collect();
    for (row, label) in matrix.iter().zip((0..10).rev()) {
        let mut expected = vec![0; 11];
        expected[0] = label;
        expected[1 + label as usize] = 2;
        assert_eq!(row, &expected);
    }

    let lines = place.metrics("metrics.jsonl");
    assert_eq!(lines.len(), 41);
    let mut train_seconds = 0.0;
    for (line, epoch) in lines[..40].iter().zip(1..) {
        assert_eq!(line["epoch"], epoch);
        for name in ["train_loss", "test_loss", "test_accuracy", "seconds"] {
            let value = line[name].as_f64().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{name} {value}");
        }
        train_seconds += line["seconds"].as_f64().unwrap();
    }
    assert!(lines[39]["train_loss"].as_f64() < lines[0]["train_loss"].as_f64());
    let last = &lines[40];
    for (name, expected) in [
        ("done", Value::from(true)),
        ("command", "mnist".into()),
        ("dataset", "mnist".into()),
        ("device", "cpu".into()),
        ("model", "mlp".into()),
        ("parameters", 446.into()),
        ("epochs", 40.into()),
        ("test_accuracy", 1.0.into()),
        ("seed", 7.into()),
        ("hidden", vec![12, 8].into()),
    ] {
        assert_eq!(last[name], expected, "{name}");
    }
    let measured = last["train_seconds"].as_f64().unwrap();
    assert!((measured - train_seconds).abs() <= 1e-9 * train_seconds);
    assert!(last["total_seconds"].as_f64().unwrap() >= measured);
    assert!(!place.path("metrics.jsonl.part").exists());
}

fn numbers(line: &str) -> Vec<u32> {
    line.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_metrics() {
    let place = Place::new();
    let metrics = |seed: &str, name: &str| {
        place
            .mnist(&[
                "--momentum",
                "0.9",
                "--learning-rate",
                "0.05",
                "--seed",
                seed,
                "--metrics",
                name,
            ])
            .succeeds();
        let mut lines = place.metrics(name);
        for line in &mut lines {
            for time in ["seconds", "train_seconds", "total_seconds"] {
                line.as_object_mut().unwrap().remove(time);
            }
        }
        lines
    };
    let first = metrics("3", "first");
    assert_eq!(first, metrics("3", "second"));
    assert_ne!(first[0], metrics("4", "third")[0]);
}

#[test]
fn compressed_files_are_read_too() {
    let place = Place::new();
    let plain = place.mnist(&["--metrics", "plain"]).succeeds();
    assert!(plain.stdout.contains("3/3"));
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        let bytes = fs::read(place.path("set").join(name)).unwrap();
        place.write_gzip(name, &gzip(&bytes));
    }
    place.mnist(&["--metrics", "compressed"]).succeeds();
    let loss = |name| place.metrics(name)[2]["test_loss"].clone();
    assert_eq!(loss("plain"), loss("compressed"));
}

#[test]
fn the_folder_can_come_from_the_environment() {
    let place = Place::new();
    let arguments = [
        "mnist",
        "--dataset",
        "mnist",
        "--device",
        "cpu",
        "--epochs",
        "1",
    ];
    let output = place
        .command(&arguments)
        .env("MNIST_DIR", "set")
        .output()
        .unwrap();
    assert!(Run::of(output).succeeds().stdout.contains("from set"));
}

#[test]
fn without_mnist_the_built_in_digits_are_used_and_said_so() {
    let place = Place::new();
    let common = ["mnist", "--device", "cpu", "--epochs", "1"];
    let limits = [
        "--train-limit",
        "300",
        "--test-limit",
        "100",
        "--metrics",
        "m",
    ];
    let run = place.run(&[&common[..], &limits].concat()).succeeds();
    let first: Vec<&str> = run.stdout.lines().take(2).collect();
    assert!(first[0].contains("could not be downloaded"), "{}", first[0]);
    assert!(first[0].contains("built-in digits"), "{}", first[0]);
    assert!(
        first[1].contains("300 training and 100 test images of 784"),
        "{}",
        first[1]
    );
    assert_eq!(place.metrics("m")[1]["dataset"], "digits");
    assert!(!place.path("cache").exists());

    place
        .run(&[&common[..], &["--dataset", "mnist"]].concat())
        .fails(
            1,
            &[
                "$MNIST_DIR: not set",
                "data/mnist: there is no",
                "cache",
                "http://127.0.0.1:1/train-im",
            ],
        );
}

#[test]
fn missing_files_are_named() {
    let place = Place::new();
    place
        .run(&["mnist", "--data", "nowhere"])
        .fails(2, &["nowhere: there is no such folder"]);
    let file = format!("set/{TRAIN_IMAGES}");
    place
        .run(&["mnist", "--data", &file])
        .fails(2, &[&file, "this is a file, expected a folder"]);
    place.remove(TEST_LABELS);
    place.mnist(&[]).fails(2, &["set: ", TEST_LABELS]);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    let place = Place::new();
    place.remove(TRAIN_IMAGES);
    fs::create_dir(place.path("set").join(TRAIN_IMAGES)).unwrap();
    place
        .mnist(&[])
        .fails(2, &[TRAIN_IMAGES, "this is a folder, expected a file"]);
}

#[test]
fn truncated_gzip_is_refused() {
    let bytes = gzip(&images_file([N_TRAIN, N_ROWS, N_COLUMNS]));
    for length in [2, 12, bytes.len() / 2, bytes.len() - 1] {
        let place = Place::new();
        place.write_gzip(TRAIN_IMAGES, &bytes[..length]);
        let name = format!("{TRAIN_IMAGES}.gz: ");
        place
            .mnist(&[])
            .fails(2, &[&name, "the gzip data break off", "truncated"]);
    }
}

#[test]
fn damaged_gzip_is_refused() {
    let mut bytes = gzip(&labels_file(&digits(N_TEST)));
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let place = Place::new();
    place.write_gzip(TEST_LABELS, &bytes);
    place
        .mnist(&[])
        .fails(2, &[TEST_LABELS, "the gzip data are damaged"]);
}

#[test]
fn bytes_after_the_end_are_refused() {
    let plain = [labels_file(&digits(N_TRAIN)), b"!".to_vec()].concat();
    let place = Place::new();
    place.write(TRAIN_LABELS, &plain);
    place
        .mnist(&[])
        .fails(2, &[TRAIN_LABELS, "offset 58", "50 bytes of data"]);

    place.write_gzip(
        TRAIN_LABELS,
        &[gzip(&labels_file(&digits(N_TRAIN))), b"!".to_vec()].concat(),
    );
    place
        .mnist(&[])
        .fails(2, &[TRAIN_LABELS, "after the end of the gzip data"]);
}

#[test]
fn a_wrong_magic_number_is_refused() {
    let place = Place::new();
    let mut bytes = images_file([N_TEST, N_ROWS, N_COLUMNS]);
    bytes[2] = 0x0d;
    place.write(TEST_IMAGES, &bytes);
    place
        .mnist(&[])
        .fails(2, &[TEST_IMAGES, "offset 0", "0x00000d03", "0x00000803"]);

    place.write(TEST_IMAGES, &labels_file(&digits(N_TEST)));
    place.mnist(&[]).fails(
        2,
        &[TEST_IMAGES, "these are labels, where images are expected"],
    );
}

#[test]
fn a_header_that_promises_too_much_is_refused() {
    let place = Place::new();
    let mut bytes = images_file([N_TRAIN, N_ROWS, N_COLUMNS]);
    bytes[4..8].copy_from_slice(&51u32.to_be_bytes());
    place.write(TRAIN_IMAGES, &bytes);
    place.mnist(&[]).fails(
        2,
        &[TRAIN_IMAGES, "51 x 5 x 4 = 1020", "the file holds 1000"],
    );

    bytes[4..16].fill(0xff);
    place.write(TRAIN_IMAGES, &bytes);
    place
        .mnist(&[])
        .fails(2, &[TRAIN_IMAGES, "4294967295 x 4294967295 x 4294967295"]);
}

#[test]
fn counts_that_differ_are_refused() {
    let place = Place::new();
    place.write(TRAIN_LABELS, &labels_file(&digits(N_TRAIN - 1)));
    place
        .mnist(&[])
        .fails(2, &[TRAIN_IMAGES, "50 images", TRAIN_LABELS, "49 labels"]);
}

#[test]
fn a_label_of_ten_is_refused() {
    let place = Place::new();
    let mut labels = digits(N_TEST);
    labels[13] = 10;
    place.write(TEST_LABELS, &labels_file(&labels));
    place
        .mnist(&[])
        .fails(2, &[TEST_LABELS, "offset 21", "image 13 is 10", "0 to 9"]);
}

#[test]
fn zero_images_are_refused() {
    let place = Place::new();
    place.write(TRAIN_IMAGES, &images_file([0, N_ROWS, N_COLUMNS]));
    place.write(TRAIN_LABELS, &labels_file(&[]));
    place.mnist(&[]).fails(2, &[TRAIN_IMAGES, "zero images"]);
}

#[test]
fn an_empty_file_is_refused() {
    let place = Place::new();
    place.write(TRAIN_IMAGES, &[]);
    place
        .mnist(&[])
        .fails(2, &[TRAIN_IMAGES, "the file ends at offset 0"]);
}

#[test]
fn images_of_two_sizes_are_refused() {
    let place = Place::new();
    place.write(TEST_IMAGES, &images_file([N_TEST, N_COLUMNS, N_ROWS]));
    place.mnist(&[]).fails(2, &["5 x 4 pixels", "of 4 x 5"]);
}

#[test]
fn bad_values_are_refused_before_anything_is_done() {
    let place = Place::new();
    for (flag, value, expected) in [
        ("--batch-size", "0", "at least 1"),
        ("--batch-size", "-1", "unexpected argument"),
        ("--batch-size", "many", "at least 1"),
        ("--hidden", "0", "from 1 to 16384"),
        ("--hidden", "64,0,10", "from 1 to 16384"),
        ("--hidden", "", "from 1 to 16384"),
        ("--hidden", "99999999999999999999", "from 1 to 16384"),
        ("--epochs", "0", "at least 1"),
        ("--learning-rate", "nan", "a positive number"),
        ("--learning-rate", "inf", "a positive number"),
        ("--learning-rate", "0", "a positive number"),
        ("--momentum", "1", "from 0 to below 1"),
        ("--momentum", "nan", "from 0 to below 1"),
        ("--weight-decay", "inf", "0 or a positive number"),
        ("--train-limit", "0", "at least 1"),
        ("--test-limit", "0", "at least 1"),
        ("--threads", "0", "from 1 to"),
        ("--seed", "-1", "unexpected argument"),
        ("--activation", "step", "relu, leaky-relu, sigmoid, tanh"),
        ("--device", "tpu", "auto, cpu, cuda"),
    ] {
        let run = place.mnist(&[flag, value]).fails(2, &[expected]);
        assert_eq!(run.stdout, "", "{flag} {value}");
    }
    for (argument, expected) in [
        ("--learning-rate=-0.1", "a positive number"),
        ("--momentum=-0.5", "from 0 to below 1"),
        ("--weight-decay=-1e-4", "0 or a positive number"),
        ("--batch-size=-1", "at least 1"),
    ] {
        place.mnist(&[argument]).fails(2, &[expected]);
    }
    place
        .run(&["mnist", "--data", "set", "--dataset", "digits"])
        .fails(2, &["--data set", "--dataset digits"]);
}

/// What a model, an optimizer or a schedule has no use for is refused; the message names the option, and
/// what it goes with.
#[test]
fn options_that_do_not_go_together_are_refused() {
    let place = Place::new();
    for (options, expected) in [
        (
            "--model lenet --hidden 64",
            &["--hidden", "--model mlp", "not with --model lenet"][..],
        ),
        (
            "--model cnn --activation tanh",
            &["--activation", "--model mlp", "not with --model cnn"],
        ),
        (
            "--model linear --dropout 0.1",
            &["--dropout", "--model mlp or cnn", "not with --model linear"],
        ),
        (
            "--optimizer adam --momentum 0.9",
            &["--momentum", "sgd or rmsprop", "not with --optimizer adam"],
        ),
        // The one that suits the model.
        (
            "--model lenet --momentum 0.9",
            &["--momentum", "sgd or rmsprop", "not with --optimizer adam"],
        ),
        (
            "--optimizer rmsprop --momentum 0.9 --nesterov",
            &["--nesterov", "sgd", "not with --optimizer rmsprop"],
        ),
        ("--nesterov", &["--nesterov", "--momentum", "such as 0.9"]),
        (
            "--nesterov --momentum 0",
            &["--nesterov", "--momentum", "such as 0.9"],
        ),
        (
            "--beta1 0.9",
            &["--beta1", "adam or adamw", "not with --optimizer sgd"],
        ),
        (
            "--optimizer adagrad --beta2 0.9",
            &["--beta2", "adam or adamw", "not with --optimizer adagrad"],
        ),
        (
            "--optimizer adam --alpha 0.9",
            &["--alpha", "rmsprop", "not with --optimizer adam"],
        ),
        (
            "--epsilon 1e-8",
            &["--epsilon", "adagrad", "not with --optimizer sgd"],
        ),
        (
            "--schedule-every 2",
            &["--schedule-every", "step", "not with --schedule cosine"],
        ),
        (
            "--schedule one-cycle --schedule-factor 0.5",
            &["--schedule-factor", "step or exponential", "one-cycle"],
        ),
        (
            "--clip-norm 1 --clip-value 1",
            &["--clip-norm", "cannot be used with", "--clip-value"],
        ),
        (
            "--augment rotate=200",
            &["--augment", "rotate is 200", "from 0 to 180"],
        ),
        ("--augment turn=2", &["--augment", "turn"]),
        (
            "--resume model --hidden 64",
            &["--resume", "cannot be used with", "--hidden"],
        ),
        (
            "--model lenet",
            &["--model lenet", "5 x 4 pixels", "window"],
        ),
    ] {
        let options: Vec<&str> = options.split(' ').collect();
        let run = place.mnist(&options).fails(2, expected);
        assert_eq!(run.stdout, "", "{options:?}");
    }
}

#[test]
fn limits_keep_part_of_a_set_and_no_more_than_there_is() {
    let place = Place::new();
    let run = place
        .mnist(&["--train-limit", "30", "--test-limit", "20"])
        .succeeds();
    assert!(
        run.stdout.contains("30 training and 20 test images"),
        "{}",
        run.stdout
    );
    place
        .mnist(&["--train-limit", "51"])
        .fails(2, &["--train-limit 51", "1 to 50"]);
    place
        .mnist(&["--test-limit", "21"])
        .fails(2, &["--test-limit 21", "1 to 20"]);
    place
        .run(&["mnist", "--dataset", "digits", "--train-limit", "60001"])
        .fails(2, &["--train-limit 60001", "1 to 60000"]);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    let place = Place::new();
    place
        .mnist(&[
            "--learning-rate",
            "1e30",
            "--batch-size",
            "10",
            "--metrics",
            "metrics",
        ])
        .fails(
            1,
            &[
                "the loss became",
                "at step 2 of 5 in epoch 1",
                "try a smaller learning rate",
            ],
        );
    assert!(!place.path("metrics").exists() && !place.path("metrics.part").exists());
}

/// The weights are multiplied by about -1000 at each step, of which an epoch has one.
#[test]
fn a_run_that_fails_keeps_its_metrics_and_those_of_the_run_before() {
    let place = Place::new();
    fs::write(place.path("metrics"), "{\"older\":true}\n").unwrap();
    place
        .mnist(&[
            "--epochs",
            "50",
            "--batch-size",
            "50",
            "--learning-rate",
            "1",
            "--weight-decay",
            "1000",
            "--metrics",
            "metrics",
        ])
        .fails(1, &["the loss", "epoch", "metrics.part"]);
    assert_eq!(place.metrics("metrics")[0]["older"], true);
    assert_eq!(place.metrics("metrics.part")[0]["epoch"], 1);
}

#[test]
fn metrics_that_cannot_be_written_are_refused_before_the_training() {
    let place = Place::new();
    for (path, expected) in [
        ("nowhere/metrics", "there is no folder"),
        ("set", "this is a folder"),
        ("..", "this is a folder"),
    ] {
        let run = place
            .mnist(&["--metrics", path])
            .fails(2, &["--metrics", path, expected]);
        assert_eq!(run.stdout, "");
    }
    // A set that cannot be read leaves no empty file of metrics behind either.
    place.remove(TEST_LABELS);
    place
        .mnist(&["--metrics", "metrics"])
        .fails(2, &[TEST_LABELS]);
    assert!(!place.path("metrics").exists() && !place.path("metrics.part").exists());
}

#[test]
#[cfg(unix)]
fn metrics_follow_a_link_and_leave_devices_what_they_are() {
    use std::os::unix::fs::{FileTypeExt, symlink};

    let place = Place::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    fs::write(place.path("elsewhere/target"), "").unwrap();
    symlink("elsewhere/target", place.path("link")).unwrap();
    place.mnist(&["--metrics", "link"]).succeeds();
    assert!(
        fs::symlink_metadata(place.path("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(place.metrics("elsewhere/target").len(), 4);

    place.mnist(&["--metrics", "/dev/null"]).succeeds();
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    assert!(!Path::new("/dev/null.part").exists());
}

/// As under `| head`.
#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let place = Place::new();
    let arguments = [
        "mnist", "--data", "set", "--device", "cpu", "--epochs", "100000",
    ];
    let mut child = place
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
}

#[test]
fn devices_are_listed() {
    let run = Place::new().run(&["devices"]).succeeds();
    for part in [
        "cpu ",
        "threads",
        "instructions",
        "cuda",
        "driver",
        "--device auto takes",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in: {}", run.stdout);
    }
}

#[test]
fn a_device_that_is_not_there_is_said_to_be_missing() {
    let place = Place::new();
    let output = place
        .command(&["mnist", "--data", "set", "--device", "cuda"])
        .env("CUDA_DRIVER_LIBRARY", "no-such-driver.so")
        .output()
        .unwrap();
    Run::of(output).fails(1, &["cuda", "no-such-driver.so"]);
}

/// The same kernels as on a GPU, with all checks on, learn what the CPU learns.
#[test]
fn the_simulator_trains_as_the_cpu_does() {
    let place = Place::new();
    let train = |device: &str| {
        place
            .run(&[
                "mnist",
                "--dataset",
                "digits",
                "--device",
                device,
                "--train-limit",
                "2000",
                "--test-limit",
                "500",
                "--epochs",
                "1",
                "--metrics",
                device,
            ])
            .succeeds();
        place.metrics(device)
    };
    let (on_cpu, on_sim) = (train("cpu"), train("sim"));
    assert_eq!(on_sim.last().unwrap()["device"], "sim");
    for name in ["train_loss", "test_loss"] {
        let [cpu, sim] = [&on_cpu, &on_sim].map(|metrics| metrics[0][name].as_f64().unwrap());
        // A sum of 784 products differs by up to 784 roundings of 2^-24 with the order of its terms,
        // a relative 5e-5; the steps that build on it hardly add to that.
        let limit = 5e-5 * cpu;
        assert!((sim - cpu).abs() <= limit, "{name}: {sim} against {cpu}");
    }
    // One image in 500 may fall on the other side.
    let [cpu, sim] =
        [&on_cpu, &on_sim].map(|metrics| metrics[0]["test_accuracy"].as_f64().unwrap());
    assert!((sim - cpu).abs() <= 0.0021, "{sim} against {cpu}");
}

#[test]
fn what_the_simulator_is_told_is_checked() {
    let place = Place::new();
    for (name, value, part) in [
        ("CUDA_SIM_DEVICE", "voodoo2", "h100"),
        ("CUDA_SIM_CHECKS", "everything", "bounds"),
        ("CUDA_SIM_SEED", "x", "whole number"),
    ] {
        let output = place
            .command(&["mnist", "--data", "set", "--device", "sim"])
            .env(name, value)
            .output()
            .unwrap();
        Run::of(output).fails(2, &[name, value, part]);
    }
}

#[test]
fn epochs_are_timed() {
    let place = Place::new();
    let common = [
        "bench",
        "mnist",
        "--data",
        "set",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--batch-size",
        "5",
    ];
    let run = place
        .run(&[&common[..], &["--epochs", "4"]].concat())
        .succeeds();
    let epochs = run.stdout.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() == 3 && fields.iter().all(|field| field.parse::<f64>().is_ok())
    });
    assert_eq!(epochs.count(), 4, "{}", run.stdout);
    for part in ["1 thread", "median", "images/s", "spread"] {
        assert!(run.stdout.contains(part), "no {part:?} in: {}", run.stdout);
    }
    place
        .run(&[&common[..], &["--epochs", "0"]].concat())
        .fails(2, &["at least 1"]);
}

#[test]
fn a_report_has_all_pictures_and_needs_nothing_but_itself() {
    let place = Place::new();
    let run = place
        .mnist(&["--out", "new/folder", "--learning-rate", "0.01"])
        .succeeds();
    assert!(run.stdout.contains("report in new/folder/report.html"));
    let mut names: Vec<String> = fs::read_dir(place.path("new/folder"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "accuracy.svg",
        "confusion.svg",
        "loss.svg",
        "mistakes.svg",
        "report.html",
        "weights.png",
    ];
    assert_eq!(names, expected);

    let read = |name: &str| fs::read_to_string(place.path("new/folder").join(name)).unwrap();
    let page = read("report.html");
    // Only the namespace of SVG is named.
    let text = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for part in [
        "http:",
        "https:",
        "url(",
        "@import",
        "<script",
        "<link rel=\"stylesheet",
    ] {
        assert!(!text.contains(part), "{part:?} in the report");
    }
    for part in [
        "<h2>Loss</h2>",
        "<h2>Confusion matrix</h2>",
        "learning rate</th><td>0.01</td>",
        "50 training and 20 test images of 20 pixels",
        "The mean loss after epoch 3",
    ] {
        assert!(page.contains(part), "no {part:?} in the report");
    }
    // A point of each curve for each epoch, and a cell for each label and prediction.
    let loss = read("loss.svg");
    assert_eq!(loss.matches("<circle").count(), 2 * 3);
    let n_counts = run
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("confusion matrix"))
        .skip(2)
        .take(10)
        .flat_map(|line| numbers(line).into_iter().skip(1))
        .filter(|&count| count > 0)
        .count();
    let confusion = read("confusion.svg");
    // Names of classes at both sides, and what the sides are.
    assert_eq!(confusion.matches("<text").count(), n_counts + 20 + 2);
    // Images are 5 x 4 pixels, and so are the weights of the 128 units.
    assert!(page.contains("128 images of 5 x 4 weights, one per unit"));
    let mistakes = read("mistakes.svg");
    assert!(mistakes.contains("<image ") && mistakes.contains("taken for"));
}

#[test]
fn a_folder_for_pictures_that_cannot_be_written_is_refused_before_training() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    for out in ["file", "file/below", "/proc/none"] {
        let run = place
            .mnist(&["--out", out])
            .fails(2, &["--out", out, "cannot be written"]);
        assert!(!run.stdout.contains("epoch"), "{}", run.stdout);
    }
}

#[test]
fn an_evaluation_has_a_report_too() {
    let place = Place::new();
    place.mnist(&["--save", "model"]).succeeds();
    let common = ["evaluate", "model", "--data", "set", "--device", "cpu"];
    let run = place.run(&[&common[..], &["--json", "--out", "report"]].concat());
    let numbers: Value = serde_json::from_str(&run.succeeds().stdout).unwrap();
    assert_eq!(numbers["images"], 20);
    let page = fs::read_to_string(place.path("report/report.html")).unwrap();
    for part in [
        "<h1>evaluate</h1>",
        "<h2>Loss</h2>",
        "<h2>Worst mistakes</h2>",
        "3: 2 images, precision",
        "split</th><td>test</td>",
    ] {
        assert!(page.contains(part), "no {part:?} in the report");
    }
    place
        .run(&[&common[..], &["--out", "model"]].concat())
        .fails(2, &["--out model", "cannot be written"]);
}

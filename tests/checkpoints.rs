//! Checkpoints: training goes on from one bit for bit, whatever ended it, and what is wrong with a file
//! is said.

use std::fs;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cpu::Error;
use cpu::backend::{Activation, HostBackend, Memory};
use cpu::checkpoint::{Checkpoint, Data, Description, Device, Training};
use cpu::data::{Dataset, digits};
use cpu::nn::{
    Adagrad, Adam, Clipping, Initializer, Optimizer, Rmsprop, Schedule, Sequential, Sgd, models,
    random_generator,
};
use cpu::train::{Progress, Recipe, Trainer};
use tempfile::TempDir;

// --- Bits ----------------------------------------------------------------------------------------

fn images() -> Dataset {
    digits::generate(1, 0..300)
}

fn description(recipe: &Recipe, data: &Dataset, progress: Progress) -> Description {
    Description {
        name: "mlp".to_owned(),
        architecture: models::mlp(
            &[1, 28, 28],
            &[20],
            10,
            Activation::Tanh,
            Initializer::XavierNormal,
        ),
        classes: (0..10).map(|class| class.to_string()).collect(),
        training: Some(Training {
            recipe: recipe.clone(),
            n_epochs: 3,
            progress,
            history: Vec::new(),
            data: Data::of("digits", data),
            device: Device {
                name: "cpu".to_owned(),
                threads: Some(2),
            },
            settings: serde_json::Map::new(),
        }),
    }
}

/// A checkpoint of a model that has just been built.
fn untrained(backend: &HostBackend) -> Checkpoint {
    let recipe = Recipe::new(Sgd::new(0.1).unwrap(), 32, 1);
    let description = description(&recipe, &images(), Progress::default());
    let model = description
        .architecture
        .build(backend, 32, &mut random_generator(1))
        .unwrap();
    Checkpoint::of(backend, &model, description).unwrap()
}

fn bits(backend: &HostBackend, model: &Sequential<HostBackend>) -> Vec<u32> {
    let values = model
        .parameters()
        .flat_map(|parameter| backend.download_floats(&parameter.value).unwrap());
    values.map(f32::to_bits).collect()
}

/// Trains three epochs; after each of `stops`, a count of steps, everything goes through the bytes of a
/// file, to a new model and a new trainer. Gives the bits of the parameters and of the losses.
fn train(recipe: &Recipe, stops: &[usize]) -> (Vec<u32>, Vec<u64>) {
    let backend = HostBackend::new(NonZero::new(2)).unwrap();
    let data = images();
    let new_trainer = || Trainer::new(&backend, recipe.clone(), &data).unwrap();
    let mut trainer = new_trainer();
    let mut model = description(recipe, &data, Progress::default())
        .architecture
        .build(&backend, recipe.batch_size, &mut random_generator(1))
        .unwrap();
    let (mut n_steps, mut losses) = (0, Vec::new());
    while losses.len() < 3 {
        let summary = trainer
            .epoch_until(&backend, &mut model, |_| {
                n_steps += 1;
                match stops.contains(&n_steps) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
            .unwrap();
        losses.extend(summary.map(|summary| summary.mean_loss.to_bits()));
        if stops.contains(&n_steps) {
            let description = description(recipe, &data, trainer.progress());
            let mut checkpoint = Checkpoint::of(&backend, &model, description).unwrap();
            checkpoint.add_training(&backend, &model, &trainer).unwrap();
            let read = Checkpoint::parse(&checkpoint.to_bytes()).unwrap();
            assert!(read == checkpoint);
            model = read.build(&backend, recipe.batch_size).unwrap();
            trainer = new_trainer();
            read.restore_training(&backend, &mut model, &mut trainer)
                .unwrap();
        }
    }
    (bits(&backend, &model), losses)
}

#[test]
fn training_goes_on_bit_for_bit() {
    let sgd = Sgd::new(0.05).unwrap();
    let adam = Adam::decoupled(0.003).unwrap();
    let rmsprop = Rmsprop::new(0.001).unwrap().momentum(0.5).unwrap();
    // Ten steps an epoch, the last of 12 images.
    let plain = |optimizer| Recipe::new(optimizer, 32, 7);
    for recipe in [
        plain(Optimizer::from(sgd)),
        plain(
            sgd.momentum(0.9)
                .unwrap()
                .weight_decay(1e-3)
                .unwrap()
                .into(),
        ),
        Recipe {
            schedule: Schedule::one_cycle().warm_up(2),
            n_epochs: 3,
            clipping: Some(Clipping::norm(0.5).unwrap()),
            label_smoothing: 0.1,
            ..plain(adam.into())
        },
        Recipe {
            // A factor of seventeen digits.
            schedule: Schedule::exponential(0.9_f64.powf(0.1)).unwrap(),
            clipping: Some(Clipping::value(0.01).unwrap()),
            ..plain(rmsprop.centered().into())
        },
        plain(Adagrad::new(0.02).unwrap().into()),
    ] {
        let whole = train(&recipe, &[]);
        for stops in [&[1][..], &[10], &[13, 14, 27], &[29]] {
            assert!(train(&recipe, stops) == whole, "{recipe:?}, {stops:?}");
        }
        let other_seed = Recipe {
            seed: 8,
            ..recipe.clone()
        };
        assert!(train(&other_seed, &[]) != whole);
    }
}

#[test]
fn what_a_file_lacks_is_named() {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let good = untrained(&backend);
    let changed = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = good.clone();
        change(&mut checkpoint);
        let error = Checkpoint::parse(&checkpoint.to_bytes())
            .and_then(|checkpoint| checkpoint.build(&backend, 32).map(drop))
            .expect_err("it is refused");
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let missing = changed(&|checkpoint| drop(checkpoint.tensors.remove("1.bias")));
    assert_eq!(
        missing,
        "there is no tensor `1.bias`, which the model needs as [20]"
    );
    let shape = changed(&|checkpoint| {
        checkpoint.tensors.get_mut("3.weight").unwrap().shape = vec![20, 10];
    });
    assert_eq!(
        shape,
        "the tensor `3.weight` is [20, 10], the model needs [10, 20]"
    );
    let classes = changed(&|checkpoint| checkpoint.description.classes.truncate(3));
    assert_eq!(
        classes,
        "the model gives [10] and has the names of 3 classes"
    );
    let batches = changed(&|checkpoint| {
        let training = checkpoint.description.training.as_mut().unwrap();
        training.recipe.batch_size = 0;
    });
    assert_eq!(batches, "the batch size is 0, it must be at least 1");

    let refused = |bytes: &[u8]| Checkpoint::parse(bytes).unwrap_err().to_string();
    let mut bytes = good.to_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let damaged = refused(&bytes);
    // Tensors lie in the order of their names.
    assert!(
        damaged.starts_with("the tensor `3.weight` is damaged: its checksum is"),
        "{damaged}"
    );
    assert!(refused(&bytes[..last]).contains("damaged"));
    assert!(refused(b"").contains("no safetensors file"));
    let foreign = safetensors::serialize(
        Vec::<(&str, safetensors::tensor::TensorView<'_>)>::new(),
        None,
    );
    assert!(refused(&foreign.unwrap()).contains("of another program"));
}

#[test]
fn a_damaged_description_is_an_error() {
    let backend = HostBackend::new(NonZero::new(1)).unwrap();
    let bytes = untrained(&backend).to_bytes();
    let n_header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut random = fastrand::Rng::with_seed(1);
    let mut n_refused = 0;
    for _ in 0..3000 {
        let mut mutated = bytes.clone();
        for _ in 0..random.usize(1..4) {
            let place = random.usize(0..8 + n_header + 40);
            mutated[place] = match random.bool() {
                true => random.u8(..),
                // What numbers and names are made of.
                false => *random.choice(b"0123456789.,-e\"[]{}:n").unwrap(),
            };
        }
        // Neither a panic nor more memory than the file has reason to ask for.
        match Checkpoint::parse(&mutated) {
            Ok(checkpoint) => drop(checkpoint.build(&backend, 4)),
            Err(error) => {
                assert!(matches!(error, Error::Input(_)), "{error}");
                n_refused += 1;
            }
        }
    }
    assert!(n_refused > 1000, "{n_refused} of 3000 are refused");
}

// --- The program ---------------------------------------------------------------------------------

fn program(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
    command
        .arg("mnist")
        .args(["--dataset", "digits", "--device", "cpu", "--threads", "1"])
        .args(["--test-limit", "200"])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits until `is_so`, at most a minute.
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited for {what}"
        );
        sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(status.success());
}

/// Without the seconds, which differ.
fn without_times(mut checkpoint: Checkpoint) -> Checkpoint {
    let training = checkpoint.description.training.as_mut().unwrap();
    training.history.iter_mut().for_each(|epoch| {
        assert!(epoch.seconds > 0.0);
        epoch.seconds = 0.0;
    });
    checkpoint
}

fn read(path: &Path) -> Checkpoint {
    without_times(Checkpoint::read(path).unwrap())
}

#[test]
fn a_run_that_is_stopped_goes_on_as_if_nothing_had_been() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let settings = [
        "--epochs",
        "3",
        "--train-limit",
        "6000",
        "--momentum",
        "0.5",
    ];
    let settings = [
        &settings[..],
        &["--learning-rate", "0.05", "--batch-size", "8"],
    ]
    .concat();
    let whole = ["--save", "whole.st", "--keep", "2"];
    let output = program(&folder, &[&settings[..], &whole].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let expected = read(&path("whole.st"));
    assert!(read(&path("whole.epoch-3.st")) == expected);
    assert!(path("whole.epoch-2.st").exists() && !path("whole.epoch-1.st").exists());
    let training = expected.training().unwrap();
    let best = training.history.iter().map(|epoch| epoch.test_accuracy);
    let best = best.fold(0.0, f64::max);
    let of_best = read(&path("whole.best.st"));
    let of_best = of_best.training().unwrap().history.last().unwrap().clone();
    assert_eq!(of_best.test_accuracy, best);

    // Ctrl-C in the second epoch.
    let begun = ["--save", "stopped.st", "--metrics", "m.jsonl"];
    let child = program(&folder, &[&settings[..], &begun].concat())
        .spawn()
        .unwrap();
    wait("the first epoch", || path("stopped.st").exists());
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("and saved; to go on:"), "{stderr}");
    let stopped = Checkpoint::read(&path("stopped.st")).unwrap();
    let n_epochs = stopped.training().unwrap().progress.n_epochs;
    assert!((1..3).contains(&n_epochs), "{stderr}");

    // The command that it printed, in a shell.
    let command = stderr.trim_end().rsplit_once('\n').unwrap().1.trim();
    let arguments = command.strip_prefix("cpu ").unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("exec {} {arguments}", env!("CARGO_BIN_EXE_cpu")),
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(read(&path("stopped.st")) == expected);
    let metrics = fs::read_to_string(path("m.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 4, "{metrics}");

    // All is done, and only more epochs go on.
    let output = program(&folder, &["--resume", "whole.st"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("all of its 3 epochs are done"), "{stderr}");
    // Other images than it was trained on.
    let other = ["--resume", "whole.st", "--train-limit", "5000"];
    let output = program(&folder, &other).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("was trained on digits"), "{stderr}");
    let other = ["--resume", "whole.st", "--learning-rate", "0.1"];
    let output = program(&folder, &other).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_program_that_is_killed_leaves_a_whole_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.st");
    let settings = [
        "--epochs",
        "1000",
        "--train-limit",
        "200",
        "--hidden",
        "700",
    ];
    let saving = ["--save", "model.st", "--keep", "3"];
    let mut n_epochs = 0;
    for round in 0..6 {
        let arguments = match round {
            0 => [&settings[..], &saving].concat(),
            _ => vec!["--resume", "model.st", "--keep", "3"],
        };
        let mut child = program(&folder, &arguments).spawn().unwrap();
        // A file of 4 MB after every epoch of 4 steps: most of the time it is being written.
        wait("a checkpoint", || {
            path.exists()
                && Checkpoint::read(&path)
                    .unwrap()
                    .training()
                    .unwrap()
                    .progress
                    .n_epochs
                    > n_epochs
        });
        sleep(Duration::from_millis(7 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let checkpoint = Checkpoint::read(&path).unwrap();
        n_epochs = checkpoint.training().unwrap().progress.n_epochs;
        assert!(n_epochs > 0);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "st") {
                Checkpoint::read(&path).unwrap();
            }
        }
    }
}

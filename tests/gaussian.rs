//! Learning the density of a normal distribution: the distribution, the goal, the fast path against the
//! library, and the subcommand.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cpu::backend::{
    Activation, DrawPoints, GaussianOperations, HostBackend, Memory, SmallNetwork, SmallOptimizer,
    TrainNetwork,
};
use cpu::gaussian::{Normal, Recipe, Trainer, grid};
use cpu::nn::{
    Adam, ElementwiseLoss, LossPass, Mode, Optimizer, Schedule, Sgd, Step, Update, random_generator,
};
use serde_json::Value;
use tempfile::TempDir;

fn one_thread() -> HostBackend {
    HostBackend::new(NonZero::new(1)).unwrap()
}

/// The subcommand's defaults, but for the number of steps.
fn defaults(n_steps: u64, seed: u64) -> Recipe {
    Recipe {
        normal: Normal::standard(),
        hidden: vec![8, 8],
        activation: Activation::Relu,
        optimizer: Sgd::new(0.2).unwrap().into(),
        schedule: Schedule::cosine(0.0).unwrap().warm_up(n_steps / 10),
        batch_size: 16,
        n_steps,
        seed,
    }
}

/// By the formula with the inverse and the determinant of the covariance, and by its integral over a
/// square in which all of it lies: the rule of rectangles is exact to rounding for what is smooth and 0
/// at all edges.
#[test]
fn the_density_is_that_of_its_formula_and_has_the_integral_1() {
    for (mean, [xx, xy, yy]) in [
        ([0.0, 0.0], [1.0, 0.0, 1.0]),
        ([0.5, -1.0], [0.5, 0.3, 0.8]),
        ([-0.25, 0.75], [1.5, -1.1, 1.0]),
    ] {
        let normal = Normal::new(mean, [xx, xy, yy]).unwrap();
        let determinant = xx * yy - xy * xy;
        let (mut integral, step) = (0.0, 0.05);
        for i in -240..=240 {
            for j in -240..=240 {
                let point = [step * f64::from(i), step * f64::from(j)];
                let [dx, dy] = [point[0] - mean[0], point[1] - mean[1]];
                let square = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / determinant;
                let expected =
                    (-0.5 * square).exp() / (2.0 * std::f64::consts::PI * determinant.sqrt());
                let actual = normal.density(point);
                // A few roundings of an exponent that is below 100 where the density counts.
                let error = (actual - expected).abs();
                assert!(error <= 1e-13 * normal.peak(), "{point:?}: {actual}");
                integral += step * step * actual;
            }
        }
        assert!((integral - 1.0).abs() <= 1e-10, "{integral}");
        assert_eq!(normal.peak(), normal.density(mean));
    }
    assert_eq!(grid().count(), 101 * 101);
    assert_eq!(grid().next(), Some([-3.0, 3.0]));
    assert_eq!(grid().last(), Some([3.0, -3.0]));
}

/// A twentieth of the steps of the subcommand; with all of them the error is a twentieth.
#[test]
fn the_defaults_learn_the_density_with_every_seed() {
    let backend = one_thread();
    for seed in 1..=5 {
        let n_steps = 25_000;
        let mut trainer = Trainer::new(&backend, defaults(n_steps, seed)).unwrap();
        assert!(trainer.is_small());
        trainer.train_until(&backend, n_steps).unwrap();
        let errors = trainer.errors(&backend).unwrap();
        assert!(errors.mean_squared <= 1e-4, "seed {seed}: {errors:?}");
        assert!(errors.largest <= 0.1, "seed {seed}: {errors:?}");
    }
}

/// Another distribution, other optimizers and activations, by both ways.
#[test]
fn other_settings_learn_as_well() {
    let backend = one_thread();
    let normal = Normal::new([0.5, -0.5], [0.4, 0.2, 0.3]).unwrap();
    let n_steps = 10_000;
    let recipe = |hidden: &[usize], activation, optimizer: Optimizer| Recipe {
        normal,
        hidden: hidden.to_vec(),
        activation,
        optimizer,
        ..defaults(n_steps, 1)
    };
    let adam = |rate| Optimizer::from(Adam::new(rate).unwrap());
    let decoupled = Adam::decoupled(0.01).unwrap().into();
    for (recipe, is_small) in [
        (recipe(&[16, 16], Activation::Relu, adam(0.01)), true),
        (recipe(&[8, 8, 8], Activation::Tanh, adam(0.01)), true),
        (recipe(&[16, 16], Activation::Relu, decoupled), false),
        (recipe(&[16, 16], Activation::Silu, adam(0.01)), false),
    ] {
        let mut trainer = Trainer::new(&backend, recipe).unwrap();
        assert_eq!(trainer.is_small(), is_small);
        trainer.train_until(&backend, n_steps).unwrap();
        let errors = trainer.errors(&backend).unwrap();
        // The mean square of the density itself is 0.013: of it, one part in a hundred.
        assert!(errors.mean_squared <= 1.3e-4, "{errors:?}");
    }
}

/// The same weights and the same points: after each step the fast path has the parameters of the ordinary
/// operations.
#[test]
fn the_fast_path_does_what_the_library_does() {
    let backend = one_thread();
    let density = Normal::new([0.3, -0.2], [0.7, 0.2, 0.9])
        .unwrap()
        .on_devices();
    for (hidden, activation, optimizer, n_rows) in [
        (
            vec![8, 8],
            Activation::Relu,
            Optimizer::from(Sgd::new(0.1).unwrap()),
            16,
        ),
        (
            vec![64, 64],
            Activation::Tanh,
            Adam::new(0.01).unwrap().into(),
            16,
        ),
        (
            vec![13, 5, 20],
            Activation::LEAKY_RELU,
            Sgd::new(0.1).unwrap().into(),
            37,
        ),
    ] {
        let recipe = Recipe {
            hidden: hidden.clone(),
            activation,
            ..defaults(1, 7)
        };
        let random = &mut random_generator(7);
        let mut model = recipe
            .architecture()
            .build(&backend, n_rows, random)
            .unwrap();
        let network = SmallNetwork::new(&hidden).unwrap();
        let n = network.n_parameters();
        assert_eq!(n, model.n_parameters());
        let mut x = backend.zeros(2 * n_rows).unwrap();
        let mut target = backend.zeros(n_rows).unwrap();
        let mut statistics = backend.statistics(1).unwrap();
        let [mut exp_avg, mut exp_avg_sq, mut gradient] =
            [(); 3].map(|()| backend.zeros(n).unwrap());
        let mut loss = backend.zeros(1).unwrap();
        let mut powers = [1.0; 2];
        for index in 0..4 {
            let seed = 11;
            // Both begin each step with the library's parameters: differences do not add up.
            let before: Vec<f32> = model.parameters().flat_map(|p| p.value.to_vec()).collect();
            let mut parameters = backend.upload_floats(&before).unwrap();
            let op = DrawPoints {
                density,
                seed,
                step: index,
                x: &mut x,
                target: &mut target,
                n_rows,
            };
            backend.draw_points(op).unwrap();
            let step = Step { seed, index };
            model
                .forward(&backend, &x, n_rows, Mode::Training(step))
                .unwrap();
            let (y, dy) = model.output_and_gradient();
            let pass = LossPass {
                y,
                dy: Some(dy),
                statistics: &mut statistics,
                step: 0,
                n_rows,
            };
            let mean_squared_error = ElementwiseLoss::mean_squared_error(1);
            mean_squared_error.compute(&backend, &target, pass).unwrap();
            let update = Update {
                learning_rate: optimizer.learning_rate(),
                step: index + 1,
            };
            model
                .backward_and_step(&backend, &x, n_rows, step, &optimizer, update)
                .unwrap();

            let is_adam = matches!(optimizer, Optimizer::Adam(_));
            let op = TrainNetwork {
                network,
                activation,
                parameters: &mut parameters,
                optimizer: match is_adam {
                    false => SmallOptimizer::Sgd,
                    true => SmallOptimizer::Adam {
                        exp_avg: &mut exp_avg,
                        exp_avg_sq: &mut exp_avg_sq,
                        betas: [0.9, 0.999],
                        powers,
                        epsilon: 1e-8,
                    },
                },
                gradient: &mut gradient,
                loss: &mut loss,
                density,
                seed,
                first_step: index,
                n_steps: 1,
                n_rows,
                learning_rate: optimizer.learning_rate(),
            };
            backend.train_network(op).unwrap();
            powers = [powers[0] * 0.9, powers[1] * 0.999];

            let library: Vec<f32> = model.parameters().flat_map(|p| p.value.to_vec()).collect();
            for (idx, (&fast, &library)) in parameters.iter().zip(&library).enumerate() {
                let error = (fast - library).abs();
                // The sums are those of up to 64 numbers of size 1, in another order: 1e-5 of an update's
                // size at most, which is below 1 for gradient descent. Adam divides a gradient by its own
                // size, so that of a tiny one more is rounding: a tenth of its step.
                let limit = if is_adam { 1e-3 } else { 1e-6 };
                assert!(
                    error <= limit,
                    "{hidden:?}, step {index}, parameter {idx}: {fast}, library {library}"
                );
            }
            let moved = library.iter().zip(&before).filter(|(a, b)| a != b).count();
            // Those of units that are off at all points stay.
            assert!(4 * moved > n, "{moved} of {n} parameters have changed");
            let expected = backend.read_statistics(&statistics).unwrap().loss[0];
            let error = (loss[0] - expected).abs();
            // Means of squares of numbers that agree in all but their last digits.
            assert!(error <= 1e-5 * expected, "{} {expected}", loss[0]);
        }
    }
}

#[test]
fn what_is_too_large_for_the_fast_path_is_known() {
    for hidden in [&[][..], &[1], &[64, 64], &[32, 32, 32, 32], &[21; 6]] {
        assert!(SmallNetwork::new(hidden).is_some(), "{hidden:?}");
    }
    for hidden in [&[0][..], &[65], &[64, 64, 1], &[8; 7], &[usize::MAX; 2]] {
        assert!(SmallNetwork::new(hidden).is_none(), "{hidden:?}");
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
    command
        .arg("gaussian")
        .args(arguments)
        .current_dir(folder)
        .env_remove("CUDA_DRIVER");
    command
}

fn program(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// What it prints, and the last line of its metrics.
fn succeeds(folder: &TempDir, arguments: &[&str]) -> (String, Value) {
    let arguments = [&["--metrics", "m.jsonl"], arguments].concat();
    let output = program(folder.path(), &arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{error}");
    let metrics = fs::read_to_string(folder.path().join("m.jsonl")).unwrap();
    let last = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    (String::from_utf8(output.stdout).unwrap(), last)
}

#[test]
fn a_run_shows_the_loss_and_ends_with_the_errors() {
    let folder = tempfile::tempdir().unwrap();
    let cpu = ["--device", "cpu", "--iterations", "20000"];
    let (text, first) = succeeds(&folder, &cpu);
    let lines: Vec<&str> = text.lines().collect();
    let head = lines.iter().position(|line| line.contains("loss")).unwrap();
    let losses: Vec<f64> = lines[head + 1..head + 21]
        .iter()
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(losses[19] < 0.1 * losses[0], "{losses:?}");
    assert!(text.contains("mean squared error"), "{text}");
    assert!(text.contains("on 101 x 101 points"), "{text}");
    let error = |run: &Value| run["mean_squared_error"].as_f64().unwrap();
    assert!(error(&first) <= 1e-4, "{first}");
    assert_eq!(first["iterations"], 20000);
    assert_eq!(first["parameters"], 105);

    // Whatever the number of threads, and whether or not there are pictures in between.
    let again = [
        &cpu[..],
        &["--threads", "2", "--out", "o", "--picture-every", "777"],
    ]
    .concat();
    let (_, second) = succeeds(&folder, &again);
    assert_eq!(error(&first), error(&second));
    let (_, other) = succeeds(&folder, &[&cpu[..], &["--seed", "2"]].concat());
    assert_ne!(error(&first), error(&other));
}

#[test]
fn pictures_are_as_many_as_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--device",
        "cpu",
        "--iterations",
        "250",
        "--picture-every",
        "100",
        "--out",
        "a/b",
        "--mean",
        "-1,0.5",
        "--covariance",
        "0.5,-0.2,0.3",
    ];
    succeeds(&folder, &arguments);
    let out = folder.path().join("a/b");
    let mut names: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "iteration-000.png",
        "iteration-100.png",
        "iteration-200.png",
        "iteration-250.png",
        "learning.gif",
    ];
    assert_eq!(names, expected);

    let png = image::open(out.join("iteration-250.png"))
        .unwrap()
        .to_rgb8();
    // The target's brightest point is where its mean is: left of the middle, above it.
    let (width, height) = png.dimensions();
    let yellow = |pixel: &image::Rgb<u8>| {
        let [red, green, blue] = pixel.0.map(i32::from);
        (red - 0xFD).abs() + (green - 0xE7).abs() + (blue - 0x25).abs() < 30
    };
    let bright: Vec<(u32, u32)> = png
        .enumerate_pixels()
        .filter(|(x, _, pixel)| *x < width / 4 && yellow(pixel))
        .map(|(x, y, _)| (x, y))
        .collect();
    assert!(!bright.is_empty());
    let mean = |values: Vec<u32>| f64::from(values.iter().sum::<u32>()) / values.len() as f64;
    let (x, y): (Vec<u32>, Vec<u32>) = bright.into_iter().unzip();
    // The map begins at (14, 38) and has 202 pixels for 6 units; the mean is 2 and 2.5 from its edges.
    for (actual, expected) in [
        (mean(x), 14.0 + 202.0 * 2.0 / 6.0),
        (mean(y), 38.0 + 202.0 * 2.5 / 6.0),
    ] {
        assert!(
            (actual - expected).abs() <= 2.0,
            "{actual}, expected {expected}"
        );
    }

    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    let file = fs::File::open(out.join("learning.gif")).unwrap();
    let mut film = options.read_info(file).unwrap();
    assert_eq!(
        (u32::from(film.width()), u32::from(film.height())),
        (width, height)
    );
    let palette = film.global_palette().unwrap().to_vec();
    let mut frames = Vec::new();
    while let Some(frame) = film.read_next_frame().unwrap() {
        frames.push(frame.buffer.to_vec());
    }
    assert_eq!(frames.len(), 4);
    // The last one shows what the last PNG file shows.
    let pixels: Vec<u8> = frames[3]
        .iter()
        .flat_map(|&color| palette[3 * usize::from(color)..][..3].to_vec())
        .collect();
    assert!(pixels == png.into_raw());
    assert_ne!(frames[0], frames[3]);
}

/// Ctrl-C in the middle of it: the film ends with what was learned until then, and all files are whole.
#[test]
#[cfg(unix)]
fn a_run_that_is_stopped_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o");
    let arguments = [
        "--device",
        "cpu",
        "--iterations",
        "2000000000",
        "--picture-every",
        "1000000",
        "--out",
        "o",
    ];
    let child = command(folder.path(), &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !out.join("iteration-0000000000.png").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "no picture");
        sleep(Duration::from_millis(2));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("stopped after iteration "), "{error}");

    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    let film = fs::File::open(out.join("learning.gif")).unwrap();
    let mut film = options.read_info(film).unwrap();
    let mut n_frames = 0;
    while film.read_next_frame().unwrap().is_some() {
        n_frames += 1;
    }
    let n_pictures = fs::read_dir(&out).unwrap().count() - 1;
    assert_eq!(n_frames, n_pictures, "a frame for each picture");
}

/// A few steps in the simulator, which checks the kernels, are those of the CPU.
#[test]
fn the_simulated_device_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for more in [&[][..], &["--optimizer", "adamw", "--hidden", "5"]] {
        let run = |device| {
            let arguments = [&["--iterations", "6", "--device", device], more].concat();
            let (_, summary) = succeeds(&folder, &arguments);
            assert_eq!(summary["device"], device);
            summary["mean_squared_error"].as_f64().unwrap()
        };
        let (cpu, sim) = (run("cpu"), run("sim"));
        // Six steps lose the last digit or two of the parameters, of seven.
        assert!((cpu - sim).abs() <= 1e-4 * cpu, "{cpu}, simulated {sim}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, part) in [
        (&["--covariance", "1,1,1"][..], "is not positive definite"),
        (&["--covariance", "-1,0,1"], "is not positive definite"),
        (&["--covariance", "1,0"], "expected 3 numbers"),
        (&["--covariance", "1,0,nan"], "expected 3 numbers"),
        (&["--covariance", "1e-60,0,1"], "single precision"),
        (&["--mean", "1"], "expected 2 numbers"),
        (&["--mean", "1e60,0"], "single precision"),
        (&["--hidden", "8,0"], "expected a whole number from 1"),
        (&["--iterations", "0"], "at least 1"),
        (&["--batch-size", "0"], "from 1 to"),
        (&["--learning-rate=-1"], "positive number"),
        (&["--picture-every", "5"], "--out"),
        (&["--out", "m", "--picture-every", "1"], "at most 10000"),
        (&["--out", "file/below"], "cannot be written"),
        (&["--activation", "step"], "possible values"),
    ] {
        fs::write(folder.path().join("file"), "").unwrap();
        let output = program(folder.path(), arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
    // What goes wrong in training.
    let rate = [
        "--device",
        "cpu",
        "--learning-rate",
        "1e6",
        "--iterations",
        "5000",
    ];
    let output = program(folder.path(), &rate);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("try a smaller learning rate"), "{error}");
}

//! Writes built-in digits as files of MNIST's format: how `data/sample` was made.
//!
//! ```console
//! $ cargo run --release -p cpu --example write_digits -- data/sample 300 100
//! ```

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use cpu::data::digits::{N_TRAIN, SEED, SIDE, generate};
use cpu::data::idx;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match &arguments[..] {
        [folder, n_train, n_test] => n_train
            .parse()
            .ok()
            .zip(n_test.parse().ok())
            .map(|n| (folder, n)),
        _ => None,
    };
    let Some((folder, (n_train, n_test))) = parsed else {
        eprintln!("usage: write_digits FOLDER N_TRAIN N_TEST");
        return ExitCode::from(2);
    };
    match write(Path::new(folder), n_train, n_test) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The first images of the set that stands in for MNIST, to train on and to test with.
fn write(folder: &Path, n_train: usize, n_test: usize) -> std::io::Result<()> {
    for (name, indices) in [
        ("train", 0..n_train.min(N_TRAIN)),
        ("t10k", N_TRAIN..N_TRAIN.saturating_add(n_test)),
    ] {
        let digits = generate(SEED, indices);
        let n_images = digits.n_images();
        for (kind, dimensions, data) in [
            ("images-idx3", &[n_images, SIDE, SIDE][..], digits.images),
            ("labels-idx1", &[n_images], digits.labels),
        ] {
            let mut encoder = GzEncoder::new(NamedTempFile::new_in(folder)?, Compression::best());
            encoder.write_all(&idx::header(dimensions))?;
            encoder.write_all(&data)?;
            let path = folder.join(format!("{name}-{kind}-ubyte.gz"));
            encoder
                .finish()?
                .persist(path)
                .map_err(|error| error.error)?;
        }
    }
    Ok(())
}

//! What a person reads while the program works.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use cpu::{Error, Result};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// Writes a line to the standard output. Unlike `println!` it does not panic when that fails.
pub fn print(line: impl fmt::Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}").map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Error::OutputClosed,
        _ => Error::Io(format!("the standard output cannot be written: {error}")),
    })
}

/// For what may print and cannot fail; a broken output is noticed by the next [`print`].
pub fn report(line: &str) {
    let _ = print(line);
}

/// Prints how many images of each class were taken for which.
pub fn print_confusion(classes: &[String], confusion: &[Vec<usize>]) -> Result<()> {
    print("\nconfusion matrix: a row per label, a column per prediction")?;
    // Names would be too wide for the columns, which come in the order of the rows.
    let lengths = classes.iter().map(|class| class.chars().count());
    let width = lengths.max().unwrap_or(0).max(4);
    let row = |head: &str, cells: &mut dyn Iterator<Item = usize>| {
        cells.fold(format!("{head:>width$}"), |row, cell| {
            row + &format!("{cell:>6}")
        })
    };
    print(row("", &mut (0..classes.len())))?;
    for (class, counts) in classes.iter().zip(confusion) {
        print(row(class, &mut counts.iter().copied()))?;
    }
    Ok(())
}

/// A bar over the images of an epoch, on a terminal; nothing elsewhere. `loss` is the one that the
/// epoch before ended with.
pub fn epoch_bar(epoch: usize, n_epochs: usize, n_images: usize, loss: Option<f64>) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "epoch {prefix} {wide_bar} {pos}/{len} images  {speed}  {msg}",
    )
    .expect("the template is well-formed")
    .progress_chars("=> ")
    .with_key(
        "speed",
        |state: &ProgressState, text: &mut dyn fmt::Write| {
            let speed = state.pos() as f64 / state.elapsed().as_secs_f64();
            let _ = write!(text, "{speed:.0} images/s");
        },
    );
    let bar = ProgressBar::new(n_images as u64)
        .with_style(style)
        .with_prefix(format!("{epoch}/{n_epochs}"));
    if let Some(loss) = loss {
        bar.set_message(format!("loss {loss:.4}"));
    }
    bar
}

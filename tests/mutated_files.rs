//! Files with damages: whatever they hold, reading them ends with what they say or with an error that
//! is the file's fault, never with a panic.

use std::fs;
use std::io::Write;
use std::path::Path;

use cpu::data::{Splits, load_folder};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Labels 1 to 3, as EMNIST's letters begin with 1.
const N_IMAGES: u8 = 6;
const SIZE: [u8; 2] = [2, 3];

fn images() -> Vec<u8> {
    let [n_rows, n_columns] = SIZE;
    let header = [
        0, 0, 8, 3, 0, 0, 0, N_IMAGES, 0, 0, 0, n_rows, 0, 0, 0, n_columns,
    ];
    let pixels = 0..N_IMAGES * n_rows * n_columns;
    header.into_iter().chain(pixels).collect()
}

fn labels() -> Vec<u8> {
    let header = [0, 0, 8, 1, 0, 0, 0, N_IMAGES];
    let labels = (0..N_IMAGES).map(|image| 1 + image % 3);
    header.into_iter().chain(labels).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The files of a data set.
fn files() -> [(&'static str, Vec<u8>); 6] {
    [
        ("letters-train-images-idx3-ubyte", images()),
        ("letters-train-labels-idx1-ubyte", labels()),
        ("letters-test-images-idx3-ubyte.gz", gzip(&images())),
        ("letters-test-labels.idx1-ubyte.gz", gzip(&labels())),
        ("letters-mapping.txt", b"1 65 97\n2 66 98\n3 67\n".to_vec()),
        ("classes.txt", b"one\ntwo\nthr\xc3\xa9e\n".to_vec()),
    ]
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// What may happen to a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Change(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Replace(Vec<u8>),
    Lose,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        1 => any::<Index>().prop_map(Damage::Cut),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        2 => (any::<Index>(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Remove(from, to)),
        1 => vec(any::<u8>(), 0..40).prop_map(Damage::Replace),
        1 => Just(Damage::Lose),
    ]
}

/// `None` for a file that is lost.
fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Option<Vec<u8>> {
    let place = |index: &Index| index.index(bytes.len() + 1);
    match damage {
        Damage::Cut(at) => bytes.truncate(place(at)),
        Damage::Change(at, byte) => {
            let at = place(at);
            if let Some(old) = bytes.get_mut(at) {
                *old = *byte;
            }
        }
        Damage::Insert(at, new) => {
            let at = place(at);
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Remove(a, b) => {
            let (a, b) = (place(a), place(b));
            bytes.drain(a.min(b)..a.max(b));
        }
        Damage::Replace(new) => bytes = new.clone(),
        Damage::Lose => return None,
    }
    Some(bytes)
}

fn assert_consistent(splits: &Splits) {
    for data in [&splits.train, &splits.test] {
        assert_eq!(data.images.len(), data.n_images() * data.n_pixels());
        assert_eq!(data.n_classes, splits.classes.len());
        assert!(
            data.labels
                .iter()
                .all(|&label| usize::from(label) < data.n_classes)
        );
    }
    assert_eq!(splits.train.size, splits.test.size);
}

#[test]
fn the_files_without_damage_are_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &files());
    let splits = load_folder(folder.path()).unwrap();
    assert_consistent(&splits);
    assert_eq!(splits.classes, ["one", "two", "thrée"]);
    assert_eq!(splits.train.labels, [0, 1, 2, 0, 1, 2]);
    assert_eq!(splits.name, "letters");

    fs::remove_file(folder.path().join("classes.txt")).unwrap();
    let splits = load_folder(folder.path()).unwrap();
    assert_consistent(&splits);
    assert_eq!(splits.classes, ["A/a", "B/b", "C"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_of_a_data_set_are_read_or_refused(
        damages in vec((0..files().len(), damage()), 1..4),
        has_names in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files().map(|(name, bytes)| (name, Some(bytes)));
        if !has_names {
            files[5].1 = None;
        }
        for (file_idx, damage) in &damages {
            let bytes = &mut files[*file_idx].1;
            *bytes = bytes.take().and_then(|bytes| damaged(bytes, damage));
        }
        for (name, bytes) in files {
            if let Some(bytes) = bytes {
                fs::write(folder.path().join(name), bytes).unwrap();
            }
        }
        match load_folder(folder.path()) {
            Ok(splits) => assert_consistent(&splits),
            Err(error) => prop_assert_eq!(error.exit_code(), 2, "{}", error),
        }
    }
}

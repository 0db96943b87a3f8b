//! IDX files, the format that MNIST comes in: a magic number, the dimensions, the bytes.
//!
//! ```text
//! offset 0           4         8        12        16
//! images: 00 00 08 03 | n_images | n_rows | n_columns | n_images * n_rows * n_columns bytes
//! labels: 00 00 08 01 | n_labels | n_labels bytes
//! ```
//!
//! All numbers are 32 bits wide and big-endian. A file may be compressed with gzip, whatever its
//! name says. Reading is strict: a file that is shorter or longer than its header promises is an
//! error, and memory is taken for what the file holds, not for what the header promises.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::Path;

use byteorder::{BigEndian, ByteOrder, ReadBytesExt};
use flate2::bufread::GzDecoder;

use crate::{Error, Result, files};

/// What a file may promise: more than that is taken for damage. The largest set in use that has
/// this format, EMNIST with 814,255 images, has 0.64 GB.
const MAX_BYTES: u64 = 1 << 30;

/// The type code of unsigned bytes, the only one that images and labels use.
const UNSIGNED_BYTE: u8 = 0x08;

/// Images as a file holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Grey values, `[n_images, n_rows, n_columns]`.
    pub pixels: Vec<u8>,
    /// Number of images, at least 1.
    pub n_images: usize,
    /// Height of an image, at least 1.
    pub n_rows: usize,
    /// Width of an image, at least 1.
    pub n_columns: usize,
}

/// Reads a file of images. EMNIST's files hold their images by columns, and are known by their names:
/// rows and columns of what they hold are exchanged.
///
/// # Errors
///
/// [`Error::Input`] if the file cannot be read, is not an IDX file of images from the first byte to
/// the last, or holds no image.
pub fn read_images(path: &Path) -> Result<Images> {
    let ([n_images, n_rows, n_columns], pixels) = read::<3>(path)?;
    if n_images == 0 {
        return Err(refuse(path, "offset 4: the file holds zero images"));
    }
    if n_rows == 0 || n_columns == 0 {
        let what = format!("offset 8: the images are {n_rows} x {n_columns} pixels, without area");
        return Err(refuse(path, &what));
    }
    let images = Images {
        pixels,
        n_images,
        n_rows,
        n_columns,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(match name.starts_with("emnist-") {
        true => images.transposed(),
        false => images,
    })
}

impl Images {
    fn transposed(self) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks_exact(self.n_rows * self.n_columns) {
            for column in 0..self.n_columns {
                pixels.extend(image[column..].iter().step_by(self.n_columns));
            }
        }
        Images {
            pixels,
            n_images: self.n_images,
            n_rows: self.n_columns,
            n_columns: self.n_rows,
        }
    }
}

/// Reads a file of labels, `[n_labels]`.
///
/// # Errors
///
/// [`Error::Input`] if the file cannot be read or is not an IDX file of labels from the first byte to
/// the last.
pub fn read_labels(path: &Path) -> Result<Vec<u8>> {
    Ok(read::<1>(path)?.1)
}

/// Checks the labels that were read from a file.
///
/// # Errors
///
/// [`Error::Input`] if there is one that is not in `expected`.
pub fn check_labels(path: &Path, labels: &[u8], expected: RangeInclusive<u8>) -> Result<()> {
    match labels.iter().position(|label| !expected.contains(label)) {
        None => Ok(()),
        Some(index) => Err(refuse(
            path,
            &format!(
                "offset {}: the label of image {index} is {}, expected {} to {}",
                8 + index,
                labels[index],
                expected.start(),
                expected.end()
            ),
        )),
    }
}

/// The header of a file of unsigned bytes with these dimensions.
pub fn header(dimensions: &[usize]) -> Vec<u8> {
    let mut header = vec![0; 4 * (1 + dimensions.len())];
    BigEndian::write_u32(&mut header, magic(dimensions.len()));
    for (bytes, &dimension) in header[4..].chunks_exact_mut(4).zip(dimensions) {
        let dimension = u32::try_from(dimension).expect("dimensions fit into 32 bits");
        BigEndian::write_u32(bytes, dimension);
    }
    header
}

fn magic(n_dimensions: usize) -> u32 {
    u32::from_be_bytes([0, 0, UNSIGNED_BYTE, n_dimensions as u8])
}

fn refuse(path: &Path, what: &str) -> Error {
    Error::Input(format!("{}: {what}", path.display()))
}

/// Reads a whole file of unsigned bytes in `N` dimensions, gzip or not.
fn read<const N: usize>(path: &Path) -> Result<([usize; N], Vec<u8>)> {
    let file = files::open(path).map_err(|error| refuse(path, &error.to_string()))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let start = reader
        .fill_buf()
        .map_err(|error| refuse(path, &error.to_string()))?;
    // No IDX file begins like gzip: its first two bytes are zero.
    if start.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = GzDecoder::new(reader);
        let contents = parse(&mut decoder).map_err(|fault| {
            let what = match fault {
                Fault::Read { offset, error } if error.kind() == ErrorKind::UnexpectedEof => {
                    format!(
                        "the gzip data break off after {offset} uncompressed bytes; the file is \
                         truncated, fetch it again"
                    )
                }
                Fault::Read { offset, error } => format!(
                    "the gzip data are damaged after {offset} uncompressed bytes ({error}); fetch \
                     the file again"
                ),
                Fault::Content(what) => {
                    format!("{what} (offsets are those of the uncompressed file)")
                }
            };
            refuse(path, &what)
        })?;
        match decoder.get_mut().fill_buf() {
            Ok([]) => Ok(contents),
            Ok(_) => Err(refuse(
                path,
                "there are bytes after the end of the gzip data; expected one gzip member and no more",
            )),
            Err(error) => Err(refuse(path, &error.to_string())),
        }
    } else {
        parse(&mut reader).map_err(|fault| match fault {
            Fault::Read { offset, error } if error.kind() == ErrorKind::UnexpectedEof => refuse(
                path,
                &format!("the file ends at offset {offset}, within the header of an IDX file"),
            ),
            Fault::Read { offset, error } => refuse(
                path,
                &format!("reading stopped at offset {offset}: {error}"),
            ),
            Fault::Content(what) => refuse(path, &what),
        })
    }
}

/// Why [`parse`] gave up.
enum Fault {
    /// The reader failed after this many bytes.
    Read { offset: u64, error: io::Error },
    /// The bytes are not what they should be.
    Content(String),
}

/// Reads the header and the data that it promises, up to the end of `reader` and its checksum.
fn parse<const N: usize>(reader: &mut impl Read) -> Result<([usize; N], Vec<u8>), Fault> {
    let mut offset = 0;
    let mut next = |reader: &mut dyn Read| match reader.read_u32::<BigEndian>() {
        Ok(value) => {
            offset += 4;
            Ok(value)
        }
        Err(error) => Err(Fault::Read { offset, error }),
    };

    let expected = magic(N);
    let actual = next(reader)?;
    if actual != expected {
        let hint = match actual {
            0x0801 => ": these are labels, where images are expected",
            0x0803 => ": these are images, where labels are expected",
            _ => "",
        };
        return Err(Fault::Content(format!(
            "offset 0: the magic number is {actual:#010x}, expected {expected:#010x} (unsigned \
             bytes, {N} {}){hint}",
            if N == 1 { "dimension" } else { "dimensions" },
        )));
    }
    let mut dimensions = [0; N];
    for dimension in &mut dimensions {
        *dimension = next(reader)? as usize;
    }
    let header_length = offset;

    let promise = dimensions
        .map(|dimension| dimension.to_string())
        .join(" x ");
    let n_bytes = dimensions
        .iter()
        .try_fold(1u64, |product, &dimension| {
            product.checked_mul(dimension as u64)
        })
        .filter(|&n_bytes| n_bytes <= MAX_BYTES)
        .ok_or_else(|| {
            Fault::Content(format!(
                "offset 4: the header promises {promise} bytes, more than the {MAX_BYTES} that a \
                 file of this kind may have"
            ))
        })?;

    // One byte more than expected is asked for: it tells a file that is too long, and it makes the
    // decoder of a compressed one read on to the checksum.
    let mut data = Vec::new();
    let result = reader.take(n_bytes + 1).read_to_end(&mut data);
    let n_read = data.len() as u64;
    result.map_err(|error| Fault::Read {
        offset: header_length + n_read,
        error,
    })?;
    if n_read < n_bytes {
        return Err(Fault::Content(format!(
            "offset 4: the header promises {promise} = {n_bytes} bytes of data, the file holds \
             {n_read}; it is truncated or its header is wrong"
        )));
    }
    if n_read > n_bytes {
        return Err(Fault::Content(format!(
            "offset {}: the file goes on after the {promise} = {n_bytes} bytes of data that its \
             header promises",
            header_length + n_bytes
        )));
    }
    data.shrink_to_fit();
    Ok((dimensions, data))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::test_files::message;
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn two_images() -> Vec<u8> {
        let mut bytes = header(&[2, 2, 3]);
        bytes.extend(0..12);
        bytes
    }

    fn images_from(bytes: &[u8]) -> Result<Images> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read_images(file.path())
    }

    #[test]
    fn images_are_read_plain_and_compressed() {
        let expected = Images {
            pixels: (0..12).collect(),
            n_images: 2,
            n_rows: 2,
            n_columns: 3,
        };
        assert_eq!(images_from(&two_images()).unwrap(), expected);
        assert_eq!(images_from(&gzip(&two_images())).unwrap(), expected);
    }

    /// Each prefix of a file, and each of its compressed form, must be refused.
    #[test]
    fn no_prefix_of_a_file_is_accepted() {
        for bytes in [two_images(), gzip(&two_images())] {
            for length in 0..bytes.len() {
                message(images_from(&bytes[..length]));
            }
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        for extra in [&b"\0"[..], b"abc", &[0; 100], &gzip(b"more")] {
            let plain = [&two_images(), extra].concat();
            assert!(message(images_from(&plain)).contains("offset 28"));
            assert!(message(images_from(&gzip(&plain))).contains("offset 28"));
            let after_gzip = [&gzip(&two_images()), extra].concat();
            assert!(message(images_from(&after_gzip)).contains("after the end of the gzip"));
        }
    }

    #[test]
    fn a_changed_bit_of_the_compressed_data_is_noticed() {
        let mut bytes = gzip(&two_images());
        let crc = bytes.len() - 8;
        bytes[crc] ^= 1;
        assert!(message(images_from(&bytes)).contains("gzip data are damaged"));
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_refused_without_taking_the_memory() {
        let within_the_limit = [header(&[1 << 20, 32, 32]), vec![1; 100]].concat();
        for bytes in [within_the_limit.clone(), gzip(&within_the_limit)] {
            assert!(message(images_from(&bytes)).contains("the file holds 100"));
        }
        let everything = [header(&[u32::MAX as usize; 3]), vec![1; 100]].concat();
        assert!(message(images_from(&everything)).contains("4294967295 x 4294967295"));
    }

    #[test]
    fn images_without_area_or_number_are_refused() {
        assert!(message(images_from(&header(&[0, 28, 28]))).contains("zero images"));
        assert!(message(images_from(&header(&[5, 0, 28]))).contains("0 x 28"));
    }

    #[test]
    fn labels_are_checked() {
        let labels_from = |bytes: &[u8]| -> Result<Vec<u8>> {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            let labels = read_labels(file.path())?;
            check_labels(file.path(), &labels, 0..=9)?;
            Ok(labels)
        };
        let good = [header(&[3]), vec![0, 9, 4]].concat();
        assert_eq!(labels_from(&good).unwrap(), [0, 9, 4]);
        let bad = [header(&[3]), vec![0, 10, 4]].concat();
        let text = message(labels_from(&bad));
        assert!(
            text.contains("image 1 is 10") && text.contains("offset 9"),
            "{text}"
        );
        let text = message(labels_from(&two_images()));
        assert!(
            text.contains("0x00000803") && text.contains("these are images"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(message(read_images(folder.path())).contains("is a folder"));
    }
}

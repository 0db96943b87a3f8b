//! Images of modules: PTX, by itself or in a fat binary, as nvcc and the samples of CUDA load it.
//!
//! The layout of fat binaries is documented nowhere; these are the fields as nvcc 13 writes them. A
//! container begins with 16 bytes: a magic number, a version (`u16`), its own size (`u16`), and the size
//! of what follows (`u64`). Then come its elements, each a header and a payload:
//!
//! | at | field                                                             |
//! |----|-------------------------------------------------------------------|
//! | 0  | `u16`: the kind, 1 for PTX and 2 for machine code                 |
//! | 4  | `u32`: the size of the header                                     |
//! | 8  | `u64`: the size of the payload, with padding                      |
//! | 16 | `u32`: the size of the payload if it is compressed                |
//! | 28 | `u32`: the compute capability, major times ten plus minor         |
//! | 40 | `u64`: flags, of which two say how the payload is compressed      |
//! | 56 | `u64`: the size of what was compressed                            |
//!
//! What nvcc leaves in a program is a wrapper: a magic number, a version, and the container's address.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_void};
use std::io::Read;
use std::ptr;

use cust_raw::cudaError_enum::*;

use super::refusal::{Refusal, refuse};

const CONTAINER: [u8; 4] = 0xba55_ed50_u32.to_le_bytes();
const WRAPPER: [u8; 4] = 0x4662_43b1_u32.to_le_bytes();
const ELF: [u8; 4] = *b"\x7fELF";

/// The size of a container's header.
const HEADER: usize = 16;

/// The size of an element's header without its options.
const ELEMENT: usize = 64;

const KIND_PTX: u16 = 1;
const KIND_CUBIN: u16 = 2;

const COMPRESSED_LZ4: u64 = 0x2000;
const COMPRESSED_ZSTD: u64 = 0x8000;

/// The most bytes that PTX is decompressed to.
const MOST: u64 = 1 << 30;

/// The bytes of an image in memory, of which only the beginning says how many there are.
///
/// # Safety
///
/// `image` is not null and points to text that ends in a zero byte, to a container, to a wrapper of one,
/// or to an ELF file.
pub(crate) unsafe fn bytes<'i>(image: *const c_void) -> Result<&'i [u8], Refusal> {
    let image = image.cast::<u8>();
    // SAFETY: The caller vouches for what the image begins with; text ends at the latest behind the
    // first bytes that are compared.
    unsafe {
        let begins_with =
            |magic: [u8; 4]| (0..4).all(|index| image.add(index).read() == magic[index]);
        if begins_with(WRAPPER) {
            let container = image.add(8).cast::<*const c_void>().read_unaligned();
            if container.is_null() || container.cast::<[u8; 4]>().read_unaligned() != CONTAINER {
                return Err(refuse(
                    CUDA_ERROR_INVALID_IMAGE,
                    "the image is a fat binary's wrapper, and no fat binary is where it points to",
                ));
            }
            return bytes(container);
        }
        if begins_with(CONTAINER) {
            let size = image.add(8).cast::<u64>().read_unaligned();
            let size = usize::try_from(size)
                .ok()
                .and_then(|size| size.checked_add(HEADER))
                .filter(|&size| isize::try_from(size).is_ok())
                .ok_or_else(|| broken("its size is larger than the memory"))?;
            return Ok(&*ptr::slice_from_raw_parts(image, size));
        }
        Ok(CStr::from_ptr(image.cast::<c_char>()).to_bytes())
    }
}

/// The PTX of an image for a device of a compute capability.
pub(crate) fn ptx(image: &[u8], capability: (u32, u32)) -> Result<Cow<'_, str>, Refusal> {
    if image.starts_with(&CONTAINER) {
        return unpack(image, capability).map(Cow::Owned);
    }
    if image.starts_with(&ELF) {
        return Err(no_ptx("the image is a cubin, machine code of a GPU"));
    }
    if image.starts_with(&WRAPPER) {
        return Err(refuse(
            CUDA_ERROR_INVALID_IMAGE,
            "the image is a fat binary's wrapper, which means nothing outside of its program",
        ));
    }
    // Whoever has the text with a length may count the zero byte at its end.
    let text = image.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text))
}

/// The refusal of what has no PTX in it.
fn no_ptx(what: &str) -> Refusal {
    refuse(
        CUDA_ERROR_NO_BINARY_FOR_GPU,
        format!(
            "{what}; the simulator runs PTX: compile with nvcc -ptx, or put PTX into the fat binary \
             with -gencode arch=compute_80,code=compute_80; for Rust, --emit=asm writes it"
        ),
    )
}

/// The refusal of a fat binary that contradicts itself.
fn broken(what: &str) -> Refusal {
    refuse(
        CUDA_ERROR_INVALID_IMAGE,
        format!("the image is a damaged fat binary: {what}"),
    )
}

/// An element of a fat binary.
struct Element<'i> {
    kind: u16,
    /// Major times ten plus minor.
    capability: u32,
    flags: u64,
    /// With padding.
    payload: &'i [u8],
    compressed_size: usize,
    size: u64,
}

/// The newest PTX in a container that the device can run.
fn unpack(container: &[u8], (major, minor): (u32, u32)) -> Result<String, Refusal> {
    let elements = elements(container)?;
    let level = 10 * major + minor;
    let of_kind = |kind| elements.iter().filter(move |element| element.kind == kind);
    let newest = of_kind(KIND_PTX)
        .filter(|element| element.capability <= level)
        // The first of several.
        .min_by_key(|element| level - element.capability);
    if let Some(element) = newest {
        return element.text();
    }
    let levels = |kind, prefix: &str| {
        let levels = of_kind(kind).map(|element| format!("{prefix}{}", element.capability));
        let levels: Vec<_> = levels.collect();
        if levels.is_empty() {
            "nothing".to_owned()
        } else {
            levels.join(", ")
        }
    };
    Err(no_ptx(&format!(
        "the fat binary has no PTX that a device of compute capability {major}.{minor} can run: PTX \
         for {}, machine code for {}",
        levels(KIND_PTX, "compute_"),
        levels(KIND_CUBIN, "sm_")
    )))
}

/// A number at an offset, if there are as many bytes.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<u64> {
    let field = bytes.get(offset..)?.first_chunk::<N>()?;
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(field);
    Some(u64::from_le_bytes(wide))
}

fn elements(container: &[u8]) -> Result<Vec<Element<'_>>, Refusal> {
    let ends = || broken("it ends within an element");
    let header = number::<2>(container, 6).ok_or_else(ends)? as usize;
    let size = number::<8>(container, 8).ok_or_else(ends)?;
    let mut rest = usize::try_from(size)
        .ok()
        .and_then(|size| container.get(header..)?.get(..size))
        .ok_or_else(ends)?;
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let field = |offset| number::<4>(rest, offset).ok_or_else(ends);
        let header = field(4)? as usize;
        if header < ELEMENT {
            return Err(broken("the header of an element is too small"));
        }
        let padded = usize::try_from(number::<8>(rest, 8).ok_or_else(ends)?).map_err(|_| ends())?;
        let payload = rest.get(header..).ok_or_else(ends)?;
        elements.push(Element {
            kind: field(0)? as u16,
            capability: field(28)? as u32,
            flags: number::<8>(rest, 40).ok_or_else(ends)?,
            payload: payload.get(..padded).ok_or_else(ends)?,
            compressed_size: field(16)? as usize,
            size: number::<8>(rest, 56).ok_or_else(ends)?,
        });
        rest = &payload[padded..];
    }
    Ok(elements)
}

impl Element<'_> {
    /// The PTX, decompressed.
    fn text(&self) -> Result<String, Refusal> {
        let bytes = match self.flags & (COMPRESSED_LZ4 | COMPRESSED_ZSTD) {
            0 => self.payload.to_vec(),
            flag => {
                let failed = || broken("its PTX cannot be decompressed");
                let payload = self.payload.get(..self.compressed_size);
                let payload = payload.filter(|_| self.size <= MOST).ok_or_else(failed)?;
                let bytes = match flag {
                    COMPRESSED_LZ4 => lz4_flex::block::decompress(payload, self.size as usize)
                        .map_err(|_| failed())?,
                    _ => {
                        let mut bytes = Vec::new();
                        ruzstd::decoding::StreamingDecoder::new(payload)
                            .map_err(|_| failed())?
                            .take(self.size + 1)
                            .read_to_end(&mut bytes)
                            .map_err(|_| failed())?;
                        bytes
                    }
                };
                if bytes.len() as u64 != self.size {
                    return Err(failed());
                }
                bytes
            }
        };
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINARIES: [(&str, &[u8]); 3] = [
        (
            "uncompressed",
            include_bytes!("../../tests/fat/none.fatbin"),
        ),
        ("LZ4", include_bytes!("../../tests/fat/speed.fatbin")),
        ("Zstandard", include_bytes!("../../tests/fat/size.fatbin")),
    ];

    #[test]
    fn the_newest_ptx_that_the_device_can_run_is_taken() {
        for (compression, binary) in BINARIES {
            for (capability, target) in [
                ((8, 0), "sm_80"),
                ((9, 0), "sm_80"),
                ((10, 0), "sm_100"),
                ((12, 0), "sm_100"),
            ] {
                let text = ptx(binary, capability).expect(compression);
                assert!(text.contains(".visible .entry add("), "{compression}");
                assert!(
                    text.contains(&format!(".target {target}\n")),
                    "{compression}"
                );
            }
        }
    }

    #[test]
    fn a_binary_without_ptx_for_the_device_says_what_it_has() {
        let refused = |binary, capability| {
            let refusal = ptx(binary, capability).expect_err("there is none");
            assert_eq!(refusal.code, CUDA_ERROR_NO_BINARY_FOR_GPU as u32);
            refusal.sentence.expect("it says why")
        };
        let sentence = refused(BINARIES[0].1, (7, 5));
        assert!(
            sentence.contains("PTX for compute_80, compute_100, machine code for sm_80"),
            "{sentence}"
        );
        let sentence = refused(include_bytes!("../../tests/fat/only_sm_80.fatbin"), (9, 0));
        assert!(
            sentence.contains("PTX for nothing, machine code for sm_80"),
            "{sentence}"
        );
    }

    /// Whatever is cut off or changed is refused or is no matter; nothing panics.
    #[test]
    fn a_damaged_binary_is_refused() {
        for (compression, binary) in BINARIES {
            for length in 4..binary.len() {
                let refusal = ptx(&binary[..length], (9, 0)).expect_err(compression);
                assert_eq!(
                    refusal.code, CUDA_ERROR_INVALID_IMAGE as u32,
                    "{length} bytes"
                );
            }
            for index in 4..binary.len() {
                let mut changed = binary.to_vec();
                changed[index] ^= 0x81;
                if let Err(refusal) = ptx(&changed, (9, 0)) {
                    assert!(
                        [
                            CUDA_ERROR_INVALID_IMAGE as u32,
                            CUDA_ERROR_NO_BINARY_FOR_GPU as u32
                        ]
                        .contains(&refusal.code),
                        "byte {index}"
                    );
                }
            }
        }
    }
}

//! PTX that lies in the kernel crate's folder `ptx/`, for machines without a compiler for it.

use std::fs;

use crate::output::write_file;
use crate::{Arch, Error, Ptx, Sources, Toolchain};

/// Holds the hash of the sources.
const HASH_FILE: &str = "SOURCES.sha256";

/// PTX that was made from the present sources.
#[derive(Debug, Clone)]
pub struct Pregenerated {
    /// Every level that was asked for.
    pub ptx: Vec<Ptx>,
    /// The version of the compiler that made it.
    pub compiler: String,
}

/// The PTX of these levels, if it was made from these sources; otherwise a clause that says why not.
pub fn read(sources: &Sources, levels: &[Arch]) -> Result<Pregenerated, String> {
    let folder = sources.ptx_folder();
    let hash_path = folder.join(HASH_FILE);
    let present = fs::read_to_string(&hash_path)
        .map_err(|error| format!("{} cannot be read: {error}", hash_path.display()))?;
    let expected = sources.hash().map_err(|error| error.to_string())?;
    let mut lines = present.lines();
    if lines.next() != Some(&expected) {
        return Err(format!(
            "the PTX in {} was made from other sources",
            folder.display()
        ));
    }
    let ptx = levels
        .iter()
        .map(|&arch| {
            let path = folder.join(file_name(sources, arch));
            match fs::read_to_string(&path) {
                Ok(text) => Ok(Ptx { arch, text }),
                Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
            }
        })
        .collect::<Result<_, _>>()?;
    Ok(Pregenerated {
        ptx,
        compiler: lines.next().unwrap_or_default().to_owned(),
    })
}

/// Replaces the PTX, the hash last: until then the folder is stale, never wrong.
pub fn write(sources: &Sources, ptx: &[Ptx], toolchain: &Toolchain) -> Result<(), Error> {
    let folder = sources.ptx_folder();
    for level in ptx {
        write_file(&folder.join(file_name(sources, level.arch)), &level.text)?;
    }
    let hash = sources.hash()?;
    write_file(
        &folder.join(HASH_FILE),
        format!("{hash}\n{}\n", toolchain.version()),
    )
}

fn file_name(sources: &Sources, arch: Arch) -> String {
    format!("{}.{arch}.ptx", sources.name)
}

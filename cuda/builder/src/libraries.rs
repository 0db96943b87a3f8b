//! Libraries of kernels: crates that the kernel crate depends on and that have kernels themselves.
//!
//! Their entry points are in the PTX if the crate is linked, which rustc does where something of it is
//! named; `use library as _;` is enough. All entry points of a PTX share one space of names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::sources::collect;

/// A crate that uses `cuda_std`.
#[derive(Debug, Clone)]
pub(crate) struct Library {
    /// As in `use NAME`.
    pub name: String,
    /// What its files are called: `NAME/src/lib.rs`, or with its version if it is from a registry.
    pub shown: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether the kernel crate's own manifest names it.
    pub is_direct: bool,
}

impl Library {
    /// Its files, by the name to show for each, and their text.
    fn texts(&self) -> Result<Vec<(String, String)>, Error> {
        let mut files = BTreeSet::new();
        collect(&self.folder.join("src"), &mut files, &mut BTreeSet::new())?;
        files
            .into_iter()
            .map(|path| {
                let inside = path.strip_prefix(&self.folder).unwrap_or(&path);
                let shown = Path::new(&self.shown).join(inside).display().to_string();
                let text =
                    fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
                Ok((shown, text))
            })
            .collect()
    }
}

/// The name of a function that the compiler found twice among its modules.
pub fn defined_twice(messages: &str) -> Option<&str> {
    let (before, _) = messages.split_once("': symbol multiply defined")?;
    Some(before.rsplit_once('\'')?.1)
}

/// Where the crates define a function of this name, as `FILE:LINE`; where none does so literally,
/// where they name it.
pub fn places(crates: &[Library], name: &str) -> Result<Vec<String>, Error> {
    let mut definitions = Vec::new();
    let mut mentions = Vec::new();
    for library in crates {
        for (file, text) in library.texts()? {
            for (line, code) in (1..)
                .zip(text.lines())
                .filter(|(_, code)| !is_comment(code))
            {
                if defined_function(code) == Some(name) {
                    definitions.push(format!("{file}:{line}"));
                } else if words(code).any(|word| word == name) {
                    mentions.push(format!("{file}:{line}"));
                }
            }
        }
    }
    Ok(if definitions.is_empty() {
        mentions
    } else {
        definitions
    })
}

/// Those of the libraries that the kernel crate names in its manifest, and of whose kernels none is
/// in the PTX.
pub fn not_linked<'a>(libraries: &'a [Library], ptx: &str) -> Result<Vec<&'a Library>, Error> {
    let entries: BTreeSet<&str> = ptx
        .lines()
        .filter_map(|line| line.split_once(".entry "))
        .filter_map(|(_, rest)| words(rest).next())
        .collect();
    let mut found = Vec::new();
    for library in libraries.iter().filter(|library| library.is_direct) {
        let mut kernels = BTreeSet::new();
        for (_, text) in library.texts()? {
            kernels.extend(kernels_in(&text));
        }
        let is_in_ptx = |name: &String| entries.contains(name.as_str());
        if !kernels.is_empty() && !kernels.iter().any(is_in_ptx) {
            found.push(library);
        }
    }
    Ok(found)
}

/// The functions that follow a `#[kernel]`; a generic one has no entry point of its own name.
fn kernels_in(text: &str) -> Vec<String> {
    let mut is_kernel = false;
    let mut kernels = Vec::new();
    for line in text.lines().filter(|line| !is_comment(line)) {
        is_kernel |= line.contains("#[kernel") || line.contains("::kernel]");
        if is_kernel && let Some(name) = defined_function(line) {
            is_kernel = false;
            if !line.contains(&format!("fn {name}<")) {
                kernels.push(name.to_owned());
            }
        }
    }
    kernels
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn defined_function(code: &str) -> Option<&str> {
    let mut words = words(code);
    words.find(|&word| word == "fn")?;
    words.next()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{defined_twice, kernels_in};

    #[test]
    fn the_name_is_in_the_linkers_message() {
        let messages = "warning: x 'a'\nwarning: Linking globals named 'same': symbol multiply defined!\n\nerror: failed";
        assert_eq!(defined_twice(messages), Some("same"));
        assert_eq!(defined_twice("error: 'a' is not defined"), None);
    }

    #[test]
    fn kernels_are_what_follows_the_attribute() {
        let text = "
/// #[kernel]
/// fn in_a_comment() {}
fn helper() {}
#[kernel]
#[allow(missing_docs)]
pub unsafe fn first(x: *mut f32) {}
pub fn second() {}
#[cuda_std::kernel]
pub fn third() {}
#[kernel(instances(a::<f32>))]
pub fn generic<T>() {}
";
        assert_eq!(kernels_in(text), ["first", "third"]);
    }
}

//! All of the driver's functions, by the tables that they are in, and their names by base and version.

use std::ffi::c_void;

use libloading::Library;

use crate::{functions, per_thread, undeclared};

/// The functions of a driver.
pub(crate) struct Tables {
    /// Those that `cust_raw` declares.
    pub(crate) declared: functions::Functions,
    /// Those that it does not.
    pub(crate) undeclared: undeclared::Functions,
    /// Those whose default stream is the thread's.
    pub(crate) per_thread: per_thread::Functions,
}

impl Tables {
    /// Looks all functions up.
    ///
    /// # Safety
    ///
    /// - Whatever `library` exports under the name of a `cu*` function has its signature.
    /// - `library` stays open as long as the result is used.
    pub(crate) unsafe fn load(library: &Library) -> Self {
        // SAFETY: The caller's duty is the same for each table.
        unsafe {
            Self {
                declared: functions::Functions::load(library),
                undeclared: undeclared::Functions::load(library),
                per_thread: per_thread::Functions::load(library),
            }
        }
    }

    /// The functions of the simulator.
    pub(crate) fn simulated() -> Self {
        Self {
            declared: functions::Functions::simulated(),
            undeclared: undeclared::Functions::simulated(),
            per_thread: per_thread::Functions::simulated(),
        }
    }
}

/// Every function of `cuda.h` and `cudaProfiler.h` of CUDA 13.5, each with the version of CUDA that
/// brought it.
const EXPORTS: &str = include_str!("exports.txt");

/// The names that the library exports, with the versions of CUDA that brought them.
pub(crate) fn exports() -> impl Iterator<Item = (&'static str, u32)> {
    EXPORTS.lines().filter_map(|line| {
        let (name, version) = line.split_once(' ')?;
        Some((name, version.parse().ok()?))
    })
}

/// The function that programs link against by a name.
pub(crate) fn exported(name: &str) -> Option<*const c_void> {
    functions::exported(name)
        .or_else(|| undeclared::exported(name))
        .or_else(|| per_thread::exported(name))
        .or_else(|| crate::result::exported(name))
}

/// What is known of a function by its base name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The name of the variant.
    Variant(&'static str),
    /// All variants are newer.
    TooNew,
    /// There is none.
    Nothing,
}

/// The newest variant of a function that a version of CUDA has.
///
/// With `per_thread`, one whose default stream is the thread's, if there is one.
pub(crate) fn variant(base: &str, version: u32, per_thread: bool) -> Found {
    let variants = || {
        exports().filter_map(move |(name, since)| {
            let suffix = name.strip_prefix(base)?;
            let (number, own) = match suffix.strip_suffix("_ptsz") {
                Some(number) => (number, true),
                None => match suffix.strip_suffix("_ptds") {
                    Some(number) => (number, true),
                    None => (suffix, false),
                },
            };
            let is_variant = number.is_empty()
                || number
                    .strip_prefix("_v")
                    .is_some_and(|digits| digits.parse::<u32>().is_ok());
            is_variant.then_some((name, since, own))
        })
    };
    let newest = |own: bool| {
        variants()
            .filter(|&(_, since, is_own)| is_own == own && since <= version)
            .max_by_key(|&(_, since, _)| since)
            .map(|(name, ..)| Found::Variant(name))
    };
    let found = per_thread.then(|| newest(true)).flatten();
    found.or_else(|| newest(false)).unwrap_or_else(|| {
        if variants().next().is_some() {
            Found::TooNew
        } else {
            Found::Nothing
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_of_the_header_is_exported_and_no_other() {
        let listed: Vec<&str> = exports().map(|(name, _)| name).collect();
        assert_eq!(listed.len(), EXPORTS.lines().count());
        assert!(listed.is_sorted());
        let defined: BTreeSet<&str> = functions::NAMES
            .iter()
            .chain(undeclared::NAMES)
            .chain(per_thread::NAMES)
            .copied()
            .chain(["cuGetErrorName", "cuGetErrorString"])
            .collect();
        assert_eq!(defined, listed.iter().copied().collect());
        for name in listed {
            assert!(exported(name).is_some(), "{name}");
        }
        assert_eq!(exported("cuNothing"), None);
    }

    #[test]
    fn the_version_chooses_the_variant() {
        use Found::{Nothing, TooNew, Variant};

        let cases = [
            ("cuMemAlloc", 2000, false, Variant("cuMemAlloc")),
            ("cuMemAlloc", 3010, false, Variant("cuMemAlloc")),
            ("cuMemAlloc", 3020, false, Variant("cuMemAlloc_v2")),
            ("cuMemAlloc", 13000, true, Variant("cuMemAlloc_v2")),
            ("cuMemcpyHtoD", 3020, true, Variant("cuMemcpyHtoD_v2")),
            ("cuMemcpyHtoD", 7000, true, Variant("cuMemcpyHtoD_v2_ptds")),
            ("cuLaunchKernel", 4000, false, Variant("cuLaunchKernel")),
            (
                "cuLaunchKernel",
                12000,
                true,
                Variant("cuLaunchKernel_ptsz"),
            ),
            (
                "cuGetProcAddress",
                11030,
                false,
                Variant("cuGetProcAddress"),
            ),
            (
                "cuGetProcAddress",
                12000,
                false,
                Variant("cuGetProcAddress_v2"),
            ),
            ("cuCtxCreate", 12000, false, Variant("cuCtxCreate_v3")),
            ("cuCtxCreate", 13000, false, Variant("cuCtxCreate_v4")),
            ("cuGetErrorString", 6000, false, Variant("cuGetErrorString")),
            ("cuLaunchKernelEx", 11000, false, TooNew),
            ("cuLaunch", 2000, false, Variant("cuLaunch")),
            ("cuMemAlloc_v", 13000, false, Nothing),
            ("cuNothing", 13000, false, Nothing),
            ("", 13000, false, Nothing),
        ];
        for (base, version, per_thread, expected) in cases {
            assert_eq!(
                variant(base, version, per_thread),
                expected,
                "{base} {version}"
            );
        }
    }
}

//! What the table of `functions.rs` expands into: the struct of a driver's functions, the
//! functions that `cust` links against, and the simulator's.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort};

use cust_raw::*;

use crate::header::Location;

/// How a type of `cust_raw` is passed: as itself, except that an enum is passed as its number.
///
/// A program in another language, or one that is newer than `cust_raw`, passes numbers that are no
/// variant, which an argument of the enum's type must never be.
pub(crate) trait Passed {
    /// The type of the argument.
    type As;
}

impl<T> Passed for *const T {
    type As = Self;
}

impl<T> Passed for *mut T {
    type As = Self;
}

macro_rules! passed {
    (as themselves: $($type:ty)*) => {
        $(impl Passed for $type {
            type As = Self;
        })*
    };
    (as numbers: $($type:ty)*) => {
        $(
            impl Passed for $type {
                type As = u32;
            }
            const _: () = assert!(size_of::<$type>() == size_of::<u32>());
        )*
    };
}

passed! {
    as themselves:
    c_char c_int c_uchar c_uint c_ulonglong c_ushort usize f32 Location
    CUhostFn CUipcEventHandle CUipcMemHandle CUoccupancyB2DSize CUstreamCallback
}
passed! {
    as numbers:
    CUaddress_mode CUarray_format CUdevice_P2PAttribute CUdevice_attribute CUexecAffinityType
    CUfilter_mode CUflushGPUDirectRDMAWritesScope CUflushGPUDirectRDMAWritesTarget CUfunc_cache
    CUfunction_attribute CUgraphMem_attribute CUjitInputType CUkernelNodeAttrID CUlimit
    CUmemAllocationGranularity_flags CUmemAllocationHandleType CUmemAllocationType
    CUmemPool_attribute CUmem_advise
    CUmem_range_attribute CUoutput_mode CUpointer_attribute CUsharedconfig CUstreamAttrID
    CUstreamCaptureMode
}

/// Expands a table into the struct of a driver's functions, into the functions of the same names that
/// programs link against, and into the simulator's.
///
/// `$field` is where `Tables` has the struct; `$origin` is `cust_raw` for what it declares, whose
/// callers get its codes alone, and `header` for what only CUDA's header has.
macro_rules! functions {
    (
        $field:ident from $origin:ident;
        $($name:ident($($type:ty),*) $(=> $simulated:path)?;)*
    ) => {
        /// Functions of a driver; `None` for one that it does not have.
        ///
        /// They return a plain number, because a driver may know more codes than `CUresult`.
        #[allow(non_snake_case)]
        pub(crate) struct Functions {
            $(pub(crate) $name: Option<unsafe extern "C" fn($(<$type as Passed>::As),*) -> u32>,)*
        }

        impl Functions {
            /// Looks all functions up.
            ///
            /// # Safety
            ///
            /// - Whatever `library` exports under the name of a `cu*` function has its signature.
            /// - `library` stays open as long as the result is used.
            pub(crate) unsafe fn load(library: &Library) -> Self {
                Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: The caller vouches for the signature, which for the functions of
                        // `cust_raw` a `const` below checks against its declaration; an `Option` of
                        // a function has the layout of a pointer, and an enum that of its number.
                        let function = unsafe { library.get(name.as_bytes()) };
                        function.ok().and_then(|function| *function)
                    },)*
                }
            }

            /// The functions of the simulator.
            pub(crate) fn simulated() -> Self {
                Self { $($name: Simulated::$name,)* }
            }
        }

        /// The simulator's functions, a constant for each.
        struct Simulated;

        /// The function of this table that programs link against by a name.
        pub(crate) fn exported(name: &str) -> Option<*const c_void> {
            Some(match name {
                $(stringify!($name) => $name as *const c_void,)*
                _ => return None,
            })
        }

        $(
            declaration!($origin, $name, ($($type),*));
            forwarder!(
                $field, $origin, $name, [$($simulated)?], (), (a b c d e f g h i j k l m n o p),
                ($($type,)*)
            );
        )*

        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Calls every function that there is with arguments that `fill` makes, each after `before`.
        #[cfg(test)]
        pub(crate) fn call_all(
            functions: &Functions,
            fill: crate::misuse::Fill,
            before: &mut dyn FnMut(),
        ) -> Vec<(&'static str, u32)> {
            let mut results = Vec::new();
            $(
                if let Some(function) = functions.$name {
                    before();
                    // SAFETY: Arguments are numbers, handles, which are not followed, null, or places
                    // that are larger than everything that functions look for there.
                    let result = unsafe {
                        function($(crate::misuse::argument::<<$type as Passed>::As>(
                            std::any::type_name::<$type>(), fill,
                        )),*)
                    };
                    results.push((stringify!($name), result));
                }
            )*
            results
        }
    };
}

/// Checks a line of a table against the declaration that callers see.
macro_rules! declaration {
    (cust_raw, $name:ident, ($($type:ty),*)) => {
        const _: unsafe extern "C" fn($($type),*) -> CUresult = cust_raw::$name;
    };
    (header, $name:ident, $types:tt) => {};
}

/// Whether a function's callers know the codes of `cust_raw` alone.
macro_rules! knows_declared_codes_only {
    (cust_raw) => {
        true
    };
    (header) => {
        false
    };
}

/// Defines one `cu*` function, after pairing its argument types with names, one in each step.
macro_rules! forwarder {
    (
        $field:ident, $origin:ident, $name:ident, $simulated:tt,
        ($($argument:ident: $type:ty,)*), $names:tt, ()
    ) => {
        #[allow(non_snake_case, clippy::too_many_arguments)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: <$type as Passed>::As),*) -> u32 {
            const DECLARED_ONLY: bool = knows_declared_codes_only!($origin);
            result::of(stringify!($name), DECLARED_ONLY, |tables| {
                // SAFETY: The caller keeps the contract of the driver's function, which gets the
                // same arguments.
                tables.$field.$name.map(|function| unsafe { function($($argument),*) })
            })
        }

        impl Simulated {
            #[allow(non_upper_case_globals)]
            const $name: Option<unsafe extern "C" fn($(<$type as Passed>::As),*) -> u32> =
                simulated!($name, $simulated, ($($argument: $type,)*));
        }
    };
    (
        $field:ident, $origin:ident, $name:ident, $simulated:tt, ($($argument:ident: $type:ty,)*),
        ($next:ident $($names:ident)*), ($next_type:ty, $($types:ty,)*)
    ) => {
        forwarder!(
            $field, $origin, $name, $simulated, ($($argument: $type,)* $next: $next_type,),
            ($($names)*), ($($types,)*)
        );
    };
}

/// The simulator's function with the signature of the driver's, if there is one.
macro_rules! simulated {
    ($name:ident, [], $arguments:tt) => {
        None
    };
    ($name:ident, [$simulated:path], ($($argument:ident: $type:ty,)*)) => {{
        #[allow(clippy::too_many_arguments)]
        unsafe extern "C" fn call($($argument: <$type as Passed>::As),*) -> u32 {
            sim::answer(stringify!($name), |session| {
                $(
                    // SAFETY: The caller keeps the contract of the driver's function of this name:
                    // its pointers are null or valid for what the function does with them.
                    let $argument = unsafe { sim::Argument::take($argument) }?;
                )*
                $simulated(session, $($argument),*)
            })
        }
        Some(call)
    }};
}

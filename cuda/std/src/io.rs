//! Printing from kernels, and assertions.
//!
//! [`print!`](crate::print), [`println!`](crate::println), [`assert_eq!`](crate::assert_eq) and
//! [`assert_ne!`](crate::assert_ne) take what those of `std` take. The text is formatted on the
//! thread's stack, in pieces; nothing is allocated.
//!
//! What kernels print goes to a buffer of the device (1 MiB, unless the host sets
//! `CU_LIMIT_PRINTF_FIFO_SIZE`), and the host writes it out when it synchronizes. Up to
//! [`CHUNK`] bytes of one call stay together; between the pieces of longer ones there may be output of
//! other threads.

use core::ffi::c_void;
use core::fmt;

/// Bytes that are printed at once.
pub const CHUNK: usize = 255;

/// Bytes of the message of a failed assertion; what is longer is cut off.
#[cfg(target_arch = "nvptx64")]
const MESSAGE: usize = 511;

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    /// Prints as C's `vprintf` does; the values lie one after the other at `valist`, each aligned to
    /// its size. Returns their number, or less than 0.
    ///
    /// # Safety
    ///
    /// - `format`, and each argument that it prints by `%s`, ends in a null byte.
    /// - What `format` asks for is there at `valist`.
    pub fn vprintf(format: *const u8, valist: *const c_void) -> i32;

    /// What a failed `assert` of CUDA C++ calls: the launch ends with an error, and the host is told
    /// all of this, the block and the thread.
    ///
    /// # Safety
    ///
    /// - `message`, `file` and `function` end in a null byte, and `char_size` is 1.
    pub fn __assertfail(
        message: *const u8,
        file: *const u8,
        line: u32,
        function: *const u8,
        char_size: usize,
    );
}

/// Prints as C's `vprintf` does; the values lie one after the other at `valist`, each aligned to its
/// size. Returns their number, or less than 0.
///
/// # Safety
///
/// - `format`, and each argument that it prints by `%s`, ends in a null byte.
/// - What `format` asks for is there at `valist`.
#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn vprintf(format: *const u8, valist: *const c_void) -> i32 {
    let _ = (format, valist);
    crate::only_on_device("io::vprintf")
}

/// What a failed `assert` of CUDA C++ calls: the launch ends with an error, and the host is told all
/// of this, the block and the thread.
///
/// # Safety
///
/// - `message`, `file` and `function` end in a null byte, and `char_size` is 1.
#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn __assertfail(
    message: *const u8,
    file: *const u8,
    line: u32,
    function: *const u8,
    char_size: usize,
) {
    let _ = (message, file, line, function, char_size);
    crate::only_on_device("io::__assertfail")
}

/// Prints to the host's standard output, as `std`'s does.
///
/// ```
/// use cuda_std::prelude::*;
///
/// #[kernel]
/// pub fn greet() {
///     let thread = thread::index();
///     cuda_std::print!("thread {thread}, {:.1} %\n", 100.0 * thread as f32 / 64.0);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::io::_print(::core::format_args!($($argument)*))
    };
}

/// Prints a line to the host's standard output, as `std`'s does.
#[macro_export]
macro_rules! println {
    () => {
        $crate::print!("\n")
    };
    ($($argument:tt)*) => {
        $crate::io::_print(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Ends the launch with an error unless two values are equal. The host is told the expressions, the
/// values, the message if there is one, the file and line, and which thread it was.
///
/// ```
/// use cuda_std::assert_eq;
/// use cuda_std::prelude::*;
///
/// #[kernel]
/// pub fn check(x: &[u32]) {
///     assert_eq!(x.len(), 64);
///     assert_eq!(x[0], 1, "the first of {} elements", x.len());
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! assert_eq {
    ($left:expr, $right:expr $(,)?) => {
        $crate::__assert!(==, $left, $right, ::core::format_args!(""))
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::__assert!(==, $left, $right, ::core::format_args!(": {}", ::core::format_args!($($message)+)))
    };
}

/// Ends the launch with an error if two values are equal; else as [`assert_eq!`](crate::assert_eq).
#[macro_export]
macro_rules! assert_ne {
    ($left:expr, $right:expr $(,)?) => {
        $crate::__assert!(!=, $left, $right, ::core::format_args!(""))
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::__assert!(!=, $left, $right, ::core::format_args!(": {}", ::core::format_args!($($message)+)))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __assert {
    ($operator:tt, $left:expr, $right:expr, $message:expr) => {
        // A `match`, so that temporaries live until the end.
        match (&$left, &$right) {
            (left, right) => {
                if !(*left $operator *right) {
                    $crate::io::_assert_failed(
                        ::core::concat!(
                            ::core::stringify!($left), " ", ::core::stringify!($operator), " ",
                            ::core::stringify!($right)
                        ),
                        &left,
                        &right,
                        $message,
                        // C's strings.
                        (
                            ::core::concat!(::core::file!(), "\0"),
                            ::core::line!(),
                            ::core::concat!(::core::module_path!(), "\0"),
                        ),
                    )
                }
            }
        }
    };
}

/// Text on the stack, which ends in a null byte.
#[cfg(target_arch = "nvptx64")]
struct Text<const N: usize> {
    bytes: [core::mem::MaybeUninit<u8>; N],
    len: usize,
}

#[cfg(target_arch = "nvptx64")]
impl<const N: usize> Text<N> {
    const EMPTY: Self = Self {
        bytes: [core::mem::MaybeUninit::uninit(); N],
        len: 0,
    };

    /// Takes as much of `text` as there is room for, up to a null byte; returns how much that was.
    fn push(&mut self, text: &[u8]) -> usize {
        let mut taken = 0;
        while self.len < N - 1 && taken < text.len() && text[taken] != 0 {
            self.bytes[self.len].write(text[taken]);
            self.len += 1;
            taken += 1;
        }
        taken
    }

    /// Adds the null byte.
    fn as_c_str(&mut self) -> *const u8 {
        self.bytes[self.len].write(0);
        self.bytes.as_ptr().cast()
    }
}

/// Prints whenever it is full.
#[cfg(target_arch = "nvptx64")]
struct Printer(Text<{ CHUNK + 1 }>);

#[cfg(target_arch = "nvptx64")]
impl Printer {
    fn flush(&mut self) {
        if self.0.len > 0 {
            let arguments = [self.0.as_c_str()];
            // SAFETY: the format asks for one string, whose address the array holds.
            unsafe { vprintf(c"%s".as_ptr().cast(), arguments.as_ptr().cast()) };
            self.0.len = 0;
        }
    }
}

#[cfg(target_arch = "nvptx64")]
impl fmt::Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        loop {
            rest = &rest[self.0.push(rest)..];
            let Some(&next) = rest.first() else {
                return Ok(());
            };
            self.flush();
            if next == 0 {
                // It would end a string.
                // SAFETY: the format asks for one number.
                unsafe { vprintf(c"%c".as_ptr().cast(), (&raw const ZERO).cast()) };
                rest = &rest[1..];
            }
        }
    }
}

#[cfg(target_arch = "nvptx64")]
static ZERO: i32 = 0;

/// What [`print!`](crate::print) calls; on the host it prints by `std`.
#[doc(hidden)]
#[inline(never)]
pub fn _print(arguments: fmt::Arguments<'_>) {
    #[cfg(target_arch = "nvptx64")]
    {
        let mut printer = Printer(Text::EMPTY);
        // An implementation of `Display` may fail; what it has printed stays.
        let _ = fmt::write(&mut printer, arguments);
        printer.flush();
    }
    #[cfg(not(target_arch = "nvptx64"))]
    std::print!("{arguments}");
}

/// What [`assert_eq!`](crate::assert_eq) calls with the assertion, the two values, the message, and
/// file, line and function; on the host it panics.
#[doc(hidden)]
#[cold]
#[inline(never)]
#[track_caller]
pub fn _assert_failed(
    assertion: &str,
    left: &dyn fmt::Debug,
    right: &dyn fmt::Debug,
    message: fmt::Arguments<'_>,
    position: (&'static str, u32, &'static str),
) -> ! {
    #[cfg(target_arch = "nvptx64")]
    {
        struct Message(Text<{ MESSAGE + 1 }>);

        impl fmt::Write for Message {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.push(text.as_bytes());
                Ok(())
            }
        }

        let (file, line, function) = position;
        let mut text = Message(Text::EMPTY);
        let arguments = format_args!("{assertion} (left: {left:?}, right: {right:?}){message}");
        let _ = fmt::write(&mut text, arguments);
        // SAFETY: the message ends in a null byte, and the macro has put one behind the others.
        unsafe {
            __assertfail(text.0.as_c_str(), file.as_ptr(), line, function.as_ptr(), 1);
            core::arch::nvptx::trap()
        }
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = position;
        panic!("assertion `{assertion}` failed (left: {left:?}, right: {right:?}){message}")
    }
}

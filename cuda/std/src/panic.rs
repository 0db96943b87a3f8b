//! What a kernel does when it panics: it says who it is and why, once for a launch, and traps.
//!
//! A trap ends the launch and makes the context unusable, so no device memory can be read
//! afterwards, and what was printed may be lost. The record is therefore copied to host memory that
//! the device sees, if the host has put the address of some into the global [`RECORD_SYMBOL`].
//!
//! Thousands of threads may panic at a time: the first of a launch speaks, the others wait for its
//! trap. What it says is settled when the kernels are built (`cuda_builder`'s `Panics`).

use core::fmt;

/// The name of the global that holds the record's address.
pub const RECORD_SYMBOL: &str = "cuda_std_panic_record";

/// What the first panicking thread leaves behind.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct PanicRecord {
    /// 0 until a thread panics, [`PanicRecord::CLAIMED`] while it writes, [`PanicRecord::WRITTEN`] then.
    pub state: u32,
    /// [`Kernel::ID`](crate::kernel::Kernel::ID) of the kernel.
    pub kernel_id: u32,
    /// The block's index in the grid.
    pub block_idx: [u32; 3],
    /// The thread's index in its block.
    pub thread_idx: [u32; 3],
    /// The line in `file`, from 1; 0 if the kernels were built to tell no location.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// The source file; the end of its path if it is long.
    pub file: Text<128>,
    /// The message in one line; empty if the kernels were built to tell none.
    pub message: Text<256>,
}

impl PanicRecord {
    /// A thread is writing the record.
    pub const CLAIMED: u32 = 1;
    /// The record is whole.
    pub const WRITTEN: u32 = 2;
    /// No panic yet.
    pub const EMPTY: PanicRecord = PanicRecord {
        state: 0,
        kernel_id: 0,
        block_idx: [0; 3],
        thread_idx: [0; 3],
        line: 0,
        column: 0,
        file: Text::EMPTY,
        message: Text::EMPTY,
    };
}

/// At most `N - 1` bytes of text in one line; what is cut off leaves an ellipsis.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text<const N: usize> {
    /// Of `bytes`. One more at least is zero, as C wants it.
    len: u32,
    bytes: [u8; N],
}

const ELLIPSIS: &[u8] = "…".as_bytes();

impl<const N: usize> Text<N> {
    /// No text.
    pub const EMPTY: Text<N> = Text {
        len: 0,
        bytes: [0; N],
    };

    /// The text, as far as it is UTF-8.
    pub fn as_str(&self) -> &str {
        let bytes = self.as_bytes();
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len as usize).unwrap_or_default()
    }

    #[allow(dead_code, reason = "on the device")]
    fn clear(&mut self) {
        self.len = 0;
        self.bytes[0] = 0;
    }

    /// The end of a path.
    #[allow(dead_code, reason = "not at every level")]
    #[inline(always)]
    fn set_path(&mut self, path: &str) {
        let bytes = path.as_bytes();
        self.len = 0;
        let start = match bytes.len().checked_sub(N - 1) {
            Some(excess) if excess > 0 => {
                self.extend(ELLIPSIS);
                next_character(bytes, excess + ELLIPSIS.len())
            }
            _ => 0,
        };
        self.extend(bytes.get(start..).unwrap_or_default());
    }

    /// Adds bytes that fit: those that do not are left out, for nothing here may panic.
    #[inline(always)]
    fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(place) = self.bytes[..N - 1].get_mut(self.len as usize) {
                *place = byte;
                self.len += 1;
            }
        }
        if let Some(end) = self.bytes.get_mut(self.len as usize) {
            *end = 0;
        }
    }

    /// Puts an ellipsis over the end.
    fn cut(&mut self) {
        let mut end = N - 1 - ELLIPSIS.len();
        while end > 0 && self.bytes.get(end).is_some_and(is_inside_character) {
            end -= 1;
        }
        self.len = end as u32;
        self.extend(ELLIPSIS);
    }
}

/// The start of the first character from `idx` on.
#[inline(always)]
fn next_character(bytes: &[u8], mut idx: usize) -> usize {
    while bytes.get(idx).is_some_and(is_inside_character) {
        idx += 1;
    }
    idx
}

#[inline(always)]
fn is_inside_character(byte: &u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// A line's end, and the spaces that begin the next line, become one space.
impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut is_line_start = false;
        for &byte in text.as_bytes() {
            if is_line_start && byte == b' ' {
                continue;
            }
            is_line_start = byte == b'\n';
            if self.len as usize == N - 1 {
                self.cut();
                return Err(fmt::Error);
            }
            self.extend(&[if is_line_start { b' ' } else { byte }]);
        }
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(target_arch = "nvptx64")]
mod device {
    use core::arch::{asm, global_asm};
    use core::cell::UnsafeCell;
    use core::ffi::{CStr, c_char, c_void};
    use core::fmt::Write as _;
    use core::panic::{Location, PanicInfo};
    use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

    use super::{PanicRecord, Text};
    use crate::thread;

    // Each level tells what the one before it tells. Reading the message keeps all of its formatting
    // in the PTX.
    const SAYS_LOCATION: bool = SAYS_MESSAGE || is_level(b"location");
    const SAYS_MESSAGE: bool = !is_level(b"silent") && !is_level(b"location");

    const fn is_level(name: &[u8]) -> bool {
        let Some(level) = option_env!("CUDA_STD_PANICS") else {
            return false;
        };
        let level = level.as_bytes();
        let mut idx = 0;
        while idx < level.len() && idx < name.len() && level[idx] == name[idx] {
            idx += 1;
        }
        idx == level.len() && idx == name.len()
    }

    // One word per block. Every thread writes the same value and reads it only after its own write; both are
    // volatile, so that neither races with another thread's write.
    global_asm!(".shared .align 4 .b32 cuda_std_kernel_id;");

    /// The host's record, or null.
    #[unsafe(no_mangle)]
    static cuda_std_panic_record: AtomicPtr<PanicRecord> = AtomicPtr::new(core::ptr::null_mut());

    /// The launch in which a thread has panicked, and which one it was: this one alone speaks.
    static LAUNCH: AtomicU64 = AtomicU64::new(0);
    static OWNER: AtomicU64 = AtomicU64::new(0);
    static MESSAGE: Message = Message(UnsafeCell::new(Text::EMPTY));

    /// The message's text, outside of a stack, which every kernel that may panic would have.
    struct Message(UnsafeCell<Text<256>>);

    // SAFETY: only the owner looks into it.
    unsafe impl Sync for Message {}

    unsafe extern "C" {
        fn vprintf(format: *const c_char, arguments: *const c_void) -> i32;
    }

    /// Remembers which kernel this is. `#[kernel]` puts it first in every entry point, and
    /// `cuda_builder` removes it from those that cannot panic.
    ///
    /// # Safety
    ///
    /// - Called only by what `#[kernel]` writes, with the kernel's own id.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn enter_kernel(id: u32) {
        // SAFETY: the word is ours, and no thread reads another value than it writes.
        unsafe {
            asm!("st.volatile.shared.u32 [cuda_std_kernel_id], {};", in(reg32) id, options(nostack, preserves_flags));
        }
    }

    // What is not read here LLVM does not even compute.
    #[panic_handler]
    #[inline(always)]
    fn panic(info: &PanicInfo) -> ! {
        if SAYS_MESSAGE {
            speak(info.location(), |text| {
                // An error is that there is more than fits.
                let _ = write!(text, "{}", info.message());
            })
        } else {
            speak(info.location().filter(|_| SAYS_LOCATION), |_| ())
        }
    }

    #[inline(never)]
    fn speak(location: Option<&Location<'_>>, write_message: impl FnOnce(&mut Text<256>)) -> ! {
        let host = cuda_std_panic_record.load(Ordering::Relaxed);
        if SAYS_LOCATION || !host.is_null() {
            let launch = launch();
            // SAFETY: only the owner comes to what follows a claim, and the message is its own.
            let message = unsafe { &mut *MESSAGE.0.get() };
            if LAUNCH.swap(launch, Ordering::Relaxed) != launch {
                if SAYS_MESSAGE {
                    OWNER.store(this_thread(launch), Ordering::Relaxed);
                    message.clear();
                    write_message(message);
                }
            } else if !SAYS_MESSAGE || OWNER.load(Ordering::Relaxed) != this_thread(launch) {
                // A trap of this thread could come before the owner has spoken.
                wait();
            }
            // Or it is the owner's second panic, that of its message.
            if !host.is_null() {
                // SAFETY: the host has put the address of a live record there.
                unsafe { record(host, location, message) };
            }
            // Last: what lives beyond a call takes registers, which every kernel would have more of.
            if let Some(location) = location {
                print(location, message);
            }
        }
        // SAFETY: a trap has no precondition.
        unsafe { asm!("trap;", options(noreturn, nostack)) }
    }

    /// What tells the launch from others, never 0.
    fn launch() -> u64 {
        let grid: u64;
        // SAFETY: reading a special register has no precondition.
        unsafe { asm!("mov.u64 {}, %gridid;", out(reg64) grid, options(pure, nomem, nostack)) };
        grid.wrapping_add(1)
    }

    /// What tells the thread from others of all launches, but for a rare chance; never 0, which is nobody.
    fn this_thread(launch: u64) -> u64 {
        let thread =
            thread::thread_idx_x() | thread::thread_idx_y() << 10 | thread::thread_idx_z() << 20;
        let mix = |sum: u64, part: u32| (sum ^ u64::from(part)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let launch_and_block = mix(
            mix(mix(launch, thread::block_idx_x()), thread::block_idx_y()),
            thread::block_idx_z(),
        );
        mix(launch_and_block, thread) | 1
    }

    /// Until the owner's trap ends the launch.
    fn wait() -> ! {
        loop {
            LAUNCH.load(Ordering::Relaxed);
        }
    }

    /// Fills the host's record, if it is free.
    ///
    /// # Safety
    ///
    /// - `record` is that of a live record.
    #[inline(always)]
    unsafe fn record(
        record: *mut PanicRecord,
        location: Option<&Location<'_>>,
        message: &Text<256>,
    ) {
        // SAFETY: the record is live, and its first field is an aligned u32 that only atomics touch.
        let state = unsafe { AtomicU32::from_ptr(&raw mut (*record).state) };
        let claim = state.compare_exchange(
            0,
            PanicRecord::CLAIMED,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if claim.is_err() {
            return;
        }
        let kernel_id: u32;
        // SAFETY: this thread has written the word when it entered the kernel.
        unsafe {
            asm!("ld.volatile.shared.u32 {}, [cuda_std_kernel_id];", out(reg32) kernel_id, options(nostack, preserves_flags));
        }
        // SAFETY: this thread alone has claimed the record.
        let record = unsafe { &mut *record };
        record.kernel_id = kernel_id;
        record.block_idx = [
            thread::block_idx_x(),
            thread::block_idx_y(),
            thread::block_idx_z(),
        ];
        record.thread_idx = [
            thread::thread_idx_x(),
            thread::thread_idx_y(),
            thread::thread_idx_z(),
        ];
        if let Some(location) = location {
            record.line = location.line();
            record.column = location.column();
            record.file.set_path(location.file());
        }
        if SAYS_MESSAGE {
            record.message.extend(message.as_bytes());
        }
        // SAFETY: a fence has no precondition. The host must see the record whole before it sees that
        // it is, and the trap that follows must not overtake either.
        unsafe {
            asm!("membar.sys;", options(nostack, preserves_flags));
            state.store(PanicRecord::WRITTEN, Ordering::Relaxed);
            asm!("membar.sys;", options(nostack, preserves_flags));
        }
    }

    /// One line.
    #[inline(always)]
    fn print(location: &Location<'_>, message: &Text<256>) {
        const LOCATION: &CStr = c"block (%u, %u, %u) thread (%u, %u, %u) panicked at %s:%u:%u\n";
        const MESSAGE: &CStr = c"block (%u, %u, %u) thread (%u, %u, %u) panicked at %s:%u:%u: %s\n";
        #[repr(C)]
        struct Arguments {
            block_idx: [u32; 3],
            thread_idx: [u32; 3],
            file: *const c_char,
            line: u32,
            column: u32,
            message: *const u8,
        }
        let arguments = Arguments {
            block_idx: [
                thread::block_idx_x(),
                thread::block_idx_y(),
                thread::block_idx_z(),
            ],
            thread_idx: [
                thread::thread_idx_x(),
                thread::thread_idx_y(),
                thread::thread_idx_z(),
            ],
            file: location.file_as_c_str().as_ptr(),
            line: location.line(),
            column: location.column(),
            message: message.bytes.as_ptr(),
        };
        let format = if SAYS_MESSAGE { MESSAGE } else { LOCATION };
        // SAFETY: the arguments are those of the format, placed as C does, and the texts end in zero.
        unsafe { vprintf(format.as_ptr(), (&raw const arguments).cast()) };
    }
}

#[cfg(target_arch = "nvptx64")]
pub use device::enter_kernel;

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;
    use std::string::String;

    use super::Text;

    #[test]
    fn a_message_becomes_one_line() {
        let mut text = Text::<64>::EMPTY;
        write!(text, "a {} b\n  left: {}\n right: 2", 1, 2).unwrap();
        assert_eq!(text.as_str(), "a 1 b left: 2 right: 2");
    }

    #[test]
    fn a_long_message_ends_in_an_ellipsis() {
        for (message, expected) in [
            ("1234567", "1234567"),
            ("12345678", "1234…"),
            ("123456789", "1234…"),
            // Not in the middle of a character.
            ("123é5678", "123…"),
        ] {
            let mut text = Text::<8>::EMPTY;
            let whole = text.write_str(message);
            assert_eq!(whole.is_ok(), message == expected);
            assert_eq!(text.as_str(), expected);
        }
    }

    #[test]
    fn a_long_path_begins_with_an_ellipsis() {
        for (path, expected) in [
            ("a/b.rs", "a/b.rs"),
            ("ab/c.rs", "ab/c.rs"),
            ("abc/d.rs", "…d.rs"),
            ("abcdéf.rs", "…f.rs"),
        ] {
            let mut text = Text::<8>::EMPTY;
            text.set_path(path);
            let expected: String = expected.into();
            assert_eq!(text.as_str(), expected);
        }
    }
}

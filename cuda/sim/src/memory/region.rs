//! The bytes of one allocation, with what is known about each.

use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bytes::{Bytes, Word};
use super::initialized::Initialized;
use super::{Allocation, AllocationKind};
use crate::check::GlobalShadow;

/// The alignment of every allocation of the device.
pub(super) const ALIGNMENT: u64 = 256;

/// What the bytes of fresh device memory hold: as floats NaN, as integers -1.
const FRESH: u8 = 0xff;

/// Fresh memory beyond this stays zero, so that the system need not hand it out at once.
const FRESH_FILL: u64 = 16 << 20;

/// An allocation and its bytes.
pub(crate) struct Region {
    address: u64,
    size: u64,
    kind: AllocationKind,
    number: u64,
    live: AtomicBool,
    pub(super) bytes: Bytes,
    pub(super) initialized: Option<Initialized>,
    accesses: OnceLock<GlobalShadow>,
}

impl Region {
    /// Device memory at an address of its own. None if the system has not the memory.
    pub(super) fn device(
        address: u64,
        size: u64,
        kind: AllocationKind,
        number: u64,
        track: bool,
    ) -> Option<Self> {
        let region = Self {
            address,
            size,
            kind,
            number,
            live: AtomicBool::new(true),
            bytes: Bytes::zeroed(size, ALIGNMENT as usize)?,
            initialized: match (track, kind) {
                (true, AllocationKind::Device | AllocationKind::Heap) => {
                    Some(Initialized::new(size)?)
                }
                _ => None,
            },
            accesses: OnceLock::new(),
        };
        if matches!(kind, AllocationKind::Device | AllocationKind::Heap) {
            let mut rest = size.min(FRESH_FILL);
            while rest > 0 {
                let chunk = rest.min(4096);
                rest -= chunk;
                region.bytes.write(rest, &[FRESH; 4096][..chunk as usize]);
            }
        }
        Some(region)
    }

    /// Memory of the host, allocated here: its address is the host's. None if the system has not
    /// the memory.
    pub(super) fn host(
        size: u64,
        alignment: u64,
        kind: AllocationKind,
        number: u64,
    ) -> Option<Self> {
        let bytes = Bytes::zeroed(size, alignment.max(ALIGNMENT) as usize)?;
        Some(Self::on_host(bytes, size, kind, number))
    }

    /// Memory of the host program.
    ///
    /// # Safety
    /// - `pointer` is valid for reads and writes of `size` bytes until this value is dropped.
    /// - Meanwhile the host program makes no access to them that races with a kernel's.
    pub(super) unsafe fn lent(pointer: NonNull<u8>, size: u64, number: u64) -> Self {
        // SAFETY: The caller promises what is needed.
        let bytes = unsafe { Bytes::lent(pointer, size) };
        Self::on_host(bytes, size, AllocationKind::Registered, number)
    }

    fn on_host(bytes: Bytes, size: u64, kind: AllocationKind, number: u64) -> Self {
        Self {
            address: bytes.address(),
            size,
            kind,
            number,
            live: AtomicBool::new(true),
            bytes,
            initialized: None,
            accesses: OnceLock::new(),
        }
    }

    /// What can be said of the allocation.
    pub(crate) fn allocation(&self) -> Allocation {
        Allocation {
            address: self.address,
            size: self.size,
            kind: self.kind,
            number: self.number,
            live: self.is_live(),
        }
    }

    /// The address of the first byte.
    #[inline(always)]
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// The size in bytes.
    #[inline(always)]
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether a kernel may write to it.
    #[inline(always)]
    pub(crate) fn is_writable(&self) -> bool {
        self.kind != AllocationKind::Constant
    }

    /// Whether a kernel has allocated it.
    pub(crate) fn is_heap(&self) -> bool {
        self.kind == AllocationKind::Heap
    }

    /// Whether it was not freed yet.
    #[inline(always)]
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    pub(super) fn free(&self) {
        self.live.store(false, Ordering::Relaxed);
    }

    /// Where some bytes begin, counted from the first, if all of them are inside.
    #[inline(always)]
    pub(crate) fn offset(&self, address: u64, bytes: u64) -> Option<u64> {
        let offset = address.wrapping_sub(self.address);
        (offset <= self.size && bytes <= self.size - offset).then_some(offset)
    }

    /// Replaces a word by what `update` makes of it, in one step, in one order with all other
    /// updates; returns the old word. Its offset must come from [`Region::offset`] or
    /// [`super::Cursor::find`], and its address must be aligned. `update` may be called more than
    /// once.
    #[inline]
    pub(crate) fn update<T: Word>(&self, offset: u64, update: impl FnMut(T) -> T) -> T {
        let old = self.bytes.update(offset, update);
        self.initialize(offset, size_of::<T>() as u64);
        old
    }

    /// As [`Region::update`] for 16 bytes: in one step for other updates of 16 bytes, while a
    /// smaller access may see one half of it.
    pub(crate) fn update_wide(&self, offset: u64, update: impl FnOnce(u128) -> u128) -> u128 {
        let old = self.bytes.update_wide(offset, update);
        self.initialize(offset, 16);
        old
    }

    /// Reads bytes at any offset, if all of them are inside.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) {
        self.bytes.read(offset, bytes);
    }

    /// Writes bytes at any offset, if all of them are inside, and marks them as initialized.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        self.bytes.write(offset, bytes);
        self.initialize(offset, bytes.len() as u64);
    }

    /// Who has accessed the bytes, as far as launches check that.
    pub(crate) fn shadow(&self) -> &GlobalShadow {
        self.accesses.get_or_init(|| GlobalShadow::new(self.size))
    }

    /// Marks bytes as written.
    #[inline(always)]
    pub(crate) fn initialize(&self, offset: u64, bytes: u64) {
        if let Some(initialized) = &self.initialized {
            initialized.set(offset, bytes);
        }
    }

    /// The first of these bytes that was never written.
    #[inline(always)]
    pub(crate) fn uninitialized(&self, offset: u64, bytes: u64) -> Option<u64> {
        self.initialized.as_ref()?.first_missing(offset, bytes)
    }

    /// Which of these bytes are initialized: a bit for each, 64 to a word. None where all are.
    pub(super) fn initialization(&self, offset: u64, bytes: u64) -> Option<Vec<u64>> {
        let initialized = self.initialized.as_ref()?;
        let steps = (0..bytes).step_by(64);
        Some(
            steps
                .map(|start| initialized.get(offset + start, (bytes - start).min(64)))
                .collect(),
        )
    }

    /// Takes over what another allocation knows of bytes that were copied from it.
    pub(super) fn set_initialization(&self, offset: u64, bytes: u64, bits: Option<Vec<u64>>) {
        let Some(initialized) = &self.initialized else {
            return;
        };
        let Some(bits) = bits else {
            return initialized.set(offset, bytes);
        };
        for (start, bits) in (0..bytes).step_by(64).zip(bits) {
            initialized.put(offset + start, (bytes - start).min(64), bits);
        }
    }
}

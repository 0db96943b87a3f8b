//! The memory as the kernels of a launch see it.

use std::sync::Arc;

use super::bytes::Word;
use super::{Memory, Region};
use crate::exec::{ALL, LANES, Mask, lanes};

/// How many allocations a cursor remembers. A kernel goes back and forth between a few arrays.
const HITS: usize = 8;

/// The allocations that were there when a launch began.
pub(crate) struct View<'m> {
    memory: &'m Memory,
    /// Sorted by address.
    regions: Arc<[Arc<Region>]>,
}

impl<'m> View<'m> {
    pub(super) fn new(memory: &'m Memory, regions: Arc<[Arc<Region>]>) -> Self {
        Self { memory, regions }
    }

    /// Finds allocations for one thread of the host.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            view: self,
            hits: [const { None }; HITS],
            next: 0,
        }
    }

    /// The allocation that an address lies in: one that was there, or one that a kernel has made
    /// since.
    fn find(&self, address: u64, bytes: u64) -> Option<Arc<Region>> {
        let behind = self
            .regions
            .partition_point(|region| region.address() <= address);
        let region = behind.checked_sub(1).map(|index| &self.regions[index]);
        match region.filter(|region| region.offset(address, bytes).is_some()) {
            Some(region) => region.is_live().then(|| region.clone()),
            None => self.memory.find(address, bytes),
        }
    }
}

/// Finds allocations, the last few of which it remembers.
pub(crate) struct Cursor<'v> {
    view: &'v View<'v>,
    hits: [Option<Arc<Region>>; HITS],
    /// The one to forget next.
    next: usize,
}

/// What is wrong with an access of a warp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The lane's bytes are not all in one live allocation.
    OutOfBounds {
        /// The lane.
        lane: usize,
    },
    /// The lane's address is no multiple of the access' size.
    Misaligned {
        /// The lane.
        lane: usize,
    },
}

impl Cursor<'_> {
    /// The live allocation that all of some bytes are in, and where in it.
    #[inline]
    pub(crate) fn find(&mut self, address: u64, bytes: u64) -> Option<(&Region, u64)> {
        let index = self.index(address, bytes)?;
        let region = self.hits[index].as_deref()?;
        Some((region, region.offset(address, bytes)?))
    }

    #[inline(always)]
    fn index(&mut self, address: u64, bytes: u64) -> Option<usize> {
        let hit = self.hits.iter().position(|hit| {
            hit.as_ref()
                .is_some_and(|region| region.offset(address, bytes).is_some() && region.is_live())
        });
        hit.or_else(|| self.miss(address, bytes))
    }

    #[cold]
    #[inline(never)]
    fn miss(&mut self, address: u64, bytes: u64) -> Option<usize> {
        let region = self.view.find(address, bytes)?;
        let index = self.next;
        self.hits[index] = Some(region);
        self.next = (index + 1) % HITS;
        Some(index)
    }

    /// The accesses of those lanes of `mask` that are in the same allocation as its lowest lane.
    /// Each is of `bytes` bytes, a power of two of at most 32, and must be aligned to it. The
    /// addresses of other lanes may be anything.
    ///
    /// ```text
    /// let mut rest = mask;
    /// while rest != 0 {
    ///     let accesses = cursor.accesses(&addresses, rest, 4)?;
    ///     rest &= !accesses.mask();
    ///     accesses.load(0, &mut values);
    /// }
    /// ```
    ///
    /// # Errors
    /// An address is misaligned, or the lowest lane's is in no live allocation.
    #[inline(always)]
    pub(crate) fn accesses<'r>(
        &'r mut self,
        addresses: &'r [u64; LANES],
        mask: Mask,
        bytes: u32,
    ) -> Result<Accesses<'r>, Fault> {
        assert!(bytes.is_power_of_two() && bytes <= 32 && mask != 0);
        let low = u64::from(bytes - 1);
        let size = u64::from(bytes);
        let first = mask.trailing_zeros() as usize;
        let fault = Fault::OutOfBounds { lane: first };
        if addresses[first] & low != 0 {
            return Err(Fault::Misaligned { lane: first });
        }
        let index = self.index(addresses[first], size).ok_or(fault)?;
        let region = self.hits[index].as_deref().ok_or(fault)?;
        let base = region.address();
        let mut other = 0;
        for (lane, address) in (0..).zip(addresses) {
            other |= address ^ addresses[0].wrapping_add(size * lane);
        }
        // One run of bytes, as most warps access it: its two ends tell all.
        if mask == ALL && other == 0 && region.offset(addresses[0], size * LANES as u64).is_some() {
            return Ok(Accesses {
                region,
                addresses,
                mask,
                bytes,
                consecutive: true,
            });
        }
        let limit = region.size() - size;
        let mut inside = 0;
        let mut aligned = 0;
        for (lane, address) in addresses.iter().enumerate() {
            inside |= u32::from(address.wrapping_sub(base) <= limit) << lane;
            aligned |= u32::from(address & low == 0) << lane;
        }
        let misaligned = mask & !aligned;
        if misaligned != 0 {
            let lane = misaligned.trailing_zeros() as usize;
            return Err(Fault::Misaligned { lane });
        }
        Ok(Accesses {
            region,
            addresses,
            mask: mask & inside,
            bytes,
            consecutive: false,
        })
    }
}

/// What the lanes of a warp access in one allocation, checked to be inside of it and aligned.
pub(crate) struct Accesses<'r> {
    region: &'r Region,
    addresses: &'r [u64; LANES],
    mask: Mask,
    bytes: u32,
    /// All lanes access one run of bytes, lane after lane.
    consecutive: bool,
}

impl<'r> Accesses<'r> {
    /// The allocation.
    #[inline(always)]
    pub(crate) fn region(&self) -> &'r Region {
        self.region
    }

    /// The lanes.
    #[inline(always)]
    pub(crate) fn mask(&self) -> Mask {
        self.mask
    }

    /// Where each lane's bytes begin in the allocation. Lanes that are not in the mask have any
    /// value.
    #[inline(always)]
    pub(crate) fn offsets(&self) -> [u64; LANES] {
        self.addresses
            .map(|address| address.wrapping_sub(self.region.address()))
    }

    #[inline(always)]
    fn offset(&self, lane: usize) -> u64 {
        self.addresses[lane].wrapping_sub(self.region.address())
    }

    /// Loads word number `element` of every lane's access; other lanes keep their value.
    #[inline]
    pub(crate) fn load<T: Word>(&self, element: u32, values: &mut [T; LANES]) {
        let skip = self.skip::<T>(element);
        let bytes = &self.region.bytes;
        let mut load = |lane: usize| {
            // SAFETY: Lanes of the mask alone come here. `Cursor::accesses` has checked that the
            // `bytes` bytes at each one's offset are inside, and aligned to their number. `skip`
            // has checked that the word is in them; it lies at a multiple of its own size.
            values[lane] = unsafe { bytes.load_unchecked(self.offset(lane) + skip) };
        };
        if self.mask == ALL {
            (0..LANES).for_each(&mut load);
        } else {
            lanes(self.mask).for_each(&mut load);
        }
    }

    /// Stores word number `element` of every lane's access, the highest lane last. It does not
    /// mark the bytes as initialized.
    #[inline]
    pub(crate) fn store<T: Word>(&self, element: u32, values: &[T; LANES]) {
        let skip = self.skip::<T>(element);
        let bytes = &self.region.bytes;
        let store = |lane: usize| {
            // SAFETY: As in `load`.
            unsafe { bytes.store_unchecked(self.offset(lane) + skip, values[lane]) };
        };
        if self.mask == ALL {
            (0..LANES).for_each(store);
        } else {
            lanes(self.mask).for_each(store);
        }
    }

    /// Where word number `element` begins in each lane's bytes; fails if they do not have it.
    #[inline(always)]
    fn skip<T: Word>(&self, element: u32) -> u64 {
        let size = size_of::<T>() as u64;
        let skip = u64::from(element) * size;
        assert!(
            skip + size <= u64::from(self.bytes),
            "word {element} of {size} bytes is not in an access of {} bytes",
            self.bytes
        );
        skip
    }

    /// Marks all of the bytes as written.
    #[inline]
    pub(crate) fn initialize(&self) {
        if self.region.initialized.is_none() {
            return;
        }
        let bytes = u64::from(self.bytes);
        if self.consecutive {
            self.region.initialize(self.offset(0), LANES as u64 * bytes);
        } else {
            for lane in lanes(self.mask) {
                self.region.initialize(self.offset(lane), bytes);
            }
        }
    }

    /// The first lane that has a byte which was never written, and the offset of that byte.
    #[inline]
    pub(crate) fn uninitialized(&self) -> Option<(usize, u64)> {
        self.region.initialized.as_ref()?;
        let bytes = u64::from(self.bytes);
        if self.consecutive {
            let offset = self
                .region
                .uninitialized(self.offset(0), LANES as u64 * bytes)?;
            return Some((((offset - self.offset(0)) / bytes) as usize, offset));
        }
        lanes(self.mask).find_map(|lane| {
            let offset = self.region.uninitialized(self.offset(lane), bytes)?;
            Some((lane, offset))
        })
    }
}

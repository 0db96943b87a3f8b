//! The address space of a device: allocations, the host's accesses to them, and the kernels'.
//!
//! An address is a number that means nothing on the host: device memory begins at [`DEVICE`], far
//! above the addresses of host programs and of the windows of shared and local memory, and a gap
//! follows each allocation, so that what runs past an end meets nothing. Addresses are not used
//! twice. Pinned, managed and registered memory is the exception: it is the host's, at the host's
//! address, so that the host program can touch it.

mod bytes;
mod error;
mod initialized;
mod region;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use bytes::Word;
pub use error::{Allocation, AllocationKind, MemoryError, Whereabouts};
pub(crate) use region::Region;
pub(crate) use view::{Cursor, Fault, View};

/// Where device memory begins. Programs of the hosts that we know live below 2^48.
const DEVICE: u64 = 1 << 48;

/// The addresses of 32 bits that allocations may have on demand. Programs of the hosts that we know put
/// nothing there, unless they were linked to a fixed address.
const LOW: std::ops::Range<u64> = 1 << 31..1 << 32;

/// What no allocation is in: the windows of shared memory, local memory, parameters and functions.
const WINDOWS: std::ops::Range<u64> = 1 << 40..5 << 40;

/// The least distance between two allocations.
const GAP: u64 = 4096;

/// How many freed allocations are remembered, for better reports.
const REMEMBERED: usize = 4096;

/// How much is copied at once.
const CHUNK: usize = 64 << 10;

/// The allocations.
struct Table {
    live: BTreeMap<u64, Arc<Region>>,
    freed: BTreeMap<u64, Allocation>,
    /// The addresses of the freed ones, the oldest first.
    freed_order: VecDeque<u64>,
    /// The live ones as kernels see them, until something is allocated or freed.
    snapshot: Option<Arc<[Arc<Region>]>>,
    /// Where the next allocation may begin, its gap not counted.
    next: u64,
    /// The same for addresses of 32 bits.
    next_low: u64,
    number: u64,
    used: u64,
}

/// The memory of a device.
pub struct Memory {
    capacity: u64,
    track_initialized: bool,
    table: RwLock<Table>,
}

impl Memory {
    /// No allocations, in a device with this many bytes of memory. Whether its bytes were written
    /// before they are read is tracked on demand.
    pub(crate) fn new(capacity: u64, track_initialized: bool) -> Self {
        Self {
            capacity,
            track_initialized,
            table: RwLock::new(Table {
                live: BTreeMap::new(),
                freed: BTreeMap::new(),
                freed_order: VecDeque::new(),
                snapshot: None,
                next: DEVICE,
                next_low: LOW.start,
                number: 0,
                used: 0,
            }),
        }
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes that the device has.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The bytes that are not allocated.
    pub fn free_bytes(&self) -> u64 {
        self.capacity - self.table().used
    }

    /// Allocates `size` bytes at a multiple of `alignment`, and of 256. Fresh device memory and the
    /// heap of kernels hold no value; everything else is zero.
    ///
    /// # Errors
    /// `size` is zero, `alignment` is no power of two, or the device or the host is out of memory.
    pub fn allocate(
        &self,
        size: u64,
        alignment: u64,
        kind: AllocationKind,
    ) -> Result<u64, MemoryError> {
        self.allocate_in(DEVICE..u64::MAX, size, alignment, kind)
    }

    /// As [`Memory::allocate`] of device memory, at an address of 32 bits, for programs that know no
    /// others.
    ///
    /// # Errors
    /// As for [`Memory::allocate`]; there are no such addresses left.
    pub fn allocate_low(&self, size: u64, alignment: u64) -> Result<u64, MemoryError> {
        self.allocate_in(LOW, size, alignment, AllocationKind::Device)
    }

    fn allocate_in(
        &self,
        addresses: std::ops::Range<u64>,
        size: u64,
        alignment: u64,
        kind: AllocationKind,
    ) -> Result<u64, MemoryError> {
        if size == 0 {
            return Err(MemoryError::Empty);
        }
        if !alignment.is_power_of_two() || alignment > 1 << 31 {
            return Err(MemoryError::Alignment { alignment });
        }
        let mut table = self.table_mut();
        let out_of_memory = MemoryError::OutOfMemory {
            requested: size,
            free: self.capacity - table.used,
            capacity: self.capacity,
        };
        let number = table.number + 1;
        let region = if kind.is_on_device() {
            if size > self.capacity - table.used {
                return Err(out_of_memory);
            }
            // A gap as wide as its neighbours keeps apart whoever misses by less than a length.
            let gap = size.max(GAP);
            let is_low = addresses.end == LOW.end;
            let next = if is_low { table.next_low } else { table.next };
            let address = next
                .checked_add(gap)
                .and_then(|start| start.checked_next_multiple_of(alignment.max(region::ALIGNMENT)));
            let next = address.and_then(|start| start.checked_add(size)?.checked_add(gap));
            let next = next.filter(|&next| next <= addresses.end);
            let (Some(address), Some(next)) = (address, next) else {
                return Err(out_of_memory);
            };
            let track = self.track_initialized;
            let Some(region) = Region::device(address, size, kind, number, track) else {
                return Err(out_of_memory);
            };
            if is_low {
                table.next_low = next - GAP;
            } else {
                table.next = next - GAP;
            }
            table.used += size;
            region
        } else {
            Region::host(size, alignment, kind, number).ok_or(out_of_memory)?
        };
        let address = region.address();
        table.insert(region);
        Ok(address)
    }

    /// Lends `size` bytes of the host program to the device, at their own address.
    ///
    /// # Errors
    /// There are no bytes, or the device has some of them already.
    ///
    /// # Safety
    /// - `pointer` is valid for reads and writes of `size` bytes until they are freed here and no
    ///   launch runs that could have seen them.
    /// - Meanwhile the host program makes no access to them that races with a kernel's.
    pub unsafe fn register(&self, pointer: NonNull<u8>, size: u64) -> Result<u64, MemoryError> {
        if size == 0 {
            return Err(MemoryError::Empty);
        }
        let address = pointer.addr().get() as u64;
        let end = address.saturating_add(size);
        let refuse = |reason| MemoryError::Registration {
            address,
            size,
            reason,
        };
        if end >= DEVICE || (address < WINDOWS.end && WINDOWS.start < end) {
            return Err(refuse("the device uses these addresses for itself"));
        }
        let mut table = self.table_mut();
        let before = table.live.range(..end).next_back();
        if before.is_some_and(|(_, region)| region.allocation().end() > address) {
            return Err(refuse("some of them are in an allocation already"));
        }
        // SAFETY: The caller promises what is needed.
        let region = unsafe { Region::lent(pointer, size, table.number + 1) };
        table.insert(region);
        Ok(address)
    }

    /// Frees an allocation, or gives registered memory back to the host program.
    ///
    /// # Errors
    /// `address` is not the start of a live allocation.
    pub fn free(&self, address: u64) -> Result<Allocation, MemoryError> {
        let mut table = self.table_mut();
        let Some(region) = table.live.remove(&address) else {
            return Err(match table.freed.get(&address) {
                Some(&allocation) => MemoryError::DoubleFree {
                    address,
                    allocation,
                },
                None => MemoryError::NotAllocated {
                    address,
                    nearest: table.describe(address),
                },
            });
        };
        region.free();
        table.snapshot = None;
        let allocation = region.allocation();
        if allocation.kind.is_on_device() {
            table.used -= allocation.size;
        }
        table.freed.insert(address, allocation);
        table.freed_order.push_back(address);
        if table.freed_order.len() > REMEMBERED
            && let Some(oldest) = table.freed_order.pop_front()
        {
            table.freed.remove(&oldest);
        }
        Ok(allocation)
    }

    /// The allocation, live or freed, that an address lies in, or else the nearest one.
    pub fn describe(&self, address: u64) -> Option<Whereabouts> {
        self.table().describe(address)
    }

    /// What was allocated and not freed, in the order of allocation. Variables and constants are
    /// left out: they belong to their modules.
    pub fn leaks(&self) -> Vec<Allocation> {
        let table = self.table();
        let mut leaks: Vec<_> = table
            .live
            .values()
            .map(|region| region.allocation())
            .collect();
        leaks.retain(|leak| {
            !matches!(
                leak.kind,
                AllocationKind::Constant | AllocationKind::Variable
            )
        });
        leaks.sort_by_key(|leak| leak.number);
        leaks
    }

    /// The live allocation that some bytes are in, and where in it.
    fn locate(&self, address: u64, bytes: u64) -> Result<(Arc<Region>, u64), MemoryError> {
        let table = self.table();
        table
            .find(address, bytes)
            .ok_or_else(|| MemoryError::OutOfBounds {
                address,
                bytes,
                nearest: table.describe_access(address, bytes),
            })
    }

    /// Checks that some bytes are memory.
    ///
    /// # Errors
    /// Not all of them are in one live allocation.
    pub fn check(&self, address: u64, bytes: u64) -> Result<(), MemoryError> {
        if bytes > 0 {
            self.locate(address, bytes)?;
        }
        Ok(())
    }

    /// Reads from the device into `bytes`.
    ///
    /// # Errors
    /// Not all of the bytes are in one live allocation.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), MemoryError> {
        if !bytes.is_empty() {
            let (region, offset) = self.locate(address, bytes.len() as u64)?;
            region.read(offset, bytes);
        }
        Ok(())
    }

    /// Writes `bytes` to the device.
    ///
    /// # Errors
    /// Not all of the bytes are in one live allocation.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        if !bytes.is_empty() {
            let (region, offset) = self.locate(address, bytes.len() as u64)?;
            region.write(offset, bytes);
        }
        Ok(())
    }

    /// Writes a pattern of 1, 2 or 4 bytes `count` times.
    ///
    /// # Errors
    /// Not all of the bytes are in one live allocation, or the pattern has another length.
    pub fn fill(&self, address: u64, pattern: &[u8], count: u64) -> Result<(), MemoryError> {
        if !matches!(pattern.len(), 1 | 2 | 4) {
            return Err(MemoryError::Pattern {
                bytes: pattern.len(),
            });
        }
        if count == 0 {
            return Ok(());
        }
        let bytes = count.saturating_mul(pattern.len() as u64);
        let (region, offset) = self.locate(address, bytes)?;
        let chunk = pattern.repeat(CHUNK.min(bytes as usize) / pattern.len());
        for start in (0..bytes).step_by(chunk.len()) {
            let length = (bytes - start).min(chunk.len() as u64);
            region.write(offset + start, &chunk[..length as usize]);
        }
        Ok(())
    }

    /// Copies bytes within the device; the two runs may overlap. What was not initialized stays so.
    ///
    /// # Errors
    /// Not all of the bytes of either are in one live allocation.
    pub fn copy(&self, to: u64, from: u64, bytes: u64) -> Result<(), MemoryError> {
        if bytes == 0 {
            return Ok(());
        }
        let (source, source_offset) = self.locate(from, bytes)?;
        let (target, target_offset) = self.locate(to, bytes)?;
        let mut buffer = vec![0; CHUNK.min(bytes as usize)];
        let chunks = bytes.div_ceil(CHUNK as u64);
        for index in 0..chunks {
            // What moves up goes from the end, so that nothing is overwritten before it was read.
            let index = if to > from { chunks - 1 - index } else { index };
            let start = index * CHUNK as u64;
            let buffer = &mut buffer[..(bytes - start).min(CHUNK as u64) as usize];
            source.read(source_offset + start, buffer);
            let bits = source.initialization(source_offset + start, buffer.len() as u64);
            target.bytes.write(target_offset + start, buffer);
            target.set_initialization(target_offset + start, buffer.len() as u64, bits);
        }
        Ok(())
    }

    /// The allocations as they are now, for the kernels of a launch.
    pub(crate) fn view(&self) -> View<'_> {
        if let Some(snapshot) = &self.table().snapshot {
            return View::new(self, snapshot.clone());
        }
        let mut table = self.table_mut();
        let snapshot = table.live.values().cloned().collect();
        View::new(self, table.snapshot.insert(snapshot).clone())
    }

    /// The live allocation that some bytes are in, whenever it was made.
    fn find(&self, address: u64, bytes: u64) -> Option<Arc<Region>> {
        self.table().find(address, bytes).map(|(region, _)| region)
    }
}

impl Table {
    fn insert(&mut self, region: Region) {
        let Allocation {
            address,
            size,
            number,
            ..
        } = region.allocation();
        // The host may use addresses again; then what was there before is forgotten.
        let before = self.freed.range(..address).next_back();
        let before = before.filter(|(_, freed)| freed.end() > address);
        let reused: Vec<u64> = before
            .into_iter()
            .chain(self.freed.range(address..address + size))
            .map(|(&freed, _)| freed)
            .collect();
        for freed in reused {
            self.freed.remove(&freed);
            self.freed_order.retain(|&other| other != freed);
        }
        self.number = number;
        self.snapshot = None;
        self.live.insert(address, Arc::new(region));
    }

    fn find(&self, address: u64, bytes: u64) -> Option<(Arc<Region>, u64)> {
        let (_, region) = self.live.range(..=address).next_back()?;
        let offset = region.offset(address, bytes)?;
        Some((region.clone(), offset))
    }

    /// Of an access that is in no allocation: the first byte that is outside of the nearest.
    fn describe_access(&self, address: u64, bytes: u64) -> Option<Whereabouts> {
        let nearest = self.describe(address)?;
        let last = address.saturating_add(bytes - 1);
        if nearest.is_inside() && nearest.allocation.live && last >= nearest.allocation.end() {
            let address = nearest.allocation.end();
            return Some(Whereabouts { address, ..nearest });
        }
        Some(nearest)
    }

    fn describe(&self, address: u64) -> Option<Whereabouts> {
        let live = self.live.range(..=address).next_back();
        let live_above = self.live.range(address..).next();
        let freed = self.freed.range(..=address).next_back();
        let freed_above = self.freed.range(address..).next();
        live.into_iter()
            .chain(live_above)
            .map(|(_, region)| region.allocation())
            .chain(
                freed
                    .into_iter()
                    .chain(freed_above)
                    .map(|(_, &freed)| freed),
            )
            .map(|allocation| Whereabouts {
                address,
                allocation,
            })
            .min_by_key(|place| (!place.is_inside(), place.distance(), !place.allocation.live))
    }
}

#[cfg(test)]
mod tests;

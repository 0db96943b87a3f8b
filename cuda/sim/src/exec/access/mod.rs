//! Loads, stores and atomic updates in every state space, with their checks.

mod asynchronous;
mod bulk;
mod cluster;
mod copy;
mod global;
mod local;
mod matrix;
mod shared;
mod tensor;

pub(crate) use bulk::{BulkCopy, ElementUpdate};
pub(crate) use copy::AsynchronousCopy;
pub(crate) use matrix::SharedMatrix;
pub(crate) use tensor::TensorCopy;

use super::context::Context;
use super::{LANES, Mask, Stop, lanes, rank_and_offset};
use crate::check::{Access, Action, Conflict, Kind, Queue, Scope};
use crate::memory::{Region, Word};
use crate::profile::AccessKind;
use crate::program::Fate;

/// The generic addresses of shared memory begin here, those of local memory and of a kernel's
/// parameters at twice and three times that.
pub(crate) const SHARED_WINDOW: u64 = 1 << WINDOW_BITS;
pub(crate) const LOCAL_WINDOW: u64 = 2 << WINDOW_BITS;
pub(crate) const PARAMETER_WINDOW: u64 = 3 << WINDOW_BITS;
const WINDOW_BITS: u32 = 40;
/// How long each window is.
const WINDOW_SIZE: u64 = 1 << 32;
/// Addresses below this are null pointers, moved by an index or the offset of a field.
const NULL_PAGE: u64 = 1 << 16;

/// The values of an atomic update, which do not matter to a shadow.
pub(super) const NO_VALUES: &[[u32; LANES]] = &[];

/// The state space that an access names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AccessSpace {
    /// None: the address says it.
    Generic,
    Global,
    Const,
    /// The shared memory of the thread's own block: `.shared`, `.shared::cta`.
    Shared,
    /// The shared memory of all blocks of the cluster: `.shared::cluster`.
    Cluster,
    Local,
    /// The parameters of the kernel.
    Parameter,
}

impl AccessSpace {
    /// The space that a generic address lies in, whichever block's it is.
    pub(crate) fn of(address: u64) -> Self {
        match address >> WINDOW_BITS {
            1 => Self::Shared,
            2 => Self::Local,
            3 => Self::Parameter,
            _ => Self::Global,
        }
    }

    /// Where the generic addresses of the space begin.
    pub(crate) fn window(self) -> u64 {
        match self {
            Self::Shared | Self::Cluster => SHARED_WINDOW,
            Self::Local => LOCAL_WINDOW,
            Self::Parameter => PARAMETER_WINDOW,
            Self::Generic | Self::Global | Self::Const => 0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Generic => "memory",
            Self::Global => "global memory",
            Self::Const => "constant memory",
            Self::Shared | Self::Cluster => "shared memory",
            Self::Local => "local memory",
            Self::Parameter => "the kernel's parameters",
        }
    }

    /// The lanes of `mask` whose generic addresses lie in the same space as the first one's, and
    /// that space.
    pub(crate) fn first_of(addresses: &[u64; LANES], mask: Mask) -> (Self, Mask) {
        let space = Self::of(addresses[mask.trailing_zeros() as usize]);
        let same = lanes(mask)
            .filter(|&lane| Self::of(addresses[lane]) == space)
            .fold(0, |same, lane| same | 1 << lane);
        (space, same)
    }
}

/// How an access orders others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Order {
    /// It never races with others like it: `.relaxed`, `.volatile` and above.
    pub(crate) strong: bool,
    /// It sees what a release made visible.
    pub(crate) acquire: bool,
    /// It makes visible what was done before it.
    pub(crate) release: bool,
}

impl Order {
    /// Orders nothing, and may race.
    pub(crate) const WEAK: Self = Self {
        strong: false,
        acquire: false,
        release: false,
    };
    /// `.relaxed`, `.volatile`
    pub(crate) const RELAXED: Self = Self {
        strong: true,
        ..Self::WEAK
    };
    /// `.acquire`
    pub(crate) const ACQUIRE: Self = Self {
        acquire: true,
        ..Self::RELAXED
    };
    /// `.release`
    pub(crate) const RELEASE: Self = Self {
        release: true,
        ..Self::RELAXED
    };
    /// `.acq_rel`
    pub(crate) const ACQUIRE_RELEASE: Self = Self {
        acquire: true,
        release: true,
        ..Self::RELAXED
    };
}

/// A value that memory holds.
pub(crate) trait Value: Word + Into<u64> {
    fn from_bytes(bytes: &[u8]) -> Self;
    fn to_bytes(self) -> [u8; 8];
}

macro_rules! values {
    ($($type:ty)*) => {$(
        impl Value for $type {
            #[inline(always)]
            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as the type has"))
            }
            #[inline(always)]
            fn to_bytes(self) -> [u8; 8] {
                u64::from(self).to_le_bytes()
            }
        }
    )*};
}

values!(u8 u16 u32 u64);

/// A value that an atomic instruction updates.
pub(crate) trait Atom: Copy {
    /// Replaces the value in shared memory that these bytes are; returns the old one.
    fn update_bytes(bytes: &mut [u8], f: impl FnOnce(Self) -> Self) -> Self;
    /// Replaces a value in global memory; returns the old one. `f` may be called more than once.
    fn update_global(region: &Region, offset: u64, f: impl Fn(Self) -> Self) -> Self;
}

macro_rules! atoms {
    ($($type:ty: $update:ident),*) => {$(
        impl Atom for $type {
            fn update_bytes(bytes: &mut [u8], f: impl FnOnce(Self) -> Self) -> Self {
                let old = (&*bytes).try_into().expect("as many bytes as the type has");
                let old = Self::from_le_bytes(old);
                bytes.copy_from_slice(&f(old).to_le_bytes());
                old
            }
            fn update_global(region: &Region, offset: u64, f: impl Fn(Self) -> Self) -> Self {
                region.$update(offset, f)
            }
        }
    )*};
}

atoms!(u16: update, u32: update, u64: update, u128: update_wide);

/// A part of a warp's access: the lanes, and their addresses in its space.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) mask: Mask,
    pub(crate) addresses: &'a [u64; LANES],
    /// The bytes of a lane.
    pub(crate) bytes: u32,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
    /// What becomes of what is loaded.
    pub(crate) fate: Fate,
}

impl<'a> Part<'a> {
    /// An access whose value is used.
    pub(super) fn new(
        mask: Mask,
        addresses: &'a [u64; LANES],
        bytes: u32,
        (order, scope): (Order, Scope),
    ) -> Self {
        Self {
            mask,
            addresses,
            bytes,
            order,
            scope,
            fate: Fate::Used,
        }
    }

    /// Whether it matters that some bytes of a load are not initialized: a load whose value is only
    /// stored is a copy, of a struct with padding as a rule. Copying no initialized byte at all is an
    /// error nevertheless.
    fn is_used(&self, mut initialized: impl Iterator<Item = bool>) -> bool {
        self.fate == Fate::Used || !initialized.any(|initialized| initialized)
    }

    /// The access, as a shadow records it.
    pub(super) fn access(&self, warp: u32, mask: Mask, pc: u32, action: Action) -> Access {
        Access {
            warp: warp as usize,
            mask,
            bytes: self.bytes,
            pc,
            action,
            strong: self.order.strong,
        }
    }
}

/// `4 blocks`
fn in_blocks(count: u32) -> String {
    match count {
        1 => "1 block".to_owned(),
        _ => format!("{count} blocks"),
    }
}

/// `4 bytes`
fn in_words(bytes: u32) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        _ => format!("{bytes} bytes"),
    }
}

/// `; byte 3 of them was never written`
fn never_written(bytes: u32, first: u64) -> String {
    match bytes {
        1 => ", which was never written".to_owned(),
        _ => format!("; byte {first} of them was never written"),
    }
}

impl Context<'_, '_> {
    /// Loads `values.len()` words of every lane of `mask`, which lie side by side.
    pub(crate) fn load<T: Value>(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        order: (Order, Scope),
        fate: Fate,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let bytes = (size_of::<T>() * values.len()) as u32;
        let whole = Part {
            fate,
            ..Part::new(mask, addresses, bytes, order)
        };
        self.each_space(
            space,
            whole,
            AccessKind::Load,
            |context, space, part| match space {
                AccessSpace::Shared => context.load_shared(part, values),
                AccessSpace::Local => context.load_local(part, values),
                AccessSpace::Parameter => context.load_parameter(part, values),
                _ => context.load_global(part, values),
            },
        )
    }

    /// Stores `values.len()` words of every lane of `mask`, side by side.
    pub(crate) fn store<T: Value>(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        order: (Order, Scope),
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let bytes = (size_of::<T>() * values.len()) as u32;
        let whole = Part::new(mask, addresses, bytes, order);
        self.each_space(
            space,
            whole,
            AccessKind::Store,
            |context, space, part| match space {
                AccessSpace::Shared => context.store_shared(part, values),
                AccessSpace::Local => context.store_local(part, values),
                AccessSpace::Parameter => {
                    let message = "the kernel's parameters cannot be written";
                    let lane = Self::first(part.mask);
                    Err(context.stop(Kind::ConstantWrite, lane, "writes", message))
                }
                _ => context.store_global(part, values),
            },
        )
    }

    /// Splits an access by the spaces that its addresses lie in, and turns generic addresses into
    /// those of the space.
    fn each_space(
        &mut self,
        space: AccessSpace,
        whole: Part<'_>,
        kind: AccessKind,
        mut access: impl FnMut(&mut Self, AccessSpace, &Part<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if space == AccessSpace::Shared {
            self.check_own(whole.mask, whole.addresses)?;
        }
        if space != AccessSpace::Generic {
            let space = match space {
                AccessSpace::Cluster => AccessSpace::Shared,
                space => space,
            };
            self.count(kind, space, &whole);
            return access(self, space, &whole);
        }
        let mut rest = whole.mask;
        while rest != 0 {
            let (space, same) = AccessSpace::first_of(whole.addresses, rest);
            let window = space.window();
            let moved = whole.addresses.map(|address| address.wrapping_sub(window));
            let part = Part {
                mask: same,
                addresses: &moved,
                ..whole
            };
            self.count(kind, space, &part);
            access(self, space, &part)?;
            rest &= !same;
        }
        Ok(())
    }

    /// Counts an access, if counters are on.
    fn count(&mut self, kind: AccessKind, space: AccessSpace, part: &Part<'_>) {
        if let Some(tally) = &mut self.tally {
            tally.access(self.pc, kind, space, part.mask, part.addresses, part.bytes);
        }
    }

    /// Checks the bounds and the alignment of an access to a space of its own; returns the lanes
    /// that may do it. `inside` says whether an offset's bytes may be accessed.
    fn check_offsets(
        &mut self,
        part: &Part<'_>,
        space: AccessSpace,
        action: &'static str,
        inside: impl Fn(&Self, u64) -> bool,
    ) -> Result<Mask, Stop> {
        let mut good = 0;
        let low = u64::from(part.bytes - 1);
        for lane in lanes(part.mask) {
            let address = part.addresses[lane];
            if inside(self, address) && address & low == 0 {
                good |= 1 << lane;
                continue;
            }
            let bytes = part.bytes;
            if !inside(self, address) {
                if self.launch.checks.bounds {
                    let message = format!(
                        "{action} {} at {address:#x} of {}, {}",
                        in_words(bytes),
                        self.memory_name(space, address),
                        self.describe_offset(space, address)
                    );
                    let mut report = self.report(Kind::OutOfBounds, lane, action, message);
                    report.address = Some(address);
                    return Err(Box::new(report));
                }
            } else if self.launch.checks.alignment {
                let message = format!(
                    "{action} {bytes} bytes at {address:#x} of {}, which is no multiple of {bytes}",
                    self.memory_name(space, address)
                );
                let mut report = self.report(Kind::Misaligned, lane, action, message);
                report.address = Some(address);
                return Err(Box::new(report));
            } else {
                good |= 1 << lane;
            }
        }
        Ok(good)
    }

    /// What lies at an offset of shared or local memory, in words.
    pub(super) fn describe_offset(&self, space: AccessSpace, address: u64) -> String {
        match space {
            AccessSpace::Shared => {
                let layout = self.launch.kernel.shared();
                let dynamic = layout.dynamic_offset();
                let size = self.launch.dynamic_shared;
                let (rank, address) = rank_and_offset(address);
                if rank >= u64::from(self.shared.blocks) {
                    return format!("and the cluster has {}", in_blocks(self.shared.blocks));
                }
                match layout.nearest(address.try_into().unwrap_or(u32::MAX)) {
                    _ if size > 0 && address >= dynamic.into() => format!(
                        "at byte {} of the {size} bytes that the launch adds",
                        address - u64::from(dynamic)
                    ),
                    Some(variable) => {
                        let end = u64::from(variable.offset + variable.size);
                        let distance = match address.checked_sub(end) {
                            Some(0) => "right behind the end".to_owned(),
                            Some(behind) => format!("{behind} bytes behind the end"),
                            None => match address.checked_sub(variable.offset.into()) {
                                Some(inside) => format!("at byte {inside}"),
                                None => "before the beginning".to_owned(),
                            },
                        };
                        format!(
                            "{distance} of the {}-byte variable `{}`",
                            variable.size, variable.name
                        )
                    }
                    None => "of which the kernel has none".to_owned(),
                }
            }
            AccessSpace::Local => format!("of which the thread has {} bytes", self.local_end),
            _ => format!("which have {} bytes", self.launch.parameters.len()),
        }
    }

    /// Keeps the report of a race.
    pub(super) fn race(
        &self,
        space: AccessSpace,
        part: &Part<'_>,
        did: &'static str,
        race: Conflict,
    ) {
        let address = part.addresses[race.lane];
        let (kind, place) = match space {
            AccessSpace::Shared => {
                let place = self.describe_offset(space, race.offset);
                let memory = self.memory_name(space, race.offset);
                let among = match race.offset.checked_sub(address) {
                    Some(4..) if part.bytes > 32 => format!("among them {:#x}, ", race.offset),
                    _ => String::new(),
                };
                (Kind::SharedRace, format!(" of {memory}, {among}{place}"))
            }
            _ => (Kind::GlobalRace, String::new()),
        };
        let other = race.action.verb();
        let order = match race.action {
            Action::Begin(Queue::Products, _) => {
                "a `wgmma` that reads it, which must be waited for".to_owned()
            }
            Action::Begin(Queue::Stores, _) => {
                "an asynchronous store, whose mbarrier must be waited for".to_owned()
            }
            Action::Begin(..) => {
                if race.thread == self.thread(race.lane) {
                    "its own asynchronous copy, which it has not waited for".to_owned()
                } else {
                    "the asynchronous copy of another thread, which must be waited for before a \
                     barrier of both"
                        .to_owned()
                }
            }
            _ => format!("another thread that {other} it"),
        };
        let message = format!(
            "{did} {} at {address:#x}{place}, and nothing orders that against {order}",
            in_words(part.bytes)
        );
        let mut report = self.report(kind, race.lane, did, message);
        report.address = Some(address);
        if space == AccessSpace::Global {
            report.whereabouts = self.launch.device.memory().describe(address);
        }
        let cluster = race.cluster.into();
        report.other = Some(self.launch.party(cluster, race.thread, race.pc, other));
        self.note(report);
    }

    /// Replaces a value in every lane of `mask`, one lane after the other, by what `f` makes of it;
    /// puts the old values into `old`.
    pub(crate) fn update<T: Atom>(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        order: (Order, Scope),
        f: impl Fn(usize, T) -> T,
        old: &mut [T; LANES],
    ) -> Result<(), Stop> {
        let bytes = size_of::<T>() as u32;
        let whole = Part::new(mask, addresses, bytes, order);
        self.each_space(
            space,
            whole,
            AccessKind::Atomic,
            |context, space, part| match space {
                AccessSpace::Shared => context.update_shared(part, |bytes, lane| {
                    old[lane] = T::update_bytes(bytes, |value| f(lane, value));
                }),
                AccessSpace::Global | AccessSpace::Const => {
                    context.update_global(part, |region, offset, lane| {
                        old[lane] = T::update_global(region, offset, |value| f(lane, value));
                    })
                }
                _ => Err(context.no_atomics(part, space)),
            },
        )
    }

    /// The addresses of shared memory that an operand gives in a space; ends the launch if one lies
    /// elsewhere.
    pub(crate) fn shared_addresses(
        &self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
    ) -> Result<[u64; LANES], Stop> {
        match space {
            AccessSpace::Shared => {
                self.check_own(mask, addresses)?;
                return Ok(*addresses);
            }
            AccessSpace::Cluster => return Ok(*addresses),
            _ => {}
        }
        for lane in lanes(mask) {
            let space = AccessSpace::of(addresses[lane]);
            if space != AccessSpace::Shared {
                let message = format!(
                    "expects an address of shared memory, {:#x} is one of {}",
                    addresses[lane],
                    space.name()
                );
                let mut report = self.report(Kind::WrongSpace, lane, "accesses", message);
                report.address = Some(addresses[lane]);
                return Err(Box::new(report));
            }
        }
        Ok(addresses.map(|address| address.wrapping_sub(SHARED_WINDOW)))
    }

    fn no_atomics(&self, part: &Part<'_>, space: AccessSpace) -> Stop {
        let lane = Self::first(part.mask);
        let message = format!("an atomic update of {}, which has none", space.name());
        self.stop(Kind::WrongSpace, lane, "updates", message)
    }

    /// `fence`
    pub(crate) fn fence(&mut self, mask: Mask, scope: Scope) {
        if let Some(clock) = &mut self.shared.clock {
            clock.fence(self.warp as usize, mask, scope);
        }
    }
}

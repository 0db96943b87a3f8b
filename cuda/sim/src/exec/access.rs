//! Loads, stores and atomic updates in every state space, with their checks.

use super::context::{Context, coordinates};
use super::{LANES, Mask, Stop, lanes};
use crate::check::{Access, Action, Conflict, Kind, Scope};
use crate::memory::{Fault, Region, Word};
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
const NO_VALUES: &[[u32; LANES]] = &[];

/// The state space that an access names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AccessSpace {
    /// None: the address says it.
    Generic,
    Global,
    Const,
    Shared,
    Local,
    /// The parameters of the kernel.
    Parameter,
}

impl AccessSpace {
    /// The space that a generic address lies in.
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
            Self::Shared => SHARED_WINDOW,
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
            Self::Shared => "shared memory",
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

/// A part of a warp's access: the lanes, and their addresses in its space.
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

impl Part<'_> {
    /// Whether it matters that some bytes of a load are not initialized: a load whose value is only
    /// stored is a copy, of a struct with padding as a rule. Copying no initialized byte at all is an
    /// error nevertheless.
    fn is_used(&self, mut initialized: impl Iterator<Item = bool>) -> bool {
        self.fate == Fate::Used || !initialized.any(|initialized| initialized)
    }

    /// The access, as a shadow records it.
    fn access(&self, warp: u32, mask: Mask, pc: u32, action: Action) -> Access {
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
        (order, scope): (Order, Scope),
        fate: Fate,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let bytes = (size_of::<T>() * values.len()) as u32;
        self.each_space(mask, space, addresses, |context, space, mask, addresses| {
            let part = Part {
                mask,
                addresses,
                bytes,
                order,
                scope,
                fate,
            };
            match space {
                AccessSpace::Shared => context.load_shared(&part, values),
                AccessSpace::Local => context.load_local(&part, values),
                AccessSpace::Parameter => context.load_parameter(&part, values),
                _ => context.load_global(&part, values),
            }
        })
    }

    /// Stores `values.len()` words of every lane of `mask`, side by side.
    pub(crate) fn store<T: Value>(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        (order, scope): (Order, Scope),
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let bytes = (size_of::<T>() * values.len()) as u32;
        self.each_space(mask, space, addresses, |context, space, mask, addresses| {
            let part = Part {
                mask,
                addresses,
                bytes,
                order,
                scope,
                fate: Fate::Used,
            };
            match space {
                AccessSpace::Shared => context.store_shared(&part, values),
                AccessSpace::Local => context.store_local(&part, values),
                AccessSpace::Parameter => {
                    let message = "the kernel's parameters cannot be written";
                    let lane = Self::first(mask);
                    Err(context.stop(Kind::ConstantWrite, lane, "writes", message))
                }
                _ => context.store_global(&part, values),
            }
        })
    }

    /// Splits an access by the spaces that its addresses lie in, and turns generic addresses into
    /// those of the space.
    fn each_space(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        mut access: impl FnMut(&mut Self, AccessSpace, Mask, &[u64; LANES]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if space != AccessSpace::Generic {
            return access(self, space, mask, addresses);
        }
        let mut rest = mask;
        while rest != 0 {
            let (space, same) = AccessSpace::first_of(addresses, rest);
            let window = space.window();
            let moved = addresses.map(|address| address.wrapping_sub(window));
            access(self, space, same, &moved)?;
            rest &= !same;
        }
        Ok(())
    }

    fn load_global<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    for (element, values) in (0..).zip(values.iter_mut()) {
                        accesses.load(element, values);
                    }
                    let mask = accesses.mask();
                    rest &= !mask;
                    let missing = accesses
                        .uninitialized()
                        .map(|(lane, offset)| (lane, offset - accesses.offsets()[lane]))
                        .filter(|&(lane, _)| {
                            let offset = accesses.offsets()[lane];
                            part.is_used((0..part.bytes.into()).map(|byte| {
                                accesses.region().uninitialized(offset + byte, 1).is_none()
                            }))
                        });
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Read);
                            let shadow = accesses.region().shadow();
                            let number = self.launch.number;
                            race = shadow.read(number, clock, &access, &accesses.offsets());
                        }
                        if part.order.strong {
                            let acquire = part.order.acquire;
                            let (warp, bytes) = (self.warp as usize, part.bytes);
                            clock.observe(warp, mask, part.addresses, bytes, acquire, part.scope);
                        }
                    }
                    if let Some((lane, first)) = missing {
                        self.uninitialized_global(lane, part, first);
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "reads", race);
                    }
                }
                Err(fault) => rest &= !self.global_fault(fault, part, "reads", |bytes, lane| {
                    for (values, bytes) in values.iter_mut().zip(bytes.chunks(size_of::<T>())) {
                        values[lane] = T::from_bytes(bytes);
                    }
                    false
                })?,
            }
        }
        Ok(())
    }

    fn store_global<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    let mask = accesses.mask();
                    if !accesses.region().is_writable() && self.launch.checks.bounds {
                        let lane = Self::first(mask);
                        return Err(self.constant_write(lane, part.addresses[lane]));
                    }
                    rest &= !mask;
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Write);
                            let shadow = accesses.region().shadow();
                            let (number, offsets) = (self.launch.number, &accesses.offsets());
                            race = shadow.write(number, clock, &access, offsets, values);
                        }
                        if part.order.strong {
                            let release = part.order.release;
                            let (warp, bytes) = (self.warp as usize, part.bytes);
                            clock.publish(warp, mask, part.addresses, bytes, release, part.scope);
                        }
                    }
                    if accesses.region().is_writable() {
                        for (element, values) in (0..).zip(values) {
                            accesses.store(element, values);
                        }
                        accesses.initialize();
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "writes", race);
                    }
                }
                Err(fault) => rest &= !self.global_fault(fault, part, "writes", |bytes, lane| {
                    for (values, bytes) in values.iter().zip(bytes.chunks_mut(size_of::<T>())) {
                        bytes.copy_from_slice(&values[lane].to_bytes()[..size_of::<T>()]);
                    }
                    true
                })?,
            }
        }
        Ok(())
    }

    /// Handles a lane whose access is out of bounds or misaligned: ends the launch, or without that
    /// check lets it pass. `access` gets the bytes of the lane and says whether it changed them.
    /// Returns the lane that is done, as a mask.
    fn global_fault(
        &mut self,
        fault: Fault,
        part: &Part<'_>,
        action: &'static str,
        access: impl FnOnce(&mut [u8], usize) -> bool,
    ) -> Result<Mask, Stop> {
        let bytes = part.bytes;
        let (lane, kind, enabled) = match fault {
            Fault::OutOfBounds { lane } => (lane, Kind::OutOfBounds, self.launch.checks.bounds),
            Fault::Misaligned { lane } => (lane, Kind::Misaligned, self.launch.checks.alignment),
        };
        let address = part.addresses[lane];
        let mut buffer = [0; 32];
        let buffer = &mut buffer[..bytes as usize];
        if !enabled {
            let found = self.cursor.find(address, bytes.into());
            match (fault, found) {
                (Fault::Misaligned { .. }, Some((region, offset))) => {
                    region.read(offset, buffer);
                    if access(buffer, lane) && region.is_writable() {
                        region.write(offset, buffer);
                    }
                    return Ok(1 << lane);
                }
                (Fault::Misaligned { .. }, None) if self.launch.checks.bounds => {}
                _ => {
                    access(buffer, lane);
                    return Ok(1 << lane);
                }
            }
        }
        let size = in_words(bytes);
        let whereabouts = self.launch.device.memory().describe(address);
        let window = AccessSpace::of(address);
        let inside = whereabouts.is_some_and(|whereabouts| whereabouts.is_inside());
        let freed = whereabouts.is_some_and(|whereabouts| !whereabouts.allocation.live);
        let (kind, message) = if kind == Kind::Misaligned {
            let message = format!("{action} {bytes} bytes at {address:#x}, which is no multiple of {bytes}");
            (kind, message)
        } else if address < NULL_PAGE {
            (Kind::NullPointer, format!("{action} {size} at {address:#x}"))
        } else if window != AccessSpace::Global && address & (WINDOW_SIZE * 256 - 1) < WINDOW_SIZE {
            let message = format!(
                "{action} {size} at {address:#x}, which is an address of {}",
                window.name()
            );
            (Kind::WrongSpace, message)
        } else if inside && freed {
            (Kind::UseAfterFree, format!("{action} {size} at {address:#x}"))
        } else {
            (Kind::OutOfBounds, format!("{action} {size} at {address:#x}"))
        };
        let mut report = self.report(kind, lane, action, message);
        report.address = Some(address);
        report.whereabouts = whereabouts.filter(|_| kind != Kind::NullPointer);
        Err(Box::new(report))
    }

    fn constant_write(&self, lane: usize, address: u64) -> Stop {
        let message = format!("writes to {address:#x}, which kernels may only read");
        let mut report = self.report(Kind::ConstantWrite, lane, "writes", message);
        report.address = Some(address);
        report.whereabouts = self.launch.device.memory().describe(address);
        Box::new(report)
    }

    fn uninitialized_global(&mut self, lane: usize, part: &Part<'_>, first: u64) {
        let address = part.addresses[lane];
        let message = format!(
            "reads {} at {address:#x}{}",
            in_words(part.bytes),
            never_written(part.bytes, first)
        );
        let mut report = self.report(Kind::UninitializedGlobal, lane, "reads", message);
        report.address = Some(address);
        report.whereabouts = self.launch.device.memory().describe(address);
        self.note(report);
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
                        space.name(),
                        self.describe_offset(space, address)
                    );
                    let mut report = self.report(Kind::OutOfBounds, lane, action, message);
                    report.address = Some(address);
                    return Err(Box::new(report));
                }
            } else if self.launch.checks.alignment {
                let message = format!(
                    "{action} {bytes} bytes at {address:#x} of {}, which is no multiple of {bytes}",
                    space.name()
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
    fn describe_offset(&self, space: AccessSpace, address: u64) -> String {
        match space {
            AccessSpace::Shared => {
                let layout = self.launch.kernel.shared();
                let dynamic = layout.dynamic_offset();
                let size = self.launch.dynamic_shared;
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
                        format!("{distance} of the {}-byte variable `{}`", variable.size, variable.name)
                    }
                    None => "of which the kernel has none".to_owned(),
                }
            }
            AccessSpace::Local => format!("of which the thread has {} bytes", self.local_end),
            _ => format!("which have {} bytes", self.launch.parameters.len()),
        }
    }

    fn shared_lanes(&mut self, part: &Part<'_>, action: &'static str) -> Result<Mask, Stop> {
        let bytes = u64::from(part.bytes);
        // As a rule all lanes are in one variable, and one look at the outermost addresses tells.
        let low = part.addresses.iter().enumerate();
        let low = low.filter(|(lane, _)| part.mask >> lane & 1 != 0);
        let (least, most, bits) = low.fold((u64::MAX, 0, 0), |(least, most, bits), (_, &address)| {
            (address.min(least), address.max(most), address | bits)
        });
        if bits & (bytes - 1) == 0 && self.shared.contains(least, most.saturating_add(bytes)) {
            return Ok(part.mask);
        }
        self.check_offsets(part, AccessSpace::Shared, action, |context, address| {
            context.shared.contains(address, address.saturating_add(bytes))
        })
    }

    fn load_shared<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.shared_lanes(part, "reads")?;
        for (element, values) in values.iter_mut().enumerate() {
            for lane in lanes(part.mask & !mask) {
                values[lane] = T::from_bytes(&[0; 8][..size_of::<T>()]);
            }
            for lane in lanes(mask) {
                let at = part.addresses[lane] as usize + element * size_of::<T>();
                values[lane] = T::from_bytes(&self.shared.bytes[at..at + size_of::<T>()]);
            }
        }
        if let Some(written) = &self.shared.written
            && let Some((lane, first)) = written.first_missing(mask, part.addresses, part.bytes)
            && part.is_used((0..part.bytes.into()).map(|byte| {
                let offsets = &[part.addresses[lane] + byte; LANES];
                written.first_missing(1 << lane, offsets, 1).is_none()
            }))
        {
            self.uninitialized_shared(lane, part, first);
        }
        self.shared_read(part, mask, Action::Read);
        Ok(())
    }

    /// Records a read of shared memory that was done.
    fn shared_read(&mut self, part: &Part<'_>, mask: Mask, action: Action) {
        let Some(clock) = &mut self.shared.clock else {
            return;
        };
        let mut race = None;
        if action == Action::Read
            && let Some(shadow) = &mut self.shared.shadow
        {
            let access = part.access(self.warp, mask, self.pc, action);
            race = shadow.read(clock, &access, part.addresses);
        }
        if part.order.strong {
            let addresses = part.addresses.map(|address| address.wrapping_add(SHARED_WINDOW));
            let (warp, acquire) = (self.warp as usize, part.order.acquire);
            clock.observe(warp, mask, &addresses, part.bytes, acquire, Scope::Block);
        }
        if let Some(race) = race {
            self.race(AccessSpace::Shared, part, "reads", race);
        }
    }

    /// Records a write of shared memory that is about to be done.
    fn shared_write<T: Value>(
        &mut self,
        part: &Part<'_>,
        mask: Mask,
        action: Action,
        values: &[[T; LANES]],
    ) {
        if let Some(written) = &mut self.shared.written {
            written.set(mask, part.addresses, part.bytes);
        }
        let Some(clock) = &mut self.shared.clock else {
            return;
        };
        let mut race = None;
        if let Some(shadow) = &mut self.shared.shadow {
            let access = part.access(self.warp, mask, self.pc, action);
            race = shadow.write(clock, &access, part.addresses, values);
        }
        if part.order.strong {
            let addresses = part.addresses.map(|address| address.wrapping_add(SHARED_WINDOW));
            let (warp, release) = (self.warp as usize, part.order.release);
            clock.publish(warp, mask, &addresses, part.bytes, release, Scope::Block);
        }
        if let Some(race) = race {
            let did = if action == Action::Atomic { "updates" } else { "writes" };
            self.race(AccessSpace::Shared, part, did, race);
        }
    }

    fn uninitialized_shared(&self, lane: usize, part: &Part<'_>, first: u64) {
        let address = part.addresses[lane];
        let message = format!(
            "reads {} at {address:#x} of shared memory, {}{}",
            in_words(part.bytes),
            self.describe_offset(AccessSpace::Shared, address),
            never_written(part.bytes, first - address)
        );
        let mut report = self.report(Kind::UninitializedShared, lane, "reads", message);
        report.address = Some(address);
        self.note(report);
    }

    /// Keeps the report of a race.
    fn race(&self, space: AccessSpace, part: &Part<'_>, did: &'static str, race: Conflict) {
        let address = part.addresses[race.lane];
        let (kind, place) = match space {
            AccessSpace::Shared => {
                let place = self.describe_offset(space, race.offset);
                (Kind::SharedRace, format!(" of shared memory, {place}"))
            }
            _ => (Kind::GlobalRace, String::new()),
        };
        let other = match race.action {
            Action::Read => "reads",
            Action::Write => "writes",
            Action::Atomic => "updates",
        };
        let message = format!(
            "{did} {} at {address:#x}{place}, and nothing orders that against another thread that \
             {other} it",
            in_words(part.bytes)
        );
        let mut report = self.report(kind, race.lane, did, message);
        report.address = Some(address);
        if space == AccessSpace::Global {
            report.whereabouts = self.launch.device.memory().describe(address);
        }
        let block = coordinates(race.block.into(), self.launch.grid);
        report.other = Some(self.launch.party(block, race.thread, race.pc, other));
        self.note(report);
    }

    fn store_shared<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.shared_lanes(part, "writes")?;
        self.shared_write(part, mask, Action::Write, values);
        for (element, values) in values.iter().enumerate() {
            for lane in lanes(mask) {
                let at = part.addresses[lane] as usize + element * size_of::<T>();
                let bytes = values[lane].to_bytes();
                self.shared.bytes[at..at + size_of::<T>()].copy_from_slice(&bytes[..size_of::<T>()]);
            }
        }
        Ok(())
    }

    fn local_lanes(&mut self, part: &Part<'_>, action: &'static str) -> Result<Mask, Stop> {
        let end = u64::from((*self.local_end).min(self.local.len()));
        let bytes = u64::from(part.bytes);
        self.check_offsets(part, AccessSpace::Local, action, |_, address| {
            address.checked_add(bytes).is_some_and(|last| last <= end)
        })
    }

    fn load_local<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.local_lanes(part, "reads")?;
        for lane in lanes(part.mask) {
            for (element, values) in values.iter_mut().enumerate() {
                let mut bytes = [0; 8];
                let bytes = &mut bytes[..size_of::<T>()];
                if mask >> lane & 1 != 0 {
                    let at = part.addresses[lane] as u32 + (element * size_of::<T>()) as u32;
                    self.local.load(lane, at, bytes);
                }
                values[lane] = T::from_bytes(bytes);
            }
        }
        for lane in lanes(mask) {
            let address = part.addresses[lane] as u32;
            if let Some(first) = self.local.uninitialized(lane, address, part.bytes)
                && part.fate != Fate::StoredLocally
                && part.is_used((address..address + part.bytes).map(|byte| {
                    self.local.uninitialized(lane, byte, 1).is_none()
                }))
            {
                let message = format!(
                    "reads {} at {address:#x} of local memory{}",
                    in_words(part.bytes),
                    never_written(part.bytes, (first - address).into())
                );
                let mut report = self.report(Kind::UninitializedLocal, lane, "reads", message);
                report.address = Some(address.into());
                self.note(report);
                break;
            }
        }
        Ok(())
    }

    fn store_local<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.local_lanes(part, "writes")?;
        for lane in lanes(mask) {
            for (element, values) in values.iter().enumerate() {
                let at = part.addresses[lane] as u32 + (element * size_of::<T>()) as u32;
                self.local.store(lane, at, &values[lane].to_bytes()[..size_of::<T>()]);
            }
        }
        Ok(())
    }

    /// Replaces a word of every lane of `mask`, one lane after the other, by what `f` makes of it;
    /// puts the old words into `old`.
    pub(crate) fn update<T: Value>(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        (order, scope): (Order, Scope),
        f: impl Fn(usize, T) -> T,
        old: &mut [T; LANES],
    ) -> Result<(), Stop> {
        let bytes = size_of::<T>() as u32;
        self.each_space(mask, space, addresses, |context, space, mask, addresses| {
            let part = Part {
                mask,
                addresses,
                bytes,
                order,
                scope,
                fate: Fate::Used,
            };
            match space {
                AccessSpace::Shared => {
                    let mask = context.shared_lanes(&part, "updates")?;
                    context.before_shared_update(&part, mask);
                    for lane in lanes(mask) {
                        let at = addresses[lane] as usize;
                        let bytes = &mut context.shared.bytes[at..at + size_of::<T>()];
                        old[lane] = T::from_bytes(bytes);
                        let new = f(lane, old[lane]).to_bytes();
                        bytes.copy_from_slice(&new[..size_of::<T>()]);
                    }
                    context.shared_read(&part, mask, Action::Atomic);
                    Ok(())
                }
                AccessSpace::Global | AccessSpace::Const => {
                    context.update_global(&part, |region, offset, lane| {
                        old[lane] = region.update(offset, |value| f(lane, value));
                    })
                }
                _ => Err(context.no_atomics(&part, space)),
            }
        })
    }

    /// As [`Context::update`], of 16 bytes.
    pub(crate) fn update_wide(
        &mut self,
        mask: Mask,
        space: AccessSpace,
        addresses: &[u64; LANES],
        (order, scope): (Order, Scope),
        f: impl Fn(usize, u128) -> u128,
        old: &mut [u128; LANES],
    ) -> Result<(), Stop> {
        self.each_space(mask, space, addresses, |context, space, mask, addresses| {
            let part = Part {
                mask,
                addresses,
                bytes: 16,
                order,
                scope,
                fate: Fate::Used,
            };
            match space {
                AccessSpace::Shared => {
                    let mask = context.shared_lanes(&part, "updates")?;
                    context.before_shared_update(&part, mask);
                    for lane in lanes(mask) {
                        let at = addresses[lane] as usize;
                        let bytes = &mut context.shared.bytes[at..at + 16];
                        old[lane] =
                            u128::from_le_bytes((&*bytes).try_into().expect("sixteen bytes"));
                        bytes.copy_from_slice(&f(lane, old[lane]).to_le_bytes());
                    }
                    context.shared_read(&part, mask, Action::Atomic);
                    Ok(())
                }
                AccessSpace::Global | AccessSpace::Const => {
                    context.update_global(&part, |region, offset, lane| {
                        old[lane] = region.update_wide(offset, |value| f(lane, value));
                    })
                }
                _ => Err(context.no_atomics(&part, space)),
            }
        })
    }

    fn no_atomics(&self, part: &Part<'_>, space: AccessSpace) -> Stop {
        let lane = Self::first(part.mask);
        let message = format!("an atomic update of {}, which has none", space.name());
        self.stop(Kind::WrongSpace, lane, "updates", message)
    }

    fn before_shared_update(&mut self, part: &Part<'_>, mask: Mask) {
        if let Some(written) = &self.shared.written
            && let Some((lane, first)) = written.first_missing(mask, part.addresses, part.bytes)
        {
            self.uninitialized_shared(lane, part, first);
        }
        self.shared_write(part, mask, Action::Atomic, NO_VALUES);
    }

    /// Updates global memory, lane after lane. `update` gets the allocation, the offset in it, and
    /// the lane.
    fn update_global(
        &mut self,
        part: &Part<'_>,
        mut update: impl FnMut(&Region, u64, usize),
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    let mask = accesses.mask();
                    rest &= !mask;
                    if !accesses.region().is_writable() {
                        if self.launch.checks.bounds {
                            let lane = Self::first(mask);
                            return Err(self.constant_write(lane, part.addresses[lane]));
                        }
                        continue;
                    }
                    let missing = accesses
                        .uninitialized()
                        .map(|(lane, offset)| (lane, offset - accesses.offsets()[lane]));
                    let (warp, bytes) = (self.warp as usize, part.bytes);
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Atomic);
                            let shadow = accesses.region().shadow();
                            let (number, offsets) = (self.launch.number, &accesses.offsets());
                            race = shadow.write(number, clock, &access, offsets, NO_VALUES);
                        }
                        let release = part.order.release;
                        clock.publish(warp, mask, part.addresses, bytes, release, part.scope);
                    }
                    for lane in lanes(mask) {
                        update(accesses.region(), accesses.offsets()[lane], lane);
                    }
                    if let Some(clock) = &mut self.shared.clock {
                        let acquire = part.order.acquire;
                        clock.observe(warp, mask, part.addresses, bytes, acquire, part.scope);
                    }
                    if let Some((lane, first)) = missing {
                        self.uninitialized_global(lane, part, first);
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "updates", race);
                    }
                }
                // An atomic update that is not aligned has no meaning even without the check.
                Err(fault) => rest &= !self.global_fault(fault, part, "updates", |_, _| false)?,
            }
        }
        Ok(())
    }

    /// `fence`
    pub(crate) fn fence(&mut self, mask: Mask, scope: Scope) {
        if let Some(clock) = &mut self.shared.clock {
            clock.fence(self.warp as usize, mask, scope);
        }
    }

    fn load_parameter<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let end = self.launch.parameters.len() as u64;
        let bytes = u64::from(part.bytes);
        let mask = self.check_offsets(part, AccessSpace::Parameter, "reads", |_, address| {
            address.checked_add(bytes).is_some_and(|last| last <= end)
        })?;
        for lane in lanes(part.mask) {
            for (element, values) in values.iter_mut().enumerate() {
                let at = part.addresses[lane] as usize + element * size_of::<T>();
                values[lane] = if mask >> lane & 1 != 0 {
                    T::from_bytes(&self.launch.parameters[at..at + size_of::<T>()])
                } else {
                    T::from_bytes(&[0; 8][..size_of::<T>()])
                };
            }
        }
        Ok(())
    }
}

//! What an instruction sees of the machine.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use super::warp::CallFrame;
use super::{LANES, LocalMemory, Mask, Registers, SharedMemory, Stop};
use crate::check::{Checks, Kind, Party, Place, Releases, Report, SourceLine};
use crate::device::Device;
use crate::memory::{Cursor, View};
use crate::profile::{Tallies, Tally};
use crate::program::{Kernel, Special};

/// A launch while it runs.
pub(crate) struct LaunchState<'l> {
    pub(crate) device: &'l Device,
    pub(crate) kernel: &'l Kernel,
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    pub(crate) dynamic_shared: u32,
    /// The kernel's parameters, each at its offset.
    pub(crate) parameters: Vec<u8>,
    /// Where the barrier of a cooperative grid lies; 0 in other launches.
    pub(crate) workspace: u64,
    pub(crate) view: View<'l>,
    pub(crate) checks: Checks,
    pub(crate) seed: u64,
    /// What blocks have published to each other.
    pub(crate) releases: Arc<Releases>,
    /// Counts the launches of a device from 1.
    pub(crate) number: u64,
    /// The steps that the launch has taken, counted when a warp pauses.
    pub(crate) steps: AtomicU64,
    /// Instructions times lanes.
    pub(crate) lane_instructions: AtomicU64,
    /// What its steps do, if that is counted.
    pub(crate) tallies: Option<Tallies>,
    pub(crate) started: Instant,
}

impl LaunchState<'_> {
    /// The threads of a block.
    pub(crate) fn threads(&self) -> u32 {
        self.block.iter().product()
    }

    /// A report of what a thread did at a step.
    pub(crate) fn report(
        &self,
        kind: Kind,
        block: [u32; 3],
        thread: u32,
        pc: u32,
        action: &'static str,
        message: String,
    ) -> Report {
        Report {
            kind,
            kernel: self.kernel.name().to_owned(),
            party: Some(self.party(block, thread, pc, action)),
            message,
            address: None,
            whereabouts: None,
            other: None,
            seed: self.seed,
            count: 1,
        }
    }

    /// A thread, by its number in its block, at a step.
    pub(crate) fn party(
        &self,
        block: [u32; 3],
        thread: u32,
        pc: u32,
        action: &'static str,
    ) -> Party {
        Party {
            block,
            thread: coordinates(u64::from(thread), self.block),
            action,
            place: self.place(pc),
        }
    }

    pub(crate) fn place(&self, pc: u32) -> Place {
        self.kernel.place(pc)
    }

    /// The lines that functions were called at, the innermost first; of deep recursion not all.
    pub(crate) fn callers(&self, stack: Option<&CallFrame>) -> Vec<SourceLine> {
        const MOST: usize = 16;
        let frames = std::iter::successors(stack, |frame| frame.parent.as_deref());
        let places = frames.take(MOST).map(|frame| self.place(frame.caller));
        places
            .flat_map(|place| place.source.into_iter().chain(place.calls))
            .collect()
    }
}

/// The coordinates of an index in a box, x fastest.
pub(crate) fn coordinates(index: u64, size: [u32; 3]) -> [u32; 3] {
    let [x, y, z] = size.map(|size| u64::from(size.max(1)));
    [index % x, index / x % y, index / (x * y) % z].map(|coordinate| coordinate as u32)
}

/// What an instruction of a warp sees of the machine.
pub(crate) struct Context<'c, 'l> {
    pub(crate) launch: &'l LaunchState<'l>,
    pub(crate) registers: &'c mut Registers,
    pub(crate) local: &'c mut LocalMemory,
    /// The frame of the function in local memory, in bytes. An instruction may move its end.
    pub(crate) local_frame: u32,
    pub(crate) local_end: &'c mut u32,
    pub(crate) shared: &'c mut SharedMemory,
    pub(crate) cursor: &'c mut Cursor<'l>,
    /// `%ctaid`
    pub(crate) block: [u32; 3],
    /// The warp's number in its block.
    pub(crate) warp: u32,
    /// The step that runs.
    pub(crate) pc: u32,
    /// Steps that the block has taken.
    pub(crate) steps: u64,
    /// The calls that the lanes are in.
    pub(crate) stack: Option<&'c CallFrame>,
    /// What the steps do, if that is counted.
    pub(crate) tally: Option<&'c mut Tally>,
}

impl Context<'_, '_> {
    /// The number of a lane's thread in its block.
    pub(crate) fn thread(&self, lane: usize) -> u32 {
        self.warp * LANES as u32 + lane as u32
    }

    /// The block's number in the grid.
    pub(crate) fn block_number(&self) -> u64 {
        let [x, y, z] = self.block.map(u64::from);
        let [width, height, _] = self.launch.grid.map(u64::from);
        x + width * (y + height * z)
    }

    /// A report about what a lane does at this instruction.
    pub(crate) fn report(
        &self,
        kind: Kind,
        lane: usize,
        action: &'static str,
        message: impl Into<String>,
    ) -> Report {
        let thread = self.thread(lane);
        let launch = self.launch;
        launch
            .report(kind, self.block, thread, self.pc, action, message.into())
            .within(launch.callers(self.stack))
    }

    /// Keeps a report, and goes on.
    pub(crate) fn note(&self, report: Report) {
        self.launch.device.log().add(report);
    }

    /// What ends the launch because of what a lane does here.
    pub(crate) fn stop(
        &self,
        kind: Kind,
        lane: usize,
        action: &'static str,
        message: impl Into<String>,
    ) -> Stop {
        Box::new(self.report(kind, lane, action, message))
    }

    /// The lowest lane of a mask.
    pub(crate) fn first(mask: Mask) -> usize {
        mask.trailing_zeros() as usize
    }
}

impl LaunchState<'_> {
    /// A special register that does not change, in every lane of a warp.
    pub(crate) fn special(&self, special: Special, block: [u32; 3], warp: u32) -> [u64; LANES] {
        use Special::*;
        let same = |value: u32| [u64::from(value); LANES];
        let lane = |f: fn(u32) -> u32| std::array::from_fn(|lane| u64::from(f(lane as u32)));
        let kernel = self.kernel;
        match special {
            Thread(dimension) => std::array::from_fn(|lane| {
                let thread = u64::from(warp) * LANES as u64 + lane as u64;
                u64::from(coordinates(thread, self.block)[dimension])
            }),
            BlockSize(dimension) => same(self.block[dimension]),
            Block(dimension) => same(block[dimension]),
            GridSize(dimension) => same(self.grid[dimension]),
            // Each block is a cluster of its own.
            Cluster(dimension) => same(block[dimension]),
            ClusterCount(dimension) => same(self.grid[dimension]),
            BlockInCluster(_) | ClusterRank | IsExplicitCluster => same(0),
            ClusterSize(_) | ClusterBlocks => same(1),
            Lane => lane(|lane| lane),
            Warp => same(warp),
            WarpCount => same(self.threads().div_ceil(LANES as u32)),
            Multiprocessor => {
                // Blocks go round the multiprocessors, as they do on an empty device.
                let [x, y, z] = block.map(u64::from);
                let [width, height, _] = self.grid.map(u64::from);
                let number = x + width * (y + height * z);
                let count = self.device.options().properties.multiprocessors.max(1);
                [number % u64::from(count); LANES]
            }
            MultiprocessorCount => same(self.device.options().properties.multiprocessors),
            Grid => [self.number; LANES],
            LaneMaskEqual => lane(|lane| 1 << lane),
            LaneMaskLess => lane(|lane| (1 << lane) - 1),
            LaneMaskLessOrEqual => lane(|lane| (2_u32 << lane).wrapping_sub(1)),
            LaneMaskGreater => lane(|lane| !(2_u32 << lane).wrapping_sub(1)),
            LaneMaskGreaterOrEqual => lane(|lane| !((1 << lane) - 1)),
            TotalShared | AggregateShared => same(kernel.static_shared() + self.dynamic_shared),
            DynamicShared => same(self.dynamic_shared),
            GridWorkspace(half) => same((self.workspace >> (32 * half)) as u32),
            ReservedShared | Zero => same(0),
            Clock | ClockHigh | Clock64 | Timer | TimerLow | TimerHigh => same(0),
        }
    }
}

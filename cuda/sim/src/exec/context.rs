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
    /// The blocks of a cluster, along x, y and z: one each where none are asked for.
    pub(crate) cluster: [u32; 3],
    /// Whether clusters are asked for.
    pub(crate) is_explicit_cluster: bool,
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

    /// The warps of a block.
    pub(crate) fn warps(&self) -> u32 {
        self.threads().div_ceil(LANES as u32)
    }

    /// The blocks of a cluster.
    pub(crate) fn blocks(&self) -> u32 {
        self.cluster.iter().product()
    }

    /// The clusters of the grid, along x, y and z.
    pub(crate) fn clusters(&self) -> [u32; 3] {
        std::array::from_fn(|dimension| self.grid[dimension] / self.cluster[dimension])
    }

    /// Where a block of a cluster is in the grid, by its rank: `%ctaid`.
    pub(crate) fn block_index(&self, cluster: u64, rank: u32) -> [u32; 3] {
        let first = coordinates(cluster, self.clusters());
        let inner = coordinates(rank.into(), self.cluster);
        std::array::from_fn(|dimension| {
            first[dimension] * self.cluster[dimension] + inner[dimension]
        })
    }

    /// A report of what a thread did at a step.
    pub(crate) fn report(
        &self,
        kind: Kind,
        cluster: u64,
        thread: u32,
        pc: u32,
        action: &'static str,
        message: String,
    ) -> Report {
        Report {
            kind,
            kernel: self.kernel.name().to_owned(),
            party: Some(self.party(cluster, thread, pc, action)),
            message,
            address: None,
            whereabouts: None,
            other: None,
            seed: self.seed,
            count: 1,
        }
    }

    /// A thread, by its number in its cluster, at a step. The warps of a cluster are counted block
    /// after block, and their lanes whole.
    pub(crate) fn party(&self, cluster: u64, thread: u32, pc: u32, action: &'static str) -> Party {
        let lanes = self.warps() * LANES as u32;
        Party {
            block: self.block_index(cluster, thread / lanes),
            thread: coordinates(u64::from(thread % lanes), self.block),
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
    /// The cluster's number in the grid.
    pub(crate) cluster: u64,
    /// The warp's number in its cluster.
    pub(crate) warp: u32,
    /// Where the addresses of its block's shared memory begin.
    pub(crate) shared_base: u64,
    /// The step that runs.
    pub(crate) pc: u32,
    /// Steps that the cluster has taken.
    pub(crate) steps: u64,
    /// The calls that the lanes are in.
    pub(crate) stack: Option<&'c CallFrame>,
    /// What the steps do, if that is counted.
    pub(crate) tally: Option<&'c mut Tally>,
}

impl Context<'_, '_> {
    /// The warp's number in its block.
    pub(crate) fn warp_in_block(&self) -> u32 {
        self.warp % self.launch.warps()
    }

    /// The number of a lane's thread in its cluster.
    pub(crate) fn thread(&self, lane: usize) -> u32 {
        self.warp * LANES as u32 + lane as u32
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
            .report(kind, self.cluster, thread, self.pc, action, message.into())
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
    /// A special register that does not change, in every lane of a warp of a cluster.
    pub(crate) fn special(&self, special: Special, cluster: u64, warp: u32) -> [u64; LANES] {
        use Special::*;
        let (rank, warp) = (warp / self.warps(), warp % self.warps());
        let block = self.block_index(cluster, rank);
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
            Cluster(dimension) => same(block[dimension] / self.cluster[dimension]),
            ClusterCount(dimension) => same(self.clusters()[dimension]),
            BlockInCluster(dimension) => same(block[dimension] % self.cluster[dimension]),
            ClusterSize(dimension) => same(self.cluster[dimension]),
            ClusterRank => same(rank),
            ClusterBlocks => same(self.blocks()),
            IsExplicitCluster => same(self.is_explicit_cluster.into()),
            Lane => lane(|lane| lane),
            Warp => same(warp),
            WarpCount => same(self.warps()),
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

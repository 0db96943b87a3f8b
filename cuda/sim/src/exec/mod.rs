//! Runs kernels: warps of lanes, blocks of warps, clusters of blocks, grids of clusters.

mod access;
mod barrier;
mod call;
mod cluster;
mod cluster_barrier;
mod context;
mod copies;
mod grid;
mod groups;
mod local;
mod mbarrier;
mod register_pool;
mod registers;
mod shared;
mod synchronize;
mod warp;
mod warpgroup;

pub(crate) use access::{
    AccessSpace, AsynchronousCopy, Atom, BulkCopy, ElementUpdate, Order, SharedMatrix, TensorCopy,
    Value,
};
pub(crate) use barrier::{BarrierStep, Reduction};
pub(crate) use call::{Actual, Call, Callee};
pub(crate) use cluster_barrier::ClusterBarrierStep;
pub(crate) use context::{Context, LaunchState};
pub(crate) use copies::{Late, MOST as MOST_COPIED};
pub(crate) use grid::run;
pub(crate) use local::LocalMemory;
pub(crate) use mbarrier::{Arrival, Phase, pending_count};
pub(crate) use register_pool::RegisterStep;
pub(crate) use registers::{ALL, LANES, Lane, Mask, PredicateSlot, Registers, Slot, blend, lanes};
pub(crate) use shared::{SharedMemory, Stride, block_base, rank_and_offset};
pub(crate) use warp::Converge;
pub(crate) use warpgroup::{Matrices, ProductRegister, ProductRegisters, ProductShape, Warpgroups};

pub(crate) use crate::check::Scope;

use std::fmt;

use crate::check::Report;
use crate::program::PredicateSource;

/// What ends a launch before its end.
pub(crate) type Stop = Box<Report>;

/// What computes on registers alone, in the lanes of a mask.
pub(crate) type Compute = Box<dyn Fn(&mut Registers, Mask) + Send + Sync>;

/// What needs more of the machine than its registers.
pub(crate) type Access = Box<dyn Fn(&mut Context<'_, '_>, Mask) -> Result<(), Stop> + Send + Sync>;

/// What may have to wait: it returns the lanes that try again when a phase of an mbarrier is complete,
/// or after a time go on all the same.
pub(crate) type Wait = Box<dyn Fn(&mut Context<'_, '_>, Mask) -> Result<Mask, Stop> + Send + Sync>;

/// What an instruction does.
pub(crate) enum Action {
    /// Computes on registers.
    Compute(Compute),
    /// Uses memory, the clock, or the device.
    Access(Access),
    /// Waits for a phase of an mbarrier.
    Wait(Wait),
    /// Goes on at another instruction of the kernel.
    Branch(u32),
    /// Goes on at one of several instructions, by an index.
    BranchIndexed(Slot, Box<[u32]>),
    /// Calls a function.
    Call(Box<Call>),
    /// Returns from a function, or ends the thread if it is in the kernel itself.
    Return,
    /// Ends the thread.
    Exit,
    /// Arrives at a barrier of the block.
    Barrier(Box<BarrierStep>),
    /// Arrives at the barrier of the cluster, or waits at it.
    ClusterBarrier(ClusterBarrierStep),
    /// Takes registers, or gives them up.
    Registers(RegisterStep),
    /// Waits for other lanes of the warp, then computes with them.
    Converge(Box<Converge>),
}

impl Action {
    pub(crate) fn compute(f: impl Fn(&mut Registers, Mask) + Send + Sync + 'static) -> Self {
        Self::Compute(Box::new(f))
    }

    pub(crate) fn access(
        f: impl Fn(&mut Context<'_, '_>, Mask) -> Result<(), Stop> + Send + Sync + 'static,
    ) -> Self {
        Self::Access(Box::new(f))
    }
}

impl Action {
    /// The action, with something else done before it. What only changes the course of threads stays as
    /// it is.
    pub(crate) fn after(
        self,
        before: impl Fn(&mut Context<'_, '_>, Mask) + Send + Sync + 'static,
    ) -> Self {
        match self {
            Self::Compute(compute) => Self::access(move |context, mask| {
                before(context, mask);
                compute(context.registers, mask);
                Ok(())
            }),
            Self::Access(access) => Self::access(move |context, mask| {
                before(context, mask);
                access(context, mask)
            }),
            Self::Wait(wait) => Self::Wait(Box::new(move |context, mask| {
                before(context, mask);
                wait(context, mask)
            })),
            Self::Converge(mut converge) => {
                if let Some(exchange) = converge.exchange.take() {
                    converge.exchange = Some(Box::new(move |context, mask| {
                        before(context, mask);
                        exchange(context, mask)
                    }));
                }
                Self::Converge(converge)
            }
            other => other,
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compute(_) => "Compute",
            Self::Access(_) => "Access",
            Self::Wait(_) => "Wait",
            Self::Branch(_) => "Branch",
            Self::BranchIndexed(..) => "BranchIndexed",
            Self::Call(_) => "Call",
            Self::Return => "Return",
            Self::Exit => "Exit",
            Self::Barrier(_) => "Barrier",
            Self::ClusterBarrier(_) => "ClusterBarrier",
            Self::Registers(_) => "Registers",
            Self::Converge(_) => "Converge",
        })
    }
}

/// An instruction of a kernel, ready to run.
#[derive(Debug)]
pub(crate) struct Step {
    /// The lanes that it runs in; all of the group without one.
    pub(crate) guard: Option<PredicateSource>,
    /// What it does there.
    pub(crate) action: Action,
}

/// Random numbers for schedules: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }
}

//! The barrier of a cluster: `barrier.cluster`.

use super::Mask;
use super::cluster::{Cluster, Pause, first_thread};
use super::warp::{Group, Waiting};
use crate::check::Arrivals;

/// `barrier.cluster`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClusterBarrierStep {
    /// Arrives, and goes on.
    Arrive {
        /// Whether what the thread did before is known to those who wait.
        releases: bool,
        /// Whether all threads of a warp have to be at the same instruction.
        aligned: bool,
    },
    /// Waits until all threads of the cluster have arrived, but for those that have ended.
    Wait,
}

/// What a warp has done at the barrier.
#[derive(Clone, Copy, Default)]
struct Arrived {
    /// The lanes that have arrived since the barrier was last complete.
    now: Mask,
    /// The lanes that arrived before that, and have not waited since.
    before: Mask,
    /// The first lanes and the instruction at which they arrived, if it is an aligned one.
    first: Option<(Mask, u32)>,
}

/// The barrier of a cluster.
pub(crate) struct ClusterBarrier {
    warps: Vec<Arrived>,
    /// What those know who have arrived now, and who did before the barrier was last complete.
    arrivals: Arrivals,
    completed: Arrivals,
}

impl ClusterBarrier {
    pub(crate) fn new(warps: usize) -> Self {
        Self {
            warps: vec![Arrived::default(); warps],
            arrivals: Arrivals::default(),
            completed: Arrivals::default(),
        }
    }
}

impl Cluster<'_> {
    /// Brings a group to the barrier of the cluster.
    pub(super) fn at_cluster_barrier(
        &mut self,
        number: usize,
        group: &mut Group,
        step: ClusterBarrierStep,
    ) -> Pause {
        let pc = group.pc;
        group.pc += 1;
        match step {
            ClusterBarrierStep::Arrive { releases, aligned } => {
                self.arrive_at_cluster(number, group.mask, pc, releases, aligned);
            }
            ClusterBarrierStep::Wait => {
                let arrived = &mut self.cluster_barrier.warps[number];
                let waiting = group.mask & arrived.now;
                let going = group.mask & !waiting;
                let astray = going & !arrived.before;
                arrived.before &= !going;
                let completed = &self.cluster_barrier.completed;
                if going & !astray != 0 {
                    self.shared.leave(completed, number, going & !astray);
                }
                if astray != 0 {
                    let message = "waits at the barrier of the cluster without having arrived there \
                                   since it last waited";
                    let thread = first_thread(number, astray);
                    self.mismatch(thread, pc, message.to_owned(), None);
                }
                if waiting != 0 {
                    let mut part = group.split(waiting);
                    part.pc = pc;
                    part.waiting = Waiting::Cluster;
                    self.warps[number].put(part);
                }
            }
        }
        Pause::Ready
    }

    fn arrive_at_cluster(
        &mut self,
        number: usize,
        mask: Mask,
        pc: u32,
        releases: bool,
        aligned: bool,
    ) {
        let arrived = &mut self.cluster_barrier.warps[number];
        let twice = mask & (arrived.now | arrived.before);
        arrived.now |= mask;
        arrived.before &= !mask;
        let earlier = arrived.first;
        if aligned && earlier.is_none() {
            arrived.first = Some((mask, pc));
        }
        let arrivals = &mut self.cluster_barrier.arrivals;
        if releases {
            self.shared.arrive(arrivals, number, mask);
        } else {
            self.shared.arrive_relaxed(arrivals, number, mask);
        }
        if twice != 0 {
            let message = "arrives at the barrier of the cluster again without having waited there; a \
                           thread may arrive once before the barrier is complete";
            let thread = first_thread(number, twice);
            self.mismatch(thread, pc, message.to_owned(), None);
        } else if let Some((other, earlier)) = earlier
            && aligned
            && earlier != pc
        {
            let message = "threads of one warp arrive at the barrier of the cluster in different \
                           instructions; an aligned one must be reached by all threads of a warp \
                           together";
            let other = (first_thread(number, other), earlier);
            self.mismatch(
                first_thread(number, mask),
                pc,
                message.to_owned(),
                Some(other),
            );
        }
        self.complete_cluster_barrier();
    }

    /// Lets the threads at the barrier of the cluster go on if all have arrived that have not ended.
    pub(super) fn complete_cluster_barrier(&mut self) {
        let barrier = &mut self.cluster_barrier;
        let mut arrived = barrier.warps.iter().zip(&self.warps);
        let is_complete = arrived.all(|(arrived, warp)| warp.alive() & !arrived.now == 0)
            && barrier.warps.iter().any(|arrived| arrived.now != 0);
        if !is_complete {
            return;
        }
        self.vain.count = 0;
        // What has ended is as good as arrived.
        for (number, warp) in self.warps.iter().enumerate() {
            let ended = warp.exited & !barrier.warps[number].now;
            if ended != 0 {
                self.shared.arrive(&mut barrier.arrivals, number, ended);
            }
        }
        barrier.completed = std::mem::take(&mut barrier.arrivals);
        for (number, warp) in self.warps.iter_mut().enumerate() {
            let arrived = &mut barrier.warps[number];
            arrived.before |= std::mem::take(&mut arrived.now);
            arrived.first = None;
            if !warp.groups.iter().any(|it| it.waiting == Waiting::Cluster) {
                continue;
            }
            for mut group in std::mem::take(&mut warp.groups) {
                if group.waiting == Waiting::Cluster {
                    self.shared.leave(&barrier.completed, number, group.mask);
                    arrived.before &= !group.mask;
                    group.waiting = Waiting::No;
                    group.pc += 1;
                }
                warp.put(group);
            }
        }
    }
}

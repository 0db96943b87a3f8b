//! Where threads wait for each other: barriers of a block, and lanes of a warp.

use std::ops::Range;

use super::barrier::{BARRIERS, BarrierStep, Reduction};
use super::cluster::{Cluster, MOST_VAIN, Pause, Vain, distinct, first_thread};
use super::warp::{Converge, Group, Waiting, Warp};
use super::{Action, Context, LANES, Lane, Mask, Stop, block_base, lanes};
use crate::check::{Effect, Kind, Queue};

impl<'l> Cluster<'l> {
    /// Brings a group to a barrier.
    pub(super) fn arrive(
        &mut self,
        number: usize,
        group: &mut Group,
        step: &BarrierStep,
    ) -> Result<Pause, Stop> {
        let registers = &self.warps[number].registers;
        let ids = *registers.row(step.id);
        let counts = step.count.map(|count| *registers.row(count));
        let key = |lane: usize| {
            let count = counts.map_or(u32::MAX, |counts| counts[lane]);
            u64::from(ids[lane]) << 32 | u64::from(count)
        };
        let votes = step.reduction.map_or(0, |(_, predicate)| {
            let value = registers.predicate(predicate.slot);
            if predicate.negated { !value } else { value }
        });
        let rank = self.warps[number].rank;
        let local = number - self.warps_of(rank).start;
        for part in distinct(group.mask, key) {
            let mut arriving = group.split(part.mask);
            let thread = first_thread(number, part.mask);
            let id = (part.value >> 32) as u32;
            let count = step.count.map(|_| part.value as u32);
            let refuse = |cluster: &Self, message: String| {
                cluster.report_at(
                    Kind::InvalidInstruction,
                    thread,
                    arriving.pc,
                    "waits",
                    message,
                )
            };
            if id as usize >= BARRIERS {
                let message = format!("there is no barrier {id}, only 0 to {}", BARRIERS - 1);
                return Err(refuse(self, message));
            }
            if count.is_some_and(|count| count == 0 || !(count as usize).is_multiple_of(LANES)) {
                let message = format!(
                    "a barrier for {} threads: the number must be a multiple of {LANES} and not 0",
                    count.unwrap_or(0)
                );
                return Err(refuse(self, message));
            }
            let slot = barrier_slot(rank, id);
            let barrier = &mut self.barriers[slot];
            let earlier = barrier
                .first
                .replace(barrier.first.unwrap_or((thread, arriving.pc)));
            if let Some((other, pc)) = earlier
                && barrier.count != count
            {
                let threads = |count: Option<u32>| match count {
                    None => "all threads of the block".to_owned(),
                    Some(count) => format!("{count} threads"),
                };
                let message = format!(
                    "it waits for {} at barrier {id}, another thread for {}",
                    threads(count),
                    threads(barrier.count)
                );
                self.mismatch(thread, arriving.pc, message, Some((other, pc)));
            }
            let barrier = &mut self.barriers[slot];
            if earlier.is_none() {
                barrier.count = count;
            }
            barrier.arrived[local] |= part.mask;
            if count.is_some() {
                self.shared.arrive(&mut barrier.arrivals, number, part.mask);
            }
            barrier.votes += (votes & part.mask).count_ones();
            if step.arrives_only {
                arriving.pc += 1;
            } else {
                barrier.waiting[local] |= part.mask;
                arriving.waiting = Waiting::Barrier(id);
            }
            self.warps[number].put(arriving);
            self.open_if_complete(rank, id);
        }
        Ok(Pause::Settled)
    }

    /// Notes that threads disagree about a barrier.
    pub(super) fn mismatch(
        &self,
        thread: u32,
        pc: u32,
        message: String,
        other: Option<(u32, u32)>,
    ) {
        if self.launch.checks.barriers {
            let mut report = *self.report_at(Kind::BarrierMismatch, thread, pc, "waits", message);
            report.other =
                other.map(|(thread, pc)| self.launch.party(self.number, thread, pc, "waits at"));
            self.launch.device.log().add(report);
        }
    }

    /// The numbers of a block's warps.
    pub(super) fn warps_of(&self, rank: u32) -> Range<usize> {
        let warps = self.warps.len() / self.shared.blocks as usize;
        rank as usize * warps..(rank as usize + 1) * warps
    }

    /// Lets the threads at a barrier go on if all that it waits for have come.
    fn open_if_complete(&mut self, rank: u32, id: u32) {
        let barrier = &self.barriers[barrier_slot(rank, id)];
        let Some(first) = barrier.first else {
            return;
        };
        let warps = &self.warps[self.warps_of(rank)];
        let complete = match barrier.count {
            None => warps
                .iter()
                .zip(&barrier.arrived)
                .all(|(warp, &arrived)| warp.alive() & !arrived == 0),
            // A warp counts whole, even if threads of it have ended or never were.
            Some(count) => {
                let arrived = warps.iter().zip(&barrier.arrived).map(|(warp, &arrived)| {
                    if arrived != 0 && warp.alive() & !arrived == 0 {
                        LANES as u32
                    } else {
                        arrived.count_ones()
                    }
                });
                arrived.sum::<u32>() >= count
            }
        };
        if complete {
            self.check_barrier(rank, id, first);
            self.open(rank, id);
        }
    }

    /// Reports what is wrong with the way in which threads came to a barrier.
    fn check_barrier(&self, rank: u32, id: u32, (thread, pc): (u32, u32)) {
        if !self.launch.checks.barriers {
            return;
        }
        let barrier = &self.barriers[barrier_slot(rank, id)];
        let missing: u32 = self.warps[self.warps_of(rank)]
            .iter()
            .zip(&barrier.arrived)
            .map(|(warp, &arrived)| (warp.lanes & !arrived).count_ones())
            .sum();
        if barrier.count.is_none() && missing > 0 {
            let threads = self.launch.threads();
            let message = format!(
                "{missing} of the block's {threads} threads have ended without reaching barrier {id}"
            );
            let report = self.report_at(Kind::BarrierNotReached, thread, pc, "waits", message);
            self.launch.device.log().add(*report);
        }
        for number in self.warps_of(rank) {
            let warp = &self.warps[number];
            let mut at = warp.groups.iter().filter(|group| {
                let aligned = matches!(
                    &self.launch.kernel.code()[group.pc as usize].action,
                    Action::Barrier(step) if step.aligned
                );
                group.waiting == Waiting::Barrier(id) && aligned
            });
            if let Some(first) = at.next()
                && let Some(other) = at.find(|other| other.pc != first.pc)
            {
                let message = format!(
                    "threads of one warp wait at barrier {id} in different instructions; an aligned \
                     barrier must be reached by all threads of a warp together"
                );
                let thread = first_thread(number, first.mask);
                let other = (first_thread(number, other.mask), other.pc);
                self.mismatch(thread, first.pc, message, Some(other));
            }
        }
    }

    /// Lets the threads at a barrier go on.
    fn open(&mut self, rank: u32, id: u32) {
        self.vain.count = 0;
        let here = self.warps_of(rank);
        let barrier = &mut self.barriers[barrier_slot(rank, id)];
        let (votes, threads) = (barrier.votes, barrier.threads());
        if barrier.count.is_none() {
            self.shared.synchronize(here.clone());
        } else {
            for (warp, &mask) in here.clone().zip(&barrier.waiting) {
                if mask != 0 {
                    self.shared.leave(&barrier.arrivals, warp, mask);
                }
            }
        }
        barrier.reset();
        for warp in &mut self.warps[here] {
            let (at, others) = std::mem::take(&mut warp.groups)
                .into_iter()
                .partition::<Vec<_>, _>(|group| group.waiting == Waiting::Barrier(id));
            warp.groups = others;
            for mut group in at {
                if let Action::Barrier(step) = &self.launch.kernel.code()[group.pc as usize].action
                    && let Some((reduction, _)) = step.reduction
                {
                    let registers = &mut warp.registers;
                    registers.frame = group.frame;
                    registers.predicate_frame = group.predicate_frame;
                    let all = |holds: bool| if holds { !0 } else { 0 };
                    match reduction {
                        Reduction::Count(slot) => {
                            u32::write(registers, slot, group.mask, [votes; LANES]);
                        }
                        Reduction::And(slot) => {
                            registers.set_predicate(slot, group.mask, all(votes == threads));
                        }
                        Reduction::Or(slot) => {
                            registers.set_predicate(slot, group.mask, all(votes > 0));
                        }
                    }
                }
                group.waiting = Waiting::No;
                group.pc += 1;
                warp.put(group);
            }
        }
    }

    /// Brings a group to an instruction that waits for other lanes of the warp.
    pub(super) fn converge(
        &mut self,
        number: usize,
        group: &mut Group,
        step: &Converge,
    ) -> Result<Pause, Stop> {
        let masks = *self.warps[number].registers.row(step.members);
        for part in distinct(group.mask, |lane| masks[lane]) {
            let mut arriving = group.split(part.mask);
            let mut members = part.value as Mask;
            if part.mask & !members != 0 {
                if self.launch.checks.warp_masks {
                    let lacking = part.mask & !members;
                    let message = format!(
                        "lane {} calls with the mask {members:#010x}, which does not name it",
                        lacking.trailing_zeros()
                    );
                    let thread = first_thread(number, lacking);
                    let kind = Kind::WarpMask;
                    let report = self.report_at(kind, thread, arriving.pc, "synchronizes", message);
                    self.launch.device.log().add(*report);
                }
                members |= part.mask;
            }
            arriving.waiting = Waiting::Lanes {
                members,
                same_step: step.exchange.is_some(),
            };
            let (pc, waiting) = (arriving.pc, arriving.waiting);
            self.warps[number].put(arriving);
            self.go_on_if_converged(number, pc, waiting)?;
        }
        Ok(Pause::Settled)
    }

    /// Lets the groups go on that wait at a step for the lanes of a mask, if all have come.
    fn go_on_if_converged(&mut self, number: usize, pc: u32, waiting: Waiting) -> Result<(), Stop> {
        let kernel = self.launch.kernel;
        let warp = &mut self.warps[number];
        let (Action::Converge(step), Waiting::Lanes { members, .. }, Some(first)) = (
            &kernel.code()[pc as usize].action,
            waiting,
            warp.groups
                .iter()
                .find(|group| group.pc == pc && group.waiting == waiting)
                .cloned(),
        ) else {
            return Ok(());
        };
        let come = warp.groups.iter().filter(|group| group.waits_with(&first));
        let mask = come.fold(0, |mask, group| mask | group.mask);
        if members & warp.alive() & !mask != 0 {
            return Ok(());
        }
        let (at, others) = std::mem::take(&mut warp.groups)
            .into_iter()
            .partition::<Vec<_>, _>(|group| group.waits_with(&first));
        warp.groups = others;
        if let Some(exchange) = &step.exchange {
            warp.registers.frame = first.frame;
            warp.registers.predicate_frame = first.predicate_frame;
            let mut first = first;
            exchange(&mut self.context(number, &mut first), mask)?;
        }
        let warp = &mut self.warps[number];
        if step.orders_memory {
            let ended = !warp.alive();
            self.shared.synchronize_lanes(number, mask, ended);
        }
        let waiting = self.waiting_behind(number);
        let warp = &mut self.warps[number];
        for mut group in at {
            group.waiting = waiting;
            if waiting == Waiting::No {
                group.pc += 1;
            } else {
                self.waiting_for_warpgroups += 1;
            }
            warp.put(group);
        }
        Ok(())
    }

    /// Reports bulk copies that may still read shared memory when their threads, and so at some time the
    /// block, have ended.
    fn check_stores(&self, number: usize, group: &Group) {
        if !self.launch.checks.shared_races {
            return;
        }
        for (lane, pc) in self.shared.unread_stores(number, group.mask) {
            let thread = (number * LANES + lane) as u32;
            let message =
                "ends before its bulk copy has read what it copies of shared memory, which the \
                           block gives back; `cp.async.bulk.wait_group.read` waits for that"
                    .to_owned();
            let mut report = *self.report_at(Kind::SharedRace, thread, group.pc, "ends", message);
            let verb = crate::check::Action::Begin(Queue::StoreReads, Effect::Read).verb();
            report.other = Some(self.launch.party(self.number, thread, pc, verb));
            self.launch.device.log().add(report);
        }
    }

    /// What an instruction of a group sees, outside of the group's turn.
    pub(super) fn context<'c>(
        &'c mut self,
        number: usize,
        group: &'c mut Group,
    ) -> Context<'c, 'l> {
        let warp = &mut self.warps[number];
        Context {
            launch: self.launch,
            registers: &mut warp.registers,
            local: &mut warp.local,
            local_frame: group.local,
            local_end: &mut group.local_end,
            shared: &mut self.shared,
            cursor: &mut self.cursor,
            cluster: self.number,
            warp: number as u32,
            shared_base: block_base(warp.rank),
            pc: group.pc,
            steps: self.steps,
            stack: group.stack.as_deref(),
            tally: self.tally.as_mut(),
        }
    }

    /// Ends the threads of a group, and lets those go on that waited for no others.
    pub(super) fn exit(&mut self, number: usize, group: &mut Group) -> Result<(), Stop> {
        self.check_stores(number, group);
        let warp = &mut self.warps[number];
        warp.exited |= group.mask;
        group.mask = 0;
        let waiting: Vec<_> = warp
            .groups
            .iter()
            .filter(|group| matches!(group.waiting, Waiting::Lanes { .. }))
            .map(|group| (group.pc, group.waiting))
            .collect();
        for (pc, waiting) in waiting {
            self.go_on_if_converged(number, pc, waiting)?;
        }
        self.give_registers_back(number)?;
        let rank = self.warps[number].rank;
        for id in 0..BARRIERS as u32 {
            self.open_if_complete(rank, id);
        }
        if self.shared.blocks > 1 {
            let mut warps = self.warps[self.warps_of(rank)].iter();
            if warps.all(|warp| warp.alive() == 0) {
                self.context(number, group).end_block();
            }
            self.complete_cluster_barrier();
        }
        Ok(())
    }

    /// Lets all groups that wait for phases of mbarriers look again.
    pub(super) fn try_again(&mut self) {
        for warp in &mut self.warps {
            wake(warp, 0);
        }
    }

    /// Lets those go on whose phases are not complete, as after the time that they wait at most, if
    /// that may help: something else than phases may tell them what to do.
    pub(super) fn wait_no_longer(&mut self) -> bool {
        let changes = self.shared.mbarriers.changes;
        if self.vain.changes != changes {
            self.vain = Vain { count: 0, changes };
        }
        self.vain.count += 1;
        if self.vain.count > MOST_VAIN {
            return false;
        }
        let woken = self.warps.iter_mut().map(|warp| wake(warp, 1)).max();
        woken == Some(true)
    }

    /// `warp 3`, in a cluster with its block.
    pub(super) fn warp_name(&self, number: usize) -> String {
        let rank = self.warps[number].rank;
        let local = number - self.warps_of(rank).start;
        if self.shared.blocks == 1 {
            return format!("warp {local}");
        }
        let [x, y, z] = self.launch.block_index(self.number, rank);
        format!("warp {local} of block ({x}, {y}, {z})")
    }

    /// What ends a cluster in which all threads wait.
    pub(super) fn deadlock(&self) -> Stop {
        let mut lines = Vec::new();
        let mut first = None;
        for (number, warp) in self.warps.iter().enumerate() {
            for group in &warp.groups {
                let thread = first_thread(number, group.mask);
                first = first.or(Some((thread, group.pc)));
                let what = match group.waiting {
                    Waiting::Barrier(id) => format!("at barrier {id}"),
                    Waiting::Registers(step) => self.describe_registers(number, step),
                    Waiting::Cluster => "at the barrier of the cluster".to_owned(),
                    Waiting::Phase => "for a phase of an mbarrier".to_owned(),
                    Waiting::Warpgroup { .. } => "for the other warps of its warpgroup".to_owned(),
                    Waiting::Lanes { members, .. } => {
                        format!(
                            "for {} of the warp",
                            list(members & warp.alive() & !group.mask)
                        )
                    }
                    Waiting::No => continue,
                };
                let mut place = self.launch.place(group.pc);
                place
                    .calls
                    .extend(self.launch.callers(group.stack.as_deref()));
                let wait = if group.mask.count_ones() == 1 {
                    "waits"
                } else {
                    "wait"
                };
                lines.push(format!(
                    "{} of {} {wait} {what}\n  at {place}",
                    list(group.mask),
                    self.warp_name(number)
                ));
            }
        }
        let ended: u32 = self.warps.iter().map(|warp| warp.exited.count_ones()).sum();
        let more = lines.len().saturating_sub(8);
        lines.truncate(8);
        if more > 0 {
            lines.push(format!("and {more} more groups"));
        }
        lines.extend(self.shared.mbarriers.describe().into_iter().take(8));
        let whole = match self.shared.blocks {
            1 => "block",
            _ => "cluster",
        };
        let message = format!(
            "all threads of the {whole} wait, and none can go on; {ended} of {} have ended\n  {}",
            self.launch.threads() * self.shared.blocks,
            lines.join("\n  ")
        );
        let (thread, pc) = first.unwrap_or((0, 0));
        self.report_at(Kind::Deadlock, thread, pc, "waits", message)
    }
}

/// Where a barrier of a block is among those of the cluster.
fn barrier_slot(rank: u32, id: u32) -> usize {
    rank as usize * BARRIERS + id as usize
}

/// Lets the groups of a warp run that wait for phases of mbarriers, some steps further; whether there
/// was one.
fn wake(warp: &mut Warp, steps: u32) -> bool {
    if !warp
        .groups
        .iter()
        .any(|group| group.waiting == Waiting::Phase)
    {
        return false;
    }
    for mut group in std::mem::take(&mut warp.groups) {
        if group.waiting == Waiting::Phase {
            group.waiting = Waiting::No;
            group.pc += steps;
        }
        warp.put(group);
    }
    true
}

/// The lanes of a mask in words: `lanes 0-15, 20`.
fn list(mask: Mask) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for lane in lanes(mask) {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == lane => *last = lane,
            _ => parts.push((lane, lane)),
        }
    }
    let words = parts.iter().map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    let noun = if mask.count_ones() == 1 {
        "lane"
    } else {
        "lanes"
    };
    format!("{noun} {}", words.collect::<Vec<_>>().join(", "))
}

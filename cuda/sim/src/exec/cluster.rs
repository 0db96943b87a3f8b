//! A cluster of blocks: their warps, in an order that the seed draws, their barriers, and their shared
//! memory. Where a launch asks for no clusters, each block is one.

use std::sync::atomic::Ordering::Relaxed;

use super::barrier::{BARRIERS, Barrier};
use super::call::{Call, CallError, Callee};
use super::cluster_barrier::ClusterBarrier;
use super::context::{Context, LaunchState};
use super::register_pool::RegisterPools;
use super::shared::block_base;
use super::warp::{Group, Waiting, Warp, lanes_of};
use super::{ALL, Action, LANES, Lane, Mask, Random, Registers, SharedMemory, Stop, lanes};
use crate::check::Kind;
use crate::memory::Cursor;
use crate::profile::{Tallies, Tally};
use crate::program::{Constant, FUNCTION_STRIDE, FUNCTION_WINDOW, FunctionCode};

/// The most steps that a warp takes before another one gets its turn.
const LONGEST_TURN: u32 = 512;

/// The most steps that a group takes while another one of its warp could.
const SHARE: u32 = 64;

/// One in how many waits for a phase of an mbarrier comes back before the phase is complete.
const EARLY: u32 = 8;

/// How often in a row all threads of a cluster may have waited in vain for phases of mbarriers.
pub(super) const MOST_VAIN: u32 = 10_000;

/// How far a cluster has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// All of its threads have ended.
    Done,
    /// It has used up its steps, and may go on.
    Paused,
}

/// A cluster of a launch.
pub(crate) struct Cluster<'l> {
    pub(super) launch: &'l LaunchState<'l>,
    /// Its number in the grid.
    pub(super) number: u64,
    /// The warps of its blocks, block after block.
    pub(super) warps: Vec<Warp>,
    /// The barriers of its blocks, [`BARRIERS`] of each.
    pub(super) barriers: Vec<Barrier>,
    pub(super) cluster_barrier: ClusterBarrier,
    pub(super) registers: RegisterPools,
    pub(super) shared: SharedMemory,
    pub(super) vain: Vain,
    /// How many groups wait for the other warps of their warpgroup.
    pub(super) waiting_for_warpgroups: u32,
    pub(super) cursor: Cursor<'l>,
    random: Random,
    /// The steps that it has taken.
    pub(super) steps: u64,
    lane_instructions: u64,
    /// What the steps do, while it runs and if that is counted.
    pub(super) tally: Option<Tally>,
}

/// How often all threads of a cluster have waited for mbarriers, and nothing was done to these since, nor
/// did a barrier open.
#[derive(Default)]
pub(super) struct Vain {
    pub(super) count: u32,
    pub(super) changes: u64,
}

/// Why a group stopped running.
pub(super) enum Pause {
    /// Its turn is over, or it may meet another group: it can go on.
    Ready,
    /// It waits, has split or has ended; it was put where it belongs.
    Settled,
}

impl<'l> Cluster<'l> {
    /// The cluster of this number in the grid, x fastest, at its beginning.
    pub(crate) fn new(launch: &'l LaunchState<'l>, number: u64, seed: u64) -> Self {
        let (threads, warps, blocks) = (launch.threads(), launch.warps(), launch.blocks());
        let count = warps * blocks;
        let mut cluster = Self {
            launch,
            number,
            warps: Vec::with_capacity(count as usize),
            barriers: vec![Barrier::new(warps as usize); BARRIERS * blocks as usize],
            cluster_barrier: ClusterBarrier::new(count as usize),
            registers: RegisterPools::new(blocks, count, launch.kernel.max_registers()),
            // Of more clusters than 2^32 some share a number, which only races between them would show.
            shared: SharedMemory::new(launch, number as u32),
            vain: Vain::default(),
            waiting_for_warpgroups: 0,
            cursor: launch.view.cursor(),
            random: Random(seed),
            steps: 0,
            lane_instructions: 0,
            tally: None,
        };
        for number in 0..count {
            cluster.warps.push(Warp::new(number / warps));
            cluster.begin(number, lanes_of(number % warps, threads));
        }
        cluster
    }

    /// Puts the threads of a warp at the kernel's first instruction.
    fn begin(&mut self, number: u32, mask: Mask) {
        let entry = self.launch.kernel.entry();
        let warp = &mut self.warps[number as usize];
        warp.lanes = mask;
        warp.local.tracks = self.launch.checks.initialization;
        warp.local.reserve(entry.local_bytes);
        warp.registers
            .reserve(entry.rows as usize, entry.predicates as usize);
        set_constants(
            self.launch,
            self.number,
            number,
            &mut warp.registers,
            entry,
            ALL,
        );
        warp.groups.push(Group {
            mask,
            pc: entry.start,
            waiting: Waiting::No,
            frame: 0,
            predicate_frame: 0,
            local: 0,
            local_end: entry.local_bytes,
            stack: None,
        });
    }

    /// Runs until all threads have ended, or about `budget` steps were taken.
    pub(crate) fn run(&mut self, budget: u64) -> Result<Progress, Stop> {
        self.tally = self.launch.tallies.as_ref().map(Tallies::take);
        let end = self.steps + budget;
        let mut flushed = self.steps;
        let mut ready = Vec::with_capacity(self.warps.len());
        let result = loop {
            ready.clear();
            ready.extend((0..self.warps.len()).filter(|&number| self.warps[number].is_ready()));
            if ready.is_empty() {
                if self.warps.iter().all(|warp| warp.alive() == 0) {
                    self.shared.warpgroups.check_end(self.launch, self.number);
                    break Ok(Progress::Done);
                }
                if self.wait_no_longer() {
                    break Ok(Progress::Paused);
                }
                if self.release_warpgroups(true) {
                    continue;
                }
                break Err(self.deadlock());
            }
            let number = ready[self.random.below(ready.len() as u32) as usize];
            let turn = 1 + self.random.below(LONGEST_TURN);
            if let Err(stop) = self.take_turn(number, turn) {
                break Err(stop);
            }
            if std::mem::take(&mut self.shared.mbarriers.has_completed) {
                self.try_again();
            }
            if self.waiting_for_warpgroups > 0 {
                self.release_warpgroups(false);
            }
            let total =
                self.launch.steps.fetch_add(self.steps - flushed, Relaxed) + self.steps - flushed;
            flushed = self.steps;
            if total > self.launch.device.options().step_limit {
                break Err(self.too_many_steps(number));
            }
            if self.steps >= end {
                break Ok(Progress::Paused);
            }
        };
        let lanes = std::mem::take(&mut self.lane_instructions);
        self.launch.lane_instructions.fetch_add(lanes, Relaxed);
        if let (Some(tallies), Some(tally)) = (&self.launch.tallies, self.tally.take()) {
            tallies.put(tally);
        }
        result
    }

    pub(super) fn report_at(
        &self,
        kind: Kind,
        thread: u32,
        pc: u32,
        action: &'static str,
        message: String,
    ) -> Stop {
        let report = self
            .launch
            .report(kind, self.number, thread, pc, action, message);
        Box::new(report)
    }

    fn too_many_steps(&self, number: usize) -> Stop {
        let group = self.warps[number].groups.first();
        let (pc, thread) =
            group.map_or((0, 0), |group| (group.pc, first_thread(number, group.mask)));
        let callers = self
            .launch
            .callers(group.and_then(|group| group.stack.as_deref()));
        let limit = self.launch.device.options().step_limit;
        let message = format!(
            "the launch has taken more than {limit} steps of a warp, the most that it may; is there \
             a loop that does not end?"
        );
        let report = self.report_at(Kind::StepLimit, thread, pc, "runs", message);
        Box::new(report.within(callers))
    }

    /// Runs a warp for some steps, or until none of its groups can go on.
    fn take_turn(&mut self, number: usize, turn: u32) -> Result<(), Stop> {
        let mut left = turn;
        // The group that is furthest behind goes first, so that groups meet; now and then, and after
        // one that has used up its share, any group does, for it may be spinning for another one.
        // While steps are counted any group has to wait longer for that: on a GPU lanes that have
        // parted meet where their paths join.
        let counts = self.tally.is_some();
        let mut any = !counts && self.random.below(8) == 0;
        while left > 0 {
            let random = any.then_some(&mut self.random);
            let warp = &mut self.warps[number];
            let Some(group) = warp.choose(random) else {
                break;
            };
            let share = if warp.is_ready() {
                left.min(SHARE)
            } else {
                left
            };
            let used = if counts {
                self.advance::<true>(number, group, share)?
            } else {
                self.advance::<false>(number, group, share)?
            };
            any = used == share && (!counts || self.warps[number].is_overdue(used));
            left -= used;
        }
        Ok(())
    }

    /// Runs a group for some steps, and puts it back; returns the steps that it took.
    fn advance<const COUNTS: bool>(
        &mut self,
        number: usize,
        mut group: Group,
        turn: u32,
    ) -> Result<u32, Stop> {
        let kernel = self.launch.kernel;
        let warp = &mut self.warps[number];
        warp.registers.frame = group.frame;
        warp.registers.predicate_frame = group.predicate_frame;
        let meeting = warp.meeting(&group);
        let shared_base = block_base(warp.rank);
        let width = u64::from(group.mask.count_ones());
        let mut used = 0;
        macro_rules! context {
            () => {
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
                    shared_base,
                    pc: group.pc,
                    steps: self.steps + u64::from(used),
                    stack: group.stack.as_deref(),
                    tally: self.tally.as_mut(),
                }
            };
        }
        let pause = loop {
            if used == turn || group.pc >= meeting {
                break Pause::Ready;
            }
            used += 1;
            let step = &kernel.code()[group.pc as usize];
            let mask = match step.guard {
                None => group.mask,
                Some(guard) => {
                    let value = warp.registers.predicate(guard.slot);
                    group.mask & if guard.negated { !value } else { value }
                }
            };
            if COUNTS && let Some(tally) = &mut self.tally {
                tally.step(group.pc, group.mask, mask);
            }
            match &step.action {
                Action::Compute(compute) => {
                    if mask != 0 {
                        compute(&mut warp.registers, mask);
                    }
                    group.pc += 1;
                }
                Action::Access(access) => {
                    if mask != 0 {
                        access(&mut context!(), mask)?;
                    }
                    group.pc += 1;
                }
                Action::Wait(wait) => {
                    let waiting = match mask {
                        0 => 0,
                        _ => wait(&mut context!(), mask)?,
                    };
                    // An instruction may also come back too early.
                    if waiting == 0 || self.random.below(EARLY) == 0 {
                        group.pc += 1;
                        continue;
                    }
                    if waiting != group.mask {
                        let mut others = group.split(group.mask & !waiting);
                        others.pc += 1;
                        warp.put(others);
                    }
                    group.waiting = Waiting::Phase;
                    break Pause::Ready;
                }
                Action::Branch(target) => {
                    if mask == group.mask {
                        group.pc = *target;
                    } else if mask == 0 {
                        group.pc += 1;
                    } else {
                        let mut taken = group.split(mask);
                        taken.pc = *target;
                        group.pc += 1;
                        warp.put(taken);
                        break Pause::Ready;
                    }
                }
                action => {
                    // What is left may split the group, make it wait or end it.
                    if mask == 0 {
                        group.pc += 1;
                        continue;
                    }
                    if mask != group.mask {
                        let mut others = group.split(group.mask & !mask);
                        others.pc += 1;
                        warp.put(others);
                    }
                    break self.control(number, &mut group, action)?;
                }
            }
        };
        if let Pause::Ready = pause {
            self.warps[number].put(group);
        }
        self.steps += u64::from(used);
        self.lane_instructions += u64::from(used) * width;
        Ok(used)
    }

    /// Does what changes the course of a whole group.
    fn control(
        &mut self,
        number: usize,
        group: &mut Group,
        action: &Action,
    ) -> Result<Pause, Stop> {
        let warp = &mut self.warps[number];
        match action {
            Action::BranchIndexed(index, targets) => {
                let indices = *warp.registers.row(*index);
                let parts = distinct(group.mask, |lane| indices[lane]);
                if let Some(tally) = &mut self.tally
                    && parts.len() > 1
                {
                    tally.split(group.pc);
                }
                for target in parts {
                    let mut part = group.split(target.mask);
                    match targets.get(target.value as usize) {
                        Some(&pc) => part.pc = pc,
                        None => {
                            let thread = first_thread(number, target.mask);
                            let message = format!(
                                "the index {} is beyond the {} targets of the branch",
                                target.value,
                                targets.len()
                            );
                            return Err(self.report_at(
                                Kind::InvalidInstruction,
                                thread,
                                part.pc,
                                "branches",
                                message,
                            ));
                        }
                    }
                    warp.put(part);
                }
                Ok(Pause::Settled)
            }
            Action::Call(call) => self.call(number, group, call),
            Action::Return => match group.stack.clone() {
                None => {
                    self.exit(number, group)?;
                    Ok(Pause::Settled)
                }
                Some(frame) => {
                    let kernel = self.launch.kernel;
                    let Action::Call(call) = &kernel.code()[frame.caller as usize].action else {
                        unreachable!("a frame is made by a call");
                    };
                    let returns = &kernel
                        .function(frame.function)
                        .expect("it was called")
                        .returns;
                    warp.leave(group, &frame, call, returns);
                    Ok(Pause::Ready)
                }
            },
            Action::Exit => {
                self.exit(number, group)?;
                Ok(Pause::Settled)
            }
            Action::Barrier(barrier) => self.arrive(number, group, barrier),
            Action::Registers(step) => self.at_registers(number, group, *step),
            Action::ClusterBarrier(step) => Ok(self.at_cluster_barrier(number, group, *step)),
            Action::Converge(converge) => self.converge(number, group, converge),
            Action::Compute(_) | Action::Access(_) | Action::Wait(_) | Action::Branch(_) => {
                Ok(Pause::Ready)
            }
        }
    }

    fn call(&mut self, number: usize, group: &mut Group, call: &Call) -> Result<Pause, Stop> {
        let kernel = self.launch.kernel;
        let caller = match &group.stack {
            None => kernel.entry(),
            Some(frame) => kernel.function(frame.function).expect("it was called"),
        };
        let direct = |number: u32| {
            vec![Distinct {
                mask: group.mask,
                value: u64::from(number),
            }]
        };
        let callees = match call.callee {
            Callee::Direct(function) => direct(function),
            Callee::Indirect(address) => {
                let addresses = <u64 as super::Lane>::read(&self.warps[number].registers, address);
                let mut callees = distinct(group.mask, |lane| addresses[lane]);
                for callee in &mut callees {
                    let address = callee.value;
                    let offset = address.wrapping_sub(FUNCTION_WINDOW);
                    callee.value = offset / FUNCTION_STRIDE;
                    let function = u32::try_from(callee.value).ok();
                    let function = function.and_then(|function| kernel.function(function));
                    if function.is_none() || offset % FUNCTION_STRIDE != 0 {
                        let message = format!("calls {address:#x}, which is no function's address");
                        let thread = first_thread(number, callee.mask);
                        let (kind, pc) = (Kind::InvalidCall, group.pc);
                        return Err(self.report_at(kind, thread, pc, "calls", message));
                    }
                }
                callees
            }
        };
        let limit = self.launch.device.stack_limit();
        for callee in callees {
            let mut part = group.split(callee.mask);
            let thread = first_thread(number, part.mask);
            let index = callee.value as u32;
            let function = kernel.function(index).expect("it was looked up above");
            let pc = part.pc;
            let warp = &mut self.warps[number];
            let entered = warp.enter(&mut part, kernel, caller, call, index, limit);
            match entered {
                Ok(()) => {
                    let registers = &mut warp.registers;
                    set_constants(
                        self.launch,
                        self.number,
                        number as u32,
                        registers,
                        function,
                        part.mask,
                    );
                    warp.put(part);
                }
                Err(CallError::Signature) => {
                    let message = format!(
                        "the function {} takes other arguments than it is called with",
                        function.name
                    );
                    return Err(self.report_at(Kind::InvalidCall, thread, pc, "calls", message));
                }
                Err(CallError::StackOverflow { needed }) => {
                    let message = format!(
                        "the call of {} needs {needed} bytes of stack, the limit is {limit} bytes a \
                         thread; is the recursion endless? (cuCtxSetLimit raises the limit)",
                        function.name
                    );
                    let report = self.report_at(Kind::StackOverflow, thread, pc, "calls", message);
                    let callers = self.launch.callers(part.stack.as_deref());
                    return Err(Box::new(report.within(callers)));
                }
            }
        }
        Ok(Pause::Settled)
    }
}

impl Group {
    /// Takes some lanes out of the group.
    pub(super) fn split(&mut self, mask: Mask) -> Self {
        self.mask &= !mask;
        Self {
            mask,
            ..self.clone()
        }
    }
}

/// Lanes that have the same value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distinct {
    pub(super) mask: Mask,
    pub(super) value: u64,
}

/// Parts the lanes of a mask by their values.
pub(super) fn distinct<T: Copy + Into<u64>>(
    mut mask: Mask,
    value: impl Fn(usize) -> T,
) -> Vec<Distinct> {
    let mut parts = Vec::new();
    while mask != 0 {
        let first = value(mask.trailing_zeros() as usize).into();
        let same = lanes(mask)
            .filter(|&lane| value(lane).into() == first)
            .fold(0, |same, lane| same | 1 << lane);
        parts.push(Distinct {
            mask: same,
            value: first,
        });
        mask &= !same;
    }
    parts
}

/// The number in its cluster of the first thread of a mask.
pub(super) fn first_thread(warp: usize, mask: Mask) -> u32 {
    (warp * LANES) as u32 + mask.trailing_zeros().min(LANES as u32 - 1)
}

/// Fills the rows of a function that never change, in the lanes of a mask.
fn set_constants(
    launch: &LaunchState<'_>,
    cluster: u64,
    warp: u32,
    registers: &mut Registers,
    function: &FunctionCode,
    mask: Mask,
) {
    for &(constant, slot, rows) in &function.constants {
        match constant {
            Constant::Bits(bits) => match rows {
                1 => u32::write(registers, slot, mask, [bits as u32; LANES]),
                2 => u64::write(registers, slot, mask, [bits as u64; LANES]),
                _ => u128::write(registers, slot, mask, [bits; LANES]),
            },
            Constant::Shared(offset) => {
                let address = block_base(warp / launch.warps()) + offset;
                match rows {
                    1 => u32::write(registers, slot, mask, [address as u32; LANES]),
                    _ => u64::write(registers, slot, mask, [address; LANES]),
                }
            }
            Constant::Special(special) => {
                let values = launch.special(special, cluster, warp);
                if rows == 1 {
                    u32::write(registers, slot, mask, values.map(|value| value as u32));
                } else {
                    u64::write(registers, slot, mask, values);
                }
            }
        }
    }
    if let Some(predicate) = function.false_predicate {
        registers.set_predicate(predicate, mask, 0);
    }
    if let Some(predicate) = function.cluster_predicate {
        let value = if launch.is_explicit_cluster { ALL } else { 0 };
        registers.set_predicate(predicate, mask, value);
    }
}

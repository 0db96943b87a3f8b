//! Registers that the warps of a block give up and take: `setmaxnreg`.
//!
//! They are counted if the kernel says by `.maxnreg` how many a thread begins with. Otherwise nobody knows
//! what a GPU's assembler gives it, and whatever is asked for is taken as granted. What a warp has when it
//! ends goes back to its block.

use super::cluster::{Cluster, Pause, first_thread};
use super::warp::{Group, Waiting};
use super::{LANES, Stop};
use crate::check::Kind;

/// `setmaxnreg`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RegisterStep {
    /// The registers of a thread from now on.
    pub(crate) count: u32,
    /// Whether it takes registers, and does not give any up.
    pub(crate) takes: bool,
}

/// The registers of a cluster's blocks.
pub(super) struct RegisterPools {
    /// Those of a block that no warp has.
    free: Vec<u32>,
    warps: Vec<Share>,
}

/// What a warp has.
#[derive(Clone, Copy)]
struct Share {
    /// The registers of a thread, if they are counted.
    held: Option<u32>,
    /// Whether it has come to the instruction whole.
    is_whole: bool,
}

impl RegisterPools {
    pub(super) fn new(blocks: u32, warps: u32, registers: Option<u32>) -> Self {
        let share = Share {
            held: registers,
            is_whole: false,
        };
        Self {
            free: vec![0; blocks as usize],
            warps: vec![share; warps as usize],
        }
    }
}

impl Cluster<'_> {
    /// Brings a group to `setmaxnreg`.
    pub(super) fn at_registers(
        &mut self,
        number: usize,
        group: &mut Group,
        step: RegisterStep,
    ) -> Result<Pause, Stop> {
        let mut arriving = group.split(group.mask);
        arriving.waiting = Waiting::Registers(step);
        self.warps[number].put(arriving);
        self.grant_registers(number)?;
        Ok(Pause::Settled)
    }

    /// Gives a warp the registers that it waits for, if it is there whole and they are free; then others
    /// those that it has given up.
    fn grant_registers(&mut self, number: usize) -> Result<(), Stop> {
        let warp = &self.warps[number];
        let (alive, rank) = (warp.alive(), warp.rank);
        let groups = warp.groups.iter().enumerate();
        let whole = groups.filter(|(_, group)| group.mask == alive);
        let Some((index, step)) = whole.into_iter().find_map(|(index, group)| {
            let Waiting::Registers(step) = group.waiting else {
                return None;
            };
            Some((index, step))
        }) else {
            return Ok(());
        };
        let mut group = self.warps[number].groups.swap_remove(index);
        let share = &mut self.registers.warps[number];
        if !std::mem::replace(&mut share.is_whole, true) {
            let of_all = [step.count.into(), step.takes.into()];
            self.context(number, &mut group)
                .join_warpgroup(alive, of_all);
        }
        let share = &mut self.registers.warps[number];
        let free = &mut self.registers.free[rank as usize];
        if let Some(held) = share.held {
            let is_wrong = match step.takes {
                true => step.count < held,
                false => step.count > held,
            };
            if is_wrong {
                let message = format!(
                    "setmaxnreg.{} to {} registers of a thread that has {held}",
                    if step.takes { "inc" } else { "dec" },
                    step.count
                );
                let (kind, thread) = (Kind::InvalidInstruction, first_thread(number, alive));
                return Err(self.report_at(kind, thread, group.pc, "asks", message));
            }
            let lanes = LANES as u32;
            if step.takes {
                let needed = (step.count - held) * lanes;
                if needed > *free {
                    self.warps[number].put(group);
                    return Ok(());
                }
                *free -= needed;
            } else {
                *free += (held - step.count) * lanes;
            }
            share.held = Some(step.count);
        }
        share.is_whole = false;
        group.waiting = Waiting::No;
        group.pc += 1;
        self.warps[number].put(group);
        match step.takes {
            true => Ok(()),
            false => self.grant_waiting(rank),
        }
    }

    fn grant_waiting(&mut self, rank: u32) -> Result<(), Stop> {
        for number in self.warps_of(rank) {
            let groups = &self.warps[number].groups;
            if groups
                .iter()
                .any(|group| matches!(group.waiting, Waiting::Registers(_)))
            {
                self.grant_registers(number)?;
            }
        }
        Ok(())
    }

    /// Threads of a warp have ended: the others may be all of it, and when all have, its registers are
    /// free.
    pub(super) fn give_registers_back(&mut self, number: usize) -> Result<(), Stop> {
        let warp = &self.warps[number];
        let rank = warp.rank;
        if warp.alive() != 0 {
            return self.grant_registers(number);
        }
        if let Some(held) = self.registers.warps[number].held.take() {
            self.registers.free[rank as usize] += held * LANES as u32;
            self.grant_waiting(rank)?;
        }
        Ok(())
    }

    /// What a warp waits for at `setmaxnreg`, for a sentence.
    pub(super) fn describe_registers(&self, number: usize, step: RegisterStep) -> String {
        let rank = self.warps[number].rank as usize;
        match self.registers.warps[number].held {
            Some(held) if step.takes => format!(
                "for {} registers of each thread, which has {held}, and the block has {} left for all",
                step.count, self.registers.free[rank]
            ),
            _ => "for the other lanes of the warp".to_owned(),
        }
    }
}

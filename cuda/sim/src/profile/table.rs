//! Counters as a table for people.

use std::fmt::{self, Display, Formatter};

use super::counters::{Accesses, Banked, Instructions, Traffic, ratio};
use super::{KernelProfile, LaunchShape, Profile};
use crate::device::Limit;

/// A whole number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 block`, `2 blocks`
fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    let plural = if number != 1 && what.ends_with("ch") {
        "es"
    } else {
        plural
    };
    format!("{} {what}{plural}", grouped(number))
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * ratio(part, whole)
}

impl Display for Profile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "counters of {}, simulated", self.device.name)?;
        if self.kernels.is_empty() {
            return writeln!(f, "  no kernel was launched");
        }
        if self.kernels.iter().all(|kernel| kernel.resources.is_none()) {
            writeln!(
                f,
                "  registers and occupancy: ptxas knows them, which is neither in PTXAS nor on the PATH"
            )?;
        }
        for kernel in &self.kernels {
            writeln!(f)?;
            kernel.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for KernelProfile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "kernel {}: {}, {}, {}; {:.1} ms of the host's time",
            self.name,
            counted(self.launches, "launch"),
            counted(self.blocks, "block"),
            counted(self.threads, "thread"),
            1e3 * self.host_seconds
        )?;
        self.instructions(f)?;
        self.operations(f)?;
        global(f, &self.counters.memory.global)?;
        shared(f, &self.counters.memory.shared)?;
        let memory = &self.counters.memory;
        for (name, bytes) in [
            ("local memory, loads", &memory.local_load),
            ("local memory, stores", &memory.local_store),
            ("bulk copies, reads", &memory.bulk_read),
            ("bulk copies, writes", &memory.bulk_write),
        ] {
            if bytes.requests > 0 {
                let requests = counted(bytes.requests, "request");
                writeln!(
                    f,
                    "  {name:<24}{:>14} bytes, {requests}",
                    grouped(bytes.bytes)
                )?;
            }
        }
        self.occupancy(f)
    }
}

impl KernelProfile {
    fn instructions(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counters = &self.counters;
        let total = &counters.instructions;
        let line = |f: &mut Formatter<'_>, name: &str, part: &Instructions| {
            writeln!(
                f,
                "  {name:<24}{:>14}{:>9.1} %{:>9.1}{:>9.1}",
                grouped(part.warps),
                percent(part.warps, total.warps),
                part.average_lanes(),
                ratio(part.guarded_lanes, part.warps),
            )
        };
        writeln!(
            f,
            "  {:<24}{:>14}{:>11}{:>9}{:>9}",
            "", "warps", "share", "lanes", "guarded"
        )?;
        line(f, "instructions", total)?;
        for (class, part) in &counters.classes {
            line(
                f,
                &format!("  {}", format!("{class:?}").to_lowercase()),
                part,
            )?;
        }
        if counters.branches > 0 {
            writeln!(
                f,
                "  {:<24}{:>14}, of which {} divergent ({:.1} %)",
                "branches",
                grouped(counters.branches),
                grouped(counters.divergent_branches),
                percent(counters.divergent_branches, counters.branches),
            )?;
        }
        if counters.barriers > 0 {
            writeln!(f, "  {:<24}{:>14}", "barriers", grouped(counters.barriers))?;
        }
        Ok(())
    }

    fn operations(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operations = &self.counters.operations;
        for (name, count) in [
            ("half", operations.half),
            ("single", operations.single),
            ("double", operations.double),
            ("matrix", operations.matrix),
        ] {
            if count > 0 {
                writeln!(f, "  {:<24}{:>14}", format!("FLOP, {name}"), grouped(count))?;
            }
        }
        if operations.integer_matrix > 0 {
            let count = grouped(operations.integer_matrix);
            writeln!(f, "  {:<24}{count:>14}", "operations, int. matrix")?;
        }
        match self.counters.arithmetic_intensity() {
            Some(intensity) if operations.flops() > 0 => writeln!(
                f,
                "  {:<24}{intensity:>14.2} FLOP per byte of global memory",
                "arithmetic intensity"
            ),
            _ => Ok(()),
        }
    }

    fn occupancy(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(resources) = &self.resources else {
            return Ok(());
        };
        write!(
            f,
            "  {:<24}{:>14} of a thread, {} of static shared memory",
            "registers",
            resources.registers,
            counted(resources.static_shared.into(), "byte")
        )?;
        match resources.spill_store_bytes + resources.spill_load_bytes {
            0 => writeln!(f, ", no spills")?,
            _ => writeln!(
                f,
                ", spills of {} and {} bytes (stores and loads in the code)",
                resources.spill_store_bytes, resources.spill_load_bytes
            )?,
        }
        self.shapes.iter().try_for_each(|shape| occupancy(f, shape))
    }
}

fn occupancy(f: &mut Formatter<'_>, shape: &LaunchShape) -> fmt::Result {
    let Some(occupancy) = &shape.occupancy else {
        return Ok(());
    };
    let [x, y, z] = shape.block;
    let limit = match occupancy.limit {
        Limit::Warps => "the warps",
        Limit::Registers => "the registers",
        Limit::SharedMemory => "the shared memory",
        Limit::Blocks => "the blocks",
    };
    writeln!(
        f,
        "  {:<24}{:>12.1} % of a multiprocessor's warps: {} of {x} x {y} x {z} threads{}, \
         limited by {limit} that it has",
        "occupancy",
        100.0 * occupancy.share(),
        counted(occupancy.blocks.into(), "block"),
        match shape.dynamic_shared {
            0 => String::new(),
            bytes => format!(" and {bytes} bytes of dynamic shared memory"),
        },
    )
}

fn global(f: &mut Formatter<'_>, accesses: &Accesses<Traffic>) -> fmt::Result {
    if accesses.total().requests == 0 {
        return Ok(());
    }
    writeln!(
        f,
        "  {:<24}{:>14}{:>14}{:>10}{:>8}{:>16}{:>16}",
        "global memory", "requests", "sectors", "/request", "ideal", "bytes asked", "bytes moved"
    )?;
    for (name, traffic) in parts(accesses) {
        if traffic.requests > 0 {
            writeln!(
                f,
                "  {name:<24}{:>14}{:>14}{:>10.2}{:>8.2}{:>16}{:>16}",
                grouped(traffic.requests),
                grouped(traffic.sectors),
                traffic.sectors_per_request(),
                ratio(traffic.ideal_sectors, traffic.requests),
                grouped(traffic.bytes),
                grouped(traffic.bytes_moved()),
            )?;
        }
    }
    Ok(())
}

fn shared(f: &mut Formatter<'_>, accesses: &Accesses<Banked>) -> fmt::Result {
    if accesses.total().requests == 0 {
        return Ok(());
    }
    writeln!(
        f,
        "  {:<24}{:>14}{:>14}{:>10}{:>8}{:>16}{:>16}",
        "shared memory", "requests", "wavefronts", "/request", "ideal", "bytes asked", "conflicts"
    )?;
    for (name, banked) in parts(accesses) {
        if banked.requests > 0 {
            writeln!(
                f,
                "  {name:<24}{:>14}{:>14}{:>10.2}{:>8.2}{:>16}{:>16}",
                grouped(banked.requests),
                grouped(banked.wavefronts),
                ratio(banked.wavefronts, banked.requests),
                ratio(banked.ideal_wavefronts, banked.requests),
                grouped(banked.bytes),
                grouped(banked.conflicts()),
            )?;
        }
    }
    Ok(())
}

fn parts<T>(accesses: &Accesses<T>) -> [(&'static str, &T); 4] {
    [
        ("  loads", &accesses.load),
        ("  stores", &accesses.store),
        ("  atomics", &accesses.atomic),
        ("  asynchronous copies", &accesses.copy),
    ]
}

//! What the launches of a device have counted, by kernel.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::counters::{Counters, Instructions};
use super::tally::{StepTally, Tallies, Tally};
use super::{KernelProfile, LaunchShape, LineProfile};
use crate::device::Launch;
use crate::instructions::{Event, Precision, Work};
use crate::program::{Kernel, Source, StepInfo};

/// The launches of one kernel of one module.
struct Record {
    name: String,
    source: Arc<Source>,
    infos: Arc<[StepInfo]>,
    static_shared: u32,
    launches: u64,
    blocks: u64,
    threads: u64,
    time: Duration,
    /// Launches by the shape of a block, its dynamic shared memory.
    shapes: BTreeMap<([u32; 3], u32), u64>,
    tally: Tally,
}

/// What is known of all kernels that were launched while counters were on.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Record>>);

impl Recorder {
    /// Adds a launch that has ended, by itself or by a fault.
    pub(crate) fn add(
        &self,
        kernel: &Kernel,
        launch: &Launch<'_>,
        tallies: Tallies,
        time: Duration,
    ) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = records
            .iter()
            .position(|record| Arc::ptr_eq(&record.infos, kernel.infos()));
        let index = known.unwrap_or_else(|| {
            records.push(Record {
                name: kernel.name().to_owned(),
                source: kernel.source().clone(),
                infos: kernel.infos().clone(),
                static_shared: kernel.static_shared(),
                launches: 0,
                blocks: 0,
                threads: 0,
                time: Duration::ZERO,
                shapes: BTreeMap::new(),
                tally: Tally::default(),
            });
            records.len() - 1
        });
        let record = &mut records[index];
        let product = |size: [u32; 3]| size.iter().map(|&size| u64::from(size)).product::<u64>();
        let blocks = product(launch.grid);
        record.launches += 1;
        record.blocks += blocks;
        record.threads += blocks * product(launch.block);
        record.time += time;
        let shape = (launch.block, launch.dynamic_shared);
        *record.shapes.entry(shape).or_default() += 1;
        tallies.add_to(&mut record.tally);
    }

    /// What all launches have counted so far, in the order of the kernels' first launches.
    pub(crate) fn kernels(&self) -> Vec<KernelProfile> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().map(Record::profile).collect()
    }
}

impl Record {
    fn profile(&self) -> KernelProfile {
        let mut total = Counters::default();
        let mut lines: BTreeMap<(String, u32), LineProfile> = BTreeMap::new();
        for (info, step) in self.infos.iter().zip(&self.tally.steps) {
            if step.warps == 0 {
                continue;
            }
            let counters = count(info.work, step);
            total += &counters;
            let place = self.source.place(info);
            // Without a line of the source, the line of the PTX stands for it.
            let innermost = match &place.source {
                Some(source) => (source.file.clone(), source.line),
                None => (String::new(), place.ptx_line),
            };
            let calls = place
                .calls
                .iter()
                .map(|call| (call.file.clone(), call.line));
            let mut chain: Vec<_> = std::iter::once(innermost.clone()).chain(calls).collect();
            // A line that called itself counts once.
            chain.sort();
            chain.dedup();
            for place in chain {
                let is_innermost = place == innermost;
                let line = lines
                    .entry(place)
                    .or_insert_with_key(|(file, line)| LineProfile {
                        file: file.clone(),
                        line: *line,
                        own_instructions: Instructions::default(),
                        counters: Counters::default(),
                    });
                line.counters += &counters;
                if is_innermost {
                    line.own_instructions += &counters.instructions;
                }
            }
        }
        let shapes = self.shapes.iter();
        KernelProfile {
            name: self.name.clone(),
            launches: self.launches,
            blocks: self.blocks,
            threads: self.threads,
            host_seconds: self.time.as_secs_f64(),
            static_shared: self.static_shared,
            shapes: shapes
                .map(|(&(block, dynamic_shared), &launches)| LaunchShape {
                    block,
                    dynamic_shared,
                    launches,
                    occupancy: None,
                })
                .collect(),
            resources: None,
            counters: total,
            lines: lines.into_values().collect(),
            source: self.source.clone(),
        }
    }
}

/// The counters of a step.
fn count(work: Work, step: &StepTally) -> Counters {
    let instructions = Instructions {
        warps: step.warps,
        lanes: step.lanes,
        guarded_lanes: step.guarded_lanes,
    };
    let mut counters = Counters {
        classes: BTreeMap::from([(work.class, instructions.clone())]),
        instructions,
        ..Counters::default()
    };
    match work.event {
        Some(Event::Branch) => {
            counters.branches = step.warps;
            counters.divergent_branches = step.splits.min(step.warps);
        }
        Some(Event::Barrier) => counters.barriers = step.warps,
        None => {}
    }
    if let Some((precision, each)) = work.operations {
        let operations = &mut counters.operations;
        let counter = match precision {
            Precision::Half => &mut operations.half,
            Precision::Single => &mut operations.single,
            Precision::Double => &mut operations.double,
            Precision::Matrix => &mut operations.matrix,
            Precision::IntegerMatrix => &mut operations.integer_matrix,
        };
        *counter = u64::from(each) * step.guarded_lanes;
    }
    if let Some(memory) = &step.memory {
        counters.memory = memory.as_ref().clone();
    }
    counters
}

//! Gives registers their rows: those that never hold a value at the same time share one.
//!
//! PTX has a register per value, thousands in a large kernel. A warp's registers should fit into
//! the host's first cache, so they are allocated by linear scan over live ranges (Poletto and
//! Sarkar, 1999), which are found by the usual backward dataflow over basic blocks.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::ptx::Type;

/// What an instruction reads and writes, as register numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    pub(crate) reads: Vec<u32>,
    pub(crate) writes: Vec<u32>,
    /// Whether the writes may leave lanes as they are, as under a guard.
    pub(crate) partial: bool,
}

/// Where an instruction may go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// Whether the next instruction may follow.
    pub(crate) falls_through: bool,
    /// The instructions that it may jump to.
    pub(crate) targets: Vec<u32>,
}

/// Where the registers of a function lie.
#[derive(Debug)]
pub(crate) struct Layout {
    /// For each register its first row, or the number of its predicate.
    pub(crate) places: Vec<u32>,
    /// The rows that are used.
    pub(crate) rows: u32,
    /// The predicates that are used.
    pub(crate) predicates: u32,
}

/// A set of registers.
#[derive(Clone, PartialEq)]
struct Set(Vec<u64>);

impl Set {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }
    fn insert(&mut self, register: u32) {
        self.0[register as usize / 64] |= 1 << (register % 64);
    }
    fn remove(&mut self, register: u32) {
        self.0[register as usize / 64] &= !(1 << (register % 64));
    }
    /// Adds the other set, and returns whether that changed anything.
    fn extend(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            changed |= *from & !*to != 0;
            *to |= from;
        }
        changed
    }
    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 != 0)
                .map(move |bit| word as u32 * 64 + bit)
        })
    }
}

/// A run of instructions that is entered at its beginning alone.
struct Section {
    start: usize,
    end: usize,
    successors: Vec<usize>,
    live_in: Set,
}

/// Cuts the function into sections and finds what is live where each begins.
fn sections(count: usize, touched: &[Touched], flow: &[Flow]) -> Vec<Section> {
    let mut starts = BTreeSet::from([0]);
    for (index, flow) in flow.iter().enumerate() {
        starts.extend(flow.targets.iter().map(|&target| target as usize));
        if !flow.falls_through || !flow.targets.is_empty() {
            starts.insert(index + 1);
        }
    }
    starts.retain(|&start| start < touched.len());
    let starts: Vec<_> = starts.into_iter().collect();
    let number = |start: usize| starts.binary_search(&start).ok();
    let mut sections: Vec<_> = starts
        .iter()
        .enumerate()
        .map(|(section, &start)| {
            let end = starts.get(section + 1).copied().unwrap_or(touched.len());
            let last = &flow[end - 1];
            let next = last.falls_through.then_some(end);
            let targets = last.targets.iter().map(|&target| target as usize);
            Section {
                start,
                end,
                successors: targets.chain(next).filter_map(number).collect(),
                live_in: Set::new(count),
            }
        })
        .collect();
    let mut predecessors = vec![Vec::new(); sections.len()];
    for (section, from) in sections.iter().enumerate() {
        for &successor in &from.successors {
            predecessors[successor].push(section);
        }
    }
    let mut pending: BTreeSet<_> = (0..sections.len()).collect();
    while let Some(section) = pending.pop_last() {
        let mut live = live_out(&sections, section, count);
        for index in (sections[section].start..sections[section].end).rev() {
            pass(&mut live, &touched[index]);
        }
        if sections[section].live_in.extend(&live) {
            pending.extend(&predecessors[section]);
        }
    }
    sections
}

fn live_out(sections: &[Section], section: usize, count: usize) -> Set {
    let mut live = Set::new(count);
    for &successor in &sections[section].successors {
        live.extend(&sections[successor].live_in);
    }
    live
}

/// Goes back over an instruction.
fn pass(live: &mut Set, touched: &Touched) {
    if !touched.partial {
        for &register in &touched.writes {
            live.remove(register);
        }
    }
    for &register in &touched.reads {
        live.insert(register);
    }
}

/// The first and last instruction at which each register is live or written.
fn ranges(count: usize, touched: &[Touched], flow: &[Flow]) -> Vec<Option<(usize, usize)>> {
    let sections = sections(count, touched, flow);
    let mut ranges: Vec<Option<(usize, usize)>> = vec![None; count];
    let mut widen = |register: u32, at: usize| {
        let range = &mut ranges[register as usize];
        *range = Some(range.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    };
    for (number, section) in sections.iter().enumerate() {
        for register in section.live_in.iter() {
            widen(register, section.start);
        }
        // What is live at the end is still needed when the last instruction is done.
        for register in live_out(&sections, number, count).iter() {
            widen(register, section.end - 1);
        }
        for index in section.start..section.end {
            let touched = &touched[index];
            for &register in touched.reads.iter().chain(&touched.writes) {
                widen(register, index);
            }
        }
    }
    ranges
}

/// Places that are given out lowest first, and taken back.
#[derive(Default)]
struct Pool {
    free: BinaryHeap<Reverse<u32>>,
    count: u32,
}

impl Pool {
    fn take(&mut self) -> u32 {
        self.free.pop().map_or_else(
            || {
                self.count += 1;
                self.count - 1
            },
            |Reverse(place)| place,
        )
    }
}

/// Which pool a register comes from: predicates, then registers of one, two and four rows.
fn pool(ty: Type) -> usize {
    match ty.size() {
        0 => 0,
        1..=4 => 1,
        8 => 2,
        _ => 3,
    }
}

/// Allocates the registers of a function.
///
/// `types` are the registers, `touched` and `flow` have an entry per instruction.
pub(crate) fn allocate(types: &[Type], touched: &[Touched], flow: &[Flow]) -> Layout {
    let ranges = ranges(types.len(), touched, flow);
    let mut order: Vec<_> = (0..types.len())
        .filter_map(|register| ranges[register].map(|(first, last)| (first, last, register)))
        .collect();
    order.sort_unstable();
    let mut pools: [Pool; 4] = Default::default();
    let mut places = vec![0; types.len()];
    let mut active = BinaryHeap::new();
    for (first, last, register) in order {
        // A register that is read for the last time where another is written keeps its row until
        // that instruction is over: an action may write before it has read everything.
        while let Some(&Reverse((end, done))) = active.peek() {
            if end >= first {
                break;
            }
            active.pop();
            let done: usize = done;
            pools[pool(types[done])].free.push(Reverse(places[done]));
        }
        places[register] = pools[pool(types[register])].take();
        active.push(Reverse((last, register)));
    }
    // Wide registers come first, so that none of them straddles an odd row.
    let pairs = pools[3].count * 4;
    let singles = pairs + pools[2].count * 2;
    for (place, &ty) in places.iter_mut().zip(types) {
        *place = match pool(ty) {
            0 => *place,
            1 => singles + *place,
            2 => pairs + *place * 2,
            _ => *place * 4,
        };
    }
    Layout {
        places,
        rows: singles + pools[1].count,
        predicates: pools[0].count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(reads: &[u32], writes: &[u32]) -> Touched {
        Touched {
            reads: reads.to_vec(),
            writes: writes.to_vec(),
            partial: false,
        }
    }

    fn straight(count: usize) -> Vec<Flow> {
        let mut flow = vec![
            Flow {
                falls_through: true,
                targets: vec![],
            };
            count
        ];
        flow[count - 1].falls_through = false;
        flow
    }

    #[test]
    fn values_that_do_not_meet_share_a_row() {
        let code = [
            touched(&[], &[0]),
            touched(&[0], &[1]),
            touched(&[1], &[2]),
            touched(&[2], &[]),
        ];
        let layout = allocate(&[Type::B32; 3], &code, &straight(4));
        assert_eq!(layout.rows, 2);
        assert_eq!(layout.places[0], layout.places[2]);
        assert_ne!(layout.places[0], layout.places[1]);
    }

    #[test]
    fn a_value_that_a_loop_reads_lives_to_the_end_of_the_loop() {
        // 0: write r0; 1: read r0; 2: write r1; 3: read r1, jump to 1; 4: end.
        let code = [
            touched(&[], &[0]),
            touched(&[0], &[]),
            touched(&[], &[1]),
            touched(&[1], &[]),
            touched(&[], &[]),
        ];
        let mut flow = straight(5);
        flow[3].targets = vec![1];
        let layout = allocate(&[Type::B32; 2], &code, &flow);
        assert_ne!(layout.places[0], layout.places[1]);
    }

    #[test]
    fn a_write_under_a_guard_keeps_the_older_value_alive() {
        // 0: write r0; 1: write and read r1; 2: write r0 in some lanes; 3: read r0.
        let code = [
            touched(&[], &[0]),
            touched(&[1], &[1]),
            Touched {
                partial: true,
                ..touched(&[], &[0])
            },
            touched(&[0], &[]),
        ];
        let layout = allocate(&[Type::B32; 2], &code, &straight(4));
        assert_ne!(layout.places[0], layout.places[1]);
    }

    #[test]
    fn wide_registers_lie_before_narrow_ones_and_predicates_apart() {
        let code = [touched(&[], &[0, 1, 2, 3]), touched(&[0, 1, 2, 3], &[])];
        let types = [Type::B32, Type::B64, Type::Pred, Type::B128];
        let layout = allocate(&types, &code, &straight(2));
        assert_eq!(layout.places, [6, 4, 0, 0]);
        assert_eq!((layout.rows, layout.predicates), (7, 1));
    }
}

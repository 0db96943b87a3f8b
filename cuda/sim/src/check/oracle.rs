//! The clock and the shadows against a naive model: a full vector clock for each thread, and for
//! each byte all accesses there ever were.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{
    Access, Action, Arrivals, Clock, Conflict, GlobalShadow, Releases, Scope, SharedShadow,
};
use crate::exec::{ALL, LANES, Mask, lanes};

const BLOCKS: usize = 2;
const WARPS: usize = 2;
const BLOCK: usize = WARPS * LANES;
const THREADS: usize = BLOCKS * BLOCK;
const BYTES: usize = 256;

/// For each thread the time up to which its accesses are known.
type Times = Vec<u32>;

fn join(times: &mut Times, other: &Times) {
    for (time, &other) in times.iter_mut().zip(other) {
        *time = other.max(*time);
    }
}

#[derive(Clone)]
struct Thread {
    /// Counts what the thread has published.
    time: u32,
    known: Times,
    fenced: [Times; 2],
    pending: BTreeSet<u64>,
}

impl Thread {
    /// What others learn from the thread of its accesses.
    fn with_own(&self, times: &Times, number: usize) -> Times {
        let mut times = times.clone();
        times[number] = self.time;
        times
    }
}

#[derive(Clone, Copy)]
struct Past {
    thread: usize,
    time: u32,
    action: Action,
    strong: bool,
    value: u8,
}

struct Model {
    threads: Vec<Thread>,
    history: Vec<Vec<Past>>,
    /// By address: for the threads of each block, and for all.
    messages: HashMap<(Option<usize>, u64), Times>,
}

impl Model {
    fn new() -> Self {
        let none = vec![0; THREADS];
        let thread = Thread {
            time: 1,
            known: none.clone(),
            fenced: [none.clone(), none],
            pending: BTreeSet::new(),
        };
        Self {
            threads: vec![thread; THREADS],
            history: vec![Vec::new(); BYTES],
            messages: HashMap::new(),
        }
    }

    /// The threads wait for each other; those of `leave` learn it.
    fn meet(&mut self, arrive: &[usize], leave: &[usize]) {
        let mut all = vec![0; THREADS];
        let mut fenced = [vec![0; THREADS], vec![0; THREADS]];
        let mut pending = BTreeSet::new();
        for &number in arrive {
            let thread = &mut self.threads[number];
            join(&mut all, &thread.with_own(&thread.known, number));
            for (fenced, own) in fenced.iter_mut().zip(&thread.fenced) {
                join(fenced, own);
            }
            pending.extend(&thread.pending);
            thread.time += 1;
        }
        for &number in leave {
            let thread = &mut self.threads[number];
            join(&mut thread.known, &all);
            for (own, fenced) in thread.fenced.iter_mut().zip(&fenced) {
                join(own, fenced);
            }
            thread.pending.extend(&pending);
        }
    }

    fn fence(&mut self, number: usize, scope: Scope) {
        let thread = &mut self.threads[number];
        for &word in &thread.pending {
            let device = (scope == Scope::Device).then_some(None);
            for key in [Some(Some(number / BLOCK)), device].into_iter().flatten() {
                if let Some(message) = self.messages.get(&(key, word)) {
                    join(&mut thread.known, message);
                }
            }
        }
        let own = thread.with_own(&thread.known, number);
        thread.fenced[0] = own.clone();
        if scope == Scope::Device {
            thread.fenced[1] = own;
            thread.pending.clear();
        }
        thread.time += 1;
    }

    fn publish(&mut self, number: usize, word: u64, release: bool, scope: Scope) {
        let thread = &mut self.threads[number];
        for (key, reach) in [(Some(number / BLOCK), Scope::Block), (None, Scope::Device)] {
            if reach <= scope {
                let times = if release {
                    thread.with_own(&thread.known, number)
                } else {
                    thread.fenced[reach as usize].clone()
                };
                if times.iter().all(|&time| time == 0) {
                    continue;
                }
                let message = self.messages.entry((key, word));
                join(message.or_insert_with(|| vec![0; THREADS]), &times);
            }
        }
        thread.time += u32::from(release);
    }

    fn observe(&mut self, number: usize, word: u64, acquire: bool, scope: Scope) {
        let thread = &mut self.threads[number];
        let device = (scope == Scope::Device).then_some(None);
        for key in [Some(Some(number / BLOCK)), device].into_iter().flatten() {
            if let Some(message) = self.messages.get(&(key, word)) {
                if acquire {
                    join(&mut thread.known, message);
                } else {
                    thread.pending.insert(word);
                }
            }
        }
    }

    /// Records an access to a byte; returns the threads that it races with.
    fn access(&mut self, number: usize, byte: usize, new: Past) -> Vec<usize> {
        let known = &self.threads[number].known;
        let races = self.history[byte].iter().filter(|past| {
            let is_written = past.action != Action::Read || new.action != Action::Read;
            let is_same = past.action == Action::Write
                && new.action == Action::Write
                && past.value == new.value;
            let is_ordered = past.thread == number || past.time <= known[past.thread];
            let are_strong = past.strong && new.strong;
            is_written && !(are_strong || is_same || is_ordered)
        });
        let races = races.map(|past| past.thread).collect();
        self.history[byte].push(new);
        races
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 33) * end as u64) >> 31) as usize
    }

    fn mask(&mut self) -> Mask {
        match self.below(5) {
            0 | 1 => ALL,
            2 => 1 << self.below(LANES),
            3 => [0xffff, 0xffff_0000, 3][self.below(3)],
            _ => (self.below(1 << 31) as Mask).rotate_left(self.below(32) as u32) | 1,
        }
    }

    /// Where each lane accesses its bytes.
    fn offsets(&mut self, bytes: usize) -> [u64; LANES] {
        let slots = BYTES / bytes;
        let (first, stride) = match self.below(8) {
            0..4 => (self.below(slots), 1),
            4 | 5 => (self.below(slots), 0),
            6 => (self.below(slots), [slots - 1, 3, 7][self.below(3)]),
            _ => return std::array::from_fn(|_| (self.below(slots) * bytes) as u64),
        };
        std::array::from_fn(|lane| ((first + lane * stride) % slots * bytes) as u64)
    }
}

/// Both machines, side by side.
struct Pair {
    clocks: Vec<Clock>,
    shared: Option<SharedShadow>,
    global: GlobalShadow,
    model: Model,
    /// Whether a word was accessed in a way after which the shadow may miss a race.
    is_lossy: Vec<bool>,
    fresh: u32,
}

impl Pair {
    fn new(is_shared: bool) -> Self {
        let releases = Arc::new(Releases::default());
        Self {
            clocks: (0..BLOCKS)
                .map(|block| {
                    Clock::new(releases.clone(), block as u32, BLOCK.div_ceil(LANES) as u32)
                })
                .collect(),
            shared: is_shared.then(|| {
                let mut shadow = SharedShadow::default();
                shadow.start(BYTES);
                shadow
            }),
            global: GlobalShadow::new(BYTES as u64),
            model: Model::new(),
            is_lossy: vec![false; BYTES / 4],
            fresh: 0,
        }
    }

    /// One access by both; returns whether there was a race that had to be found, and whether one
    /// was reported.
    fn access(
        &mut self,
        random: &mut Random,
        block: usize,
        warp: usize,
        mask: Mask,
        action: Action,
        strong: bool,
    ) -> (bool, bool) {
        let bytes = [4, 4, 4, 1, 2, 8, 16][random.below(7)];
        let offsets = random.offsets(bytes);
        // Now and then all lanes write the same everywhere.
        let is_common = random.below(8) == 0;
        let mut values = [[0_u32; LANES]; 4];
        for value in values.as_flattened_mut() {
            self.fresh += 1;
            *value = if is_common {
                0x0707_0707
            } else {
                self.fresh.wrapping_mul(0x0101_0101)
            };
        }
        let access = Access {
            warp,
            mask,
            bytes: bytes as u32,
            pc: 9,
            action,
            strong,
        };
        let clock = &self.clocks[block];
        let conflict: Option<Conflict> = match (&mut self.shared, action) {
            (Some(shadow), Action::Read) => shadow.read(clock, &access, &offsets),
            (Some(shadow), _) => shadow.write(clock, &access, &offsets, &values),
            (None, Action::Read) => self.global.read(1, clock, &access, &offsets),
            (None, _) => self.global.write(1, clock, &access, &offsets, &values),
        };
        let mut races = Vec::new();
        for lane in lanes(mask) {
            let number = block * BLOCK + warp * LANES + lane;
            for byte in 0..bytes {
                let at = offsets[lane] as usize + byte;
                let past = Past {
                    thread: number,
                    time: self.model.threads[number].time,
                    action,
                    strong,
                    value: (values[byte / 4][lane] >> (8 * (byte % 4))) as u8,
                };
                for other in self.model.access(number, at, past) {
                    races.push((lane, at / 4, other));
                }
            }
        }
        if let Some(conflict) = conflict {
            let other = conflict.cluster as usize * BLOCK + conflict.thread as usize;
            let found = (conflict.lane, conflict.offset as usize / 4, other);
            assert!(
                races.contains(&found),
                "{found:?} is no race, {access:?} at {offsets:?}"
            );
        }
        // Of strong accesses, and of writes of the same, only the last is kept.
        if strong || is_common && action == Action::Write {
            for lane in lanes(mask) {
                let first = offsets[lane] as usize / 4;
                self.is_lossy[first..first + bytes.div_ceil(4)].fill(true);
            }
        }
        // The shadow reports one race of an access; what follows a race may be missed.
        let must = races.iter().any(|&(_, word, _)| !self.is_lossy[word]);
        assert!(
            !must || conflict.is_some() || self.shared.is_none(),
            "missed one of {races:?}"
        );
        for &(_, word, _) in &races {
            self.is_lossy[word] = true;
        }
        (must, conflict.is_some())
    }

    /// Some lanes of a warp of the first block wait for each other.
    fn synchronize_some(&mut self, warp: usize, mask: Mask) {
        let numbers: Vec<usize> = lanes(mask).map(|lane| warp * LANES + lane).collect();
        self.clocks[0].sync_warp(warp, mask, 0);
        self.model.meet(&numbers, &numbers);
    }

    fn synchronize(&mut self, random: &mut Random, block: usize, warp: usize, mask: Mask) {
        let clock = &mut self.clocks[block];
        let all: Vec<usize> = (block * BLOCK..(block + 1) * BLOCK).collect();
        let first = block * BLOCK + warp * LANES;
        let numbers: Vec<usize> = lanes(mask).map(|lane| first + lane).collect();
        let addresses: [u64; LANES] = std::array::from_fn(|lane| 8 * (lane as u64 % 2));
        let scope = if self.shared.is_some() {
            Scope::Block
        } else {
            [Scope::Block, Scope::Device, Scope::Device][random.below(3)]
        };
        match random.below(12) {
            0 | 1 => {
                clock.barrier();
                self.model.meet(&all, &all);
            }
            2 | 3 => {
                clock.sync_warp(warp, mask, 0);
                self.model.meet(&numbers, &numbers);
            }
            4 => {
                // One warp arrives, the other one waits as well.
                let mut arrivals = Arrivals::default();
                clock.arrive(&mut arrivals, 0, ALL);
                clock.arrive(&mut arrivals, 1, mask);
                clock.leave(&arrivals, 1, mask);
                let zero = block * BLOCK;
                let waits: Vec<usize> = lanes(mask).map(|lane| zero + LANES + lane).collect();
                let arrives: Vec<usize> = (zero..zero + LANES).chain(waits.clone()).collect();
                self.model.meet(&arrives, &waits);
            }
            5 | 6 => {
                clock.fence(warp, mask, scope);
                for number in numbers {
                    self.model.fence(number, scope);
                }
            }
            7..10 => {
                let release = random.below(2) == 0;
                clock.publish(warp, mask, &addresses, 4, release, scope);
                for number in numbers {
                    self.model
                        .publish(number, addresses[number % LANES], release, scope);
                }
            }
            _ => {
                let acquire = random.below(2) == 0;
                clock.observe(warp, mask, &addresses, 4, acquire, scope);
                for number in numbers {
                    self.model
                        .observe(number, addresses[number % LANES], acquire, scope);
                }
            }
        }
    }
}

#[test]
fn what_is_reported_is_a_race_and_races_are_reported() {
    let mut random = Random(1);
    let mut counts = [[0; 4]; 2];
    for episode in 0..1500 {
        let is_shared = episode % 2 == 0;
        let mut pair = Pair::new(is_shared);
        for _ in 0..60 {
            let block = if is_shared { 0 } else { random.below(BLOCKS) };
            let (warp, mask) = (random.below(WARPS), random.mask());
            match random.below(10) {
                0..6 => {
                    let (action, strong) = match random.below(12) {
                        0 => (Action::Read, true),
                        1 => (Action::Write, true),
                        2 => (Action::Atomic, true),
                        other if other % 2 == 0 => (Action::Read, false),
                        _ => (Action::Write, false),
                    };
                    let (must, found) = pair.access(&mut random, block, warp, mask, action, strong);
                    let count = &mut counts[usize::from(is_shared)];
                    count[usize::from(must) * 2 + usize::from(found)] += 1;
                }
                _ => pair.synchronize(&mut random, block, warp, mask),
            }
        }
    }
    // The test is worth something if all cases come: no race, and races found.
    for [none, _, missed, found] in counts {
        assert!(
            none > 1000 && found > 1000 && missed < found / 4,
            "{counts:?}"
        );
    }
    assert_eq!(counts[1][2], 0);
}

#[test]
fn many_readers_are_all_remembered() {
    let mut random = Random(2);
    let mut found = 0;
    for _ in 0..40 {
        let mut pair = Pair::new(true);
        for _ in 0..400 {
            let (warp, mask) = (random.below(WARPS), random.mask());
            pair.access(&mut random, 0, warp, mask, Action::Read, false);
            if random.below(8) == 0 {
                pair.synchronize_some(random.below(WARPS), random.mask());
            }
        }
        for _ in 0..20 {
            let lane = 1 << random.below(LANES);
            let warp = random.below(WARPS);
            let (must, _) = pair.access(&mut random, 0, warp, lane, Action::Write, false);
            found += u32::from(must);
        }
    }
    assert!(found > 100, "{found}");
}

//! What happened before what: between the threads of a block, and between blocks.
//!
//! A cluster of blocks counts as one block here, whose warps are those of all. So what orders threads
//! of one of its blocks alone may be taken to order others of the cluster, too.
//!
//! Every warp counts its synchronizations: that count is its *time*, and an access is stamped with
//! the warp, the lanes and the time. A thread knows of other threads up to which time their
//! accesses come before its own; barriers, `bar.warp.sync` and messages raise that. A message is
//! what a release leaves at an address, and an acquire takes from it:
//!
//! - a release, or a relaxed write behind a fence, publishes what the thread knew (at the fence);
//! - an acquire takes what is published at its address at once, a relaxed read at the next fence.
//!
//! An asynchronous copy is stamped with a time that counts copies. Its thread knows of it once it has
//! waited for it, and others do once they hear from that thread.
//!
//! Where the truth would cost too much, a thread is taken to know more than it does: a race may be
//! missed, but none is made up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::record::{QUEUES, Queue};
use super::vector::{Foreign, Knowledge, Proxied, Vector, join_foreign};
use crate::exec::{ALL, LANES, Mask, lanes};

/// Who takes part in an ordering.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Scope {
    /// The threads of the block or of its cluster: `.cta`, `.cluster`. Also for whatever is done to
    /// shared memory.
    Block,
    /// All threads: `.gpu` and `.sys`.
    Device,
}

/// How many relaxed reads a thread may have open until a fence; beyond, they count as acquires.
const PENDING: usize = 64;

/// What the blocks of a launch have published at the addresses of global memory.
#[derive(Default)]
pub(crate) struct Releases {
    any: AtomicBool,
    messages: Mutex<HashMap<u64, Arc<Foreign>>>,
}

impl Releases {
    fn get(&self, word: u64) -> Option<Arc<Foreign>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.get(&word).cloned()
    }

    fn join(&self, word: u64, block: u32, knowledge: &Knowledge) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let message = messages.entry(word).or_default();
        if let Some(foreign) = &knowledge.foreign {
            join_foreign(message, foreign);
        }
        Arc::make_mut(message).join_block(block, &knowledge.block);
        self.any.store(true, Ordering::Release);
    }
}

/// What a thread has fenced, and what it has read since.
#[derive(Clone, Debug, Default)]
struct Fences {
    /// What a relaxed write publishes to the block, and to the device.
    fenced: [Knowledge; 2],
    /// The times of the thread's own last fences.
    own: [u32; 2],
    /// The words that were read by relaxed reads since the last fence of the device's scope.
    pending: Vec<u64>,
    /// What the next fence makes known: that of barriers which were waited for by relaxed waits.
    awaited: Knowledge,
}

impl Fences {
    fn join(&mut self, other: &Self) {
        for (fenced, other) in self.fenced.iter_mut().zip(&other.fenced) {
            fenced.join(other);
        }
        self.awaited.join(&other.awaited);
        for &word in &other.pending {
            if !self.pending.contains(&word) {
                self.pending.push(word);
            }
        }
    }
}

/// What a thread knows.
#[derive(Clone, Debug, Default)]
struct State {
    known: Knowledge,
    fences: Option<Box<Fences>>,
}

impl State {
    /// Learns what threads of a state know who come to a barrier: `lanes` of a warp, at `time`.
    fn meet(&mut self, other: &Self, warp: u32, lanes: Mask, time: u32) {
        self.join(other);
        self.known.block.raise(warp, lanes, time);
        if let (Some(fences), Some(other)) = (&mut self.fences, &other.fences) {
            for (fenced, &own) in fences.fenced.iter_mut().zip(&other.own) {
                fenced.block.raise(warp, lanes, own);
            }
        }
    }

    fn join(&mut self, other: &Self) {
        self.known.join(&other.known);
        if let Some(fences) = &other.fences {
            self.fences.get_or_insert_default().join(fences);
        }
    }
}

/// The threads of a warp, together while they know the same.
#[derive(Clone, Debug)]
enum States {
    Same(State),
    Each(Box<[State; LANES]>),
}

#[derive(Clone, Debug)]
struct Warp {
    time: u32,
    states: States,
    /// Up to which time each thread has waited for its own copies, queue by queue, if it has.
    waited: Option<Box<[[u32; LANES]; QUEUES]>>,
}

impl Warp {
    fn state(&self, lane: usize) -> &State {
        match &self.states {
            States::Same(state) => state,
            States::Each(states) => &states[lane],
        }
    }

    /// Adds the copies that some lanes have waited for to what is known.
    fn add_copies(&self, warp: u32, warps: u32, mask: Mask, known: &mut Vector) {
        for (waited, queue) in self.waited.iter().flat_map(|waited| waited.iter().zip(0..)) {
            for lane in lanes(mask).filter(|&lane| waited[lane] != 0) {
                let row = queue * warps + warp;
                known.raise(row, 1 << lane, waited[lane]);
            }
        }
    }

    /// Changes the states of some lanes: at once where all lanes are meant and know the same.
    fn change(&mut self, mask: Mask, mut change: impl FnMut(&mut State)) {
        if let States::Same(state) = &mut self.states {
            if mask == ALL {
                return change(state);
            }
            let state = std::mem::take(state);
            self.states = States::Each(Box::new(std::array::from_fn(|_| state.clone())));
        }
        if let States::Each(states) = &mut self.states {
            for lane in lanes(mask) {
                change(&mut states[lane]);
            }
        }
    }
}

/// What those know who have come to a barrier.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(State);

/// The clock of a block.
pub(crate) struct Clock {
    block: u32,
    warps: Vec<Warp>,
    releases: Arc<Releases>,
    /// What was published at an address for the threads of this block.
    messages: HashMap<u64, Knowledge>,
    /// How often threads of the block have begun asynchronous copies.
    copies: u32,
}

impl Clock {
    /// The clock of block number `block` of a launch, a block of `warps` warps.
    pub(crate) fn new(releases: Arc<Releases>, block: u32, warps: u32) -> Self {
        let warp = Warp {
            time: 1,
            states: States::Same(State::default()),
            waited: None,
        };
        Self {
            block,
            warps: vec![warp; warps as usize],
            releases,
            messages: HashMap::new(),
            copies: 0,
        }
    }

    pub(super) fn n_warps(&self) -> u32 {
        self.warps.len() as u32
    }

    /// A barrier of all threads of the block. Those that have ended count as arrived.
    pub(crate) fn barrier(&mut self) {
        let mut all = State::default();
        for (number, warp) in (0..).zip(&self.warps) {
            match &warp.states {
                States::Same(state) if state.fences.is_some() => {
                    all.meet(state, number, ALL, warp.time);
                }
                // The base below says all that is to be said about the block.
                States::Same(state) => {
                    all.known.join_the_rest(&state.known);
                }
                States::Each(states) => {
                    for (lane, state) in states.iter().enumerate() {
                        if state.fences.is_some() {
                            all.meet(state, number, 1 << lane, warp.time);
                        } else {
                            all.known.join_the_rest(&state.known);
                        }
                    }
                }
            }
            warp.add_copies(number, self.n_warps(), ALL, &mut all.known.copies);
        }
        let base = self.warps.iter().map(|warp| warp.time).max().unwrap_or(0);
        all.known.block = Vector::all(base);
        for warp in &mut self.warps {
            warp.time = base.saturating_add(1);
            warp.states = States::Same(all.clone());
        }
    }

    /// Lanes of a warp come to a barrier of some threads of the block.
    pub(crate) fn arrive(&mut self, arrivals: &mut Arrivals, warp: usize, mask: Mask) {
        let (number, warps) = (warp as u32, self.n_warps());
        let warp = &mut self.warps[warp];
        match &warp.states {
            States::Same(state) => arrivals.0.meet(state, number, mask, warp.time),
            States::Each(states) => {
                for lane in lanes(mask) {
                    arrivals.0.meet(&states[lane], number, 1 << lane, warp.time);
                }
            }
        }
        warp.add_copies(number, warps, mask, &mut arrivals.0.known.copies);
        warp.time = warp.time.saturating_add(1);
    }

    /// As [`Clock::arrive`], by a relaxed arrival: what the lanes knew at their last fences counts.
    pub(crate) fn arrive_relaxed(&self, arrivals: &mut Arrivals, warp: usize, mask: Mask) {
        let (number, warps) = (warp as u32, self.n_warps());
        let warp = &self.warps[warp];
        for lane in lanes(mask) {
            if let Some(fences) = &warp.state(lane).fences {
                let block = Scope::Block as usize;
                let mut fenced = fences.fenced[block].clone();
                fenced.block.raise(number, 1 << lane, fences.own[block]);
                warp.add_copies(number, warps, 1 << lane, &mut fenced.copies);
                arrivals.0.known.join(&fenced);
            }
        }
    }

    /// As [`Clock::leave`], by a relaxed wait: the lanes know at their next fence.
    pub(crate) fn leave_relaxed(&mut self, arrivals: &Arrivals, warp: usize, mask: Mask) {
        self.warps[warp].change(mask, |state| {
            let fences = state.fences.get_or_insert_default();
            fences.awaited.join(&arrivals.0.known);
        });
    }

    /// Lanes of a warp leave a barrier at which all of `arrivals` have come.
    pub(crate) fn leave(&mut self, arrivals: &Arrivals, warp: usize, mask: Mask) {
        self.warps[warp].change(mask, |state| state.join(&arrivals.0));
    }

    /// `bar.warp.sync`: the lanes of `mask` wait for each other. Lanes that have ended or never
    /// were may be named as well; they count as arrived.
    pub(crate) fn sync_warp(&mut self, warp: usize, mask: Mask, ended: Mask) {
        let mask = mask | ended;
        let mut arrivals = Arrivals::default();
        self.arrive(&mut arrivals, warp, mask);
        if mask == ALL {
            self.warps[warp].states = States::Same(arrivals.0);
        } else {
            self.leave(&arrivals, warp, mask);
        }
    }

    /// `fence`, `membar`.
    pub(crate) fn fence(&mut self, warp: usize, mask: Mask, scope: Scope) {
        let block = self.block;
        let (releases, messages) = (&self.releases, &self.messages);
        let warp = &mut self.warps[warp];
        let time = warp.time;
        warp.change(mask, |state| {
            let fences = state.fences.get_or_insert_default();
            state.known.join(&std::mem::take(&mut fences.awaited));
            for word in &fences.pending {
                if let Some(message) = messages.get(word) {
                    state.known.join(message);
                }
                if scope == Scope::Device
                    && let Some(message) = releases.get(*word)
                {
                    state.known.learn(block, &message);
                }
            }
            fences.fenced[0] = state.known.clone();
            fences.own[0] = time;
            if scope == Scope::Device {
                fences.pending.clear();
                fences.fenced[1] = state.known.clone();
                fences.own[1] = time;
            }
        });
        warp.time = time.saturating_add(1);
    }

    /// `fence.proxy.async`: what the lanes know and did can be seen by the asynchronous proxy, for all who
    /// hear of this.
    pub(crate) fn proxy_fence(&mut self, warp: usize, mask: Mask) {
        let (number, warps) = (warp as u32, self.n_warps());
        let warp = &mut self.warps[warp];
        let mut own = Proxied::default();
        own.block.raise(number, mask, warp.time);
        warp.add_copies(number, warps, mask, &mut own.copies);
        warp.change(mask, |state| {
            let known = &mut state.known;
            let proxied = known.proxied.get_or_insert_default();
            proxied.join(&own);
            proxied.block.join(&known.block);
            proxied.copies.join(&known.copies);
        });
        warp.time = warp.time.saturating_add(1);
    }

    /// A strong write (volatile, relaxed, release) or an atomic of some lanes: must come before
    /// the memory is written. `addresses` and `bytes` say where; `release` whether it has release
    /// semantics.
    pub(crate) fn publish(
        &mut self,
        warp: usize,
        mask: Mask,
        addresses: &[u64; LANES],
        bytes: u32,
        release: bool,
        scope: Scope,
    ) {
        let (number, warps) = (warp as u32, self.n_warps());
        let warp = &mut self.warps[warp];
        if let (false, States::Same(State { fences: None, .. })) = (release, &warp.states) {
            return;
        }
        for lane in lanes(mask) {
            let state = warp.state(lane);
            for scope in [Scope::Block, Scope::Device]
                .into_iter()
                .filter(|&s| s <= scope)
            {
                let (mut knowledge, own) = match (release, &state.fences) {
                    (true, _) => (state.known.clone(), warp.time),
                    (false, Some(fences)) => (
                        fences.fenced[scope as usize].clone(),
                        fences.own[scope as usize],
                    ),
                    (false, None) => break,
                };
                knowledge.block.raise(number, 1 << lane, own);
                warp.add_copies(number, warps, 1 << lane, &mut knowledge.copies);
                if knowledge.is_empty() {
                    continue;
                }
                for word in words(addresses[lane], bytes) {
                    match scope {
                        Scope::Block => self.messages.entry(word).or_default().join(&knowledge),
                        Scope::Device => self.releases.join(word, self.block, &knowledge),
                    }
                }
            }
        }
        if release {
            warp.time = warp.time.saturating_add(1);
        }
    }

    /// A strong read (volatile, relaxed, acquire) or an atomic of some lanes: must come after the
    /// memory was read. `acquire` says whether it has acquire semantics.
    pub(crate) fn observe(
        &mut self,
        warp: usize,
        mask: Mask,
        addresses: &[u64; LANES],
        bytes: u32,
        acquire: bool,
        scope: Scope,
    ) {
        if self.messages.is_empty() && !self.releases.any.load(Ordering::Acquire) {
            return;
        }
        for lane in lanes(mask) {
            for word in words(addresses[lane], bytes) {
                let near = self.messages.get(&word);
                let far = match scope {
                    Scope::Device => self.releases.get(word),
                    Scope::Block => None,
                };
                if near.is_none() && far.is_none() {
                    continue;
                }
                let block = self.block;
                self.warps[warp].change(1 << lane, |state| {
                    let pending = state
                        .fences
                        .as_ref()
                        .map_or(0, |fences| fences.pending.len());
                    if acquire || pending >= PENDING {
                        if let Some(near) = near {
                            state.known.join(near);
                        }
                        if let Some(far) = &far {
                            state.known.learn(block, far);
                        }
                    } else {
                        let fences = state.fences.get_or_insert_default();
                        if !fences.pending.contains(&word) {
                            fences.pending.push(word);
                        }
                    }
                });
            }
        }
    }

    /// Threads begin asynchronous copies; returns their time.
    pub(crate) fn begin_copies(&mut self) -> u32 {
        self.copies = self.copies.saturating_add(1);
        self.copies
    }

    /// Threads have waited for their own copies of a queue up to a time.
    pub(crate) fn wait_for_copies(&mut self, queue: Queue, warp: usize, mask: Mask, time: u32) {
        let waited = self.warps[warp].waited.get_or_insert_default();
        for lane in lanes(mask) {
            let waited = &mut waited[queue as usize][lane];
            *waited = time.max(*waited);
        }
    }

    /// Threads have waited for what was begun, up to a time, by the first lane of a warp that may be
    /// another one's.
    pub(crate) fn wait_for_others(
        &mut self,
        queue: Queue,
        (warp, mask): (usize, Mask),
        owner: usize,
        time: u32,
    ) {
        let row = self.row(queue, owner);
        self.warps[warp].change(mask, |state| state.known.copies.raise(row, 1, time));
    }

    /// Where the copies of a warp in a queue are in what is known of copies.
    fn row(&self, queue: Queue, warp: usize) -> u32 {
        queue as u32 * self.n_warps() + warp as u32
    }

    /// Copies up to a time are part of what those know who have come somewhere.
    pub(crate) fn add_copies(
        &self,
        arrivals: &mut Arrivals,
        queue: Queue,
        (warp, mask): (usize, Mask),
        time: u32,
    ) {
        let row = self.row(queue, warp);
        arrivals.0.known.copies.raise(row, mask, time);
    }

    /// Whether all threads know of copies of some lanes, right behind a barrier of all of them.
    pub(crate) fn all_know_copies(&self, queue: Queue, warp: usize, mask: Mask, time: u32) -> bool {
        let copies = &self.warps[0].state(0).known.copies;
        copies.knows(self.row(queue, warp), mask, time)
    }

    /// After a barrier of all threads: all copies that began before `oldest` are known to all, or
    /// all that ever began.
    pub(crate) fn settle_copies(&mut self, oldest: Option<u32>) {
        let base = oldest.map_or(self.copies, |oldest| oldest - 1);
        let mut copies = self.warps[0].state(0).known.copies.clone();
        copies.raise_all(base);
        for warp in &mut self.warps {
            warp.change(ALL, |state| state.known.copies = copies.clone());
        }
    }

    /// The time of the copies that began last.
    pub(super) fn copy_time(&self) -> u32 {
        self.copies
    }

    /// The number of a warp among all of the launch.
    pub(super) fn warp_number(&self, warp: usize) -> u32 {
        self.block
            .wrapping_mul(self.n_warps())
            .wrapping_add(warp as u32)
    }

    /// The time of a warp.
    pub(crate) fn time(&self, warp: usize) -> u32 {
        self.warps[warp].time
    }

    /// Whether a lane of a warp knows what a thread of the block did at a time.
    pub(crate) fn knows(&self, (warp, lane): (usize, usize), thread: u32, time: u32) -> bool {
        let (other, its_lane) = (thread as usize / LANES, thread as usize % LANES);
        let observer = self.observer(warp, lane);
        observer.knows(self.warp_number(other), 1 << its_lane, time)
    }

    /// What a thread knows.
    pub(super) fn observer(&self, warp: usize, lane: usize) -> Observer<'_> {
        let known = &self.warps[warp].state(lane).known;
        Observer {
            base: known.block.base,
            known,
            first: self.warp_number(0),
            warps: self.n_warps(),
            warp: warp as u32,
            lane: 1 << lane,
            waited: self.warps[warp].waited.as_deref(),
        }
    }

    /// Whether all lanes of a warp know the same.
    pub(super) fn is_uniform(&self, warp: usize) -> bool {
        matches!(self.warps[warp].states, States::Same(_))
    }
}

/// The words that an access is in.
fn words(address: u64, bytes: u32) -> impl Iterator<Item = u64> {
    (address & !3..address.saturating_add(u64::from(bytes))).step_by(4)
}

/// A thread that asks what came before it.
#[derive(Clone, Copy)]
pub(super) struct Observer<'c> {
    /// The time up to which all threads of the block are known to each other.
    pub(super) base: u32,
    known: &'c Knowledge,
    first: u32,
    warps: u32,
    warp: u32,
    lane: Mask,
    /// Up to which time the threads of the warp have waited for their own copies.
    waited: Option<&'c [[u32; LANES]; QUEUES]>,
}

impl Observer<'_> {
    /// Asks for another lane, of a warp whose lanes know the same.
    #[inline(always)]
    pub(super) fn turn_to(&mut self, lane: usize) {
        self.lane = 1 << lane;
    }

    /// Whether what a warp of the launch did until a time came before all threads of this block.
    #[inline(always)]
    pub(super) fn is_past(&self, warp: u32, time: u32) -> bool {
        time <= self.base && warp.wrapping_sub(self.first) < self.warps
    }

    /// Whether what some lanes of a warp of the launch did at a time came before.
    #[inline(always)]
    pub(super) fn knows(&self, warp: u32, lanes: Mask, time: u32) -> bool {
        self.is_past(warp, time) || self.knows_of_now(warp, lanes, time)
    }

    /// Whether a warp of the launch is one of another block.
    pub(super) fn is_foreign(&self, warp: u32) -> bool {
        warp.wrapping_sub(self.first) >= self.warps
    }

    /// Whether the asynchronous copies up to a time are past for all threads of this block, or another
    /// block's, as in [`Observer::knows_copy`].
    #[inline]
    pub(super) fn is_past_copy(&self, warp: u32, time: u32) -> bool {
        time <= self.known.copies.base || self.is_foreign(warp)
    }

    /// Whether the asynchronous copies of some lanes of a warp up to a time came before.
    #[inline(never)]
    pub(super) fn knows_copy(&self, queue: Queue, warp: u32, mut lanes: Mask, time: u32) -> bool {
        let local = warp.wrapping_sub(self.first);
        // What other blocks copy from is recorded as their reads, too.
        if local >= self.warps {
            return true;
        }
        if local == self.warp
            && let Some(waited) = self.waited
            && time <= waited[queue as usize][self.lane.trailing_zeros() as usize]
        {
            lanes &= !self.lane;
        }
        let row = queue as u32 * self.warps + local;
        lanes == 0 || self.known.copies.knows(row, lanes, time)
    }

    /// Whether the asynchronous proxy sees what some lanes of a warp wrote at a time, or by copies in a
    /// queue that began at a time.
    #[inline(never)]
    pub(super) fn sees(&self, queue: Option<Queue>, warp: u32, lanes: Mask, time: u32) -> bool {
        // Of other blocks it is not known.
        if self.is_foreign(warp) {
            return true;
        }
        let local = warp.wrapping_sub(self.first);
        let proxied = self.known.proxied.as_deref();
        proxied.is_some_and(|proxied| match queue {
            None => proxied.block.knows(local, lanes, time),
            Some(queue) => {
                let row = queue as u32 * self.warps + local;
                proxied.copies.knows(row, lanes, time)
            }
        })
    }

    #[inline(never)]
    fn knows_of_now(&self, warp: u32, mut lanes: Mask, time: u32) -> bool {
        let local = warp.wrapping_sub(self.first);
        if local >= self.warps {
            return self.known.foreign.as_ref().is_some_and(|foreign| {
                foreign.knows(warp / self.warps, warp % self.warps, lanes, time)
            });
        }
        if local == self.warp {
            lanes &= !self.lane;
        }
        self.known.block.knows(local, lanes, time)
    }
}

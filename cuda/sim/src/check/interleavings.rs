//! Small interleavings of threads, each with its verdict: every way to order two accesses, as it
//! should be and with the barrier, the fence or the release missing.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    Access, Action, Arrivals, Clock, Conflict, GlobalShadow, Releases, Scope, SharedShadow,
};
use crate::exec::{ALL, LANES, Mask};

/// Threads of two blocks of three warps: block, warp, lane.
type Thread = (usize, usize, usize);

const A: Thread = (0, 0, 0);
/// Of the same warp as `A`.
const A1: Thread = (0, 0, 1);
const A2: Thread = (0, 0, 2);
/// Of the same block as `A`.
const B: Thread = (0, 1, 5);
const B1: Thread = (0, 1, 6);
const C: Thread = (0, 2, 31);
/// Of another block.
const X: Thread = (1, 0, 3);
const Y: Thread = (1, 2, 0);

/// Addresses: data, and what is used to synchronize.
const D: u64 = 0;
const E: u64 = 4;
const FLAG: u64 = 128;
const LOCK: u64 = 256;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Bytes at an address.
    Read(u64, u32),
    Write(u64, u32, u32),
    /// Volatile or relaxed.
    StrongRead(u64),
    StrongWrite(u64, u32),
    /// Relaxed.
    Atomic(u64),
    Acquire(u64),
    Release(u64),
    AcquireRelease(u64),
    /// The same with the scope of a block.
    AcquireBlock(u64),
    ReleaseBlock(u64),
    Fence,
    FenceBlock,
    /// All threads of the block.
    Barrier,
    SyncWarp(Mask),
    /// The whole warp at a barrier of some warps.
    Arrive,
    Leave,
    /// All lanes of the warp at once.
    WarpFence,
}
use Op::*;

const fn r(address: u64) -> Op {
    Read(address, 4)
}

const fn w(address: u64) -> Op {
    Write(address, 4, 7)
}

struct Machine {
    clocks: Vec<Clock>,
    arrivals: HashMap<usize, Arrivals>,
    shared: Option<SharedShadow>,
    global: GlobalShadow,
    /// Tells values that nobody wrote before.
    fresh: u32,
}

impl Machine {
    fn new(is_shared: bool) -> Self {
        let releases = Arc::new(Releases::default());
        let shared = is_shared.then(|| {
            let mut shadow = SharedShadow::default();
            shadow.start(1024);
            shadow
        });
        Self {
            clocks: (0..2)
                .map(|block| Clock::new(releases.clone(), block, 3))
                .collect(),
            arrivals: HashMap::new(),
            shared,
            global: GlobalShadow::new(1024),
            fresh: 1000,
        }
    }

    fn access(
        &mut self,
        (block, warp, lane): Thread,
        address: u64,
        bytes: u32,
        action: Action,
        strong: bool,
        value: u32,
    ) -> Option<Conflict> {
        let access = Access {
            warp,
            mask: 1 << lane,
            bytes,
            pc: 1,
            action,
            strong,
        };
        let words = bytes.div_ceil(4) as usize;
        let (clock, offsets) = (&self.clocks[block], &[address; LANES]);
        match (&mut self.shared, action) {
            (Some(shadow), Action::Read) => shadow.read(clock, &access, offsets),
            (Some(shadow), _) => {
                shadow.write(clock, &access, offsets, &[[value; LANES]; 4][..words])
            }
            (None, Action::Read) => self.global.read(1, clock, &access, offsets),
            (None, _) => {
                self.global
                    .write(1, clock, &access, offsets, &[[value; LANES]; 4][..words])
            }
        }
    }

    fn step(&mut self, thread: Thread, op: Op) -> Option<Conflict> {
        let (block, warp, lane) = thread;
        let mask = 1 << lane;
        let is_shared = self.shared.is_some();
        let device = if is_shared {
            Scope::Block
        } else {
            Scope::Device
        };
        self.fresh += 1;
        let fresh = self.fresh;
        let (address, action, acquire, release, scope) = match op {
            Read(address, bytes) => {
                return self.access(thread, address, bytes, Action::Read, false, 0);
            }
            Write(address, bytes, value) => {
                return self.access(thread, address, bytes, Action::Write, false, value);
            }
            StrongRead(address) => (address, Action::Read, false, false, device),
            StrongWrite(address, _) => (address, Action::Write, false, false, device),
            Atomic(address) => (address, Action::Atomic, false, false, device),
            Acquire(address) => (address, Action::Read, true, false, device),
            Release(address) => (address, Action::Write, false, true, device),
            AcquireRelease(address) => (address, Action::Atomic, true, true, device),
            AcquireBlock(address) => (address, Action::Read, true, false, Scope::Block),
            ReleaseBlock(address) => (address, Action::Write, false, true, Scope::Block),
            _ => {
                let clock = &mut self.clocks[block];
                match op {
                    Fence => clock.fence(warp, mask, Scope::Device),
                    WarpFence => clock.fence(warp, ALL, Scope::Device),
                    FenceBlock => clock.fence(warp, mask, Scope::Block),
                    Barrier => clock.barrier(),
                    SyncWarp(mask) => clock.sync_warp(warp, mask, 0),
                    Arrive => clock.arrive(self.arrivals.entry(block).or_default(), warp, ALL),
                    Leave => clock.leave(&self.arrivals[&block], warp, ALL),
                    _ => unreachable!("an access"),
                }
                return None;
            }
        };
        let addresses = &[address; LANES];
        if action != Action::Read {
            self.clocks[block].publish(warp, mask, addresses, 4, release, scope);
        }
        let value = match op {
            StrongWrite(_, value) => value,
            _ => fresh,
        };
        let conflict = self.access(thread, address, 4, action, true, value);
        if action != Action::Write {
            self.clocks[block].observe(warp, mask, addresses, 4, acquire, scope);
        }
        conflict
    }
}

/// Runs the steps in shared memory, if one block takes them all, and in global memory; gives the
/// number of the step that found a race, and the other thread.
fn verdict(name: &str, steps: &[(Thread, Op)]) -> Option<(usize, Thread)> {
    let one_block = steps.iter().all(|((block, ..), _)| *block == 0);
    let mut verdicts = Vec::new();
    for is_shared in [true, false] {
        if is_shared && !one_block {
            continue;
        }
        let mut machine = Machine::new(is_shared);
        let races: Vec<(usize, Thread)> = steps
            .iter()
            .enumerate()
            .filter_map(|(step, &(thread, op))| {
                let conflict = machine.step(thread, op)?;
                assert_eq!(conflict.lane, thread.2, "{name}");
                let other = conflict.thread as usize;
                Some((
                    step,
                    (conflict.cluster as usize, other / LANES, other % LANES),
                ))
            })
            .collect();
        assert!(races.len() <= 1, "{name}: {races:?}");
        verdicts.push(races.first().copied());
    }
    assert_eq!(
        verdicts.first(),
        verdicts.last(),
        "{name}: shared and global memory disagree"
    );
    verdicts[0]
}

type Case = (
    &'static str,
    &'static [(Thread, Op)],
    Option<(usize, Thread)>,
);

#[rustfmt::skip]
const PLAIN: &[Case] = &[
    ("a thread and itself", &[(A, w(D)), (A, r(D)), (A, w(D)), (A, r(D))], None),
    ("reads only", &[(A, r(D)), (B, r(D)), (C, r(D)), (A1, r(D))], None),
    ("write, read", &[(A, w(D)), (B, r(D))], Some((1, A))),
    ("read, write", &[(A, r(D)), (B, w(D))], Some((1, A))),
    ("write, write of something else", &[(A, Write(D, 4, 1)), (B, Write(D, 4, 2))], Some((1, A))),
    ("write, write of the same", &[(A, Write(D, 4, 1)), (B, Write(D, 4, 1))], None),
    ("of the same warp: write, read", &[(A, w(D)), (A1, r(D))], Some((1, A))),
    ("of the same warp: read, write", &[(A1, r(D)), (A, w(D))], Some((1, A1))),
    ("other words", &[(A, w(D)), (B, w(E)), (A, r(D)), (B, r(E))], None),
    ("other bytes of a word", &[(A, Write(D, 1, 1)), (B, Write(D + 1, 1, 2)), (C, Write(D + 2, 2, 3)), (A, Read(D, 1)), (B, Read(D + 1, 1)), (C, Read(D + 2, 2))], None),
    ("bytes read, another written", &[(A, Read(D, 1)), (B, Read(D + 1, 1)), (C, Write(D + 2, 1, 3)), (B, Write(D + 1, 1, 3))], None),
    ("a byte read by one, written by another", &[(A, Read(D, 1)), (B, Read(D + 1, 1)), (C, Write(D, 1, 3))], Some((2, A))),
    ("a byte of a word", &[(A, Write(D + 1, 1, 1)), (C, Write(D, 1, 1)), (B, r(D))], Some((2, C))),
    ("a byte of a word, the older one", &[(A, Write(D + 1, 1, 1)), (C, Write(D, 1, 1)), (C, Read(D + 1, 1))], Some((2, A))),
    ("same bytes of words that differ elsewhere", &[(A, Write(D, 4, 0x0201)), (B, Write(D, 1, 0x01))], None),
    ("wide: the second word", &[(A, Write(D, 16, 1)), (B, r(D + 12))], Some((1, A))),
    ("wide: behind it", &[(A, Write(D, 16, 1)), (B, r(D + 16))], None),
    ("many readers, one writer among them", &[(A, r(D)), (B, r(D)), (A, w(D))], Some((2, B))),
    ("many readers of a warp", &[(A, r(D)), (A1, r(D)), (A1, w(D))], Some((2, A))),
];

#[rustfmt::skip]
const BARRIERS: &[Case] = &[
    ("barrier: write, read", &[(A, w(D)), (A, Barrier), (B, r(D))], None),
    ("barrier: read, write", &[(A, r(D)), (B, r(D)), (C, r(D)), (A, Barrier), (B, w(D))], None),
    ("barrier, then one more write", &[(A, w(D)), (A, Barrier), (A, w(D)), (B, r(D))], Some((3, A))),
    ("the second barrier of a loop is missing", &[(A, w(D)), (A, Barrier), (B, r(D)), (A, w(D))], Some((3, B))),
    ("both barriers of a loop", &[(A, w(D)), (A, Barrier), (B, r(D)), (A, Barrier), (A, w(D)), (A, Barrier), (C, r(D))], None),
    ("bytes across a barrier", &[(A, Write(D, 1, 1)), (B, Write(D + 1, 1, 2)), (A, Barrier), (C, r(D)), (A, Barrier), (B, w(D))], None),
    ("bytes, no barrier", &[(A, Barrier), (A, Write(D, 1, 1)), (B, Write(D + 1, 1, 2)), (C, Read(D, 1))], Some((3, A))),
    ("syncwarp: write, read", &[(A, w(D)), (A, SyncWarp(ALL)), (A1, r(D))], None),
    ("syncwarp: read, write", &[(A, r(D)), (A2, r(D)), (A, SyncWarp(ALL)), (A1, w(D))], None),
    ("syncwarp of another warp", &[(A, w(D)), (B, SyncWarp(ALL)), (A1, r(D))], Some((2, A))),
    ("syncwarp is not for other warps", &[(A, w(D)), (A, SyncWarp(ALL)), (B, SyncWarp(ALL)), (B, r(D))], Some((3, A))),
    ("syncwarp, then one more write", &[(A, w(D)), (A, SyncWarp(ALL)), (A, w(D)), (A1, r(D))], Some((3, A))),
    ("syncwarp of some lanes", &[(A, w(D)), (A, SyncWarp(3)), (A1, r(D))], None),
    ("syncwarp that lacks the reader", &[(A, w(D)), (A, SyncWarp(3)), (A2, r(D))], Some((2, A))),
    ("syncwarp that lacks the writer", &[(A, w(D)), (A1, SyncWarp(6)), (A1, r(D))], Some((2, A))),
    ("syncwarps that hand on", &[(A, w(D)), (A, SyncWarp(3)), (A1, SyncWarp(6)), (A2, r(D))], None),
    ("syncwarps in the wrong order", &[(A, w(D)), (A1, SyncWarp(6)), (A, SyncWarp(3)), (A2, r(D))], Some((3, A))),
    ("syncwarps of halves in turn", &[(A, w(D)), (A, SyncWarp(0xffff)), (A, SyncWarp(0xffff_0000)), (A1, r(D)), (A, SyncWarp(0xffff)), (A2, w(D))], None),
    ("a partial syncwarp, then a full one", &[(A, SyncWarp(3)), (A, w(D)), (A, SyncWarp(ALL)), (A2, r(D))], None),
    ("syncwarp, then a barrier", &[(A, w(D)), (A, SyncWarp(3)), (A1, w(D)), (A, Barrier), (B, w(D))], None),
    ("named barrier of two warps", &[(A, w(D)), (A, Arrive), (B, Arrive), (A, Leave), (B, Leave), (B, r(D))], None),
    ("named barrier without the reader", &[(A, w(D)), (A, Arrive), (B, Arrive), (A, Leave), (B, Leave), (C, r(D))], Some((5, A))),
    ("arrive, then one more write", &[(A, Arrive), (A, w(D)), (B, Arrive), (B, Leave), (B, r(D))], Some((4, A))),
    ("arrive is not wait", &[(A, Arrive), (B, w(D)), (B, Arrive), (B, Leave), (A, r(D))], Some((4, B))),
    ("named barrier: reads, write", &[(A, r(D)), (B, r(D)), (B1, r(D)), (A, Arrive), (B, Arrive), (A, Leave), (A1, w(D))], None),
    ("named barriers hand on", &[(A, w(D)), (A, SyncWarp(ALL)), (A1, Arrive), (C, Leave), (C, SyncWarp(ALL)), (C, Barrier), (B, w(D))], None),
    ("a barrier does not order blocks", &[(A, w(D)), (A, Barrier), (X, Barrier), (X, r(D))], Some((3, A))),
];

#[rustfmt::skip]
const MESSAGES: &[Case] = &[
    ("strong accesses", &[(A, StrongWrite(D, 1)), (B, StrongWrite(D, 2)), (A, StrongRead(D)), (C, Atomic(D)), (A1, Atomic(D)), (B, StrongRead(D))], None),
    ("strong write, weak read", &[(A, StrongWrite(D, 1)), (B, r(D))], Some((1, A))),
    ("weak write, strong read", &[(A, w(D)), (B, StrongRead(D))], Some((1, A))),
    ("strong read, weak write", &[(A, StrongRead(D)), (B, w(D))], Some((1, A))),
    ("atomic, weak read", &[(A, Atomic(D)), (B, r(D))], Some((1, A))),
    ("weak write, atomic", &[(A, w(D)), (B, Atomic(D))], Some((1, A))),
    ("weak read, atomic", &[(A, r(D)), (B, Atomic(D))], Some((1, A))),
    ("atomics, barrier, weak read", &[(A, w(D)), (A, Barrier), (A, Atomic(D)), (B, Atomic(D)), (A, Barrier), (C, r(D))], None),
    ("release, acquire", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D))], None),
    ("release, acquire, of one warp", &[(A, w(D)), (A, Release(FLAG)), (A1, Acquire(FLAG)), (A1, r(D))], None),
    ("release, acquire, other reader", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B1, r(D))], Some((3, A))),
    ("release, acquire, other writer", &[(A1, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D))], Some((3, A1))),
    ("release, acquire, elsewhere", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(LOCK)), (B, r(D))], Some((3, A))),
    ("release, then one more write", &[(A, Release(FLAG)), (A, w(D)), (B, Acquire(FLAG)), (B, r(D))], Some((3, A))),
    ("acquire before release", &[(B, Acquire(FLAG)), (A, w(D)), (A, Release(FLAG)), (B, r(D))], Some((3, A))),
    ("relaxed instead of release", &[(A, w(D)), (A, StrongWrite(FLAG, 1)), (B, Acquire(FLAG)), (B, r(D))], Some((3, A))),
    ("relaxed instead of acquire", &[(A, w(D)), (A, Release(FLAG)), (B, StrongRead(FLAG)), (B, r(D))], Some((3, A))),
    ("fence, flag; flag, fence", &[(A, w(D)), (A, Fence), (A, StrongWrite(FLAG, 1)), (B, StrongRead(FLAG)), (B, Fence), (B, r(D))], None),
    ("no fence before the flag", &[(A, w(D)), (A, StrongWrite(FLAG, 1)), (B, StrongRead(FLAG)), (B, Fence), (B, r(D))], Some((4, A))),
    ("no fence behind the flag", &[(A, w(D)), (A, Fence), (A, StrongWrite(FLAG, 1)), (B, StrongRead(FLAG)), (B, r(D))], Some((4, A))),
    ("fence before the data", &[(A, Fence), (A, w(D)), (A, StrongWrite(FLAG, 1)), (B, StrongRead(FLAG)), (B, Fence), (B, r(D))], Some((5, A))),
    ("fence before the flag was read", &[(A, w(D)), (A, Fence), (A, StrongWrite(FLAG, 1)), (B, Fence), (B, StrongRead(FLAG)), (B, r(D))], Some((5, A))),
    ("fences of the block", &[(A, w(D)), (A, FenceBlock), (A, StrongWrite(FLAG, 1)), (B, StrongRead(FLAG)), (B, FenceBlock), (B, r(D))], None),
    ("lock by release and acquire", &[(A, AcquireRelease(LOCK)), (A, w(D)), (A, Release(LOCK)), (B, AcquireRelease(LOCK)), (B, r(D)), (B, w(D)), (B, Release(LOCK)), (A1, AcquireRelease(LOCK)), (A1, w(D))], None),
    ("lock by fences", &[(A, Atomic(LOCK)), (A, Fence), (A, w(D)), (A, Fence), (A, Atomic(LOCK)), (A1, Atomic(LOCK)), (A1, Fence), (A1, r(D)), (A1, w(D)), (A1, Fence), (A1, Atomic(LOCK)), (B, Atomic(LOCK)), (B, Fence), (B, w(D))], None),
    ("unlock without a fence", &[(A, Atomic(LOCK)), (A, Fence), (A, w(D)), (A, Atomic(LOCK)), (B, Atomic(LOCK)), (B, Fence), (B, r(D))], Some((6, A))),
    ("messages hand on", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, Release(LOCK)), (C, Acquire(LOCK)), (C, w(D))], None),
    ("a message after a barrier has all", &[(A, w(D)), (C, w(E)), (A, Barrier), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D)), (B, r(E))], None),
    ("syncwarp, release; acquire, syncwarp", &[(A, w(D)), (A1, w(E)), (A, SyncWarp(ALL)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, SyncWarp(ALL)), (B1, r(D)), (B1, r(E))], None),
    ("no syncwarp before the release", &[(A1, w(E)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, SyncWarp(ALL)), (B1, r(E))], Some((4, A1))),
    ("producer and consumer in turn", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D)), (B, Release(LOCK)), (A, Acquire(LOCK)), (A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D))], None),
    ("producer does not wait", &[(A, w(D)), (A, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D)), (B, Release(LOCK)), (A, w(D))], Some((5, B))),
];

#[rustfmt::skip]
const BLOCKS: &[Case] = &[
    ("blocks: write, read", &[(A, w(D)), (X, r(D))], Some((1, A))),
    ("blocks: read, write", &[(A, r(D)), (B, r(D)), (X, w(D))], Some((2, B))),
    ("blocks: reads", &[(A, r(D)), (X, r(D)), (B, r(D)), (Y, r(D))], None),
    ("blocks: release, acquire", &[(A, w(D)), (A, Release(FLAG)), (X, Acquire(FLAG)), (X, r(D))], None),
    ("blocks: release with the scope of a block", &[(A, w(D)), (A, ReleaseBlock(FLAG)), (X, Acquire(FLAG)), (X, r(D))], Some((3, A))),
    ("blocks: acquire with the scope of a block", &[(A, w(D)), (A, Release(FLAG)), (X, AcquireBlock(FLAG)), (X, r(D))], Some((3, A))),
    ("blocks: fence of the block before the flag", &[(A, w(D)), (A, FenceBlock), (A, StrongWrite(FLAG, 1)), (X, StrongRead(FLAG)), (X, Fence), (X, r(D))], Some((5, A))),
    ("blocks: fence of the block behind the flag", &[(A, w(D)), (A, Fence), (A, StrongWrite(FLAG, 1)), (X, StrongRead(FLAG)), (X, FenceBlock), (X, r(D))], Some((5, A))),
    ("blocks: fences of both scopes", &[(A, w(D)), (A, FenceBlock), (A, Fence), (A, StrongWrite(FLAG, 1)), (X, StrongRead(FLAG)), (X, FenceBlock), (X, Fence), (X, r(D))], None),
    ("blocks: lock", &[(A, Atomic(LOCK)), (A, Fence), (A, w(D)), (A, Fence), (A, Atomic(LOCK)), (X, Atomic(LOCK)), (X, Fence), (X, r(D)), (X, w(D)), (X, Fence), (X, Atomic(LOCK)), (B, Atomic(LOCK)), (B, Fence), (B, w(D))], None),
    ("blocks: the lock's first holder again", &[(A, w(D)), (A, Release(LOCK)), (X, AcquireRelease(LOCK)), (X, w(D)), (X, Release(FLAG)), (B, Acquire(FLAG)), (B, r(D)), (B, w(D))], None),
    ("last block done", &[(A, w(D)), (A, Fence), (A, Atomic(FLAG)), (X, w(E)), (X, Fence), (X, Atomic(FLAG)), (X, Fence), (X, Barrier), (Y, r(D)), (Y, r(E))], None),
    ("last block done, all write", &[(A, w(D)), (B, w(E)), (A, Barrier), (A, Fence), (A, Atomic(FLAG)), (X, Fence), (X, Atomic(FLAG)), (X, Fence), (X, Barrier), (Y, r(D)), (Y, r(E))], None),
    ("last block done, all write and fence", &[(A, w(D)), (B, w(E)), (A, WarpFence), (B, WarpFence), (C, WarpFence), (A, Barrier), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Barrier), (X, WarpFence), (Y, WarpFence), (Y, r(D)), (Y, r(E))], None),
    ("last block done, no barrier before the atomic", &[(A, w(D)), (B, w(E)), (A, Fence), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Fence), (X, Barrier), (Y, r(D)), (Y, r(E))], Some((8, B))),
    ("last block done, no fence before the atomic", &[(A, w(D)), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Fence), (X, Barrier), (Y, r(D))], Some((5, A))),
    ("last block done, no fence behind the atomic", &[(A, w(D)), (A, Fence), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Barrier), (Y, r(D))], Some((5, A))),
    ("last block done, no barrier behind the atomic", &[(A, w(D)), (A, Fence), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Fence), (Y, r(D))], Some((5, A))),
    ("last block done, volatile results", &[(A, StrongWrite(D, 1)), (A, Fence), (A, Atomic(FLAG)), (X, Atomic(FLAG)), (X, Barrier), (Y, StrongRead(D))], None),
    ("grid barrier", &[(B, w(D)), (Y, w(E)), (A, Barrier), (A, Fence), (A, Atomic(FLAG)), (X, Barrier), (X, Fence), (X, Atomic(FLAG)), (A, StrongRead(FLAG)), (A, Fence), (A, Barrier), (X, StrongRead(FLAG)), (X, Fence), (X, Barrier), (C, r(E)), (Y, r(D)), (C, w(E)), (Y, w(D))], None),
    ("two grid barriers", &[(B, w(D)), (A, Barrier), (A, AcquireRelease(FLAG)), (X, Barrier), (X, AcquireRelease(FLAG)), (A, Acquire(FLAG)), (X, Acquire(FLAG)), (A, Barrier), (X, Barrier), (Y, w(D)), (X, Barrier), (X, AcquireRelease(FLAG)), (A, Barrier), (A, AcquireRelease(FLAG)), (X, Acquire(FLAG)), (A, Acquire(FLAG)), (A, Barrier), (X, Barrier), (C, r(D))], None),
    ("grid barrier without the block's first", &[(B, w(D)), (A, Fence), (A, Atomic(FLAG)), (X, StrongRead(FLAG)), (X, Fence), (X, Barrier), (Y, r(D))], Some((6, B))),
    ("grid barrier without the block's second", &[(B, w(D)), (A, Barrier), (A, Fence), (A, Atomic(FLAG)), (X, StrongRead(FLAG)), (X, Fence), (Y, r(D))], Some((6, B))),
    ("messages hand on through blocks", &[(A, w(D)), (A, Release(FLAG)), (X, Acquire(FLAG)), (X, Barrier), (Y, Release(LOCK)), (B, Acquire(LOCK)), (B, w(D))], None),
];

#[test]
fn interleavings_have_their_verdicts() {
    let mut wrong = Vec::new();
    for (name, steps, expected) in [PLAIN, BARRIERS, MESSAGES, BLOCKS].concat() {
        let found = verdict(name, steps);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prints what the checks of a warp's access cost; run it with `--ignored --nocapture` in release.
#[test]
#[ignore = "measures, which takes a quiet machine"]
fn times() {
    const WARPS: usize = 8;
    const COUNT: usize = 200_000;
    let releases = Arc::new(Releases::default());
    let mut clock = Clock::new(releases, 0, WARPS as u32);
    let mut shared = SharedShadow::default();
    shared.start(48 << 10);
    let global = GlobalShadow::new(1 << 20);
    let own = |warp: usize, lane: usize, step: usize, bytes: usize| {
        ((warp * LANES + lane) * bytes + step % 4 * 8192) as u64
    };
    type Offsets<'a> = &'a dyn Fn(usize, usize, usize) -> u64;
    let patterns: [(&str, u32, bool, Offsets<'_>); 5] = [
        ("each its own 4 bytes", 4, true, &|warp, lane, step| {
            own(warp, lane, step, 4)
        }),
        ("each its own 16 bytes", 16, true, &|warp, lane, step| {
            own(warp, lane, step, 16)
        }),
        ("each its own byte", 1, true, &|warp, lane, step| {
            own(warp, lane, step, 1)
        }),
        (
            "all warps the same 128 bytes",
            4,
            false,
            &|_, lane, step| (lane * 4 + step % 64 * 128) as u64,
        ),
        ("all lanes the same 4 bytes", 4, false, &|_, _, step| {
            (step % 64 * 4) as u64
        }),
    ];
    for (name, bytes, writes, offset) in patterns {
        let offsets: Vec<[u64; LANES]> = (0..64 * WARPS)
            .map(|index| std::array::from_fn(|lane| offset(index % WARPS, lane, index / WARPS)))
            .collect();
        let mut once = |action: Action, is_shared: bool, between: usize| {
            let start = std::time::Instant::now();
            let mut conflicts = 0;
            for step in 0..COUNT / WARPS {
                for warp in 0..WARPS {
                    let access = Access {
                        warp,
                        mask: ALL,
                        bytes,
                        pc: 1,
                        action,
                        strong: false,
                    };
                    let offsets = &offsets[step % 64 * WARPS + warp];
                    let values = &[[step as u32; LANES]; 4];
                    let conflict = match (is_shared, action) {
                        (true, Action::Read) => shared.read(&clock, &access, offsets),
                        (true, _) => shared.write(&clock, &access, offsets, values),
                        (false, Action::Read) => global.read(1, &clock, &access, offsets),
                        (false, _) => global.write(1, &clock, &access, offsets, values),
                    };
                    conflicts += u32::from(conflict.is_some());
                }
                if step % between == 0 {
                    clock.barrier();
                }
            }
            clock.barrier();
            assert_eq!(conflicts, 0);
            start.elapsed().as_nanos() as f64 / COUNT as f64
        };
        let mut time = |action, is_shared, between| {
            (0..5)
                .map(|_| once(action, is_shared, between))
                .fold(f64::INFINITY, f64::min)
        };
        for is_shared in [true, false] {
            let often = time(Action::Read, is_shared, 16);
            let seldom = time(Action::Read, is_shared, 1 << 30);
            let write = if writes {
                time(Action::Write, is_shared, 16)
            } else {
                f64::NAN
            };
            let space = if is_shared { "shared" } else { "global" };
            println!(
                "{space}, {name}: read {often:.0} ns, {seldom:.0} ns without barriers; write {write:.0} ns"
            );
        }
    }

    let mut time = |name: &str, work: &mut dyn FnMut(&mut Clock)| {
        let start = std::time::Instant::now();
        for _ in 0..10_000 {
            work(&mut clock);
        }
        println!(
            "{name}: {:.0} ns",
            start.elapsed().as_nanos() as f64 / 10_000.0
        );
    };
    let address = &[64; LANES];
    time("barrier", &mut |clock| clock.barrier());
    time("syncwarp", &mut |clock| clock.sync_warp(1, ALL, 0));
    time("relaxed atomic without a fence", &mut |clock| {
        clock.publish(1, ALL, address, 4, false, Scope::Device);
        clock.observe(1, ALL, address, 4, false, Scope::Device);
    });
    time("syncwarp of halves", &mut |clock| {
        clock.sync_warp(1, 0xffff, 0);
        clock.sync_warp(1, 0xffff_0000, 0);
    });
    time("fence of all, barrier", &mut |clock| {
        (0..WARPS).for_each(|warp| clock.fence(warp, ALL, Scope::Device));
        clock.barrier();
    });
    time("lock and unlock of a lane, in a block", &mut |clock| {
        clock.publish(2, 1, address, 4, false, Scope::Block);
        clock.observe(2, 1, address, 4, true, Scope::Block);
        clock.publish(2, 1, address, 4, true, Scope::Block);
    });
    time("lock and unlock of a lane, in the device", &mut |clock| {
        clock.publish(2, 1, address, 4, false, Scope::Device);
        clock.observe(2, 1, address, 4, true, Scope::Device);
        clock.publish(2, 1, address, 4, true, Scope::Device);
    });
    for n_blocks in [1000, 10_000] {
        let releases = Arc::new(Releases::default());
        let start = std::time::Instant::now();
        for block in 0..n_blocks {
            let mut clock = Clock::new(releases.clone(), block, 8);
            clock.barrier();
            clock.fence(0, 1, Scope::Device);
            clock.publish(0, 1, address, 4, false, Scope::Device);
            clock.observe(0, 1, address, 4, false, Scope::Device);
            clock.fence(0, 1, Scope::Device);
            clock.barrier();
        }
        let each = start.elapsed().as_nanos() as f64 / f64::from(n_blocks);
        println!("a block of {n_blocks} that looks whether it is the last: {each:.0} ns");
    }
}

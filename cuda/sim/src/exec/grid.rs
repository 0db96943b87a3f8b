//! A grid: its clusters of blocks, in an order that the seed draws, on the threads of the host.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::cluster::{Cluster, Progress};
use super::context::LaunchState;
use super::{Random, Stop};

/// The steps, for each of its blocks, after which a cluster that has not ended makes room for another
/// one, which it may be waiting for.
const PATIENCE: u64 = 20_000;

/// A permutation of the numbers below `count`: `n * factor + shift` modulo `count`.
#[derive(Clone, Copy, Debug)]
struct Order {
    count: u64,
    factor: u64,
    shift: u64,
}

impl Order {
    fn new(count: u64, random: &mut Random) -> Self {
        let coprime = |mut a: u64| {
            let mut b = count;
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a == 1
        };
        let mut factor = random.next() % count;
        while !coprime(factor) {
            factor = (factor + 1) % count;
        }
        Self {
            count,
            factor,
            shift: random.next() % count,
        }
    }

    fn get(self, index: u64) -> u64 {
        let product = u128::from(index) * u128::from(self.factor) + u128::from(self.shift);
        (product % u128::from(self.count)) as u64
    }
}

/// Runs all clusters of a launch.
pub(crate) fn run(launch: &LaunchState<'_>) -> Result<(), Stop> {
    let count = launch.clusters().map(u64::from).iter().product();
    let mut random = Random(launch.seed ^ launch.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let grid = Grid {
        launch,
        order: Order::new(count, &mut random),
        next: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        stop: Mutex::new(None),
        // What a multiprocessor holds at a time is not what limits a machine without any, but
        // memory is: each block that has begun keeps its registers.
        resident: (launch.device.resident_blocks(launch.threads()) / launch.blocks() as usize)
            .max(1),
        seed: random.next(),
    };
    let workers = u64::try_from(launch.device.workers()).unwrap_or(1);
    let workers = workers.min(count);
    if workers <= 1 {
        grid.work();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(|| grid.work());
            }
            grid.work();
        });
    }
    match grid
        .stop
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        Some(stop) => Err(stop),
        None => Ok(()),
    }
}

struct Grid<'l> {
    launch: &'l LaunchState<'l>,
    order: Order,
    next: AtomicU64,
    stopped: AtomicBool,
    stop: Mutex<Option<Stop>>,
    resident: usize,
    seed: u64,
}

impl<'l> Grid<'l> {
    /// The next cluster that nobody has begun.
    fn begin(&self) -> Option<Cluster<'l>> {
        let turn = self.next.fetch_add(1, Relaxed);
        (turn < self.order.count).then(|| {
            let number = self.order.get(turn);
            let seed = Random(self.seed ^ number.rotate_left(32)).next();
            Cluster::new(self.launch, number, seed)
        })
    }

    /// Runs clusters until there are none.
    ///
    /// A cluster that takes long may wait for one that has not begun. So after some steps another
    /// one begins, and from then on they take turns.
    fn work(&self) {
        let mut paused = VecDeque::new();
        let patience = PATIENCE * u64::from(self.launch.blocks());
        while !self.stopped.load(Relaxed) {
            let room = paused.len() < self.resident;
            let fresh = if room { self.begin() } else { None };
            let Some(mut cluster) = fresh.or_else(|| paused.pop_front()) else {
                break;
            };
            match cluster.run(patience) {
                Ok(Progress::Done) => {}
                Ok(Progress::Paused) => paused.push_back(cluster),
                Err(stop) => {
                    self.stopped.store(true, Relaxed);
                    let mut first = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(stop);
                }
            }
        }
    }
}

//! What `wgmma` has in flight: the registers of a warp that asynchronous products use, and the order in
//! which the four warps of a warpgroup run these instructions.
//!
//! A product is complete when all four warps have run it: until then `wgmma.wait_group` waits in each of
//! them. CUTLASS relies on that: what one warp says of a stage of its pipeline holds for the warpgroup.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cluster::Cluster;
use super::context::LaunchState;
use super::warp::Waiting;
use super::{Context, LANES, Mask};
use crate::check::Kind;
use crate::numeric::product::{FirstWords, SecondWords};

/// The warps of a warpgroup.
const WARPS: usize = 4;

/// A register that products use anywhere in the kernel.
#[derive(Clone, Debug)]
pub(crate) struct ProductRegister {
    /// Its number among these registers of the kernel.
    pub(crate) number: usize,
    pub(crate) name: Box<str>,
    /// Whether the instruction writes it.
    pub(crate) is_written: bool,
}

/// A product as far as its registers matter: those of one shape may follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProductShape {
    pub(crate) n: usize,
    pub(crate) k: usize,
}

/// What a product does with a register.
#[derive(Clone, Copy, Debug)]
struct Use {
    /// The group that the product is in.
    group: u32,
    /// It is one of the sums, of a product of this shape, and not of a factor.
    sum: Option<ProductShape>,
    pc: u32,
}

/// A register that products use.
#[derive(Clone, Copy, Debug, Default)]
struct Tracked {
    /// The frame of the function that it belongs to.
    frame: usize,
    /// How many fences there had been when another instruction last touched it.
    touched: u32,
    /// The last product that uses it.
    product: Option<Use>,
}

/// The registers of a warp that asynchronous products use.
#[derive(Debug, Default)]
pub(crate) struct ProductRegisters {
    fences: u32,
    /// The number of the group that products are put into.
    open: u32,
    /// All groups below this one were waited for.
    done: u32,
    /// How many instructions of its warpgroup the warp had run when it committed each group that was not
    /// waited for.
    commits: VecDeque<usize>,
    /// As many must all warps of the warpgroup have run, before this one may go on.
    awaited: Option<usize>,
    /// The reads of products that were not waited for: group, owner and time.
    reads: Vec<(u32, u32, u32)>,
    registers: Vec<Tracked>,
}

impl ProductRegisters {
    fn get(&mut self, number: usize, frame: usize) -> &mut Tracked {
        if self.registers.len() <= number {
            self.registers.resize(number + 1, Tracked::default());
        }
        let register = &mut self.registers[number];
        // In a recursion each call has registers of its own, of which the innermost are looked at.
        if register.frame != frame {
            *register = Tracked {
                frame,
                ..Tracked::default()
            };
        }
        register
    }

    /// `wgmma.fence`
    pub(crate) fn fence(&mut self) {
        self.fences += 1;
    }

    /// `wgmma.wait_group`: all but the `newest` last groups are complete. Returns what of them was read:
    /// owners and times.
    fn wait(&mut self, newest: u32) -> Vec<(u32, u32)> {
        let done = self.done.max(self.open.saturating_sub(newest));
        let mut newly_done = self.commits.drain(..(done - self.done) as usize);
        self.awaited = newly_done.next_back();
        self.done = done;
        let mut finished = Vec::new();
        self.reads.retain(|&(group, owner, time)| {
            if group < self.done {
                finished.push((owner, time));
            }
            group >= self.done
        });
        finished
    }

    /// The product that still uses a register, if one does.
    fn in_flight(&mut self, number: usize, frame: usize) -> Option<Use> {
        let done = self.done;
        let used = self.get(number, frame).product;
        used.filter(|used| used.group >= done)
    }
}

/// What a product reads of shared memory, for all four warps: it is read when the first one of them comes
/// to the instruction. Nobody may change it before all of them have come and the product was waited for.
#[derive(Debug)]
pub(crate) struct Matrices {
    /// The rows of each warp, if the first factor is in shared memory.
    pub(crate) first: [FirstWords; WARPS],
    /// The columns of the second factor, in tiles.
    pub(crate) second: Vec<SecondWords>,
    /// The warp that has read them, and when.
    pub(crate) owner: u32,
    pub(crate) time: u32,
}

/// An instruction that all warps of a warpgroup must run.
#[derive(Clone, Debug)]
struct Issue {
    pc: u32,
    descriptors: [u64; 2],
    warp: u32,
    /// The number of its warpgroup in the cluster, and its own one there.
    place: (usize, usize),
    matrices: Option<Arc<Matrices>>,
}

/// The instructions that warps of a warpgroup have run, from the first one on that not all have.
#[derive(Debug, Default)]
struct Warpgroup {
    issues: VecDeque<Issue>,
    first: usize,
    counts: [usize; WARPS],
}

/// Where a warp is: the number of its warpgroup among those of a cluster's blocks, and its own one there.
fn place(launch: &LaunchState<'_>, warp: u32) -> (usize, usize) {
    let (warp, warps) = (warp as usize, launch.warps() as usize);
    let (rank, local) = (warp / warps, warp % warps);
    (rank * warps.div_ceil(WARPS) + local / WARPS, local % WARPS)
}

/// The warpgroups of a cluster's blocks.
#[derive(Debug, Default)]
pub(crate) struct Warpgroups {
    groups: Vec<Warpgroup>,
}

impl Warpgroups {
    /// Notes what a warp runs. Returns what another one has run in its place.
    fn issue(&mut self, issue: Issue) -> Option<Issue> {
        let (number, place) = issue.place;
        if self.groups.len() <= number {
            self.groups.resize_with(number + 1, Warpgroup::default);
        }
        let group = &mut self.groups[number];
        let at = group.counts[place] - group.first;
        group.counts[place] += 1;
        let Some(earlier) = group.issues.get(at) else {
            group.issues.push_back(issue);
            return None;
        };
        let earlier = earlier.clone();
        if group.counts.iter().all(|&count| count > group.first) {
            group.issues.pop_front();
            group.first += 1;
        }
        Some(earlier)
    }

    /// How many instructions a warp has run.
    fn count(&self, (number, place): (usize, usize)) -> usize {
        self.groups
            .get(number)
            .map_or(0, |group| group.counts[place])
    }

    /// Gives the other warps of a whole warpgroup what the one that came first has read.
    fn share(&mut self, (number, place): (usize, usize), matrices: Arc<Matrices>) {
        let Some(group) = self.groups.get_mut(number) else {
            return;
        };
        let at = group.counts[place]
            .checked_sub(1)
            .and_then(|at| at.checked_sub(group.first));
        if let Some(issue) = at.and_then(|at| group.issues.get_mut(at)) {
            issue.matrices = Some(matrices);
        }
    }

    /// Of each warpgroup whose warps did not run the same: a warp that has run less than another one,
    /// and the instruction that it lacks.
    fn unequal(&self) -> impl Iterator<Item = (u32, &Issue)> {
        self.groups.iter().filter_map(|group| {
            let issue = group.issues.front()?;
            let lacking = group
                .counts
                .iter()
                .position(|&count| count == group.first)?;
            Some((issue.warp - issue.place.1 as u32 + lacking as u32, issue))
        })
    }

    /// What is wrong at the end of a cluster.
    pub(crate) fn check_end(&self, launch: &LaunchState<'_>, cluster: u64) {
        for (lacking, issue) in self.unequal() {
            let lacking = lacking % launch.warps();
            let message = format!(
                "all warps of a warpgroup must run this instruction, warp {lacking} of the block ends \
                 without"
            );
            let thread = issue.warp * LANES as u32;
            let report = launch.report(
                Kind::WgmmaMisuse,
                cluster,
                thread,
                issue.pc,
                "multiplies",
                message,
            );
            launch.device.log().add(report);
        }
    }
}

impl Cluster<'_> {
    /// What a group waits for behind an instruction that its warp has run: after `wgmma.wait_group`, for
    /// the other warps of the warpgroup, without which the products are not complete.
    pub(super) fn waiting_behind(&mut self, number: usize) -> Waiting {
        match self.warps[number].registers.products.awaited.take() {
            Some(count) if self.laggard(number, count).is_some() => Waiting::Warpgroup { count },
            _ => Waiting::No,
        }
    }

    /// A warp of a warpgroup that has run fewer than `count` of its instructions, and may still run them.
    fn laggard(&self, number: usize, count: usize) -> Option<usize> {
        let (group, own) = place(self.launch, number as u32);
        let lags = |&place: &usize| self.shared.warpgroups.count((group, place)) < count;
        (0..WARPS)
            .filter(lags)
            .map(|place| number + place - own)
            .find(|&warp| self.warps[warp].alive() != 0)
    }

    /// Reports that a warp waits for products that another one cannot come to.
    fn report_laggard(&self, number: usize, pc: u32, laggard: usize) {
        if !self.launch.checks.wgmma {
            return;
        }
        let message = format!(
            "waits for products of the warpgroup that {} has not begun, which itself waits",
            self.warp_name(laggard)
        );
        let thread = (number * LANES) as u32;
        let report = self.report_at(Kind::WgmmaMisuse, thread, pc, "multiplies", message);
        self.launch.device.log().add(*report);
    }

    /// Lets those go on whose warpgroup has caught up with them, or `all`, since nothing else can go on;
    /// whether there was one.
    pub(super) fn release_warpgroups(&mut self, all: bool) -> bool {
        let mut is_released = false;
        for number in 0..self.warps.len() {
            for index in 0..self.warps[number].groups.len() {
                let Waiting::Warpgroup { count } = self.warps[number].groups[index].waiting else {
                    continue;
                };
                let laggard = self.laggard(number, count);
                if all || laggard.is_none() {
                    if let Some(laggard) = laggard {
                        self.report_laggard(number, self.warps[number].groups[index].pc, laggard);
                    }
                    let mut group = self.warps[number].groups.swap_remove(index);
                    group.waiting = Waiting::No;
                    group.pc += 1;
                    self.warps[number].put(group);
                    self.waiting_for_warpgroups -= 1;
                    is_released = true;
                    break;
                }
            }
        }
        is_released
    }
}

impl Context<'_, '_> {
    fn note_misuse(&self, mask: Mask, message: String, other: Option<u32>) {
        if !self.launch.checks.wgmma {
            return;
        }
        let lane = Self::first(mask);
        let mut report = self.report(Kind::WgmmaMisuse, lane, "multiplies", message);
        report.other = other.map(|pc| {
            let thread = self.thread(lane);
            self.launch
                .party(self.cluster, thread, pc, "multiplies asynchronously with")
        });
        self.note(report);
    }

    /// Comes to an instruction that all warps of a warpgroup run, with the same matrices. Returns what the
    /// first one of them has read.
    pub(crate) fn join_warpgroup(
        &mut self,
        mask: Mask,
        descriptors: [u64; 2],
    ) -> Option<Arc<Matrices>> {
        let threads = self.launch.threads();
        let size = (WARPS * LANES) as u32;
        if (self.warp_in_block() / WARPS as u32 + 1) * size > threads {
            let message = format!(
                "four warps of {LANES} threads must run this instruction together, the block has \
                 {threads} threads, which are no multiple of {size}"
            );
            self.note_misuse(mask, message, None);
            return None;
        }
        let other = self.shared.warpgroups.issue(Issue {
            pc: self.pc,
            descriptors,
            warp: self.warp,
            place: place(self.launch, self.warp),
            matrices: None,
        })?;
        if other.pc == self.pc && other.descriptors == descriptors {
            return other.matrices;
        }
        let what = match other.pc == self.pc {
            true => "with other descriptors",
            false => "another one",
        };
        let message = format!(
            "all warps of a warpgroup must run the same instruction with the same descriptors, warp {} \
             has run {what}",
            other.warp % self.launch.warps()
        );
        if self.launch.checks.wgmma {
            let lane = Self::first(mask);
            let mut report = self.report(Kind::WgmmaMisuse, lane, "multiplies", message);
            let thread = other.warp * LANES as u32;
            report.other = Some(self.launch.party(self.cluster, thread, other.pc, "runs"));
            self.note(report);
        }
        None
    }

    /// Gives the other warps of the warpgroup what this one has read.
    pub(crate) fn share_matrices(&mut self, matrices: &Arc<Matrices>) {
        let place = place(self.launch, self.warp);
        self.shared.warpgroups.share(place, Arc::clone(matrices));
    }

    /// Keeps a product's reads until they are waited for.
    pub(crate) fn keep_reads(&mut self, matrices: &Matrices) {
        let products = &mut self.registers.products;
        if matrices.time != 0 {
            let read = (products.open, matrices.owner, matrices.time);
            products.reads.push(read);
        }
    }

    /// `wgmma.commit_group`
    pub(crate) fn commit_products(&mut self) {
        let count = self.shared.warpgroups.count(place(self.launch, self.warp));
        let products = &mut self.registers.products;
        products.commits.push_back(count);
        products.open += 1;
    }

    /// `wgmma.wait_group`
    pub(crate) fn wait_for_products(&mut self, mask: Mask, newest: u32) {
        for (owner, time) in self.registers.products.wait(newest) {
            self.finish_product_reads(owner as usize, mask, time);
        }
    }

    /// Checks registers that an instruction is about to access, which products use too.
    pub(crate) fn touch(&mut self, mask: Mask, touched: &[ProductRegister]) {
        if !self.launch.checks.wgmma {
            return;
        }
        let frame = self.registers.frame;
        for register in touched {
            let products = &mut self.registers.products;
            let used = products.in_flight(register.number, frame);
            let fences = products.fences;
            let tracked = products.get(register.number, frame);
            tracked.touched = fences;
            // What a product reads may be read.
            if let Some(used) = used.filter(|used| used.sum.is_some() || register.is_written) {
                tracked.product = None;
                let (does, that) = match (register.is_written, used.sum) {
                    (true, _) => ("writes", "uses"),
                    (false, _) => ("reads", "writes"),
                };
                let message = format!(
                    "{does} the register `{}`, which an asynchronous product {that} that was not waited \
                     for: that needs wgmma.commit_group and wgmma.wait_group",
                    register.name
                );
                self.note_misuse(mask, message, Some(used.pc));
            }
        }
    }

    /// Notes a product, and checks that its registers may be used.
    pub(crate) fn begin_product(
        &mut self,
        mask: Mask,
        sums: &[ProductRegister],
        factors: &[ProductRegister],
        shape: ProductShape,
    ) {
        if !self.launch.checks.wgmma {
            return;
        }
        let (frame, pc) = (self.registers.frame, self.pc);
        let mut findings = Vec::new();
        let products = &mut self.registers.products;
        let fences = products.fences;
        let is_unfenced =
            |register: &&ProductRegister| products.get(register.number, frame).touched == fences;
        let unfenced = sums.iter().chain(factors).find(is_unfenced);
        match unfenced {
            Some(_) if fences == 0 => {
                findings.push(("no wgmma.fence comes before this product".to_owned(), None));
            }
            Some(register) => {
                let message = format!(
                    "the register `{}` was accessed behind the last wgmma.fence; another one must come \
                     between that and this product",
                    register.name
                );
                findings.push((message, None));
            }
            None => {}
        }
        let uses = sums.iter().map(|register| (register, Some(shape)));
        for (register, sum) in uses.chain(factors.iter().map(|register| (register, None))) {
            let products = &mut self.registers.products;
            let used = products.in_flight(register.number, frame);
            if let Some(used) = used
                && used.sum != sum
            {
                let message = format!(
                    "the register `{}` is used by another product that was not waited for; only products \
                     of one shape may follow each other in the same sums",
                    register.name
                );
                findings.push((message, Some(used.pc)));
            }
            let group = products.open;
            products.get(register.number, frame).product = Some(Use { group, sum, pc });
        }
        // One finding says enough about a product.
        if let Some((message, other)) = findings.into_iter().next() {
            self.note_misuse(mask, message, other);
        }
    }
}

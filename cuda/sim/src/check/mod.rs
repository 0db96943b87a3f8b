//! What is checked while kernels run, and what is said about it.

mod cells;
mod clock;
mod global;
#[cfg(test)]
mod interleavings;
mod log;
#[cfg(test)]
mod oracle;
mod record;
mod report;
mod shared;
mod vector;

pub(crate) use cells::CHUNK as SHADOW_CHUNK;
pub(crate) use clock::{Arrivals, Clock, Releases, Scope};
pub(crate) use global::GlobalShadow;
pub(crate) use log::Log;
pub(crate) use record::{Access, Action, Conflict, Effect, Queue};
pub use report::{Kind, Party, Place, Report, SourceLine};
pub(crate) use shared::{SharedShadow, Written};

/// Which errors are looked for.
///
/// Deadlocks, overflows of the stack, traps, the step limit and misuse of mbarriers end a launch whatever
/// is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checks {
    /// Accesses out of bounds, through null or freed pointers, and writes to constant memory, end
    /// the launch. Without this check such loads give 0 and such stores do nothing.
    pub bounds: bool,
    /// Misaligned accesses end the launch. Without this check they are done.
    pub alignment: bool,
    /// Frees of what is not allocated, and allocations that are still there at the end.
    pub heap: bool,
    /// Reads of memory that nothing was written to.
    pub initialization: bool,
    /// Races in shared memory.
    pub shared_races: bool,
    /// Races in global memory, between the threads of one launch.
    pub global_races: bool,
    /// Writes that bulk copies and `wgmma` read with no proxy fence between; only in memory whose races
    /// are looked for, too.
    pub proxy_fences: bool,
    /// Barriers that part of a block does not reach, or about which threads disagree.
    pub barriers: bool,
    /// Masks of warp-level instructions.
    pub warp_masks: bool,
    /// Registers, fences and warps of `wgmma`.
    pub wgmma: bool,
}

/// The checks by their names, as `CUDA_SIM_CHECKS` takes them.
type Field = fn(&mut Checks) -> &mut bool;
const NAMES: [(&str, Field); 10] = [
    ("bounds", |checks| &mut checks.bounds),
    ("alignment", |checks| &mut checks.alignment),
    ("heap", |checks| &mut checks.heap),
    ("initialization", |checks| &mut checks.initialization),
    ("shared_races", |checks| &mut checks.shared_races),
    ("global_races", |checks| &mut checks.global_races),
    ("proxy_fences", |checks| &mut checks.proxy_fences),
    ("barriers", |checks| &mut checks.barriers),
    ("warp_masks", |checks| &mut checks.warp_masks),
    ("wgmma", |checks| &mut checks.wgmma),
];

impl Checks {
    /// All checks.
    pub const ALL: Self = Self::uniform(true);
    /// No check: the quickest run.
    pub const NONE: Self = Self::uniform(false);

    const fn uniform(on: bool) -> Self {
        Self {
            bounds: on,
            alignment: on,
            heap: on,
            initialization: on,
            shared_races: on,
            global_races: on,
            proxy_fences: on,
            barriers: on,
            warp_masks: on,
            wgmma: on,
        }
    }

    /// The checks that a list names: `all`, `none`, or names that are separated by commas, each
    /// added, or with a `-` before it removed. A list that begins with a removal starts from all.
    ///
    /// # Errors
    ///
    /// The sentence names the word that is no check, and all that are.
    ///
    /// ```
    /// use ptx_sim::Checks;
    ///
    /// let checks = Checks::from_list("all,-global_races").unwrap();
    /// assert!(checks.bounds && !checks.global_races);
    /// assert!(Checks::from_list("everything").is_err());
    /// ```
    pub fn from_list(list: &str) -> Result<Self, String> {
        let mut checks = if list.trim_start().starts_with('-') {
            Self::ALL
        } else {
            Self::NONE
        };
        for word in list.split(',').map(str::trim) {
            let (name, on) = match word.strip_prefix('-') {
                Some(name) => (name, false),
                None => (word, true),
            };
            match (name, NAMES.iter().find(|(known, _)| *known == name)) {
                (_, Some((_, field))) => *field(&mut checks) = on,
                ("all", None) => checks = Self::uniform(on),
                ("none", None) => checks = Self::uniform(!on),
                _ => {
                    let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
                    return Err(format!(
                        "`{word}` is no check; there are all, none, {}",
                        names.join(", ")
                    ));
                }
            }
        }
        Ok(checks)
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self::ALL
    }
}

//! Counters beside the lines of the source that they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::counters::ratio;
use super::table::grouped;
use super::{KernelProfile, LineProfile, Profile};

/// Lines of context around those that did something.
const CONTEXT: u32 = 2;
/// Nobody has written a longer file.
const MAX_SOURCE: u64 = 1 << 26;

impl Profile {
    /// The source of each kernel with what its lines did, the busiest file first. The
    /// paths that the PTX names begin at `root` or a folder around it; files that are not there are
    /// only mentioned, unless none is.
    /// A kernel whose PTX names no files is shown as PTX.
    ///
    /// A line has what was inlined into it, so the shares of all lines are more than the whole. Its
    /// sectors are those of a request to global memory, on average.
    pub fn listing(&self, root: &Path) -> String {
        let mut text = String::new();
        for kernel in &self.kernels {
            let _ = kernel.list(root, &mut text);
        }
        text
    }
}

/// A file of a kernel.
struct File<'a> {
    name: &'a str,
    /// What is in it, if it is there.
    lines: Option<Vec<String>>,
    profiles: BTreeMap<u32, &'a LineProfile>,
    /// Instructions of its lines alone.
    own: u64,
}

impl KernelProfile {
    fn list(&self, root: &Path, text: &mut String) -> std::fmt::Result {
        let mut files: BTreeMap<&str, File<'_>> = BTreeMap::new();
        for line in &self.lines {
            let file = files.entry(&line.file).or_insert_with(|| File {
                name: &line.file,
                lines: self.text(root, &line.file),
                profiles: BTreeMap::new(),
                own: 0,
            });
            file.profiles.insert(line.line, line);
            file.own += line.own_instructions.warps;
        }
        let mut files: Vec<_> = files.into_values().collect();
        let busiest = |file: &File<'_>| {
            let warps = file
                .profiles
                .values()
                .map(|line| line.counters.instructions.warps);
            warps.max().unwrap_or(0)
        };
        files.sort_by_key(|file| std::cmp::Reverse(busiest(file)));
        // Where there is a source, the PTX beside it is of no use.
        let any = files
            .iter()
            .any(|file| file.lines.is_some() && !file.name.is_empty());
        if any {
            files
                .iter_mut()
                .filter(|file| file.name.is_empty())
                .for_each(|file| file.lines = None);
        }
        let total = self.counters.instructions.warps;
        for file in files.iter().filter(|file| file.lines.is_some() || !any) {
            let name = match file.name {
                "" => "PTX",
                name => name,
            };
            writeln!(text, "\nkernel {}, {name}", self.name)?;
            writeln!(
                text,
                "{:>7} {:>12} {:>5} {:>13} {:>7} {:>9} {:>9} {:>5}",
                "share", "warps", "lanes", "FLOP", "sectors", "conflicts", "divergent", "line"
            )?;
            file.list(total, text)?;
        }
        let absent = files
            .iter()
            .filter(|file| any && file.lines.is_none() && file.own > 0);
        for (index, file) in absent.enumerate() {
            if index == 0 {
                writeln!(text, "\nnot found under {}:", root.display())?;
            }
            let name = match file.name {
                "" => "(instructions without a line of the source)",
                name => name,
            };
            writeln!(text, "{:>5.1} % {name}", 100.0 * ratio(file.own, total))?;
        }
        Ok(())
    }

    /// What is in a file that the PTX names; the PTX itself has no name.
    fn text(&self, root: &Path, name: &str) -> Option<Vec<String>> {
        if name.is_empty() {
            return Some(self.source.lines.clone());
        }
        // A program may run in a folder of the workspace whose root the paths begin at.
        let root = root.canonicalize().ok()?;
        let mut folders = root.ancestors();
        let bytes = folders.find_map(|folder| read_source(&folder.join(name)))?;
        let text = String::from_utf8_lossy(&bytes);
        Some(text.lines().map(str::to_owned).collect())
    }
}

/// What is in a file. PTX can name anything as its source, also what has no end.
fn read_source(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    let is_source = metadata.is_file() && metadata.len() <= MAX_SOURCE;
    is_source.then(|| fs::read(path).ok())?
}

impl File<'_> {
    fn list(&self, total: u64, text: &mut String) -> std::fmt::Result {
        let mut shown = BTreeSet::new();
        for &line in self.profiles.keys() {
            let context = if self.lines.is_some() { CONTEXT } else { 0 };
            shown.extend(line.saturating_sub(context).max(1)..=line + context);
        }
        let mut previous = 0;
        for line in shown {
            let source = match &self.lines {
                Some(lines) => lines.get(line as usize - 1).map(String::as_str),
                None => Some(""),
            };
            let profile = self.profiles.get(&line);
            if source.is_none() && profile.is_none() {
                continue;
            }
            if previous > 0 && line > previous + 1 {
                writeln!(text, "{:>74}", "...")?;
            }
            previous = line;
            let counts = profile.map_or_else(String::new, |profile| counts(profile, total));
            // The file may have become another one since the PTX was made.
            let source = source.unwrap_or("(the file ends before this line)");
            let row = format!("{counts:68} {line:>5}  {source}");
            writeln!(text, "{}", row.trim_end())?;
        }
        Ok(())
    }
}

/// The columns of a line.
fn counts(line: &LineProfile, total: u64) -> String {
    let counters = &line.counters;
    let or_blank = |count: u64| match count {
        0 => String::new(),
        count => grouped(count),
    };
    let global = counters.memory.global.total();
    format!(
        "{:>5.1} % {:>12} {:>5.1} {:>13} {:>7} {:>9} {:>9}",
        100.0 * ratio(counters.instructions.warps, total),
        grouped(counters.instructions.warps),
        counters.instructions.average_lanes(),
        or_blank(counters.operations.flops()),
        match global.requests {
            0 => String::new(),
            _ => format!("{:.2}", global.sectors_per_request()),
        },
        or_blank(counters.memory.shared.total().conflicts()),
        or_blank(counters.divergent_branches),
    )
}

//! Finishes the entry points that `#[kernel]` has written.
//!
//! rustc has no attribute for a kernel's launch bounds. The macro leaves a pragma,
//!
//! ```text
//! .visible .entry scale(
//! )
//! {
//!     .pragma "cuda_std launch_bounds 256 2";
//! ```
//!
//! which becomes `.maxntid 256` and `.minnctapersm 2` before the brace.
//!
//! Each entry point leaves its number in shared memory for the case that it panics. Where it reaches
//! no panic, that store is taken out. So is a function that is there for the compiler and not called.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What `cuda_std` has for rustc, which every PTX would hold otherwise.
const BUILTIN: &str = "memcmp";

/// The word of shared memory with the kernel's number.
const KERNEL_ID: &str = "cuda_std_kernel_id";

const LAUNCH_BOUNDS: &str = ".pragma \"cuda_std launch_bounds ";

/// The PTX with finished entry points.
pub fn finish(ptx: &str) -> String {
    let lines: Vec<&str> = ptx.lines().collect();
    let items = items(&lines);
    let known: HashSet<&str> = items.iter().map(|item| item.name).collect();
    let edges: HashMap<&str, HashSet<&str>> = items
        .iter()
        .map(|item| {
            let lines = &lines[item.lines.clone()];
            (item.name, mentions(lines, item.name, &known))
        })
        .collect();
    let mut removed = HashSet::new();
    let mut directives: HashMap<usize, String> = HashMap::new();
    let mut is_id_read = false;
    for item in items.iter().filter(|item| item.is_entry) {
        if can_panic(item.name, &edges) {
            is_id_read = true;
        } else {
            removed.extend(store_of_id(&lines, item.lines.clone()));
        }
        if let Some(idx) = item
            .lines
            .clone()
            .find(|&idx| lines[idx].contains(LAUNCH_BOUNDS))
            && let Some(bounds) = bounds(lines[idx])
        {
            removed.extend(with_comments(&lines, idx));
            directives.insert(item.brace, bounds);
        }
    }
    for item in &items {
        let is_needed = match item.name {
            KERNEL_ID => is_id_read || is_mentioned(item.name, &edges),
            BUILTIN => is_mentioned(item.name, &edges),
            _ => true,
        };
        if !is_needed {
            removed.extend(item.lines.clone());
        }
    }
    let mut finished = String::with_capacity(ptx.len());
    for (idx, line) in lines.iter().enumerate() {
        if let Some(directives) = directives.get(&idx) {
            finished.push_str(directives);
        }
        if !removed.contains(&idx) {
            finished.push_str(line);
            finished.push('\n');
        }
    }
    finished
}

/// A function or a variable of the module.
struct Item<'a> {
    name: &'a str,
    is_entry: bool,
    lines: Range<usize>,
    /// The line with the brace that opens its body.
    brace: usize,
}

/// The module's functions that have a body, and its variables.
fn items<'a>(lines: &[&'a str]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut idx = 0;
    while idx < lines.len() {
        let start = idx;
        idx += 1;
        let line = code(lines[start]);
        let words = || line.split_whitespace();
        let is_entry = words().any(|word| word == ".entry");
        let is_function = is_entry || words().any(|word| word == ".func");
        let is_variable = words().any(|word| matches!(word, ".global" | ".shared" | ".const"));
        if !is_function && !is_variable {
            continue;
        }
        let name = if is_function {
            function_name(lines, start)
        } else {
            variable_name(line)
        };
        let mut depth = 0;
        let mut brace = None;
        for (line_idx, line) in lines.iter().enumerate().skip(start) {
            idx = line_idx + 1;
            let line = code(line);
            for character in line.chars() {
                match character {
                    '{' => {
                        brace.get_or_insert(line_idx);
                        depth += 1;
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
            let is_declared = line.trim_end().ends_with(';') && depth == 0;
            if depth == 0 && (is_declared || brace.is_some()) {
                break;
            }
        }
        if let Some(name) = name
            && (is_variable || brace.is_some())
        {
            items.push(Item {
                name,
                is_entry,
                lines: start..idx,
                brace: brace.unwrap_or(start),
            });
        }
    }
    items
}

/// The line without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// `.visible .entry NAME(`, or `.func  (.param .b32 func_retval0) NAME(`, where the name may stand in
/// the next line.
fn function_name<'a>(lines: &[&'a str], start: usize) -> Option<&'a str> {
    let header = code(lines[start]);
    let rest = header
        .split_once(".entry")
        .or_else(|| header.split_once(".func"))?
        .1
        .trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(result) => result.split_once(')')?.1,
        None => rest,
    };
    let first = |text: &'a str| names(text).next();
    first(rest).or_else(|| first(code(lines.get(start + 1)?)))
}

/// `.global .align 4 .b8 NAME[16] = {...};`
fn variable_name(line: &str) -> Option<&str> {
    let head = line.split(['=', '[', ';']).next()?;
    names(head.split_whitespace().next_back()?).next()
}

/// What may be a symbol's name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$')))
        .filter(|word| word.starts_with(|c: char| !c.is_ascii_digit()))
}

/// The known names that an item mentions, but for its own and the store of its number.
fn mentions<'a>(lines: &[&'a str], own: &str, known: &HashSet<&str>) -> HashSet<&'a str> {
    lines
        .iter()
        .map(|line| code(line))
        .filter(|line| !is_store_of_id(line))
        .flat_map(names)
        .filter(|name| *name != own && known.contains(name))
        .collect()
}

fn is_mentioned(name: &str, edges: &HashMap<&str, HashSet<&str>>) -> bool {
    edges.values().any(|names| names.contains(name))
}

/// Whether something that an entry mentions, directly or not, reads the number.
fn can_panic(entry: &str, edges: &HashMap<&str, HashSet<&str>>) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![entry];
    while let Some(name) = open.pop() {
        if name == KERNEL_ID {
            return true;
        }
        if seen.insert(name) {
            open.extend(edges.get(name).into_iter().flatten());
        }
    }
    false
}

fn is_store_of_id(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("st.volatile.shared") && line.contains(KERNEL_ID)
}

/// The lines of the store, and of what it stores if nothing else needs that.
fn store_of_id(lines: &[&str], range: Range<usize>) -> Vec<usize> {
    let Some(store) = range.clone().find(|&idx| is_store_of_id(code(lines[idx]))) else {
        return Vec::new();
    };
    let mut removed = with_comments(lines, store);
    let register = code(lines[store]).rsplit(',').next().unwrap_or_default();
    let register = register.trim().trim_end_matches(';');
    let uses: Vec<usize> = range
        .filter(|&idx| {
            code(lines[idx])
                .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '%' | '_')))
                .any(|word| word == register)
        })
        .collect();
    if let [first, second] = uses[..]
        && second == store
        && lines[first].trim_start().starts_with("mov.b32")
    {
        removed.push(first);
    }
    removed
}

/// A line of inline assembly, with the comments that LLVM puts around it.
fn with_comments(lines: &[&str], idx: usize) -> Vec<usize> {
    let is = |idx: usize, text: &str| lines.get(idx).is_some_and(|line| line.trim() == text);
    let mut removed = vec![idx];
    if is(idx.wrapping_sub(1), "// begin inline asm") && is(idx + 1, "// end inline asm") {
        removed.extend([idx - 1, idx + 1]);
    }
    removed
}

/// `.pragma "cuda_std launch_bounds 256 2";` as directives.
fn bounds(line: &str) -> Option<String> {
    let (_, numbers) = line.split_once(LAUNCH_BOUNDS)?;
    let (numbers, _) = numbers.split_once('"')?;
    let (max_threads, min_blocks) = numbers.split_once(' ')?;
    let mut directives = format!(".maxntid {max_threads}\n");
    if min_blocks != "0" {
        directives += &format!(".minnctapersm {min_blocks}\n");
    }
    Some(directives)
}

#[cfg(test)]
mod tests {
    use super::finish;

    const PTX: &str = "\
.version 7.0
.func _R5panic
()
.noreturn;
.shared .align 4 .b32 cuda_std_kernel_id;
.global .align 8 .u64 VTABLE[1] = {_R5panic};

	// .globl	safe
.visible .entry safe(
	.param .u64 safe_param_0
)
{
	.reg .b32 	%r<3>;

	// begin inline asm
	.pragma \"cuda_std launch_bounds 256 2\";
	// end inline asm
	mov.b32 	%r1, -7;
	// begin inline asm
	st.volatile.shared.u32 [cuda_std_kernel_id], %r1;
	// end inline asm
	mov.b32 	%r10, %r2;
	ret;

}
.visible .entry direct()
{
	st.volatile.shared.u32 [cuda_std_kernel_id], 1;
	{ // callseq 0, 0
	call.uni _R5panic, ();
	}
}
.visible .entry by_table()
{
	.pragma \"cuda_std launch_bounds 128 0\";
	st.volatile.shared.u32 [cuda_std_kernel_id], 2;
	mov.b64 	%rd1, VTABLE;
}
.func _R5panic()
.noreturn
{
	ld.volatile.shared.u32 %r1, [cuda_std_kernel_id];
	trap;
}
";

    #[test]
    fn launch_bounds_become_directives_and_only_what_panics_says_who_it_is() {
        let expected = PTX
            .replace(
                "\t// begin inline asm\n\t.pragma \"cuda_std launch_bounds 256 2\";\n\t// end inline asm\n\
                 \tmov.b32 \t%r1, -7;\n\
                 \t// begin inline asm\n\tst.volatile.shared.u32 [cuda_std_kernel_id], %r1;\n\t// end inline asm\n",
                "",
            )
            .replace(
                "param_0\n)\n{",
                "param_0\n)\n.maxntid 256\n.minnctapersm 2\n{",
            )
            .replace(
                "by_table()\n{\n\t.pragma \"cuda_std launch_bounds 128 0\";\n",
                "by_table()\n.maxntid 128\n{\n",
            );
        assert_eq!(finish(PTX), expected);
    }

    #[test]
    fn a_builtin_stays_if_it_is_called() {
        let builtin = ".visible .func  (.param .b32 func_retval0) memcmp(\n\t.param .b64 memcmp_param_0\n)\n{\n\tret;\n}\n";
        assert_eq!(finish(builtin), "");
        let called = format!(
            "{builtin}.visible .entry calls()\n{{\n\tcall.uni (retval0), memcmp, (param0);\n}}\n"
        );
        assert_eq!(finish(&called), called);
    }

    #[test]
    fn without_a_panic_there_is_no_number() {
        let (without_handler, _) = PTX.split_once(".visible .entry direct").unwrap();
        let finished = finish(without_handler);
        assert!(!finished.contains("cuda_std_kernel_id"), "{finished}");
    }
}

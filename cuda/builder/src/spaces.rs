//! Moves statics to the memory that `#[address_space]` names.
//!
//! rustc knows one memory: every static is a `.global` variable, and what reaches it is a
//! `ld.global` or `st.global`. The macro only marks the static's symbol:
//!
//! ```text
//! .visible .global .align 4 .b8 __cuda_std_space_shared__TILE[1024];
//!     mov.b64         %rd10, __cuda_std_space_shared__TILE;
//!     add.s64         %rd11, %rd10, %rd8;
//!     st.global.b32   [%rd11], %r4;
//! ```
//!
//! Here the variable is declared where it belongs, and each register that holds an address of it is
//! followed to the instructions that use it:
//!
//! ```text
//! .shared .align 16 .b8 TILE[1024];
//!     mov.b64         %rd10, TILE;
//!     add.s64         %rd11, %rd10, %rd8;
//!     st.shared.b32   [%rd11], %r4;
//! ```
//!
//! Where an address leaves the function LLVM makes it generic itself (`cvta.global`, which becomes
//! `cvta.shared`). A register that may hold an address of this memory or of another gets a generic
//! one, and what goes through it names no memory.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// Begins the symbol of a static that is to lie elsewhere; the memory and two underscores follow.
const PREFIX: &str = "__cuda_std_space_";

/// A memory that a static can lie in, other than `.global`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Shared,
    Const,
}

impl Space {
    fn name(self) -> &'static str {
        match self {
            Space::Shared => "shared",
            Space::Const => "const",
        }
    }

    /// Of a symbol that is marked: its memory, and its name without the mark.
    fn of(symbol: &str) -> Option<(Space, &str)> {
        let rest = symbol.strip_prefix(PREFIX)?;
        [Space::Shared, Space::Const].into_iter().find_map(|space| {
            let name = rest.strip_prefix(space.name())?.strip_prefix("__")?;
            Some((space, name))
        })
    }
}

/// What is known of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// No address of a marked static.
    Other,
    /// An address in this memory.
    In(Space),
    /// An address in one of several memories: a generic one.
    Generic,
}

impl Value {
    fn join(self, other: Value) -> Value {
        if self == other { self } else { Value::Generic }
    }
}

/// The PTX with every marked static in its memory.
///
/// # Errors
///
/// If an address is used in a way that says nothing of its memory: a clause that names the static
/// and the statement.
pub fn place(ptx: &str) -> Result<String, String> {
    if !ptx.contains(PREFIX) {
        return Ok(ptx.to_owned());
    }
    let mut placed = String::with_capacity(ptx.len());
    let mut body: Option<Vec<&str>> = None;
    for line in ptx.lines() {
        match (&mut body, line) {
            (None, "{") => body = Some(Vec::new()),
            (Some(lines), "}") => {
                Function::new(lines).place(&mut placed)?;
                body = None;
            }
            (Some(lines), line) => lines.push(line),
            (None, line) if line.contains(PREFIX) => {
                placed.push_str(&declaration(line)?);
                placed.push('\n');
            }
            (None, line) => {
                placed.push_str(line);
                placed.push('\n');
            }
        }
    }
    Ok(placed)
}

/// `.visible .global .align 4 .b8 MARKED[1024] = {...};` in its memory.
fn declaration(line: &str) -> Result<String, String> {
    let (head, initializer) = match line.split_once('=') {
        Some((head, initializer)) => (head.trim_end(), Some(initializer)),
        None => (line.trim_end().trim_end_matches(';'), None),
    };
    if let Some(symbol) = initializer.and_then(marked) {
        return Err(format!(
            "the address of `{}` is part of another static's value",
            plain(symbol)
        ));
    }
    let symbol = marked(head).ok_or_else(|| format!("`{line}` cannot be read"))?;
    let (space, name) = Space::of(symbol).ok_or_else(|| unknown(symbol))?;
    let head = head.replace(symbol, name);
    Ok(match (space, initializer) {
        // The size that a launch adds, which any type may lie in.
        (Space::Shared, _) if head.starts_with(".extern") => {
            format!(".extern .shared .align 16 .b8 {name}[];")
        }
        // Shared memory begins with nothing in it.
        (Space::Shared, _) => {
            let head = head.replace(".visible ", "").replace(".global", ".shared");
            format!("{};", aligned_for_vectors(&head))
        }
        (Space::Const, None) => format!("{};", head.replace(".global", ".const")),
        (Space::Const, Some(initializer)) => {
            format!("{} ={initializer}", head.replace(".global", ".const"))
        }
    })
}

/// With an alignment of 16 bytes at least, so that vectors can be loaded from any array.
fn aligned_for_vectors(declaration: &str) -> String {
    let words = declaration.split(' ').collect::<Vec<_>>();
    let aligned = words.iter().enumerate().map(|(idx, &word)| {
        let is_alignment = idx > 0 && words[idx - 1] == ".align";
        match word.parse::<u32>() {
            Ok(alignment) if is_alignment && alignment < 16 => "16",
            _ => word,
        }
    });
    aligned.collect::<Vec<_>>().join(" ")
}

fn unknown(symbol: &str) -> String {
    format!("`{symbol}` names a memory that this cuda_builder does not know")
}

/// The first marked symbol in the text.
fn marked(text: &str) -> Option<&str> {
    let symbol = &text[text.find(PREFIX)?..];
    let end = symbol.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
    Some(&symbol[..end.unwrap_or(symbol.len())])
}

fn plain(symbol: &str) -> &str {
    Space::of(symbol).map_or(symbol, |(_, name)| name)
}

/// `@%p1 add.s64 %rd1, %rd2, 4`, in parts.
struct Statement<'a> {
    guard: &'a str,
    opcode: &'a str,
    operands: Vec<&'a str>,
}

impl<'a> Statement<'a> {
    fn parse(text: &'a str) -> Statement<'a> {
        let text = text.trim();
        let (guard, text) = match text.split_once(char::is_whitespace) {
            Some((guard, rest)) if guard.starts_with('@') => (guard, rest.trim_start()),
            _ => ("", text),
        };
        let (opcode, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let mut depth = 0;
        let operands = operands
            .split(|c| {
                match c {
                    '{' | '[' | '(' => depth += 1,
                    '}' | ']' | ')' => depth -= 1,
                    _ => {}
                }
                c == ',' && depth == 0
            })
            .map(str::trim)
            .collect();
        Statement {
            guard,
            opcode,
            operands,
        }
    }

    /// Whether the result is an address if an operand is.
    fn passes_addresses(&self) -> bool {
        let operation = self.opcode.split('.').next().unwrap_or_default();
        let is_wide = self.opcode.ends_with("64") || self.opcode.contains(".wide.");
        is_wide
            && matches!(
                operation,
                "mov" | "add" | "sub" | "mad" | "and" | "or" | "selp"
            )
    }

    fn is(&self, operation: &str) -> bool {
        self.opcode.split('.').next() == Some(operation)
    }
}

/// One function's body.
struct Function<'a> {
    lines: &'a [&'a str],
    registers: HashMap<&'a str, Value>,
    /// Those that are compared with an address of a marked static.
    compared: HashSet<&'a str>,
    n_fresh: usize,
}

impl<'a> Function<'a> {
    fn new(lines: &'a [&'a str]) -> Function<'a> {
        Function {
            lines,
            registers: HashMap::new(),
            compared: HashSet::new(),
            n_fresh: 0,
        }
    }

    fn place(mut self, placed: &mut String) -> Result<(), String> {
        placed.push_str("{\n");
        if !self.lines.iter().any(|line| line.contains(PREFIX)) {
            for line in self.lines {
                placed.push_str(line);
                placed.push('\n');
            }
            placed.push_str("}\n");
            return Ok(());
        }
        self.follow();
        let mut body = String::new();
        for line in self.lines {
            self.place_line(line, &mut body)?;
        }
        if self.n_fresh > 0 {
            writeln!(placed, "\t.reg .b64 \t%address<{}>;", self.n_fresh)
                .expect("a String takes everything");
        }
        placed.push_str(&body);
        placed.push_str("}\n");
        Ok(())
    }

    /// Finds out what each register holds: repeats until nothing more is learned, since a loop
    /// brings values back.
    fn follow(&mut self) {
        let statements: Vec<_> = self
            .lines
            .iter()
            .flat_map(|line| statements(line))
            .map(Statement::parse)
            .collect();
        let has_result = |statement: &&Statement<'_>| statement.operands[0].starts_with(['%', '{']);
        let results: HashSet<_> = statements
            .iter()
            .filter(has_result)
            .flat_map(|statement| registers(statement.operands[0]))
            .collect();
        // What only inline assembly writes is no address of ours.
        self.registers = statements
            .iter()
            .flat_map(|statement| &statement.operands)
            .flat_map(|operand| registers(operand))
            .filter(|register| !results.contains(register))
            .map(|register| (register, Value::Other))
            .collect();
        loop {
            let mut has_changed = false;
            for statement in statements.iter().filter(has_result) {
                // Nothing is known yet of what this one reads.
                let Some(value) = self.result(statement) else {
                    continue;
                };
                for register in registers(statement.operands[0]) {
                    let known = self.registers.get(register).copied();
                    let joined = known.map_or(value, |known| known.join(value));
                    has_changed |= known != Some(joined);
                    self.registers.insert(register, joined);
                }
            }
            if !has_changed {
                break;
            }
        }
        let compared = statements.iter().filter(|statement| {
            let mut operands = statement.operands.iter();
            statement.is("setp") && operands.any(|operand| self.holds_address(operand))
        });
        self.compared = compared
            .flat_map(|statement| &statement.operands[1..])
            .flat_map(|operand| registers(operand))
            .collect();
    }

    /// Whether an operand holds an address of a marked static.
    fn holds_address(&self, operand: &str) -> bool {
        !matches!(self.operand(operand), Some(Value::Other) | None)
    }

    /// What a statement writes to its first operand.
    fn result(&self, statement: &Statement<'_>) -> Option<Value> {
        if !statement.passes_addresses() {
            return Some(Value::Other);
        }
        let values: Vec<_> = statement.operands[1..]
            .iter()
            .map(|operand| self.operand(operand))
            .collect();
        if statement.is("selp") {
            return match values[..] {
                [Some(a), Some(b), ..] => Some(a.join(b)),
                [a, b, ..] => a.or(b),
                _ => None,
            };
        }
        let mut addresses = values.iter().flatten().filter(|&&v| v != Value::Other);
        match (addresses.next(), addresses.next()) {
            // A distance.
            (Some(_), Some(_)) if statement.is("sub") => Some(Value::Other),
            (Some(&a), Some(&b)) => Some(a.join(b)),
            (Some(&a), None) => Some(a),
            (None, _) if values.iter().all(Option::is_some) => Some(Value::Other),
            (None, _) => None,
        }
    }

    /// What an operand holds: a register, a symbol with or without an offset, or a number.
    fn operand(&self, operand: &str) -> Option<Value> {
        if let Some((space, _)) = marked(operand).and_then(Space::of) {
            return Some(Value::In(space));
        }
        match registers(operand).next() {
            Some(register) => self.registers.get(register).copied(),
            None => Some(Value::Other),
        }
    }

    fn place_line(&mut self, line: &str, body: &mut String) -> Result<(), String> {
        let concerns = statements(line).any(|text| {
            let statement = Statement::parse(text);
            let becomes_global = statement.opcode.starts_with("cvta.to.global");
            becomes_global && self.compared.contains(statement.operands[0])
                || statement
                    .operands
                    .iter()
                    .flat_map(|operand| split_operand(operand))
                    .any(|part| self.holds_address(part))
        });
        if !concerns {
            body.push_str(line);
            body.push('\n');
            return Ok(());
        }
        for text in statements(line) {
            for placed in self.place_statement(&Statement::parse(text), text)? {
                body.push('\t');
                body.push_str(&placed);
                body.push_str(";\n");
            }
        }
        Ok(())
    }

    fn fresh(&mut self) -> String {
        self.n_fresh += 1;
        format!("%address{}", self.n_fresh - 1)
    }

    /// The statements that take the place of one.
    fn place_statement(
        &mut self,
        statement: &Statement<'_>,
        text: &str,
    ) -> Result<Vec<String>, String> {
        let guard = if statement.guard.is_empty() {
            String::new()
        } else {
            format!("{} ", statement.guard)
        };
        let operands: Vec<String> = statement.operands.iter().map(|o| without_mark(o)).collect();
        let values: Vec<_> = statement
            .operands
            .iter()
            .map(|operand| self.operand(operand).unwrap_or(Value::Other))
            .collect();
        let refuse = |why: &str| {
            let symbol = self.lines.iter().find_map(|line| marked(line));
            Err(format!(
                "{why} (`{}`), near the static `{}`",
                text.trim(),
                symbol.map_or("", plain)
            ))
        };
        let opcode = statement.opcode;
        let mut placed = Vec::new();

        if let Some(address) = statement.operands.iter().position(|o| o.starts_with('[')) {
            let is_stored = values
                .iter()
                .enumerate()
                .any(|(idx, value)| idx != address && matches!(value, Value::In(_)));
            if is_stored {
                return refuse("its address is stored before it is made generic");
            }
            let opcode = match values[address] {
                Value::Other => opcode.to_owned(),
                Value::Generic => opcode.replace(".global", "").replace(".nc", ""),
                Value::In(Space::Const) if !statement.is("ld") => {
                    return refuse("constant memory is written");
                }
                Value::In(space) => opcode
                    .replace(".global", &format!(".{}", space.name()))
                    .replace(".nc", ""),
            };
            placed.push(format!("{guard}{opcode} \t{}", operands.join(", ")));
            return Ok(placed);
        }
        if statement.is("cvta") && opcode.starts_with("cvta.global") {
            match values[1] {
                Value::In(space) => {
                    let source = self.in_register(&operands[1], &guard, &mut placed);
                    placed.push(format!(
                        "{guard}cvta.{}.u64 \t{}, {source}",
                        space.name(),
                        operands[0]
                    ));
                }
                _ => placed.push(format!("{guard}mov.b64 \t{}, {}", operands[0], operands[1])),
            }
            return Ok(placed);
        }
        // LLVM took a generic address for one in global memory, which is the same number.
        if opcode.starts_with("cvta.to.global") {
            placed.push(format!("{guard}mov.b64 \t{}, {}", operands[0], operands[1]));
            return Ok(placed);
        }
        if statement.is("setp") || statement.is("selp") {
            // Addresses of different memories compare, and go into one register, as generic ones.
            let makes_generic = match statement.is("selp") {
                true => values[0] == Value::Generic,
                false => values[1..]
                    .iter()
                    .any(|value| !matches!(value, Value::In(_))),
            };
            let mut operands = operands;
            if makes_generic {
                for idx in 1..operands.len() {
                    if let Value::In(space) = values[idx] {
                        let source = self.in_register(&operands[idx], &guard, &mut placed);
                        let generic = self.fresh();
                        placed.push(format!(
                            "{guard}cvta.{}.u64 \t{generic}, {source}",
                            space.name()
                        ));
                        operands[idx] = generic;
                    }
                }
            }
            placed.push(format!("{guard}{opcode} \t{}", operands.join(", ")));
            return Ok(placed);
        }
        if !statement.passes_addresses() {
            return refuse("its address is computed with");
        }
        match (values[0], self.result(statement)) {
            (Value::Generic, Some(Value::In(space))) => {
                let address = self.fresh();
                placed.push(format!(
                    "{guard}{opcode} \t{address}, {}",
                    operands[1..].join(", ")
                ));
                placed.push(format!(
                    "{guard}cvta.{}.u64 \t{}, {address}",
                    space.name(),
                    operands[0]
                ));
            }
            _ => placed.push(format!("{guard}{opcode} \t{}", operands.join(", "))),
        }
        Ok(placed)
    }

    /// The operand itself if it is a register, else one that it is moved to.
    fn in_register(&mut self, operand: &str, guard: &str, placed: &mut Vec<String>) -> String {
        if operand.starts_with('%') {
            return operand.to_owned();
        }
        let register = self.fresh();
        placed.push(format!("{guard}mov.b64 \t{register}, {operand}"));
        register
    }
}

/// The statements of a line, without its comment; none if it is a label or a directive.
fn statements(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let is_directive = code.trim_start().starts_with(['.', '$']);
    code.split(';')
        .map(|text| text.trim().trim_start_matches(['{', '}']).trim_start())
        .filter(move |text| !is_directive && !text.is_empty())
}

/// The registers in an operand.
fn registers(operand: &str) -> impl Iterator<Item = &str> {
    operand
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '%' | '_' | '$' | '.')))
        .filter(|word| word.starts_with('%'))
}

/// The parts of an operand that can hold an address each: the elements of a vector.
fn split_operand(operand: &str) -> impl Iterator<Item = &str> {
    operand.trim_matches(['{', '}', '(', ')']).split(',')
}

fn without_mark(operand: &str) -> String {
    match marked(operand) {
        Some(symbol) => operand.replace(symbol, plain(symbol)),
        None => operand.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    fn kernel(declarations: &str, body: &str) -> String {
        format!("{declarations}\n.visible .entry k()\n{{\n{body}\n}}\n")
    }

    #[test]
    fn addresses_are_followed_through_loops_and_offsets() {
        let ptx = kernel(
            ".visible .global .align 4 .b8 __cuda_std_space_shared__TILE[1024] = {1, 2};",
            "\tmov.b64 \t%rd1, __cuda_std_space_shared__TILE;
\tmad.wide.u32 \t%rd2, %r1, 4, %rd1;
$L__BB0_1:
\tld.global.v2.b32 \t{%r2, %r3}, [%rd2+8];
\tst.global.b32 \t[%rd9], %r2;
\tatom.global.add.u32 \t%r4, [__cuda_std_space_shared__TILE+4], 1;
\tadd.s64 \t%rd2, %rd2, 4;
\t@%p1 bra \t$L__BB0_1;
\tcvta.global.u64 \t%rd3, %rd2;
\tst.global.b64 \t[%rd9], %rd3;",
        );
        let expected = kernel(
            ".shared .align 16 .b8 TILE[1024];",
            "\tmov.b64 \t%rd1, TILE;
\tmad.wide.u32 \t%rd2, %r1, 4, %rd1;
$L__BB0_1:
\tld.shared.v2.b32 \t{%r2, %r3}, [%rd2+8];
\tst.global.b32 \t[%rd9], %r2;
\tatom.shared.add.u32 \t%r4, [TILE+4], 1;
\tadd.s64 \t%rd2, %rd2, 4;
\t@%p1 bra \t$L__BB0_1;
\tcvta.shared.u64 \t%rd3, %rd2;
\tst.global.b64 \t[%rd9], %rd3;",
        );
        assert_eq!(place(&ptx).as_deref(), Ok(expected.as_str()));
    }

    #[test]
    fn a_register_of_two_memories_holds_a_generic_address() {
        let ptx = kernel(
            ".visible .global .align 4 .b8 __cuda_std_space_shared__TILE[8];",
            "\tmov.b64 \t%rd1, __cuda_std_space_shared__TILE;
\tselp.b64 \t%rd2, %rd1, %rd9, %p1;
\tld.global.nc.b32 \t%r1, [%rd2];
\tadd.s64 \t%rd4, %rd1, 4;
\tcvta.to.global.u64 \t%rd6, %rd8;
\tsetp.eq.b64 \t%p2, %rd4, %rd6;
\tcvta.to.global.u64 \t%rd5, %rd9;
\tmov.b64 \t%rd5, %rd4;
\tst.global.b32 \t[%rd5], 0;",
        );
        let expected = kernel(
            ".shared .align 16 .b8 TILE[8];",
            "\t.reg .b64 \t%address<3>;
\tmov.b64 \t%rd1, TILE;
\tcvta.shared.u64 \t%address0, %rd1;
\tselp.b64 \t%rd2, %address0, %rd9, %p1;
\tld.b32 \t%r1, [%rd2];
\tadd.s64 \t%rd4, %rd1, 4;
\tmov.b64 \t%rd6, %rd8;
\tcvta.shared.u64 \t%address1, %rd4;
\tsetp.eq.b64 \t%p2, %address1, %rd6;
\tmov.b64 \t%rd5, %rd9;
\tmov.b64 \t%address2, %rd4;
\tcvta.shared.u64 \t%rd5, %address2;
\tst.b32 \t[%rd5], 0;",
        );
        assert_eq!(place(&ptx).as_deref(), Ok(expected.as_str()));
    }

    #[test]
    fn the_launchs_own_shared_memory_is_aligned_for_every_type() {
        let ptx = ".extern .global .align 8 .b8 __cuda_std_space_shared__DYNAMIC[];\n";
        let expected = ".extern .shared .align 16 .b8 DYNAMIC[];\n";
        assert_eq!(place(ptx).as_deref(), Ok(expected));
    }

    #[test]
    fn constants_keep_their_values_and_are_only_read() {
        let declaration =
            ".visible .global .align 4 .b8 __cuda_std_space_const__TABLE[4] = {0, 0, 128, 63};";
        let ptx = kernel(
            declaration,
            "\tld.global.nc.b32 \t%r1, [__cuda_std_space_const__TABLE];",
        );
        let expected = kernel(
            ".visible .const .align 4 .b8 TABLE[4] = {0, 0, 128, 63};",
            "\tld.const.b32 \t%r1, [TABLE];",
        );
        assert_eq!(place(&ptx).as_deref(), Ok(expected.as_str()));
        let ptx = kernel(
            declaration,
            "\tst.global.b32 \t[__cuda_std_space_const__TABLE], 1;",
        );
        let message = place(&ptx).expect_err("it is written");
        assert!(message.contains("constant memory is written"), "{message}");
    }

    #[test]
    fn what_says_nothing_of_its_memory_is_refused() {
        let declaration = ".visible .global .align 4 .b8 __cuda_std_space_shared__TILE[4];";
        let table = ".global .align 8 .u64 TABLE[1] = {generic(__cuda_std_space_shared__TILE)};";
        for (ptx, part) in [
            (
                kernel(&format!("{declaration}\n{table}"), ""),
                "the address of `TILE` is part of another static's value",
            ),
            (
                kernel(
                    declaration,
                    "\tmov.b64 \t%rd1, __cuda_std_space_shared__TILE;
\tst.global.b64 \t[%rd9], %rd1;",
                ),
                "its address is stored before it is made generic",
            ),
            (
                kernel(
                    declaration,
                    "\tmov.b64 \t%rd1, __cuda_std_space_shared__TILE;
\tshl.b64 \t%rd2, %rd1, 3;",
                ),
                "its address is computed with (`shl.b64",
            ),
        ] {
            let message = place(&ptx).expect_err("it is refused");
            assert!(message.contains(part), "{message}");
        }
    }
}

//! A case: an instruction, what goes into it, and what must come out. The tables of cases know
//! nothing of what runs them, see [`Runner`].

use std::fmt::Write;

use crate::data::Sample;

/// What an operand is: its size, and which values are worth trying.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An integer of 8 bits, in a register of 16.
    I8,
    I16,
    I32,
    I64,
    /// 32 bits that are mostly small: an amount, a place, a length.
    Small,
    /// 0 or 1: a condition, in a register of 32 bits.
    Bit,
    F16,
    BF16,
    F32,
    F64,
    F16x2,
    BF16x2,
    F32x2,
    /// 16 bits of anything.
    Bytes2,
}

impl Kind {
    /// The bytes of its register, and of its place in memory.
    pub fn size(self) -> usize {
        match self {
            Kind::I8 | Kind::I16 | Kind::F16 | Kind::BF16 | Kind::Bytes2 => 2,
            Kind::I32 | Kind::Small | Kind::Bit | Kind::F32 | Kind::F16x2 | Kind::BF16x2 => 4,
            Kind::I64 | Kind::F64 | Kind::F32x2 => 8,
        }
    }
}

/// What an instruction must give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expected {
    /// These bits.
    Bits(u64),
    /// These bits of the simulator; the manual leaves them open, so a GPU's may be others.
    Open(u64),
    /// A floating-point number within a distance of another.
    Near { value: f64, error: f64 },
    /// As `Near`, of each half of a register.
    NearHalves([(f64, f64); 2]),
}

pub type Reference = Box<dyn Fn(&[u64]) -> Expected>;

/// An instruction and its reference.
pub struct Case {
    /// One or more instructions with `$d` for the result and `$a`, `$b`, `$c`, `$e` for what goes
    /// in. `%p0` to `%p3`, `%h0` to `%h3`, `%w0` to `%w3` and `%l0` to `%l3` are predicates and
    /// registers of 16, 32 and 64 bits that it may use.
    pub text: String,
    pub inputs: Vec<Kind>,
    pub output: Kind,
    pub reference: Reference,
}

/// Makes a case whose bits are defined.
pub fn case(
    text: impl Into<String>,
    inputs: &[Kind],
    output: Kind,
    reference: impl Fn(&[u64]) -> u64 + 'static,
) -> Case {
    open_case(text, inputs, output, move |values| {
        Expected::Bits(reference(values))
    })
}

/// Makes a case whose reference says what is defined.
pub fn open_case(
    text: impl Into<String>,
    inputs: &[Kind],
    output: Kind,
    reference: impl Fn(&[u64]) -> Expected + 'static,
) -> Case {
    Case {
        text: text.into(),
        inputs: inputs.to_vec(),
        output,
        reference: Box::new(reference),
    }
}

/// What runs PTX: the simulator, or a GPU.
pub trait Runner {
    /// Loads a module.
    fn load(&mut self, ptx: &str) -> Result<(), String>;
    /// Runs a kernel of it that takes the addresses of the inputs, of the output and the number of
    /// threads. Returns the output's bytes.
    fn run(
        &mut self,
        kernel: &str,
        inputs: &[Vec<u8>],
        output: usize,
        threads: u32,
    ) -> Result<Vec<u8>, String>;
    /// Whether [`Expected::Open`] bits must be met too.
    fn is_simulator(&self) -> bool;
}

const NAMES: [&str; 4] = ["a", "b", "c", "e"];

/// A kernel that does the case's instruction once in each thread.
pub fn kernel(case: &Case, name: &str) -> String {
    let mut text = String::new();
    let parameters: String = (0..case.inputs.len())
        .map(|at| format!(".param .u64 in{at}, "))
        .collect();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes it");
    line(format!(
        ".visible .entry {name}({parameters}.param .u64 out, .param .u32 count)"
    ));
    line("{".into());
    line(".reg .pred %p<4>, %done; .reg .b16 %h<4>; .reg .b32 %w<4>, %i, %n, %size;".into());
    line(".reg .b64 %l<4>, %address, %offset;".into());
    line("mov.u32 %i, %ctaid.x; mov.u32 %n, %ntid.x; mov.u32 %size, %tid.x;".into());
    line("mad.lo.u32 %i, %i, %n, %size; ld.param.u32 %n, [count];".into());
    line("setp.ge.u32 %done, %i, %n; @%done bra END;".into());
    for (at, kind) in case.inputs.iter().enumerate() {
        let (size, register) = (kind.size(), NAMES[at]);
        let bits = size * 8;
        line(format!(".reg .b{bits} %{register};"));
        line(format!(
            "ld.param.u64 %address, [in{at}]; mul.wide.u32 %offset, %i, {size};"
        ));
        line("add.u64 %address, %address, %offset;".into());
        line(format!("ld.global.b{bits} %{register}, [%address];"));
    }
    let size = case.output.size();
    let bits = size * 8;
    line(format!(".reg .b{bits} %d;"));
    let instruction = NAMES
        .iter()
        .fold(case.text.replace("$d", "%d"), |text, name| {
            text.replace(&format!("${name}"), &format!("%{name}"))
        });
    line(instruction);
    line(format!(
        "ld.param.u64 %address, [out]; mul.wide.u32 %offset, %i, {size};"
    ));
    line("add.u64 %address, %address, %offset;".into());
    line(format!("st.global.b{bits} [%address], %d;"));
    line("END: ret;".into());
    line("}".into());
    text
}

/// A module of the cases' kernels, `case0` and so on.
pub fn module(target: &str, cases: &[Case]) -> String {
    let mut ptx = format!(".version 9.0\n.target {target}\n.address_size 64\n");
    for (at, case) in cases.iter().enumerate() {
        ptx += &kernel(case, &format!("case{at}"));
    }
    ptx
}

/// Runs all cases and returns a sentence for each that failed.
pub fn run(runner: &mut dyn Runner, target: &str, cases: &[Case]) -> Vec<String> {
    if let Err(error) = runner.load(&module(target, cases)) {
        return vec![format!("the module does not load: {error}")];
    }
    let mut failures = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if let Err(failure) = check(runner, case, &format!("case{at}"), at as u64) {
            failures.push(format!("`{}`: {failure}", case.text));
        }
    }
    failures
}

fn check(runner: &mut dyn Runner, case: &Case, kernel: &str, seed: u64) -> Result<(), String> {
    let sample = Sample::new(&case.inputs, seed);
    let size = case.output.size();
    let output = runner.run(
        kernel,
        &sample.bytes(),
        sample.count() * size,
        sample.count() as u32,
    )?;
    let mut failures = 0;
    let mut first = String::new();
    for (at, result) in output.chunks_exact(size).enumerate() {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(result);
        let found = u64::from_le_bytes(bytes);
        let values = sample.values(at);
        let expected = (case.reference)(&values);
        if !agrees(case.output, expected, found, runner.is_simulator()) {
            failures += 1;
            if first.is_empty() {
                first = format!(
                    "of {values:x?}: expected {}, found {found:#x}",
                    show(expected)
                );
            }
        }
    }
    match failures {
        0 => Ok(()),
        _ => Err(format!(
            "{failures} of {} differ, first {first}",
            sample.count()
        )),
    }
}

fn show(expected: Expected) -> String {
    match expected {
        Expected::Bits(bits) | Expected::Open(bits) => format!("{bits:#x}"),
        other => format!("{other:?}"),
    }
}

fn agrees(kind: Kind, expected: Expected, found: u64, is_simulator: bool) -> bool {
    match expected {
        Expected::Bits(bits) => found == bits,
        Expected::Open(bits) => found == bits || !is_simulator,
        Expected::Near { value, error } => near(crate::exact::value(kind, found), value, error),
        Expected::NearHalves(halves) => {
            let element = if kind == Kind::F16x2 {
                Kind::F16
            } else {
                Kind::BF16
            };
            (0..2).all(|at| {
                let half = found >> (16 * at) & 0xffff;
                near(
                    crate::exact::value(element, half),
                    halves[at].0,
                    halves[at].1,
                )
            })
        }
    }
}

fn near(found: f64, value: f64, error: f64) -> bool {
    if value.is_nan() || value.is_infinite() || value == 0.0 && error == 0.0 {
        return found.to_bits() == value.to_bits() || found.is_nan() && value.is_nan();
    }
    (found - value).abs() <= error
}

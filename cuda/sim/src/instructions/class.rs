//! What kind of work each instruction is, for counters: one table by opcode and modifiers.

use serde::Serialize;

use crate::ptx::{Instruction, Type};

/// A kind of instruction. Those that compute are told apart by the type that they compute in, those
/// that access memory by the space that they name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InstructionClass {
    /// Arithmetic, comparisons and logic of whole numbers and bits.
    Integer,
    /// Arithmetic and comparisons of `f16` and `bf16`, also of pairs.
    Half,
    /// Of `f32`, also of pairs.
    Single,
    /// Of `f64`.
    Double,
    /// Reciprocals, roots, exponentials, logarithms, sines, cosines, hyperbolic tangents.
    Special,
    /// `cvt`.
    Conversion,
    /// Moves, selections and conversions of addresses.
    Move,
    /// Loads, stores and prefetches of global memory.
    Global,
    /// Loads and stores of shared memory, `ldmatrix` and `stmatrix` too.
    Shared,
    /// Loads and stores of local memory.
    Local,
    /// Loads of constant memory.
    Constant,
    /// Loads and stores of parameters.
    Parameter,
    /// Loads and stores that name no space: their addresses say it when they run.
    Generic,
    /// `atom` and `red`.
    Atomic,
    /// Copies that the thread does not wait for, their groups and waits.
    Copy,
    /// Branches, calls, returns, traps.
    Control,
    /// Barriers, mbarriers, fences, and waits for products by warp groups.
    Barrier,
    /// Shuffles, votes and other exchanges between the lanes of a warp.
    Exchange,
    /// Products of matrices.
    Matrix,
    /// Everything else.
    Other,
}

impl InstructionClass {
    /// All of them, in their order.
    pub const ALL: [Self; 20] = {
        use InstructionClass::*;
        [
            Integer, Half, Single, Double, Special, Conversion, Move, Global, Shared, Local,
            Constant, Parameter, Generic, Atomic, Copy, Control, Barrier, Exchange, Matrix, Other,
        ]
    };
}

/// What a floating-point operation is counted as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Precision {
    Half,
    Single,
    Double,
    /// Products of matrices of floating-point numbers.
    Matrix,
    /// Products of matrices of whole numbers or bits.
    IntegerMatrix,
}

/// What is counted by itself beside its class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// `bra`, `brx`
    Branch,
    /// `bar`, `barrier`
    Barrier,
}

/// What one instruction is counted as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Work {
    pub(crate) class: InstructionClass,
    pub(crate) event: Option<Event>,
    /// The operations that each lane does, and in which precision: a fused multiply-add is two, a
    /// product of matrices 2 m n k in all lanes together.
    pub(crate) operations: Option<(Precision, u32)>,
}

impl Work {
    /// What an instruction that was decoded is counted as; `None` for an opcode that is not in the
    /// table, which a debug build does not accept.
    pub(crate) fn of(instruction: &Instruction) -> Option<Self> {
        let class = class(instruction)?;
        let operations = match class {
            InstructionClass::Matrix => matrix_operations(instruction),
            _ => scalar_operations(instruction),
        };
        let event = match instruction.opcode.as_str() {
            "bra" | "brx" => Some(Event::Branch),
            "bar" | "barrier" if !has(instruction, "warp") && !has(instruction, "cluster") => {
                Some(Event::Barrier)
            }
            _ => None,
        };
        Some(Self {
            class,
            event,
            operations,
        })
    }

    /// What is no instruction of the program's text.
    pub(crate) const NONE: Self = Self {
        class: InstructionClass::Other,
        event: None,
        operations: None,
    };
}

fn has(instruction: &Instruction, name: &str) -> bool {
    instruction
        .modifiers
        .iter()
        .any(|modifier| modifier == name)
}

fn class(instruction: &Instruction) -> Option<InstructionClass> {
    use InstructionClass::*;
    Some(match instruction.opcode.as_str() {
        "add" | "sub" | "mul" | "div" | "mad" | "fma" | "abs" | "neg" | "min" | "max" | "set"
        | "setp" | "copysign" | "testp" => by_type(instruction),
        "addc" | "subc" | "madc" | "mul24" | "mad24" | "rem" | "sad" | "dp2a" | "dp4a" | "and"
        | "or" | "xor" | "not" | "cnot" | "shl" | "shr" | "shf" | "lop3" | "prmt" | "popc"
        | "clz" | "brev" | "bfind" | "fns" | "bfe" | "bfi" | "szext" | "bmsk" | "vadd2"
        | "vadd4" | "vsub2" | "vsub4" | "vavrg2" | "vavrg4" | "vabsdiff2" | "vabsdiff4"
        | "vmin2" | "vmin4" | "vmax2" | "vmax4" => Integer,
        "rcp" | "sqrt" | "rsqrt" | "ex2" | "lg2" | "sin" | "cos" | "tanh" => Special,
        "cvt" => Conversion,
        "mov" | "selp" | "slct" | "cvta" | "isspacep" | "alloca" | "stacksave" | "stackrestore"
        | "createpolicy" | "mapa" | "getctarank" => Move,
        "st" | "red" if has(instruction, "async") => Copy,
        "ld" | "ldu" | "st" | "prefetch" | "prefetchu" | "applypriority" | "discard" => {
            by_space(instruction).unwrap_or(Generic)
        }
        "ldmatrix" | "stmatrix" => Shared,
        "wmma" if !has(instruction, "mma") => by_space(instruction).unwrap_or(Generic),
        "atom" | "red" | "multimem" => Atomic,
        "cp" => Copy,
        "wgmma" if !has(instruction, "mma_async") => Barrier,
        "mma" | "wmma" | "wgmma" => Matrix,
        "mbarrier" | "fence" | "membar" | "bar" | "barrier" | "griddepcontrol" | "tensormap" => {
            Barrier
        }
        "shfl" | "vote" | "match" | "redux" | "activemask" | "elect" | "movmatrix" => Exchange,
        "bra" | "brx" | "call" | "ret" | "exit" | "trap" | "brkpt" => Control,
        "nanosleep" | "pmevent" | "setmaxnreg" => Other,
        _ => return None,
    })
}

/// The type that the instruction computes in: the last that it names, for a comparison whose result
/// has a type names that first.
fn computes_in(instruction: &Instruction) -> Option<Type> {
    let mut types = instruction.modifiers.iter().rev();
    types.find_map(|name| Type::from_name(name))
}

fn by_type(instruction: &Instruction) -> InstructionClass {
    match computes_in(instruction) {
        Some(Type::F16 | Type::F16x2 | Type::BF16 | Type::BF16x2) => InstructionClass::Half,
        Some(Type::F32 | Type::F32x2) => InstructionClass::Single,
        Some(Type::F64) => InstructionClass::Double,
        _ => InstructionClass::Integer,
    }
}

fn by_space(instruction: &Instruction) -> Option<InstructionClass> {
    instruction.modifiers.iter().find_map(|modifier| {
        Some(match modifier.split("::").next()? {
            "global" => InstructionClass::Global,
            "shared" => InstructionClass::Shared,
            "local" => InstructionClass::Local,
            "const" => InstructionClass::Constant,
            "param" => InstructionClass::Parameter,
            _ => return None,
        })
    })
}

/// Sums, differences, products, quotients and special functions are one operation, fused
/// multiply-adds two; comparisons, minima and changes of the sign none.
fn scalar_operations(instruction: &Instruction) -> Option<(Precision, u32)> {
    let each = match instruction.opcode.as_str() {
        "add" | "sub" | "mul" | "div" | "rcp" | "sqrt" | "rsqrt" | "ex2" | "lg2" | "sin"
        | "cos" | "tanh" => 1,
        "mad" | "fma" => 2,
        _ => return None,
    };
    Some(match computes_in(instruction)? {
        Type::F16 | Type::BF16 => (Precision::Half, each),
        Type::F16x2 | Type::BF16x2 => (Precision::Half, 2 * each),
        Type::F32 => (Precision::Single, each),
        Type::F32x2 => (Precision::Single, 2 * each),
        Type::F64 => (Precision::Double, each),
        _ => return None,
    })
}

/// 2 m n k, divided among the lanes: of a warp, or of the four warps that `wgmma` takes.
fn matrix_operations(instruction: &Instruction) -> Option<(Precision, u32)> {
    let lanes = match instruction.opcode.as_str() {
        "wgmma" => 128,
        _ => 32,
    };
    let shape = instruction.modifiers.iter().find_map(|modifier| {
        let sizes = modifier.strip_prefix('m')?;
        let (m, rest) = sizes.split_once('n')?;
        let (n, k) = rest.split_once('k')?;
        let [m, n, k] = [m, n, k].map(|size| size.parse::<u32>().ok());
        Some(2 * m? * n? * k?)
    })?;
    // The type of the sums comes first.
    let precision = match has(instruction, "s32") {
        true => Precision::IntegerMatrix,
        false => Precision::Matrix,
    };
    Some((precision, shape / lanes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ptx::{Position, Statement, parse};

    fn work(text: &str) -> Option<Work> {
        let module = parse(&format!(
            ".version 8.7\n.target sm_90a\n.address_size 64\n.entry k()\n{{\n{text};\n}}"
        ))
        .unwrap();
        match &module.functions[0].body.as_deref().unwrap()[0] {
            Statement::Instruction(instruction) => Work::of(instruction),
            other => panic!("{other:?}"),
        }
    }

    fn bare(opcode: &str) -> Instruction {
        Instruction {
            position: Position { line: 1, column: 1 },
            location: None,
            guard: None,
            opcode: opcode.to_owned(),
            modifiers: Vec::new(),
            operands: Vec::new(),
        }
    }

    #[test]
    fn classes_and_operations_come_from_the_modifiers() {
        use InstructionClass::*;
        for (text, class, operations) in [
            ("add.s32 %a, %b, %c", Integer, None),
            (
                "add.rn.f32 %a, %b, %c",
                Single,
                Some((Precision::Single, 1)),
            ),
            (
                "fma.rn.f32 %a, %b, %c, %d",
                Single,
                Some((Precision::Single, 2)),
            ),
            (
                "fma.rn.bf16x2 %a, %b, %c, %d",
                Half,
                Some((Precision::Half, 4)),
            ),
            ("mad.lo.s32 %a, %b, %c, %d", Integer, None),
            ("max.f64 %a, %b, %c", Double, None),
            ("set.lt.u32.f32 %a, %b, %c", Single, None),
            ("setp.lt.and.f64 %a, %b, %c, %d", Double, None),
            (
                "rsqrt.approx.f32 %a, %b",
                Special,
                Some((Precision::Single, 1)),
            ),
            ("ld.global.nc.v4.f32 {%a, %b, %c, %d}, [%e]", Global, None),
            ("st.shared::cta.b32 [%a], %b", Shared, None),
            ("ld.f32 %a, [%b]", Generic, None),
            ("ld.param.u64 %a, [p]", Parameter, None),
            (
                "red.async.relaxed.cluster.global.mbarrier::complete_tx::bytes.add.u32 [%a], %b, [%c]",
                Copy,
                None,
            ),
            (
                "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%a}, {%b}, {%c}, {%d}",
                Matrix,
                Some((Precision::Matrix, 2 * 16 * 8 * 16 / 32)),
            ),
            (
                "mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%a}, {%b}, {%c}, {%d}",
                Matrix,
                Some((Precision::IntegerMatrix, 2 * 16 * 8 * 32 / 32)),
            ),
            (
                "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {%a}, %b, %c, 1, 1, 1, 0, 0",
                Matrix,
                Some((Precision::Matrix, 2 * 64 * 256 * 16 / 128)),
            ),
            ("wgmma.fence.sync.aligned", Barrier, None),
            (
                "wmma.load.a.sync.aligned.row.m16n16k16.shared.f16 {%a}, [%b]",
                Shared,
                None,
            ),
        ] {
            let work = work(text).unwrap();
            assert_eq!((work.class, work.operations), (class, operations), "{text}");
        }
        assert_eq!(Work::of(&bare("frobnicate")), None);
    }

    /// An opcode that is decoded has a class: read off the table of opcodes itself.
    #[test]
    fn every_opcode_has_a_class() {
        let table = include_str!("mod.rs");
        let (_, table) = table
            .split_once("match operation.instruction.opcode")
            .unwrap();
        let (table, _) = table.split_once("_ => Err(operation.unknown())").unwrap();
        // Patterns are what stands before an arrow, without what else they ask for.
        let patterns = table
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with(['"', '|']));
        let patterns = patterns.map(|line| line.split(" if ").next().unwrap());
        let patterns = patterns.map(|line| line.split("=>").next().unwrap());
        let opcodes: Vec<_> = patterns
            .flat_map(|line| line.split('"').skip(1).step_by(2))
            .collect();
        assert!(opcodes.len() > 80, "{opcodes:?}");
        for opcode in opcodes {
            assert!(Work::of(&bare(opcode)).is_some(), "`{opcode}` has no class");
        }
    }
}

//! The tree of a PTX text.

use std::collections::BTreeMap;
use std::fmt;

use super::Position;

/// A line of the source that the PTX was compiled from, by `.loc`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Location {
    /// A key of [`Module::files`].
    pub file: u32,
    /// The line, counted from 1. 0 is code that belongs to no line.
    pub line: u32,
    /// The column, counted from 1. 0 is the whole line.
    pub column: u32,
}

/// A file of PTX.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// `.version`, major and minor.
    pub version: (u32, u32),
    /// The number of `.target sm_NN`.
    pub architecture: u32,
    /// What follows the number in `.target`: `a` for `sm_90a`, `f` for `sm_100f`.
    pub architecture_suffix: Option<char>,
    /// The bits of an address: 64, or 32 as the text may say.
    pub address_size: u32,
    /// The paths of `.file`, by their numbers.
    pub files: BTreeMap<u32, String>,
    /// The variables at module level, in their order. An `.extern` one is kept only if the text
    /// defines no variable of the same name.
    pub variables: Vec<Variable>,
    /// Entries and functions, in their order. A declaration without body is kept only if the text
    /// defines no function of the same name.
    pub functions: Vec<Function>,
    /// The functions that `.alias` gives another name to, by that name. The name is declared, without
    /// a body, in `functions`.
    pub aliases: BTreeMap<String, String>,
}

/// Who sees a name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Linkage {
    /// This module alone.
    #[default]
    Internal,
    /// `.visible`
    Visible,
    /// `.extern`
    Extern,
    /// `.weak`
    Weak,
    /// `.common`
    Common,
}

/// A state space that a variable can be in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Space {
    /// `.const`
    Const,
    /// `.global`
    Global,
    /// `.local`
    Local,
    /// `.param`
    Param,
    /// `.shared`
    Shared,
}

/// The type of a variable or an instruction.
#[allow(missing_docs, reason = "the names are those of PTX")]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    Pred,
    B8,
    B16,
    B32,
    B64,
    B128,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F16,
    F32,
    F64,
    BF16,
    TF32,
    F16x2,
    BF16x2,
    U16x2,
    S16x2,
    F32x2,
    E4M3x2,
    E5M2x2,
    /// `.texref`, `.samplerref`, `.surfref`.
    Opaque,
}

impl Type {
    /// The type that a modifier or directive without its dot names.
    pub fn from_name(name: &str) -> Option<Self> {
        use Type::*;
        Some(match name {
            "pred" => Pred,
            "b8" => B8,
            "b16" => B16,
            "b32" => B32,
            "b64" => B64,
            "b128" => B128,
            "u8" => U8,
            "u16" => U16,
            "u32" => U32,
            "u64" => U64,
            "s8" => S8,
            "s16" => S16,
            "s32" => S32,
            "s64" => S64,
            "f16" => F16,
            "f32" => F32,
            "f64" => F64,
            "bf16" => BF16,
            "tf32" => TF32,
            "f16x2" => F16x2,
            "bf16x2" => BF16x2,
            "u16x2" => U16x2,
            "s16x2" => S16x2,
            "f32x2" => F32x2,
            "e4m3x2" => E4M3x2,
            "e5m2x2" => E5M2x2,
            _ => return None,
        })
    }

    /// The bytes that a value takes in memory. A predicate takes none.
    pub fn size(self) -> u32 {
        use Type::*;
        match self {
            Pred => 0,
            B8 | U8 | S8 => 1,
            B16 | U16 | S16 | F16 | BF16 | E4M3x2 | E5M2x2 => 2,
            B32 | U32 | S32 | F32 | TF32 | F16x2 | BF16x2 | U16x2 | S16x2 => 4,
            B64 | U64 | S64 | F64 | F32x2 | Opaque => 8,
            B128 => 16,
        }
    }

    /// Whether a value is extended by its sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Type::S8 | Type::S16 | Type::S32 | Type::S64)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}", format!("{self:?}").to_lowercase())
    }
}

/// A variable in memory: at module level, in a function, or a parameter.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Where its name stands.
    pub position: Position,
    /// Who sees it.
    pub linkage: Linkage,
    /// Where it lies. A parameter of a `.func` that is declared `.reg` is in [`Space::Param`] too,
    /// with `register` set.
    pub space: Space,
    /// Whether it is a parameter or return value in a register.
    pub register: bool,
    /// `.align`, or the element's natural alignment.
    pub alignment: u32,
    /// The type of an element.
    pub ty: Type,
    /// The elements of a vector type: 1, 2, 4 or 8.
    pub vector: u32,
    /// The name. A parameter in a prototype may be `_`.
    pub name: String,
    /// The sizes of an array, outermost first; empty for a scalar. `None` is `[]`, which takes its
    /// size from the initializer or, for `.extern .shared`, from the launch.
    pub dimensions: Vec<Option<u64>>,
    /// The elements that the initializer lists, in ascending order of their indices. Those that it
    /// leaves out are zero.
    pub initializer: Vec<Element>,
    /// Whether there is an initializer, which may be the empty `{}`.
    pub has_initializer: bool,
}

impl Variable {
    /// The bytes that the variable takes; `None` if its size is open or does not fit into 64 bits.
    pub fn size(&self) -> Option<u64> {
        let element = u64::from(self.ty.size()) * u64::from(self.vector);
        self.dimensions
            .iter()
            .try_fold(element, |size, &dimension| size.checked_mul(dimension?))
    }
}

/// An element of an initializer.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its index in the array, counted flat over all dimensions (and over the vector's elements).
    pub index: u64,
    /// Its value.
    pub value: ElementValue,
}

/// The value of an element of an initializer.
#[derive(Clone, Debug, PartialEq)]
pub enum ElementValue {
    /// A number.
    Literal(Literal),
    /// `name+addend`, or `generic(name)+addend`: the address of a variable or function.
    Address {
        /// Whose address.
        name: String,
        /// Bytes added to it.
        addend: i64,
        /// Whether `generic()` was written.
        generic: bool,
        /// `0xFF00(name)`: the bits of the address that are stored, shifted to bit 0; all without.
        mask: Option<u64>,
    },
}

/// A number in the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Literal {
    /// An integer: its value in 64 bits, two's complement if it was negated.
    Integer(u64),
    /// `0f3F800000`: the bits of a single.
    Single(u32),
    /// `0d3FF0000000000000` or a decimal fraction: the bits of a double.
    Double(u64),
}

/// What may follow a function's parameters.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// `.maxntid`: the most threads of a block, as x, y, z.
    pub max_threads: Option<[u32; 3]>,
    /// `.reqntid`: the exact shape of a block.
    pub required_threads: Option<[u32; 3]>,
    /// `.minnctapersm`
    pub min_blocks: Option<u32>,
    /// `.maxnreg`
    pub max_registers: Option<u32>,
    /// `.reqnctapercluster`
    pub required_cluster: Option<[u32; 3]>,
    /// `.maxclusterrank`: the most blocks of a cluster.
    pub max_cluster_rank: Option<u32>,
    /// `.explicitcluster`: a launch has to say how large its clusters are.
    pub explicit_cluster: bool,
    /// `.blocksareclusters`: a launch counts clusters instead of blocks.
    pub blocks_are_clusters: bool,
    /// `.noreturn`
    pub no_return: bool,
}

/// A kernel or a function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Where its name stands.
    pub position: Position,
    /// Who sees it.
    pub linkage: Linkage,
    /// Whether it is an `.entry`.
    pub is_entry: bool,
    /// The name.
    pub name: String,
    /// What it returns.
    pub returns: Vec<Variable>,
    /// Its parameters.
    pub parameters: Vec<Variable>,
    /// What it says of its launches.
    pub limits: Limits,
    /// The statements; `None` for a declaration.
    pub body: Option<Vec<Statement>>,
}

/// A signature, as `.callprototype` gives it to an indirect call.
#[derive(Clone, Debug)]
pub struct Prototype {
    /// What it returns.
    pub returns: Vec<Variable>,
    /// Its parameters.
    pub parameters: Vec<Variable>,
}

/// A statement of a function.
#[derive(Clone, Debug)]
pub enum Statement {
    /// A variable in `.local`, `.shared`, `.param` or another state space.
    Variable(Variable),
    /// `.reg .v2 .f32 %a, %b<4>;`
    Registers {
        /// Where the directive stands.
        position: Position,
        /// The type of each.
        ty: Type,
        /// The elements of a vector register: 1, 2, 4 or 8.
        vector: u32,
        /// Names; with a count N, the names are `name0` to `nameN-1`.
        names: Vec<(String, Option<u32>)>,
    },
    /// `name:`
    Label(Position, String),
    /// An instruction.
    Instruction(Instruction),
    /// `{ ... }`, with names of its own.
    Scope(Vec<Statement>),
    /// `name: .branchtargets a, b;`
    BranchTargets(String, Vec<String>),
    /// `name: .calltargets f, g;`
    CallTargets(String, Vec<String>),
    /// `name: .callprototype ...;`
    Prototype(String, Prototype),
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// Where its opcode stands.
    pub position: Position,
    /// The source line that it was compiled from, if `.loc` gave one in this function.
    pub location: Option<Location>,
    /// `@%p` or `@!%p`.
    pub guard: Option<Guard>,
    /// The opcode: `add`.
    pub opcode: String,
    /// What follows the opcode, without the dots: `rn`, `ftz`, `f32`. A modifier with `::` is one
    /// word: `shared::cta`.
    pub modifiers: Vec<String>,
    /// The operands, in their order.
    pub operands: Vec<Operand>,
}

/// The predicate that an instruction depends on.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The register.
    pub register: String,
    /// Whether the instruction runs where the register is false.
    pub negated: bool,
}

/// An operand of an instruction.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A register, special register (`%tid.x` is one name), variable, function or label.
    Name(String),
    /// `!%p`
    Not(String),
    /// `-%r`
    Minus(String),
    /// A number.
    Literal(Literal),
    /// `name+offset` outside of brackets: the address of a variable, moved.
    Offset(String, i64),
    /// `{a, b}`
    Vector(Vec<Operand>),
    /// `a|b`: two destinations, as of `setp` and `shfl`.
    Pair(Box<Operand>, Box<Operand>),
    /// `_`: a destination that is not kept.
    Discard,
    /// `[base+offset]`, and what else stands in the brackets after a comma: `[tensor, {x, y}]`.
    Address {
        /// A name or a number.
        base: Box<Operand>,
        /// Bytes added to it.
        offset: i64,
        /// Further operands.
        rest: Vec<Operand>,
    },
    /// `(a, b)` of a call.
    List(Vec<Operand>),
}

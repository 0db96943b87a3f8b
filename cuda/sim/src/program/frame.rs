//! A function while it is decoded: its names, and where its registers and constants lie.

use std::collections::HashMap;

use super::allocate::{Layout, Touched};
use super::special::Special;
use crate::exec::{PredicateSlot, ProductRegister, Slot};
use crate::instructions::Builtin;
use crate::ptx::{Space, Type};

/// A scope of a function, by its number. The function's own is 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ScopeId(pub(crate) usize);

/// What a name means.
#[derive(Clone, Debug)]
pub(crate) enum Symbol<'a> {
    /// A register, by its number in the function.
    Register(u32),
    /// The registers of a vector register.
    Vector(Vec<u32>),
    /// A special register.
    Special(Special),
    /// A variable whose address is the same in every thread. Shared ones count from the beginning
    /// of shared memory.
    Address(u64, Space),
    /// A variable of a thread: its offset in the function's frame of local memory.
    Local(u32, Variable),
    /// A parameter of the kernel: its offset in the parameters.
    Parameter(u32),
    /// A function, by its number in the module.
    Function(u32),
    /// A function that the device itself provides.
    Builtin(Builtin),
    /// A label: the number of the instruction in the function that it stands before.
    Label(u32),
    /// `.branchtargets`
    Targets(&'a [String]),
    /// `.callprototype` or `.calltargets`, which say nothing that a call does not find out.
    Callees,
}

/// A variable of a thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Variable {
    /// The space that it was declared in: `.local`, or `.param`.
    pub(crate) space: Space,
    /// Its bytes.
    pub(crate) size: u32,
}

/// A value that a row of a function holds from its beginning to its end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Constant {
    /// An address of the block's shared memory, by its offset there.
    Shared(u64),
    /// The same bits in every lane.
    Bits(u128),
    /// A special register that does not change while a thread lives.
    Special(Special),
}

/// A scope's names.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) parent: Option<ScopeId>,
    pub(crate) names: HashMap<String, Symbol<'a>>,
}

/// A function that is being decoded.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// Module and kernel level, below the function's own scopes.
    pub(crate) globals: &'a HashMap<String, Symbol<'a>>,
    pub(crate) scopes: Vec<Scope<'a>>,
    /// The number of the function's first step.
    pub(crate) start: u32,
    /// The types of the registers.
    pub(crate) registers: Vec<Type>,
    /// Where they lie; `None` in the pass that finds out which registers live when.
    pub(crate) layout: Option<Layout>,
    /// What the instruction that is being decoded reads and writes.
    pub(crate) touched: Touched,
    /// Constants with their slots and rows, in the order of their first use.
    pub(crate) constants: Vec<(Constant, Slot, u32)>,
    known: HashMap<(Constant, u32), Slot>,
    /// The rows that are taken: registers, then constants and scratch rows.
    pub(crate) rows: u32,
    /// The predicates that are taken.
    pub(crate) predicates: u32,
    pub(crate) false_predicate: Option<PredicateSlot>,
    /// The registers that asynchronous products use, with their numbers and names, and how many such
    /// registers the kernel's other functions have.
    products: HashMap<u32, (usize, String)>,
    pub(crate) first_product: usize,
    pub(crate) cluster_predicate: Option<PredicateSlot>,
    /// How each register is used, counted in the first pass.
    uses: Vec<Uses>,
}

/// How often a register is read, and how often of these its value is only stored.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    reads: u32,
    stores: u32,
    local_stores: u32,
}

/// What becomes of a value that is loaded.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fate {
    /// It may be computed with.
    #[default]
    Used,
    /// It is only stored elsewhere: the load copies, and may copy padding.
    Stored,
    /// It is only stored to local memory.
    StoredLocally,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(globals: &'a HashMap<String, Symbol<'a>>) -> Self {
        Self {
            globals,
            scopes: Vec::new(),
            start: 0,
            registers: Vec::new(),
            layout: None,
            touched: Touched::default(),
            constants: Vec::new(),
            known: HashMap::new(),
            rows: 0,
            predicates: 0,
            false_predicate: None,
            products: HashMap::new(),
            first_product: 0,
            cluster_predicate: None,
            uses: Vec::new(),
        }
    }

    fn uses(&mut self, register: u32) -> &mut Uses {
        let count = self.registers.len();
        self.uses.resize(count, Uses::default());
        &mut self.uses[register as usize]
    }

    /// Notes that the register that was just read is only stored.
    pub(crate) fn note_store(&mut self, register: u32, is_local: bool) {
        if self.layout.is_none() {
            let uses = self.uses(register);
            uses.stores += 1;
            uses.local_stores += u32::from(is_local);
        }
    }

    /// What becomes of the value of a register. Known in the second pass.
    pub(crate) fn fate(&self, register: u32) -> Fate {
        match self.uses.get(register as usize) {
            Some(uses) if uses.reads == uses.local_stores => Fate::StoredLocally,
            Some(uses) if uses.reads == uses.stores => Fate::Stored,
            _ => Fate::Used,
        }
    }

    /// Notes that asynchronous products use a register.
    pub(crate) fn note_product(
        &mut self,
        register: u32,
        name: &str,
        is_written: bool,
    ) -> ProductRegister {
        let number = self.first_product + self.products.len();
        self.products
            .entry(register)
            .or_insert_with(|| (number, name.to_owned()));
        let found = self.product_register(register, is_written);
        found.expect("it was just noted")
    }

    /// A register that asynchronous products use, if this is one.
    pub(crate) fn product_register(
        &self,
        register: u32,
        is_written: bool,
    ) -> Option<ProductRegister> {
        let (number, name) = self.products.get(&register)?;
        Some(ProductRegister {
            number: *number,
            name: name.as_str().into(),
            is_written,
        })
    }

    /// How many registers products use.
    pub(crate) fn n_products(&self) -> usize {
        self.products.len()
    }

    /// Begins the pass that knows where the registers lie.
    pub(crate) fn place(&mut self, layout: Layout) {
        self.rows = layout.rows;
        self.predicates = layout.predicates;
        self.layout = Some(layout);
        self.constants.clear();
        self.known.clear();
        self.false_predicate = None;
        self.cluster_predicate = None;
    }

    /// What a name means in a scope.
    pub(crate) fn find(&self, scope: ScopeId, name: &str) -> Option<Symbol<'a>> {
        let mut next = Some(scope);
        while let Some(scope) = next {
            let scope = &self.scopes[scope.0];
            if let Some(symbol) = scope.names.get(name) {
                return Some(symbol.clone());
            }
            next = scope.parent;
        }
        if let Some(symbol) = self.globals.get(name) {
            return Some(symbol.clone());
        }
        Special::from_name(name).map(Symbol::Special)
    }

    pub(crate) fn register_type(&self, register: u32) -> Type {
        self.registers[register as usize]
    }

    fn slot(&self, register: u32) -> Slot {
        match &self.layout {
            Some(layout) => Slot(layout.places[register as usize]),
            None => Slot(0),
        }
    }

    /// The slot of a register that is read.
    pub(crate) fn read(&mut self, register: u32) -> Slot {
        self.touched.reads.push(register);
        if self.layout.is_none() {
            self.uses(register).reads += 1;
        }
        self.slot(register)
    }

    /// The slot of a register that is written.
    pub(crate) fn write(&mut self, register: u32) -> Slot {
        self.touched.writes.push(register);
        self.slot(register)
    }

    pub(crate) fn read_predicate(&mut self, register: u32) -> PredicateSlot {
        PredicateSlot(self.read(register).0)
    }

    pub(crate) fn write_predicate(&mut self, register: u32) -> PredicateSlot {
        PredicateSlot(self.write(register).0)
    }

    fn new_rows(&mut self, size: u32) -> Slot {
        let rows = size.div_ceil(4);
        // What is read as 64 bits begins at an even row: rows are aligned to 64 bytes, so this is
        // for the cache alone.
        let first = self.rows.next_multiple_of(rows.max(1));
        self.rows = first + rows;
        Slot(first)
    }

    /// The slot of a constant of `size` bytes.
    pub(crate) fn constant(&mut self, constant: Constant, size: u32) -> Slot {
        if let Some(&slot) = self.known.get(&(constant, size.div_ceil(4))) {
            return slot;
        }
        let slot = self.new_rows(size);
        self.known.insert((constant, size.div_ceil(4)), slot);
        self.constants.push((constant, slot, size.div_ceil(4)));
        slot
    }

    /// Rows that are written and never read.
    pub(crate) fn scratch(&mut self, size: u32) -> Slot {
        self.new_rows(size)
    }

    /// A predicate that is written and never read.
    pub(crate) fn scratch_predicate(&mut self) -> PredicateSlot {
        self.predicates += 1;
        PredicateSlot(self.predicates - 1)
    }

    /// A predicate that holds in no lane.
    pub(crate) fn false_predicate(&mut self) -> PredicateSlot {
        if let Some(slot) = self.false_predicate {
            return slot;
        }
        let slot = self.scratch_predicate();
        self.false_predicate = Some(slot);
        slot
    }

    /// A predicate that holds if the launch has clusters.
    pub(crate) fn cluster_predicate(&mut self) -> PredicateSlot {
        if let Some(slot) = self.cluster_predicate {
            return slot;
        }
        let slot = self.scratch_predicate();
        self.cluster_predicate = Some(slot);
        slot
    }
}

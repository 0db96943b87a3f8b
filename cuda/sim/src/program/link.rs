//! Loads a module: places its variables, resolves names, decodes its kernels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::frame::Symbol;
use super::function::{Code, decode_function, place_shared};
use super::{FUNCTION_STRIDE, FUNCTION_WINDOW, Kernel, Parameter, Program, SharedLayout, Source};
use crate::instructions::Builtin;
use crate::memory::{AllocationKind, Memory, MemoryError};
use crate::ptx::{
    self, Element, ElementValue, Function, Linkage, Literal, Module, Operand, PtxError, Space,
    Statement, Type, Variable,
};

/// The most bytes of a variable's initializer that a module may have, zeros not counted.
const MOST_INITIALIZED: u64 = 1 << 32;
/// The most bytes that a kernel's parameters may take.
const MOST_PARAMETERS: usize = 32764;

/// Why a module was not loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The text is not PTX that can be run here.
    #[error(transparent)]
    Ptx(#[from] PtxError),
    /// The module is for another architecture.
    #[error(
        "the PTX is for {target}, which a device of compute capability {}.{} cannot run",
        capability.0, capability.1
    )]
    Target {
        /// `.target`
        target: String,
        /// That of the device.
        capability: (u32, u32),
    },
    /// There is no memory for the module's variables.
    #[error("the variable `{name}`: {error}")]
    Memory {
        /// The variable.
        name: String,
        /// What went wrong.
        error: MemoryError,
    },
}

/// Loads a module into a device's memory.
pub(crate) fn load(
    text: &str,
    memory: &Memory,
    capability: (u32, u32),
) -> Result<Program, LoadError> {
    let module = ptx::parse(text)?;
    check_target(&module, capability)?;
    check_functions(&module)?;
    let mut variables = BTreeMap::new();
    let result = place_variables(&module, memory, &mut variables)
        .and_then(|()| decode_kernels(&module, text, memory, &variables));
    match result {
        Ok(kernels) => Ok(Program { kernels, variables }),
        Err(error) => {
            for (address, _) in variables.into_values() {
                // What was placed a moment ago is there, so this cannot fail.
                let _ = memory.free(address);
            }
            Err(error)
        }
    }
}

fn check_target(module: &Module, capability: (u32, u32)) -> Result<(), LoadError> {
    let device = capability.0 * 10 + capability.1;
    let fits = match module.architecture_suffix {
        // `a` is for this architecture alone, `f` for its family.
        Some('a') => module.architecture == device,
        Some('f') => module.architecture <= device && module.architecture / 10 == device / 10,
        _ => module.architecture <= device,
    };
    if fits {
        return Ok(());
    }
    let suffix = module
        .architecture_suffix
        .map_or_else(String::new, String::from);
    Err(LoadError::Target {
        target: format!("sm_{}{suffix}", module.architecture),
        capability,
    })
}

/// Each name has one function or kernel.
fn check_functions(module: &Module) -> Result<(), PtxError> {
    let mut names = BTreeSet::new();
    let mut defined = module
        .functions
        .iter()
        .filter(|function| function.body.is_some());
    match defined.find(|function| !names.insert(&function.name)) {
        None => Ok(()),
        Some(second) => {
            let message = format!("`{}` is defined twice", second.name);
            Err(PtxError::new(second.position, message))
        }
    }
}

/// Allocates the variables in global and constant memory.
fn place_variables(
    module: &Module,
    memory: &Memory,
    placed: &mut BTreeMap<String, (u64, u64)>,
) -> Result<(), LoadError> {
    for variable in &module.variables {
        let kind = match variable.space {
            Space::Global => AllocationKind::Variable,
            Space::Const => AllocationKind::Constant,
            _ => continue,
        };
        if variable.linkage == Linkage::Extern {
            let defined =
                |other: &&Variable| other.name == variable.name && other.linkage != Linkage::Extern;
            if module.variables.iter().find(defined).is_none() {
                let message = format!(
                    "`{}` is declared and not defined; modules are loaded one by one and not linked",
                    variable.name
                );
                return Err(PtxError::new(variable.position, message).into());
            }
            continue;
        }
        if variable.ty == Type::Opaque {
            let message = format!(
                "`{}`: textures and surfaces are not supported",
                variable.name
            );
            return Err(PtxError::new(variable.position, message).into());
        }
        let size = variable_size(variable)?;
        let address = memory
            .allocate(size.max(1), u64::from(variable.alignment).max(256), kind)
            .map_err(|error| LoadError::Memory {
                name: variable.name.clone(),
                error,
            })?;
        if let Some((first, _)) = placed.insert(variable.name.clone(), (address, size)) {
            let message = format!("`{}` is defined twice", variable.name);
            // The first one's place is no longer in the table.
            let _ = memory.free(first);
            return Err(PtxError::new(variable.position, message).into());
        }
    }
    Ok(())
}

/// The bytes of a variable, whose first dimension may be open.
fn variable_size(variable: &Variable) -> Result<u64, PtxError> {
    if let Some(size) = variable.size() {
        return Ok(size);
    }
    let elements = variable
        .initializer
        .last()
        .map_or(0, |element| element.index + 1);
    let element = u64::from(variable.ty.size());
    match variable.dimensions.as_slice() {
        [None] => elements.checked_mul(element),
        [None, rest @ ..] => rest
            .iter()
            .try_fold(element, |size, &dimension| size.checked_mul(dimension?))
            .filter(|&row| row > 0)
            .and_then(|row| elements.checked_mul(element)?.checked_next_multiple_of(row)),
        _ => None,
    }
    .ok_or_else(|| {
        let message = format!("`{}` is larger than any memory", variable.name);
        PtxError::new(variable.position, message)
    })
}

/// The address of a function.
pub(crate) fn function_address(number: u32) -> u64 {
    FUNCTION_WINDOW + u64::from(number) * FUNCTION_STRIDE
}

/// The number of each function, by all of its names: of its definition if it has one.
fn function_numbers(module: &Module) -> HashMap<&str, u32> {
    let mut numbers = HashMap::new();
    for (number, function) in module.functions.iter().enumerate() {
        if function.body.is_some() || !numbers.contains_key(function.name.as_str()) {
            numbers.insert(function.name.as_str(), number as u32);
        }
    }
    for (alias, function) in &module.aliases {
        if let Some(&number) = numbers.get(function.as_str()) {
            numbers.insert(alias, number);
        }
    }
    numbers
}

/// Writes what the variables hold at the beginning.
fn initialize(
    module: &Module,
    memory: &Memory,
    placed: &BTreeMap<String, (u64, u64)>,
) -> Result<(), LoadError> {
    let numbers = function_numbers(module);
    let mut budget = MOST_INITIALIZED;
    for variable in &module.variables {
        let Some(&(address, size)) = placed.get(&variable.name) else {
            continue;
        };
        if variable.linkage == Linkage::Extern {
            continue;
        }
        let failed = |error| LoadError::Memory {
            name: variable.name.clone(),
            error,
        };
        if size > 0 {
            memory.fill(address, &[0], size).map_err(failed)?;
        }
        let width = u64::from(variable.ty.size());
        for Element { index, value } in &variable.initializer {
            let value = match value {
                ElementValue::Literal(Literal::Integer(value)) => *value,
                ElementValue::Literal(Literal::Single(bits)) if width == 8 => {
                    f64::from(f32::from_bits(*bits)).to_bits()
                }
                ElementValue::Literal(Literal::Single(bits)) => u64::from(*bits),
                ElementValue::Literal(Literal::Double(bits)) if variable.ty == Type::F32 => {
                    u64::from((f64::from_bits(*bits) as f32).to_bits())
                }
                ElementValue::Literal(Literal::Double(bits)) => *bits,
                ElementValue::Address {
                    name, addend, mask, ..
                } => {
                    let base = match (placed.get(name), numbers.get(name.as_str())) {
                        (Some(&(address, _)), _) => address,
                        (None, Some(&number)) => function_address(number),
                        (None, None) => {
                            let message = format!(
                                "the initializer of `{}` names `{name}`, which is no variable in \
                                 global or constant memory and no function",
                                variable.name
                            );
                            return Err(PtxError::new(variable.position, message).into());
                        }
                    };
                    let address = base.wrapping_add_signed(*addend);
                    mask.map_or(address, |mask| {
                        (address & mask) >> mask.trailing_zeros().min(63)
                    })
                }
            };
            let offset = index
                .checked_mul(width)
                .filter(|offset| offset + width <= size);
            let Some(offset) = offset.filter(|_| budget >= width) else {
                let message = format!(
                    "the initializer of `{}` has more elements than the variable",
                    variable.name
                );
                return Err(PtxError::new(variable.position, message).into());
            };
            budget -= width;
            let bytes = u128::from(value).to_le_bytes();
            let bytes = &bytes[..width as usize];
            memory.write(address + offset, bytes).map_err(failed)?;
        }
    }
    Ok(())
}

/// The names that an operand uses.
fn collect<'a>(operand: &'a Operand, found: &mut BTreeSet<&'a str>) {
    match operand {
        Operand::Name(name) | Operand::Offset(name, _) => {
            found.insert(name);
        }
        Operand::Vector(inner) | Operand::List(inner) => {
            inner.iter().for_each(|inner| collect(inner, found));
        }
        Operand::Pair(first, second) => {
            collect(first, found);
            collect(second, found);
        }
        Operand::Address { base, rest, .. } => {
            collect(base, found);
            rest.iter().for_each(|inner| collect(inner, found));
        }
        Operand::Not(_) | Operand::Minus(_) | Operand::Literal(_) | Operand::Discard => {}
    }
}

/// The names that the operands of a list of statements use.
fn names<'a>(statements: &'a [Statement], found: &mut BTreeSet<&'a str>, indirect: &mut bool) {
    for statement in statements {
        match statement {
            Statement::Instruction(instruction) => {
                // An indirect call names a prototype, or call targets, last.
                *indirect |= instruction.opcode == "call" && instruction.operands.len() >= 2;
                for inner in &instruction.operands {
                    collect(inner, found);
                }
            }
            Statement::Scope(statements) => names(statements, found, indirect),
            _ => {}
        }
    }
}

/// The functions that a function may call, itself not counted.
struct Uses<'a> {
    functions: BTreeSet<u32>,
    names: BTreeSet<&'a str>,
}

fn uses<'a>(
    module: &'a Module,
    numbers: &HashMap<&str, u32>,
    addressed: &BTreeSet<u32>,
    entry: &'a Function,
) -> Uses<'a> {
    let mut uses = Uses {
        functions: BTreeSet::new(),
        names: BTreeSet::new(),
    };
    let mut pending = vec![entry];
    while let Some(function) = pending.pop() {
        let mut found = BTreeSet::new();
        let mut indirect = false;
        names(
            function.body.as_deref().unwrap_or_default(),
            &mut found,
            &mut indirect,
        );
        let direct = found.iter().filter_map(|name| numbers.get(name).copied());
        let through = addressed.iter().copied().filter(|_| indirect);
        for number in direct.chain(through) {
            if uses.functions.insert(number) {
                pending.push(&module.functions[number as usize]);
            }
        }
        uses.names.extend(found);
    }
    uses
}

/// Functions whose address a variable holds.
fn addressed(module: &Module, numbers: &HashMap<&str, u32>) -> BTreeSet<u32> {
    let elements = module
        .variables
        .iter()
        .flat_map(|variable| &variable.initializer);
    elements
        .filter_map(|element| match &element.value {
            ElementValue::Address { name, .. } => numbers.get(name.as_str()).copied(),
            ElementValue::Literal(_) => None,
        })
        .collect()
}

/// The places of a kernel's parameters, and the bytes of all.
fn parameters(entry: &Function) -> Result<(Vec<Parameter>, usize), PtxError> {
    let mut end = 0_usize;
    let mut parameters = Vec::new();
    for variable in &entry.parameters {
        let size = variable
            .size()
            .filter(|&size| size <= MOST_PARAMETERS as u64);
        let alignment = (variable.alignment as usize).max(1);
        let offset = end.next_multiple_of(alignment);
        let size = size.map(|size| size as usize);
        let Some(size) = size.filter(|size| offset + size <= MOST_PARAMETERS) else {
            let message = format!("a kernel's parameters take at most {MOST_PARAMETERS} bytes");
            return Err(PtxError::new(variable.position, message));
        };
        end = offset + size;
        parameters.push(Parameter {
            offset,
            size,
            alignment,
        });
    }
    Ok((parameters, end))
}

fn decode_kernels(
    module: &Module,
    text: &str,
    memory: &Memory,
    placed: &BTreeMap<String, (u64, u64)>,
) -> Result<BTreeMap<String, Arc<Kernel>>, LoadError> {
    initialize(module, memory, placed)?;
    let source = Arc::new(Source {
        lines: text.lines().map(str::to_owned).collect(),
        files: module.files.clone(),
    });
    let numbers = function_numbers(module);
    let addressed = addressed(module, &numbers);
    let spaces: HashMap<_, _> = module
        .variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.space))
        .collect();
    let mut kernels = BTreeMap::new();
    for entry in module.functions.iter().filter(|function| function.is_entry) {
        if entry.body.is_none() {
            continue;
        }
        let uses = uses(module, &numbers, &addressed, entry);
        let mut shared = SharedLayout::default();
        let mut globals = HashMap::new();
        for (name, &(address, _)) in placed {
            let space = spaces[name.as_str()];
            globals.insert(name.clone(), Symbol::Address(address, space));
        }
        let mut dynamic = Vec::new();
        for variable in &module.variables {
            if variable.space != Space::Shared || !uses.names.contains(variable.name.as_str()) {
                continue;
            }
            if variable.size().is_none() || variable.linkage == Linkage::Extern {
                shared.place_dynamic(variable);
                dynamic.push(&variable.name);
            } else {
                globals.insert(variable.name.clone(), place_shared(&mut shared, variable)?);
            }
        }
        for (&name, &number) in &numbers {
            let is_defined = module.functions[number as usize].body.is_some();
            let symbol = match Builtin::from_name(name).filter(|_| !is_defined) {
                Some(builtin) => Symbol::Builtin(builtin),
                None => Symbol::Function(number),
            };
            globals.insert(name.to_owned(), symbol);
        }
        // A function's own arrays move the place of the array whose size the launch states, so
        // decoding is done again once all are known.
        let mut code = Code {
            steps: Vec::new(),
            infos: Vec::new(),
            products: 0,
        };
        let (parameters, parameter_bytes) = parameters(entry)?;
        let mut functions = BTreeMap::new();
        let statics = shared.clone();
        let mut decoded = None;
        let mut offset = shared.dynamic_offset();
        for _ in 0..2 {
            for &name in &dynamic {
                let symbol = Symbol::Address(offset.into(), Space::Shared);
                globals.insert(name.clone(), symbol);
            }
            shared = statics.clone();
            code.steps.clear();
            code.infos.clear();
            code.products = 0;
            functions.clear();
            let entry =
                decode_function(entry, &globals, &mut shared, Some(&parameters), &mut code)?;
            for &number in &uses.functions {
                let function = &module.functions[number as usize];
                if function.is_entry {
                    let message = format!(
                        "the kernel `{}` is used as a function; launches by kernels are not supported",
                        function.name
                    );
                    return Err(PtxError::new(function.position, message).into());
                }
                if function.body.is_none() {
                    if Builtin::from_name(&function.name).is_some() {
                        continue;
                    }
                    let message = format!("`{}` is declared and not defined", function.name);
                    return Err(PtxError::new(function.position, message).into());
                }
                let function = decode_function(function, &globals, &mut shared, None, &mut code)?;
                functions.insert(number, function);
            }
            decoded = Some(entry);
            if dynamic.is_empty() || shared.dynamic_offset() == offset {
                break;
            }
            offset = shared.dynamic_offset();
        }
        let Some(decoded) = decoded else {
            continue;
        };
        let mut function_rows = 0;
        for function in functions.values_mut() {
            function.first_row = function_rows;
            // As a frame's own wide registers are.
            function_rows += function.rows.next_multiple_of(4);
        }
        let kernel = Kernel {
            name: entry.name.clone(),
            parameters,
            parameter_bytes,
            code: code.steps,
            infos: code.infos.into(),
            entry: decoded,
            functions,
            function_rows,
            shared,
            limits: entry.limits.clone(),
            ptx_version: module.version,
            architecture: module.architecture,
            source: source.clone(),
        };
        kernels.insert(entry.name.clone(), Arc::new(kernel));
    }
    Ok(kernels)
}

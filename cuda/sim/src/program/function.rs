//! Decodes a function: collects its names, then decodes its instructions twice, first to find out
//! which registers live when, then with the registers in their places.

use std::collections::HashMap;

use super::allocate::{Flow, Touched, allocate};
use super::frame::{Frame, Scope, ScopeId, Symbol, Variable};
use super::operation::{Operation, PredicateSource};
use super::shared::MOST_STATIC;
use super::{FunctionCode, SharedLayout, StepInfo};
use crate::exec::{Action, Actual, Step};
use crate::instructions::{self, Work};
use crate::ptx::{self, Instruction, Operand, Position, PtxError, Space, Statement, Type};

/// The most registers of a function, and the most bytes of its frame of local memory, which is what
/// the hardware allows a thread.
const MOST_REGISTERS: usize = 1 << 20;
const MOST_LOCAL: u64 = 512 << 10;

/// An instruction with the scope that it stands in.
struct Placed<'a> {
    instruction: &'a Instruction,
    scope: ScopeId,
}

/// A function's statements, flat.
struct Flat<'a> {
    instructions: Vec<Placed<'a>>,
    local_bytes: u64,
}

/// The code of a kernel while it grows.
pub(crate) struct Code {
    pub(crate) steps: Vec<Step>,
    pub(crate) infos: Vec<StepInfo>,
    /// How many registers asynchronous products use.
    pub(crate) products: usize,
}

fn declare<'a>(
    scope: &mut Scope<'a>,
    position: Position,
    name: &str,
    symbol: Symbol<'a>,
) -> Result<(), PtxError> {
    if scope.names.insert(name.to_owned(), symbol).is_some() {
        let message = format!("`{name}` is declared twice in the same scope");
        return Err(PtxError::new(position, message));
    }
    Ok(())
}

/// Adds registers to a frame: one, or the elements of a vector.
fn declare_register<'a>(
    frame: &mut Frame<'a>,
    scope: ScopeId,
    position: Position,
    name: &str,
    ty: Type,
    vector: u32,
) -> Result<(), PtxError> {
    let first = frame.registers.len();
    if first + vector as usize > MOST_REGISTERS {
        let message = format!("a function has at most {MOST_REGISTERS} registers");
        return Err(PtxError::new(position, message));
    }
    frame.registers.resize(first + vector as usize, ty);
    let scope = &mut frame.scopes[scope.0];
    if vector == 1 {
        return declare(scope, position, name, Symbol::Register(first as u32));
    }
    let registers: Vec<_> = (first as u32..).take(vector as usize).collect();
    for (register, names) in registers
        .iter()
        .zip([["x", "r"], ["y", "g"], ["z", "b"], ["w", "a"]])
    {
        for element in names {
            let name = format!("{name}.{element}");
            declare(scope, position, &name, Symbol::Register(*register))?;
        }
    }
    declare(scope, position, name, Symbol::Vector(registers))
}

/// Gives a variable its place in the frame of local memory.
fn place_local<'a>(
    frame: &mut Frame<'a>,
    scope: ScopeId,
    bytes: &mut u64,
    variable: &ptx::Variable,
) -> Result<(u32, u32), PtxError> {
    let size = variable.size().filter(|&size| size <= MOST_LOCAL);
    let offset = bytes.next_multiple_of(u64::from(variable.alignment.max(1)));
    let end = size.map(|size| offset + size);
    let Some((size, end)) = size.zip(end).filter(|&(_, end)| end <= MOST_LOCAL) else {
        let message = format!(
            "`{}` does not fit: a thread has {MOST_LOCAL} bytes of local memory",
            variable.name
        );
        return Err(PtxError::new(variable.position, message));
    };
    *bytes = end;
    let place = Variable {
        space: variable.space,
        size: size as u32,
    };
    let symbol = Symbol::Local(offset as u32, place);
    declare(
        &mut frame.scopes[scope.0],
        variable.position,
        &variable.name,
        symbol,
    )?;
    Ok((offset as u32, size as u32))
}

/// Collects names and instructions of a list of statements.
fn flatten<'a>(
    frame: &mut Frame<'a>,
    shared: &mut SharedLayout,
    flat: &mut Flat<'a>,
    statements: &'a [Statement],
    scope: ScopeId,
) -> Result<(), PtxError> {
    for statement in statements {
        match statement {
            Statement::Variable(variable) => match variable.space {
                Space::Local | Space::Param => {
                    place_local(frame, scope, &mut flat.local_bytes, variable)?;
                }
                Space::Shared => {
                    let symbol = place_shared(shared, variable)?;
                    declare(
                        &mut frame.scopes[scope.0],
                        variable.position,
                        &variable.name,
                        symbol,
                    )?;
                }
                Space::Global | Space::Const => {
                    let message = format!(
                        "`{}` is declared inside of a function; global and constant variables are \
                         known at module level only",
                        variable.name
                    );
                    return Err(PtxError::new(variable.position, message));
                }
            },
            Statement::Registers {
                position,
                ty,
                vector,
                names,
            } => {
                for (name, count) in names {
                    match count {
                        None => declare_register(frame, scope, *position, name, *ty, *vector)?,
                        Some(count) => {
                            for number in 0..*count {
                                let name = format!("{name}{number}");
                                declare_register(frame, scope, *position, &name, *ty, *vector)?;
                            }
                        }
                    }
                }
            }
            Statement::Label(position, name) => {
                let symbol = Symbol::Label(flat.instructions.len() as u32);
                declare(&mut frame.scopes[scope.0], *position, name, symbol)?;
            }
            Statement::Instruction(instruction) => {
                flat.instructions.push(Placed { instruction, scope });
            }
            Statement::Scope(statements) => {
                let inner = ScopeId(frame.scopes.len());
                frame.scopes.push(Scope {
                    parent: Some(scope),
                    names: HashMap::new(),
                });
                flatten(frame, shared, flat, statements, inner)?;
            }
            Statement::BranchTargets(name, targets) => {
                frame.scopes[scope.0]
                    .names
                    .insert(name.clone(), Symbol::Targets(targets));
            }
            Statement::CallTargets(name, _) | Statement::Prototype(name, _) => {
                frame.scopes[scope.0]
                    .names
                    .insert(name.clone(), Symbol::Callees);
            }
        }
    }
    Ok(())
}

/// Gives a variable its place in shared memory.
pub(crate) fn place_shared<'a>(
    shared: &mut SharedLayout,
    variable: &ptx::Variable,
) -> Result<Symbol<'a>, PtxError> {
    if !variable.initializer.is_empty() {
        let message = format!("`{}`: shared memory has no initial values", variable.name);
        return Err(PtxError::new(variable.position, message));
    }
    match shared.place(variable) {
        Some(offset) => Ok(Symbol::Address(offset.into(), Space::Shared)),
        None => Err(PtxError::new(
            variable.position,
            format!(
                "`{}` does not fit: a kernel's own variables take at most {MOST_STATIC} bytes of shared \
                 memory, an array without a size may take more at launch",
                variable.name
            ),
        )),
    }
}

/// Where an instruction may go on.
fn flow(operation: &Operation<'_, '_>) -> Flow {
    let instruction = operation.instruction;
    let label = |name: &str| match operation.symbol(name) {
        Ok(Symbol::Label(target)) => Some(target),
        _ => None,
    };
    let named = |operand: Option<&Operand>| match operand {
        Some(Operand::Name(name)) => Some(name.clone()),
        _ => None,
    };
    match instruction.opcode.as_str() {
        "bra" => Flow {
            falls_through: instruction.guard.is_some(),
            targets: named(instruction.operands.first())
                .and_then(|name| label(&name))
                .into_iter()
                .collect(),
        },
        "brx" => Flow {
            falls_through: instruction.guard.is_some(),
            targets: match named(instruction.operands.get(1)).map(|name| operation.symbol(&name)) {
                Some(Ok(Symbol::Targets(targets))) => {
                    targets.iter().filter_map(|name| label(name)).collect()
                }
                _ => Vec::new(),
            },
        },
        "ret" | "exit" => Flow {
            falls_through: instruction.guard.is_some(),
            targets: Vec::new(),
        },
        _ => Flow {
            falls_through: true,
            targets: Vec::new(),
        },
    }
}

/// Decodes one instruction, and its guard.
fn decode<'a>(
    frame: &mut Frame<'a>,
    placed: &Placed<'a>,
) -> Result<(Option<PredicateSource>, Action, Flow), PtxError> {
    let mut operation = Operation::new(placed.instruction, placed.scope, frame);
    let flow = flow(&operation);
    let guard = match &placed.instruction.guard {
        None => None,
        Some(guard) => Some(operation.guard(&guard.register, guard.negated)?),
    };
    let action = instructions::decode(&mut operation)?;
    Ok((guard, action, flow))
}

fn info(instruction: &Instruction) -> StepInfo {
    let work = Work::of(instruction);
    debug_assert!(work.is_some(), "`{}` has no class", instruction.opcode);
    StepInfo {
        position: instruction.position,
        location: instruction.location,
        work: work.unwrap_or(Work::NONE),
    }
}

/// Makes an instruction tell which registers it touches that asynchronous products use too.
fn check_products(frame: &Frame<'_>, touched: &Touched, action: Action) -> Action {
    let registers = |list: &[u32], are_written: bool| -> Vec<_> {
        let registers = list.iter();
        registers
            .filter_map(|&register| frame.product_register(register, are_written))
            .collect()
    };
    let mut registers_touched = registers(&touched.writes, true);
    registers_touched.extend(registers(&touched.reads, false));
    match registers_touched.is_empty() {
        true => action,
        false => action.after(move |context, mask| context.touch(mask, &registers_touched)),
    }
}

/// Decodes a function to the end of `code`.
pub(crate) fn decode_function<'a>(
    function: &'a ptx::Function,
    globals: &'a HashMap<String, Symbol<'a>>,
    shared: &mut SharedLayout,
    parameters: Option<&[super::Parameter]>,
    code: &mut Code,
) -> Result<FunctionCode, PtxError> {
    let mut frame = Frame::new(globals);
    frame.first_product = code.products;
    frame.scopes.push(Scope {
        parent: None,
        names: HashMap::new(),
    });
    let mut flat = Flat {
        instructions: Vec::new(),
        local_bytes: 0,
    };
    let top = ScopeId(0);
    if let Some(parameters) = parameters {
        for (variable, parameter) in function.parameters.iter().zip(parameters) {
            let symbol = Symbol::Parameter(parameter.offset as u32);
            declare(
                &mut frame.scopes[0],
                variable.position,
                &variable.name,
                symbol,
            )?;
        }
    }
    // The parameters of a function are variables of its frame, or registers.
    let mut formals = Vec::new();
    if parameters.is_none() {
        for variable in function.parameters.iter().chain(&function.returns) {
            if variable.register && variable.ty == Type::Pred {
                let message = format!("`{}`: a predicate is no parameter", variable.name);
                return Err(PtxError::new(variable.position, message));
            }
            if variable.register {
                let (position, name) = (variable.position, &variable.name);
                declare_register(&mut frame, top, position, name, variable.ty, 1)?;
                formals.push((frame.registers.len() as u32 - 1, variable.ty.size()));
            } else {
                place_local(&mut frame, top, &mut flat.local_bytes, variable)?;
            }
        }
    }
    let body = function.body.as_deref().unwrap_or_default();
    flatten(&mut frame, shared, &mut flat, body, top)?;

    let mut touched = Vec::with_capacity(flat.instructions.len() + 1);
    let mut flows = Vec::with_capacity(flat.instructions.len() + 1);
    for placed in &flat.instructions {
        frame.touched = Touched::default();
        let (guard, _, flow) = decode(&mut frame, placed)?;
        frame.touched.partial = guard.is_some();
        touched.push(std::mem::take(&mut frame.touched));
        flows.push(flow);
    }
    // The end of the body returns. Registers that are parameters are written before the first
    // instruction, those that are results are read at every return.
    let registers: Vec<_> = formals.iter().map(|&(register, _)| register).collect();
    touched.push(Touched {
        reads: registers.clone(),
        ..Touched::default()
    });
    flows.push(Flow::default());
    if let Some(first) = touched.first_mut() {
        first.reads.extend(&registers);
    }
    for (placed, touched) in flat.instructions.iter().zip(&mut touched) {
        if placed.instruction.opcode == "ret" {
            touched.reads.extend(&registers);
        }
    }
    let layout = allocate(&frame.registers, &touched, &flows);
    frame.place(layout);

    frame.start = code.steps.len() as u32;
    for (placed, touched) in flat.instructions.iter().zip(&touched) {
        let (guard, mut action, _) = decode(&mut frame, placed)?;
        if frame.n_products() > 0 && placed.instruction.opcode != "wgmma" {
            action = check_products(&frame, touched, action);
        }
        code.steps.push(Step { guard, action });
        code.infos.push(info(placed.instruction));
    }
    code.steps.push(Step {
        guard: None,
        action: Action::Return,
    });
    code.products += frame.n_products();
    let end = flat
        .instructions
        .last()
        .map(|placed| placed.instruction.position);
    code.infos.push(StepInfo {
        position: end.unwrap_or(function.position),
        location: None,
        work: Work::NONE,
    });

    let actual =
        |frame: &mut Frame<'a>, variable: &ptx::Variable| match frame.find(top, &variable.name) {
            Some(Symbol::Register(register)) => Actual::Register {
                slot: frame.read(register),
                size: variable.ty.size(),
            },
            Some(Symbol::Local(offset, place)) => Actual::Memory {
                offset,
                size: place.size,
            },
            _ => Actual::Memory { offset: 0, size: 0 },
        };
    let mut actuals = |variables: &[ptx::Variable]| -> Vec<_> {
        variables
            .iter()
            .filter(|_| parameters.is_none())
            .map(|variable| actual(&mut frame, variable))
            .collect()
    };
    let (formal_parameters, returns) = (actuals(&function.parameters), actuals(&function.returns));
    Ok(FunctionCode {
        name: function.name.clone(),
        start: frame.start,
        rows: frame.rows,
        first_row: 0,
        predicates: frame.predicates,
        constants: frame.constants,
        false_predicate: frame.false_predicate,
        cluster_predicate: frame.cluster_predicate,
        local_bytes: flat.local_bytes.next_multiple_of(16) as u32,
        parameters: formal_parameters,
        returns,
    })
}

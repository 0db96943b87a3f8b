//! Branches, calls, barriers of the block, and what ends a thread.

use crate::check::Kind;
use crate::exec::{
    Action, Actual, BarrierStep, Call, Callee, Context, LANES, Lane, Reduction, Slot,
};
use crate::program::{Operation, Symbol};
use crate::ptx::{Operand, PtxError, Space, Type};

/// `bra`
pub(super) fn decode_branch(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    operation.flag("uni");
    operation.finish(1..=1)?;
    let target = target(operation, operation.operand(0)?)?;
    Ok(Action::Branch(target))
}

fn target(operation: &Operation<'_, '_>, operand: &Operand) -> Result<u32, PtxError> {
    match operand {
        Operand::Name(name) => label(operation, name),
        _ => Err(operation.error("expected a label")),
    }
}

fn label(operation: &Operation<'_, '_>, name: &str) -> Result<u32, PtxError> {
    match operation.symbol(name)? {
        Symbol::Label(target) => Ok(operation.frame.start + target),
        _ => Err(operation.error(format!("`{name}` is no label"))),
    }
}

/// `brx.idx`
pub(super) fn decode_branch_indexed(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("idx") {
        return Err(operation.unknown());
    }
    operation.flag("uni");
    operation.finish(2..=2)?;
    let index = operation.src(0, Type::U32)?;
    let Operand::Name(name) = operation.operand(1)? else {
        return Err(operation.error("expected the name of `.branchtargets`"));
    };
    let Symbol::Targets(names) = operation.symbol(name)? else {
        return Err(operation.error(format!("`{name}` is no `.branchtargets`")));
    };
    let targets: Result<Box<[u32]>, _> = names.iter().map(|name| label(operation, name)).collect();
    Ok(Action::BranchIndexed(index, targets?))
}

/// `ret` and `exit`
pub(super) fn decode_end(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    operation.flag("uni");
    operation.finish(0..=0)?;
    Ok(match operation.instruction.opcode.as_str() {
        "ret" => Action::Return,
        _ => Action::Exit,
    })
}

/// `trap` and `brkpt`
pub(super) fn decode_trap(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    operation.finish(0..=0)?;
    // Without a debugger a breakpoint ends the kernel as well.
    let message = match operation.instruction.opcode.as_str() {
        "trap" => "the thread ended the launch by a trap, as a panic does",
        _ => "the thread came to a breakpoint, and there is no debugger",
    };
    Ok(Action::access(move |context, mask| {
        let lane = Context::first(mask);
        Err(context.stop(Kind::Trap, lane, "traps", message))
    }))
}

/// `griddepcontrol`: each launch begins when the one before it has ended.
pub(super) fn decode_dependents(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("wait") && !operation.flag("launch_dependents") {
        return Err(operation.unknown());
    }
    operation.finish(0..=0)?;
    Ok(Action::compute(|_, _| {}))
}

/// What does nothing that the simulator shows: `nanosleep`, `pmevent`.
pub(super) fn decode_nothing(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.instruction.opcode.as_str() {
        "nanosleep" => {
            if operation.ty()? != Type::U32 {
                return Err(operation.unknown());
            }
            operation.finish(1..=1)?;
            operation.src(0, Type::U32)?;
        }
        _ => {
            operation.flag("mask");
            operation.finish(1..=1)?;
        }
    }
    Ok(Action::compute(|_, _| {}))
}

/// The operands of a list in parentheses.
fn list<'a>(
    operation: &Operation<'a, '_>,
    operand: &'a Operand,
) -> Result<&'a [Operand], PtxError> {
    match operand {
        Operand::List(operands) => Ok(operands),
        _ => Err(operation.error("expected a list in parentheses")),
    }
}

/// An argument or result of a call.
fn actual<'a>(
    operation: &mut Operation<'a, '_>,
    operand: &'a Operand,
    is_result: bool,
) -> Result<Actual, PtxError> {
    match operand {
        Operand::Name(name) => match operation.symbol(name)? {
            Symbol::Local(offset, variable) if variable.space == Space::Param => {
                Ok(Actual::Memory {
                    offset,
                    size: variable.size,
                })
            }
            Symbol::Register(register) => {
                let size = operation.frame.register_type(register).size();
                let slot = if is_result {
                    operation.frame.write(register)
                } else {
                    operation.frame.read(register)
                };
                Ok(Actual::Register { slot, size })
            }
            _ => Err(operation.error(format!(
                "`{name}` is no register and no variable in `.param`"
            ))),
        },
        // A number has the size that its parameter has, which is not known here: PTX takes it for
        // one of 32 bits unless it does not fit.
        Operand::Literal(literal) if !is_result => {
            let wide = operation.literal(*literal, Type::B64)?;
            let ty = if wide >> 32 == 0 {
                Type::B32
            } else {
                Type::B64
            };
            Ok(Actual::Register {
                slot: operation.source(operand, ty)?,
                size: ty.size(),
            })
        }
        _ => Err(operation.error("expected a register or a variable in `.param`")),
    }
}

/// `call`
pub(super) fn decode_call(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    operation.flag("uni");
    operation.finish(1..=4)?;
    let operands = &operation.instruction.operands;
    let (results, rest): (&[Operand], _) = match operands.split_first() {
        Some((first @ Operand::List(_), rest)) => (list(operation, first)?, rest),
        _ => (&[], operands.as_slice()),
    };
    let Some((Operand::Name(name), rest)) = rest.split_first() else {
        return Err(operation.error("expected the name of a function, or a register"));
    };
    let arguments = match rest.first() {
        Some(operand @ Operand::List(_)) => list(operation, operand)?,
        _ => &[],
    };
    let arguments: Vec<_> = arguments
        .iter()
        .map(|operand| actual(operation, operand, false))
        .collect::<Result<_, _>>()?;
    let results: Vec<_> = results
        .iter()
        .map(|operand| actual(operation, operand, true))
        .collect::<Result<_, _>>()?;
    let callee = match operation.symbol(name)? {
        Symbol::Function(number) => Callee::Direct(number),
        Symbol::Builtin(builtin) => {
            return builtin.action(operation, arguments, results);
        }
        Symbol::Register(register) if operation.frame.register_type(register).size() == 8 => {
            Callee::Indirect(operation.frame.read(register))
        }
        _ => return Err(operation.error(format!("`{name}` is no function"))),
    };
    Ok(Action::Call(Box::new(Call {
        callee,
        arguments,
        results,
    })))
}

/// `bar`, `barrier`, and `bar.warp.sync`
pub(super) fn decode_barrier(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.flag("warp") {
        return super::warp::decode_sync(operation);
    }
    let is_bar = operation.instruction.opcode == "bar";
    if !is_bar && operation.flag("cluster") {
        return super::cluster::decode_barrier(operation);
    }
    operation.flag("cta");
    #[derive(Clone, Copy, PartialEq)]
    enum Form {
        Sync,
        Arrive,
        Reduce,
    }
    let form = operation.choice(&[
        ("sync", Form::Sync),
        ("arrive", Form::Arrive),
        ("red", Form::Reduce),
    ]);
    let Some(form) = form else {
        return Err(operation.unknown());
    };
    let reduction = operation.choice(&[("popc", 0), ("and", 1), ("or", 2)]);
    if reduction.is_some() != (form == Form::Reduce) {
        return Err(operation.unknown());
    }
    let aligned = operation.flag("aligned") || is_bar;
    let reduction = match reduction {
        None => None,
        Some(kind) => {
            let ty = operation.ty()?;
            let last = operation.instruction.operands.len().saturating_sub(1);
            let predicate = operation.src_predicate(last)?;
            let d = operation.operand(0)?;
            let reduction = match (kind, ty) {
                (0, Type::U32) => Reduction::Count(operation.destination(d, Type::U32)?),
                (1, Type::Pred) => Reduction::And(operation.dst_predicate(d)?),
                (2, Type::Pred) => Reduction::Or(operation.dst_predicate(d)?),
                _ => return Err(operation.unknown()),
            };
            Some((reduction, predicate))
        }
    };
    let (first, most) = match form {
        Form::Sync => (0, 2),
        Form::Arrive => (0, 2),
        Form::Reduce => (1, 4),
    };
    operation.finish(1..=most)?;
    let numbers = operation.instruction.operands.len() - if reduction.is_some() { 2 } else { 0 };
    let id = operation.src(first, Type::U32)?;
    let count = match numbers {
        1 => None,
        2 => Some(operation.src(first + 1, Type::U32)?),
        _ => return Err(operation.error("the operands do not match")),
    };
    if form == Form::Arrive && count.is_none() {
        return Err(operation.error("the number of threads is missing"));
    }
    Ok(Action::Barrier(Box::new(BarrierStep {
        id,
        count,
        arrives_only: form == Form::Arrive,
        aligned,
        reduction,
    })))
}

/// `mov` from a special register that changes while a thread runs; `None` for any other `mov`.
pub(super) fn decode_clock(operation: &mut Operation<'_, '_>) -> Result<Option<Action>, PtxError> {
    use crate::program::Special::*;
    let Some(Operand::Name(name)) = operation.instruction.operands.get(1) else {
        return Ok(None);
    };
    let special = match operation.symbol(name)? {
        Symbol::Special(special) if special.changes() => special,
        _ => return Ok(None),
    };
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if ty.size() != if special.is_wide() { 8 } else { 4 } {
        return Err(operation.error(format!("`{name}` has another size than {ty}")));
    }
    let d = operation.dst(0, ty)?;
    Ok(Some(Action::access(move |context, mask| {
        // A cycle for each instruction of the block: what a thread does takes time, and more of
        // it takes longer. The timer counts nanoseconds of the host.
        let clock = context.steps;
        let timer = || context.launch.started.elapsed().as_nanos() as u64;
        let value = match special {
            Clock => clock & 0xffff_ffff,
            ClockHigh => clock >> 32,
            Clock64 => clock,
            TimerLow => timer() & 0xffff_ffff,
            TimerHigh => timer() >> 32,
            _ => timer(),
        };
        write_wide(context, d, mask, value, ty);
        Ok(())
    })))
}

fn write_wide(context: &mut Context<'_, '_>, d: Slot, mask: u32, value: u64, ty: Type) {
    if ty.size() == 8 {
        u64::write(context.registers, d, mask, [value; LANES]);
    } else {
        u32::write(context.registers, d, mask, [value as u32; LANES]);
    }
}

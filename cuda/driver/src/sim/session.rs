//! One call of a function: what it may touch, and what every call has in common.

use std::cell::{Cell, RefCell};
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{MutexGuard, PoisonError};

use cust_raw::CUresult;
use cust_raw::cudaError_enum::*;
use ptx_sim::{Device, Kind, Party, Report};

use super::argument::Handle;
use super::refusal::{Answer, Refusal, refuse};
use super::state::{Context, State};
use super::stream::{LEGACY, PER_THREAD};
use super::{SIMULATOR, Simulator, log};

/// The functions that may be called before `cuInit`.
const BEFORE_INIT: [&str; 5] = [
    "cuInit",
    "cuDriverGetVersion",
    "cuGetProcAddress",
    "cuGetProcAddress_v2",
    "cuGetExportTable",
];

thread_local! {
    /// The contexts that were pushed in this thread; the last is current.
    static CONTEXTS: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
    /// Whether a host function of a stream is running in this thread.
    static IN_HOST_FUNCTION: Cell<bool> = const { Cell::new(false) };
}

/// A call that is being answered. It holds the lock on the state, except while it waits for
/// functions of the caller.
pub(crate) struct Session {
    simulator: &'static Simulator,
    /// What the null stream is to this function.
    pub(crate) default_stream: Handle,
    state: Option<MutexGuard<'static, State>>,
}

impl Deref for Session {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect("the lock is held")
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect("the lock is held")
    }
}

impl Session {
    /// The device.
    pub(crate) fn device(&self) -> &'static Device {
        &self.simulator.device
    }

    /// Takes the lock, if a panic came while it was given away.
    pub(crate) fn lock(&mut self) {
        if self.state.is_none() {
            self.state = Some(lock(self.simulator));
        }
    }

    /// Gives the lock away until something has ended, as long as `condition` holds.
    pub(crate) fn wait_while(&mut self, condition: impl Fn(&Self) -> bool) {
        while condition(self) {
            if let Some(state) = self.state.take() {
                let woken = self.simulator.idle.wait(state);
                self.state = Some(woken.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Wakes those who wait for the end of something.
    pub(crate) fn notify_idle(&self) {
        self.simulator.idle.notify_all();
    }

    /// Runs something without the lock: a kernel, or a function of the caller, which may take as long as it likes and call the driver if
    /// `body` lets it.
    pub(crate) fn unlocked<T>(&mut self, body: impl FnOnce() -> T) -> T {
        self.state = None;
        let result = body();
        self.state = Some(lock(self.simulator));
        result
    }

    /// Runs a host function of a stream, in which calls of the driver are refused.
    pub(crate) fn host_function(&mut self, body: impl FnOnce()) {
        self.unlocked(|| {
            let outer = IN_HOST_FUNCTION.replace(true);
            body();
            IN_HOST_FUNCTION.set(outer);
        });
    }

    /// The context that is current in this thread, whatever state it is in.
    pub(crate) fn current_handle(&self) -> Option<Handle> {
        // While a thread ends its list may be gone; then nothing is current.
        CONTEXTS
            .try_with(|contexts| contexts.borrow().last().copied())
            .ok()
            .flatten()
    }

    /// The current context, even if a fault broke it.
    pub(crate) fn current_or_broken(&self) -> Result<Handle, Refusal> {
        let handle = self.current_handle().ok_or(CUDA_ERROR_INVALID_CONTEXT)?;
        if !self.contexts.contains_key(&handle) {
            return Err(CUDA_ERROR_CONTEXT_IS_DESTROYED.into());
        }
        Ok(handle)
    }

    /// The current context.
    ///
    /// # Errors
    ///
    /// None is current, it was destroyed, or a fault broke it: then the fault's code.
    pub(crate) fn current(&self) -> Result<Handle, Refusal> {
        let handle = self.current_or_broken()?;
        self.intact(handle)?;
        Ok(handle)
    }

    /// Returns the code of the fault that broke a context, if one did.
    pub(crate) fn intact(&self, context: Handle) -> Answer {
        match self.context(context)?.fault {
            Some(fault) => Err(fault.into()),
            None => Ok(()),
        }
    }

    /// The current context's state.
    pub(crate) fn current_context(&mut self) -> Result<&mut Context, Refusal> {
        let handle = self.current()?;
        self.context_mut(handle)
    }

    /// Makes a context current in this thread, on top of those that are.
    pub(crate) fn push(&self, context: Handle) {
        CONTEXTS.with_borrow_mut(|contexts| contexts.push(context));
    }

    /// Takes the current context of this thread away.
    pub(crate) fn pop(&self) -> Option<Handle> {
        CONTEXTS.with_borrow_mut(Vec::pop)
    }

    /// Takes what the device found.
    fn collect_reports(&mut self) {
        for report in self.device().reports() {
            self.keep_report(report);
        }
    }

    /// Keeps a finding for the program, and prints it unless it was found before.
    pub(crate) fn keep_report(&mut self, report: Report) {
        let reports = &self.simulator.reports;
        let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
        match reports.iter_mut().find(|known| is_same(known, &report)) {
            Some(known) => known.count += report.count,
            None => {
                reports.push(report.clone());
                drop(reports);
                self.note(report.to_string());
            }
        }
    }
}

/// Whether two findings are the same in different launches: of one kind, at the same instructions.
fn is_same(one: &Report, other: &Report) -> bool {
    let lines = |report: &Report| {
        let line = |party: &Option<Party>| party.as_ref().map(|party| party.place.ptx_line);
        let (mine, others) = (line(&report.party), line(&report.other));
        (mine.min(others), mine.max(others))
    };
    one.party.is_some()
        && (one.kind, &one.kernel) == (other.kind, &other.kernel)
        && lines(one) == lines(other)
}

fn lock(simulator: &'static Simulator) -> MutexGuard<'static, State> {
    simulator
        .state
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Answers a call: checks what all calls have in common, runs `body`, and writes the log after it.
///
/// No panic leaves this function, for its caller may be no Rust program.
pub(crate) fn answer(function: &'static str, body: impl FnOnce(&mut Session) -> Answer) -> u32 {
    let mut notes = Vec::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        if IN_HOST_FUNCTION.try_with(Cell::get).unwrap_or(false) {
            return Err(refuse(
                CUDA_ERROR_NOT_PERMITTED,
                "a host function of a stream must not call the driver",
            ));
        }
        let Some(simulator) = SIMULATOR.get() else {
            return Err(CUDA_ERROR_NOT_INITIALIZED.into());
        };
        let is_per_thread = function.ends_with("_ptsz") || function.ends_with("_ptds");
        let mut session = Session {
            simulator,
            default_stream: if is_per_thread { PER_THREAD } else { LEGACY },
            state: Some(lock(simulator)),
        };
        if !session.initialized && !BEFORE_INIT.contains(&function) {
            return Err(CUDA_ERROR_NOT_INITIALIZED.into());
        }
        let result = body(&mut session);
        session.collect_reports();
        notes = mem::take(&mut session.notes);
        result
    }));
    let code = match result {
        Ok(Ok(())) => CUDA_SUCCESS as u32,
        Ok(Err(Refusal { code, sentence })) => {
            if let Some(sentence) = sentence {
                notes.push(format!("{function}: {sentence}"));
            }
            code
        }
        Err(panic) => {
            let words = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            notes.push(format!("{function}: the simulator panicked: {words}"));
            CUDA_ERROR_UNKNOWN as u32
        }
    };
    // A program's own log may panic too.
    let _ = catch_unwind(|| notes.iter().for_each(|note| log(note)));
    code
}

/// What a context's fault is to its callers.
pub(crate) fn fault_code(kind: Kind) -> CUresult {
    match kind {
        Kind::Misaligned => CUDA_ERROR_MISALIGNED_ADDRESS,
        Kind::WrongSpace => CUDA_ERROR_INVALID_ADDRESS_SPACE,
        Kind::StackOverflow => CUDA_ERROR_HARDWARE_STACK_ERROR,
        Kind::Assertion => CUDA_ERROR_ASSERT,
        Kind::Deadlock | Kind::StepLimit => CUDA_ERROR_LAUNCH_TIMEOUT,
        Kind::InvalidCall => CUDA_ERROR_INVALID_PC,
        Kind::InvalidInstruction | Kind::WarpMask => CUDA_ERROR_ILLEGAL_INSTRUCTION,
        Kind::OutOfBounds | Kind::NullPointer | Kind::UseAfterFree | Kind::ConstantWrite => {
            CUDA_ERROR_ILLEGAL_ADDRESS
        }
        _ => CUDA_ERROR_LAUNCH_FAILED,
    }
}

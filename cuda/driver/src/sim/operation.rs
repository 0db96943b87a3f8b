//! Work for a stream: done at once, or kept as the node of a graph.

use cust_raw::cudaError_enum::*;
use ptx_sim::LaunchError;

use super::argument::Handle;
use super::copy::Copy;
use super::fill::Fill;
use super::launch::KernelLaunch;
use super::refusal::{Answer, Refusal, refuse};
use super::session::{Session, fault_code};
use super::stream::StreamKind;
use super::value::ValueOperation;

/// A piece of work.
#[derive(Clone)]
pub(crate) enum Operation {
    Kernel(KernelLaunch),
    Copy(Copy),
    Fill(Fill),
    Host(HostCall),
    /// Another graph, by its handle; it belongs to the node.
    Graph(Handle),
    Empty,
    Values(Vec<ValueOperation>),
    Record(Handle),
    Wait(Handle),
}

/// A function of the caller, with its argument.
#[derive(Clone, std::marker::Copy)]
pub(crate) struct HostCall {
    pub(crate) function: unsafe extern "C" fn(*mut std::ffi::c_void),
    /// The argument's address; whoever submitted it vouches that it may be used here.
    pub(crate) data: usize,
}

impl HostCall {
    /// The argument.
    pub(crate) fn data(&self) -> *mut std::ffi::c_void {
        std::ptr::with_exposed_provenance_mut(self.data)
    }
}

/// The refusal of a launch that did not run.
pub(crate) fn refuse_launch(error: LaunchError) -> Refusal {
    let code = match error {
        LaunchError::Resources(_) => CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
        _ => CUDA_ERROR_INVALID_VALUE,
    };
    refuse(code, error.to_string())
}

impl Session {
    /// Gives work to a stream: does it, or adds it to the graph that is captured.
    pub(crate) fn submit(&mut self, stream: Handle, operation: Operation) -> Answer {
        let stream = self.stream(stream)?;
        if self.is_capturing(&stream)? {
            return self.capture(&stream, operation);
        }
        if stream.kind == StreamKind::Legacy {
            self.refuse_legacy_in_capture(stream.context)?;
        }
        self.in_stream(stream, |session| session.run(stream.context, &operation))
    }

    /// Does work of the current context that waits for its end: the default stream's.
    pub(crate) fn submit_synchronous(&mut self, operation: Operation) -> Answer {
        let stream = self.stream(Handle::NULL)?;
        if self.is_capturing(&stream)? {
            self.invalidate_stream(&stream);
            return Err(refuse(
                CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                "waiting for the stream cannot be captured",
            ));
        }
        if stream.kind == StreamKind::Legacy {
            self.refuse_legacy_in_capture(stream.context)?;
        }
        self.in_stream(stream, |session| session.run(stream.context, &operation))
    }

    /// Does work. A kernel that fails breaks its context, which later calls see; that the kernel
    /// could not be started at all is an error here.
    pub(crate) fn run(&mut self, context: Handle, operation: &Operation) -> Answer {
        self.intact(context)?;
        match operation {
            Operation::Kernel(launch) => {
                let device = self.device();
                let result = self.unlocked(|| launch.run(device));
                match result {
                    Ok(_) => Ok(()),
                    Err(LaunchError::Fault(report)) => {
                        let code = fault_code(report.kind);
                        self.keep_report(*report);
                        self.context_mut(context)?.fault.get_or_insert(code);
                        if is_blocking() {
                            Err(code.into())
                        } else {
                            Ok(())
                        }
                    }
                    Err(error) => Err(refuse_launch(error)),
                }
            }
            Operation::Copy(copy) => copy.run(self),
            Operation::Fill(fill) => fill.run(self),
            &Operation::Host(call) => {
                // SAFETY: Whoever submitted the function vouched that it can be called with this.
                self.host_function(|| unsafe { (call.function)(call.data()) });
                Ok(())
            }
            Operation::Values(values) => values.iter().try_for_each(|value| value.run(self)),
            &Operation::Record(event) => self.record(event),
            // Everything that an event waits for is done already.
            Operation::Empty | Operation::Wait(_) => Ok(()),
            &Operation::Graph(graph) => {
                let steps = self.plan(graph)?;
                self.run_steps(context, &steps)
            }
        }
    }
}

/// Whether launches wait for their kernels, by the environment variable that CUDA knows too.
fn is_blocking() -> bool {
    std::env::var_os("CUDA_LAUNCH_BLOCKING").is_some_and(|value| !value.is_empty() && value != "0")
}

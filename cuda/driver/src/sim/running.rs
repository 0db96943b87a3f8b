//! Which streams are at work: kernels and functions of the caller run without the lock on the state, so
//! that threads do not wait for each other, but the work of one stream is done piece by piece.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::argument::Handle;
use super::refusal::Answer;
use super::session::Session;
use super::stream::{StreamKind, StreamRef};

/// Whether the work of two streams must not overlap.
fn conflict(one: &StreamRef, other: &StreamRef) -> bool {
    let of_default = |stream: &StreamRef, default: &StreamRef| {
        default.kind == StreamKind::Legacy && stream.is_blocking
    };
    one.context == other.context
        && (one.kind == other.kind || of_default(one, other) || of_default(other, one))
}

impl Session {
    /// Whether a stream, or one that it waits for, is at work in another thread.
    pub(crate) fn is_busy(&self, stream: &StreamRef) -> bool {
        self.running.iter().any(|other| conflict(stream, other))
    }

    /// Waits until a stream has done what other threads gave it.
    pub(crate) fn wait_for_stream(&mut self, stream: &StreamRef) {
        self.wait_while(|session| session.is_busy(stream));
    }

    /// Waits until all streams of a context have done what other threads gave them.
    pub(crate) fn wait_for_context(&mut self, context: Handle) {
        self.wait_while(|session| {
            let mut running = session.running.iter();
            running.any(|stream| stream.context == context)
        });
    }

    /// Does work of a stream, when it has done what other threads gave it.
    pub(crate) fn in_stream(
        &mut self,
        stream: StreamRef,
        body: impl FnOnce(&mut Self) -> Answer,
    ) -> Answer {
        self.wait_for_stream(&stream);
        // While this waited the context may have been destroyed or broken.
        self.intact(stream.context)?;
        self.running.push(stream);
        let result = catch_unwind(AssertUnwindSafe(|| body(self)));
        self.lock();
        let place = self.running.iter().position(|other| *other == stream);
        if let Some(place) = place {
            self.running.swap_remove(place);
        }
        self.notify_idle();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

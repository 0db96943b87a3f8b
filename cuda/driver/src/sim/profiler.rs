//! The profiler's switches: there is nothing that they could switch.

use super::refusal::Answer;
use super::session::Session;

/// `cuProfilerStart` and `cuProfilerStop`
pub(crate) fn switch(session: &mut Session) -> Answer {
    session.current()?;
    Ok(())
}

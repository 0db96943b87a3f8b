//! The profiler's switches, which change nothing: counters are of a whole program.

use super::refusal::Answer;
use super::session::Session;

/// `cuProfilerStart` and `cuProfilerStop`
pub(crate) fn switch(session: &mut Session) -> Answer {
    session.current()?;
    Ok(())
}

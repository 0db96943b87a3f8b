//! Why a call is not done: the code for the caller, and a sentence for the log where the code says
//! too little.

use cust_raw::CUresult;

/// A result code other than success, and what the log says about it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// A number, for `cust_raw` does not declare all of them.
    pub(crate) code: u32,
    pub(crate) sentence: Option<String>,
}

impl Refusal {
    /// A refusal with a code that `cust_raw` does not declare.
    pub(crate) fn of_number(code: u32, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: Some(sentence.into()),
        }
    }
}

impl From<CUresult> for Refusal {
    fn from(code: CUresult) -> Self {
        Self {
            code: code as u32,
            sentence: None,
        }
    }
}

/// A refusal that explains itself in the log.
pub(crate) fn refuse(code: CUresult, sentence: impl Into<String>) -> Refusal {
    Refusal::of_number(code as u32, sentence)
}

/// What every one of the simulator's functions returns; results go to where the caller wants them.
pub(crate) type Answer = Result<(), Refusal>;

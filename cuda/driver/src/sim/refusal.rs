//! Why a call is not done: the code for the caller, and a sentence for the log where the code says
//! too little.

use cust_raw::CUresult;

/// A result code other than success, and what the log says about it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: CUresult,
    pub(crate) sentence: Option<String>,
}

impl From<CUresult> for Refusal {
    fn from(code: CUresult) -> Self {
        Self {
            code,
            sentence: None,
        }
    }
}

/// A refusal that explains itself in the log.
pub(crate) fn refuse(code: CUresult, sentence: impl Into<String>) -> Refusal {
    Refusal {
        code,
        sentence: Some(sentence.into()),
    }
}

/// What every one of the simulator's functions returns; results go to where the caller wants them.
pub(crate) type Answer = Result<(), Refusal>;

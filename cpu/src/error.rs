//! The crate's one error type: a sentence that says what, where, what was expected and what to do.

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line or a file that it names is at fault.
    #[error("{0}")]
    Input(String),
    /// A device failed.
    #[error("{0}")]
    Device(String),
    /// Training cannot go on.
    #[error("{0}")]
    Training(String),
    /// A result is not what it should be.
    #[error("{0}")]
    Check(String),
    /// A file or the network could not be read or written.
    #[error("{0}")]
    Io(String),
    /// An operation was asked for with a dimension of 0 that it needs at least one of.
    #[error("{operation}: `{dimension}` is 0, it must be at least 1")]
    Empty {
        /// The operation.
        operation: &'static str,
        /// The dimension.
        dimension: &'static str,
    },
    /// An operation met an index that points outside of what it indexes.
    #[error("{operation}: `{buffer}[{position}]` is {value}, it must be below {limit}")]
    Index {
        /// The operation.
        operation: &'static str,
        /// The name of the buffer among the operation's fields.
        buffer: &'static str,
        /// Where in the buffer.
        position: usize,
        /// What is there.
        value: usize,
        /// What it must be below.
        limit: usize,
    },
    /// Somebody has stopped the work with Ctrl-C.
    #[error("{0}")]
    Interrupted(String),
    /// Nobody reads the program's output any more, as after `| head`: a reason to stop, not to
    /// complain.
    #[error("nobody reads the output any more")]
    OutputClosed,
    /// An operation was asked for with buffers too small for its shapes.
    #[error("{operation}: `{buffer}` holds {actual} elements, its shape needs {expected}")]
    Shape {
        /// The operation.
        operation: &'static str,
        /// The name of the buffer among the operation's fields.
        buffer: &'static str,
        /// Elements needed.
        expected: usize,
        /// Elements there.
        actual: usize,
    },
}

impl Error {
    /// The exit code of a program that Ctrl-C has ended, as shells have it.
    pub const INTERRUPTED: u8 = 130;

    /// The exit code of a program that ends with this error: 2 for what the command line or its
    /// input files caused, 1 for a failure at run time.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Input(_) => 2,
            Error::Interrupted(_) => Self::INTERRUPTED,
            _ => 1,
        }
    }
}

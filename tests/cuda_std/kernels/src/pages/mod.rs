//! The examples of the pages in `docs/`, a file per page: the page shows the file, word for word.

pub mod async_copy;
pub mod groups;
pub mod mma;
pub mod random;
pub mod shared_memory;
pub mod timing;

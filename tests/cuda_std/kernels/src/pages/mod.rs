//! The examples of the pages in `docs/`, a file per page: the page shows the file, word for word; and of
//! the guide's chapter on pitfalls.

pub mod async_copy;
pub mod groups;
pub mod mma;
pub mod pitfalls;
pub mod random;
pub mod shared_memory;
pub mod timing;

//! What is specific to Unix: signals, descriptors that are waited for, what a process may do and show, and whose files are. Besides it
//! there are the socket of the operator's commands (`sessions::socket`), the backlog of listeners
//! (`listen`), and the modes of files where they are made.

pub(crate) mod child;
pub(crate) mod owner;
pub(crate) mod process_hardening;
pub(crate) mod receive;
pub(crate) mod signals;
pub(crate) mod stopped;

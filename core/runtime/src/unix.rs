//! What is specific to Unix: child processes, signals, descriptors that are waited for, sockets of this machine, what a process
//! may do and show, and whose files are. `.ci/tidy` sees to it that nothing of it stands elsewhere, but for one file `unix.rs` of a
//! crate that has such sockets of its own.

pub(crate) mod child;
pub(crate) mod files;
pub(crate) mod listening;
pub(crate) mod local_socket;
pub(crate) mod owner;
pub(crate) mod process_hardening;
pub(crate) mod receive;
pub(crate) mod signals;
pub(crate) mod stopped;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod user;

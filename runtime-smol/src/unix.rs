//! What is specific to Unix here: sockets of this machine.

/// A connection to a server of this machine.
pub(crate) type LocalStream = std::os::unix::net::UnixStream;

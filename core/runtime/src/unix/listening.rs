//! What of listening the standard library does not say: the backlog, the limit of descriptors, and that there is no IPv6.

use std::{io, net::TcpListener};

use rustix::process::{Resource, getrlimit};

/// Lets so many connections wait to be accepted. The standard library asks for fewer; asking again changes the number.
pub(crate) fn set_backlog(listener: &TcpListener, backlog: i32) -> io::Result<()> {
    Ok(rustix::net::listen(listener, backlog)?)
}

/// How many descriptors this process may have; `None`: as many as it likes.
pub(crate) fn descriptors() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Whether it failed because this machine does not know such addresses.
pub(crate) fn is_unknown_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

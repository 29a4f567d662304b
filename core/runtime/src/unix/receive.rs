//! Reading from a socket into the machine of its connection.

use std::{io, mem::MaybeUninit, net::TcpStream};

use entra_mcp_http1::Connection;
use rustix::net::{RecvFlags, recv};

/// How much is read at once.
const READ_BYTES: usize = 8 * 1024;

/// How much of what had come was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All: another read would have to wait.
    All,
    /// As much as fits at once. There may be more.
    Part,
}

/// Reads once, as the socket is set: until something comes, its timeout passes, or not at all. The buffer is on
/// the stack and need not be zeroed: a connection that waits has none.
///
/// # Errors
///
/// Nothing was read: it would take longer, was interrupted, or the connection has failed.
pub fn receive(socket: &TcpStream, connection: &mut Connection) -> io::Result<Received> {
    let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
    let ((bytes, _), _) = recv(socket, &mut buffer[..], RecvFlags::empty())?;
    if bytes.is_empty() {
        connection.end_input();
    } else {
        connection.receive(bytes);
    }
    Ok(match bytes.len() < READ_BYTES {
        true => Received::All,
        false => Received::Part,
    })
}

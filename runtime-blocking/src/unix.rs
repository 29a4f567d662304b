//! What is specific to Unix here: sockets of this machine, and a look at what has come on a socket.

use std::{io, os::fd::AsFd};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};

pub(crate) use std::os::{
    fd::{AsFd as Descriptor, BorrowedFd},
    unix::net::UnixStream as LocalStream,
};

/// What a look at a socket has found, which takes nothing from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// Nothing yet.
    Nothing,
    /// Something.
    Bytes,
    /// The end.
    End,
}

/// Looks what has come.
///
/// # Errors
///
/// The connection is broken, or the look was interrupted.
pub(crate) fn look(socket: &impl AsFd) -> io::Result<Came> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match recv(socket, &mut [0_u8; 1][..], flags) {
        Ok((_, 0)) => Ok(Came::End),
        Ok(_) => Ok(Came::Bytes),
        Err(Errno::AGAIN) => Ok(Came::Nothing),
        Err(error) => Err(error.into()),
    }
}

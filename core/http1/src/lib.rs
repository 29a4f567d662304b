//! HTTP/1.1 as a server, as a machine without I/O (RFC 9112): bytes and time in; requests, bytes to write and
//! deadlines out.
//!
//! A driver owns the socket. It hands a [`Connection`] what it read, writes what is pending, and does what
//! [`Connection::poll`] says. What can be read in two ways is answered with 400 and the connection closed, so
//! that nothing behind it is taken for a request. Heads, bodies and the time for each are bounded, and memory
//! is given back while a connection idles or streams.
//!
//! As pure as the machines above it: no sockets, no clocks, no threads.

mod body;
mod connection;
mod date;
pub mod encode;
pub mod forwarded_client;
pub mod head;
mod head_end;
pub mod limits;
mod output;
pub mod proxy_header;
mod refusal;
mod request_head;
mod timeouts;

pub use self::{
    connection::{Connection, Output},
    refusal::Refusal,
    request_head::{Fields, RequestHead},
    timeouts::Timeouts,
};

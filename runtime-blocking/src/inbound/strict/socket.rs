//! The socket of a connection, in which every wait has an end.

use std::{
    io::{self, ErrorKind, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use entra_mcp_core::time::{Instant, Now};
use entra_mcp_http1::{Connection, Timeouts};
use entra_mcp_runtime::{Clock, receive};

use crate::unix::{Came, look};

/// How much later or sooner than its deadline a read may end: it saves a system call each.
const SLACK: Duration = Duration::from_millis(50);

/// A socket and the machine of its connection.
#[derive(Debug)]
pub(super) struct Socket {
    socket: TcpStream,
    pub(super) connection: Connection,
    clock: Clock,
    /// The time-out that the socket has now: setting it costs a system call.
    read_timeout: Option<Duration>,
    write_timeout: Duration,
}

impl Socket {
    pub(super) fn new(socket: TcpStream, timeouts: Timeouts) -> Self {
        let clock = Clock::start();
        let mut connection = Connection::new(timeouts, clock.instant());
        // Without it an event written in two pieces waits for the first one's acknowledgement.
        let is_ready = socket.set_nodelay(true).is_ok()
            && socket.set_write_timeout(Some(timeouts.write)).is_ok();
        if !is_ready {
            connection.fail();
        }
        Self {
            socket,
            connection,
            clock,
            read_timeout: None,
            write_timeout: timeouts.write,
        }
    }

    /// Lets the socket wait as long as the machine does for a piece of a response to be taken.
    pub(super) fn renew_write_timeout(&mut self) {
        let timeout = self.connection.write_timeout();
        if timeout != self.write_timeout {
            self.write_timeout = timeout;
            if self.socket.set_write_timeout(Some(timeout)).is_err() {
                self.connection.fail();
            }
        }
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Writes what is pending, or else reads, or else lets the time pass.
    pub(super) fn wait(&mut self, reads: bool, until: Option<Instant>) {
        if !self.connection.pending().is_empty() {
            self.flush();
        } else if reads {
            self.read(until);
        } else {
            // Neither is wanted of a connection that nobody works on: there is nothing to wait for.
            self.connection.fail();
        }
    }

    /// Writes all that is pending. A peer that takes too little of it for too long is disconnected.
    pub(super) fn flush(&mut self) {
        while !self.connection.pending().is_empty() {
            let written = self.socket.write(self.connection.pending());
            let now = self.clock.instant();
            match written {
                Ok(length) if length > 0 => self.connection.written(length, now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return self.connection.fail(),
            }
            if self.connection.is_write_overdue(now) {
                return self.connection.fail();
            }
        }
    }

    /// Reads what there is, at least a byte, if any comes in time.
    fn read(&mut self, until: Option<Instant>) {
        let left = until.map_or(Duration::MAX, |until| self.clock.until(until));
        // Zero means for ever.
        let left = left.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        let is_set = self
            .read_timeout
            .is_some_and(|set| set <= left + SLACK && set + SLACK >= left);
        if !is_set {
            if self.socket.set_read_timeout(Some(left)).is_err() {
                return self.connection.fail();
            }
            self.read_timeout = Some(left);
        }
        match receive(&self.socket, &mut self.connection) {
            Err(error) if !is_passing(&error) => self.connection.fail(),
            Ok(_) | Err(_) => {}
        }
    }

    /// Looks whether the peer has left: its side is closed, or the connection is broken. Bytes that wait are its
    /// next request.
    pub(super) fn look_for_disconnect(&mut self) {
        match look(&self.socket) {
            Ok(Came::End) => self.connection.end_input(),
            Ok(Came::Nothing | Came::Bytes) => {}
            Err(error) if is_passing(&error) => {}
            Err(_) => self.connection.fail(),
        }
    }

    pub(super) fn shut_down_write(&mut self) {
        if self.socket.shutdown(Shutdown::Write).is_err() {
            self.connection.fail();
        }
    }
}

/// Whether it may work the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

//! A socket with a buffer in front, in which every wait has an end.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use entra_mcp_core::request_head::{self, Head, HeadError};
use rustix::net::{RecvFlags, recv};

/// How much is read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// How much later or sooner than its deadline a read may end: it saves a system call each.
const SLACK: Duration = Duration::from_millis(50);

/// After a refusal, how much of what the peer still sends is read away, and for how long: closing
/// with unread bytes would take the answer away from it (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 512 * 1024;
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireError {
    /// It is not to be served.
    Invalid(HeadError),
    /// It took too long; whether any of it had come.
    TimedOut {
        /// Whether a byte had come.
        has_started: bool,
    },
    /// The peer left.
    Disconnected,
}

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// The deadline passed.
    TimedOut,
    /// The peer left.
    Disconnected,
}

/// The socket of a connection.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    /// What was read and not yet used.
    buffer: Vec<u8>,
    /// The time-out that the socket has now: setting it costs a system call.
    read_timeout: Option<Duration>,
    write: Duration,
    broken: bool,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, write: Duration) -> Self {
        // Without it an event written in two pieces waits for the first one's acknowledgement.
        let broken =
            socket.set_nodelay(true).is_err() || socket.set_write_timeout(Some(write)).is_err();
        Self {
            socket,
            buffer: Vec::new(),
            read_timeout: None,
            write,
            broken,
        }
    }

    /// Reads a head: its first byte within `idle`, the whole of it within `patience` from then on.
    pub(super) fn read_head(
        &mut self,
        idle: Duration,
        timeouts: Duration,
    ) -> Result<Head, WireError> {
        // Whether anything of it has come, be it the empty line before it: from then on the time runs, and
        // nothing gives it more (threat M6).
        let mut has_started = !self.buffer.is_empty();
        let mut deadline = Instant::now() + if has_started { timeouts } else { idle };
        let mut scanned = 0;
        loop {
            // RFC 9112 section 2.2: an empty line before the request is passed over.
            if self.buffer.starts_with(b"\r\n") {
                self.buffer.drain(..2);
                scanned = 0;
            }
            let end =
                request_head::find_end(&self.buffer, &mut scanned).map_err(WireError::Invalid)?;
            if let Some(end) = end {
                let bytes = self.take(end);
                return request_head::parse(&bytes).map_err(WireError::Invalid);
            }
            let is_empty = self.buffer.is_empty();
            self.fill(deadline).map_err(|error| match error {
                ReadError::TimedOut => WireError::TimedOut {
                    has_started: !is_empty,
                },
                ReadError::Disconnected => WireError::Disconnected,
            })?;
            if !has_started {
                has_started = true;
                deadline = Instant::now() + timeouts;
            }
        }
    }

    /// Reads what there is, at least a byte, into the buffer.
    pub(super) fn fill(&mut self, deadline: Instant) -> Result<(), ReadError> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ReadError::TimedOut);
            }
            if self
                .read_timeout
                .is_none_or(|set| set > left + SLACK || set + SLACK < left)
            {
                self.socket
                    .set_read_timeout(Some(left))
                    .map_err(|_| ReadError::Disconnected)?;
                self.read_timeout = Some(left);
            }
            match self.socket.read(&mut chunk) {
                Ok(0) => return Err(ReadError::Disconnected),
                Ok(length) => {
                    self.buffer
                        .extend_from_slice(chunk.get(..length).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(ReadError::Disconnected),
            }
        }
    }

    /// What was read and not yet used.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes bytes off the front of the buffer; never more than there are.
    pub(super) fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        // Where nothing is left, no memory is kept: most connections are idle.
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Invites the body of a request, if none of it has come unasked.
    pub(super) fn invite(&mut self) {
        if self.buffer.is_empty() {
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    /// Writes all of it within the time for one piece, or twice that if the peer reads a little now
    /// and then; otherwise the connection is broken.
    pub(super) fn send(&mut self, mut bytes: &[u8]) {
        let deadline = Instant::now() + self.write;
        while !bytes.is_empty() && !self.broken {
            match self.socket.write(bytes) {
                Ok(0) => self.broken = true,
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.broken = true,
            }
            self.broken |= !bytes.is_empty() && Instant::now() >= deadline;
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the peer has left: its side is closed, or the connection is broken. Bytes that wait
    /// are its next request.
    pub(super) fn is_disconnected(&mut self) -> bool {
        if self.broken {
            return true;
        }
        let mut byte = [0];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        self.broken = match recv(&self.socket, &mut byte[..], flags) {
            Ok((_, 0)) => true,
            Ok(_) => false,
            Err(error) => !matches!(
                io::Error::from(error).kind(),
                ErrorKind::WouldBlock | ErrorKind::Interrupted
            ),
        };
        self.broken
    }

    /// Says that nothing more is sent, and reads away what still comes for a little while.
    pub(super) fn linger(&mut self) {
        if self.broken || self.socket.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let deadline = Instant::now() + LINGER;
        let mut read = 0;
        while read < LINGER_BYTES {
            self.buffer = Vec::new();
            if self.fill(deadline).is_err() {
                return;
            }
            read += self.buffer.len();
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

//! The socket under `hyper`, which sees heads only that can be read in one way.
//!
//! `hyper` lets pass what it can make sense of: a length beside a coding, a bare line feed, no host
//! or two. So every head is read here first, strictly and within its time, by
//! [`entra_mcp_core::request_head`]; what is refused ends the connection before `hyper` sees it. And while a
//! request is being answered the next one waits here, so that whoever leaves is noticed
//! (threats L1 to L9, M6, M7).
//!
//! ```text
//! Head --whole and good--> Passing: head and body, so many bytes --all of them--> Serving
//!  ^ \--refused, slow--> stopped                                                    |
//!  +--------------------- the answer was taken ------------------------------------+
//! ```

use std::{
    io,
    net::{Shutdown, TcpStream},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_io::{Async, Timer};
use bytes::Bytes;
use entra_mcp_core::{
    admit::too_large,
    error_responses,
    request_head::{self, Framing, HeadError},
};
use entra_mcp_runtime::{Timeouts, http1_encode};
use http::{Method, Response};
use hyper::rt::{Read, ReadBufCursor, Write};
use smol::{
    future::{FutureExt as _, poll_fn},
    io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _},
};

use super::response_body::ResponseTaken;

/// How much is read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// After a refusal, how much of what the peer still sends is read away, and for how long: closing
/// with unread bytes would take the answer away from it (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 512 * 1024;
const LINGER: Duration = Duration::from_secs(1);

/// The socket of a connection.
pub(super) struct Wire {
    socket: Async<TcpStream>,
    /// What was read and not yet passed on.
    buffer: Vec<u8>,
    phase: Phase,
    served: ResponseTaken,
    timeouts: Timeouts,
    reading: Deadline,
    writing: Deadline,
    /// Since when the peer has taken nothing of what is to be written.
    stuck: Option<Instant>,
    /// Why no more requests are read.
    stopped: Option<WireError>,
}

/// What the bytes that come next are.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// A head, to be read whole before any of it is passed on.
    Head {
        /// How much of it was looked at.
        scanned: usize,
        /// By when it must be there.
        deadline: Instant,
        /// Whether anything of it has come, be it the empty line before it: from then on the time runs, and
        /// nothing gives it more (threat M6).
        started: bool,
    },
    /// This many bytes of a request: for one in chunks, all that follow.
    Passing(u64),
    /// The next request, which is not looked at yet.
    Serving,
}

/// Why no more requests are read.
#[derive(Debug)]
enum WireError {
    /// It was no request that is served: this is the answer.
    Invalid(Box<Response<Bytes>>),
    /// Nothing was asked for too long.
    Idle,
    /// The peer left.
    Disconnected,
}

impl Wire {
    pub(super) fn new(socket: Async<TcpStream>, timeouts: Timeouts, served: ResponseTaken) -> Self {
        // Without it an event written in two pieces waits for the first one's acknowledgement. If it
        // cannot be set, the socket is broken, which the first read will tell.
        let _ = socket.get_ref().set_nodelay(true);
        // Who has just connected has something to say.
        let deadline = Instant::now() + timeouts.head;
        Self {
            socket,
            buffer: Vec::new(),
            phase: Phase::Head {
                scanned: 0,
                deadline,
                started: false,
            },
            served,
            timeouts,
            reading: Deadline::new(),
            writing: Deadline::new(),
            stuck: None,
            stopped: None,
        }
    }

    /// Gives the answer to what was refused, says that nothing more is sent, and reads away what
    /// still comes for a little while.
    pub(super) async fn finish(&mut self) {
        match self.stopped.take() {
            Some(WireError::Disconnected) => return,
            Some(WireError::Invalid(answer)) => {
                let bytes = http1_encode::response(&answer, &Method::GET, true);
                let sent = async { self.socket.write_all(&bytes).await };
                let late = after(self.timeouts.write);
                if sent.or(late).await.is_err() {
                    return;
                }
            }
            Some(WireError::Idle) | None => {}
        }
        if self.socket.get_ref().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let rest = async {
            let mut read = 0;
            while read < LINGER_BYTES {
                self.buffer = Vec::new();
                match poll_fn(|cx| self.fill(cx)).await? {
                    0 => break,
                    length => read += length,
                }
            }
            Ok(())
        };
        let _ = rest.or(after(LINGER)).await;
    }

    /// Reads what there is into the buffer.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [0; CHUNK_BYTES];
        let length = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut chunk))?;
        self.buffer
            .extend_from_slice(chunk.get(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
    }

    /// Reads a head: its first byte by the deadline, the whole of it within the head's time-out from then
    /// on. Ready with how many bytes to pass on, or when there will be no more requests.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, WireError>> {
        let Phase::Head {
            mut scanned,
            mut deadline,
            mut started,
        } = self.phase
        else {
            return Poll::Pending;
        };
        loop {
            // RFC 9112 section 2.2: an empty line before the request is passed over.
            if self.buffer.starts_with(b"\r\n") {
                self.buffer.drain(..2);
                scanned = 0;
            }
            match request_head::find_end(&self.buffer, &mut scanned) {
                Ok(None) => {}
                Ok(Some(end)) => return Poll::Ready(self.judge(end)),
                Err(refusal) => return Poll::Ready(Err(refusal.into())),
            }
            match self.fill(cx) {
                Poll::Ready(Ok(1..)) if !started => {
                    started = true;
                    deadline = Instant::now() + self.timeouts.head;
                }
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(WireError::Disconnected)),
                Poll::Pending => {
                    self.phase = Phase::Head {
                        scanned,
                        deadline,
                        started,
                    };
                    if self.buffer.is_empty() {
                        // Most connections are idle: they keep no memory.
                        self.buffer = Vec::new();
                    }
                    ready!(self.reading.poll(cx, deadline));
                    return Poll::Ready(Err(match self.buffer.is_empty() {
                        true => WireError::Idle,
                        false => WireError::Invalid(Box::new(error_responses::request_timeout())),
                    }));
                }
            }
        }
    }

    /// Turns to the next request if the answer to this one was taken; by when its head must be there.
    fn turn(&mut self) -> Option<Instant> {
        if !matches!(self.phase, Phase::Serving) || !self.served.take() {
            return None;
        }
        let timeouts = match self.buffer.is_empty() {
            true => self.timeouts.idle,
            false => self.timeouts.head,
        };
        let deadline = Instant::now() + timeouts;
        self.phase = Phase::Head {
            scanned: 0,
            deadline,
            started: !self.buffer.is_empty(),
        };
        Some(deadline)
    }

    /// How many bytes the request has, if it is to be served.
    fn judge(&self, end: usize) -> Result<u64, WireError> {
        let head = request_head::parse(self.buffer.get(..end).unwrap_or_default())?;
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        Ok(match head.framing {
            Framing::Empty => end,
            // What hyper cannot count is too large for anything else, too.
            Framing::Length(length) if length >= u64::MAX / 2 => {
                return Err(WireError::Invalid(Box::new(too_large())));
            }
            Framing::Length(length) => end.saturating_add(length),
            Framing::Chunked => u64::MAX,
        })
    }

    /// Passes on what was read, so far as it belongs to this request.
    fn forward(&mut self, left: u64, cursor: &mut ReadBufCursor<'_>) {
        let length = usize::try_from(left).unwrap_or(usize::MAX);
        let length = length.min(self.buffer.len()).min(cursor.remaining());
        cursor.put_slice(self.buffer.get(..length).unwrap_or_default());
        self.buffer.drain(..length);
        self.phase = Phase::Passing(left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX)));
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.turn();
            match self.phase {
                // Nothing read is the end, for hyper.
                _ if self.stopped.is_some() => return Poll::Ready(Ok(())),
                // Who does not read its answers asks nothing more.
                Phase::Head { .. } if self.stuck.is_some() => return Poll::Pending,
                Phase::Head { .. } => match ready!(self.poll_head(cx)) {
                    Ok(length) => self.phase = Phase::Passing(length),
                    Err(stopped) => self.stopped = Some(stopped),
                },
                Phase::Passing(0) => self.phase = Phase::Serving,
                Phase::Passing(left) => {
                    if self.buffer.is_empty() && ready!(self.fill(cx))? == 0 {
                        self.stopped = Some(WireError::Disconnected);
                        continue;
                    }
                    self.forward(left, &mut cursor);
                    return Poll::Ready(Ok(()));
                }
                Phase::Serving if !self.buffer.is_empty() => return Poll::Pending,
                Phase::Serving => {
                    if ready!(self.fill(cx))? == 0 {
                        self.stopped = Some(WireError::Disconnected);
                    }
                }
            }
        }
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                if self.stuck.take().is_some() {
                    // Reading was put off: hyper does not come back to it by itself.
                    cx.waker().wake_by_ref();
                }
                Poll::Ready(written)
            }
            Poll::Pending => {
                let since = *self.stuck.get_or_insert_with(Instant::now);
                let deadline = since + self.timeouts.write;
                ready!(self.writing.poll(cx, deadline));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // While it answered, hyper was told that there is nothing to read: it does not come back
        // to reading by itself, neither for what waits here nor for the time of an idle writer.
        if let Some(deadline) = self.turn()
            && (!self.buffer.is_empty() || self.reading.poll(cx, deadline).is_ready())
        {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // By `finish`, when hyper is done.
        Poll::Ready(Ok(()))
    }
}

impl From<HeadError> for WireError {
    fn from(refusal: HeadError) -> Self {
        Self::Invalid(Box::new(refusal.answer()))
    }
}

/// A timer that is moved as seldom as possible: a deadline that was put off costs nothing until
/// the timer goes off at the old one.
struct Deadline {
    timer: Timer,
    set: Option<Instant>,
}

impl Deadline {
    fn new() -> Self {
        Self {
            timer: Timer::never(),
            set: None,
        }
    }

    /// Ready when the deadline has passed.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            if self.set.is_none_or(|set| set > deadline) {
                self.timer.set_at(deadline);
                self.set = Some(deadline);
            }
            ready!(self.timer.poll(cx));
            self.set = None;
        }
    }
}

async fn after(duration: Duration) -> io::Result<()> {
    Timer::after(duration).await;
    Err(io::ErrorKind::TimedOut.into())
}

//! A request to a backend, whose answer is read as its exchange lets it come.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use entra_mcp_core::ask::{PIECE_BYTES, Pull, PullFault, PullLimits};
use entra_mcp_runtime::PullMessage;
use http::Response;
use hyper::body::{Body as _, Incoming};

use super::{Backends, Connection};

/// What a request was answered with, and the connection on which its body comes.
type Answered = Result<(Response<Incoming>, Connection), PullFault>;

/// A request under way. To drop it closes its connection.
pub(crate) struct RunningPull {
    backends: Arc<Backends>,
    pull: Arc<Pull>,
    began: Instant,
    /// How many pieces may come.
    credit: u32,
    /// When the last byte came, or the first piece was let come that has not.
    last: Instant,
    state: State,
}

enum State {
    /// The head has not come.
    Sending(Pin<Box<dyn Future<Output = Answered> + Send>>),
    /// The body comes.
    Reading(Incoming, Connection),
    /// There is no more.
    Over,
}

impl RunningPull {
    /// Begins to send a request.
    pub(crate) fn new(backends: &Arc<Backends>, pull: Pull) -> Self {
        let (backends, pull) = (Arc::clone(backends), Arc::new(pull));
        let sending = {
            let (backends, pull) = (Arc::clone(&backends), Arc::clone(&pull));
            Box::pin(async move { backends.send(&pull).await })
        };
        let now = Instant::now();
        Self {
            backends,
            pull,
            began: now,
            credit: 0,
            last: now,
            state: State::Sending(sending),
        }
    }

    /// Lets one more piece come.
    pub(crate) fn more(&mut self) {
        if self.credit == 0 {
            self.last = Instant::now();
        }
        self.credit = self.credit.saturating_add(1);
    }

    /// When it has to be polled again at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let PullLimits { whole, idle, .. } = self.pull.limits;
        let whole = whole.and_then(|whole| self.began.checked_add(whole));
        let is_reading = matches!(self.state, State::Reading(..)) && self.credit > 0;
        let idle = idle
            .filter(|_| is_reading)
            .and_then(|idle| self.last.checked_add(idle));
        match (whole, idle) {
            (Some(whole), Some(idle)) => Some(whole.min(idle)),
            (one, other) => one.or(other),
        }
    }

    /// What comes next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<PullMessage> {
        let is_late = self
            .deadline()
            .is_some_and(|deadline| Instant::now() >= deadline);
        if is_late {
            return self.over(Err(PullFault::TimedOut));
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Sending(mut sending) => match sending.as_mut().poll(cx) {
                Poll::Ready(Ok((response, connection))) => {
                    let (head, body) = response.into_parts();
                    self.last = Instant::now();
                    self.state = State::Reading(body, connection);
                    Poll::Ready(PullMessage::Head(Response::from_parts(head, ())))
                }
                Poll::Ready(Err(fault)) => self.over(Err(fault)),
                Poll::Pending => {
                    self.state = State::Sending(sending);
                    Poll::Pending
                }
            },
            State::Reading(mut body, mut connection) if self.credit > 0 => {
                match read(&mut body, &mut connection, cx) {
                    Poll::Ready(Some(Ok(piece))) => {
                        self.credit -= 1;
                        self.last = Instant::now();
                        self.state = State::Reading(body, connection);
                        Poll::Ready(PullMessage::Piece(piece))
                    }
                    Poll::Ready(Some(Err(fault))) => self.over(Err(fault)),
                    Poll::Ready(None) => {
                        drop(body);
                        if connection.is_idle(cx) {
                            self.backends.keep(&self.pull, connection);
                        }
                        self.over(Ok(()))
                    }
                    Poll::Pending => {
                        self.state = State::Reading(body, connection);
                        Poll::Pending
                    }
                }
            }
            waiting @ (State::Reading(..) | State::Over) => {
                self.state = waiting;
                Poll::Pending
            }
        }
    }

    fn over(&mut self, answer: Result<(), PullFault>) -> Poll<PullMessage> {
        self.state = State::Over;
        Poll::Ready(PullMessage::Ended(answer))
    }
}

/// The next piece of the body; `None` at its end.
fn read(
    body: &mut Incoming,
    connection: &mut Connection,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, PullFault>>> {
    loop {
        let mut frame = Pin::new(&mut *body).poll_frame(cx);
        if frame.is_pending() {
            // It has said now that it wants a piece.
            connection.drive(cx);
            frame = Pin::new(&mut *body).poll_frame(cx);
        }
        let frame = match ready!(frame) {
            None => return Poll::Ready(None),
            Some(Err(_)) => return Poll::Ready(Some(Err(PullFault::Broken))),
            Some(Ok(frame)) => frame,
        };
        // Of trailers nothing is wanted.
        if let Ok(piece) = frame.into_data()
            && !piece.is_empty()
        {
            // The buffer of the connection is no larger.
            debug_assert!(piece.len() <= PIECE_BYTES, "a piece of {}", piece.len());
            return Poll::Ready(Some(Ok(piece)));
        }
    }
}

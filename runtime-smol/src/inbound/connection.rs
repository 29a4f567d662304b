//! One connection, in a task of its own: it drives the connection machine of `entra-mcp-http1`, RFC 9112 to
//! the letter, over a socket in which every wait has an end (threats L1 to L9, M6 to M11).

use std::{
    io,
    net::{Shutdown, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_io::Async;
use bytes::Bytes;
use entra_mcp_core::{
    error_responses,
    time::{Instant, Now},
};
use entra_mcp_http1::{Connection, Output, RequestHead, Timeouts};
use entra_mcp_runtime::{
    AdmittedHead, Clock, ConnectionPermit, Inbound, Received, Remainder, receive, timeouts_of,
};
use smol::{future, io::AsyncWrite as _};

use super::{ResponsePart, ResponseWriter, Serve, Service};
use crate::{
    executor::Executor,
    listen::{Closing, ConnectionGuard},
    queue::Receiver,
    work::{DetachOnDrop, LazyTimer},
};

/// After how many steps a connection lets the others of its thread have a turn.
const STEPS: u64 = 64;

/// Serves a connection to its end; the guard goes with it.
pub(crate) fn connection(
    socket: Async<TcpStream>,
    service: Arc<dyn Service>,
    executor: Executor,
    permit: Arc<ConnectionPermit>,
    closing: Closing,
    guard: ConnectionGuard,
) -> impl Future<Output = ()> + Send {
    let timeouts = timeouts_of(permit.kind());
    let mut driver = Driver::new(socket, service, executor, permit, closing, timeouts);
    // An idle stream is mostly this: its task holds the driver once. What is handed to an `async fn` it holds twice.
    async move {
        driver.run().await;
        drop(driver);
        drop(guard);
    }
}

/// The same, with as much patience as a test has.
#[cfg(test)]
pub(super) async fn serve(
    socket: Async<TcpStream>,
    service: Arc<dyn Service>,
    executor: Executor,
    permit: Arc<ConnectionPermit>,
    closing: Closing,
    timeouts: Timeouts,
) {
    let mut driver = Driver::new(socket, service, executor, permit, closing, timeouts);
    driver.run().await;
}

/// A connection that is being driven.
struct Driver {
    socket: Async<TcpStream>,
    machine: Connection,
    clock: Clock,
    service: Arc<dyn Service>,
    executor: Executor,
    inbound: Inbound,
    /// Until the server shuts down.
    closing: Option<Closing>,
    accepted: Option<Serve>,
    response: Option<PendingResponse>,
    /// Whether the socket was read empty: what comes then is told.
    is_drained: bool,
    /// One for all that the connection and its requests wait for.
    timer: LazyTimer,
}

/// A request that is being served: who does it, and the parts of its response.
struct PendingResponse {
    work: Option<DetachOnDrop>,
    remainder: Remainder,
    parts: Receiver<ResponsePart>,
}

impl Driver {
    fn new(
        socket: Async<TcpStream>,
        service: Arc<dyn Service>,
        executor: Executor,
        permit: Arc<ConnectionPermit>,
        closing: Closing,
        timeouts: Timeouts,
    ) -> Self {
        let clock = Clock::start();
        let mut machine = Connection::new(timeouts, clock.instant());
        // Without it an event written in two pieces waits for the first one's acknowledgement.
        if socket.get_ref().set_nodelay(true).is_err() {
            machine.fail();
        }
        let inbound = Inbound::new(permit, &mut machine, clock.instant());
        Self {
            socket,
            machine,
            clock,
            service,
            executor,
            inbound,
            closing: Some(closing),
            accepted: None,
            response: None,
            is_drained: false,
            timer: LazyTimer::new(),
        }
    }

    async fn run(&mut self) {
        let mut now = self.clock.now();
        for step in 1_u64.. {
            match self.machine.poll(now) {
                Output::Proxied(client) => self.inbound.proxied(&mut self.machine, client),
                Output::Head(head) => self.admit(*head, now),
                Output::Request(body) => self.begin(body),
                Output::ShutdownWrite => {
                    if self.socket.get_ref().shutdown(Shutdown::Write).is_err() {
                        self.machine.fail();
                    }
                }
                Output::Wait { reads: true, .. } if self.inbound.count(&mut self.machine, now) => {}
                Output::Wait { reads, until } => {
                    // The first look is in the same turn.
                    let mut turn = Some(now);
                    now = future::poll_fn(|cx| {
                        let is_woken = turn.is_none();
                        let now = turn.take().unwrap_or_else(|| self.clock.now());
                        self.poll_progress(cx, (reads, is_woken), until, now)
                    })
                    .await;
                    if step % STEPS == 0 {
                        future::yield_now().await;
                        now = self.clock.now();
                    }
                }
                Output::Close => return,
            }
        }
    }

    fn admit(&mut self, head: RequestHead, now: Now) {
        let (machine, service) = (&mut self.machine, &self.service);
        self.accepted = self.inbound.admit(machine, head, now, |head, origin| {
            let admitted = service.admit(head, origin)?;
            Ok(AdmittedHead {
                body_limit: admitted.body_limit,
                holder: admitted.holder,
                service: admitted.serve,
            })
        });
    }

    /// Begins to serve the request that was accepted.
    fn begin(&mut self, body: Bytes) {
        let (accepted, permit) = (self.accepted.take(), self.inbound.take_request());
        let (Some(serve), Some(permit)) = (accepted, permit) else {
            return self.machine.fail();
        };
        let (writer, parts) = ResponseWriter::new();
        let remainder = permit.remainder();
        // The panic barrier, as for the rest of the work. Without work there are no parts.
        let work = catch_unwind(AssertUnwindSafe(|| serve(body, writer, permit)));
        let work = work.ok();
        self.response = Some(PendingResponse {
            work: work.map(|work| DetachOnDrop::new(self.executor.clone(), work)),
            remainder,
            parts,
        });
    }

    /// Ready when something happened, and the machine is to be polled again: at which time. `is_woken` is whether the
    /// task was woken for it.
    fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        (reads, is_woken): (bool, bool),
        until: Option<Instant>,
        mut now: Now,
    ) -> Poll<Now> {
        let is_closing = self.poll_closing(cx);
        let has_responded = self.poll_response(cx, &mut now);
        let has_written = self.poll_write(cx, now.instant);
        let has_read = reads && self.poll_read(cx, is_woken);
        if is_closing || has_responded || has_written || has_read {
            return Poll::Ready(now);
        }
        let until = until.map(|until| self.clock.at(until));
        let response = self.response.as_ref();
        let of_work = response.and_then(|response| response.work.as_ref()?.deadline());
        match until.into_iter().chain(of_work).min() {
            Some(deadline) => self.timer.poll(cx, deadline).map(|()| self.clock.now()),
            None => Poll::Pending,
        }
    }

    /// When the server shuts down, the connection ends with the response that is under way. Streams that a client
    /// listens on have ended before.
    fn poll_closing(&mut self, cx: &Context<'_>) -> bool {
        let Some(closing) = &self.closing else {
            return false;
        };
        // Nothing is ever sent on this channel: it only ends.
        if closing.poll_next(cx).is_pending() {
            return false;
        }
        self.closing = None;
        self.machine.shut_down();
        true
    }

    /// Works on the request, and takes the next part of its response if the peer has taken those before.
    fn poll_response(&mut self, cx: &mut Context<'_>, now: &mut Now) -> bool {
        if self.machine.is_peer_disconnected() {
            // Dropping the parts tells the exchange; the work that is not done goes on elsewhere.
            if self.response.take().is_some() {
                self.machine.fail();
                return true;
            }
            return false;
        }
        let Some(response) = &mut self.response else {
            return false;
        };
        if let Some(work) = &mut response.work {
            if work.poll(cx, *now).is_ready() {
                response.work = None;
            }
            // A function of the program's may have taken long.
            *now = self.clock.now();
        }
        if !self.machine.is_writable() {
            return false;
        }
        let Poll::Ready(part) = response.parts.poll_next(cx) else {
            return false;
        };
        let (machine, now) = (&mut self.machine, *now);
        match part {
            Some(ResponsePart::Head(head)) => machine.open(&head, now),
            Some(ResponsePart::Bytes(bytes)) => self.inbound.write(machine, &bytes, now),
            Some(ResponsePart::Full(whole)) => {
                self.inbound.respond(machine, &whole, now);
                // A message of HTTP+SSE is accepted first and worked on then: elsewhere, so that the connection can
                // take its next request.
                if let Some(PendingResponse {
                    work: Some(work),
                    remainder,
                    ..
                }) = self.response.take()
                {
                    work.remain(remainder);
                }
            }
            Some(ResponsePart::End) => {
                machine.close(now);
                self.response = None;
            }
            // The exchange ended without an answer, or in the middle of one: it had a bug.
            None => {
                machine.abort();
                machine.respond(&error_responses::internal_error(), now);
                self.response = None;
            }
        }
        true
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.machine.pending().is_empty() {
            return false;
        }
        match Pin::new(&mut self.socket).poll_write(cx, self.machine.pending()) {
            Poll::Ready(Ok(length)) if length > 0 => {
                self.machine.written(length, now);
                if self.machine.pending().is_empty() {
                    self.inbound.written();
                }
                true
            }
            Poll::Ready(_) => {
                self.machine.fail();
                true
            }
            Poll::Pending => false,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, is_woken: bool) -> bool {
        // Between two requests a connection is woken by little else than by what has come, and to look is cheaper than
        // to be woken twice: `async-io` takes an event for an old one if it waited for events when it was told that
        // this one is wanted.
        let mut looks = is_woken && self.response.is_none();
        loop {
            if self.is_drained {
                match self.socket.poll_readable(cx) {
                    Poll::Ready(Ok(())) => self.is_drained = false,
                    Poll::Ready(Err(_)) => break,
                    Poll::Pending if std::mem::take(&mut looks) => {}
                    Poll::Pending => return false,
                }
            }
            match receive(self.socket.get_ref(), &mut self.machine) {
                Ok(received) => {
                    self.is_drained = received == Received::All;
                    return true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_drained = true,
                Err(_) => break,
            }
        }
        self.machine.fail();
        true
    }
}

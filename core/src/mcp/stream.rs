//! GET /sse and GET /mcp: the long-lived streams.
//!
//! ```text
//! Lookup --session--> Opening --counted--> Open --keep-alive, looks at the session--> Open
//!    |                   +--> 429            +--> closed: token ended, session gone, told to
//!    +--> 401, 400, 404
//! ```
//!
//! Both are counted by the hub. Every stream looks at its session each time it sends a keep-alive,
//! so that a revocation that another replica took ends it as well (threats.md I6, I7, M4, REV-07).
//!
//! Source: MCP specification 2024-11-05, HTTP with SSE; 2025-11-25, listening for messages.

#[cfg(test)]
mod tests;

use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;

use super::{
    Caller,
    caller::{Looked, Lookup},
    headers,
    session::McpSession,
    sse,
    streamable::{named_session, only_post},
    v2024_11_05,
};
use crate::{
    ask::{Ask, Awaiting, Store},
    event::Event,
    exchange::{Cx, Next},
    http::answer,
    hub::{FromHub, FromHubKind, StreamId, StreamKind, ToHub, ToHubKind},
    limits,
    route::Route,
    session::record::Session,
    time::Instant,
};

/// The states.
#[derive(Debug)]
pub(crate) enum Stream {
    Lookup(Box<Waiting>),
    Opening(Box<Opening>),
    Open(Box<Open>),
}

/// The caller is looked up.
#[derive(Debug)]
pub(crate) struct Waiting {
    lookup: Lookup,
    kind: StreamKind,
    headers: HeaderMap,
    deadline: Instant,
}

/// The hub counts.
#[derive(Debug)]
pub(crate) struct Opening {
    caller: Box<Caller>,
    stream: StreamId,
    mcp_session: Option<McpSession>,
    deadline: Instant,
}

/// The stream is open.
#[derive(Debug)]
pub(crate) struct Open {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    /// The look at the session that is under way.
    looking: Option<Awaiting<Store>>,
    wake: Instant,
}

impl Stream {
    /// Begins an HTTP+SSE stream.
    pub(crate) fn open(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        Self::start(Route::Sse, StreamKind::Sse, request, cx)
    }

    /// Begins the GET stream of Streamable HTTP.
    pub(crate) fn listen(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        Self::start(Route::Mcp, StreamKind::Streamable, request, cx)
    }

    fn start(
        route: Route,
        kind: StreamKind,
        request: &Request<Bytes>,
        cx: &mut Cx<'_>,
    ) -> Next<Self> {
        let lookup = match Lookup::start(route, request.headers(), cx) {
            Ok(lookup) => lookup,
            Err(refusal) => return cx.done(*refusal),
        };
        Next::Go(Self::Lookup(Box::new(Waiting {
            lookup,
            kind,
            headers: headers::kept(request.headers()),
            deadline: cx.env.now.instant.after(limits::EXCHANGE),
        })))
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Next<Self> {
        match self {
            Self::Lookup(waiting) => waiting.handle(event, cx),
            Self::Opening(opening) => opening.handle(event, cx),
            Self::Open(open) => open.handle(event, cx),
        }
    }
}

impl Waiting {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Next<Stream> {
        match event {
            Event::Gone => return Next::Done,
            Event::Tick if cx.env.now.instant >= self.deadline => {
                return cx.done(answer::gateway_timeout());
            }
            Event::Tick => return Next::Go(Stream::Lookup(Box::new(self))),
            _ => {}
        }
        match self.lookup.handle(event, cx) {
            Looked::Waiting(lookup) => Next::Go(Stream::Lookup(Box::new(Self { lookup, ..self }))),
            Looked::Refused(refusal) => cx.done(*refusal),
            Looked::Found(caller) => {
                Self::found(self.kind, &self.headers, caller, self.deadline, cx)
            }
        }
    }

    fn found(
        kind: StreamKind,
        headers: &HeaderMap,
        caller: Box<Caller>,
        deadline: Instant,
        cx: &mut Cx<'_>,
    ) -> Next<Stream> {
        let (stream, mcp_session) = match kind {
            StreamKind::Sse => (StreamId(cx.entropy.bytes()), None),
            StreamKind::Streamable => {
                if let Some(refusal) = only_post(headers) {
                    return cx.done(refusal);
                }
                match named_session(headers, &caller, cx) {
                    Ok(session) => (session.id, Some(session)),
                    Err(refusal) => return cx.done(*refusal),
                }
            }
        };
        cx.tell(ToHub(ToHubKind::OpenStream {
            stream,
            owner: caller.owner,
            session: caller.session.id,
            kind,
        }));
        Next::Go(Stream::Opening(Box::new(Opening {
            caller,
            stream,
            mcp_session,
            deadline,
        })))
    }
}

impl Opening {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Next<Stream> {
        match event {
            Event::Told(FromHub(FromHubKind::StreamOpened(true))) => self.open(cx),
            Event::Told(FromHub(FromHubKind::StreamOpened(false))) => cx.done(answer::text(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many streams are open. Close one first.\n",
            )),
            Event::Gone => leave(cx),
            Event::Tick if cx.env.now.instant >= self.deadline => {
                cx.respond(answer::gateway_timeout());
                leave(cx)
            }
            _ => Next::Go(Stream::Opening(Box::new(self))),
        }
    }

    fn open(self, cx: &mut Cx<'_>) -> Next<Stream> {
        cx.open(sse::head());
        let first = match self.mcp_session {
            None => v2024_11_05::endpoint_event(self.stream),
            // Flushes the head through proxies that wait for a byte of the body.
            Some(_) => Bytes::from_static(sse::KEEP_ALIVE),
        };
        cx.write(first);
        Open {
            caller: self.caller,
            mcp_session: self.mcp_session,
            looking: None,
            wake: cx.env.now.instant,
        }
        .sleep(cx)
    }
}

impl Open {
    /// Until the next keep-alive, or the end of the token if that comes first.
    fn sleep(mut self, cx: &mut Cx<'_>) -> Next<Stream> {
        let now = cx.env.now;
        let rest = self.caller.verified.expires.until(now.unix);
        self.wake = now.instant.after(limits::KEEP_ALIVE.min(rest));
        self.stay(cx)
    }

    fn stay(self, cx: &mut Cx<'_>) -> Next<Stream> {
        cx.wait_until(self.wake);
        Next::Go(Stream::Open(Box::new(self)))
    }

    fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Next<Stream> {
        match event {
            Event::Told(FromHub(FromHubKind::Deliver(bytes))) => {
                cx.write(bytes);
                self.stay(cx)
            }
            Event::Told(FromHub(FromHubKind::EndStream)) | Event::Gone => close(cx),
            Event::Tick if cx.env.now.unix >= self.caller.verified.expires => close(cx),
            Event::Tick if cx.env.now.instant >= self.wake => {
                cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                // A store that is slower than a keep-alive is not asked twice.
                if self.looking.is_none() {
                    let get = Store::Get(self.caller.session.id.key());
                    self.looking = Some(cx.store(get));
                }
                self.sleep(cx)
            }
            Event::Stored(answered) => {
                let Some(awaiting) = self.looking.take() else {
                    return self.stay(cx);
                };
                match awaiting.take(answered) {
                    Some(answer) if self.is_over(&answer, cx) => close(cx),
                    Some(_) => self.stay(cx),
                    None => {
                        self.looking = Some(awaiting);
                        self.stay(cx)
                    }
                }
            }
            _ => self.stay(cx),
        }
    }

    /// Whether the session, or the MCP session, is gone. A store that is down says nothing.
    fn is_over(&self, answer: &<Store as Ask>::Answer, cx: &Cx<'_>) -> bool {
        let Ok(stored) = answer else {
            return false;
        };
        let id = self.caller.session.id;
        let keys = &cx.env.server.keys;
        let opened = stored
            .as_ref()
            .and_then(|stored| Session::open(id, stored, keys));
        let Some((session, _)) = opened else {
            return true;
        };
        self.mcp_session
            .is_some_and(|mcp_session| !mcp_session.lives_in(&session))
    }
}

fn close(cx: &mut Cx<'_>) -> Next<Stream> {
    cx.close();
    leave(cx)
}

fn leave(cx: &mut Cx<'_>) -> Next<Stream> {
    cx.tell(ToHub(ToHubKind::LeaveStream));
    Next::Done
}

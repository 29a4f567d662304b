//! GET /sse, GET /mcp and `subscriptions/listen`: the long-lived streams.
//!
//! ```text
//! Lookup --session--> Opening --counted--> Open --keep-alive, looks at the session--> Open
//!    |       |           ^   +--> 429        +--> closed: token ended, session gone, told to
//!    |       +--> Resuming (Last-Event-ID)
//!    +--> 401, 400, 404
//! ```
//!
//! All are counted by the hub. Every stream looks at its session each time it sends a keep-alive,
//! so that a revocation that another replica took ends it as well (threats I6, I7, M4).
//!
//! Source: MCP specification 2024-11-05, HTTP with SSE; 2025-11-25, listening for messages, resumability;
//! 2026-07-28, subscriptions.

#[cfg(test)]
mod tests;

use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;

use super::{
    Caller,
    caller::{Looked, Lookup},
    event_id::EventId,
    headers,
    json_rpc::Id,
    server_messages,
    session::McpSession,
    session_monitor::{Due, Watch},
    sse,
    streamable_http::{named_session, only_post},
    v2024_11_05, v2026_07_28,
};
use crate::{
    event::Event,
    http::response,
    hub::{FromHub, FromHubKind, StreamKind, ToHub, ToHubKind, Wants},
    id::StreamId,
    limits,
    route::Route,
    step::{Cx, Progress},
    time::Instant,
};

/// The header that names the event that a client got last.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Debug)]
pub(crate) enum Stream {
    Lookup(Box<Waiting>),
    Resuming(Box<Resuming>),
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

/// The hub looks what followed the event that the client got last.
#[derive(Debug)]
pub(crate) struct Resuming {
    caller: Box<Caller>,
    mcp_session: McpSession,
    deadline: Instant,
}

/// The hub counts.
#[derive(Debug)]
pub(crate) struct Opening {
    caller: Box<Caller>,
    stream: StreamId,
    mcp_session: Option<McpSession>,
    deadline: Instant,
    opens: Opens,
}

/// What is opened.
#[derive(Debug)]
enum Opens {
    /// A stream of its own.
    Stream,
    /// The answer of `subscriptions/listen`.
    Listens(Listens),
    /// The rest of a stream that was lost, with the events that followed; and whether it goes on.
    Rest(Vec<Bytes>, bool),
}

/// The stream is open.
#[derive(Debug)]
pub(crate) struct Open {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    watch: Watch,
    /// The request that this stream answers: `subscriptions/listen`.
    listens: Option<Listens>,
}

/// What a `subscriptions/listen` asked for.
#[derive(Clone, Debug)]
pub(crate) struct Listens {
    pub(crate) id: Id,
    pub(crate) wants: Wants,
}

impl Stream {
    /// Begins an HTTP+SSE stream.
    pub(crate) fn open(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        Self::start(Route::Sse, StreamKind::Sse, request, cx)
    }

    /// Begins the GET stream of Streamable HTTP.
    pub(crate) fn listen(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        Self::start(Route::Mcp, StreamKind::Streamable, request, cx)
    }

    fn start(
        route: Route,
        kind: StreamKind,
        request: &Request<Bytes>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let lookup = match Lookup::start(route, request.headers(), cx) {
            Ok(lookup) => lookup,
            Err(refusal) => return cx.done(*refusal),
        };
        let deadline = cx.env.now.instant.after(limits::EXCHANGE_TIMEOUT);
        let headers = headers::kept(request.headers());
        Waiting {
            lookup,
            kind,
            headers,
            deadline,
        }
        .wait()
    }

    /// Answers `subscriptions/listen` (2026-07-28).
    pub(crate) fn subscribe(to: Listens, caller: Box<Caller>, cx: &mut Cx<'_>) -> Progress<Self> {
        let stream = StreamId(cx.entropy.bytes());
        let kind = StreamKind::Listen(to.wants.clone());
        let deadline = cx.env.now.instant.after(limits::EXCHANGE_TIMEOUT);
        cx.wait_until(deadline);
        let opens = Opens::Listens(to);
        Opening::start(caller, (stream, kind), None, opens, deadline, cx)
    }

    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Lookup(waiting) => waiting.handle(event, cx),
            Self::Resuming(resuming) => resuming.handle(event, cx),
            Self::Opening(opening) => opening.handle(event, cx),
            Self::Open(open) => open.handle(event, cx),
        }
    }
}

impl Waiting {
    fn wait(self) -> Progress<Stream> {
        Progress::Pending(Stream::Lookup(Box::new(self)))
    }

    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Stream> {
        match event {
            Event::Disconnected => return Progress::Ready(()),
            Event::Tick if cx.env.now.instant >= self.deadline => {
                return cx.done(response::gateway_timeout());
            }
            Event::Tick => return self.wait(),
            _ => {}
        }
        match self.lookup.handle(event, cx) {
            Looked::Waiting(lookup) => Self { lookup, ..self }.wait(),
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
    ) -> Progress<Stream> {
        let (stream, mcp_session) = match kind {
            StreamKind::Streamable => {
                if let Some(refusal) = only_post(headers) {
                    return cx.done(refusal);
                }
                match named_session(headers, &caller, cx) {
                    Ok(session) => (session.id, Some(session)),
                    Err(refusal) => return cx.done(*refusal),
                }
            }
            _ => (StreamId(cx.entropy.bytes()), None),
        };
        if let (Some(mcp_session), true) = (mcp_session, headers.contains_key(LAST_EVENT_ID)) {
            return Resuming::start(headers, caller, mcp_session, deadline, cx);
        }
        let opened = (stream, kind);
        Opening::start(caller, opened, mcp_session, Opens::Stream, deadline, cx)
    }
}

impl Resuming {
    fn start(
        headers: &HeaderMap,
        caller: Box<Caller>,
        mcp_session: McpSession,
        deadline: Instant,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        let last = headers::one(headers, LAST_EVENT_ID);
        let Some(at) = last.ok().flatten().and_then(EventId::parse) else {
            return cx.done(no_such_event());
        };
        cx.to_hub(ToHub(ToHubKind::Resume {
            at: (at.stream, at.number),
            owner: caller.owner,
            session: mcp_session.id,
        }));
        Progress::Pending(Stream::Resuming(Box::new(Self {
            caller,
            mcp_session,
            deadline,
        })))
    }

    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Stream> {
        match event {
            Event::FromHub(FromHub(FromHubKind::Resumed(Some((events, goes_on))))) => {
                let rest = Opens::Rest(events, goes_on);
                // It is counted like any stream, under a name of its own: what is told to all is not
                // told twice.
                let stream = (StreamId(cx.entropy.bytes()), StreamKind::Rest);
                let (caller, session) = (self.caller, Some(self.mcp_session));
                Opening::start(caller, stream, session, rest, self.deadline, cx)
            }
            Event::FromHub(FromHub(FromHubKind::Resumed(None))) => cx.done(no_such_event()),
            Event::Disconnected => leave(cx),
            Event::Tick if cx.env.now.instant >= self.deadline => {
                cx.respond(response::gateway_timeout());
                leave(cx)
            }
            _ => Progress::Pending(Stream::Resuming(Box::new(self))),
        }
    }
}

fn no_such_event() -> ::http::Response<Bytes> {
    response::text(
        StatusCode::BAD_REQUEST,
        "There is no such event to go on from, or it is no longer kept.\n",
    )
}

impl Opening {
    fn start(
        caller: Box<Caller>,
        (stream, kind): (StreamId, StreamKind),
        mcp_session: Option<McpSession>,
        opens: Opens,
        deadline: Instant,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        cx.to_hub(ToHub(ToHubKind::OpenStream {
            stream,
            owner: caller.owner,
            session: caller.session.id,
            kind,
        }));
        Progress::Pending(Stream::Opening(Box::new(Self {
            caller,
            stream,
            mcp_session,
            deadline,
            opens,
        })))
    }

    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Stream> {
        match event {
            Event::FromHub(FromHub(FromHubKind::StreamOpened(true))) => self.open(cx),
            Event::FromHub(FromHub(FromHubKind::StreamOpened(false))) => cx.done(response::text(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many streams are open. Close one first.\n",
            )),
            Event::Disconnected => leave(cx),
            Event::Tick if cx.env.now.instant >= self.deadline => {
                cx.respond(response::gateway_timeout());
                leave(cx)
            }
            _ => Progress::Pending(Stream::Opening(Box::new(self))),
        }
    }

    fn open(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        cx.open(sse::head());
        let mut listens = None;
        match self.opens {
            Opens::Stream if self.mcp_session.is_none() => {
                cx.write(v2024_11_05::endpoint_event(self.stream));
            }
            // Flushes the head through proxies that wait for a byte of the body.
            Opens::Stream => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
            Opens::Listens(request) => {
                let json = v2026_07_28::acknowledged(&request);
                cx.write(sse::event("message", &json));
                listens = Some(request);
            }
            Opens::Rest(events, goes_on) => {
                cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                for event in events {
                    cx.write(event);
                }
                if !goes_on {
                    return close(cx);
                }
            }
        }
        let watch = Watch::new(&self.caller, cx);
        Open {
            caller: self.caller,
            mcp_session: self.mcp_session,
            watch,
            listens,
        }
        .stay(cx)
    }
}

impl Open {
    fn stay(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        cx.wait_until(self.watch.wake());
        Progress::Pending(Stream::Open(Box::new(self)))
    }

    fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Stream> {
        match event {
            Event::FromHub(FromHub(FromHubKind::Deliver(bytes))) => cx.write(bytes),
            Event::FromHub(FromHub(FromHubKind::Changed(change))) => {
                let id = self.listens.as_ref().map(|listens| &listens.id);
                cx.write(sse::event(
                    "message",
                    &server_messages::changed(&change, id),
                ));
            }
            Event::FromHub(FromHub(FromHubKind::EndStream)) => return self.end(cx),
            Event::Disconnected => return close(cx),
            Event::Tick => match self.watch.tick(&self.caller, cx) {
                Due::Nothing => {}
                Due::KeepAlive => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
                Due::Over => return self.end(cx),
            },
            Event::Stored(answered) if self.watch.waits_for(&answered) => {
                let session = self.mcp_session.as_ref();
                if self.watch.is_over(answered, &self.caller, session, cx) {
                    return self.end(cx);
                }
            }
            _ => {}
        }
        self.stay(cx)
    }

    /// The server ends it: a `subscriptions/listen` is answered at last.
    fn end(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        if let Some(listens) = &self.listens {
            let json = v2026_07_28::listened(&listens.id, &cx.env.server.catalog);
            cx.write(sse::event("message", &json));
        }
        close(cx)
    }
}

fn close(cx: &mut Cx<'_>) -> Progress<Stream> {
    cx.close();
    leave(cx)
}

fn leave(cx: &mut Cx<'_>) -> Progress<Stream> {
    cx.to_hub(ToHub(ToHubKind::LeaveStream));
    Progress::Ready(())
}

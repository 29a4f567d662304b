//! GET /sse, GET /mcp and `subscriptions/listen`: the long-lived streams.
//!
//! ```text
//! Authenticate --session--> Opening --counted--> Open --keep-alive, looks at the session--> Open
//!    |                         +--> 429, 400     +--> closed: token expired, session gone, ended by the hub
//!    +--> 401, 400, 404
//! ```
//!
//! All are counted by the hub. Every stream looks at its session each time it sends a keep-alive,
//! so that a revocation that another replica took ends it as well (threats I6, I7, M4). What is sent on it waits
//! in the hub until the stream asks for it, so a client that reads slowly costs a bounded queue and nothing else.
//!
//! Source: MCP specification 2024-11-05, HTTP with SSE; 2025-11-25, listening for messages, resumability;
//! 2026-07-28, subscriptions.

mod open;
#[cfg(test)]
mod tests;

use ::http::StatusCode;
use bytes::Bytes;
use entra_mcp_http1::RequestHead;

use self::open::Open;
use super::{
    authenticate::Authenticate, event_id::EventId, headers, session::McpSession,
    v2026_07_28::subscriptions::Subscription,
};
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    env::Server,
    event::Input,
    gateway::RawMessage,
    http::response,
    hub::{OpenStream, StreamKind, StreamRefusal, SubscriptionFilter, ToHub, ToHubKind},
    id::{McpSessionId, UserId},
    json_rpc::Id,
    limits,
    mcp::session::{named_session, only_post},
    step::{Cx, Progress},
    time::Instant,
};

/// The header that names the event that a client got last.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Debug)]
pub(crate) enum Stream {
    Authenticating(Box<Waiting>),
    Opening(Box<Opening>),
    Open(Box<Open>),
}

/// The transport that a stream is of.
#[derive(Clone, Copy, Debug)]
enum Transport {
    Sse,
    Streamable,
}

/// The caller is looked up.
#[derive(Debug)]
pub(crate) struct Waiting {
    lookup: Authenticate,
    transport: Transport,
    headers: headers::McpHeaders,
    deadline: Instant,
}

/// The hub counts.
#[derive(Debug)]
pub(crate) struct Opening {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    deadline: Instant,
    content: Content,
    awaiting: Awaiting<OpenStream>,
}

/// What is opened.
#[derive(Debug)]
enum Content {
    /// The HTTP+SSE stream of this MCP session.
    Sse(McpSessionId),
    /// The GET stream of Streamable HTTP.
    Standalone,
    /// The response of `subscriptions/listen`.
    Subscription(Subscription),
    /// The rest of a response that was lost.
    Resumed,
    /// The response of `subscriptions/listen`, as the backend gives it.
    Forwarded(Id, Box<RawMessage>),
}

impl Stream {
    /// Begins an HTTP+SSE stream.
    pub(crate) fn open(lookup: Authenticate, head: &RequestHead, cx: &Cx<'_>) -> Progress<Self> {
        Self::start(lookup, Transport::Sse, head, cx)
    }

    /// Begins the GET stream of Streamable HTTP.
    pub(crate) fn listen(lookup: Authenticate, head: &RequestHead, cx: &Cx<'_>) -> Progress<Self> {
        Self::start(lookup, Transport::Streamable, head, cx)
    }

    fn start(
        lookup: Authenticate,
        transport: Transport,
        head: &RequestHead,
        cx: &Cx<'_>,
    ) -> Progress<Self> {
        Progress::Pending(Self::Authenticating(Box::new(Waiting {
            lookup,
            transport,
            headers: headers::McpHeaders::of(&head.headers),
            deadline: cx.env.now.instant.after(limits::EXCHANGE_TIMEOUT),
        })))
    }

    /// Answers `subscriptions/listen` (2026-07-28).
    pub(crate) fn subscribe(
        subscription: Subscription,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let kind = StreamKind::Subscription(subscription.filter.clone());
        let deadline = cx.env.now.instant.after(limits::EXCHANGE_TIMEOUT);
        cx.wait_until(deadline);
        let content = Content::Subscription(subscription);
        Opening::start(caller, kind, None, content, deadline, cx)
    }

    /// Has the backend answer `subscriptions/listen` (2026-07-28).
    pub(crate) fn subscribe_at_backend(
        (id, message): (Id, Box<RawMessage>),
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let deadline = cx.env.now.instant.after(limits::EXCHANGE_TIMEOUT);
        cx.wait_until(deadline);
        let content = Content::Forwarded(id, message);
        let kind = StreamKind::Subscription(SubscriptionFilter::default());
        Opening::start(caller, kind, None, content, deadline, cx)
    }

    pub(crate) fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Authenticating(waiting) => waiting.handle(input, cx),
            Self::Opening(opening) => opening.handle(input, cx),
            Self::Open(open) => open.handle(input, cx),
        }
    }
}

impl Waiting {
    fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Stream> {
        match input {
            Input::Disconnected => Progress::Ready(()),
            Input::Tick if cx.env.now.instant >= self.deadline => {
                cx.done(response::gateway_timeout())
            }
            Input::Answer(answer) => match self.lookup.handle(answer, cx) {
                Progress::Pending(lookup) => {
                    let waiting = Box::new(Self { lookup, ..self });
                    Progress::Pending(Stream::Authenticating(waiting))
                }
                Progress::Ready(Err(refusal)) => cx.done(*refusal),
                Progress::Ready(Ok(caller)) => {
                    Self::found(self.transport, &self.headers, caller, self.deadline, cx)
                }
            },
            // It is neither a call nor a task.
            Input::Tick
            | Input::Call(_)
            | Input::Task(_)
            | Input::Process(_)
            | Input::ReplayTakenOver => Progress::Pending(Stream::Authenticating(Box::new(self))),
        }
    }

    fn found(
        transport: Transport,
        headers: &headers::McpHeaders,
        caller: Box<Caller>,
        deadline: Instant,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        let mcp_session = match transport {
            Transport::Sse => {
                let id = McpSessionId(cx.entropy.bytes());
                let (kind, content) = (StreamKind::Sse(id), Content::Sse(id));
                return Opening::start(caller, kind, None, content, deadline, cx);
            }
            Transport::Streamable => {
                if let Some(refusal) = only_post(headers) {
                    return cx.done(refusal);
                }
                match named_session(headers, &caller, cx) {
                    Ok(session) => session,
                    Err(refusal) => return cx.done(*refusal),
                }
            }
        };
        let id = mcp_session.id;
        let (kind, content) = match headers::one(headers, LAST_EVENT_ID) {
            Ok(None) => (StreamKind::Standalone(id), Content::Standalone),
            last => {
                let Some(last) = last.ok().flatten().and_then(EventId::parse) else {
                    return cx.done(no_such_event(cx.env.server));
                };
                let kind = StreamKind::Resumed {
                    mcp_session: id,
                    stream: last.stream,
                    after: last.number,
                };
                (kind, Content::Resumed)
            }
        };
        Opening::start(caller, kind, Some(mcp_session), content, deadline, cx)
    }
}

/// Events are kept where they were sent.
fn no_such_event(server: &Server) -> ::http::Response<Bytes> {
    response::text(
        StatusCode::BAD_REQUEST,
        match server.has_replicas() {
            false => "There is no such event to go on from, or it is no longer kept.\n",
            true => {
                "There is no such event to go on from here: it is no longer kept, or another replica of this server \
                 has sent it. Try again, or repeat the request.\n"
            }
        },
    )
}

impl Opening {
    fn start(
        caller: Box<Caller>,
        kind: StreamKind,
        mcp_session: Option<McpSession>,
        content: Content,
        deadline: Instant,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        let settings = &caller.session.outline.mcp_settings;
        let subscriptions = mcp_session
            .as_ref()
            .map(|one| settings.subscriptions(one.id));
        let awaiting = cx.ask_hub(|ticket| ToHubKind::OpenStream {
            ticket,
            principal: caller.principal_id,
            user: UserId::of(&caller.session.user.tenant_id, &caller.session.user.oid),
            session: caller.session.id,
            token_expires: caller.expires,
            kind,
            subscriptions: subscriptions.unwrap_or_default(),
        });
        Progress::Pending(Stream::Opening(Box::new(Self {
            caller,
            mcp_session,
            deadline,
            content,
            awaiting,
        })))
    }

    fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Stream> {
        match input {
            Input::Answer(answer) => {
                let Self {
                    caller,
                    mcp_session,
                    content,
                    awaiting,
                    ..
                } = self;
                match awaiting.into_answer(answer) {
                    Ok(()) => Open::start(caller, mcp_session, content, cx),
                    Err(refusal) => cx.done(refused(refusal, cx.env.server)),
                }
            }
            Input::Disconnected => unregister(cx),
            Input::Tick if cx.env.now.instant >= self.deadline => {
                cx.respond(response::gateway_timeout());
                unregister(cx)
            }
            // It is neither a call nor a task.
            Input::Tick
            | Input::Call(_)
            | Input::Task(_)
            | Input::Process(_)
            | Input::ReplayTakenOver => Progress::Pending(Stream::Opening(Box::new(self))),
        }
    }
}

fn refused(refusal: StreamRefusal, server: &Server) -> ::http::Response<Bytes> {
    match refusal {
        StreamRefusal::NoSuchEvent => no_such_event(server),
        StreamRefusal::ShuttingDown => response::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is shutting down.\n",
        ),
        StreamRefusal::TooMany => response::text(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many streams are open. Close one first.\n",
        ),
    }
}

fn close(cx: &mut Cx<'_>) -> Progress<Stream> {
    cx.close();
    unregister(cx)
}

fn unregister(cx: &mut Cx<'_>) -> Progress<Stream> {
    cx.to_hub(ToHub(ToHubKind::CloseStream));
    Progress::Ready(())
}

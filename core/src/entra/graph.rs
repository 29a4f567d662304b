//! Microsoft Graph: one GET as the signed-in user, with their own token.
//!
//! ```text
//! Token --ready--> Sent --200--> answered
//!   |               | 401, once: Token again, with a token that is surely new
//!   |               | 401 again: Ending, until the session is deleted
//!   +--> session over, or Entra out of reach
//! ```
//!
//! What Graph says in an error stays here: the message for the user is our own
//! (threat O1).
//!
//! Source: Microsoft Graph, "Error responses and resource types" and "Throttling guidance".

use std::{borrow::Cow, sync::Arc, time::Duration};

use ::http::StatusCode;
use bytes::Bytes;

use super::{
    access_token::AccessTokenError,
    caller_token::{CallerToken, CallerTokenProgress, Credentials},
    graph_fetch,
};
use crate::{
    admit::caller::Caller,
    ask::{Ask, Awaiting, Fetch},
    event::Answer,
    fault::Fault,
    hub::{ToHub, ToHubKind},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    secret::Secret,
    session::ending::EndingSession,
    step::{Cx, Progress},
    throttle::{self, Throttled, whole_seconds},
};

/// A GET under way.
#[derive(Debug)]
pub(crate) struct GraphRequest {
    /// Path and query, relative to Graph's base address. Never spliced from arguments (threat P9).
    path: String,
    asker: Box<Asker>,
    state: State,
}

/// On behalf of whom Graph is asked.
#[derive(Debug)]
struct Asker {
    credentials: Credentials,
    /// Graph has refused the token that was at hand, and this is a new one.
    renewed: bool,
}

#[derive(Debug)]
enum State {
    Token(CallerToken),
    Sent(Awaiting<Fetch>),
    Ending(EndingSession),
}

/// How far a GET is, and what it results in: the body of a 200.
pub(crate) type GraphProgress = Progress<GraphRequest, Result<Bytes, GraphError>>;

fn failed(error: GraphError) -> GraphProgress {
    Progress::Ready(Err(error))
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GraphError {
    /// The user must sign in again: the session is deleted, its streams are not closed yet.
    SessionEnded,
    /// The caller's token of Entra's must satisfy these claims.
    ClaimsRequired(Arc<String>),
    /// 403.
    NotAllowed,
    /// There is no token for this, and why.
    Denied(&'static str),
    /// 404.
    NotFound,
    /// 429, or another request was: not before so many seconds.
    Throttled(u64),
    /// 5xx, or no connection.
    Unavailable,
    /// Entra, which gives the tokens, could not be asked.
    EntraUnavailable,
    /// Entra refuses this server's own registration.
    Misconfigured,
    /// The session, which holds the tokens, could not be read or written.
    StoreUnavailable,
    /// Anything else.
    Unexpected,
}

impl GraphError {
    /// The token, without which Graph is not asked, could not be got.
    fn of_token(fault: Fault) -> Self {
        match fault {
            Fault::Entra | Fault::Throttled(_) => Self::EntraUnavailable,
            Fault::Configuration => Self::Misconfigured,
            Fault::Store => Self::StoreUnavailable,
        }
    }

    /// For the model and the user.
    pub(crate) fn message(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Throttled(seconds) => {
                return Cow::Owned(format!(
                    "Microsoft Graph has had too many requests. Please try again in {seconds} seconds."
                ));
            }
            Self::Denied(reason) => reason,
            Self::SessionEnded | Self::ClaimsRequired(_) => {
                "The session has ended. Please sign in again."
            }
            Self::NotAllowed => {
                "Microsoft Graph does not allow this: the permission is missing, or a policy of \
                 the organization forbids it."
            }
            Self::NotFound => "Microsoft Graph does not know what was asked for.",
            Self::Unavailable => {
                "Microsoft Graph cannot be reached at the moment. Please try again later."
            }
            Self::EntraUnavailable => {
                "Microsoft Entra ID cannot be reached at the moment. Please try again later."
            }
            Self::Misconfigured => {
                "Microsoft Entra ID refuses this server itself. Its operator must look at its log."
            }
            Self::StoreUnavailable => {
                "This server cannot read its sessions at the moment. Please try again later."
            }
            Self::Unexpected => "Microsoft Graph gave an answer that this server does not expect.",
        })
    }
}

impl GraphRequest {
    pub(crate) fn start(path: String, caller: &Caller, cx: &mut Cx<'_>) -> GraphProgress {
        let asker = Box::new(Asker {
            credentials: Credentials::of(caller),
            renewed: false,
        });
        let step = CallerToken::for_graph(&asker.credentials, cx);
        Self::token(path, asker, step, cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> GraphProgress {
        match self.state {
            State::Token(access) => {
                let step = access.handle(answer, cx);
                Self::token(self.path, self.asker, step, cx)
            }
            State::Sent(awaiting) => {
                let answer = awaiting.into_answer(answer);
                Self::answered(self.path, self.asker, answer, cx)
            }
            State::Ending(ending) => match ending.handle(answer, cx) {
                Ok(()) => failed(GraphError::SessionEnded),
                Err(_) => failed(GraphError::StoreUnavailable),
            },
        }
    }

    fn ending(path: String, asker: Box<Asker>, ending: EndingSession) -> GraphProgress {
        let state = State::Ending(ending);
        Progress::Pending(Self { path, asker, state })
    }

    fn sent(path: String, asker: Box<Asker>, awaiting: Awaiting<Fetch>) -> GraphProgress {
        let state = State::Sent(awaiting);
        Progress::Pending(Self { path, asker, state })
    }

    fn token(
        path: String,
        asker: Box<Asker>,
        step: CallerTokenProgress,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        match step {
            Progress::Pending(access) => {
                let state = State::Token(access);
                Progress::Pending(Self { path, asker, state })
            }
            Progress::Ready(Ok(token)) => match throttled(&asker, cx) {
                Some(wait) => failed(GraphError::Throttled(whole_seconds(wait))),
                None => Self::send(path, asker, &token, cx),
            },
            Progress::Ready(Err(error)) => failed(match error {
                AccessTokenError::SessionEnded => GraphError::SessionEnded,
                AccessTokenError::ClaimsRequired(claims) => GraphError::ClaimsRequired(claims),
                AccessTokenError::Denied(reason) => GraphError::Denied(reason),
                AccessTokenError::Unavailable(fault) => GraphError::of_token(fault),
            }),
        }
    }

    fn send(
        path: String,
        asker: Box<Asker>,
        token: &Secret<String>,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        match graph_fetch::get(&path, token, cx) {
            Some(fetch) => {
                let awaiting = cx.fetch(fetch);
                Self::sent(path, asker, awaiting)
            }
            None => failed(GraphError::Unexpected),
        }
    }

    fn answered(
        path: String,
        asker: Box<Asker>,
        answer: <Fetch as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        let response = match answer {
            Ok(response) => response,
            Err(fault) => {
                let event = LogEvent::new(LogEventId::GraphUnreachable);
                cx.log(event.with(Field::Error, fault.as_str()));
                return failed(GraphError::Unavailable);
            }
        };
        let status = response.status();
        let refused = match status {
            StatusCode::OK => return Progress::Ready(Ok(response.into_body())),
            StatusCode::UNAUTHORIZED => return Self::unauthorized(path, asker, cx),
            StatusCode::FORBIDDEN => GraphError::NotAllowed,
            StatusCode::NOT_FOUND => GraphError::NotFound,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let wait = throttle::retry_after(response.headers());
                match wait.or((status == StatusCode::TOO_MANY_REQUESTS)
                    .then_some(limits::RETRY_AFTER_DEFAULT))
                {
                    Some(wait) => hold_back(wait, &asker, cx),
                    None => GraphError::Unavailable,
                }
            }
            status if status.is_server_error() => GraphError::Unavailable,
            _ => GraphError::Unexpected,
        };
        let event = match refused {
            GraphError::NotAllowed | GraphError::NotFound => LogEventId::GraphRefused,
            _ => LogEventId::GraphFailed,
        };
        let event = LogEvent::new(event).with(Field::Status, status.as_str());
        let id = response.headers().get("request-id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        cx.log(event.with(Field::GraphRequestId, id));
        failed(refused)
    }

    /// Revoked, or refused by policy: a new token shows whether Entra agrees. If Graph refuses that
    /// too, the session ends, so that the client does not refresh for ever but signs in
    /// (threat D11).
    fn unauthorized(path: String, mut asker: Box<Asker>, cx: &mut Cx<'_>) -> GraphProgress {
        if asker.renewed {
            cx.log(LogEventId::GraphNewTokenRefused);
            let Credentials::Session(session, _) = &asker.credentials else {
                return failed(GraphError::NotAllowed);
            };
            let ending = EndingSession::start(session.id, &session.outline, cx);
            if cx.env.server.has(Planted::WritesNotAwaited) {
                return failed(GraphError::SessionEnded);
            }
            return Self::ending(path, asker, ending);
        }
        cx.log(LogEventId::GraphTokenRefused);
        asker.renewed = true;
        let step = CallerToken::renew(&asker.credentials, cx);
        Self::token(path, asker, step, cx)
    }
}

/// How long this user's requests to Graph must still wait.
fn throttled(asker: &Asker, cx: &Cx<'_>) -> Option<Duration> {
    let requests = Throttled::Graph(asker.credentials.user().key());
    let wait = cx.env.entra.throttle.wait(&requests, cx.env.now.instant);
    wait.filter(|_| !cx.env.server.has(Planted::ThrottleIgnored))
}

/// Makes all of this user's requests to Graph wait.
fn hold_back(wait: Duration, asker: &Asker, cx: &mut Cx<'_>) -> GraphError {
    let requests = Throttled::Graph(asker.credentials.user().key());
    let until = cx.env.now.instant.after(wait);
    cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
    GraphError::Throttled(whole_seconds(wait))
}

//! Microsoft Graph: one request as the signed-in user, with their own token.
//!
//! ```text
//! Token --ready--> Sent --2xx--> answered
//!   |               | a link, and the request follows one: Linked, without the token --2xx--> answered
//!   |               | 401, once: Token again, with a token that is surely new, and satisfies the claims that Graph wants
//!   |               | 401 again: the user must satisfy the claims, or without any: Ending, until the session is deleted
//!   +--> session over, or Entra out of reach
//! ```
//!
//! What Graph says in an error goes to the function that asked, and not to the log (threat O1).
//!
//! Source: Microsoft Graph, "Error responses and resource types" and "Throttling guidance".

use std::time::Duration;

use ::http::{Response, StatusCode, header};
use bytes::Bytes;

use super::{
    access_token::AccessTokenError,
    caller_token::{CallerToken, CallerTokenProgress, Credentials},
    graph_fetch,
};
use crate::{
    admit::caller::Caller,
    ask::{Ask, AskId, Awaiting, Fetch, FetchFault},
    catalog::{GraphError, GraphRequest, GraphResponse},
    claims_challenge::ClaimsChallenge,
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

/// A request under way.
#[derive(Debug)]
pub(crate) struct AskGraph {
    asker: Box<Asker>,
    state: State,
}

/// What Graph is asked, and on behalf of whom.
#[derive(Debug)]
struct Asker {
    request: GraphRequest,
    credentials: Credentials,
    /// Graph has refused the token that was at hand, and this is a new one.
    renewed: bool,
    /// For how long the answer is kept open; `None`: it is read as a whole.
    kept_open: Option<Duration>,
}

#[derive(Debug)]
enum State {
    Token(CallerToken),
    Sent(Awaiting<Fetch>),
    Linked(Awaiting<Fetch>),
    Ending(EndingSession),
}

/// How far a request is, and what it results in.
pub(crate) type GraphProgress = Progress<AskGraph, Result<GraphAnswer, GraphEnd>>;

/// What Graph answers.
#[derive(Clone, Debug)]
pub(crate) enum GraphAnswer {
    /// The whole.
    Whole(GraphResponse),
    /// The head; of this ask's answer the body is kept open.
    Open(GraphResponse, AskId),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GraphEnd {
    /// The user must sign in again: the session is deleted, its streams are not closed yet.
    SessionEnded,
    /// The user must satisfy these claims first.
    ClaimsRequired(ClaimsChallenge),
    /// The function is told so.
    Failed(Box<GraphError>),
}

fn failed(error: GraphError) -> GraphProgress {
    end(GraphEnd::Failed(Box::new(error)))
}

fn end(end: GraphEnd) -> GraphProgress {
    Progress::Ready(Err(end))
}

fn store_unavailable() -> GraphProgress {
    failed(of_token(Fault::Store))
}

/// The token, without which Graph is not asked, could not be got.
fn of_token(fault: Fault) -> GraphError {
    GraphError::no_answer(super::caller_token::no_token(fault))
}

impl AskGraph {
    pub(crate) fn start(
        request: GraphRequest,
        kept_open: Option<Duration>,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        if let Err(error) = request.check() {
            return failed(error);
        }
        let asker = Box::new(Asker {
            request,
            credentials: Credentials::of(caller, cx.env.server),
            renewed: false,
            kept_open,
        });
        let step = CallerToken::for_graph(&asker.credentials, cx);
        Self::token(asker, step, cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> GraphProgress {
        match self.state {
            State::Token(access) => {
                let step = access.handle(answer, cx);
                Self::token(self.asker, step, cx)
            }
            State::Sent(awaiting) => {
                let ask = awaiting.id();
                let answer = awaiting.into_answer(answer);
                Self::answered(self.asker, ask, answer, cx)
            }
            State::Linked(awaiting) => {
                let ask = awaiting.id();
                match received(awaiting.into_answer(answer), &self.asker, cx) {
                    Ok(response) if response.status().is_success() => {
                        found(response, ask, &self.asker)
                    }
                    Ok(response) => refused(&response, cx),
                    Err(error) => failed(error),
                }
            }
            State::Ending(ending) => match ending.handle(answer, cx) {
                Ok(()) => end(GraphEnd::SessionEnded),
                Err(_) => store_unavailable(),
            },
        }
    }

    fn waiting(asker: Box<Asker>, state: State) -> GraphProgress {
        Progress::Pending(Self { asker, state })
    }

    fn token(asker: Box<Asker>, step: CallerTokenProgress, cx: &mut Cx<'_>) -> GraphProgress {
        match step {
            Progress::Pending(access) => Self::waiting(asker, State::Token(access)),
            Progress::Ready(Ok(token)) => match throttled(&asker, cx) {
                Some(wait) => failed(too_many(wait)),
                None => Self::send(asker, &token, cx),
            },
            Progress::Ready(Err(error)) => match error {
                AccessTokenError::SessionEnded => end(GraphEnd::SessionEnded),
                AccessTokenError::ClaimsRequired(claims) => end(GraphEnd::ClaimsRequired(claims)),
                AccessTokenError::Denied(reason) => failed(GraphError::no_answer(reason)),
                AccessTokenError::Unavailable(fault) => failed(of_token(fault)),
            },
        }
    }

    fn send(asker: Box<Asker>, token: &Secret<String>, cx: &mut Cx<'_>) -> GraphProgress {
        match graph_fetch::of_request(&asker.request, asker.kept_open, token, cx) {
            Some(fetch) => {
                let awaiting = cx.fetch(fetch);
                Self::waiting(asker, State::Sent(awaiting))
            }
            None => failed(GraphError::misuse(
                "its address is not one of the Microsoft Graph that is configured",
            )),
        }
    }

    fn answered(
        asker: Box<Asker>,
        ask: AskId,
        answer: <Fetch as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        let response = match received(answer, &asker, cx) {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status();
        if status.is_success() {
            return found(response, ask, &asker);
        }
        match status {
            StatusCode::UNAUTHORIZED => {
                let claims = ClaimsChallenge::of_headers(response.headers());
                Self::unauthorized(asker, claims, cx)
            }
            StatusCode::FOUND if asker.request.follows_link() => Self::follow(asker, &response, cx),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let wait = throttle::retry_after(response.headers());
                let without = (status == StatusCode::TOO_MANY_REQUESTS)
                    .then_some(limits::RETRY_AFTER_DEFAULT);
                match wait.or(without) {
                    Some(wait) => {
                        log_status(&response, LogEventId::GraphFailed, cx);
                        hold_back(wait, &asker, cx);
                        failed(of_status(&response).with_retry_after(wait))
                    }
                    None => refused(&response, cx),
                }
            }
            _ => refused(&response, cx),
        }
    }

    /// Graph names where the content is: without a token, for there it needs none.
    fn follow(asker: Box<Asker>, response: &Response<Bytes>, cx: &mut Cx<'_>) -> GraphProgress {
        let link = response.headers().get(header::LOCATION);
        let link = link.and_then(|link| link.to_str().ok());
        let of_link = |link| graph_fetch::of_link(link, &asker.request, asker.kept_open, cx);
        match link.and_then(of_link) {
            Some(fetch) => {
                let awaiting = cx.fetch(fetch);
                Self::waiting(asker, State::Linked(awaiting))
            }
            None => refused(response, cx),
        }
    }

    /// Revoked, or refused by policy: a new token, which satisfies the claims that Graph wants, shows whether Entra
    /// agrees. If Graph refuses that too, the user must satisfy the claims in a browser; where it wants none, the session
    /// ends. So the client does not refresh for ever (threats D11, D22).
    fn unauthorized(
        mut asker: Box<Asker>,
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> GraphProgress {
        if asker.renewed {
            cx.log(LogEventId::GraphNewTokenRefused);
            let session = match (&asker.credentials, claims) {
                (Credentials::Session(..), Some(claims)) => {
                    return end(GraphEnd::ClaimsRequired(claims));
                }
                (Credentials::Assertion(assertion), Some(claims))
                    if assertion.takes_challenges() =>
                {
                    return end(GraphEnd::ClaimsRequired(claims));
                }
                (Credentials::Assertion(_), _) => {
                    return failed(GraphError::new(StatusCode::FORBIDDEN.as_u16(), "", ""));
                }
                (Credentials::Session(session, _), None) => session,
            };
            let ending = EndingSession::start(session.id, &session.outline, cx);
            if cx.env.server.has(Planted::WritesNotAwaited) {
                return end(GraphEnd::SessionEnded);
            }
            return Self::waiting(asker, State::Ending(ending));
        }
        cx.log(LogEventId::GraphTokenRefused);
        asker.renewed = true;
        let step = CallerToken::renew(&asker.credentials, claims, cx);
        Self::token(asker, step, cx)
    }
}

fn found(response: Response<Bytes>, ask: AskId, asker: &Asker) -> GraphProgress {
    let response = GraphResponse::of(response);
    Progress::Ready(Ok(match asker.kept_open {
        None => GraphAnswer::Whole(response),
        Some(_) => GraphAnswer::Open(response, ask),
    }))
}

/// The answer, if there is one.
fn received(
    answer: <Fetch as Ask>::Answer,
    asker: &Asker,
    cx: &mut Cx<'_>,
) -> Result<Response<Bytes>, GraphError> {
    answer.map_err(|fault| {
        let event = LogEvent::new(LogEventId::GraphUnreachable);
        cx.log(event.with(Field::Error, fault.as_str()));
        match fault {
            FetchFault::TooLarge => {
                let allowed = &cx.env.server.config.call_limits;
                let (most, _) = asker.request.bounds(allowed);
                GraphError::no_answer(format!(
                    "The answer of Microsoft Graph is longer than {most} bytes: ask for less of it."
                ))
            }
            FetchFault::Unreachable | FetchFault::TimedOut | FetchFault::Forbidden => {
                GraphError::no_answer(
                    "Microsoft Graph cannot be reached at the moment. Please try again later.",
                )
            }
        }
    })
}

fn of_status(response: &Response<Bytes>) -> GraphError {
    GraphError::of_answer(response.status(), response.body())
}

fn refused(response: &Response<Bytes>, cx: &mut Cx<'_>) -> GraphProgress {
    let status = response.status();
    let event = match status {
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => LogEventId::GraphRefused,
        _ => LogEventId::GraphFailed,
    };
    log_status(response, event, cx);
    failed(of_status(response))
}

fn log_status(response: &Response<Bytes>, event: LogEventId, cx: &mut Cx<'_>) {
    let event = LogEvent::new(event).with(Field::Status, response.status().as_str());
    let id = response.headers().get("request-id");
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    cx.log(event.with(Field::GraphRequestId, id));
}

/// How long this user's requests to Graph must still wait.
fn throttled(asker: &Asker, cx: &Cx<'_>) -> Option<Duration> {
    let requests = Throttled::Graph(asker.credentials.user().key());
    let wait = cx.env.entra.throttle.wait(&requests, cx.env.now.instant);
    wait.filter(|_| !cx.env.server.has(Planted::ThrottleIgnored))
}

/// Makes all of this user's requests to Graph wait.
fn hold_back(wait: Duration, asker: &Asker, cx: &mut Cx<'_>) {
    let requests = Throttled::Graph(asker.credentials.user().key());
    let until = cx.env.now.instant.after(wait);
    cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
}

/// Another request of this user was one too many.
fn too_many(wait: Duration) -> GraphError {
    let status = StatusCode::TOO_MANY_REQUESTS.as_u16();
    GraphError::new(status, "", "").with_retry_after(Duration::from_secs(whole_seconds(wait)))
}

#[cfg(test)]
mod tests;

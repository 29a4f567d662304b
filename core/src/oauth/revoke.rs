//! POST /revoke: a token in, its session ended (RFC 7009).
//!
//! Either token ends the whole session, open streams included. An unknown token, one of another
//! client and one that is revoked already are all answered alike, with 200 (sections 2.1 and 2.2).
//! A public client proves itself by its `client_id` and by holding the token; one that signs for its tokens signs here, too.

#[cfg(test)]
mod tests;

use ::http::{Request, StatusCode};
use bytes::Bytes;

use super::{
    client::{AuthenticatedClient, Client},
    client_assertion::{ClientAssertion, bad},
    error::{OAuthError, Refusal},
    opaque_token,
    token::{
        read_form,
        signed_client::{Proven, SignedClient},
    },
};
use crate::{
    ask::{Awaiting, Store},
    config::ClientAddress,
    event::Answer,
    http::{form::Form, response},
    id::SessionId,
    log_event::LogEventId,
    session::ending::EndingSession,
    session::{sealed::SealedSession, token},
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum Revoke {
    /// The client proves who it is by a signature.
    Signed(Box<SignedClient>),
    /// Whose session is it?
    Reading {
        client: AuthenticatedClient,
        session_id: SessionId,
        read: Awaiting<Store>,
    },
    /// It is being deleted.
    Ending(EndingSession),
}

impl Revoke {
    /// Reads the request and looks the session up.
    pub(crate) fn start(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        match Self::of(request, address, cx) {
            Ok(next) => next,
            Err(refusal) => cx.done(refusal.response()),
        }
    }

    fn of(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let form = read_form(request)?;
        if let Some(assertion) = ClientAssertion::of(&form, request.headers(), cx.env)? {
            // Hosts are asked for nothing that was not given here.
            let token = form.one("token")?;
            let is_given_here = token.is_some_and(|token| session_of(token, cx).is_some());
            if token.is_some() && !is_given_here {
                return Ok(cx.done(revoked()));
            }
            let signed = SignedClient::start(form, assertion, address, is_given_here, cx);
            return Ok(Self::after_proof(signed, cx));
        }
        let client = Client::authenticate(&form, request.headers(), cx.env)?;
        Self::of_client(&form, client, cx)
    }

    /// Goes on once the client has proven who it is.
    fn after_proof(progress: Progress<SignedClient, Proven>, cx: &mut Cx<'_>) -> Progress<Self> {
        let next = match progress {
            Progress::Pending(signed) => return Progress::Pending(Self::Signed(Box::new(signed))),
            Progress::Ready(Ok((client, form))) => Self::of_client(&form, client, cx),
            Progress::Ready(Err(refusal)) => Err(refusal),
        };
        next.unwrap_or_else(|refusal| cx.done(refusal.response()))
    }

    fn of_client(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = Refusal::new(OAuthError::InvalidRequest, "token is missing.");
        let presented = form.one("token")?.ok_or(missing)?;
        Ok(match session_of(presented, cx) {
            Some(session_id) => {
                let read = cx.store(Store::Get(session_id.key()));
                Progress::Pending(Self::Reading {
                    client,
                    session_id,
                    read,
                })
            }
            None => cx.done(revoked()),
        })
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Signed(signed) => Self::after_proof(signed.handle(answer, cx), cx),
            Self::Reading {
                client,
                session_id,
                read,
            } => match read.into_answer(answer) {
                Err(_) => unavailable(cx),
                Ok(None) => cx.done(revoked()),
                Ok(Some(stored)) => {
                    let keys = &cx.env.server.keys;
                    match SealedSession::read(session_id, &stored, keys) {
                        Some(sealed) if client.is(&sealed.outline().client) => {
                            let ending = EndingSession::start(session_id, sealed.outline(), cx);
                            Progress::Pending(Self::Ending(ending))
                        }
                        // Section 2.1: the client is validated first, and is told that it was not.
                        Some(sealed) if client.is_or_may_be(&sealed.outline().client) => cx.done(
                            bad("This client signs for its tokens: send a client assertion.")
                                .response(),
                        ),
                        _ => cx.done(revoked()),
                    }
                }
            },
            Self::Ending(ending) => match ending.handle(answer, cx) {
                Err(_) => unavailable(cx),
                Ok(()) => {
                    cx.audit(LogEventId::TokenRevoked);
                    cx.done(revoked())
                }
            },
        }
    }
}

/// The session of a session token or a refresh token; `token_type_hint` is not needed to distinguish
/// them (RFC 7009 section 2.1). A session token that is over ends its session, too: its client wants to
/// sign out, and its refresh token would go on.
fn session_of(presented: &str, cx: &Cx<'_>) -> Option<SessionId> {
    let server = cx.env.server;
    token::session_of(presented, server).or_else(|| {
        opaque_token::read_refresh_token(presented, &server.keys).map(|token| token.session_id)
    })
}

fn revoked() -> ::http::Response<Bytes> {
    response::empty(StatusCode::OK)
}

/// The token still works, and the client must know (RFC 7009 section 2.2.1).
fn unavailable<S>(cx: &mut Cx<'_>) -> Progress<S> {
    let description = "The sessions cannot be reached. Please try again.";
    cx.done(Refusal::new(OAuthError::TemporarilyUnavailable, description).response())
}

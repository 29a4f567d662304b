//! POST /token: a code or a refresh token in, a session token out (RFC 6749 sections 3.2, 4.1.3
//! and 6).
//!
//! The client is authenticated before anything else of the request is looked at. Every reason why
//! a code or a refresh token is no good is answered alike (threat E10).

mod code_grant;
mod refresh_grant;
#[cfg(test)]
mod tests;

use ::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use bytes::Bytes;
use serde::Serialize;

use self::{code_grant::CodeGrant, refresh_grant::RefreshGrant};
use super::{
    client::Client,
    error::{OAuthError, Refusal},
    opaque_token::OpaqueToken,
};
use crate::{
    event::Answer,
    fault::Fault,
    http::{form::Form, response},
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    session::{
        record::Session,
        token::{self, Granted},
    },
    step::{Cx, Progress},
};

/// The states: those of one grant or the other.
#[derive(Debug)]
pub(crate) enum Token {
    /// `authorization_code`.
    Code(Box<CodeGrant>),
    /// `refresh_token`.
    Refresh(Box<RefreshGrant>),
}

impl Token {
    /// Reads the request, authenticates the client and begins the grant.
    pub(crate) fn start(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        match Self::of(request, cx) {
            Ok(next) => next,
            Err(refusal) => refuse(refusal, cx),
        }
    }

    fn of(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Result<Progress<Self>, Refusal> {
        let form = read_form(request)?;
        let client = Client::authenticate(&form, request.headers(), cx.env)?;
        match form.one("grant_type")? {
            Some("authorization_code") => CodeGrant::start(&form, client, cx)
                .map(|next| next.map_pending(|grant| Self::Code(Box::new(grant)))),
            Some("refresh_token") => RefreshGrant::start(&form, client, cx)
                .map(|next| next.map_pending(|grant| Self::Refresh(Box::new(grant)))),
            Some(_) => Err(Refusal::new(
                OAuthError::UnsupportedGrantType,
                "Only authorization_code and refresh_token are granted here.",
            )),
            None => Err(Refusal::new(
                OAuthError::InvalidRequest,
                "grant_type is missing.",
            )),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Code(grant) => grant
                .handle(answer, cx)
                .map_pending(|grant| Self::Code(Box::new(grant))),
            Self::Refresh(grant) => grant
                .handle(answer, cx)
                .map_pending(|grant| Self::Refresh(Box::new(grant))),
        }
    }
}

/// The form of a request to the token or revocation endpoint: a form in the body, and nothing in
/// the query, where it would be logged (RFC 6749 section 3.2; threat E1).
pub(super) fn read_form(request: &Request<Bytes>) -> Result<Form, Refusal> {
    let invalid = |description| Refusal::new(OAuthError::InvalidRequest, description);
    if request.uri().query().is_some() {
        return Err(invalid(
            "Send the parameters in the body, not in the address.",
        ));
    }
    if !is_form(request.headers()) {
        return Err(invalid("Send a form: application/x-www-form-urlencoded."));
    }
    Ok(Form::parse(request.body()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A code or a refresh token is no good; why is nobody's business (threat E10).
fn invalid_grant() -> Refusal {
    Refusal::new(
        OAuthError::InvalidGrant,
        "The code or refresh token is not good, not any more, or not for this client.",
    )
}

fn refuse<S>(refusal: Refusal, cx: &mut Cx<'_>) -> Progress<S> {
    let refused = LogEvent::new(LogEventId::TokenRefused);
    cx.log(refused.with(Field::Error, refusal.error.as_str()));
    cx.done(refusal.response())
}

fn fail<S>(fault: Fault, cx: &mut Cx<'_>) -> Progress<S> {
    let refusal = match fault {
        Fault::Entra => Refusal::new(
            OAuthError::TemporarilyUnavailable,
            "Microsoft Entra ID cannot be reached. Nothing was changed: please try again.",
        ),
        Fault::Throttled(seconds) => Refusal {
            retry_after: Some(seconds),
            ..Refusal::new(
                OAuthError::TemporarilyUnavailable,
                "Microsoft Entra ID has had too many requests. Nothing was changed: please try \
                 again when Retry-After is over.",
            )
        },
        Fault::Store => Refusal::new(
            OAuthError::TemporarilyUnavailable,
            "The sessions cannot be reached. Please try again.",
        ),
        Fault::Configuration => Refusal::new(
            OAuthError::ServerError,
            "Microsoft Entra ID refuses this server. The operator finds the reason in the log.",
        ),
    };
    cx.done(refusal.response())
}

/// The tokens, as RFC 6749 section 5.1 has them.
fn grant<S>(
    session: &Session,
    granted: &Granted,
    refresh_token: &OpaqueToken,
    cx: &mut Cx<'_>,
) -> Progress<S> {
    #[derive(Serialize)]
    struct Body<'a> {
        access_token: &'a str,
        token_type: &'static str,
        expires_in: u64,
        refresh_token: &'a str,
        scope: &'a str,
    }
    let share = refresh_token.share();
    let (access_token, expires_in) = token::issue(session, granted, &share, cx.env, cx.entropy);
    let refresh_token = &refresh_token.text;
    if cx.env.server.has(Planted::TokenLogged) {
        let leak = LogEvent::new(LogEventId::TokenRefused);
        cx.log(leak.with(Field::Error, refresh_token.expose()));
    }
    let body = Body {
        access_token: access_token.expose(),
        token_type: "Bearer",
        expires_in,
        refresh_token: refresh_token.expose(),
        scope: &granted.scope,
    };
    let mut response = response::json(StatusCode::OK, &body);
    // RFC 6749 section 5.1 asks for it beside Cache-Control.
    response
        .headers_mut()
        .insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    cx.done(response)
}

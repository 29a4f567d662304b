//! What the token endpoint answers: the tokens, a refusal, or a fault (RFC 6749 sections 5.1 and 5.2).

use ::http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{
    fault::Fault,
    http::response,
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        error::{OAuthError, Refusal},
        opaque_token::OpaqueToken,
    },
    planted::Planted,
    session::{
        record::Session,
        token::{self, Granted},
    },
    step::{Cx, Progress},
};

/// A code or a refresh token is no good; why is nobody's business (threat E10).
pub(super) fn invalid_grant() -> Refusal {
    Refusal::new(
        OAuthError::InvalidGrant,
        "The code or refresh token is not good, not any more, or not for this client.",
    )
}

pub(in crate::oauth) fn refuse<S>(refusal: Refusal, cx: &mut Cx<'_>) -> Progress<S> {
    let refused = LogEvent::new(LogEventId::TokenRefused);
    cx.log(refused.with(Field::Error, refusal.error.as_str()));
    cx.done(refusal.response())
}

pub(in crate::oauth) fn fail<S>(fault: Fault, cx: &mut Cx<'_>) -> Progress<S> {
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
pub(super) fn grant<S>(
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

//! Entra's errors, and what follows from each: the user signs in again, the operator mends a
//! setting, or the request waits.
//!
//! Microsoft: decide by `error` and `suberror`, never by the AADSTS number or the text, which
//! change. The number, the correlation id and the time are said, for support asks for them; the text,
//! which may name people, goes nowhere (threat D5).

#[cfg(test)]
mod tests;

use std::time::Duration;

use ::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::aadsts::{self, Concerns, KnownError};
use crate::{
    ask::{AssertionFault, FetchFault},
    claims_challenge::ClaimsChallenge,
    config::Config,
    http::form::Form,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    provider_metadata::is_guid,
    throttle,
};

/// "The client application has sent too many requests of the same kind in a short time."
const REQUEST_LOOP: u64 = 50196;

/// What Entra's token endpoint refused, by what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntraError {
    /// The grant is gone, or a user is needed: sign in again.
    SignInAgain(Details),
    /// Entra refuses this server's own request: the operator must act.
    Configuration(Details),
    /// Entra has had too many requests: not before the time that it names.
    Throttled(Details, Duration),
    /// Entra is broken or out of reach: later.
    Unavailable(Details),
}

/// What is logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    error: Box<str>,
    suberror: Box<str>,
    aadsts: Option<u64>,
    /// A GUID.
    correlation_id: Option<Box<str>>,
    /// When Entra said so, as Entra writes it: `2026-08-13 21:24:29Z`.
    timestamp: Option<Box<str>>,
    /// In how many seconds Entra wants to be asked again.
    retry_after: Option<u64>,
    /// What a new sign-in must satisfy, as Entra writes it.
    claims: Option<ClaimsChallenge>,
}

/// What this server asked Entra for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A user signs in.
    SignIn,
    /// The code of a sign-in is redeemed.
    CodeRedemption,
    /// A session's tokens are renewed.
    TokenRenewal,
    /// A token is got on behalf of a caller.
    OnBehalfOf,
    /// The server has started and tries its credential.
    CredentialCheck,
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::CodeRedemption => "code_redemption",
            Self::TokenRenewal => "token_renewal",
            Self::OnBehalfOf => "on_behalf_of",
            Self::CredentialCheck => "credential_check",
        }
    }
}

impl EntraError {
    /// The error of an answer that is not 200. Each member is read by itself: a malformed one must
    /// not hide that the grant is gone (threat D10).
    pub(crate) fn of_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let details = Details {
            error: match text("error") {
                "" => format!("HTTP {}", status.as_u16()).into(),
                error => error.into(),
            },
            suberror: text("suberror").into(),
            aadsts: body.pointer("/error_codes/0").and_then(Value::as_u64),
            correlation_id: Some(text("correlation_id"))
                .filter(|id| is_guid(id))
                .map(Box::from),
            timestamp: timestamp(text("timestamp")),
            retry_after: throttle::retry_after(headers).map(|wait| wait.as_secs()),
            claims: ClaimsChallenge::parse(text("claims")),
        };
        // A `Retry-After` counts, whatever else was said. A request loop is the one case that only the number
        // shows: its `error` says that the user must sign in.
        let wait = throttle::retry_after(headers);
        if details.aadsts == Some(REQUEST_LOOP) {
            return Self::Throttled(details, wait.unwrap_or(limits::REQUEST_LOOP));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || headers.contains_key(header::RETRY_AFTER) {
            return Self::Throttled(details, wait.unwrap_or(limits::RETRY_AFTER_DEFAULT));
        }
        if status.is_server_error() {
            return Self::Unavailable(details);
        }
        match (text("error"), text("suberror")) {
            ("temporarily_unavailable" | "server_error", _) => Self::Unavailable(details),
            (
                "invalid_grant" | "interaction_required" | "login_required" | "consent_required",
                _,
            )
            | (_, "basic_action" | "additional_action" | "message_only" | "consent_required")
            | (_, "user_password_expired") => Self::SignInAgain(details),
            _ => Self::Configuration(details),
        }
    }

    /// The error that the browser came back with instead of a code. An attacker who sent the browser
    /// here may have written it; it goes to nothing but the log.
    pub(crate) fn of_redirect(form: &Form) -> Self {
        let one = |name| form.one(name).ok().flatten().unwrap_or_default();
        let text = one("error_description");
        let details = Details {
            error: match one("error") {
                "" => "neither code nor error".into(),
                error => error.into(),
            },
            suberror: Box::default(),
            aadsts: after(text, "AADSTS").and_then(leading_number),
            correlation_id: after(text, "Correlation ID: ")
                .and_then(|rest| rest.get(..36))
                .filter(|id| is_guid(id))
                .map(Box::from),
            timestamp: after(text, "Timestamp: ").and_then(|rest| timestamp(rest.get(..20)?)),
            ..Details::default()
        };
        match one("error") {
            "access_denied" | "consent_required" | "interaction_required" | "login_required" => {
                Self::SignInAgain(details)
            }
            "temporarily_unavailable" | "server_error" => Self::Unavailable(details),
            _ => Self::Configuration(details),
        }
    }

    /// There was no answer.
    pub(crate) fn of_fault(fault: FetchFault) -> Self {
        Self::Unavailable(Details {
            error: fault.as_str().into(),
            ..Details::default()
        })
    }

    /// This server has nothing to prove its identity with.
    pub(crate) fn of_assertion(fault: AssertionFault) -> Self {
        Self::Configuration(Details {
            error: fault.as_str().into(),
            ..Details::default()
        })
    }

    /// The managed identity has no token at the moment; the log says why.
    pub(crate) fn no_identity_token() -> Self {
        Self::Unavailable(Details {
            error: "no token of the managed identity".into(),
            ..Details::default()
        })
    }

    /// The answer was 200 but not what it should be.
    pub(crate) fn unreadable() -> Self {
        let error = "unreadable answer".into();
        Self::Unavailable(Details {
            error,
            ..Details::default()
        })
    }

    /// Whether Entra has had the same request too often (AADSTS50196): of one user, or of one code that is
    /// presented again and again. It says nothing of other requests.
    pub(crate) fn is_request_loop(&self) -> bool {
        matches!(self, Self::Throttled(details, _) if details.aadsts == Some(REQUEST_LOOP))
    }

    /// Whether only what was asked for this time is refused: for another permission, or another
    /// resource, the refresh token may still be good. Consent is missing, or a policy wants more.
    pub(crate) fn is_consent_required(&self) -> bool {
        let Self::SignInAgain(details) = self else {
            return false;
        };
        let suberrors = [
            "consent_required",
            "basic_action",
            "additional_action",
            "message_only",
        ];
        matches!(&*details.error, "consent_required" | "interaction_required")
            || suberrors.contains(&&*details.suberror)
    }

    /// Returns what a new sign-in must satisfy, if Entra has said so (Microsoft identity platform, "Claims challenges, claims
    /// requests, and client capabilities").
    pub(crate) fn claims(&self) -> Option<&ClaimsChallenge> {
        self.details().claims.as_ref()
    }

    fn details(&self) -> &Details {
        let (Self::SignInAgain(details)
        | Self::Configuration(details)
        | Self::Throttled(details, _)
        | Self::Unavailable(details)) = self;
        details
    }

    /// Returns what is known of the error by its number.
    pub(crate) fn known(&self) -> Option<&'static KnownError> {
        self.details().aadsts.and_then(aadsts::known)
    }

    /// Returns how Microsoft's support and the sign-in logs of the tenant find the error: ASCII without quotation marks. The
    /// browser may have brought it, so there is nothing in it but numbers and their usual names.
    pub(crate) fn reference(&self) -> Option<String> {
        let details = self.details();
        let mut reference = format!("(Entra ID error {}", details.aadsts?);
        if let Some(id) = &details.correlation_id {
            reference += &format!(", correlation id {id}");
        }
        if let Some(time) = &details.timestamp {
            reference += &format!(", {time}");
        }
        Some(reference + ".)")
    }

    /// Returns what a page says: what has happened, what the user can do, and how the error is found. What only the operator
    /// mends, the contact of the settings is to be told.
    pub(crate) fn page(&self, config: &Config) -> Option<String> {
        let (known, reference) = (self.known()?, self.reference()?);
        let mut advice = known.advice(config.admin_consent_address().as_deref());
        match known.concerns {
            Concerns::Administrator | Concerns::Operator => {
                advice += &format!(" Please tell {}.", config.contact());
            }
            Concerns::User(_) | Concerns::Passing => {}
        }
        Some(format!("{} {advice} {reference}", known.cause))
    }

    /// The line for the log.
    pub(crate) fn log_event(&self, step: Step) -> LogEvent {
        let (id, details) = match self {
            // There is no user in it: whatever Entra refuses then, the operator mends.
            Self::SignInAgain(details) if step == Step::CredentialCheck => {
                (LogEventId::EntraMisconfigured, details)
            }
            Self::SignInAgain(details) => (LogEventId::EntraSignInRequired, details),
            Self::Configuration(details) => (LogEventId::EntraMisconfigured, details),
            Self::Throttled(details, _) | Self::Unavailable(details) => {
                (LogEventId::EntraUnavailable, details)
            }
        };
        let mut event = LogEvent::new(id)
            .with(Field::Step, step.as_str())
            .with(Field::Error, &details.error);
        if !details.suberror.is_empty() {
            event = event.with(Field::Suberror, &details.suberror);
        }
        if let Some(number) = details.aadsts {
            event = event.with(Field::Aadsts, number.to_string());
            if let Some(known) = aadsts::known(number) {
                event = event
                    .with(Field::AadstsMeaning, known.cause)
                    .with_text(Field::Fix, known.fix);
            }
        }
        if let Some(id) = &details.correlation_id {
            event = event.with(Field::CorrelationId, id);
        }
        if let Some(seconds) = details.retry_after {
            event = event.with(Field::RetryAfter, seconds.to_string());
        }
        event
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// A time as Entra writes it, if this is one.
fn timestamp(text: &str) -> Option<Box<str>> {
    let form = b"dddd-dd-dd dd:dd:ddZ";
    let fits = |(byte, like): (u8, &u8)| match like {
        b'd' => byte.is_ascii_digit(),
        like => byte == *like,
    };
    let is_one = text.len() == form.len() && text.bytes().zip(form).all(fits);
    is_one.then(|| text.into())
}

fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

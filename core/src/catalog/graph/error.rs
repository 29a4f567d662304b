//! Why Microsoft Graph does not do what was asked.

use std::{borrow::Cow, fmt, time::Duration};

use ::http::StatusCode;
use serde_json::Value;

use crate::{catalog::CallError, throttle::whole_seconds};

/// The most characters of what Graph says about an error.
const MESSAGE: usize = 400;

/// Why Microsoft Graph does not do what was asked. As a text it is a sentence of this server's own, for model and user; with `?`
/// the model is told what Graph says of a request that it can mend, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphError {
    /// The status of the answer; `None` if there is none: Graph cannot be reached, or was not asked.
    pub status: Option<u16>,
    /// Graph's `error.code`, such as `ErrorItemNotFound`; empty if it gave none.
    pub code: String,
    /// Graph's `error.message`, cut; empty if it gave none. Written by others: not for a log, nor a page.
    pub message: String,
    /// How long to wait before the next request of this user.
    pub retry_after: Option<Duration>,
    cause: Cause,
}

/// What this server says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// Graph has answered so.
    Status,
    /// It was not asked, or did not answer; for model and user.
    NoAnswer(Cow<'static, str>),
    /// The function that asked is wrong; for the log.
    Misuse(String),
}

impl GraphError {
    /// Graph's answer of this status, for tests of what is made of it.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status: Some(status),
            code: text(code),
            message: text(message),
            retry_after: None,
            cause: Cause::Status,
        }
    }

    /// The same, with a time to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// There is no answer, as this says to model and user.
    #[must_use]
    pub fn no_answer(why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: None,
            code: String::new(),
            message: String::new(),
            retry_after: None,
            cause: Cause::NoAnswer(why.into()),
        }
    }

    /// The request cannot be sent.
    pub(crate) fn misuse(problem: &str) -> Self {
        let words = format!("A request to Microsoft Graph was not sent: {problem}.");
        Self {
            cause: Cause::Misuse(words),
            ..Self::no_answer("")
        }
    }

    /// Reads an answer.
    pub(crate) fn of_answer(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |place| body.pointer(place).and_then(Value::as_str);
        let (code, message) = (member("/error/code"), member("/error/message"));
        Self::new(
            status.as_u16(),
            code.unwrap_or_default(),
            message.unwrap_or_default(),
        )
    }

    /// Whether the request itself is what Graph does not take: another may be.
    fn can_be_mended(&self) -> bool {
        matches!(self.status, Some(400 | 404 | 405 | 409..=416 | 422))
    }
}

/// A text without line breaks and the like, cut.
fn text(text: &str) -> String {
    let shown = |character: char| match character.is_control() {
        true => ' ',
        false => character,
    };
    text.chars().take(MESSAGE).map(shown).collect()
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match (&self.cause, self.status) {
            (Cause::NoAnswer(why), _) => return f.write_str(why),
            (Cause::Misuse(words), _) => return f.write_str(words),
            (Cause::Status, status) => status.unwrap_or_default(),
        };
        if let Some(wait) = self.retry_after {
            let seconds = whole_seconds(wait);
            return write!(
                f,
                "Microsoft Graph has had too many requests. Please try again in {seconds} seconds."
            );
        }
        match status {
            400 => f.write_str("Microsoft Graph does not accept this request."),
            403 => f.write_str(
                "Microsoft Graph does not allow this: the permission is missing, or a policy of \
                 the organization forbids it.",
            ),
            404 => f.write_str("Microsoft Graph does not know what was asked for."),
            409 | 412 => f.write_str("This was changed meanwhile: read it again first."),
            500.. => f.write_str(
                "Microsoft Graph cannot be reached at the moment. Please try again later.",
            ),
            status => write!(f, "Microsoft Graph refuses this with status {status}."),
        }
    }
}

impl std::error::Error for GraphError {}

impl From<GraphError> for CallError {
    fn from(error: GraphError) -> Self {
        let words = error.to_string();
        match error.cause {
            Cause::Misuse(words) => Self::Internal(words),
            Cause::Status if error.can_be_mended() && !error.message.is_empty() => Self::Message(
                format!("{words} It says: {} ({}).", error.message, error.code),
            ),
            Cause::Status | Cause::NoAnswer(_) => Self::Message(words),
        }
    }
}

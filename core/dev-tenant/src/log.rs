//! What was asked of the tenant lately, for tests such as "`resource` is never sent" and for users
//! who want to see what happens. Nothing secret is recorded.

use std::collections::VecDeque;

use serde::Serialize;

use super::request_context::RequestContext;

/// How many requests are recorded.
const KEPT: usize = 64;

/// The most parameters of one, and the most characters of a value.
const PARAMETERS: usize = 48;
const VALUE_CHARS: usize = 256;

/// Parameters whose values are not recorded.
const SECRET: [&str; 11] = [
    "access_token",
    "id_token",
    "id_token_hint",
    "client_secret",
    "client_assertion",
    "code",
    "code_verifier",
    "refresh_token",
    "assertion",
    "ctx",
    "password",
];

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Query and form, in their order; the values of secrets are `(secret)`.
    pub parameters: Vec<(String, String)>,
    /// The names of the headers.
    pub headers: Vec<String>,
    /// When, in seconds since 1970 by the tenant's clock.
    pub at: u64,
}

impl RecordedRequest {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let (_, value) = parameters.find(|(key, _)| key == name)?;
        Some(value)
    }
}

/// The last requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(VecDeque<RecordedRequest>);

impl Log {
    pub(super) fn record(&mut self, cx: &RequestContext<'_>) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        let cut = |text: &str| text.chars().take(VALUE_CHARS).collect::<String>();
        let parameters = cx.query.iter().chain(cx.form.iter()).take(PARAMETERS);
        let parameters = parameters.map(|(name, value)| {
            let value = if SECRET.contains(&name) {
                "(secret)"
            } else {
                value
            };
            (cut(name), cut(value))
        });
        self.0.push_back(RecordedRequest {
            method: cx.method.to_string(),
            path: cut(cx.path),
            parameters: parameters.collect(),
            headers: cx.headers.keys().map(|name| cut(name.as_str())).collect(),
            at: cx.now,
        });
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RecordedRequest> {
        self.0.iter()
    }
}

//! Requests to Microsoft Graph as the user who calls, and what comes of them.
//!
//! The token is the server's to send: a request names a place at Graph, never another, and no header by which that would change
//! (threat P9).
//!
//! Source: Microsoft Graph, "Use the Microsoft Graph API", "Paging Microsoft Graph data in your app", "Error responses and
//! resource types".

mod error;
mod response;
#[cfg(test)]
mod tests;

use std::{fmt::Display, time::Duration};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use bytes::Bytes;
use serde::Serialize;

pub use self::{
    error::GraphError,
    response::{GraphPage, GraphResponse},
};
use crate::{config::CallLimits, limits};

/// The headers that a request may have; Graph's token and host are the server's own.
const HEADERS: [&str; 11] = [
    "accept",
    "accept-language",
    "consistencylevel",
    "content-type",
    "if-match",
    "if-none-match",
    "odata-maxversion",
    "prefer",
    "range",
    "workbook-session-id",
    "x-ms-throttle-priority",
];

/// A request to Microsoft Graph.
///
/// ```
/// use entra_mcp_core::catalog::GraphRequest;
///
/// let id = "AAMk/AG=";
/// let mail = GraphRequest::get(["v1.0", "me", "messages", id])
///     .query("$select", "subject,body")
///     .header("Prefer", "outlook.body-content-type=\"text\"");
/// assert_eq!(mail.path(), "v1.0/me/messages/AAMk%2FAG%3D?$select=subject%2Cbody");
/// ```
///
/// What is wrong with a request, such as a header that it may not have, is an error when it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct GraphRequest {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    response_limit: usize,
    timeout: Duration,
    follows_link: bool,
    problem: Option<String>,
}

impl std::fmt::Debug for GraphRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither query nor body: they hold what is the user's.
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "GraphRequest({} {path})", self.method)
    }
}

impl GraphRequest {
    /// A request of this method for these segments of a path, of which each is encoded: what a caller sends as one of them
    /// leads nowhere else.
    #[must_use]
    pub fn new<S: AsRef<str>>(method: Method, segments: impl IntoIterator<Item = S>) -> Self {
        let mut request = Self::get_path("");
        for segment in segments {
            let segment = segment.as_ref();
            if matches!(segment, "" | "." | "..") {
                request.refuse(format!("`{segment}` is no segment of a path"));
            }
            if !request.path.is_empty() {
                request.path.push('/');
            }
            encode(segment, &mut request.path);
        }
        request.method = method;
        request
    }

    /// A GET.
    #[must_use]
    pub fn get<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::GET, segments)
    }

    /// A POST.
    #[must_use]
    pub fn post<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::POST, segments)
    }

    /// A PUT.
    #[must_use]
    pub fn put<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::PUT, segments)
    }

    /// A PATCH.
    #[must_use]
    pub fn patch<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::PATCH, segments)
    }

    /// A DELETE.
    #[must_use]
    pub fn delete<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::DELETE, segments)
    }

    /// A GET of this path and query as they are, such as `v1.0/me?$select=id`; or of a link that Graph gave, such as
    /// `@odata.nextLink`. An address that is not the configured Graph's is an error.
    #[must_use]
    pub fn get_path(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            response_limit: limits::FETCH_BODY_BYTES,
            timeout: limits::FETCH_TIMEOUT,
            follows_link: false,
            problem: None,
        }
    }

    /// Adds a parameter of the query, such as `$top`.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.path
            .push(if self.path.contains('?') { '&' } else { '?' });
        if let Some(name) = name.strip_prefix('$') {
            self.path.push('$');
            encode(name, &mut self.path);
        } else {
            encode(name, &mut self.path);
        }
        self.path.push('=');
        encode(&value.to_string(), &mut self.path);
        self
    }

    /// Sets a header: `Accept`, `Accept-Language`, `ConsistencyLevel`, `Content-Type`, `If-Match`, `If-None-Match`,
    /// `OData-MaxVersion`, `Prefer`, `Range`, `Workbook-Session-Id` or `x-ms-throttle-priority`. Several values of `Prefer` stand in
    /// one, with commas between them.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let known = HeaderName::try_from(name).ok();
        let known = known.filter(|name| HEADERS.contains(&name.as_str()));
        match (known, HeaderValue::from_str(value.as_ref())) {
            (Some(name), Ok(value)) => drop(self.headers.insert(name, value)),
            (None, _) => self.refuse(format!("the header `{name}` is not one that it may have")),
            (Some(name), Err(_)) => self.refuse(format!("the value of `{name}` is none")),
        }
        self
    }

    /// Sends this as JSON.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.body("application/json", json),
            Err(error) => {
                self.refuse(format!("the body cannot be written as JSON: {error}"));
                self
            }
        }
    }

    /// Sends these bytes, at most [`limits::GRAPH_REQUEST_BYTES`].
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        if self.body.len() > limits::GRAPH_REQUEST_BYTES {
            let most = limits::GRAPH_REQUEST_BYTES;
            self.refuse(format!("the body is longer than {most} bytes"));
        }
        self.header(header::CONTENT_TYPE.as_str(), content_type)
    }

    /// Takes an answer of so many bytes, at most those that the operator allows ([`limits::GRAPH_RESPONSE_BYTES`] unless set); without a
    /// word, [`limits::FETCH_BODY_BYTES`].
    #[must_use]
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// Waits so long, at most [`limits::GRAPH_TIMEOUT`]; without a word, [`limits::FETCH_TIMEOUT`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(limits::GRAPH_TIMEOUT);
        self
    }

    /// Gets what the link leads to that Graph answers with (302), such as the content of a file. The user's token is not sent
    /// there; `Range` is.
    #[must_use]
    pub fn follow_link(mut self) -> Self {
        self.follows_link = true;
        self
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns path and query, encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the headers that were set.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the body.
    #[must_use]
    pub fn content(&self) -> &Bytes {
        &self.body
    }

    /// Returns what is wrong with it.
    ///
    /// # Errors
    ///
    /// It cannot be sent as it is; the error says why.
    pub fn check(&self) -> Result<(), GraphError> {
        match &self.problem {
            Some(problem) => Err(GraphError::misuse(problem)),
            None => Ok(()),
        }
    }

    pub(crate) fn follows_link(&self) -> bool {
        self.follows_link && self.method == Method::GET
    }

    /// The most bytes of an answer, of those that are allowed, and how long one is waited for.
    pub(crate) fn bounds(&self, allowed: &CallLimits) -> (usize, Duration) {
        let bytes = self.response_limit.min(allowed.graph_answer_bytes);
        (bytes, self.timeout)
    }

    /// The same for the page that this link leads to.
    pub(crate) fn page(&self, link: &str) -> Self {
        Self {
            path: link.to_owned(),
            ..self.clone()
        }
    }

    /// Remembers the first thing that is wrong.
    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// A text as a part of a path that is put together by hand.
pub(crate) fn path_text(text: &str) -> String {
    let mut encoded = String::new();
    encode(text, &mut encoded);
    encoded
}

/// Writes a text so that it is one part of a path or query (RFC 3986 section 2.3).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => *out += &format!("%{byte:02X}"),
        }
    }
}

//! What Microsoft Graph answers, if it does what was asked.

use ::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::GraphRequest;
use crate::catalog::CallError;

/// What a function is told of an answer's headers.
const HEADERS: [&str; 8] = [
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "preference-applied",
    "request-id",
];

/// An answer of Microsoft Graph: of status 200 to 299.
#[derive(Clone, PartialEq, Eq)]
pub struct GraphResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl std::fmt::Debug for GraphResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the body: it holds what is the user's.
        let (status, length) = (self.status.as_u16(), self.body.len());
        write!(f, "GraphResponse({status}, {length} bytes)")
    }
}

impl GraphResponse {
    /// An answer of status 200 with this body, for tests of what is made of it.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    pub(crate) fn of(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let mut headers = HeaderMap::new();
        for name in HEADERS {
            if let Some(value) = parts.headers.get(name) {
                headers.insert(name, value.clone());
            }
        }
        Self {
            status: parts.status,
            headers,
            body,
        }
    }

    /// Returns the status, such as 200 or 202.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns a header, if it is one of `Content-Length`, `Content-Range`, `Content-Type`, `ETag`, `Last-Modified`, `Location`,
    /// `Preference-Applied` and `request-id`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body; empty of what has none (204).
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the body.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// It is none of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(CallError::internal)
    }

    /// Reads the body as a page of a list.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn page_of(&self, request: &GraphRequest) -> Result<GraphPage, CallError> {
        #[derive(Deserialize)]
        struct Page {
            value: Vec<Value>,
            #[serde(rename = "@odata.nextLink")]
            next: Option<String>,
        }
        let Page { value, next } = self.json()?;
        Ok(GraphPage {
            value,
            next: next.map(|link| request.page(&link)),
        })
    }
}

/// A page of a list. An empty one may have others behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphPage {
    /// What is on it.
    pub value: Vec<Value>,
    /// The request for the next page, if there is one.
    pub next: Option<GraphRequest>,
}

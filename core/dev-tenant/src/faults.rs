//! The faults that the tenant is set to make next.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use super::{
    aadsts_error::{AadstsError, SECOND_FACTOR},
    graph_error::GraphErrorResponse,
    id_token::IdTokenFault,
    request_context::RequestContext,
};

/// How many faults may be pending.
const PENDING: usize = 64;

/// An error of the token endpoint. Only the number has to be given: the rest follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenError {
    /// The `AADSTS` number.
    pub code: u32,
    /// `error`, such as `invalid_grant`.
    pub error: Option<String>,
    /// The text after the number.
    pub description: Option<String>,
    /// `suberror`, such as `basic_action`.
    pub suberror: Option<String>,
    /// `claims`: a claims challenge, as JSON.
    pub claims: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Whether it is a page of HTML instead of JSON, as from a gateway.
    pub is_html: bool,
    /// How many requests it hits; 0 means one.
    pub times: u32,
}

/// An error of Graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphError {
    /// The HTTP status; 0 means 500.
    pub status: u16,
    /// The code, such as `Authorization_RequestDenied`; follows from the status if left out.
    pub code: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// A claims challenge, as JSON.
    pub claims: Option<String>,
    /// How its header is written.
    pub header: ClaimsHeader,
    /// How many requests it hits; 0 means one.
    pub times: u32,
}

/// How a claims challenge is written: as the documentation has it, or as it was seen elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimsHeader {
    /// In base64, after the other parameters.
    #[default]
    Documented,
    /// In base64url without padding.
    Base64url,
    /// Before the other parameters.
    First,
    /// In the second of two headers.
    Second,
    /// With `invalid_token` for an error.
    InvalidToken,
    /// As plain JSON.
    Plain,
}

/// An error of a machine that is asked for a token of its managed identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityError {
    /// The HTTP status, such as 410 while the machine's metadata service is being upgraded; 0 means 500.
    pub status: u16,
    /// How many requests it hits; 0 means one.
    pub times: u32,
}

/// The faults that are pending.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    token: VecDeque<TokenError>,
    graph: VecDeque<GraphError>,
    id_token: VecDeque<IdTokenFault>,
    access_token: VecDeque<IdTokenFault>,
    identity: VecDeque<IdentityError>,
}

impl Faults {
    pub(super) fn add_token(&mut self, fault: TokenError) {
        if self.token.len() < PENDING {
            self.token.push_back(fault);
        }
    }

    pub(super) fn add_graph(&mut self, fault: GraphError) {
        if self.graph.len() < PENDING {
            self.graph.push_back(fault);
        }
    }

    pub(super) fn add_id_token(&mut self, fault: IdTokenFault) {
        if self.id_token.len() < PENDING {
            self.id_token.push_back(fault);
        }
    }

    pub(super) fn add_access_token(&mut self, fault: IdTokenFault) {
        if self.access_token.len() < PENDING {
            self.access_token.push_back(fault);
        }
    }

    pub(super) fn add_identity(&mut self, fault: IdentityError) {
        if self.identity.len() < PENDING {
            self.identity.push_back(fault);
        }
    }

    pub(super) fn next_access_token_fault(&mut self) -> Option<IdTokenFault> {
        self.access_token.pop_front()
    }

    pub(super) fn next_identity_fault(&mut self) -> Option<IdentityError> {
        let mut fault = self.identity.pop_front()?;
        let answer = fault.clone();
        if fault.times > 1 {
            fault.times -= 1;
            self.identity.push_front(fault);
        }
        Some(answer)
    }

    /// How many are pending: for the token endpoint, for Graph, for ID tokens.
    pub(super) fn pending(&self) -> [usize; 3] {
        [self.token.len(), self.graph.len(), self.id_token.len()]
    }

    pub(super) fn next_id_token_fault(&mut self) -> Option<IdTokenFault> {
        self.id_token.pop_front()
    }

    pub(super) fn next_token_fault(&mut self) -> Option<TokenError> {
        let mut fault = self.token.pop_front()?;
        let answer = fault.clone();
        if fault.times > 1 {
            fault.times -= 1;
            self.token.push_front(fault);
        }
        Some(answer)
    }

    pub(super) fn next_graph_fault(&mut self) -> Option<GraphErrorResponse> {
        let mut fault = self.graph.pop_front()?;
        let error = fault.error();
        if fault.times > 1 {
            fault.times -= 1;
            self.graph.push_front(fault);
        }
        Some(error)
    }
}

impl TokenError {
    pub(super) fn answer(&self, cx: &RequestContext<'_>, origin: &str) -> Response<Bytes> {
        let error = self.error();
        if !self.is_html {
            return error.json(cx, origin);
        }
        let page = "<html><body><h1>Service unavailable</h1></body></html>";
        let mut response =
            entra_mcp_wire::response::of(error.status, "text/html; charset=utf-8", page);
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }

    fn error(&self) -> AadstsError {
        let mut error = known(self.code);
        if let Some(code) = &self.error {
            error.error.clone_from(code);
        }
        if let Some(text) = &self.description {
            error.text.clone_from(text);
        }
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        error.status = status.unwrap_or(error.status);
        error.suberror = self.suberror.clone().or(error.suberror);
        error.claims = self.claims.clone().or(error.claims);
        error.retry_after = self.retry_after;
        error
    }
}

/// What Entra says with a number, as far as the tenant knows it.
fn known(code: u32) -> AadstsError {
    let (error, suberror, text) = match code {
        50_053 => ("invalid_grant", "", "The account is locked."),
        50_055 => (
            "invalid_grant",
            "user_password_expired",
            "The password is expired.",
        ),
        50_057 => return AadstsError::disabled(),
        50_074 | 50_076 => {
            return AadstsError {
                code,
                ..AadstsError::second_factor()
            };
        }
        50_078 => (
            "invalid_grant",
            "basic_action",
            "Presented multifactor authentication has expired due to policies configured by your \
             administrator.",
        ),
        50_079 => (
            "interaction_required",
            "basic_action",
            "Due to a configuration change made by your administrator, or because you moved to a \
             new location, you must enroll in multifactor authentication.",
        ),
        50_105 => return AadstsError::unassigned(),
        50_173 => return AadstsError::revoked(0, 1),
        50_196 => (
            "invalid_grant",
            "",
            "The server terminated an operation because it encountered a client request loop.",
        ),
        53_003 => return AadstsError::blocked(),
        65_001 => return AadstsError::no_consent("invalid_grant"),
        70_008 | 70_043 | 700_082 => (
            "invalid_grant",
            "",
            "The refresh token has expired or is invalid. Send a new interactive request.",
        ),
        700_016 => return AadstsError::unknown_client(super::CLIENT_ID),
        7_000_112 => ("unauthorized_client", "", "The application is disabled."),
        7_000_215 => ("invalid_client", "", "Invalid client secret provided."),
        70_021 | 700_024 | 700_027 | 700_211..=700_213 | 1_000_502 | 7_000_214 | 7_000_277 => {
            ("invalid_client", "", "The client assertion is refused.")
        }
        7_000_222 => (
            "invalid_client",
            "",
            "The provided client secret keys are expired.",
        ),
        9_010_010 => return AadstsError::resource_mismatch(),
        90_033 | 90_006 | 90_024 | 50_033 => {
            let text = "A transient error has occurred. Please try again.";
            let mut error = AadstsError::new("temporarily_unavailable", code, text);
            error.status = StatusCode::SERVICE_UNAVAILABLE;
            return error;
        }
        _ => ("invalid_grant", "", "An error that was set by /control."),
    };
    let error = AadstsError::new(error, code, text);
    match (code, suberror) {
        (50_079, suberror) => error.suberror(suberror).claims(SECOND_FACTOR),
        (_, "") => error,
        (_, suberror) => error.suberror(suberror),
    }
}

impl GraphError {
    fn error(&self) -> GraphErrorResponse {
        let status = StatusCode::from_u16(self.status).ok();
        let status = status.filter(|status| status.as_u16() >= 400);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, message) = match status.as_u16() {
            401 => (
                "InvalidAuthenticationToken",
                "Access token has expired or is not yet valid.",
            ),
            403 => (
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            404 => ("Request_ResourceNotFound", "Resource does not exist."),
            410 => (
                "resyncRequired",
                "Resync required. Replace any local items with the server's version.",
            ),
            429 => ("TooManyRequests", "Please retry again later."),
            503 | 504 => ("serviceNotAvailable", "The service is not available."),
            _ => ("generalException", "General exception while processing."),
        };
        GraphErrorResponse {
            status,
            code: self.code.clone().unwrap_or_else(|| code.to_owned()),
            message: self.message.clone().unwrap_or_else(|| message.to_owned()),
            retry_after: self.retry_after,
            claims: self.claims.clone(),
            header: self.header,
        }
    }
}

//! What the tenant was told to do wrong next.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;

use super::{
    call::Call,
    graph::GraphRefusal,
    id_token::Lie,
    refusal::{Refusal, SECOND_FACTOR},
};

/// How many faults may wait.
const WAITING: usize = 64;

/// An error of the token endpoint. Only the number has to be told: the rest follows from it.
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
    /// How many requests it hits; 0 means one.
    pub times: u32,
}

/// All that waits to go wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    token: VecDeque<TokenError>,
    graph: VecDeque<GraphError>,
    lies: VecDeque<Lie>,
}

impl Faults {
    pub(super) fn add_token(&mut self, fault: TokenError) {
        if self.token.len() < WAITING {
            self.token.push_back(fault);
        }
    }

    pub(super) fn add_graph(&mut self, fault: GraphError) {
        if self.graph.len() < WAITING {
            self.graph.push_back(fault);
        }
    }

    pub(super) fn add_lie(&mut self, lie: Lie) {
        if self.lies.len() < WAITING {
            self.lies.push_back(lie);
        }
    }

    /// How many wait: for the token endpoint, for Graph, for ID tokens.
    pub(super) fn waiting(&self) -> [usize; 3] {
        [self.token.len(), self.graph.len(), self.lies.len()]
    }

    pub(super) fn next_lie(&mut self) -> Option<Lie> {
        self.lies.pop_front()
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

    pub(super) fn next_graph_fault(&mut self) -> Option<GraphRefusal> {
        let mut fault = self.graph.pop_front()?;
        let refusal = fault.refusal();
        if fault.times > 1 {
            fault.times -= 1;
            self.graph.push_front(fault);
        }
        Some(refusal)
    }
}

impl TokenError {
    pub(super) fn answer(&self, call: &Call<'_>, origin: &str) -> Response<Bytes> {
        let refusal = self.refusal();
        if !self.is_html {
            return refusal.json(call, origin);
        }
        let page = "<html><body><h1>Service unavailable</h1></body></html>";
        let mut response =
            entra_mcp_wire::response::of(refusal.status, "text/html; charset=utf-8", page);
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }

    fn refusal(&self) -> Refusal {
        let mut refusal = known(self.code);
        if let Some(error) = &self.error {
            refusal = Refusal {
                error: error.clone(),
                ..refusal
            };
        }
        if let Some(text) = &self.description {
            refusal.text.clone_from(text);
        }
        let status = self
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        refusal.status = status.unwrap_or(refusal.status);
        refusal.suberror = self.suberror.clone().or(refusal.suberror);
        refusal.claims = self.claims.clone().or(refusal.claims);
        refusal.retry_after = self.retry_after;
        refusal
    }
}

/// What Entra says with a number, as far as the tenant knows it.
fn known(code: u32) -> Refusal {
    let (error, suberror, text) = match code {
        50_053 => ("invalid_grant", "", "The account is locked."),
        50_055 => (
            "invalid_grant",
            "user_password_expired",
            "The password is expired.",
        ),
        50_057 => return Refusal::disabled(),
        50_074 | 50_076 => {
            return Refusal {
                code,
                ..Refusal::second_factor()
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
        50_105 => return Refusal::unassigned(),
        50_173 => return Refusal::revoked(0, 1),
        50_196 => (
            "invalid_grant",
            "",
            "The server terminated an operation because it encountered a client request loop.",
        ),
        53_003 => return Refusal::blocked(),
        65_001 => return Refusal::no_consent("invalid_grant"),
        70_008 | 70_043 | 700_082 => (
            "invalid_grant",
            "",
            "The refresh token has expired or is invalid. Send a new interactive request.",
        ),
        700_016 => return Refusal::unknown_client(super::CLIENT_ID),
        7_000_112 => ("unauthorized_client", "", "The application is disabled."),
        7_000_215 => ("invalid_client", "", "Invalid client secret provided."),
        7_000_222 => (
            "invalid_client",
            "",
            "The provided client secret keys are expired.",
        ),
        9_010_010 => return Refusal::resource_mismatch(),
        90_033 | 90_006 | 90_024 | 50_033 => {
            let text = "A transient error has occurred. Please try again.";
            let mut refusal = Refusal::new("temporarily_unavailable", code, text);
            refusal.status = StatusCode::SERVICE_UNAVAILABLE;
            return refusal;
        }
        _ => (
            "invalid_grant",
            "",
            "An error that the tenant was told to make.",
        ),
    };
    let refusal = Refusal::new(error, code, text);
    match (code, suberror) {
        (50_079, suberror) => refusal.suberror(suberror).claims(SECOND_FACTOR),
        (_, "") => refusal,
        (_, suberror) => refusal.suberror(suberror),
    }
}

impl GraphError {
    fn refusal(&self) -> GraphRefusal {
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
            429 => ("TooManyRequests", "Please retry again later."),
            503 | 504 => ("serviceNotAvailable", "The service is not available."),
            _ => ("generalException", "General exception while processing."),
        };
        GraphRefusal {
            status,
            code: self.code.clone().unwrap_or_else(|| code.to_owned()),
            message: self.message.clone().unwrap_or_else(|| message.to_owned()),
            retry_after: self.retry_after,
            claims: self.claims.clone(),
        }
    }
}

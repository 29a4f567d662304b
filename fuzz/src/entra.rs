//! Entra ID and Microsoft Graph: the dev tenant of the core as a peer on the network, with faults
//! that Entra itself would not admit to.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};

use crate::{
    checks::{Seen, Who},
    world::State,
};

/// Where Entra and Graph are.
pub const ORIGIN: &str = "http://localhost:3002";

/// The application that the server is in the tenant.
#[derive(Clone, Debug)]
pub struct App {
    /// The tenant's id.
    pub tenant_id: String,
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// Entra and Graph.
#[derive(Debug, Default)]
pub struct Entra {
    is_down: bool,
    graph: VecDeque<GraphFault>,
    tokens: VecDeque<StatusCode>,
}

/// The accounts of the tenant that a run uses.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// People who can sign in.
    pub honest: &'static [&'static str],
    /// The account of every attacker.
    pub attacker: &'static str,
}

/// How Graph refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphFault {
    /// The status.
    pub status: StatusCode,
    /// Seconds, for `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Entra {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The server's application.
    #[must_use]
    pub fn app() -> App {
        App {
            tenant_id: "11111111-1111-1111-1111-111111111111".to_owned(),
            client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
            client_secret: "a-client-secret-of-the-world".to_owned(),
        }
    }

    /// The accounts of the tenant.
    #[must_use]
    pub fn accounts() -> Accounts {
        Accounts {
            honest: &["ada@contoso.example", "bo@contoso.example"],
            attacker: "mallory@contoso.example",
        }
    }

    pub(crate) fn serves(&self, origin: &str) -> bool {
        origin == ORIGIN && !self.is_down
    }

    pub(crate) fn is_down(&self) -> bool {
        self.is_down
    }

    /// Nobody can reach Entra and Graph, or everybody again.
    pub fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// Graph refuses its next request.
    pub fn fail_graph(&mut self, status: u16, retry_after: Option<u64>) {
        self.graph.push_back(GraphFault {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after,
        });
    }

    /// The token endpoint answers its next request with this status and no JSON.
    pub fn fail_token(&mut self, status: u16) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.tokens.push_back(status);
    }

    fn forced(&mut self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let path = request.uri().path();
        if path.starts_with("/v1.0/") {
            let fault = self.graph.pop_front()?;
            let body = "{\"error\":{\"code\":\"made up\",\"message\":\"made up\"}}";
            let mut response = Response::new(Bytes::from_static(body.as_bytes()));
            *response.status_mut() = fault.status;
            if let Some(seconds) = fault.retry_after {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            return Some(response);
        }
        if path.ends_with("/oauth2/v2.0/token") {
            let status = self.tokens.pop_front()?;
            let mut response = Response::new(Bytes::from_static(b"<html>made up</html>"));
            *response.status_mut() = status;
            return Some(response);
        }
        None
    }
}

impl State {
    /// What Entra or Graph answers, at once.
    pub(crate) fn entra_answers(
        &mut self,
        who: Option<Who>,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let line = format!("= {} {}", request.method(), request.uri().path());
        self.note("entra", &line);
        let response = match self.entra.forced(request) {
            Some(response) => response,
            None => self.ask_tenant(request),
        };
        self.see(&Seen::Replied {
            who,
            request,
            response: &response,
        });
        response
    }

    fn ask_tenant(&mut self, _request: &Request<Bytes>) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    }
}

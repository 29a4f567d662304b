//! Entra ID and Microsoft Graph: the dev tenant of the core as a peer on the network, with faults
//! that Entra itself would not admit to.

mod spoil;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use entra_mcp_core::{
    dev_tenant::{self, DevTenant, DevTenantConfig, Reply},
    entropy::Seed,
    time::Now,
};
use http::{HeaderValue, Request, Response, StatusCode, header};

use crate::{
    checks::{Seen, Who},
    clock::Moment,
    world::State,
};

pub use self::spoil::Spoil;

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
#[derive(Debug)]
pub struct Entra {
    tenant: DevTenant,
    is_down: bool,
    graph: VecDeque<GraphFault>,
    tokens: VecDeque<StatusCode>,
    spoil: VecDeque<Spoil>,
    /// The last answer was spoiled.
    is_spoiled: bool,
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
    pub(crate) fn new(public_url: &str, seed: &Seed) -> Self {
        let config = DevTenantConfig {
            origin: ORIGIN.to_owned(),
            redirect_uris: vec![format!("{public_url}/auth/callback")],
        };
        Self {
            tenant: DevTenant::new(config, seed),
            is_down: false,
            graph: VecDeque::new(),
            tokens: VecDeque::new(),
            spoil: VecDeque::new(),
            is_spoiled: false,
        }
    }

    /// The server's application.
    #[must_use]
    pub fn app() -> App {
        App {
            tenant_id: dev_tenant::TENANT_ID.to_owned(),
            client_id: dev_tenant::CLIENT_ID.to_owned(),
            client_secret: dev_tenant::CLIENT_SECRET.to_owned(),
        }
    }

    /// The accounts of the tenant.
    #[must_use]
    pub fn accounts() -> Accounts {
        Accounts {
            honest: &[
                "alice@contoso.example",
                "bob@contoso.example",
                "carol@contoso.example",
            ],
            // She has the same mail address as Alice, which must not matter.
            attacker: "grace@contoso.example",
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

    /// The next ID token is one that must not be believed.
    pub fn spoil(&mut self, spoil: Spoil) {
        self.spoil.push_back(spoil);
    }

    /// Nothing that was ordered goes wrong any more.
    pub fn recover(&mut self) {
        self.is_down = false;
        self.graph.clear();
        self.tokens.clear();
        self.spoil.clear();
    }

    fn ask(
        &mut self,
        request: &Request<Bytes>,
        now: Now,
        seed: &Seed,
    ) -> (Duration, Response<Bytes>) {
        let mut after = Duration::ZERO;
        let mut reply = self.tenant.handle(request, now, seed);
        loop {
            reply = match reply {
                Reply::Respond(response) => return (after, response),
                Reply::Sign(unsigned) => {
                    let key = unsigned.key_pkcs8();
                    let signature = sign(key, unsigned.message());
                    let mut response = unsigned.signed(&signature);
                    if let Some(spoil) = self.spoil.pop_front() {
                        let spoiled = spoil.apply(&mut response, |text| sign(key, text));
                        self.is_spoiled = spoiled.is_some();
                    }
                    return (after, response);
                }
                Reply::Later(wait, inner) => {
                    after += wait;
                    *inner
                }
            };
        }
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
    /// What Entra or Graph answers, and how long it takes over it.
    pub(crate) fn entra_answers(
        &mut self,
        who: Option<Who>,
        request: &Request<Bytes>,
    ) -> (Duration, Response<Bytes>) {
        let line = format!("= {} {}", request.method(), request.uri().path());
        self.note("entra", &line);
        let seed = Seed::new(self.choice.material());
        let now = crate::clock::read(self.moment, Moment::default(), 0);
        let (after, response) = match self.entra.forced(request) {
            Some(response) => (Duration::ZERO, response),
            None => self.entra.ask(request, now, &seed),
        };
        let is_spoiled = std::mem::take(&mut self.entra.is_spoiled);
        self.see(&Seen::Replied {
            who,
            request,
            response: &response,
            is_spoiled,
        });
        (after, response)
    }
}

/// RS256, as a runtime does it for the dev tenant.
fn sign(key_pkcs8: &[u8], message: &[u8]) -> Vec<u8> {
    let key = ring::signature::RsaKeyPair::from_pkcs8(key_pkcs8).expect("a good key");
    let mut signature = vec![0; key.public().modulus_len()];
    // This padding draws no random number, so the signature follows from the message.
    let random = ring::rand::SystemRandom::new();
    key.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &random,
        message,
        &mut signature,
    )
    .expect("a key can sign");
    signature
}

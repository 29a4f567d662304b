//! What is outside of the server of a test: Entra and Graph, as the test tells them to be.

use ::http::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{GRAPH_TOKEN, World};
use crate::{
    action::Action,
    ask::{Fetch, FetchFault, Sign, SignFault, Signed},
    env::EntraSnapshot,
    id::ExchangeId,
    secret::Secret,
};

impl World {
    /// Answers an ask.
    pub(super) fn perform(&mut self, id: ExchangeId, ask: Action) {
        let event = match ask {
            Action::Store(ticket, store) => ticket.answer(self.ask(store)),
            Action::Sign(ticket, _) if self.keys_fail => ticket.answer(Err(SignFault)),
            Action::Sign(ticket, sign) => ticket.answer(signed(sign)),
            Action::Fetch(ticket, fetch) if self.entra_is_slow => {
                return self.asking.push_back((id, ticket, *fetch));
            }
            Action::Fetch(ticket, fetch) => ticket.answer(self.fetched(*fetch)),
            _ => return,
        };
        self.hand(id, event);
    }

    /// Whoever has waited for it longest is answered.
    pub(crate) fn answer_one(&mut self) {
        let (id, ticket, fetch) = self.asking.pop_front().expect("somebody waits");
        let answer = self.fetched(fetch);
        self.handle(id, ticket.answer(answer));
    }

    /// What Entra or Graph answers.
    pub(crate) fn fetched(&mut self, fetch: Fetch) -> Result<Response<Bytes>, FetchFault> {
        let host = fetch.request().uri().host();
        if host == Some("login.example") && fetch.request().method() == "GET" {
            let answer = self.documents.pop_front();
            return answer.unwrap_or(Err(FetchFault::Unreachable));
        }
        if host == Some("login.example") {
            self.redeemed.push(fetch.request().clone());
            let renewed = json!({
                "access_token": format!("renewed {GRAPH_TOKEN}"),
                "refresh_token": "the next entra refresh token",
                "scope": "User.Read",
                "expires_in": 3599,
            });
            let usual = || Ok(Response::new(Bytes::from(renewed.to_string())));
            return self.entra.pop_front().unwrap_or_else(usual);
        }
        self.asked.push(fetch.request().clone());
        let answer = self.graph.pop_front();
        let answer = answer.expect("Graph is asked as often as the test expects");
        answer.map(|response| match fetch.kept_open {
            Some(_) if response.status().is_success() => response.map(|_| Bytes::new()),
            _ => response,
        })
    }

    /// As after a restart: nothing is known of Entra yet.
    pub(crate) fn forget_entra(&mut self) {
        self.server.known = EntraSnapshot::default();
        self.hub.publish(self.server.known.clone());
    }

    /// Graph will answer this.
    pub(crate) fn graph_responds(&mut self, status: u16, body: &Value) {
        let response = Response::builder()
            .status(status)
            .header("request-id", "a request of Graph's")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        self.graph.push_back(Ok(response));
    }

    /// Graph will answer that there were too many requests, and when to come back.
    pub(crate) fn graph_throttles(&mut self, seconds: u64) {
        let response = Response::builder()
            .status(429)
            .header("retry-after", seconds)
            .body(Bytes::new());
        self.graph.push_back(Ok(response.unwrap()));
    }

    /// Graph will answer that it wants these claims of a token.
    pub(crate) fn graph_challenges(&mut self, claims: &str) {
        let claims = STANDARD.encode(claims);
        let challenge =
            format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"");
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", challenge)
            .body(Bytes::new());
        self.graph.push_back(Ok(response.unwrap()));
    }

    /// Entra's token endpoint will answer this.
    pub(crate) fn entra_responds(&mut self, status: u16, body: &Value) {
        let response = Response::builder()
            .status(status)
            .body(Bytes::from(body.to_string()));
        self.entra.push_back(Ok(response.unwrap()));
    }

    /// Entra's metadata and keys are these from now on.
    pub(crate) fn publishes(&mut self, keys: &Value) {
        let metadata = json!({
            "issuer": "https://login.example/11111111-1111-1111-1111-111111111111/v2.0",
            "authorization_endpoint": "https://login.example/tenant/oauth2/v2.0/authorize",
            "token_endpoint": "https://login.example/tenant/oauth2/v2.0/token",
            "jwks_uri": "https://login.example/tenant/discovery/v2.0/keys",
        });
        for document in [&metadata, keys] {
            let body = Bytes::from(document.to_string());
            self.documents.push_back(Ok(Response::new(body)));
        }
    }
}

/// A key or a signature, as a runtime makes them.
#[expect(clippy::disallowed_types, reason = "it stands for the runtime")]
fn signed(sign: Sign) -> Result<Signed, SignFault> {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = |key: &[u8]| EcdsaKeyPair::from_pkcs8(algorithm, key, &random).unwrap();
    Ok(match sign {
        Sign::NewKey => {
            let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            let public = pair(key.as_ref()).public_key().as_ref().to_vec();
            let private = Secret::new(key.as_ref().to_vec());
            Signed::Key { private, public }
        }
        Sign::With { key, input } => {
            let signature = pair(key.expose()).sign(&random, &input).unwrap();
            Signed::Signature(signature.as_ref().to_vec())
        }
    })
}

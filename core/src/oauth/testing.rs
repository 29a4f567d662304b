//! Help for tests: a client that a user has approved, on a server with a store and a scripted
//! Entra.

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    ask::Guard,
    config::ClientEntry,
    entropy::Entropy,
    exchange::ExchangeId,
    mcp::testing::World,
    oauth::opaque_token,
    session::record::{Code, Session},
    testing::{self, client_id, entropy, header, session_of},
};

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:5000/callback";

/// Alice has approved a client and come back from Entra: this is the code it was sent.
pub(crate) struct SignedIn {
    pub(crate) world: World,
    pub(crate) client: String,
    pub(crate) code: String,
}

impl SignedIn {
    /// Up to the code.
    pub(crate) fn new() -> Self {
        Self::to("http://localhost:3001")
    }

    /// The same, where the client asked for this resource.
    pub(crate) fn to(resource: &str) -> Self {
        let world = World::new();
        let client = client_id(&world.server, &[REDIRECT_URI]);
        Self::begin(world, client, resource, Some(CHALLENGE))
    }

    /// The same with a client of this id.
    pub(crate) fn of(client: &str) -> Self {
        Self::begin(
            World::new(),
            client.to_owned(),
            "http://localhost:3001",
            Some(CHALLENGE),
        )
    }

    /// The same where a code lasts this long.
    pub(crate) fn lasting(code: Duration) -> Self {
        let mut world = World::new();
        world.server.server.config.lifetimes.code = code;
        let client = client_id(&world.server, &[REDIRECT_URI]);
        Self::begin(world, client, "http://localhost:3001", Some(CHALLENGE))
    }

    /// The same with a client that the operator has registered, whose code has this challenge.
    pub(crate) fn with_preregistered(entry: ClientEntry, challenge: Option<&str>) -> Self {
        let (mut world, id) = (World::new(), entry.id.clone());
        world.server = world.server.with_clients(vec![entry]);
        Self::begin(world, id, "http://localhost:3001", challenge)
    }

    fn begin(mut world: World, client: String, resource: &str, challenge: Option<&str>) -> Self {
        world.sign_in("alice", &client, "user.read");
        let mut signed_in = Self {
            world,
            client,
            code: String::new(),
        };
        signed_in.give_code(resource, challenge);
        signed_in
    }

    /// Her session is as a callback leaves it.
    fn give_code(&mut self, resource: &str, challenge: Option<&str>) {
        let (session, share) = session_of("alice", &self.client);
        let server = &self.world.server;
        let keys = &server.server.keys;
        let code = opaque_token::new_code(session.id, &mut entropy(5), keys);
        let stored = &self.world.store[&session.id.key().0];
        let (mut session, _) = Session::open(session.id, stored, &share, &server.server).unwrap();
        resource.clone_into(&mut session.resource);
        session.code = Some(Code {
            hash: code.hash,
            code_challenge: challenge.map(str::to_owned),
            redirect_uri: REDIRECT_URI.to_owned(),
            expires: server.now.unix.after(server.server.config.lifetimes.code),
        });
        session.open_only_to(&code.share(), &server.server);
        let mut random: Entropy = entropy(6);
        let put = session.put(Guard::Any, stored.record.expires, keys, &mut random);
        self.code.clone_from(code.text.expose());
        self.world.ask(put).unwrap();
    }

    /// The session, as it is stored, by the refresh token that is good now.
    pub(crate) fn session_of(&self, refresh_token: &str) -> Session {
        let server = &self.world.server.server;
        let token = opaque_token::read_refresh_token(refresh_token, &server.keys).unwrap();
        let stored = &self.world.store[&token.session_id.key().0];
        Session::open(token.session_id, stored, &token.share(), server)
            .unwrap()
            .0
    }

    /// Whether the session is still stored.
    pub(crate) fn is_alive(&self) -> bool {
        let (session, _) = session_of("alice", &self.client);
        self.world.store.contains_key(&session.id.key().0)
    }

    pub(crate) fn later(&mut self, duration: Duration) {
        let now = &mut self.world.server.now;
        now.unix = now.unix.after(duration);
        now.instant = now.instant.after(duration);
    }

    /// Posts a form.
    pub(crate) fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Response<Bytes> {
        self.post_with(target, form, &[])
    }

    /// Begins a refresh, which may have to wait.
    pub(crate) fn begin_refresh(&mut self, refresh_token: &str) -> ExchangeId {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client.as_str()),
            ("refresh_token", refresh_token),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self.world.server.request("POST", "/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.world.begin(request.body(Bytes::from(body)).unwrap())
    }

    /// Posts a form with further headers.
    pub(crate) fn post_with(
        &mut self,
        target: &str,
        form: &[(&str, &str)],
        headers: &[(&str, String)],
    ) -> Response<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = self.world.server.request("POST", target).header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Bytes::from(body));
        self.world.send(request.unwrap())
    }

    /// Redeems the code, with these parameters changed.
    pub(crate) fn token(&mut self, changes: &[(&str, &str)]) -> Response<Bytes> {
        let (client, code) = (self.client.clone(), self.code.clone());
        let good = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", code.as_str()),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
        ];
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let mut form: Vec<_> = good
            .into_iter()
            .filter(|(name, _)| !is_changed(name))
            .collect();
        form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/token", &form)
    }

    pub(crate) fn refresh(
        &mut self,
        refresh_token: &str,
        more: &[(&str, &str)],
    ) -> Response<Bytes> {
        let client = self.client.clone();
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", refresh_token),
        ];
        form.extend(more);
        self.post("/token", &form)
    }

    /// The tokens that the code gives.
    pub(crate) fn redeem(&mut self) -> Value {
        let response = self.token(&[]);
        assert_eq!(response.status(), 200, "{}", testing::text(&response));
        testing::json(&response)
    }

    /// Whether a session token opens the MCP endpoint.
    pub(crate) fn works(&mut self, tokens: &Value) -> bool {
        let request = self
            .world
            .server
            .request("POST", "/mcp")
            .header(
                "authorization",
                format!("Bearer {}", text(tokens, "access_token")),
            )
            .header("content-type", "application/json")
            .body(Bytes::from(crate::mcp::testing::initialize("2025-11-25")));
        self.world.send(request.unwrap()).status() == 200
    }
}

/// A member that is text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The error of an answer, which must not be cached.
pub(crate) fn error(response: &Response<Bytes>) -> String {
    assert_eq!(header(response, "cache-control"), "no-store");
    text(&testing::json(response), "error").to_owned()
}

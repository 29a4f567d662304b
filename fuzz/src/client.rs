//! A well-behaved MCP client: finds out how to sign in, registers, sends the user to the browser,
//! redeems the code, calls tools, refreshes and revokes. It checks what a careful client checks.

mod backend;
mod capabilities;
mod confirmation;
mod device;
mod error;
mod events;
mod features;
mod identity;
mod mcp;
mod oauth;
mod permissions;
mod request;
mod tasks;

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::Value;
use url::Url;

pub(crate) use self::events::{Events, is_stream};
pub(crate) use self::permissions::SIGN_IN;
pub use self::{
    device::{DeviceCodes, Polled},
    error::ClientError,
    features::Feature,
    identity::{Assertion, Identity, document},
    mcp::UserDetails,
    oauth::{Begun, Registration, Tokens},
    request::LeakedName,
};
use crate::{browser::Browser, human::Human, ids::Role, net::Peer, world::World};

/// Which revision of MCP, and so which transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// HTTP+SSE, 2024-11-05.
    Sse,
    /// Streamable HTTP with sessions: 2025-03-26, 2025-06-18 or 2025-11-25.
    Streamable(&'static str),
    /// Streamable HTTP without sessions: 2026-07-28.
    Modern,
}

impl Dialect {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::Sse,
        Self::Streamable("2025-03-26"),
        Self::Streamable("2025-06-18"),
        Self::Streamable("2025-11-25"),
        Self::Modern,
    ];

    /// The path that the user adds to their client.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Sse => "/sse",
            Self::Streamable(_) | Self::Modern => "/mcp",
        }
    }

    /// The revision's name.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Sse => "2024-11-05",
            Self::Streamable(version) => version,
            Self::Modern => "2026-07-28",
        }
    }
}

/// What the client found out about the server.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The resource, as its metadata names it.
    pub resource: String,
    /// The authorization server's metadata.
    pub server: Value,
}

/// An MCP client.
#[derive(Debug)]
pub struct Client {
    /// How it reaches the network.
    pub peer: Peer,
    /// Which revision it speaks.
    pub dialect: Dialect,
    /// What the endpoint is called that it uses, if there are several.
    pub endpoint: Option<&'static str>,
    /// Where it wants the user's browser back.
    pub redirect_uri: String,
    /// Who it says that it is.
    pub identity: Identity,
    /// How it makes its assertions, if it signs.
    pub assertion: Assertion,
    /// Whether it asks for a client secret.
    pub is_confidential: bool,
    /// The scopes that it asks for; `None`: whatever it gets.
    pub scope: Option<String>,
    /// What it knows of the server.
    pub discovered: Option<Discovered>,
    /// Its registration.
    pub registration: Option<Registration>,
    /// Its tokens.
    pub tokens: Option<Tokens>,
    /// Whether it stays at the replica where its session began, as behind a balancer with affinity:
    /// questions and the rest of a stream are there only.
    pub is_sticky: bool,
    /// Whether it says that it knows tasks.
    pub knows_tasks: bool,
    /// Nothing breaks: what is sent is not lost on its way.
    pub expects_no_faults: bool,
    /// The notifications that it notifications.
    pub notifications: Vec<Value>,
    /// What others may overhear of what it does.
    pub leaked_names: Rc<RefCell<Vec<LeakedName>>>,
    connection: Option<mcp::Connection>,
    requests: u64,
}

impl Client {
    /// A public native client on a port of its own.
    #[must_use]
    pub fn new(world: &World, name: &str, dialect: Dialect) -> Self {
        Self {
            peer: world.peer(name, Role::Client),
            dialect,
            endpoint: world.options(|options| options.backends().first()?.0.name),
            redirect_uri: "http://127.0.0.1:49152/callback".to_owned(),
            identity: Identity::default(),
            assertion: Assertion::default(),
            is_confidential: false,
            scope: None,
            discovered: None,
            registration: None,
            tokens: None,
            is_sticky: false,
            knows_tasks: false,
            expects_no_faults: false,
            notifications: Vec::new(),
            leaked_names: Rc::default(),
            connection: None,
            requests: 0,
        }
    }

    /// The same for a program without fair intentions.
    #[must_use]
    pub fn of_attacker(world: &World, name: &str, dialect: Dialect) -> Self {
        let mut client = Self::new(world, name, dialect);
        client.peer = world.peer(name, Role::Attacker);
        client
    }

    /// The MCP address that the user has given it.
    #[must_use]
    pub fn address(&self) -> String {
        let path = self.dialect.path();
        let name = self.endpoint.map(|name| format!("/{name}"));
        format!(
            "{}{path}{}",
            self.peer.world().server_url(),
            name.unwrap_or_default()
        )
    }

    /// Signs in from nothing, or again: discovery, registration, browser, code, tokens.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn sign_in(
        &mut self,
        browser: &mut Browser,
        human: &Human,
    ) -> Result<(), ClientError> {
        let begun = self.begin().await?;
        let returned = self.ask_user(browser, human, &begun).await?;
        let code = self.accept(&begun, &returned)?;
        self.redeem(&begun, &code).await
    }

    /// Signs in if needed, connects, and asks who the user is.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn use_as(
        &mut self,
        browser: &mut Browser,
        human: &Human,
    ) -> Result<UserDetails, ClientError> {
        if self.tokens.is_none() {
            self.sign_in(browser, human).await?;
        }
        self.connect().await?;
        self.get_user_details().await
    }

    /// A request for an address of the server, with the client's token if it has one.
    #[must_use]
    pub fn request(&self, method: http::Method, url: &str) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().expect("the server's addresses are URIs");
        if let Some(tokens) = &self.tokens {
            let bearer = format!("Bearer {}", tokens.access_token);
            let headers = request.headers_mut();
            headers.insert(header::AUTHORIZATION, value(&bearer));
        }
        request
    }

    async fn get_json(&self, url: &str) -> Result<Value, ClientError> {
        let mut request = self.request(http::Method::GET, url);
        request.headers_mut().remove(header::AUTHORIZATION);
        json(&self.peer.fetch(request).await?)
    }

    /// The server's own address for something, as its metadata says.
    fn endpoint(&self, name: &str) -> Result<String, ClientError> {
        let discovered = self
            .discovered
            .as_ref()
            .ok_or(ClientError::violation("no discovery"))?;
        text(&discovered.server, name)
    }
}

/// A header's value.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("what the client sends is visible text")
}

/// The JSON of a good answer.
pub(crate) fn json(response: &Response<Bytes>) -> Result<Value, ClientError> {
    if !response.status().is_success() {
        return Err(ClientError::of(response));
    }
    serde_json::from_slice(response.body())
        .map_err(|_| ClientError::violation("an answer is no JSON"))
}

/// A string in JSON.
pub(crate) fn text(value: &Value, name: &str) -> Result<String, ClientError> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| ClientError::violation(&format!("{name} is missing")))
}

/// A parameter of an address.
#[must_use]
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

//! Help for tests: a server with dev settings, and requests run to their responses.

pub(crate) mod browsing;
mod key_change;

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::{
    action::Action,
    admit,
    catalog::{ScopeDefinition, VerifiedBy, scope::Scopes},
    config::{
        ClientCredential, ClientEntry, Config, EntraApp, LogFormat, PreregisteredClients,
        PublicUrl, StoreLocation,
    },
    entra::testing::{Signer, TENANT},
    entropy::{Entropy, Seed},
    env::{EntraSnapshot, Env, Server},
    exchange::{Exchange, ExchangeId, Output},
    hub::ToHub,
    id::SessionId,
    keys::{Keyring, MasterKey},
    log_event::LogEvent,
    oauth::authorization_request::{AuthorizationRequest, RedirectTarget},
    policy::Policy,
    provider_metadata::ProviderMetadata,
    redirect_uri::RedirectUri,
    request_id::RequestId,
    session::{
        Share,
        record::{ApprovedClient, Hash, Outline, Profile, Session, User},
        token::{self, Granted},
    },
    time::{Instant, Now, UnixTime},
    token_beginning::TokenBeginning,
};

/// A server, what it knows of Entra, and the time; all of it may be changed.
pub(crate) struct TestServer {
    pub(crate) server: Server,
    pub(crate) known: EntraSnapshot,
    pub(crate) clients: PreregisteredClients,
    pub(crate) policy: Policy,
    pub(crate) now: Now,
}

/// What came of a request.
pub(crate) struct Sent {
    pub(crate) exchange: Option<Exchange>,
    pub(crate) response: Option<::http::Response<Bytes>>,
    pub(crate) logged: Vec<LogEvent>,
    pub(crate) to_hub: Vec<ToHub>,
    /// The other actions: fetches, store operations, pieces of a stream.
    pub(crate) actions: Vec<Action>,
}

impl TestServer {
    /// `http://localhost:3001`, with Entra known.
    pub(crate) fn dev() -> Self {
        Self::at("http://localhost:3001")
    }

    /// `https://mcp.example`, with Entra known.
    pub(crate) fn https() -> Self {
        Self::at("https://mcp.example")
    }

    /// `https://contoso.example/ai/mcp-server`, with Entra known: a host that it shares with others.
    pub(crate) fn below_a_path() -> Self {
        Self::at("https://contoso.example/ai/mcp-server")
    }

    fn at(public_url: &str) -> Self {
        let config = Config {
            listen: Vec::new(),
            metrics_listen: Vec::new(),
            public_url: PublicUrl::parse(public_url).unwrap(),
            entra: EntraApp {
                tenant: "11111111-1111-1111-1111-111111111111".to_owned(),
                tenants: crate::config::Tenants::One,
                client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
                credential: ClientCredential::Secret("entra client secret".to_owned().into()),
                authority_host: Url::parse("https://login.example/").unwrap(),
                graph: Url::parse("https://graph.example/").unwrap(),
            },
            dev_tenant: None,
            store: StoreLocation::Folder("data".into()),
            keys: Vec::new(),
            store_ca: None,
            allowed_origins: vec!["http://localhost:6274".to_owned()],
            registration: crate::config::Registration::Open,
            allowed_users: crate::config::AllowedUsers::default(),
            contact: None,
            device_authorization: false,
            code_page: false,
            gateway: None,
            backends: Vec::new(),
            with_own_tools: false,
            sessions_per_user: crate::limits::SESSIONS_PER_USER,
            client_documents: crate::config::ClientDocuments::default(),
            lifetimes: crate::config::Lifetimes::default(),
            clients: None,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            rate_limits: crate::config::RateLimits::none(),
            allowed_hosts: Vec::new(),
            authorization_response_iss: true,
            entra_tokens: None,
            authorization_servers: crate::config::AuthorizationServers::Own,
            call_limits: crate::config::CallLimits::default(),
            capacity: crate::config::Capacity::default(),
            shutdown: crate::config::Shutdown::default(),
            log: LogFormat::Text,
            log_filter: crate::config::LogFilter::default(),
            dev_tenant_file: None,
            graph_tools: std::collections::BTreeSet::new(),
            audit_log: Some(crate::config::AuditLogFile::Stdout),
        };
        Self {
            server: Server::new(
                config,
                Keyring::new(MasterKey::new([42; 32]), Vec::new()),
                crate::tools::catalog(),
            ),
            known: EntraSnapshot {
                revision: 1,
                metadata: Some(Arc::new(provider_metadata())),
                fetched: Instant(0),
                ..EntraSnapshot::default()
            },
            clients: PreregisteredClients::default(),
            policy: Policy::default(),
            now: Now {
                instant: Instant(1000),
                unix: UnixTime(1_800_000_000),
            },
        }
    }

    /// It offers `mail.read` too.
    pub(crate) fn with_mail(mut self) -> Self {
        self.server.scopes = Scopes::new(&[ScopeDefinition {
            name: "mail.read".to_owned(),
            permission: "Mail.Read".to_owned(),
            description: "Read your mail.".to_owned(),
        }]);
        self
    }

    /// Its operator has registered these clients.
    pub(crate) fn with_clients(mut self, entries: Vec<ClientEntry>) -> Self {
        self.clients = self.server.preregistered(entries).unwrap();
        self
    }

    /// Its MCP endpoints are what the settings say now.
    pub(crate) fn name_endpoints(&mut self) {
        let server = &mut self.server;
        server.config.name_endpoints();
        server.token_beginnings = TokenBeginning::all(&server.config.public_url);
    }

    pub(crate) fn env(&self) -> Env<'_> {
        Env {
            server: &self.server,
            catalog: &self.server.catalog,
            entra: &self.known,
            clients: &self.clients,
            policy: &self.policy,
            endpoint: crate::config::Endpoint::MAIN,
            now: self.now,
        }
    }

    /// Judges the head and runs the exchange until it waits or is done.
    pub(crate) fn send(&self, request: ::http::Request<Bytes>) -> Sent {
        let (head, body) = request.into_parts();
        match admit::admit(head, &self.server, self.now, RequestId::own(1)) {
            Ok(admission) => {
                let seed = Seed::new([7; 32]);
                Sent::of(admission.begin(ExchangeId(1), &seed, body, self.env()))
            }
            Err(refusal) => Sent {
                exchange: None,
                response: Some(*refusal),
                logged: Vec::new(),
                to_hub: Vec::new(),
                actions: Vec::new(),
            },
        }
    }

    /// The response to a request that needs nothing of the outside.
    pub(crate) fn response(&self, request: ::http::Request<Bytes>) -> ::http::Response<Bytes> {
        let sent = self.send(request);
        sent.response.expect("the request is answered at once")
    }

    /// A request with this server's `Host`.
    pub(crate) fn request(&self, method: &str, target: &str) -> ::http::request::Builder {
        ::http::Request::builder()
            .method(method)
            .uri(target)
            .header("host", self.server.config.public_url.host())
    }

    /// GET without a body.
    pub(crate) fn get(&self, target: &str) -> ::http::Response<Bytes> {
        self.response(self.request("GET", target).body(Bytes::new()).unwrap())
    }
}

impl Sent {
    /// What comes of an exchange that has begun.
    pub(crate) fn of(exchange: Exchange) -> Self {
        let mut sent = Self {
            exchange: Some(exchange),
            response: None,
            logged: Vec::new(),
            to_hub: Vec::new(),
            actions: Vec::new(),
        };
        sent.drain();
        sent
    }

    /// Hands in an event and collects what follows.
    pub(crate) fn handle(&mut self, event: crate::event::Event, env: Env<'_>) {
        let exchange = self.exchange.as_mut().expect("the request was admitted");
        exchange
            .handle(event, env)
            .expect("the runtime keeps the contract");
        self.drain();
    }

    fn drain(&mut self) {
        let exchange = self.exchange.as_mut().expect("the request was admitted");
        while let Output::Do(action) = exchange.poll() {
            match action {
                Action::Respond(response) => self.response = Some(response),
                Action::Log(line) => self.logged.push(line),
                Action::ToHub(message) => self.to_hub.push(message),
                other => self.actions.push(other),
            }
        }
    }
}

/// What is known of the made-up Entra.
pub(crate) fn provider_metadata() -> ProviderMetadata {
    let url = |path: &str| Url::parse(&format!("https://login.example/tenant/{path}")).unwrap();
    ProviderMetadata {
        issuer: format!("https://login.example/{TENANT}/v2.0"),
        authorization_endpoint: url("oauth2/v2.0/authorize"),
        token_endpoint: url("oauth2/v2.0/token"),
        keys: vec![Signer::known().public()],
        v1: None,
    }
}

pub(crate) fn entropy(seed: u8) -> Entropy {
    Entropy::new(&Seed::new([seed; 32]))
}

/// A good authorization request of a client at `https://client.example/cb`.
pub(crate) fn authorization_request(state: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        client: Hash::of(b"a client"),
        redirect_target: RedirectTarget {
            redirect_uri: RedirectUri::parse("https://client.example/cb").unwrap(),
            state: Some(state.to_owned()),
        },
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        resource: "http://localhost:3001/mcp".to_owned(),
        scope: Scopes::new(&[]).default(),
    }
}

/// The text of a body.
pub(crate) fn text(response: &::http::Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).expect("our bodies are UTF-8")
}

/// The JSON of a body.
pub(crate) fn json(response: &::http::Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).expect("the body is JSON")
}

/// A header, or an empty text.
pub(crate) fn header<'a>(response: &'a ::http::Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("our headers are ASCII"))
}

/// A session of a user with a client, as yet open to nobody, and the share of its tokens.
pub(crate) fn session_of(user: &str, client_id: &str) -> (Session, Share) {
    let id = Hash::of(format!("{user} {client_id}").as_bytes()).0;
    let mut sid = [0; 16];
    sid.copy_from_slice(&id[..16]);
    let outline = Outline {
        client: Hash::of(client_id.as_bytes()),
        subject: format!("subject of {user}"),
        ..Outline::default()
    };
    let user = User {
        tenant_id: "11111111-1111-1111-1111-111111111111".to_owned(),
        oid: user.to_owned(),
        sub: None,
        profile: Profile::default(),
    };
    let granted = ("user.read".to_owned(), "http://localhost:3001".to_owned());
    let created = UnixTime(1_799_999_000);
    let id = SessionId::new(sid);
    let mut session = Session::new(id, outline, user, granted, created, &mut entropy(8));
    session.client = Some(ApprovedClient {
        name: Some(client_id.to_owned()),
        verified_by: VerifiedBy::Site("client.example".to_owned()),
    });
    (session, Share::of(&sid))
}

/// A good session token of Alice's.
pub(crate) fn session_token(server: &TestServer) -> String {
    session_token_for(server, "http://localhost:3001")
}

/// One for this resource.
pub(crate) fn session_token_for(server: &TestServer, resource: &str) -> String {
    let (mut session, share) = session_of("alice", "a client");
    session.resource = resource.to_owned();
    let issued = token::issue(
        &session,
        &Granted::whole(&session),
        &share,
        server.env(),
        &mut entropy(9),
    );
    issued.0.expose().clone()
}

/// The `client_id` of a public client with these redirect URIs, called "Test client".
pub(crate) fn client_id(server: &TestServer, redirect_uris: &[&str]) -> String {
    client_called("Test client", server, redirect_uris)
}

/// The `client_id` of a public client of this name.
pub(crate) fn client_called(name: &str, server: &TestServer, redirect_uris: &[&str]) -> String {
    let metadata = serde_json::json!({
        "client_name": name,
        "redirect_uris": redirect_uris,
        "token_endpoint_auth_method": "none",
    });
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json")
        .body(metadata.to_string().into());
    let response = server.response(request.unwrap());
    let id = json(&response)["client_id"].as_str().map(str::to_owned);
    id.expect("the client is registered")
}

/// A good query of GET /authorize. A parameter of `changes` replaces that of the same name; with an
/// empty value it takes it away.
pub(crate) fn authorize(client_id: &str, redirect_uri: &str, changes: &[(&str, &str)]) -> String {
    let good = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("state", "client state"),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let unchanged = good.iter().filter(|(name, _)| !is_changed(name));
    let added = changes.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(unchanged.chain(added))
        .finish();
    format!("/authorize?{query}")
}

/// The value of a parameter of an address.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let address = Url::parse(address).expect("the address is a URL");
    let mut values = address.query_pairs().filter(|(key, _)| key == name);
    values.next().map(|(_, value)| value.into_owned())
}

//! An MCP client: registers, sends a user to sign in, holds tokens, calls tools.

use std::io;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

pub use crate::browser::Landed;
use crate::{
    Server,
    browser::Browser,
    raw_http::{self, Connection, Response},
    schema_checked::Exchange,
};

/// Where clients are returned to.
pub const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// The `code_verifier` of RFC 7636 appendix B: good enough for a test.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client and its tokens.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub client_id: String,
    /// The session token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
}

/// Registers a public client; its id.
#[must_use]
pub fn register(server: &Server) -> String {
    register_as(server, "End to end")
}

/// Registers a public client of this name; its id.
#[must_use]
pub fn register_as(server: &Server, client_name: &str) -> String {
    let metadata = json!({"client_name": client_name, "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none"});
    let headers = [("Content-Type", "application/json")];
    let response = server.request("POST", "/register", &headers, &metadata.to_string());
    assert_eq!(response.status, 201, "{}", response.body);
    response.json()["client_id"].as_str().unwrap().to_owned()
}

/// The address at which the browser begins.
#[must_use]
pub fn authorize(server: &Server, client_id: &str) -> Url {
    authorize_for(server, client_id, None, Some("/mcp"))
}

fn authorize_for(
    server: &Server,
    client_id: &str,
    scope: Option<&str>,
    endpoint: Option<&str>,
) -> Url {
    let parameters = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", REDIRECT_URI),
        ("state", "the client's state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut address =
        Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap();
    if let Some(endpoint) = endpoint {
        let resource = format!("{}{endpoint}", server.url());
        address.query_pairs_mut().append_pair("resource", &resource);
    }
    if let Some(scope) = scope {
        address.query_pairs_mut().append_pair("scope", scope);
    }
    address
}

/// Signs somebody in, up to where the browser leaves for the client.
pub fn browse(server: &Server, browser: &mut Browser, client_id: &str, user: &str) -> Landed {
    browse_from(&authorize(server, client_id), server, browser, user)
}

fn browse_from(address: &Url, server: &Server, browser: &mut Browser, user: &str) -> Landed {
    let Landed::Page(page, consent) = browser.open(address, REDIRECT_URI) else {
        panic!("the user is asked first");
    };
    let Landed::Page(page, users) = browser.press(&page, &consent, "Approve", REDIRECT_URI) else {
        panic!("the dev tenant asks who it is");
    };
    assert!(page.as_str().starts_with(&server.tenant_url()), "{page}");
    browser.press(&page, &users, user, REDIRECT_URI)
}

/// A parameter of where the browser left to.
#[must_use]
pub fn parameter(landed: &Landed, name: &str) -> Option<String> {
    let Landed::Left(url) = landed else {
        panic!("the browser did not leave: {landed:?}");
    };
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Posts a form.
#[must_use]
pub fn post_form(server: &Server, target: &str, fields: &[(&str, &str)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    server.request("POST", target, &headers, &body)
}

/// Redeems a code.
#[must_use]
pub fn redeem(server: &Server, client_id: &str, code: &str) -> Response {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", REDIRECT_URI),
    ];
    post_form(server, "/token", &fields)
}

/// Signs somebody in with a new client.
#[must_use]
pub fn sign_in(server: &Server, user: &str) -> Client {
    sign_in_with(server, register(server), user)
}

/// Signs somebody in with a client.
#[must_use]
pub fn sign_in_with(server: &Server, client_id: String, user: &str) -> Client {
    sign_in_for(server, client_id, user, None)
}

/// Signs somebody in with a client that asks for these scopes.
#[must_use]
pub fn sign_in_for(server: &Server, client_id: String, user: &str, scope: Option<&str>) -> Client {
    let address = authorize_for(server, &client_id, scope, Some("/mcp"));
    finish_sign_in(server, client_id, user, &address)
}

/// Signs somebody in with a client that asks for tokens of this endpoint, or of the whole server.
#[must_use]
pub fn sign_in_to(
    server: &Server,
    client_id: String,
    endpoint: Option<&str>,
    user: &str,
) -> Client {
    let address = authorize_for(server, &client_id, None, endpoint);
    finish_sign_in(server, client_id, user, &address)
}

fn finish_sign_in(server: &Server, client_id: String, user: &str, address: &Url) -> Client {
    let mut browser = Browser::default();
    let mut landed = browse_from(address, server, &mut browser, user);
    // The dev tenant asks for what the user has not consented to.
    if let Landed::Page(page, consent) = &landed {
        landed = browser.press(page, consent, "Accept", REDIRECT_URI);
    }
    assert_eq!(
        parameter(&landed, "state").as_deref(),
        Some("the client's state")
    );
    assert_eq!(parameter(&landed, "iss"), Some(server.url()));
    let code = parameter(&landed, "code").unwrap_or_else(|| panic!("no code: {landed:?}"));
    let response = redeem(server, &client_id, &code);
    assert_eq!(response.status, 200, "{}", response.body);
    Client::of(client_id, &response.json())
}

impl Client {
    /// A client that got these tokens.
    #[must_use]
    pub fn of(client_id: String, tokens: &Value) -> Self {
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        Self {
            client_id,
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }

    /// Refreshes.
    #[must_use]
    pub fn refresh(&self, server: &Server) -> Response {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("refresh_token", &self.refresh_token),
        ];
        post_form(server, "/token", &fields)
    }

    /// Sends a message to /mcp.
    #[must_use]
    pub fn post(&self, server: &Server, headers: &[(&str, &str)], message: &Value) -> Response {
        let bearer = format!("Bearer {}", self.access_token);
        let mut all = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        all.extend(headers);
        server.request("POST", "/mcp", &all, &message.to_string())
    }

    /// Sends a message to /mcp whose answer is a stream; its head was read.
    ///
    /// # Errors
    ///
    /// The server has closed, or says nothing.
    pub fn post_for_stream(
        &self,
        server: &Server,
        headers: &[(&str, &str)],
        message: &Value,
    ) -> io::Result<(Response, Events)> {
        let bearer = format!("Bearer {}", self.access_token);
        let mut all = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        all.extend(headers);
        let mut connection = Connection::open(server.address())?;
        let body = message.to_string();
        let text = raw_http::text("POST", "/mcp", &server.host(), &all, &body);
        let exchange = server.watched().asked("/mcp", headers, &body);
        connection.send(text.as_bytes())?;
        let mut head = connection.head()?;
        if head.header("content-type") != "text/event-stream" {
            connection.body(&mut head, false)?;
        }
        exchange.answered(&head);
        Ok((head, Events::new(connection, exchange)))
    }

    /// Begins an MCP session; its id.
    #[must_use]
    pub fn initialize(&self, server: &Server, revision: &str) -> String {
        let response = self.post(server, &[], &initialize(revision));
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.json()["result"]["protocolVersion"], *revision);
        response.header("mcp-session-id").to_owned()
    }

    /// The result of `getUserDetails` in a revision with sessions.
    #[must_use]
    pub fn details(&self, server: &Server, revision: &str) -> Value {
        let session = self.initialize(server, revision);
        let headers = [
            ("Mcp-Session-Id", session.as_str()),
            ("MCP-Protocol-Version", revision),
        ];
        let response = self.post(server, &headers, &call(1));
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["result"].clone()
    }

    /// Whether the session token opens the MCP endpoint.
    #[must_use]
    pub fn works(&self, server: &Server) -> bool {
        self.post(server, &[], &initialize("2025-11-25")).status == 200
    }

    /// Opens a stream; its head was read.
    ///
    /// # Errors
    ///
    /// The server has closed, or says nothing.
    pub fn stream(
        &self,
        server: &Server,
        target: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<(Response, Events)> {
        let mut connection = Connection::open(server.address())?;
        let mut text = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Accept: text/event-stream\r\n",
            server.host(),
            self.access_token
        );
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let exchange = server.watched().asked(target, headers, "");
        connection.send((text + "\r\n").as_bytes())?;
        let head = connection.head()?;
        exchange.answered(&head);
        Ok((head, Events::new(connection, exchange)))
    }
}

/// The events of a stream.
#[derive(Debug)]
pub struct Events {
    connection: Connection,
    exchange: Exchange,
    text: String,
    last_id: Option<String>,
}

impl Events {
    fn new(connection: Connection, exchange: Exchange) -> Self {
        Self {
            connection,
            exchange,
            text: String::new(),
            last_id: None,
        }
    }

    /// The id of the event that came last, if any had one.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The next event: its name and its data. `None` if the stream ended. Comments are passed over.
    ///
    /// # Errors
    ///
    /// The server says nothing.
    pub fn next_event(&mut self) -> io::Result<Option<(String, String)>> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
                };
                let found = (field("event:"), field("data:"));
                let id = field("id:");
                if !id.is_empty() {
                    self.last_id = Some(id);
                }
                self.text = rest.to_owned();
                if !found.1.is_empty() {
                    self.exchange.event(&found.0, &found.1);
                    return Ok(Some(found));
                }
            }
            match self.connection.chunk() {
                Ok(Some(chunk)) => self.text.push_str(&String::from_utf8_lossy(&chunk)),
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// An `initialize`.
#[must_use]
pub fn initialize(revision: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": {},
        "clientInfo": {"name": "end to end", "version": "1"},
    }})
}

/// A call of `getUserDetails`.
#[must_use]
pub fn call(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": "getUserDetails", "arguments": {}}})
}

/// The claims of a session token, which are not secret.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("it looks like a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

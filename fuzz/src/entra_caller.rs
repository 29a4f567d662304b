//! Somebody who has an access token of Entra's, and calls tools with that in place of a session token. Some of their tokens
//! are for another application, and must be worth nothing.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use entra_mcp_dev_tenant::{API_URI, COMMAND_LINE_ID, Control, TENANT_ID};
use http::{Method, Request, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    client::value,
    ids::{ENTRA_ORIGIN, Role},
    net::Peer,
    users::Shared,
    world::World,
};

/// A caller.
#[derive(Debug)]
pub struct EntraCaller {
    world: World,
    shared: Shared,
    peer: Peer,
    account: &'static str,
    token: Option<String>,
}

/// An application that is not the server.
const ANOTHER: &str = "9f8e7d6c-0000-4000-8000-0000c0de0008";

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(120);

impl EntraCaller {
    /// A caller with this account.
    #[must_use]
    pub fn new(world: &World, name: &str, account: &'static str, shared: &Shared) -> Self {
        Self {
            world: world.clone(),
            shared: Rc::clone(shared),
            peer: world.peer(name, Role::Client),
            account,
            token: None,
        }
    }

    /// Calls again and again until all users are done.
    pub async fn run(mut self) {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(60));
        while !self.shared.borrow().is_over() {
            let wait = self.world.choose(|choice| choice.between(least, most));
            self.world.sleep(wait).await;
            if self.token.is_none() || self.world.choose(|choice| choice.chance(200)) {
                let is_foreign = self.world.choose(|choice| choice.chance(250));
                let audience = is_foreign.then(|| ANOTHER.to_owned());
                self.world
                    .control(Control::AccessTokenAudience { audience });
                self.token = self.acquire().await;
            }
            let Some(token) = self.token.clone() else {
                continue;
            };
            let call = self.peer.fetch(self.call(&token));
            match self.world.within(PATIENCE, call).await {
                Some(Ok(answer)) if answer.status() == 200 => {}
                Some(Ok(_)) => self.token = None,
                Some(Err(_)) | None => {}
            }
        }
    }

    /// An access token of Entra's, as a command line gets it.
    async fn acquire(&self) -> Option<String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "password"),
                ("client_id", COMMAND_LINE_ID),
                ("username", self.account),
                ("password", "any"),
                ("scope", &format!("{API_URI}/user.read")),
            ])
            .finish();
        let url = format!("{ENTRA_ORIGIN}/{TENANT_ID}/oauth2/v2.0/token");
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.parse().expect("an address");
        let content_type = value("application/x-www-form-urlencoded");
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        let answer = self.peer.fetch(request).await.ok()?;
        let answer: Value = serde_json::from_slice(answer.body()).ok()?;
        Some(answer.get("access_token")?.as_str()?.to_owned())
    }

    /// A call of `getUserDetails` (2026-07-28).
    fn call(&self, token: &str) -> Request<Bytes> {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "getUserDetails", "arguments": {}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "a caller", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        }});
        let mut request = Request::new(Bytes::from(message.to_string()));
        *request.method_mut() = Method::POST;
        let all = self.world.options(|options| options.backends());
        let name = all.first().and_then(|(place, _)| place.name);
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        let url = format!("{}/mcp{name}", self.world.server_url());
        *request.uri_mut() = url.parse().expect("an address");
        let bearer = format!("Bearer {token}");
        let fields = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "getUserDetails"),
        ];
        for (name, text) in fields {
            request.headers_mut().insert(name, value(text));
        }
        request
    }
}

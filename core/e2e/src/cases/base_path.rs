//! A public address with a path.

use serde_json::Value;

use crate::{
    Program, Server,
    browser::Browser,
    client::{self, Client, REDIRECT_URI, VERIFIER, sign_in_with},
    recorded,
};

const BASE: &str = "/ai/mcp-server";

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A server below a path, and the path that the proxy in front of it strips.
struct Deployment<'a> {
    server: &'a Server,
    stripped: Option<&'static str>,
}

/// Everything that a client is told leads below the path, and is served there as well as where a proxy strips it.
pub fn sign_in_below_a_path_works_with_a_proxy_that_strips_it_or_not(program: &Program) {
    let server = program.start_below(BASE);
    for stripped in [None, Some(BASE)] {
        let deployment = Deployment {
            server: &server,
            stripped,
        };
        let metadata = deployment.discover();
        let client = deployment.sign_in(&metadata);
        deployment.use_both_transports(&client);
    }
    assert!(sign_in_with(&server, client::register(&server), "grace").works(&server));
    assert_eq!(server.request("GET", "/ai/mcp", &[], "").status, 404);
}

impl Deployment<'_> {
    fn origin(&self) -> String {
        self.server.url().replace(BASE, "")
    }

    /// The path that arrives at the server when a client asks for this address.
    fn arriving(&self, address: &str) -> String {
        let path = address
            .strip_prefix(&self.origin())
            .expect("it is an address of ours");
        let stripped = self.stripped.and_then(|base| path.strip_prefix(base));
        stripped.unwrap_or(path).to_owned()
    }

    /// The documents are at the root of the host; the metadata of the authorization server.
    fn discover(&self) -> Value {
        let (server, origin) = (self.server, self.origin());
        let endpoint = format!("{}/mcp", server.url());
        let refused = server.request("GET", &self.arriving(&endpoint), &[], "");
        assert_eq!(refused.status, 401);
        let named = recorded::challenge(&refused).resource_metadata;
        let inserted = format!("{origin}/.well-known/oauth-protected-resource{BASE}/mcp");
        assert_eq!(named, inserted);
        let resource = recorded::document(server, &named, &[]);
        assert_eq!(resource["resource"], endpoint);
        assert_eq!(resource["authorization_servers"][0], server.url());
        let inserted = format!("{origin}/.well-known/oauth-authorization-server{BASE}");
        let metadata = recorded::document(server, &inserted, &[]);
        assert_eq!(metadata["issuer"], server.url());
        metadata
    }

    fn sign_in(&self, metadata: &Value) -> Client {
        let server = self.server;
        let endpoint = |name: &str| self.arriving(metadata[name].as_str().unwrap());
        let registration = recorded::public("Below a path", &[REDIRECT_URI]).to_string();
        let target = endpoint("registration_endpoint");
        let registered = server.request("POST", &target, &[JSON], &registration);
        let registered = registered.json();
        let client_id = registered["client_id"].as_str().unwrap();
        let parameters = [
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("state", "s"),
        ];
        let address = recorded::address(server, &parameters);
        let mut browser = Browser::behind(self.stripped);
        let landed = recorded::approve(&mut browser, &address, REDIRECT_URI);
        assert_cookies_are_bound(&browser);
        let code = recorded::code(server, &landed, "s");
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
        ];
        let tokens = client::post_form(server, &endpoint("token_endpoint"), &fields);
        assert_eq!(tokens.status, 200, "{}", tokens.body);
        let client = Client::of(client_id.to_owned(), &tokens.json());
        let claims = client::claims(&client.access_token);
        assert_eq!([&claims["iss"], &claims["aud"]], [&server.url(); 2]);
        client
    }

    fn use_both_transports(&self, client: &Client) {
        let server = self.server;
        let bearer = format!("Bearer {}", client.access_token);
        let headers = [JSON, ("Authorization", bearer.as_str())];
        let initialize = client::initialize("2025-11-25").to_string();
        let target = self.arriving(&format!("{}/mcp", server.url()));
        let response = server.request("POST", &target, &headers, &initialize);
        assert_eq!(response.status, 200, "{}", response.body);
        let target = self.arriving(&format!("{}/sse", server.url()));
        let (_, mut events) = client.stream(server, &target, &[]).unwrap();
        let (_, endpoint) = events.next_event().unwrap().expect("the endpoint is told");
        let below = format!("{BASE}/message?sessionId=");
        assert!(endpoint.starts_with(&below), "{endpoint}");
    }
}

/// All of ours are bound to the path; the development tenant has its host for itself.
fn assert_cookies_are_bound(browser: &Browser) {
    let cookies = browser
        .seen
        .iter()
        .flat_map(|response| response.all("set-cookie"));
    let ours: Vec<_> = cookies
        .filter(|cookie| cookie.starts_with("entra-mcp"))
        .collect();
    assert!(ours.len() >= 2, "{ours:?}");
    for cookie in ours {
        assert!(cookie.starts_with("entra-mcp.ai.mcp-server-"), "{cookie}");
        assert!(cookie.contains(&format!("; Path={BASE};")), "{cookie}");
    }
}

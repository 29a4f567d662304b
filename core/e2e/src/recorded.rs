//! What a recorded client does, step by step, each with its own headers and parameters: nothing is added that the client
//! does not send.

use serde_json::{Value, json};
use url::Url;

use crate::{
    Server,
    browser::{Browser, Landed},
    client::{self, CHALLENGE, Client},
    raw_http::Response,
};

/// What a 401 or 403 asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where the metadata of the resource is.
    pub resource_metadata: String,
    /// The scopes.
    pub scope: String,
    /// What was wrong, if a token was sent.
    pub error: Option<String>,
}

/// The challenge of a response, read as the crudest client does: by the names and double quotation marks.
#[must_use]
pub fn challenge(response: &Response) -> Challenge {
    let header = response.header("www-authenticate");
    assert!(header.starts_with("Bearer "), "{header}");
    let value = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    Challenge {
        resource_metadata: value("resource_metadata").expect("the metadata is named"),
        scope: value("scope").expect("the scopes are named"),
        error: value("error"),
    }
}

/// The JSON document at an address of the server.
#[must_use]
pub fn document(server: &Server, address: &str, headers: &[(&str, &str)]) -> Value {
    let url = Url::parse(address).expect("the address is a URL");
    let origin = url.origin().ascii_serialization();
    assert!(server.url().starts_with(&origin), "{address}");
    let response = server.request("GET", url.path(), headers, "");
    assert_eq!(response.status, 200, "{address}: {}", response.body);
    assert_eq!(response.header("content-type"), "application/json");
    response.json()
}

/// From a first request without a token to both documents.
#[must_use]
pub fn discover(server: &Server, headers: &[(&str, &str)]) -> (Value, Value) {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    let body = client::initialize("2025-11-25").to_string();
    let refused = server.request("POST", "/mcp", &all, &body);
    assert_eq!(refused.status, 401);
    let challenge = challenge(&refused);
    assert_eq!(
        (challenge.scope.as_str(), challenge.error),
        ("user.read", None)
    );
    let resource = document(server, &challenge.resource_metadata, headers);
    assert_eq!(resource["resource"], format!("{}/mcp", server.url()));
    let issuer = resource["authorization_servers"][0].as_str().unwrap();
    let well_known = format!("{issuer}/.well-known/oauth-authorization-server");
    let metadata = document(server, &well_known, headers);
    assert_eq!(metadata["issuer"], issuer);
    (resource, metadata)
}

/// Registers; what was registered.
#[must_use]
pub fn register(server: &Server, metadata: &Value) -> Value {
    let headers = [("Content-Type", "application/json")];
    let response = server.request("POST", "/register", &headers, &metadata.to_string());
    assert_eq!(response.status, 201, "{}", response.body);
    response.json()
}

/// Registers; the id.
#[must_use]
pub fn client_id(server: &Server, metadata: &Value) -> String {
    let registered = register(server, metadata);
    registered["client_id"]
        .as_str()
        .expect("there is an id")
        .to_owned()
}

/// What a public client with these addresses registers.
#[must_use]
pub fn public(client_name: &str, redirect_uris: &[&str]) -> Value {
    json!({
        "client_name": client_name, "redirect_uris": redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

/// The address at which the browser begins, with PKCE.
#[must_use]
pub fn address(server: &Server, parameters: &[(&str, &str)]) -> Url {
    let pkce = [
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let parameters = pkce.iter().chain(parameters);
    Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap()
}

/// The consent page at an address.
#[must_use]
pub fn consent(browser: &mut Browser, address: &Url, until: &str) -> (Url, Response) {
    match browser.open(address, until) {
        Landed::Page(url, page) => {
            assert_eq!(page.status, 200, "{}", page.body);
            (url, page)
        }
        Landed::Left(url) => panic!("the user is asked first: {url}"),
    }
}

/// Alice approves and signs in; where the browser leaves to, which begins with `until`.
#[must_use]
pub fn approve(browser: &mut Browser, address: &Url, until: &str) -> Landed {
    let (url, page) = consent(browser, address, until);
    let Landed::Page(url, users) = browser.press(&url, &page, "Approve", until) else {
        panic!("the dev tenant asks who it is");
    };
    browser.press(&url, &users, "alice", until)
}

/// The code that the browser brings, with this state and our issuer.
#[must_use]
pub fn code(server: &Server, landed: &Landed, state: &str) -> String {
    assert_eq!(client::parameter(landed, "state").as_deref(), Some(state));
    assert_eq!(client::parameter(landed, "iss"), Some(server.url()));
    client::parameter(landed, "code").unwrap_or_else(|| panic!("no code: {landed:?}"))
}

/// Asks the token endpoint, with headers beside the type of the form.
#[must_use]
pub fn token(server: &Server, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Response {
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    server.request("POST", "/token", &all, &body)
}

/// The tokens of a good answer, as every client needs it; they work.
#[must_use]
pub fn tokens(server: &Server, client_id: &str, response: &Response) -> Client {
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    let body = response.json();
    assert_eq!(body["token_type"], "Bearer");
    assert!(
        body["expires_in"]
            .as_u64()
            .is_some_and(|seconds| seconds > 300)
    );
    assert!(
        body["scope"]
            .as_str()
            .is_some_and(|scope| scope.contains("user.read"))
    );
    let client = Client::of(client_id.to_owned(), &body);
    assert!(client.works(server));
    client
}

/// The error of a refusal at the token endpoint.
#[must_use]
pub fn error(response: &Response) -> (u16, String) {
    let error = response.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (response.status, error)
}

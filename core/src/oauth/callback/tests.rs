mod code_page;
mod consents;
mod groups;
mod limits;
mod session;
mod users;

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    catalog::scope::Scopes,
    entra::testing::{Signer, claims},
    log_event::{Field, Level},
    mcp::testing::World,
    oauth::{
        authorization_request::{AuthorizationRequest, RedirectTarget},
        client_label::{ClientLabel, Voucher},
        pending_sign_in::{Approval, PendingSignIn},
        testing::{CHALLENGE, REDIRECT_URI},
    },
    redirect_uri::RedirectUri,
    session::record::Hash,
    testing::{self, client_id, entropy, header, parameter},
};

/// A browser in which a user has approved a client, and which is at Entra now.
struct AtEntra {
    world: World,
    client: String,
    sign_in: PendingSignIn,
    cookie: String,
}

impl AtEntra {
    fn new() -> Self {
        let mut world = World::new();
        world.store.clear();
        let client = client_id(&world.server, &[REDIRECT_URI]);
        Self::begin(world, client, 1)
    }

    fn begin(world: World, client: String, seed: u8) -> Self {
        Self::begin_at(REDIRECT_URI, Approval::Pressed, world, client, seed)
    }

    fn begin_at(
        redirect_uri: &str,
        approval: Approval,
        world: World,
        client: String,
        seed: u8,
    ) -> Self {
        let request = AuthorizationRequest {
            client: Hash::of(client.as_bytes()),
            redirect_target: RedirectTarget {
                redirect_uri: RedirectUri::parse(redirect_uri).unwrap(),
                state: Some("the client's state".to_owned()),
            },
            code_challenge: Some(CHALLENGE.to_owned()),
            resource: "http://localhost:3001/mcp".to_owned(),
            scope: Scopes::new(&[]).default(),
        };
        let mut entropy = entropy(seed);
        let env = world.server.env();
        let sign_in = PendingSignIn::begin(
            request,
            ClientLabel {
                name: Some("Test client".to_owned()),
                voucher: Voucher::Nobody,
            },
            approval,
            env.now.unix,
            &mut entropy,
        );
        let cookie = sign_in.set_cookie(env, &mut entropy).unwrap();
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        let cookie = pair.to_owned();
        Self {
            world,
            client,
            sign_in,
            cookie,
        }
    }

    /// What Entra's token endpoint answers to a good code, with other claims in the ID token.
    fn tokens(&self, changes: Value) -> Value {
        let mut claims = claims(&self.world.server, json!({}));
        claims["nonce"] = json!(self.sign_in.nonce.expose());
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.tokens_with(&Signer::known().jwt(&claims))
    }

    fn tokens_with(&self, id_token: &str) -> Value {
        json!({
            "token_type": "Bearer",
            "scope": "openid profile User.Read email",
            "expires_in": 3599,
            "access_token": "entra access token of alice",
            "refresh_token": "entra refresh token of alice",
            "id_token": id_token,
        })
    }

    /// The browser comes back with these parameters and the state.
    fn return_with(&mut self, parameters: &[(&str, &str)]) -> Response<Bytes> {
        let state = self.sign_in.state.expose().clone();
        let mut parameters = parameters.to_vec();
        parameters.push(("state", &state));
        self.get(&parameters)
    }

    fn get(&mut self, parameters: &[(&str, &str)]) -> Response<Bytes> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let mut request = self
            .world
            .server
            .request("GET", &format!("/auth/callback?{query}"));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        self.world.send(request.body(Bytes::new()).unwrap())
    }

    /// Entra redeems its code for these tokens, and the browser comes back.
    fn finish(&mut self, tokens: &Value) -> Response<Bytes> {
        self.world.entra_responds(200, tokens);
        self.return_with(&[("code", "entra code"), ("session_state", "opaque")])
    }

    fn has_session(&self) -> bool {
        !self.world.store.is_empty()
    }
}

/// The error that the client is sent, with its own state and our issuer; never with a code.
fn error_of(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), 303, "{}", testing::text(response));
    let location = header(response, "location");
    assert!(location.starts_with(&format!("{REDIRECT_URI}?")));
    let value = |name| parameter(location, name);
    assert_eq!(value("state").as_deref(), Some("the client's state"));
    assert_eq!(value("iss").as_deref(), Some("http://localhost:3001"));
    assert_eq!(value("code"), None);
    value("error").expect("there is an error")
}

/// A page that leads nowhere.
fn is_page(response: &Response<Bytes>) -> bool {
    assert_eq!(header(response, "location"), "");
    response.status() == 400 && testing::text(response).contains("This sign-in is not known here")
}

fn is_clearing(response: &Response<Bytes>) -> bool {
    let mut cookies = response.headers().get_all("set-cookie").iter();
    cookies.any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("entra-mcp-sign-in-") && cookie.contains("=; Path=/; Max-Age=0;")
    })
}

// A2, D1: only this sign-in, in this browser.
#[test]
fn callback_in_another_browser_is_refused() {
    let mut browser = AtEntra::new();
    let state = browser.sign_in.state.expose().clone();
    let own = std::mem::take(&mut browser.cookie);
    assert!(is_page(&browser.return_with(&[("code", "entra code")])));
    // A sign-in of the victim's own does not vouch for another.
    let other = AtEntra::begin(World::new(), browser.client.clone(), 2);
    browser.cookie.clone_from(&other.cookie);
    assert!(is_page(&browser.return_with(&[("code", "entra code")])));
    // Nor under the name of the cookie that is looked for.
    let (name, _) = own.split_once('=').unwrap();
    let (_, value) = other.cookie.split_once('=').unwrap();
    browser.cookie = format!("{name}={value}");
    assert!(is_page(&browser.return_with(&[("code", "entra code")])));
    browser.cookie = own;
    for strange in ["", "A", &"A".repeat(27), &format!("{state}A")] {
        let response = browser.get(&[("code", "entra code"), ("state", strange)]);
        assert!(is_page(&response), "{strange}");
    }
    assert!(is_page(&browser.get(&[("code", "entra code")])));
    assert!(browser.world.redeemed.is_empty() && !browser.has_session());
}

// D1
#[test]
fn callback_after_ten_minutes_is_refused() {
    let mut browser = AtEntra::new();
    let now = &mut browser.world.server.now;
    now.unix = now.unix.after(crate::limits::SIGN_IN_TIMEOUT);
    assert!(is_page(&browser.return_with(&[("code", "entra code")])));
    assert!(browser.world.redeemed.is_empty());
}

// B8, D4
#[test]
fn callback_parameter_given_twice_is_refused() {
    for twice in ["code", "state", "error", "iss", "session_state"] {
        let mut browser = AtEntra::new();
        let state = browser.sign_in.state.expose().clone();
        let mut parameters = vec![("code", "entra code"), ("state", state.as_str())];
        let again = if twice == "state" { &state } else { "x" };
        parameters.push((twice, again));
        parameters.push((twice, again));
        assert!(is_page(&browser.get(&parameters)), "{twice}");
        assert!(browser.world.redeemed.is_empty(), "{twice}");
    }
}

// D4
#[test]
fn posted_callback_is_405() {
    let browser = AtEntra::new();
    let request = browser.world.server.request("POST", "/auth/callback");
    let response = browser
        .world
        .server
        .response(request.body(Bytes::new()).unwrap());
    assert_eq!(response.status(), 405);
}

// C6, D4
#[test]
fn callback_of_another_issuer_is_refused() {
    let mut browser = AtEntra::new();
    let evil = [("code", "entra code"), ("iss", "https://evil.example/v2.0")];
    assert_eq!(error_of(&browser.return_with(&evil)), "server_error");
    assert!(browser.world.redeemed.is_empty());
    let issuer = browser.world.server.known.metadata.clone().unwrap();
    let tokens = browser.tokens(json!({}));
    browser.world.entra_responds(200, &tokens);
    let response = browser.return_with(&[("code", "entra code"), ("iss", &issuer.issuer)]);
    assert!(header(&response, "location").contains("code="));
}

// D5, O1; RFC 6749 section 4.1.2.1
#[test]
fn error_of_entra_becomes_an_oauth_error_without_its_text() {
    let description = "AADSTS65004: User declined to consent. <script>alert(1)</script>\r\n\
        Trace ID: 0000\r\nCorrelation ID: 44444444-4444-4444-4444-444444444444\r\n\
        Timestamp: 2026-08-01 18:00:51Z alice@contoso.example";
    for (theirs, ours, level) in [
        ("access_denied", "access_denied", Level::Info),
        ("consent_required", "access_denied", Level::Info),
        ("interaction_required", "access_denied", Level::Info),
        ("login_required", "access_denied", Level::Info),
        (
            "temporarily_unavailable",
            "temporarily_unavailable",
            Level::Warn,
        ),
        ("server_error", "temporarily_unavailable", Level::Warn),
        ("invalid_request", "server_error", Level::Warn),
        ("unauthorized_client", "server_error", Level::Warn),
        ("invalid_target", "server_error", Level::Warn),
        ("<b>odd</b>", "server_error", Level::Warn),
    ] {
        let mut browser = AtEntra::new();
        let response = browser.return_with(&[
            ("error", theirs),
            ("error_subcode", "cancel"),
            ("error_description", description),
            (
                "error_uri",
                "https://login.microsoftonline.com/error?code=65004",
            ),
            ("code", "a code beside the error"),
        ]);
        assert_eq!(error_of(&response), ours, "{theirs}");
        assert!(is_clearing(&response));
        let location = header(&response, "location");
        for text in ["AADSTS", "alert", "alice", "microsoftonline", "odd"] {
            assert!(!location.contains(text), "{text} in {location}");
        }
        let line = browser.world.logged.last().unwrap();
        assert_eq!(line.level(), level, "{theirs}");
        let description = parameter(location, "error_description").unwrap();
        assert!(
            description.contains("The user declined to consent."),
            "{description}"
        );
        assert!(
            description.contains(line.field(Field::RequestId).unwrap()),
            "{description}"
        );
        let line = line.to_string();
        assert!(
            line.contains("65004") && line.contains("44444444-4444"),
            "{line}"
        );
        for text in ["alice", "alert", "Trace ID"] {
            assert!(!line.contains(text), "{text} in {line}");
        }
        assert!(browser.world.redeemed.is_empty());
    }
    let mut browser = AtEntra::new();
    assert_eq!(error_of(&browser.return_with(&[])), "server_error");
    // Nobody knows whose error this is: a page, without its text.
    browser.cookie.clear();
    let response = browser.return_with(&[("error", "access_denied"), ("error_description", "<b>")]);
    assert!(is_page(&response));
}

// A server that was started in the middle of a sign-in.
#[test]
fn first_sign_in_fetches_metadata() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    browser.world.forget_entra();
    browser.world.publishes(&Signer::known().jwks());
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));

    let mut browser = AtEntra::new();
    browser.world.forget_entra();
    let response = browser.finish(&tokens);
    assert_eq!(error_of(&response), "temporarily_unavailable");
    assert!(browser.world.redeemed.is_empty());
}

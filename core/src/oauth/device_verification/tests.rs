//! Tests of device authorization, from the device's first request to its tokens.

mod replicas;

use std::time::Duration;

use ::http::Response;
use serde_json::Value;

use super::*;
use crate::{
    ask, limits,
    mcp::testing::World,
    oauth::{opaque_token, testing::SignedIn},
    session::record::{Code, Hash, Session},
    testing::{self, browsing::sealed_in, client_id, entropy, header, session_of, text},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A server on which a client waits for its user.
struct Waiting {
    world: World,
    client: String,
    device_code: String,
    user_code: String,
}

fn post(world: &mut World, path: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(fields).finish();
    let request = world
        .server
        .request("POST", path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://localhost:3001")
        .body(body.into());
    world.send(request.unwrap())
}

fn get(world: &mut World, target: &str) -> Response<Bytes> {
    let request = world.server.request("GET", target).body(Bytes::new());
    world.send(request.unwrap())
}

fn begin(world: &mut World, client: &str) -> Response<Bytes> {
    post(world, "/device_authorization", &[("client_id", client)])
}

impl Waiting {
    fn new() -> Self {
        let mut world = World::new();
        world.server.server.config.device_authorization = true;
        let client = client_id(&world.server, &["http://127.0.0.1:1/cb"]);
        let mut waiting = Self {
            world,
            client,
            device_code: String::new(),
            user_code: String::new(),
        };
        waiting.begin_anew();
        waiting
    }

    fn begin_anew(&mut self) {
        let begun = testing::json(&begin(&mut self.world, &self.client));
        let of = |name: &str| begun[name].as_str().unwrap().to_owned();
        (self.device_code, self.user_code) = (of("device_code"), of("user_code"));
    }

    fn poll(&mut self) -> Value {
        let fields = [
            ("grant_type", GRANT),
            ("device_code", &self.device_code),
            ("client_id", &self.client),
        ];
        testing::json(&post(&mut self.world, "/token", &fields))
    }

    fn wait(&mut self) {
        let interval = limits::DEVICE_POLL_INTERVAL;
        let now = &mut self.world.server.now;
        now.instant = now.instant.after(interval);
        now.unix = now.unix.after(interval);
    }

    /// Alice's session is as a callback leaves it for this challenge; the code that her browser brings.
    fn sign_in(&mut self, code_challenge: String) -> String {
        let client = self.client.clone();
        self.world.sign_in("alice", &client, "user.read");
        let (session, share) = session_of("alice", &client);
        let server = &self.world.server;
        let keys = &server.server.keys;
        let code = opaque_token::new_code(session.id, &mut entropy(5), keys);
        let stored = &self.world.store[&session.id.key().0];
        let (mut session, _) = Session::open(session.id, stored, &share, &server.server).unwrap();
        session.code = Some(Code {
            hash: code.hash,
            code_challenge: Some(code_challenge),
            redirect_uri: "http://localhost:3001/device/return".to_owned(),
            expires: server.now.unix.after(limits::AUTHORIZATION_CODE_LIFETIME),
        });
        session.open_only_to(&code.share(), &server.server);
        let expires = stored.record.expires;
        let put = session.put(ask::Guard::Any, expires, keys, &mut entropy(6));
        self.world.ask(put).unwrap();
        code.text.expose().clone()
    }

    fn challenge(&self) -> String {
        use base64::Engine as _;
        let hash = Hash::of(self.device_code.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.0)
    }

    /// How many approvals were logged.
    fn approvals(&self) -> usize {
        let approved = LogEventId::DeviceAuthorizationApproved;
        let lines = self.world.logged.iter();
        lines.filter(|line| line.id() == approved).count()
    }

    fn finish(&mut self, query: &str) -> Response<Bytes> {
        let target = format!("/device/return?{query}&state={}", self.user_code);
        get(&mut self.world, &target)
    }
}

#[test]
fn device_gets_its_tokens_after_its_user_approved() {
    let mut waiting = Waiting::new();
    assert_eq!(waiting.poll()["error"], "authorization_pending");
    let typed = waiting.user_code.to_lowercase().replace('-', " ");
    let page = text(&post(
        &mut waiting.world,
        "/device",
        &[("user_code", &typed)],
    ));
    for part in [
        "Test client",
        &waiting.user_code,
        "user.read",
        "less than a minute ago",
        "Approve",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let sealed = sealed_in(&page);
    let decision = [("request", sealed.as_str()), ("decision", "approve")];
    let to_entra = post(&mut waiting.world, "/consent", &decision);
    assert!(header(&to_entra, "location").starts_with("https://login.example/"));
    let code = waiting.sign_in(waiting.challenge());
    let page = waiting.finish(&format!("code={code}"));
    assert!(text(&page).contains("The device is connected"));
    waiting.wait();
    let tokens = waiting.poll();
    assert_eq!(tokens["token_type"], "Bearer", "{tokens}");
    assert!(tokens["refresh_token"].is_string());
    waiting.wait();
    assert_eq!(waiting.poll()["error"], "expired_token", "it was told once");
    let again = waiting.finish(&format!("code={code}"));
    assert_eq!(again.status(), 410);
    assert_eq!(waiting.approvals(), 1, "the log says what has happened");
}

#[test]
fn denial_is_told_to_the_device() {
    let mut waiting = Waiting::new();
    let typed = waiting.user_code.clone();
    let page = text(&post(
        &mut waiting.world,
        "/device",
        &[("user_code", &typed)],
    ));
    let decision = [("request", &*sealed_in(&page)), ("decision", "deny")];
    let denied = post(&mut waiting.world, "/consent", &decision);
    let location = header(&denied, "location");
    let query = location.split_once('?').unwrap().1.to_owned();
    assert!(location.starts_with("http://localhost:3001/device/return?error=access_denied"));
    let page = get(&mut waiting.world, &format!("/device/return?{query}"));
    assert!(text(&page).contains("You said no"));
    assert_eq!(waiting.approvals(), 0);
    assert_eq!(waiting.poll()["error"], "access_denied");
}

// A failure is not the user's decision: the code can be typed once more.
#[test]
fn failed_sign_in_leaves_the_device_waiting() {
    let mut waiting = Waiting::new();
    let page = waiting.finish("error=temporarily_unavailable");
    assert_eq!(page.status(), 400);
    assert_eq!(waiting.poll()["error"], "authorization_pending");
}

// A15: the device code is the verifier.
#[test]
fn code_of_another_authorization_is_worth_nothing_to_a_device() {
    let mut waiting = Waiting::new();
    let foreign = waiting.sign_in("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned());
    waiting.finish(&format!("code={foreign}"));
    assert_eq!(waiting.poll()["error"], "invalid_grant");
    let mut waiting = Waiting::new();
    assert_eq!(waiting.finish("code=made-up").status(), 400);
    assert_eq!(waiting.poll()["error"], "authorization_pending");
}

// A15
#[test]
fn code_in_a_link_is_not_filled_in() {
    let mut waiting = Waiting::new();
    let target = format!("/device?user_code={}", waiting.user_code);
    let page = text(&get(&mut waiting.world, &target));
    assert!(
        !page.contains(&waiting.user_code) && page.contains("<form"),
        "{page}"
    );
    assert!(page.contains("somebody\nsent you a code"));
}

// A15
#[test]
fn wrong_user_codes_are_refused_and_limited() {
    let mut waiting = Waiting::new();
    let wrong = [("user_code", "BBBB-BBBB")];
    for _ in 0..limits::WRONG_USER_CODES {
        assert_eq!(post(&mut waiting.world, "/device", &wrong).status(), 400);
    }
    let limited = post(&mut waiting.world, "/device", &wrong);
    assert_eq!(limited.status(), 429);
    assert_eq!(header(&limited, "retry-after"), "1");
}

#[test]
fn device_that_polls_at_once_is_slowed_down() {
    let mut waiting = Waiting::new();
    assert_eq!(waiting.poll()["error"], "authorization_pending");
    assert_eq!(waiting.poll()["error"], "slow_down");
    let now = &mut waiting.world.server.now;
    now.unix = now.unix.after(Duration::from_secs(600));
    assert_eq!(waiting.poll()["error"], "expired_token");
}

// C11: and not announced.
#[test]
fn device_authorization_is_off_by_default() {
    let mut signed_in = SignedIn::new();
    let world = &mut signed_in.world;
    let metadata = testing::json(&get(world, "/.well-known/oauth-authorization-server"));
    assert!(metadata.get("device_authorization_endpoint").is_none());
    assert_eq!(
        testing::json(&begin(world, &signed_in.client))["error"],
        "invalid_request"
    );
    assert_eq!(get(world, "/device").status(), 404);
    let fields = [
        ("grant_type", GRANT),
        ("client_id", &signed_in.client),
        ("device_code", "a"),
    ];
    let refused = testing::json(&post(world, "/token", &fields));
    assert_eq!(refused["error"], "unsupported_grant_type");
    world.server.server.config.device_authorization = true;
    let metadata = testing::json(&get(world, "/.well-known/oauth-authorization-server"));
    assert_eq!(
        metadata["device_authorization_endpoint"],
        "http://localhost:3001/device_authorization"
    );
    assert_eq!(metadata["grant_types_supported"][2], GRANT);
}

// B1: the page that answers for devices is no place for a client to return to.
#[test]
fn client_cannot_be_returned_to_a_page_of_this_server() {
    let server = testing::TestServer::dev();
    for own in [
        "http://localhost:3001/device/return",
        "http://localhost:3001/",
    ] {
        let metadata = serde_json::json!({"redirect_uris": [own]});
        let request = server
            .request("POST", "/register")
            .header("content-type", "application/json")
            .body(metadata.to_string().into());
        let refused = testing::json(&server.response(request.unwrap()));
        assert_eq!(refused["error"], "invalid_redirect_uri", "{own}");
    }
}

#[test]
fn too_many_devices_are_told_to_wait() {
    let mut waiting = Waiting::new();
    let client = waiting.client.clone();
    for _ in 1..limits::DEVICE_AUTHORIZATIONS {
        assert_eq!(begin(&mut waiting.world, &client).status(), 200);
    }
    let refused = begin(&mut waiting.world, &client);
    assert_eq!(refused.status(), 503);
    assert_eq!(header(&refused, "retry-after"), "60");
}

// A10: here no redirect URI says who asks.
#[test]
fn device_of_a_client_that_is_not_let_in_gets_no_code() {
    use crate::config::{ClientPlaces, Registration};
    let mut world = World::new();
    world.server.server.config.device_authorization = true;
    let local = client_id(&world.server, &["http://127.0.0.1:1/cb"]);
    let strange = client_id(&world.server, &["https://evil.example/cb"]);
    let listed = Registration::Listed(ClientPlaces::default());
    // Asked for once, and only where any client is let in.
    let document = r#"{"client_id": "https://evil.example/c", "client_name": "E", "redirect_uris": ["http://127.0.0.1/cb"]}"#;
    let response = ::http::Response::builder().header("content-type", "application/json");
    let response = response.body(Bytes::from(document)).unwrap();
    world.graph.push_back(Ok(response));
    for (registration, expected) in [
        (Registration::Open, [200, 200, 200, 200]),
        (listed, [200, 401, 200, 401]),
        (Registration::Closed, [401, 401, 401, 401]),
    ] {
        world.server.server.config.registration = registration;
        let clients = [
            local.as_str(),
            &strange,
            "https://vscode.dev/oauth/client-metadata.json",
            "https://evil.example/c",
        ];
        let statuses = clients.map(|client| begin(&mut world, client).status().as_u16());
        assert_eq!(statuses, expected);
    }
}

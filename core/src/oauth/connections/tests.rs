//! The page of connections, on a server with a store and a scripted Entra.

use ::http::{Response, header::SET_COOKIE};
use bytes::Bytes;
use serde_json::json;

use crate::{
    entra::testing::{Signer, claims},
    limits,
    log_event::{Field, LogEventId},
    mcp::testing::World,
    oauth::user_consents::UserConsents,
    session::{
        record::User,
        user_sessions::{AboutSession, ListedSession, UserSessions, VerifiedBy},
    },
    testing::{authorization_request, entropy, header, parameter, session_of, text},
};

const ORIGIN: &str = "http://localhost:3001";

/// A browser, and the users whose sessions there are.
struct Browser {
    world: World,
    cookie: String,
}

/// Who it is at Entra.
fn oid(name: &str) -> &'static str {
    match name {
        "alice" => "aaaaaaaa-0000-0000-0000-000000000001",
        _ => "bbbbbbbb-0000-0000-0000-000000000002",
    }
}

fn user(name: &str) -> User {
    session_of(oid(name), "a client").0.user.clone()
}

impl Browser {
    /// Alice and Bob have connected two clients each; Alice has approved a web site as well.
    fn new() -> Self {
        let mut world = World::new();
        for name in ["alice", "bob"] {
            for client in ["a client", "another client"] {
                world.sign_in(oid(name), client, "user.read");
                let id = session_of(oid(name), client).0.id;
                let about = AboutSession {
                    client_name: Some(format!("<b>{client} of {name}</b>")),
                    verified_by: match client {
                        "a client" => VerifiedBy::Site("vscode.dev".to_owned()),
                        _ => VerifiedBy::Nobody,
                    },
                    destination: "localhost:5000".to_owned(),
                    scope: "user.read".to_owned(),
                    since: world.server.now.unix,
                    address: Some("203.0.113.7".to_owned()),
                };
                let about = Some(about);
                world
                    .run_step(
                        |cx| UserSessions::make_room(&user(name), ListedSession { id, about }, cx),
                        UserSessions::handle,
                    )
                    .unwrap();
            }
        }
        let mut consents = UserConsents::none(limits::CONSENT_LIFETIME);
        let now = world.server.now.unix;
        let request = authorization_request("state");
        consents.add(&request, Some("A web site".to_owned()), now);
        let keys = world.server.server.keys.clone();
        let guard = crate::ask::Guard::Absent;
        let put = consents.put(&user("alice"), guard, &keys, &mut entropy(1));
        world.ask(put.unwrap()).unwrap();
        Self {
            world,
            cookie: String::new(),
        }
    }

    fn get(&mut self, target: &str) -> Response<Bytes> {
        let request = self.world.server.request("GET", target);
        let request = request.header("cookie", self.cookie.as_str());
        self.world.send(request.body(Bytes::new()).unwrap())
    }

    /// The cookie that a response sets.
    fn take_cookie(&mut self, response: &Response<Bytes>) {
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        let cookie = cookies.find(|cookie| !cookie.contains("Max-Age=0"));
        let cookie = cookie.expect("there is a cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("; Max-Age=600"), "{cookie}");
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    /// Opens the page and comes back from Entra; these claims are changed.
    fn sign_in(&mut self, changes: serde_json::Value) -> Response<Bytes> {
        let response = self.get("/me");
        let address = header(&response, "location").to_owned();
        assert!(address.starts_with("https://login.example/"), "{address}");
        assert_eq!(parameter(&address, "scope").unwrap(), "openid profile");
        self.take_cookie(&response);
        let (state, nonce) = (
            parameter(&address, "state").unwrap(),
            parameter(&address, "nonce").unwrap(),
        );
        let mut claims = claims(&self.world.server, json!({"nonce": nonce}));
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let id_token = Signer::known().jwt(&claims);
        let tokens = json!({"access_token": "a token of Entra", "expires_in": 3599,
            "scope": "openid profile", "id_token": id_token});
        self.world.entra_responds(200, &tokens);
        self.get(&format!("/auth/callback?code=a+code&state={state}"))
    }

    fn signed_in(name: &str) -> Self {
        Self::new().and_signs_in(name)
    }

    fn and_signs_in(mut self, name: &str) -> Self {
        let browser = &mut self;
        let response = browser.sign_in(json!({"oid": oid(name)}));
        assert_eq!(response.status(), 303, "{:?}", browser.world.logged);
        assert_eq!(header(&response, "location"), "http://localhost:3001/me");
        browser.take_cookie(&response);
        assert!(browser.cookie.starts_with("entra-mcp-connections="));
        self
    }

    fn page(&mut self) -> String {
        let response = self.get("/me");
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-frame-options"), "DENY");
        text(&response)
    }

    fn post(&mut self, form: &str, end: &str, origin: Option<&str>) -> Response<Bytes> {
        let request = self.world.server.request("POST", "/me");
        let mut request = request
            .header("cookie", self.cookie.as_str())
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let body = format!("form={form}&end={end}");
        self.world.send(request.body(body.into()).unwrap())
    }

    /// Presses a button of the page.
    fn end(&mut self, end: &str) -> Response<Bytes> {
        let form = attribute(&self.page(), "name=\"form\" value=\"");
        self.post(&form, end, Some(ORIGIN))
    }

    /// Whom a line of the log names.
    fn subject_of(&self, id: LogEventId) -> String {
        let mut lines = self.world.logged.iter();
        let line = lines.find(|line| line.id() == id).expect("it is logged");
        line.field(Field::Subject).expect("somebody").to_owned()
    }

    fn lives(&self, name: &str, client: &str) -> bool {
        let id = session_of(oid(name), client).0.id;
        self.world.store.contains_key(&id.key().0)
    }
}

fn attribute(page: &str, before: &str) -> String {
    let (_, rest) = page.split_once(before).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn button(name: &str, client: &str) -> String {
    format!("session.{}", session_of(oid(name), client).0.id)
}

// A4, N1
#[test]
fn page_of_connections_lists_the_users_own_sessions_and_approvals() {
    let mut alice = Browser::signed_in("alice");
    let page = alice.page();
    for part in [
        "&lt;b&gt;a client of alice&lt;/b&gt;",
        "Verified by vscode.dev",
        "another client of alice",
        "nobody has checked that name",
        "localhost:5000",
        "203.0.113.7",
        "user.read",
        "A web site",
        "2027-01-15 08:00",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("bob"), "{page}");
    let mut bob = Browser::signed_in("bob");
    assert!(!bob.page().contains("A web site"));
}

// A2, D1: only the browser that began it, and once.
#[test]
fn sign_in_for_connections_is_good_once_and_in_its_browser() {
    let mut browser = Browser::new();
    browser.sign_in(json!({"oid": oid("alice")}));
    let cookie = browser.cookie.clone();
    let mut sent = browser.world.redeemed.iter();
    let sent = String::from_utf8(sent.next().unwrap().body().to_vec()).unwrap();
    assert!(sent.contains("scope=openid+profile"), "{sent}");
    let response = browser.get("/me");
    let state = parameter(header(&response, "location"), "state").unwrap();
    browser.cookie = cookie;
    let other = browser.get(&format!("/auth/callback?code=a+code&state={state}"));
    assert_eq!(other.status(), 400, "another browser");
    browser.take_cookie(&response);
    browser
        .world
        .entra_responds(400, &json!({"error": "invalid_grant"}));
    let target = format!("/auth/callback?code=made+up&state={state}");
    assert_eq!(browser.get(&target).status(), 403);
    assert_eq!(browser.get(&target).status(), 400, "spent");
    assert!(text(&browser.get(&target)).contains("not known here"));
}

// D6, D8
#[test]
fn sign_in_with_a_bad_id_token_shows_no_connections() {
    for changes in [
        json!({"nonce": "another"}),
        json!({"tid": "22222222-0000-0000-0000-000000000000"}),
    ] {
        let mut browser = Browser::new();
        let response = browser.sign_in(changes);
        assert_eq!(response.status(), 403);
        assert!(!text(&response).contains("client of"));
    }
}

// A4, I7
#[test]
fn session_ended_on_the_page_ends_and_others_live() {
    let mut alice = Browser::signed_in("alice");
    let token = alice.world.token(oid("alice"));
    let response = alice.end(&button("alice", "a client"));
    assert_eq!(response.status(), 303);
    assert_eq!(header(&response, "location"), "http://localhost:3001/me");
    assert!(!alice.lives("alice", "a client") && alice.lives("alice", "another client"));
    let request = alice.world.server.request("POST", "/mcp");
    let request = request
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let body = crate::mcp::testing::initialize("2025-11-25");
    let response = alice.world.send(request.body(body.into()).unwrap());
    assert_eq!(response.status(), 401);
    assert!(!alice.page().contains(">a client of alice"));
    let ended = |line: &crate::log_event::LogEvent| line.id() == LogEventId::SessionEnded;
    assert!(alice.world.logged.iter().any(ended));
}

// A4
#[test]
fn approval_withdrawn_on_the_page_is_gone() {
    let mut alice = Browser::signed_in("alice");
    let target = attribute(&alice.page(), "value=\"approval.");
    assert_eq!(alice.end(&format!("approval.{target}")).status(), 303);
    assert!(!alice.page().contains("A web site"));
    assert!(alice.lives("alice", "a client") && alice.lives("alice", "another client"));
    // An operator sees that it was the user who had signed in for that.
    let withdrawn = alice.subject_of(LogEventId::ConsentWithdrawn);
    assert_eq!(withdrawn, alice.subject_of(LogEventId::ConnectionsSignedIn));
}

#[test]
fn end_of_everything_ends_all_of_one_user_and_nothing_of_another() {
    let mut alice = Browser::signed_in("alice");
    assert_eq!(alice.end("all").status(), 303);
    let page = alice.page();
    assert!(
        !page.contains("client of alice") && !page.contains("A web site"),
        "{page}"
    );
    assert!(!page.contains("End everything"));
    for client in ["a client", "another client"] {
        assert!(!alice.lives("alice", client) && alice.lives("bob", client));
    }
}

// F15: after the master key was changed, sessions from before are listed and ended like those since.
#[test]
fn sessions_from_before_a_change_of_the_key_are_listed() {
    let mut browser = Browser::new();
    browser.world.server.change_key();
    let mut browser = browser.and_signs_in("alice");
    let page = browser.page();
    assert!(page.contains("another client of alice"), "{page}");
    assert!(!page.contains("of bob"), "{page}");
    browser.end("all");
    assert!(!browser.lives("alice", "a client") && browser.lives("bob", "a client"));
}

// F15, A4: what was approved before is shown, and withdrawn for good.
#[test]
fn approval_from_before_a_change_of_the_key_is_withdrawn() {
    let mut browser = Browser::new();
    browser.world.server.change_key();
    let mut browser = browser.and_signs_in("alice");
    let page = browser.page();
    assert!(page.contains("A web site"), "{page}");
    let target = attribute(&page, "value=\"approval.");
    browser.end(&format!("approval.{target}"));
    assert!(!browser.page().contains("A web site"));
    let mut names = browser.world.store.keys();
    assert!(!names.any(|name| name.starts_with("consents/")));
}

#[test]
fn session_of_another_user_is_not_ended() {
    let mut alice = Browser::signed_in("alice");
    assert_eq!(alice.end(&button("bob", "a client")).status(), 303);
    assert!(alice.lives("bob", "a client"));
}

// A5
#[test]
fn form_of_connections_from_elsewhere_ends_nothing() {
    let mut alice = Browser::signed_in("alice");
    let form = attribute(&alice.page(), "name=\"form\" value=\"");
    let end = button("alice", "a client");
    for (form, origin) in [
        ("", Some(ORIGIN)),
        ("made-up", Some(ORIGIN)),
        (form.as_str(), Some("null")),
        (form.as_str(), Some("https://evil.example")),
    ] {
        assert_eq!(alice.post(form, &end, origin).status(), 403, "{origin:?}");
    }
    let cookie = std::mem::take(&mut alice.cookie);
    assert_eq!(alice.post(&form, &end, Some(ORIGIN)).status(), 403);
    alice.cookie = cookie;
    assert_eq!(alice.post(&form, "nothing", Some(ORIGIN)).status(), 403);
    assert!(alice.lives("alice", "a client"));
    let foreign = |line: &crate::log_event::LogEvent| line.id() == LogEventId::ConnectionsForeign;
    assert!(alice.world.logged.iter().any(foreign));
    assert_eq!(alice.post(&form, &end, None).status(), 303);
    assert!(!alice.lives("alice", "a client"));
}

// N5
#[test]
fn cookie_of_connections_is_good_for_ten_minutes() {
    let mut alice = Browser::signed_in("alice");
    let form = attribute(&alice.page(), "name=\"form\" value=\"");
    let now = &mut alice.world.server.now;
    now.unix = now.unix.after(limits::CONNECTIONS_LIFETIME);
    let response = alice.get("/me");
    assert!(header(&response, "location").starts_with("https://login.example/"));
    let end = button("alice", "a client");
    assert_eq!(alice.post(&form, &end, Some(ORIGIN)).status(), 403);
    assert!(alice.lives("alice", "a client"));
}

// D11: a page must not say that it ended what lives.
#[test]
fn connections_without_the_store_are_an_error_page() {
    let mut alice = Browser::signed_in("alice");
    alice.world.store_is_down = true;
    let response = alice.get("/me");
    assert_eq!(response.status(), 503);
    alice.world.store_is_down = false;
    assert!(alice.lives("alice", "a client"));
}

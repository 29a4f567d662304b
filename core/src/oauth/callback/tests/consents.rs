//! A remembered approval belongs to the user who gave it (threat A4).

use std::collections::BTreeMap;

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{AtEntra, header, is_page};
use crate::{
    limits,
    log_event::LogEventId,
    mcp::testing::World,
    oauth::{pending_sign_in::Approval, testing::VERIFIER},
    testing::{self, browsing::sealed_in, client_id, parameter},
};

const SITE: &str = "https://client.example/cb";
const OURS: &str = "http://localhost:3001";

/// One browser at one server, in which different users sign in at a client of a web site.
struct SharedBrowser {
    at_entra: AtEntra,
    cookies: BTreeMap<String, String>,
    seed: u8,
}

fn bob() -> Value {
    json!({"oid": "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb", "preferred_username": "bob@contoso.example"})
}

impl SharedBrowser {
    fn new() -> Self {
        let mut world = World::new();
        world.store.clear();
        let client = client_id(&world.server, &[SITE]);
        let at_entra = AtEntra::begin_at(SITE, Approval::Pressed, world, client, 1);
        Self {
            at_entra,
            cookies: BTreeMap::new(),
            seed: 1,
        }
    }

    fn world(&mut self) -> &mut World {
        &mut self.at_entra.world
    }

    /// Alice approves the client and signs in, which is remembered.
    fn alice_approves(&mut self) {
        let response = self.sign_in(Approval::Pressed, json!({}));
        assert!(header(&response, "location").contains("code="));
        assert!(self.cookies.contains_key("entra-mcp-approvals"));
    }

    /// A user of these claims comes back from Entra.
    fn sign_in(&mut self, approval: Approval, claims: Value) -> Response<Bytes> {
        self.begin(approval);
        let tokens = self.at_entra.tokens(claims);
        let own = self.at_entra.cookie.clone();
        self.at_entra.cookie = format!("{own}; {}", self.cookie_header());
        let response = self.at_entra.finish(&tokens);
        self.at_entra.cookie = own;
        self.take_cookies(&response);
        response
    }

    fn begin(&mut self, approval: Approval) {
        self.seed += 1;
        let client = self.at_entra.client.clone();
        let world = std::mem::replace(&mut self.at_entra.world, World::new());
        self.at_entra = AtEntra::begin_at(SITE, approval, world, client, self.seed);
    }

    fn cookie_header(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn take_cookies(&mut self, response: &Response<Bytes>) {
        for cookie in response.headers().get_all("set-cookie") {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn press(&mut self, sealed: &str, decision: &str, origin: &str) -> Response<Bytes> {
        let request = self
            .at_entra
            .world
            .server
            .request("POST", "/consent")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", origin)
            .header("cookie", self.cookie_header())
            .body(format!("request={sealed}&decision={decision}").into());
        let response = self.world().send(request.unwrap());
        self.take_cookies(&response);
        response
    }

    /// Bob signs in where Alice has approved, and is shown a page; its hidden field.
    fn page_for_bob(&mut self) -> String {
        let response = self.sign_in(Approval::Remembered, bob());
        assert_eq!(response.status(), 200, "{}", header(&response, "location"));
        assert_eq!(header(&response, "location"), "");
        sealed_in(&testing::text(&response))
    }

    /// Whether the client gets tokens for the code at this address.
    fn redeems(&mut self, response: &Response<Bytes>) -> bool {
        let code = parameter(header(response, "location"), "code").expect("there is a code");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("client_id", &self.at_entra.client),
                ("code", &code),
                ("code_verifier", VERIFIER),
                ("redirect_uri", SITE),
            ])
            .finish();
        let request = self
            .at_entra
            .world
            .server
            .request("POST", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into());
        self.world().send(request.unwrap()).status() == 200
    }

    fn sessions(&self) -> usize {
        let keys = self.at_entra.world.store.keys();
        keys.filter(|key| key.starts_with("session/")).count()
    }

    fn last_event(&self) -> LogEventId {
        self.at_entra.world.logged.last().unwrap().id()
    }
}

// A4
#[test]
fn user_who_approved_is_asked_no_more() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let response = browser.sign_in(Approval::Remembered, json!({}));
    assert!(header(&response, "location").starts_with(&format!("{SITE}?code=")));
    assert!(browser.redeems(&response));
}

// F15: nobody is asked again because the key was changed, and the record follows the key.
#[test]
fn approval_from_before_a_change_of_the_key_counts_and_is_moved() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let names = |browser: &mut SharedBrowser| -> Vec<String> {
        let names = browser.world().store.keys();
        let names = names.filter(|name| name.starts_with("consents/"));
        names.cloned().collect()
    };
    let before = names(&mut browser);
    browser.world().server.change_key();
    let response = browser.sign_in(Approval::Remembered, json!({}));
    assert!(header(&response, "location").starts_with(&format!("{SITE}?code=")));
    assert_eq!(names(&mut browser), before, "nothing was approved");
    browser.alice_approves();
    let after = names(&mut browser);
    assert!(after.len() == 1 && after != before, "{after:?}");
    browser.world().server.drop_former_key();
    let response = browser.sign_in(Approval::Remembered, json!({}));
    assert!(header(&response, "location").starts_with(&format!("{SITE}?code=")));
}

// A4: before there is a code.
#[test]
fn another_user_is_asked_after_the_sign_in_and_gets_a_code_by_approving() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let before = browser.sessions();
    let response = browser.sign_in(Approval::Remembered, bob());
    assert_eq!(browser.last_event(), LogEventId::ConsentMissing);
    let page = testing::text(&response);
    for part in [
        "bob@contoso.example",
        "Test client",
        "<strong>client.example</strong>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("entra access token") && !page.contains("code="));
    assert_eq!(header(&response, "x-frame-options"), "DENY");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(browser.sessions(), before + 1);
    let response = browser.press(&sealed_in(&page), "approve", OURS);
    assert!(header(&response, "location").starts_with(&format!("{SITE}?code=")));
    assert_eq!(browser.last_event(), LogEventId::SignInCompleted);
    assert!(browser.redeems(&response));
    // And from now on Bob is asked no more, nor is Alice.
    for claims in [bob(), json!({})] {
        let response = browser.sign_in(Approval::Remembered, claims);
        assert!(header(&response, "location").contains("code="));
    }
}

// A4, A8
#[test]
fn another_user_who_denies_leaves_no_session() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let before = browser.sessions();
    let sealed = browser.page_for_bob();
    let response = browser.press(&sealed, "deny", OURS);
    let location = header(&response, "location");
    assert!(
        location.starts_with(&format!("{SITE}?error=access_denied&")),
        "{location}"
    );
    assert_eq!(browser.sessions(), before);
    assert_eq!(browser.last_event(), LogEventId::ConsentDenied);
    assert!(is_page(&browser.press(&sealed, "approve", OURS)));
    assert_eq!(browser.sessions(), before);
}

// A4, D1
#[test]
fn press_after_the_sign_in_counts_once() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let sealed = browser.page_for_bob();
    let response = browser.press(&sealed, "approve", OURS);
    let sessions = browser.sessions();
    for decision in ["approve", "deny"] {
        assert!(
            is_page(&browser.press(&sealed, decision, OURS)),
            "{decision}"
        );
        assert_eq!(browser.last_event(), LogEventId::SignInReplayed);
    }
    assert_eq!(browser.sessions(), sessions);
    assert!(browser.redeems(&response));
}

// A2, A5
#[test]
fn press_after_the_sign_in_counts_in_its_own_browser_and_page_only() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let sealed = browser.page_for_bob();
    let response = browser.press(&sealed, "approve", "https://evil.example");
    assert_eq!(response.status(), 403);
    let own = browser.cookies.remove("entra-mcp-browser").unwrap();
    assert_eq!(browser.press(&sealed, "approve", OURS).status(), 403);
    browser.cookies.insert("entra-mcp-browser".to_owned(), own);
    let response = browser.press(&sealed, "approve", OURS);
    assert!(header(&response, "location").contains("code="));
}

// A4, A5
#[test]
fn press_after_ten_minutes_gives_no_code() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let sealed = browser.page_for_bob();
    let now = &mut browser.world().server.now;
    now.unix = now.unix.after(limits::SIGN_IN_TIMEOUT);
    let response = browser.press(&sealed, "approve", OURS);
    assert_eq!(response.status(), 400);
    assert_eq!(header(&response, "location"), "");
}

// A4
#[test]
fn withdrawn_or_expired_approval_is_asked_for_anew() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    browser
        .world()
        .store
        .retain(|key, _| !key.starts_with("consents/"));
    let response = browser.sign_in(Approval::Remembered, json!({}));
    assert_eq!(response.status(), 200);
    let sealed = sealed_in(&testing::text(&response));
    browser.press(&sealed, "approve", OURS);

    let now = &mut browser.world().server.now;
    now.unix = now.unix.after(limits::CONSENT_LIFETIME);
    let response = browser.sign_in(Approval::Remembered, json!({}));
    assert_eq!(response.status(), 200);
}

// M5: whoever signs in again and again without pressing a button fills no store.
#[test]
fn sessions_that_wait_for_consent_are_among_their_users_sessions() {
    let mut browser = SharedBrowser::new();
    browser.alice_approves();
    let count = |browser: &mut SharedBrowser| {
        let keys = browser.world().store.keys();
        keys.filter(|key| key.starts_with("session/")).count()
    };
    let before = count(&mut browser);
    let mut last = String::new();
    for _ in 0..limits::SESSIONS_PER_USER + 3 {
        last = browser.page_for_bob();
    }
    assert_eq!(count(&mut browser) - before, limits::SESSIONS_PER_USER);
    let response = browser.press(&last, "approve", OURS);
    assert!(browser.redeems(&response));
    assert_eq!(count(&mut browser) - before, limits::SESSIONS_PER_USER);
}

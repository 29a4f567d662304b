//! From Entra's tokens to the client's code.

use serde_json::json;

use super::{AtEntra, error_of, header, is_clearing, is_page};
use crate::{
    ask::{FetchFault, Stored},
    entra::testing::{ALICE, Signer, TENANT, claims},
    id::SessionId,
    limits,
    log_event::{Field, Level, LogEventId},
    mcp::testing::World,
    oauth::testing::{REDIRECT_URI, VERIFIER, text},
    session::{record::Session, sealed::SealedSession, token},
    testing::{self, parameter},
    throttle::Throttled,
    time::Instant,
};

/// The only record of the store.
fn stored(browser: &AtEntra) -> (SessionId, &Stored) {
    let (key, stored) = browser.world.store.iter().next().expect("a session");
    let id = SessionId::parse(key.strip_prefix("session/").unwrap());
    (id.unwrap(), stored)
}

/// The session, opened by a token.
fn session(browser: &AtEntra, session_token: &str) -> Session {
    let (id, stored) = stored(browser);
    let server = &browser.world.server;
    let verified = token::verify(session_token, &server.server, server.now.unix).unwrap();
    let opened = Session::open(id, stored, &verified.share, &server.server);
    opened.unwrap().0
}

// C6, C13, D1, G2; the client sees our issuer only
#[test]
fn completed_sign_in_sends_our_code_and_nothing_of_entra() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert_eq!(response.status(), 303);
    let location = header(&response, "location");
    assert!(location.starts_with(&format!("{REDIRECT_URI}?code=")));
    assert_eq!(
        parameter(location, "state").as_deref(),
        Some("the client's state")
    );
    assert_eq!(
        parameter(location, "iss").as_deref(),
        Some("http://localhost:3001")
    );
    assert!(is_clearing(&response));
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert!(!location.contains("entra") && response.body().is_empty());

    // What Entra was sent: our own values only, and no resource.
    let [sent] = browser.world.redeemed.as_slice() else {
        panic!("the code is redeemed once");
    };
    let form = String::from_utf8(sent.body().to_vec()).unwrap();
    assert!(form.contains("code=entra+code"));
    assert!(form.contains(&format!(
        "code_verifier={}",
        browser.sign_in.code_verifier.expose()
    )));
    assert!(!form.contains("resource") && !form.contains("state"));

    // What the log holds.
    let last = browser.world.logged.last().unwrap();
    assert_eq!(last.id(), LogEventId::SignInCompleted);
    // A10, O6: the approval is the user's, who is known now.
    let mut logged = browser.world.logged.iter();
    let approved = logged
        .find(|line| line.id() == LogEventId::ConsentApproved)
        .unwrap();
    assert!(approved.field(Field::Destination).is_some() && !approved.is_of_a_stranger());
    let line = format!("{:?}", browser.world.logged);
    let code = parameter(location, "code").unwrap();
    for secret in ["entra ", ALICE, "alice", code.as_str(), "eyJ"] {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
}

#[test]
fn code_of_a_sign_in_is_redeemed_for_tokens() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    let code = parameter(header(&response, "location"), "code").unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("client_id", &browser.client),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", REDIRECT_URI),
            ("resource", "http://localhost:3001/mcp/"),
        ])
        .finish();
    let request = browser
        .world
        .server
        .request("POST", "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into());
    let response = browser.world.send(request.unwrap());
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    let body = testing::json(&response);
    assert_eq!(text(&body, "scope"), "user.read");
    let session = session(&browser, text(&body, "access_token"));
    assert_eq!(
        (session.user.tenant_id.as_str(), session.user.oid.as_str()),
        (TENANT, ALICE)
    );
}

// M: what nobody redeems goes with its code.
#[test]
fn session_whose_code_is_never_redeemed_ends_with_it() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    browser.finish(&tokens);
    let record = &browser.world.store.values().next().unwrap().record;
    let now = browser.world.server.now.unix;
    assert_eq!(
        record.expires,
        now.after(limits::AUTHORIZATION_CODE_LIFETIME)
    );
}

// D7, F8, F12; nOAuth
#[test]
fn subject_depends_on_user_and_client_and_on_no_name() {
    let subject = |client: &str, changes| {
        let mut browser = AtEntra::begin(World::new(), client.to_owned(), 1);
        browser.world.store.clear();
        let tokens = browser.tokens(changes);
        browser.finish(&tokens);
        let (id, stored) = stored(&browser);
        let keys = &browser.world.server.server.keys;
        let sealed = SealedSession::read(id, stored, keys).unwrap();
        sealed.outline().subject.clone()
    };
    let alice = subject("one client", json!({}));
    let renamed = json!({"email": "bob@contoso.example", "preferred_username": "bob"});
    assert_eq!(subject("one client", renamed), alice);
    assert_ne!(subject("another client", json!({})), alice);
    let bob = json!({"oid": "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
        "email": "alice@contoso.example"});
    assert_ne!(subject("one client", bob), alice);
    assert!(!alice.contains(ALICE) && alice.len() == 22);
}

// D1
#[test]
fn sign_in_replayed_after_completion_is_refused() {
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    assert_eq!(browser.finish(&tokens).status(), 303);
    let before = browser.world.store.clone();
    // The cookie is still there, and Entra takes the code once more, which it does not.
    let again = browser.finish(&tokens);
    assert!(is_page(&again) && is_clearing(&again));
    assert_eq!(browser.world.store, before);
}

// D14: a stranger presents one made-up code again and again.
#[test]
fn request_loop_of_one_browser_does_not_hold_up_other_sign_ins() {
    for (status, number, holds_up) in [(400, 50_196, false), (429, 90_033, true)] {
        let mut browser = AtEntra::new();
        let body = json!({"error": "invalid_grant", "error_codes": [number]});
        browser.world.entra_responds(status, &body);
        let response = browser.return_with(&[("code", "entra code")]);
        assert_eq!(error_of(&response), "temporarily_unavailable");
        let throttle = &browser.world.server.known.throttle;
        let now = browser.world.server.now.instant;
        let wait = throttle.wait(&Throttled::CodeRedemption, now);
        assert_eq!(wait.is_some(), holds_up, "{number}");
    }
}

// D5, D14. Never a second try.
#[test]
fn code_refused_by_entra_gives_an_error_without_details() {
    for (status, error, ours) in [
        (400, "invalid_grant", "access_denied"),
        (400, "interaction_required", "access_denied"),
        (401, "invalid_client", "server_error"),
        (400, "invalid_target", "server_error"),
        (429, "temporarily_unavailable", "temporarily_unavailable"),
        (503, "", "temporarily_unavailable"),
    ] {
        let mut browser = AtEntra::new();
        let body = json!({"error": error, "error_codes": [9_002_313],
            "error_description": "AADSTS9002313: alice@contoso.example", "trace_id": "a trace"});
        browser.world.entra_responds(status, &body);
        let response = browser.return_with(&[("code", "entra code")]);
        assert_eq!(error_of(&response), ours, "{error}");
        let location = header(&response, "location");
        assert!(!location.contains("AADSTS") && !location.contains("alice"));
        let line = format!("{:?}", browser.world.logged.last().unwrap());
        assert!(
            line.contains("9002313") && !line.contains("alice"),
            "{line}"
        );
        assert_eq!(browser.world.redeemed.len(), 1);
        assert!(!browser.has_session());
    }
    for fault in [FetchFault::Unreachable, FetchFault::TimedOut] {
        let mut browser = AtEntra::new();
        browser.world.entra.push_back(Err(fault));
        let response = browser.return_with(&[("code", "entra code")]);
        assert_eq!(error_of(&response), "temporarily_unavailable");
        assert_eq!(browser.world.redeemed.len(), 1);
    }
}

// D2, D6
#[test]
fn rejected_id_token_gives_no_session() {
    for changes in [
        json!({"nonce": "that of another sign-in"}),
        json!({"aud": "33333333-3333-3333-3333-333333333333"}),
        json!({"exp": 1}),
    ] {
        let mut browser = AtEntra::new();
        let tokens = browser.tokens(changes);
        assert_eq!(error_of(&browser.finish(&tokens)), "server_error");
        assert!(!browser.has_session());
        assert_eq!(browser.world.logged.last().unwrap().level(), Level::Warn);
    }
    let mut browser = AtEntra::new();
    let mut tokens = browser.tokens(json!({}));
    tokens["id_token"] = json!(null);
    assert_eq!(error_of(&browser.finish(&tokens)), "server_error");
    assert!(!browser.has_session());
}

// D8
#[test]
fn account_of_another_tenant_gets_access_denied_with_the_reason() {
    let mut browser = AtEntra::new();
    let other = "33333333-3333-3333-3333-333333333333";
    let tokens = browser.tokens(json!({"tid": other,
        "iss": format!("https://login.example/{other}/v2.0")}));
    let response = browser.finish(&tokens);
    assert_eq!(error_of(&response), "access_denied");
    let description = parameter(header(&response, "location"), "error_description").unwrap();
    assert!(description.contains("another organization"));
    assert!(!browser.has_session());
}

// D24
#[test]
fn account_of_an_organization_that_is_not_listed_gets_a_page_that_says_whom_to_ask() {
    let mut browser = AtEntra::new();
    let other = "33333333-3333-3333-3333-333333333333";
    let tokens = browser.tokens(json!({"tid": other,
        "iss": format!("https://login.example/{other}/v2.0")}));
    let entra = &mut browser.world.server.server.config.entra;
    entra.tenants = crate::config::Tenants::Listed([entra.tenant.clone()].into());
    browser.world.server.server.config.contact = Some("it@contoso.com".to_owned());
    let response = browser.finish(&tokens);
    assert_eq!(response.status(), 403);
    let page = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(page.contains("Ask it@contoso.com"), "{page}");
    assert!(!browser.has_session());
}

// C11
#[test]
fn sign_in_without_the_permission_gives_no_session() {
    for (scope, good) in [
        ("openid profile User.Read email", true),
        ("openid https://graph.microsoft.com/User.Read", true),
        ("openid profile user.read", true),
        ("", true),
        ("openid profile email", false),
        ("User.Read.All User.ReadBasic.All", false),
    ] {
        let mut browser = AtEntra::new();
        let mut tokens = browser.tokens(json!({}));
        tokens["scope"] = json!(scope);
        let response = browser.finish(&tokens);
        assert_eq!(browser.has_session(), good, "{scope}");
        if !good {
            assert_eq!(error_of(&response), "access_denied");
        }
    }
}

// D9
#[test]
fn unknown_signing_key_is_fetched_once() {
    let new_key = |browser: &AtEntra| {
        let mut claims = claims(&browser.world.server, json!({}));
        claims["nonce"] = json!(browser.sign_in.nonce.expose());
        browser.tokens_with(&Signer::unknown().jwt(&claims))
    };
    let mut browser = AtEntra::new();
    let tokens = new_key(&browser);
    browser.world.publishes(&Signer::unknown().jwks());
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));

    // Entra does not publish it, or cannot be asked.
    let mut browser = AtEntra::new();
    let tokens = new_key(&browser);
    browser.world.publishes(&Signer::known().jwks());
    assert_eq!(error_of(&browser.finish(&tokens)), "server_error");
    let mut browser = AtEntra::new();
    let tokens = new_key(&browser);
    assert_eq!(error_of(&browser.finish(&tokens)), "server_error");
    assert!(!browser.has_session());
}

// Microsoft, signing key rollover: keys are renewed in the background.
#[test]
fn stale_metadata_is_refetched_without_waiting() {
    let mut browser = AtEntra::new();
    let later = Instant(0).after(limits::KEYS_LIFETIME);
    browser.world.server.now.instant = later;
    browser.world.publishes(&Signer::known().jwks());
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert!(header(&response, "location").contains("code="));
    assert!(browser.world.documents.is_empty(), "both were fetched");
    assert_eq!(browser.world.server.known.fetched, later);
}

// D14
#[test]
fn store_that_is_down_gives_temporarily_unavailable() {
    let mut browser = AtEntra::new();
    browser.world.store_is_down = true;
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert_eq!(error_of(&response), "temporarily_unavailable");
    assert_eq!(browser.world.logged.last().unwrap().level(), Level::Warn);
}

// The client sees our issuer only, whatever Entra's is.
#[test]
fn entra_issuer_is_not_disclosed() {
    let issuer = testing::provider_metadata().issuer;
    let mut browser = AtEntra::new();
    let tokens = browser.tokens(json!({}));
    let response = browser.finish(&tokens);
    assert!(!header(&response, "location").contains(&issuer));
}

//! Signing in, from the client's first request to `getUserDetails`, and where it can end before,
//! with no I/O at all. Whatever happens, the world of `entra-mcp-fuzz` searches every answer, log
//! line and record for tokens, codes and secrets that must not be there.

use std::time::Duration;

use entra_mcp_fuzz::{
    browser::Arrived,
    choice::Choice,
    client::{ClientError, Dialect, parameter},
    entra::ID_TOKEN_FAULTS,
    fixture::{Fixture, LATEST},
    options::Options,
    world::World,
};

fn fixture_at(public_url: &str) -> Fixture {
    let world = World::new(Options::faultless().at(public_url), Choice::of_bytes(&[]));
    Fixture::of(&world, "alice", LATEST)
}

#[test]
fn client_of_every_revision_signs_in_and_gets_user_details() {
    for dialect in Dialect::ALL {
        let mut fixture = Fixture::of(&World::faultless(), "alice", dialect);
        let details = fixture.use_tools().unwrap();
        assert_eq!(details.user_principal_name, "alice@contoso.example");
        let world = fixture.world.clone();
        let tools = world.run(fixture.client.list_tools()).unwrap();
        assert!(
            tools.iter().any(|tool| tool == "getUserDetails"),
            "{tools:?}"
        );
    }
}

#[test]
fn sign_in_behind_https_uses_host_prefixed_cookies() {
    let mut fixture = fixture_at("https://mcp.example.com");
    fixture.use_tools().unwrap();
    let now = fixture.world.now().unix;
    let names = fixture.browser.jar.names(now);
    let ours = names.iter().filter(|name| name.contains("entra-mcp"));
    assert!(ours.clone().count() > 0, "{names:?}");
    assert!(
        ours.into_iter().all(|name| name.starts_with("__Host-")),
        "{names:?}"
    );
}

#[test]
fn confidential_client_signs_in() {
    let mut fixture = Fixture::faultless();
    fixture.client.is_confidential = true;
    fixture.use_tools().unwrap();
    assert!(fixture.client.registration.unwrap().client_secret.is_some());
}

#[test]
fn users_sharing_an_address_get_their_own_details() {
    for name in ["bob", "carol", "grace", "frank"] {
        let mut fixture = Fixture::of(&World::faultless(), name, LATEST);
        let details = fixture.use_tools().unwrap();
        assert_eq!(
            details.user_principal_name,
            format!("{name}@contoso.example")
        );
    }
}

// A8: and never to Entra.
#[test]
fn consent_denied_here_gives_access_denied_without_entra() {
    let mut fixture = Fixture::faultless();
    fixture.human.approves = false;
    let error = fixture.sign_in().unwrap_err();
    assert_eq!(error.error(), Some("access_denied"), "{error}");
    let mut visited = fixture.browser.history.iter();
    assert!(!visited.any(|url| url.port() == Some(3002)));
}

// D5
#[test]
fn consent_denied_at_entra_gives_access_denied() {
    let mut fixture = Fixture::of(&World::faultless(), "carol", LATEST);
    fixture.human.agrees = false;
    let error = fixture.sign_in().unwrap_err();
    assert_eq!(error.error(), Some("access_denied"), "{error}");
    fixture.human.agrees = true;
    fixture.use_tools().unwrap();
}

#[test]
fn user_refused_by_entra_gets_no_tokens() {
    for name in ["dave", "erin"] {
        let mut fixture = Fixture::of(&World::faultless(), name, LATEST);
        let error = fixture.sign_in().unwrap_err();
        assert!(
            matches!(
                error,
                ClientError::Page { .. } | ClientError::Returned { .. }
            ),
            "{name}: {error}"
        );
        assert!(fixture.client.tokens.is_none());
        assert!(fixture.world.store(|store| store.is_empty()));
    }
}

// One page opened twice, either form works.
#[test]
fn consent_page_opened_twice_works() {
    let mut fixture = Fixture::faultless();
    let begun = fixture.begin();
    let first = fixture.open_page(&begun.url);
    fixture.open_page(&begun.url);
    let (form, button) = fixture.human.reads(&first).unwrap();
    let world = fixture.world.clone();
    let arrived = world
        .run(fixture.browser.press(&first, &form, &button))
        .unwrap();
    let Arrived::Page(page) = arrived else {
        panic!("the browser is at Entra")
    };
    assert_eq!(page.url.port(), Some(3002), "{}", page.url);
}

// D1: the state is spent, the sign-in that came of it goes on.
#[test]
fn callback_works_once() {
    let mut fixture = Fixture::faultless();
    fixture.use_tools().unwrap();
    let callback = fixture.visited("/auth/callback");
    let arrived = fixture.open(&callback);
    if let Arrived::Client(url) = arrived {
        assert_eq!(parameter(&url, "code"), None, "{url}");
    }
    fixture.use_tools().unwrap();
}

// A2: whoever has the address has nothing.
#[test]
fn callback_in_another_browser_is_refused_and_changes_nothing() {
    let world = World::faultless();
    let mut alice = Fixture::of(&world, "alice", LATEST);
    let mut bob = Fixture::of(&world, "bob", LATEST);
    let (begun, code) = alice.until_code();
    let callback = alice.visited("/auth/callback");
    let page = bob.open_page(&callback);
    assert!(page.status.is_client_error(), "{}", page.status);
    alice.redeem(&begun, &code).unwrap();
    alice.use_tools().unwrap();
}

// A2: the attacker consents, the victim signs in.
#[test]
fn sign_in_approved_elsewhere_is_refused_in_the_browser_of_the_victim() {
    let world = World::faultless();
    let mut attacker = Fixture::of(&world, "grace", LATEST);
    let mut victim = Fixture::of(&world, "alice", LATEST);
    let begun = attacker.begin();
    let page = attacker.open_page(&begun.url);
    let (form, button) = attacker.human.reads(&page).unwrap();
    let pressed = world.run(attacker.browser.press(&page, &form, &button));
    assert!(pressed.is_ok());
    let at_entra = attacker.visited("/authorize");
    assert_eq!(at_entra.port(), Some(3002));
    let walked = world.run(victim.human.walk(&mut victim.browser, &at_entra));
    let entra_mcp_fuzz::human::Walk::Stuck(page) = walked.unwrap() else {
        panic!("the victim's browser came to the attacker's client");
    };
    assert_eq!(page.url.path(), "/auth/callback");
    assert!(page.status.is_client_error(), "{}", page.status);
}

#[test]
fn sign_in_that_takes_too_long_expires() {
    let mut fixture = Fixture::faultless();
    let begun = fixture.begin();
    let page = fixture.open_page(&begun.url);
    fixture.wait(Duration::from_secs(601));
    let (form, button) = fixture.human.reads(&page).unwrap();
    let world = fixture.world.clone();
    let arrived = world
        .run(fixture.browser.press(&page, &form, &button))
        .unwrap();
    let Arrived::Page(page) = arrived else {
        panic!("an old form led away")
    };
    assert!(page.status.is_client_error(), "{}", page.status);
    fixture.use_tools().unwrap();
}

#[test]
fn late_callback_is_refused() {
    let mut fixture = Fixture::faultless();
    let begun = fixture.begin();
    let page = fixture.open_page(&begun.url);
    let (form, button) = fixture.human.reads(&page).unwrap();
    let world = fixture.world.clone();
    let arrived = world
        .run(fixture.browser.press(&page, &form, &button))
        .unwrap();
    let Arrived::Page(at_entra) = arrived else {
        panic!("the browser is at Entra")
    };
    fixture.wait(Duration::from_secs(601));
    let (form, button) = fixture.human.reads(&at_entra).unwrap();
    let arrived = world
        .run(fixture.browser.press(&at_entra, &form, &button))
        .unwrap();
    if let Arrived::Client(url) = arrived {
        assert_eq!(parameter(&url, "code"), None, "{url}");
    }
}

// C3, C4
#[test]
fn code_needs_its_verifier_and_redirect_uri() {
    let mut fixture = Fixture::faultless();
    let (begun, code) = fixture.until_code();
    let mut other = begun.clone();
    other.verifier = begun.verifier.chars().rev().collect();
    let error = fixture.redeem(&other, &code).unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    let error = fixture.redeem(&begun, &format!("{code}A")).unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
}

#[test]
fn code_expires_after_a_minute() {
    let mut fixture = Fixture::faultless();
    let (begun, code) = fixture.until_code();
    fixture.wait(Duration::from_secs(61));
    let error = fixture.redeem(&begun, &code).unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    fixture.use_tools().unwrap();
}

// E2
#[test]
fn code_used_twice_ends_its_session() {
    let mut fixture = Fixture::faultless();
    let (begun, code) = fixture.until_code();
    fixture.redeem(&begun, &code).unwrap();
    fixture.use_tools().unwrap();
    let error = fixture.redeem(&begun, &code).unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    let error = fixture.use_tools().unwrap_err();
    assert_eq!(error.status(), Some(401), "{error}");
}

// E4, E7
#[test]
fn code_of_another_client_is_refused() {
    let world = World::faultless();
    let mut alice = Fixture::of(&world, "alice", LATEST);
    let mut mallory = Fixture::of(&world, "grace", LATEST);
    let (begun, code) = alice.until_code();
    mallory.begin();
    let error = mallory.redeem(&begun, &code).unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
}

#[test]
fn unreachable_entra_fails_the_sign_in_until_it_returns() {
    let mut fixture = Fixture::faultless();
    fixture.world.entra(|entra| entra.set_down(true));
    let error = fixture.sign_in().unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    fixture.world.entra(|entra| entra.set_down(false));
    fixture.wait(Duration::from_secs(5));
    fixture.use_tools().unwrap();
}

// D5: nothing of Entra's own words.
#[test]
fn code_not_redeemed_by_entra_is_an_error_for_the_client() {
    for status in [400, 429, 500, 503] {
        let mut fixture = Fixture::faultless();
        fixture.world.entra(|entra| entra.fail_token(status));
        let error = fixture.sign_in().unwrap_err();
        let ClientError::Returned { error, description } = &error else {
            panic!("{status}: {error}")
        };
        assert!(
            ["temporarily_unavailable", "server_error", "access_denied"].contains(&error.as_str()),
            "{error}"
        );
        assert!(!description.contains("unavailable<"), "{error}");
        // Entra asked to be left alone for a few seconds.
        fixture.wait(Duration::from_secs(10));
        fixture.use_tools().unwrap();
    }
}

// D5
#[test]
fn id_token_of_another_sign_in_is_refused() {
    for fault in ID_TOKEN_FAULTS {
        let mut fixture = Fixture::faultless();
        fixture.world.entra(|entra| entra.spoil_id_token(fault));
        let error = fixture.sign_in().unwrap_err();
        assert!(
            matches!(error, ClientError::Returned { .. }),
            "{fault:?}: {error}"
        );
        assert!(fixture.world.store(|store| store.is_empty()), "{fault:?}");
        fixture.use_tools().unwrap();
    }
}

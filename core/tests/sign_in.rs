//! Signing in, from the client's first request to `getUserDetails`, and where it can end before,
//! with no I/O at all. Whatever happens, the world of `entra-mcp-fuzz` searches every answer, log
//! line and record for tokens, codes and secrets that must not be there.

use std::time::Duration;

use entra_mcp_fuzz::{
    browser::Arrived,
    choice::Choice,
    client::{Dialect, Trouble, parameter},
    entra::LIES,
    options::Options,
    scene::{LATEST, Scene},
    world::World,
};

fn scene_at(public_url: &str) -> Scene {
    let world = World::new(Options::calm().at(public_url), Choice::of_bytes(&[]));
    Scene::of(&world, "alice", LATEST)
}

#[test]
fn a_client_of_every_revision_signs_its_user_in_and_gets_the_users_details() {
    for dialect in Dialect::ALL {
        let mut scene = Scene::of(&World::calm(), "alice", dialect);
        let details = scene.use_tools().unwrap();
        assert_eq!(details.user_principal_name, "alice@contoso.example");
        let world = scene.world.clone();
        let tools = world.run(scene.client.list_tools()).unwrap();
        assert!(
            tools.iter().any(|tool| tool == "getUserDetails"),
            "{tools:?}"
        );
    }
}

#[test]
fn it_works_behind_https_too_where_cookies_have_their_prefix() {
    let mut scene = scene_at("https://mcp.example.com");
    scene.use_tools().unwrap();
    let now = scene.world.now().unix;
    let names = scene.browser.jar.names(now);
    let ours = names.iter().filter(|name| name.contains("entra-mcp"));
    assert!(ours.clone().count() > 0, "{names:?}");
    assert!(
        ours.into_iter().all(|name| name.starts_with("__Host-")),
        "{names:?}"
    );
}

#[test]
fn a_confidential_client_signs_in_too() {
    let mut scene = Scene::calm();
    scene.client.is_confidential = true;
    scene.use_tools().unwrap();
    assert!(scene.client.registration.unwrap().client_secret.is_some());
}

#[test]
fn people_without_a_mailbox_or_with_somebody_elses_address_are_who_they_are() {
    for name in ["bob", "carol", "grace", "frank"] {
        let mut scene = Scene::of(&World::calm(), name, LATEST);
        let details = scene.use_tools().unwrap();
        assert_eq!(
            details.user_principal_name,
            format!("{name}@contoso.example")
        );
    }
}

// CONS-14: and never to Entra.
#[test]
fn a_person_who_denies_access_sends_the_client_an_error_and_never_reaches_entra() {
    let mut scene = Scene::calm();
    scene.human.approves = false;
    let trouble = scene.sign_in().unwrap_err();
    assert_eq!(trouble.error(), Some("access_denied"), "{trouble}");
    let mut visited = scene.browser.history.iter();
    assert!(!visited.any(|url| url.port() == Some(3002)));
}

// CB-14
#[test]
fn a_person_who_does_not_agree_at_entra_sends_the_client_access_denied() {
    let mut scene = Scene::of(&World::calm(), "carol", LATEST);
    scene.human.agrees = false;
    let trouble = scene.sign_in().unwrap_err();
    assert_eq!(trouble.error(), Some("access_denied"), "{trouble}");
    scene.human.agrees = true;
    scene.use_tools().unwrap();
}

#[test]
fn people_whom_entra_does_not_let_in_get_no_tokens() {
    for name in ["dave", "erin"] {
        let mut scene = Scene::of(&World::calm(), name, LATEST);
        let trouble = scene.sign_in().unwrap_err();
        assert!(
            matches!(trouble, Trouble::Page { .. } | Trouble::Returned { .. }),
            "{name}: {trouble}"
        );
        assert!(scene.client.tokens.is_none());
        assert!(scene.world.store(|store| store.is_empty()));
    }
}

// products 10: one page opened twice, either form works.
#[test]
fn the_consent_page_may_be_opened_twice_before_it_is_answered() {
    let mut scene = Scene::calm();
    let begun = scene.begin();
    let first = scene.open_page(&begun.url);
    scene.open_page(&begun.url);
    let (form, button) = scene.human.reads(&first).unwrap();
    let world = scene.world.clone();
    let arrived = world
        .run(scene.browser.press(&first, &form, &button))
        .unwrap();
    let Arrived::Page(page) = arrived else {
        panic!("the browser is at Entra")
    };
    assert_eq!(page.url.port(), Some(3002), "{}", page.url);
}

// CB-07: the state is spent, the sign-in that came of it goes on.
#[test]
fn a_callback_works_once() {
    let mut scene = Scene::calm();
    scene.use_tools().unwrap();
    let callback = scene.visited("/auth/callback");
    let arrived = scene.open(&callback);
    if let Arrived::Client(url) = arrived {
        assert_eq!(parameter(&url, "code"), None, "{url}");
    }
    scene.use_tools().unwrap();
}

// CB-08, CB-09: whoever has the address has nothing.
#[test]
fn a_callback_in_another_browser_is_refused_and_changes_nothing() {
    let world = World::calm();
    let mut alice = Scene::of(&world, "alice", LATEST);
    let mut bob = Scene::of(&world, "bob", LATEST);
    let (begun, code) = alice.until_code();
    let callback = alice.visited("/auth/callback");
    let page = bob.open_page(&callback);
    assert!(page.status.is_client_error(), "{}", page.status);
    alice.redeem(&begun, &code).unwrap();
    alice.use_tools().unwrap();
}

// CB-09: the attacker consents, the victim signs in.
#[test]
fn a_sign_in_that_was_approved_elsewhere_is_refused_in_the_victims_browser() {
    let world = World::calm();
    let mut attacker = Scene::of(&world, "grace", LATEST);
    let mut victim = Scene::of(&world, "alice", LATEST);
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
fn a_sign_in_that_takes_too_long_has_to_be_begun_again() {
    let mut scene = Scene::calm();
    let begun = scene.begin();
    let page = scene.open_page(&begun.url);
    scene.wait(Duration::from_secs(601));
    let (form, button) = scene.human.reads(&page).unwrap();
    let world = scene.world.clone();
    let arrived = world
        .run(scene.browser.press(&page, &form, &button))
        .unwrap();
    let Arrived::Page(page) = arrived else {
        panic!("an old form led away")
    };
    assert!(page.status.is_client_error(), "{}", page.status);
    scene.use_tools().unwrap();
}

#[test]
fn a_callback_that_comes_too_late_is_refused() {
    let mut scene = Scene::calm();
    let begun = scene.begin();
    let page = scene.open_page(&begun.url);
    let (form, button) = scene.human.reads(&page).unwrap();
    let world = scene.world.clone();
    let arrived = world
        .run(scene.browser.press(&page, &form, &button))
        .unwrap();
    let Arrived::Page(at_entra) = arrived else {
        panic!("the browser is at Entra")
    };
    scene.wait(Duration::from_secs(601));
    let (form, button) = scene.human.reads(&at_entra).unwrap();
    let arrived = world
        .run(scene.browser.press(&at_entra, &form, &button))
        .unwrap();
    if let Arrived::Client(url) = arrived {
        assert_eq!(parameter(&url, "code"), None, "{url}");
    }
}

// TOK-01, TOK-08
#[test]
fn a_code_is_good_only_with_its_verifier_and_as_it_was_given() {
    let mut scene = Scene::calm();
    let (begun, code) = scene.until_code();
    let mut other = begun.clone();
    other.verifier = begun.verifier.chars().rev().collect();
    let trouble = scene.redeem(&other, &code).unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    let trouble = scene.redeem(&begun, &format!("{code}A")).unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
}

#[test]
fn a_code_is_good_for_a_minute() {
    let mut scene = Scene::calm();
    let (begun, code) = scene.until_code();
    scene.wait(Duration::from_secs(61));
    let trouble = scene.redeem(&begun, &code).unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    scene.use_tools().unwrap();
}

// TOK-03, TOK-04
#[test]
fn a_code_that_is_used_twice_ends_the_session_that_it_gave() {
    let mut scene = Scene::calm();
    let (begun, code) = scene.until_code();
    scene.redeem(&begun, &code).unwrap();
    scene.use_tools().unwrap();
    let trouble = scene.redeem(&begun, &code).unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    let trouble = scene.use_tools().unwrap_err();
    assert_eq!(trouble.status(), Some(401), "{trouble}");
}

// TOK-06, TOK-19
#[test]
fn a_code_is_good_only_for_the_client_that_asked() {
    let world = World::calm();
    let mut alice = Scene::of(&world, "alice", LATEST);
    let mut mallory = Scene::of(&world, "grace", LATEST);
    let (begun, code) = alice.until_code();
    mallory.begin();
    let trouble = mallory.redeem(&begun, &code).unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
}

#[test]
fn while_entra_cannot_be_reached_a_sign_in_fails_with_words_and_works_again_afterwards() {
    let mut scene = Scene::calm();
    scene.world.entra(|entra| entra.set_down(true));
    let trouble = scene.sign_in().unwrap_err();
    assert_eq!(trouble.status(), Some(503), "{trouble}");
    scene.world.entra(|entra| entra.set_down(false));
    scene.wait(Duration::from_secs(5));
    scene.use_tools().unwrap();
}

// CB-13, CB-15: nothing of Entra's own words.
#[test]
fn a_code_that_entra_does_not_redeem_is_an_error_for_the_client() {
    for status in [400, 429, 500, 503] {
        let mut scene = Scene::calm();
        scene.world.entra(|entra| entra.fail_token(status));
        let trouble = scene.sign_in().unwrap_err();
        let Trouble::Returned { error, description } = &trouble else {
            panic!("{status}: {trouble}")
        };
        assert!(
            ["temporarily_unavailable", "server_error", "access_denied"].contains(&error.as_str()),
            "{trouble}"
        );
        assert!(!description.contains("unavailable<"), "{trouble}");
        scene.use_tools().unwrap();
    }
}

// D5
#[test]
fn no_id_token_is_believed_that_is_not_for_this_sign_in() {
    for lie in LIES {
        let mut scene = Scene::calm();
        scene.world.entra(|entra| entra.lie(lie));
        let trouble = scene.sign_in().unwrap_err();
        assert!(
            matches!(trouble, Trouble::Returned { .. }),
            "{lie:?}: {trouble}"
        );
        assert!(scene.world.store(|store| store.is_empty()), "{lie:?}");
        scene.use_tools().unwrap();
    }
}

//! A client whose user copies the code.

use std::time::Duration;

use serde_json::json;

use super::{AtEntra, header, is_clearing, is_page};
use crate::{
    limits::COPIED_CODE_LIFETIME,
    oauth::{opaque_token, pending_sign_in::Approval, testing::VERIFIER},
    testing::{self, client_id},
};

const PAGE: &str = "http://localhost:3001/authorize/code";

/// Alice is at Entra, and will copy the code.
fn at_entra() -> AtEntra {
    let mut world = crate::mcp::testing::World::new();
    world.store.clear();
    world.server.server.config.code_page = true;
    let client = client_id(&world.server, &[PAGE]);
    AtEntra::begin_at(PAGE, Approval::Pressed, world, client, 1)
}

/// The code that a page shows.
fn shown(page: &str) -> String {
    let (_, rest) = page.split_once("<pre class=\"copy\"><code>").unwrap();
    rest.split_once("</code>").unwrap().0.to_owned()
}

// A16
#[test]
fn code_is_shown_once_and_redeemed_by_whoever_holds_the_verifier() {
    let mut alice = at_entra();
    let response = alice.finish(&alice.tokens(json!({})));
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "location"), "");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(is_clearing(&response));
    let page = testing::text(&response);
    assert!(
        page.contains("Give it to <strong>nobody</strong>"),
        "{page}"
    );
    let code = shown(&page);
    let keys = &alice.world.server.server.keys;
    assert!(opaque_token::read_code(&code, keys).is_some(), "{code}");
    // The state is the client's, and of no use to a user.
    assert!(!page.contains("state"), "{page}");
    let late = COPIED_CODE_LIFETIME - Duration::from_secs(1);
    for (verifier, waited, status) in [
        ("A".repeat(43), Duration::ZERO, 400),
        (VERIFIER.to_owned(), Duration::ZERO, 200),
        (VERIFIER.to_owned(), late, 200),
    ] {
        let mut alice = at_entra();
        let code = shown(&testing::text(&alice.finish(&alice.tokens(json!({})))));
        let client = alice.client.clone();
        let now = &mut alice.world.server.now;
        now.unix = now.unix.after(waited);
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.as_str()),
            ("code", &code),
            ("code_verifier", &verifier),
            ("redirect_uri", PAGE),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = alice.world.server.request("POST", "/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = alice.world.send(request.body(body.into()).unwrap());
        assert_eq!(response.status(), status, "{verifier}");
    }
    // Loading the page again shows nothing.
    assert!(is_page(&alice.return_with(&[("code", "entra code")])));
}

#[test]
fn user_is_told_why_there_is_no_code_to_copy() {
    let mut alice = at_entra();
    let response = alice.return_with(&[("error", "access_denied")]);
    assert_eq!(response.status(), 403);
    assert_eq!(header(&response, "location"), "");
    let page = testing::text(&response);
    assert!(
        page.contains("There is no code") && page.contains("access_denied"),
        "{page}"
    );
    assert!(!alice.has_session());
}

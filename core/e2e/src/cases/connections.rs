//! The page of what a user has connected.

use std::time::Instant;

use url::Url;

use crate::{
    Program, Server,
    browser::{Browser, Landed, find},
    client::sign_in,
    server::PATIENCE,
};

fn page(landed: Landed) -> (Url, crate::raw_http::Response) {
    match landed {
        Landed::Page(url, response) => (url, response),
        Landed::Left(url) => panic!("the browser left for {url}"),
    }
}

/// Opens the page in a new browser, in which this user signs in.
fn open(server: &Server, browser: &mut Browser, user: &str) -> (Url, crate::raw_http::Response) {
    let address = Url::parse(&format!("{}/me", server.url())).unwrap();
    let (url, users) = page(browser.open(&address, "never"));
    assert!(url.as_str().starts_with(&server.tenant_url()), "{url}");
    let (url, connections) = page(browser.press(&url, &users, user, "never"));
    assert_eq!(url, address);
    assert_eq!(connections.status, 200);
    (url, connections)
}

/// A4: by the user, in a browser, without a client; nothing of anybody else's.
pub fn user_sees_and_ends_their_own_connections(program: &Program) {
    let server = program.start();
    let (alice, again, grace) = (
        sign_in(&server, "alice"),
        sign_in(&server, "alice"),
        sign_in(&server, "grace"),
    );
    let session = again.initialize(&server, "2025-11-25");
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let (head, mut events) = again.stream(&server, "/mcp", &headers).unwrap();
    assert_eq!(head.status, 200);
    let mut browser = Browser::default();
    let (url, shown) = open(&server, &mut browser, "alice");
    assert!(shown.body.contains("alice@"), "{}", shown.body);
    assert!(!shown.body.contains("grace"), "{}", shown.body);
    let sessions = shown.body.matches("value=\"session.").count();
    assert_eq!(sessions, 2, "{}", shown.body);

    // The newest stands first.
    let (_, shown) = page(browser.press(&url, &shown, "End", "never"));
    assert!(!again.works(&server) && alice.works(&server));
    let end = Instant::now() + PATIENCE;
    while events.next_event().unwrap().is_some() {
        assert!(Instant::now() < end, "the stream goes on");
    }
    let (form, button) = find(&shown, "End");
    assert_eq!(again.refresh(&server).status, 400);
    // Grace's browser cannot end Alice's, nor can a form without a browser.
    let (_, graces) = open(&server, &mut Browser::default(), "grace");
    let (graces_form, _) = find(&graces, "End");
    assert!(graces_form.hidden != form.hidden);
    let body = format!("{}={}&form={}", button.0, button.1, graces_form.hidden[0].1);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(browser.request("POST", &url, &headers, &body).status, 403);
    let own = format!("{}={}&form={}", button.0, button.1, form.hidden[0].1);
    let foreign = [headers[0], ("Origin", "https://evil.example")];
    assert_eq!(browser.request("POST", &url, &foreign, &own).status, 403);
    assert_eq!(server.request("POST", "/me", &headers, &own).status, 403);
    assert!(alice.works(&server));

    let (_, shown) = page(browser.press(&url, &shown, "End everything", "never"));
    assert!(shown.body.contains("None."), "{}", shown.body);
    assert!(!alice.works(&server) && grace.works(&server));
}

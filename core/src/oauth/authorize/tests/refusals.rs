//! Where an error of a client goes: to the client, or to a page that leaves it to the user.

use super::{CALLBACK, LOOPBACK, setting};
use crate::{
    log_event::{Field, Level, LogEventId},
    testing::{TestServer, authorize, browsing::Browsing, client_id, header, parameter, text},
};

/// The address that a page links to.
fn link(page: &str) -> String {
    let (_, rest) = page.split_once("<a href=\"").expect("there is a link");
    let escaped = rest.split('"').next().unwrap();
    escaped.replace("&amp;", "&").replace("&#39;", "'")
}

// B6; RFC 9700 section 4.11.2
#[test]
fn error_of_a_client_that_nobody_approved_is_a_page_with_a_link() {
    let setting = setting();
    for changes in [
        &[("response_type", "token")][..],
        &[("code_challenge", "")],
        &[("scope", "admin.all")],
        &[("resource", "https://other.example/")],
        &[("request", "x")],
        &[("prompt", "none")],
    ] {
        let response = setting.get(changes);
        assert_eq!(response.status(), 400, "{changes:?}");
        assert_eq!(header(&response, "location"), "");
        assert_eq!(header(&response, "set-cookie"), "");
        let page = text(&response);
        assert!(page.contains("<strong>client.example</strong>"), "{page}");
        let link = link(&page);
        assert!(
            link.starts_with("https://client.example/cb?error="),
            "{link}"
        );
        assert_eq!(parameter(&link, "state").as_deref(), Some("client state"));
        let issuer = parameter(&link, "iss");
        assert_eq!(issuer.as_deref(), Some("http://localhost:3001"));
    }
}

// B6, A9
#[test]
fn error_of_a_client_that_was_approved_in_this_browser_is_redirected() {
    let mut browsing = Browsing::new();
    browsing.approve(CALLBACK);
    let id = client_id(&browsing.server, &[CALLBACK]);
    for changes in [("prompt", "none"), ("scope", "admin.all")] {
        let response = browsing.get(&authorize(&id, CALLBACK, &[changes]));
        let location = header(&response, "location");
        assert!(
            location.starts_with("https://client.example/cb?error="),
            "{location}"
        );
    }
    // Another client of the same site, and the same client in another browser.
    let other = client_id(
        &browsing.server,
        &[CALLBACK, "https://client.example/other"],
    );
    let silent = [("prompt", "none")];
    assert_eq!(
        browsing.get(&authorize(&other, CALLBACK, &silent)).status(),
        400
    );
    let mut stranger = Browsing::new();
    assert_eq!(
        stranger.get(&authorize(&id, CALLBACK, &silent)).status(),
        400
    );
}

// B6
#[test]
fn error_of_a_program_on_this_computer_or_an_app_is_redirected() {
    for uri in [
        "http://localhost:1234/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:5/cb",
        "https://localhost/cb",
        "https://127.0.0.1:8443/cb",
        "cursor://host/cb",
        "com.example.app:/cb",
    ] {
        let server = TestServer::https();
        let id = client_id(&server, &[uri]);
        let response = server.get(&authorize(&id, uri, &[("response_type", "token")]));
        assert_eq!(response.status(), 303, "{uri}");
        assert!(header(&response, "location").starts_with(uri), "{uri}");
    }
}

// B6, N1, N2
#[test]
fn link_of_an_error_page_holds_no_markup() {
    let server = TestServer::https();
    let uri = "https://client.example/cb?a='onclick='&b=1";
    let id = client_id(&server, &[uri]);
    let state = "\"><script>alert(1)</script>";
    let changes = [("state", state), ("response_type", "token")];
    let response = server.get(&authorize(&id, uri, &changes));
    let page = text(&response);
    assert_eq!(response.status(), 400);
    assert!(
        !page.contains("<script") && !page.contains("'onclick"),
        "{page}"
    );
    assert_eq!(parameter(&link(&page), "state").as_deref(), Some(state));
    let policy = header(&response, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
}

// O6
#[test]
fn refusal_is_one_line_of_the_log_whose_reference_is_shown() {
    let setting = setting();
    let strange = client_id(&setting.server, &["https://other.example/cb"]);
    for (client, changes) in [
        ("nobody", vec![]),
        (strange.as_str(), vec![]),
        (
            setting.client_id.as_str(),
            vec![("code_challenge", "short")],
        ),
        (
            setting.client_id.as_str(),
            vec![("code_challenge_method", "plain")],
        ),
        (
            setting.client_id.as_str(),
            vec![("redirect_uri", LOOPBACK), ("response_type", "token")],
        ),
    ] {
        let target = authorize(client, CALLBACK, &changes);
        let request = setting.server.request("GET", &target);
        let sent = setting
            .server
            .send(request.body(bytes::Bytes::new()).unwrap());
        let [line] = sent.logged.as_slice() else {
            panic!("one line: {:?}", sent.logged);
        };
        assert_eq!(line.id(), LogEventId::AuthorizationRefused);
        assert_eq!(line.level(), Level::Info);
        let reference = line.field(Field::RequestId).unwrap();
        let response = sent.response.unwrap();
        let shown = text(&response) + header(&response, "location");
        assert!(shown.contains(reference), "{reference} in {shown}");
    }
}

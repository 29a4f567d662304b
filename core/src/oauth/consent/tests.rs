//! Tests of the consent page and what comes of its buttons.

use super::*;
use crate::{
    config::{Backend, BackendAddress, BackendIdentity},
    event::Event,
    hub::{ToHub, ToHubKind},
    limits,
    testing::{
        self, TestServer, authorize, browsing::Browsing, client_id, header, parameter, text,
    },
};

const CALLBACK: &str = "https://client.example/cb";
const OURS: Option<&str> = Some("https://mcp.example");

fn is_refused(response: &Response<Bytes>) {
    assert!(
        matches!(response.status().as_u16(), 400 | 403),
        "{}",
        response.status()
    );
    assert_eq!(header(response, "location"), "");
    assert_eq!(header(response, "set-cookie"), "");
}

// A7, A10, N7
#[test]
fn consent_page_shows_client_destination_and_scopes_and_no_secret() {
    let mut browsing = Browsing::new();
    let (page, sealed) = browsing.page(CALLBACK);
    for part in [
        "Test client",
        "<strong>client.example</strong>",
        "user.read",
        ">Approve<",
        ">Cancel<",
        "action=\"/consent\"",
        "method=\"post\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for secret in [
        "client state",
        "entra client secret",
        "22222222",
        "E9Melhoa",
    ] {
        assert!(!page.contains(secret), "{secret}");
        assert!(!sealed.contains(secret));
    }
    assert!(page.find("client.example").unwrap() < page.find("Test client").unwrap());
}

// R4
#[test]
fn consent_page_of_a_gateway_names_the_backend() {
    for (identity, is_told) in [
        (BackendIdentity::ASSERTION, true),
        (BackendIdentity::NONE, false),
    ] {
        let mut browsing = Browsing::new();
        let mut gateway = crate::backend::gateway_of_tests(identity);
        let address = "http://orders.example/mcp?key=secret";
        let address = BackendAddress::parse(address).unwrap();
        gateway.backend = Backend::Http(std::sync::Arc::new(address));
        browsing.server.server.config.gateway = Some(gateway);
        let (page, _) = browsing.page(CALLBACK);
        assert!(
            page.contains("<strong>http://orders.example/mcp</strong>"),
            "{page}"
        );
        assert_eq!(page.contains("told who you are"), is_told);
        assert!(!page.contains("key=secret"));
    }
}

// A6, C13, N2, N4, N6
#[test]
fn consent_page_is_strict_and_lets_the_browser_send_its_origin() {
    let mut browsing = Browsing::new();
    let id = client_id(&browsing.server, &[CALLBACK]);
    let response = browsing.get(&authorize(&id, CALLBACK, &[]));
    assert_eq!(header(&response, "referrer-policy"), "same-origin");
    assert_eq!(header(&response, "x-frame-options"), "DENY");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(header(&response, "strict-transport-security").contains("max-age"));
    assert!(!header(&response, "content-security-policy").contains("form-action"));
}

// A7, A11
#[test]
fn consent_page_for_a_local_destination_warns() {
    for uri in [
        "http://localhost:1234/cb",
        "http://127.0.0.1/cb",
        "http://[::1]/cb",
    ] {
        let (page, _) = Browsing::new().page(uri);
        assert!(
            page.contains("this computer") && page.contains("class=\"warn\""),
            "{uri}"
        );
    }
    let (page, _) = Browsing::new().page("cursor://host/cb");
    assert!(page.contains("class=\"warn\"") && page.contains("<strong>cursor:</strong>"));
    let (page, _) = Browsing::new().page(CALLBACK);
    assert!(!page.contains("class=\"warn\""));
}

// H4, N1
#[test]
fn client_name_with_markup_is_shown_as_text() {
    let mut browsing = Browsing::new();
    let metadata = serde_json::json!({
        "client_name": "<img src=x onerror=alert(1)>\"'",
        "client_uri": "https://evil.example/",
        "logo_uri": "https://evil.example/logo.png",
        "redirect_uris": [CALLBACK],
    });
    let request = browsing
        .request("POST", "/register")
        .header("content-type", "application/json")
        .body(metadata.to_string().into());
    let registered = testing::json(&browsing.server.response(request.unwrap()));
    let id = registered["client_id"].as_str().unwrap();
    let page = text(&browsing.get(&authorize(id, CALLBACK, &[])));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains("<img") && !page.contains("evil.example"));
}

// A8, B7, C6, C13
#[test]
fn denial_is_returned_to_the_client_and_not_sent_to_entra() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let response = browsing.post(&sealed, "deny", OURS);
    assert_eq!(response.status(), 303);
    let location = header(&response, "location");
    assert!(location.starts_with("https://client.example/cb?error=access_denied&"));
    assert_eq!(
        parameter(location, "state").as_deref(),
        Some("client state")
    );
    assert_eq!(
        parameter(location, "iss").as_deref(),
        Some("https://mcp.example")
    );
    assert_eq!(header(&response, "set-cookie"), "");
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert_eq!(header(&response, "cache-control"), "no-store");
}

// A2, A3, B7, C15, D1 to D3
#[test]
fn approval_sets_the_sign_in_cookie_and_goes_to_entra() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    assert!(!browsing.has("sign-in"), "not before the approval");
    let response = browsing.post(&sealed, "approve", OURS);
    assert_eq!(response.status(), 303);
    let location = header(&response, "location").to_owned();
    assert!(location.starts_with("https://login.example/tenant/oauth2/v2.0/authorize?"));
    let is = |name: &str| parameter(&location, name).unwrap_or_default();
    assert_eq!(is("client_id"), "22222222-2222-2222-2222-222222222222");
    assert_eq!(is("redirect_uri"), "https://mcp.example/auth/callback");
    assert_eq!(is("prompt"), "select_account");
    assert_eq!(is("code_challenge_method"), "S256");
    assert_eq!(
        is("scope"),
        "openid profile offline_access https://graph.example/User.Read"
    );
    assert!(!location.contains("resource=") && !location.contains("client.example"));
    let headers = browsing.request("GET", "/").body(()).unwrap();
    let env = browsing.server.env();
    let sign_in = PendingSignIn::from_cookie(headers.headers(), &is("state"), env).unwrap();
    assert_eq!(sign_in.nonce.expose(), &is("nonce"));
    assert_eq!(
        sign_in.request.redirect_target.state.as_deref(),
        Some("client state")
    );
    assert_eq!(sign_in.request.resource, "https://mcp.example");
    assert!(PendingSignIn::from_cookie(&HeaderMap::new(), &is("state"), env).is_none());
}

// A5
#[test]
fn consent_form_from_another_page_or_browser_is_refused() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    for origin in [
        "https://evil.example",
        "null",
        "https://mcp.example.evil.example",
        "http://mcp.example",
        "https://mcp.example:443",
        "",
    ] {
        for decision in ["approve", "deny"] {
            is_refused(&browsing.post(&sealed, decision, Some(origin)));
        }
    }
    let mut two = browsing.posted(&sealed, "approve", OURS);
    two.headers_mut().append(
        header::ORIGIN,
        HeaderValue::from_static("https://evil.example"),
    );
    is_refused(&browsing.server.response(two));
    // Without Origin the cookie vouches; without either, or with that of another browser, nothing.
    assert_eq!(browsing.post(&sealed, "deny", None).status(), 303);
    let mut stranger = Browsing::new();
    is_refused(&stranger.post(&sealed, "approve", None));
    stranger.page("https://other.example/cb");
    stranger.cookies = vec![("__Host-entra-mcp-browser".to_owned(), "made.up".to_owned())];
    is_refused(&stranger.post(&sealed, "approve", None));
    assert_eq!(stranger.post(&sealed, "deny", OURS).status(), 303);
}

// A5
#[test]
fn consent_form_without_a_good_hidden_field_is_refused() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    for place in (0..sealed.len()).step_by(7) {
        let mut changed = sealed.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        is_refused(&browsing.post(&changed, "approve", OURS));
    }
    is_refused(&browsing.post("", "approve", OURS));
    is_refused(&browsing.post(&format!("{sealed}&request={sealed}"), "approve", OURS));
    for decision in ["", "yes", "approve&decision=deny"] {
        is_refused(&browsing.post(&sealed, decision, OURS));
    }
    browsing.server.now.unix = browsing.server.now.unix.after(limits::SIGN_IN_TIMEOUT);
    is_refused(&browsing.post(&sealed, "approve", OURS));
}

#[test]
fn consent_page_loaded_twice_can_be_submitted_twice() {
    let mut browsing = Browsing::new();
    let (_, first) = browsing.page(CALLBACK);
    let (_, second) = browsing.page(CALLBACK);
    for sealed in [&first, &second, &first] {
        assert_eq!(browsing.post(sealed, "approve", None).status(), 303);
    }
}

// N5
#[test]
fn cookies_are_host_bound_on_https_and_plain_on_loopback() {
    let mut browsing = Browsing::new();
    browsing.page(CALLBACK);
    assert!(
        browsing
            .cookies
            .iter()
            .all(|(name, _)| name.starts_with("__Host-entra-mcp-"))
    );
    let mut browsing = Browsing::at(TestServer::dev());
    browsing.page(CALLBACK);
    assert!(
        browsing
            .cookies
            .iter()
            .all(|(name, _)| name.starts_with("entra-mcp-"))
    );
}

// A10
#[test]
fn denial_is_logged_with_the_destination_and_without_the_state() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let sent = browsing.server.send(browsing.posted(&sealed, "deny", OURS));
    let [line] = sent.logged.as_slice() else {
        panic!("one line: {:?}", sent.logged);
    };
    assert_eq!(line.id(), LogEventId::ConsentDenied);
    assert_eq!(line.field(Field::Destination), Some("client.example"));
    assert!(!format!("{line:?}").contains("client state"));
}

// O6: otherwise strangers who press it push the lines of users out of the log.
#[test]
fn approval_is_not_logged_before_it_is_known_who_approves() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let posted = browsing.posted(&sealed, "approve", OURS);
    let logged = browsing.server.send(posted).logged;
    assert!(logged.is_empty(), "{logged:?}");
}

// D14
#[test]
fn approval_before_metadata_waits_and_then_redirects_or_is_503() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let known = std::mem::take(&mut browsing.server.known);
    for is_fetched in [true, false] {
        browsing.server.known = crate::env::EntraSnapshot::default();
        let mut sent = browsing
            .server
            .send(browsing.posted(&sealed, "approve", OURS));
        assert!(sent.response.is_none());
        let Some(ToHub(ToHubKind::NeedMetadata {
            ticket,
            newer_than: 0,
        })) = sent.to_hub.pop()
        else {
            panic!("the hub is asked for metadata: {:?}", sent.to_hub);
        };
        if is_fetched {
            browsing.server.known = known.clone();
        }
        let event = Event::FromHub(ticket.answer(is_fetched));
        sent.handle(event, browsing.server.env());
        let response = sent.response.unwrap();
        if is_fetched {
            assert_eq!(response.status(), 303);
            assert!(header(&response, "set-cookie").contains("sign-in-"));
        } else {
            assert_eq!(response.status(), 503);
            assert_eq!(header(&response, "retry-after"), "5");
            assert_eq!(header(&response, "set-cookie"), "");
        }
    }
}

// A5, C14, H6
#[test]
fn wrong_methods_of_consent_and_registration_are_405() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let approve = format!("/consent?request={sealed}&decision=approve");
    for (method, target) in [
        ("GET", approve.as_str()),
        ("POST", "/authorize"),
        ("PUT", "/consent"),
        ("GET", "/register"),
        ("DELETE", "/register"),
    ] {
        let request = browsing
            .request(method, target)
            .header("origin", "https://mcp.example");
        let response = browsing
            .server
            .response(request.body(Bytes::new()).unwrap());
        assert_eq!(response.status(), 405, "{method} {target}");
        assert_eq!(header(&response, "set-cookie"), "");
    }
    let id = client_id(&browsing.server, &[CALLBACK]);
    assert_eq!(browsing.get(&format!("/register/{id}")).status(), 404);
}

// M2: otherwise its cookies end in a 431.
#[test]
fn browser_with_forty_sign_ins_begun_keeps_the_newest_few() {
    let mut browsing = Browsing::new();
    let (_, sealed) = browsing.page(CALLBACK);
    let now = browsing.server.now.unix.0;
    for begun in 0..40 {
        let name = format!("__Host-entra-mcp-sign-in-{begun:08}");
        browsing
            .cookies
            .push((name, format!("{}.sealed", now + begun)));
    }
    browsing.post(&sealed, "approve", OURS);
    browsing.cookies.retain(|(_, value)| !value.is_empty());
    let mut ends: Vec<u64> = browsing
        .cookies
        .iter()
        .filter(|(name, _)| name.contains("sign-in-"))
        .map(|(_, value)| value.split_once('.').unwrap().0.parse().unwrap())
        .collect();
    ends.sort_unstable();
    let newest = now + limits::SIGN_IN_TIMEOUT.as_secs();
    assert_eq!(ends, [now + 37, now + 38, now + 39, newest]);
}

//! Clients that the operator has registered.

use bytes::Bytes;

use crate::{
    config::{ClientEntry, SecretHash},
    log_event::{Field, LogEventId},
    secret::Secret,
    testing::{Sent, TestServer, authorize, header, parameter, text},
};

const ID: &str = "copilot-studio";
const LISTED: &str = "https://app.example/cb";
const LOOPBACK: &str = "http://127.0.0.1:7/cb";

/// A server whose operator has registered a client, changed in this way.
fn server(change: impl FnOnce(&mut ClientEntry)) -> TestServer {
    let mut entry = ClientEntry {
        position: 1,
        id: ID.to_owned(),
        name: Some("Copilot <Studio>".to_owned()),
        secrets: vec![SecretHash::of(&Secret::new("secret".to_owned()))],
        redirect_uris: [LISTED, "http://127.0.0.1/cb"].map(str::to_owned).to_vec(),
        ..ClientEntry::default()
    };
    change(&mut entry);
    TestServer::https().with_mail().with_clients(vec![entry])
}

fn send(server: &TestServer, redirect_uri: &str, changes: &[(&str, &str)]) -> Sent {
    let request = server.request("GET", &authorize(ID, redirect_uri, changes));
    server.send(request.body(Bytes::new()).unwrap())
}

/// The text of the consent page.
fn page(server: &TestServer, changes: &[(&str, &str)]) -> String {
    let response = send(server, LISTED, changes).response.unwrap();
    assert_eq!(response.status(), 200, "{}", text(&response));
    text(&response)
}

/// The error that the client is sent.
fn error(server: &TestServer, changes: &[(&str, &str)]) -> Option<String> {
    let response = send(server, LOOPBACK, changes).response.unwrap();
    let location = header(&response, "location");
    (!location.is_empty()).then(|| parameter(location, "error").unwrap())
}

// A7, A10
#[test]
fn preregistered_client_is_shown_as_one_that_the_operator_registered() {
    let page = page(&server(|_| ()), &[]);
    let shown = "Copilot &lt;Studio&gt;</strong> (registered by the operator of this server)";
    assert!(page.contains(shown), "{page}");
    assert!(!page.contains("nobody has"));
}

// H13: platforms make a redirect URI after the client was registered, so the operator must learn it.
#[test]
fn unlisted_redirect_uri_gets_a_page_and_a_line_of_the_log_that_name_it() {
    let server = server(|_| ());
    let unlisted = "https://global.consent.azure-apim.net/redirect/cr938-5f'onclick='<>&x";
    let unlisted = unlisted.trim_end_matches("<>&x");
    let sent = send(&server, unlisted, &[]);
    let response = sent.response.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(header(&response, "location"), "");
    let page = text(&response);
    assert!(
        page.contains("redirect/cr938-5f&#39;onclick=&#39;</code>"),
        "{page}"
    );
    assert!(page.contains(ID) && !page.contains("<a "), "{page}");
    let [line] = sent.logged.as_slice() else {
        panic!("one line: {:?}", sent.logged);
    };
    assert_eq!(line.id(), LogEventId::AuthorizationRefused);
    assert_eq!(line.field(Field::RedirectUri), Some(unlisted));
    assert_eq!(line.field(Field::ClientId), Some(ID));
    assert!(page.contains(line.field(Field::RequestId).unwrap()));
}

// B3, B4
#[test]
fn redirect_uri_that_cannot_be_listed_is_not_repeated() {
    for uri in [
        "javascript:alert(1)",
        "http://10.0.0.1/cb",
        "https://evil.example/#f",
        "",
    ] {
        let response = send(&server(|_| ()), uri, &[("redirect_uri", uri)])
            .response
            .unwrap();
        assert_eq!(response.status(), 400, "{uri}");
        let page = text(&response);
        assert!(
            !page.contains("evil.example") && !page.contains("alert(1)"),
            "{page}"
        );
    }
}

const WITHOUT_PKCE: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

// C1, C2
#[test]
fn pkce_may_be_left_out_by_a_client_that_the_operator_lets_do_so_and_by_no_other() {
    let optional = server(|entry| entry.pkce_optional = true);
    assert_eq!(error(&optional, &WITHOUT_PKCE), None);
    assert_eq!(error(&optional, &[]), None);
    assert_eq!(
        error(&server(|_| ()), &WITHOUT_PKCE).as_deref(),
        Some("invalid_request")
    );
    for wrong in [
        &[("code_challenge", "")][..],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge", "short")],
    ] {
        assert_eq!(
            error(&optional, wrong).as_deref(),
            Some("invalid_request"),
            "{wrong:?}"
        );
    }
}

// C11
#[test]
fn scopes_of_an_entry_are_all_that_the_client_may_have_and_what_it_gets_by_default() {
    let both = ("user.read", "mail.read");
    let scopes_of = |server: &TestServer, scope: &str| {
        let page = page(server, &[("scope", scope)]);
        (page.contains(both.0), page.contains(both.1))
    };
    let free = server(|_| ());
    assert_eq!(scopes_of(&free, ""), (true, false));
    assert_eq!(scopes_of(&free, "user.read mail.read"), (true, true));
    let mail = server(|entry| entry.scopes = vec![both.1.to_owned()]);
    assert_eq!(scopes_of(&mail, ""), (false, true));
    assert_eq!(scopes_of(&mail, "offline_access openid"), (false, true));
    assert_eq!(scopes_of(&mail, "user.read mail.read"), (false, true));
    assert_eq!(
        error(&mail, &[("scope", "user.read")]).as_deref(),
        Some("invalid_scope")
    );
}

// H2, H14: an id of the list is no registration, and no registration an id of the list.
#[test]
fn client_that_was_taken_off_the_list_is_unknown() {
    let mut server = server(|_| ());
    page(&server, &[]);
    server.clients = crate::config::PreregisteredClients::default();
    let response = send(&server, LISTED, &[]).response.unwrap();
    assert_eq!(response.status(), 400);
    assert!(text(&response).contains("does not know the client"));
}

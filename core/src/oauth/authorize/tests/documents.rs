//! Clients whose `client_id` is the URL of their document.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    client_document::{ClientDocument, DocumentError},
    config::{ClientPlaces, DocumentSource, Registration},
    event::Event,
    hub::{ToHub, ToHubKind},
    log_event::Field,
    testing::{
        Sent, TestServer, authorize, browsing::sealed_in, client_called, header, parameter, text,
    },
};

const URL: &str = "https://app.example/client.json";
const LOOPBACK: &str = "http://127.0.0.1:51877/cb";

/// What its host says of the client.
fn document() -> ClientDocument {
    ClientDocument {
        client_name: "<b>App</b>\u{202e}".to_owned(),
        redirect_uris: vec![
            "https://app.example/cb".to_owned(),
            "http://127.0.0.1/cb".to_owned(),
            "javascript:alert(1)".to_owned(),
            "https://app.example/*".to_owned(),
        ],
        keys: None,
        must_sign: false,
    }
}

fn begin(
    server: &TestServer,
    client_id: &str,
    redirect_uri: &str,
    changes: &[(&str, &str)],
) -> Sent {
    let request = server.request("GET", &authorize(client_id, redirect_uri, changes));
    server.send(request.body(Bytes::new()).unwrap())
}

/// The request is answered with this document, which it asked for.
fn answered(
    server: &TestServer,
    redirect_uri: &str,
    changes: &[(&str, &str)],
    answer: Result<ClientDocument, DocumentError>,
) -> Sent {
    let mut sent = begin(server, URL, redirect_uri, changes);
    assert!(sent.response.is_none(), "it waits");
    assert!(
        sent.actions.is_empty(),
        "an exchange fetches nothing by itself"
    );
    let Some(ToHub(ToHubKind::NeedClientDocument { ticket, url, .. })) = sent.to_hub.pop() else {
        panic!("the hub is asked");
    };
    assert_eq!(url.as_str(), URL);
    let answer = ticket.answer(answer.map(Arc::new));
    sent.handle(Event::FromHub(answer), server.env());
    sent
}

fn page(redirect_uri: &str) -> String {
    let server = TestServer::https();
    let sent = answered(&server, redirect_uri, &[], Ok(document()));
    let response = sent.response.unwrap();
    assert_eq!(response.status(), 200);
    text(&response)
}

// A7, H4, H9: the site that vouches is shown, and as text what it says.
#[test]
fn client_of_a_document_is_shown_with_the_site_that_vouches_for_it() {
    let web = page("https://app.example/cb");
    assert!(
        web.contains("Verified by the web site</span><strong>app.example</strong>"),
        "{web}"
    );
    assert!(
        web.contains(
            "<strong>app.example</strong> describes as <strong class=\"name\">&lt;b&gt;App&lt;/b&gt;</strong>"
        ),
        "{web}"
    );
    assert!(!web.contains("nobody has checked") && !web.contains('\u{202e}'));
    let local = page(LOOPBACK);
    assert!(
        local.contains("127.0.0.1:51877") && local.contains("class=\"warn\""),
        "{local}"
    );
}

// H9: exact, but for the port of a loopback address (RFC 8252 section 7.3).
#[test]
fn redirect_uri_must_be_one_of_the_document() {
    for redirect_uri in [
        "https://app.example/cb/",
        "https://app.example/CB",
        "https://app.example/cb?a=b",
        "https://app.example:443/cb",
        "https://evil.example/cb",
        "http://localhost:51877/cb",
        "http://[::1]:51877/cb",
        "http://127.0.0.1:51877/other",
        "https://app.example/x",
    ] {
        let server = TestServer::https();
        let sent = answered(&server, redirect_uri, &[], Ok(document()));
        let response = sent.response.unwrap();
        assert_eq!(response.status(), 400, "{redirect_uri}");
        assert_eq!(header(&response, "location"), "");
    }
    for redirect_uri in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", LOOPBACK] {
        page(redirect_uri);
    }
}

// H7, M15: what cannot be served costs no fetch.
#[test]
fn request_that_cannot_be_served_asks_for_no_document() {
    let mut server = TestServer::https();
    for (client_id, redirect_uri) in [
        ("https://app.example", LOOPBACK),
        ("https://app.example/../c", LOOPBACK),
        ("https://user@app.example/c", LOOPBACK),
        ("https://app.example/c#f", LOOPBACK),
        ("http://app.example/c", LOOPBACK),
        (URL, "javascript:alert(1)"),
        (URL, "http://evil.example/cb"),
        (URL, "https://app.example/cb#f"),
    ] {
        let sent = begin(&server, client_id, redirect_uri, &[]);
        assert!(
            sent.to_hub.is_empty() && sent.actions.is_empty(),
            "{client_id}"
        );
        assert_eq!(
            sent.response.unwrap().status(),
            400,
            "{client_id} {redirect_uri}"
        );
    }
    server.server.config.registration = Registration::Listed(ClientPlaces::default());
    let sent = begin(&server, URL, "https://app.example/cb", &[]);
    assert!(sent.to_hub.is_empty(), "the operator does not let it in");
    assert_eq!(sent.response.unwrap().status(), 400);
}

// B4, H9: no document, no redirect.
#[test]
fn client_without_a_usable_document_gets_a_page() {
    for error in [
        DocumentError::NotPinned,
        DocumentError::Busy,
        DocumentError::Unreachable,
        DocumentError::NotPublic,
        DocumentError::TooLarge,
        DocumentError::Status,
        DocumentError::ContentType,
        DocumentError::NotJson,
        DocumentError::OtherClient,
        DocumentError::HoldsSecret,
        DocumentError::NoName,
        DocumentError::NoRedirectUris,
        DocumentError::TooManyRedirectUris,
        DocumentError::AuthMethod,
        DocumentError::GrantType,
    ] {
        let server = TestServer::https();
        let sent = answered(&server, LOOPBACK, &[], Err(error));
        let response = sent.response.unwrap();
        let status = if error == DocumentError::Busy {
            503
        } else {
            400
        };
        assert_eq!(response.status(), status, "{error:?}");
        assert_eq!(header(&response, "location"), "");
        let page = text(&response);
        let said = error.for_strangers().as_str();
        assert!(page.contains(said) && !page.contains("<a "), "{page}");
        assert!(
            !page.contains("app.example"),
            "it repeats nothing that was sent"
        );
    }
}

// H7: else anybody could find out the names of the operator's network.
#[test]
fn private_host_is_not_told_from_one_that_is_not_there() {
    let page = |error| {
        let server = TestServer::https();
        let sent = answered(&server, LOOPBACK, &[], Err(error));
        let reason = sent
            .logged
            .iter()
            .find_map(|line| line.field(Field::Reason));
        assert_eq!(reason, Some(error.as_str()), "the operator sees it");
        text(&sent.response.unwrap())
    };
    assert_eq!(
        page(DocumentError::NotPublic),
        page(DocumentError::Unreachable)
    );
}

// H4, H9: a name is what its client likes it to be.
#[test]
fn name_that_claims_to_be_verified_reads_unlike_one_that_is() {
    const NAME: &str = "Claude (verified by claude.ai)";
    let server = TestServer::https();
    let client = client_called(NAME, &server, &[LOOPBACK]);
    let sent = begin(&server, &client, LOOPBACK, &[]);
    let page = text(&sent.response.unwrap());
    assert!(
        page.contains(&format!(
            "calls itself <strong class=\"name\">{NAME}</strong> (nobody has"
        )),
        "{page}"
    );
    assert!(!page.contains("describes as"), "{page}");
    let mut other = document();
    other.client_name = NAME.to_owned();
    let sent = answered(&server, LOOPBACK, &[], Ok(other));
    let page = text(&sent.response.unwrap());
    assert!(
        page.contains("A client that <strong>app.example</strong> describes as"),
        "{page}"
    );
    assert!(!page.contains("<strong>claude.ai"), "{page}");
}

// Its errors go to it as to any other client (clients retry without scope, for example).
#[test]
fn error_goes_to_the_client_of_a_document() {
    let server = TestServer::https();
    let sent = answered(&server, LOOPBACK, &[("scope", "unknown")], Ok(document()));
    let response = sent.response.unwrap();
    let location = header(&response, "location");
    assert!(location.starts_with(LOOPBACK), "{location}");
    assert_eq!(
        parameter(location, "error").as_deref(),
        Some("invalid_scope")
    );
}

// Where a document names one, the redirect URI may be left out (RFC 6749 section 3.1.2.3).
#[test]
fn omitted_redirect_uri_is_the_only_one_of_the_document() {
    let server = TestServer::https();
    let mut only = document();
    only.redirect_uris.truncate(1);
    let changes = [("redirect_uri", "")];
    let sent = answered(&server, LOOPBACK, &changes, Ok(only));
    assert!(text(&sent.response.unwrap()).contains("<strong>app.example</strong>"));
    let sent = answered(&server, LOOPBACK, &changes, Ok(document()));
    assert_eq!(sent.response.unwrap().status(), 400);
}

// The document is not looked at again: what was shown is what is approved.
#[test]
fn approval_of_a_client_of_a_document_leads_to_entra() {
    let server = TestServer::https();
    let sent = answered(&server, LOOPBACK, &[], Ok(document()));
    let sealed = sealed_in(&text(&sent.response.unwrap()));
    let request = server
        .request("POST", "/consent")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://mcp.example")
        .body(Bytes::from(format!("request={sealed}&decision=approve")));
    let sent = server.send(request.unwrap());
    assert!(sent.to_hub.is_empty());
    let location = header(sent.response.as_ref().unwrap(), "location").to_owned();
    assert!(location.starts_with("https://login.example/"), "{location}");
}

const VSCODE: &str = "https://vscode.dev/oauth/client-metadata.json";

// T1, T4 of the recorded clients: the site of a pinned client is not asked.
#[test]
fn pinned_client_is_shown_without_a_fetch() {
    let server = TestServer::https();
    let sent = begin(&server, VSCODE, "http://127.0.0.1:51877/", &[]);
    assert!(sent.to_hub.is_empty() && sent.actions.is_empty());
    let page = text(&sent.response.unwrap());
    assert!(
        page.contains(
            "<strong>vscode.dev</strong> describes as <strong class=\"name\">Visual Studio Code</strong>"
        ),
        "{page}"
    );
    assert!(page.contains("on 2026-10-02"), "{page}");
}

// The copy may be older than the document: then the site decides.
#[test]
fn redirect_uri_that_the_pinned_copy_lacks_is_looked_up_at_the_site() {
    let mut server = TestServer::https();
    let sent = begin(&server, VSCODE, "https://vscode.dev/new", &[]);
    assert!(matches!(
        sent.to_hub.as_slice(),
        [ToHub(ToHubKind::NeedClientDocument { .. })]
    ));
    server.server.config.client_documents.source = DocumentSource::Pinned;
    let sent = begin(&server, VSCODE, "https://vscode.dev/new", &[]);
    assert!(sent.to_hub.is_empty());
    assert_eq!(sent.response.unwrap().status(), 400);
}

#[test]
fn operator_who_fetches_nothing_lets_pinned_clients_in_alone() {
    let mut server = TestServer::https();
    server.server.config.client_documents.source = DocumentSource::Pinned;
    let sent = begin(&server, VSCODE, "https://vscode.dev/redirect", &[]);
    assert_eq!(sent.response.unwrap().status(), 200);
    let sent = begin(&server, URL, LOOPBACK, &[]);
    assert!(sent.to_hub.is_empty());
    assert!(text(&sent.response.unwrap()).contains("has not pinned it"));
    server.server.config.client_documents.source = DocumentSource::Nowhere;
    let sent = begin(&server, VSCODE, "https://vscode.dev/redirect", &[]);
    assert_eq!(sent.response.unwrap().status(), 400);
    let metadata = server.get("/.well-known/oauth-authorization-server");
    assert_eq!(
        crate::testing::json(&metadata)["client_id_metadata_document_supported"],
        false
    );
}

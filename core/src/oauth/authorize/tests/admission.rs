//! Which clients come in by themselves.

use bytes::Bytes;

use crate::{
    config::{ClientEntry, ClientPlaces, Registration},
    log_event::{Field, LogEventId},
    testing::{Sent, TestServer, authorize, client_id, header, json, text},
};

const EVIL: &str = "https://evil.example/cb";
const LOOPBACK: &str = "http://127.0.0.1:5/";
const VSCODE: &str = "https://vscode.dev/oauth/client-metadata.json";

fn listed(changes: &[&str]) -> Registration {
    let with = |places: ClientPlaces, text: &&str| places.with(text).unwrap();
    Registration::Listed(changes.iter().fold(ClientPlaces::default(), with))
}

/// A server with this registration, and the id of a client that registered before.
fn server(registration: Registration, redirect_uri: &str) -> (TestServer, String) {
    let mut server = TestServer::https();
    let id = client_id(&server, &[redirect_uri]);
    server.server.config.registration = registration;
    (server, id)
}

fn send(server: &TestServer, client_id: &str, redirect_uri: &str) -> Sent {
    let request = server.request("GET", &authorize(client_id, redirect_uri, &[]));
    server.send(request.body(Bytes::new()).unwrap())
}

/// The page for a client that is not let in, and the place that the log names.
fn refused(sent: &Sent) -> (String, Option<String>) {
    let response = sent.response.as_ref().unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(header(response, "location"), "");
    assert!(sent.to_hub.is_empty() && sent.actions.is_empty());
    let page = text(response);
    assert!(
        page.contains("not let in here") && !page.contains("<a "),
        "{page}"
    );
    let [line] = sent.logged.as_slice() else {
        panic!("one line: {:?}", sent.logged);
    };
    assert_eq!(line.id(), LogEventId::AuthorizationRefused);
    assert!(page.contains(line.field(Field::RequestId).unwrap()));
    (page, line.field(Field::Destination).map(str::to_owned))
}

// A10: also one that registered before the operator said so.
#[test]
fn client_that_is_not_listed_gets_a_page_that_says_whom_to_ask() {
    let (mut server, id) = server(listed(&[]), EVIL);
    let (page, place) = refused(&send(&server, &id, EVIL));
    assert!(page.contains("<strong>evil.example</strong>"), "{page}");
    assert!(page.contains("ask the operator of this server"), "{page}");
    assert_eq!(place.as_deref(), Some("evil.example"));
    server.server.config.contact = Some("it@contoso.com <IT>".to_owned());
    let (page, _) = refused(&send(&server, &id, EVIL));
    assert!(page.contains("ask it@contoso.com &lt;IT&gt;"), "{page}");
    server.server.config.registration = listed(&["evil.example"]);
    let sent = send(&server, &id, EVIL);
    assert_eq!(sent.response.unwrap().status(), 200);
}

// A10
#[test]
fn loopback_is_let_in_unless_the_operator_takes_it_away() {
    let (mut server, id) = server(listed(&[]), LOOPBACK);
    assert_eq!(send(&server, &id, LOOPBACK).response.unwrap().status(), 200);
    server.server.config.registration = listed(&["-localhost"]);
    let (_, place) = refused(&send(&server, &id, LOOPBACK));
    assert_eq!(place.as_deref(), Some("localhost"));
    // Its site vouches for it.
    assert_eq!(
        send(&server, VSCODE, LOOPBACK.replace("5/", "33418/").as_str())
            .response
            .unwrap()
            .status(),
        200
    );
}

// A10, H7: and nothing is fetched for it.
#[test]
fn document_of_a_client_that_is_not_listed_is_not_asked_for() {
    let (server, _) = server(listed(&["good.example"]), LOOPBACK);
    refused(&send(&server, "https://evil.example/c", EVIL));
    for (id, redirect_uri) in [
        ("https://evil.example/c", LOOPBACK),
        ("https://evil.example/c", "https://good.example/cb"),
        ("https://good.example/c", EVIL),
    ] {
        let sent = send(&server, id, redirect_uri);
        assert!(
            sent.response.is_none() && sent.to_hub.len() == 1,
            "{id} {redirect_uri}"
        );
    }
}

// A10
#[test]
fn closed_server_lets_clients_of_the_list_in_and_no_others() {
    let entry = ClientEntry {
        position: 1,
        id: "studio".to_owned(),
        redirect_uris: vec![EVIL.to_owned()],
        ..ClientEntry::default()
    };
    let (server, id) = server(Registration::Closed, LOOPBACK);
    let server = server.with_clients(vec![entry]);
    for (id, redirect_uri) in [(id.as_str(), LOOPBACK), (VSCODE, LOOPBACK), ("unknown", "")] {
        let (page, _) = refused(&send(&server, id, redirect_uri));
        assert!(page.contains("registered themselves"), "{page}");
    }
    assert_eq!(
        send(&server, "studio", EVIL).response.unwrap().status(),
        200
    );
    let metadata = json(&server.get("/.well-known/oauth-authorization-server"));
    assert!(
        metadata.get("registration_endpoint").is_none(),
        "{metadata}"
    );
    assert_eq!(metadata["client_id_metadata_document_supported"], false);
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json")
        .body(Bytes::from(r#"{"redirect_uris":["http://127.0.0.1/cb"]}"#));
    let response = server.response(request.unwrap());
    assert_eq!(response.status(), 403);
    let body = json(&response);
    assert_eq!(body["error"], "access_denied");
    let words = body["error_description"].as_str().unwrap();
    assert!(words.contains("Ask for a client_id"), "{words}");
}

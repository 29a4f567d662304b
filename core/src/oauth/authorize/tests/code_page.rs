//! Clients whose users copy the code from a page of this server.

use ::http::Response;
use bytes::Bytes;

use super::is_page_without_link;
use crate::{
    config::{ClientEntry, ClientPlaces, Registration},
    testing::{TestServer, authorize, browsing::Browsing, client_id, header, text},
};

const PAGE: &str = "https://mcp.example/authorize/code";

/// A server that has such a page, and the id of a client that registered it.
fn server() -> (TestServer, String) {
    let mut server = TestServer::https();
    server.server.config.code_page = true;
    let id = client_id(&server, &[PAGE]);
    (server, id)
}

fn register(server: &TestServer, redirect_uri: &str) -> Response<Bytes> {
    let body = serde_json::json!({"redirect_uris": [redirect_uri]}).to_string();
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json");
    server.response(request.body(body.into()).unwrap())
}

// A16
#[test]
fn user_who_will_copy_a_code_is_asked_each_time_and_warned() {
    let (server, id) = server();
    let mut browser = Browsing::at(server);
    browser.approve(PAGE);
    let response = browser.get(&authorize(&id, PAGE, &[]));
    let page = text(&response);
    assert_eq!(response.status(), 200);
    assert!(page.contains("<strong>a code to copy</strong>"), "{page}");
    assert!(page.contains("whoever gets it gets access"), "{page}");
}

// A16
#[test]
fn page_with_a_code_is_there_only_if_the_operator_wants_it() {
    let (mut server, id) = server();
    assert_eq!(register(&server, PAGE).status(), 201);
    server.server.config.code_page = false;
    is_page_without_link(&server.get(&authorize(&id, PAGE, &[])), "/authorize/code");
    assert_eq!(register(&server, PAGE).status(), 400);
}

// B4: no other address of this server is a redirect URI, nor is anything at this one.
#[test]
fn no_other_address_of_this_server_is_returned_to() {
    let (server, _) = server();
    for other in [
        "https://mcp.example/",
        "https://mcp.example/authorize/code/",
        "https://mcp.example/authorize/code?a=b",
        "https://mcp.example/authorize",
        "https://MCP.example/authorize/code",
    ] {
        assert_eq!(register(&server, other).status(), 400, "{other}");
    }
    assert_eq!(server.get("/authorize/code?code=made-up").status(), 404);
}

// A10: nobody knows whom the user takes the code to.
#[test]
fn code_page_is_open_where_unknown_programs_are() {
    let (mut server, id) = server();
    let asked = |server: &TestServer| server.get(&authorize(&id, PAGE, &[])).status();
    let places = ClientPlaces::default();
    server.server.config.registration = Registration::Listed(places.clone());
    assert_eq!(asked(&server), 200);
    let places = places.with("-localhost").unwrap();
    server.server.config.registration = Registration::Listed(places);
    assert_eq!(asked(&server), 400);
    server.server.config.registration = Registration::Closed;
    assert_eq!(asked(&server), 400);
    let entry = ClientEntry {
        position: 1,
        id: "headless".to_owned(),
        redirect_uris: vec![PAGE.to_owned()],
        ..ClientEntry::default()
    };
    let server = server.with_clients(vec![entry]);
    let response = server.get(&authorize("headless", PAGE, &[]));
    assert_eq!(response.status(), 200);
}

#[test]
fn error_of_a_request_is_shown_where_the_code_would_be() {
    let (server, id) = server();
    let response = server.get(&authorize(&id, PAGE, &[("scope", "unknown.scope")]));
    assert_eq!(header(&response, "location"), "");
    let page = text(&response);
    assert_eq!(response.status(), 400);
    assert!(
        page.contains("invalid_scope") && !page.contains("<a "),
        "{page}"
    );
}

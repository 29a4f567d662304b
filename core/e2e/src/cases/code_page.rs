//! A client whose user copies the code from a page.

use serde_json::json;
use url::Url;

use crate::{
    Program,
    browser::{Browser, Landed},
    client::{CHALLENGE, Client, VERIFIER, post_form},
};

/// A16: the program is on a machine without a browser; its user approves elsewhere, and brings the code.
pub fn copied_code_signs_a_program_in(program: &Program) {
    let server = program.with(&["--code-page", "on"]).start();
    let page = format!("{}/authorize/code", server.url());
    let metadata = json!({"client_name": "Headless", "redirect_uris": [page],
        "token_endpoint_auth_method": "none"});
    let headers = [("Content-Type", "application/json")];
    let registered = server.request("POST", "/register", &headers, &metadata.to_string());
    assert_eq!(registered.status, 201, "{}", registered.body);
    let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
    let parameters = [
        ("response_type", "code"),
        ("client_id", &client_id),
        ("redirect_uri", &page),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let address =
        Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap();

    let mut browser = Browser::default();
    let Landed::Page(at, consent) = browser.open(&address, &page) else {
        panic!("the user is asked first");
    };
    assert!(consent.body.contains("a code to copy"), "{}", consent.body);
    let Landed::Page(at, users) = browser.press(&at, &consent, "Approve", &page) else {
        panic!("the dev tenant asks who it is");
    };
    let Landed::Page(_, shown) = browser.press(&at, &users, "alice", &page) else {
        panic!("nothing is ever at the address itself");
    };
    let (_, rest) = shown.body.split_once("<pre class=\"copy\"><code>").unwrap();
    let (code, _) = rest.split_once("</code>").unwrap();

    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id.as_str()),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", &page),
    ];
    let tokens = post_form(&server, "/token", &fields);
    assert_eq!(
        tokens.status,
        200,
        "{} {code} {}",
        tokens.body,
        server.log()
    );
    let client = Client::of(client_id.clone(), &tokens.json());
    assert!(client.works(&server));

    let server = program.start();
    let metadata = json!({"redirect_uris": [format!("{}/authorize/code", server.url())]});
    let refused = server.request("POST", "/register", &headers, &metadata.to_string());
    assert_eq!(refused.status, 400, "{}", refused.body);
}

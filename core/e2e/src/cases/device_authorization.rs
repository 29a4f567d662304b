//! A client on a device without a browser (RFC 8628).

use serde_json::Value;
use url::Url;

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{Client, REDIRECT_URI, post_form, register},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What the device is told when it asks for its tokens.
fn poll(server: &Server, client_id: &str, device_code: &str) -> Value {
    let fields = [
        ("grant_type", GRANT),
        ("client_id", client_id),
        ("device_code", device_code),
    ];
    post_form(server, "/token", &fields).json()
}

/// Types a code.
fn enter(server: &Server, browser: &mut Browser, code: &str) -> (Url, crate::raw_http::Response) {
    let page = Url::parse(&format!("{}/device", server.url())).unwrap();
    let form = browser.request("GET", &page, &[], "");
    assert_eq!(form.status, 200, "{}", form.body);
    let origin = server.url();
    let headers = [
        ("Origin", origin.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("user_code={code}");
    let response = browser.request("POST", &page, &headers, &body);
    (page, response)
}

/// A15: the user of another browser types the code, approves and signs in; the device gets its tokens, once.
pub fn device_without_a_browser_signs_in(program: &Program) {
    let server = program.with(&["--device-authorization", "on"]).start();
    let client_id = register(&server);
    let fields = [("client_id", client_id.as_str()), ("scope", "user.read")];
    let begun = post_form(&server, "/device_authorization", &fields).json();
    let device_code = begun["device_code"].as_str().unwrap();
    let user_code = begun["user_code"].as_str().unwrap();
    assert_eq!(
        begun["verification_uri"],
        format!("{}/device", server.url())
    );
    let pending = poll(&server, &client_id, device_code);
    assert_eq!(pending["error"], "authorization_pending");

    let mut browser = Browser::default();
    let (_, wrong) = enter(&server, &mut browser, "BBBB-BBBB");
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    let (page, consent) = enter(&server, &mut browser, &user_code.to_lowercase());
    assert!(consent.body.contains("End to end"), "{}", consent.body);
    let Landed::Page(page, users) = browser.press(&page, &consent, "Approve", REDIRECT_URI) else {
        panic!("the dev tenant asks who it is");
    };
    let Landed::Page(_, done) = browser.press(&page, &users, "alice", REDIRECT_URI) else {
        panic!("the user is told how it went");
    };
    assert!(
        done.body.contains("The device is connected"),
        "{}",
        done.body
    );

    let tokens = poll(&server, &client_id, device_code);
    let client = Client::of(client_id.clone(), &tokens);
    assert!(client.works(&server), "{tokens}");
    assert_eq!(
        poll(&server, &client_id, device_code)["error"],
        "expired_token"
    );
    assert_eq!(client.refresh(&server).status, 200);
}

/// Who says no is believed, and nobody gets in where it is off.
pub fn device_is_told_that_its_user_said_no(program: &Program) {
    let server = program.with(&["--device-authorization", "on"]).start();
    let client_id = register(&server);
    let fields = [("client_id", client_id.as_str())];
    let begun = post_form(&server, "/device_authorization", &fields).json();
    let mut browser = Browser::default();
    let user_code = begun["user_code"].as_str().unwrap();
    let (page, consent) = enter(&server, &mut browser, user_code);
    let Landed::Page(_, done) = browser.press(&page, &consent, "Cancel", REDIRECT_URI) else {
        panic!("the user is told how it went");
    };
    assert!(done.body.contains("You said no"), "{}", done.body);
    let device_code = begun["device_code"].as_str().unwrap();
    assert_eq!(
        poll(&server, &client_id, device_code)["error"],
        "access_denied"
    );

    let server = program.start();
    let client_id = register(&server);
    let fields = [("client_id", client_id.as_str())];
    let refused = post_form(&server, "/device_authorization", &fields);
    assert_eq!(refused.json()["error"], "invalid_request");
}

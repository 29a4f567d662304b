//! What a user has approved, and for whom that counts.

use serde_json::json;
use url::Url;

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{self, CHALLENGE, parameter},
};

/// A client of a web site, whose approvals are remembered.
const SITE: &str = "https://client.example/callback";

/// Registers the client; where a browser begins.
fn authorize(server: &Server, changes: &[(&str, &str)]) -> Url {
    let metadata = json!({"client_name": "A web client", "redirect_uris": [SITE],
        "token_endpoint_auth_method": "none"});
    let headers = [("Content-Type", "application/json")];
    let response = server.request("POST", "/register", &headers, &metadata.to_string());
    let registered = response.json();
    let client_id = registered["client_id"].as_str().unwrap();
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", SITE),
        ("state", "the client's state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.extend_from_slice(changes);
    Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap()
}

fn page(landed: Landed) -> (Url, crate::raw_http::Response) {
    match landed {
        Landed::Page(url, response) => (url, response),
        Landed::Left(url) => panic!("the browser left for {url}"),
    }
}

/// Signs in where an approval is remembered: nobody is asked before.
fn sign_in_again(server: &Server, browser: &mut Browser, address: &Url, user: &str) -> Landed {
    let (url, users) = page(browser.open(address, SITE));
    assert!(url.as_str().starts_with(&server.tenant_url()), "{url}");
    browser.press(&url, &users, user, SITE)
}

/// A4: whoever else signs in in that browser is asked, before there is a code.
pub fn remembered_consent_is_its_users_own(program: &Program) {
    let server = program.start();
    let address = authorize(&server, &[]);
    let mut browser = Browser::default();
    let (url, consent) = page(browser.open(&address, SITE));
    let (url, users) = page(browser.press(&url, &consent, "Approve", SITE));
    let landed = browser.press(&url, &users, "alice", SITE);
    assert!(parameter(&landed, "code").is_some());

    let landed = sign_in_again(&server, &mut browser, &address, "alice");
    assert!(parameter(&landed, "code").is_some(), "she has approved");

    for (button, given) in [("Cancel", "error"), ("Approve", "code")] {
        let landed = sign_in_again(&server, &mut browser, &address, "grace");
        let (url, consent) = page(landed);
        assert!(url.as_str().starts_with(&server.url()), "{url}");
        assert!(consent.body.contains("signed in as"), "{}", consent.body);
        assert!(consent.body.contains("grace@"), "{}", consent.body);
        let landed = browser.press(&url, &consent, button, SITE);
        let Landed::Left(left) = &landed else {
            panic!("the client is answered: {landed:?}");
        };
        assert!(
            left.query().unwrap().starts_with(&format!("{given}=")),
            "{left}"
        );
        let state = parameter(&landed, "state");
        assert_eq!(state.as_deref(), Some("the client's state"));
    }
    let landed = sign_in_again(&server, &mut browser, &address, "grace");
    assert!(parameter(&landed, "code").is_some(), "now she has, too");
}

/// B6: a link with the name of this server leads nobody to a site.
pub fn error_of_an_unapproved_site_is_a_page(program: &Program) {
    let server = program.start();
    let mut browser = Browser::default();
    let silent = authorize(&server, &[("prompt", "none")]);
    let (_, response) = page(browser.open(&silent, SITE));
    assert_eq!(response.status, 400);
    assert!(response.body.contains("<a href=\"https://client.example/"));
    // A program on this computer gets its error at once.
    let client_id = client::register(&server);
    let mut local = client::authorize(&server, &client_id);
    local.query_pairs_mut().append_pair("prompt", "none");
    let landed = browser.open(&local, client::REDIRECT_URI);
    let error = parameter(&landed, "error");
    assert_eq!(error.as_deref(), Some("interaction_required"));
}

/// D14: what failed once is not asked of Entra again.
pub fn failed_callback_cannot_be_replayed(program: &Program) {
    let server = program.start();
    let client_id = client::register(&server);
    let mut browser = Browser::default();
    let address = client::authorize(&server, &client_id);
    let (url, consent) = page(browser.open(&address, client::REDIRECT_URI));
    let (url, _) = page(browser.press(&url, &consent, "Approve", client::REDIRECT_URI));
    let state = url.query_pairs().find(|(name, _)| name == "state");
    let (_, state) = state.expect("Entra is sent a state");
    let callback = format!("{}/auth/callback", server.url());
    let made_up = [("code", "made up"), ("state", state.as_ref())];
    let callback = Url::parse_with_params(&callback, made_up).unwrap();
    // The cookie goes with the first answer; whoever wants to keeps it.
    let mut copy = Browser::with_cookies_of(&browser);
    let landed = browser.open(&callback, client::REDIRECT_URI);
    assert!(parameter(&landed, "error").is_some());
    let (_, response) = page(copy.open(&callback, client::REDIRECT_URI));
    assert_eq!(response.status, 400);
    assert!(
        response.body.contains("not known here"),
        "{}",
        response.body
    );
}

//! Azure AI Foundry, and Copilot Studio where a client is typed in by hand: the address to return to is known only after
//! the client was set up, and nothing is said of scope and resource.

use url::Url;

use super::preregistered::{CALLBACK, ClientsFile, ID, SECRET};
use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{CHALLENGE, VERIFIER},
    recorded,
    session::until,
};

fn address(server: &Server, pkce: &[(&str, &str)]) -> Url {
    let parameters = [
        ("client_id", ID),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "z"),
    ];
    let parameters = parameters.iter().chain(pkce);
    Url::parse_with_params(&format!("{}/authorize", server.url()), parameters).unwrap()
}

/// The page names the address; the operator lists it while the server runs; then the client signs in, with PKCE or, where
/// its entry says so, without, and gets the scopes that there are.
pub fn foundry_shows_its_address_later_and_its_secret_in_the_body(program: &Program) {
    let file = ClientsFile::new("foundry", "");
    let server = file.start(program);
    let with_pkce = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let Landed::Page(_, page) = Browser::default().open(&address(&server, &with_pkce), CALLBACK)
    else {
        panic!("nobody is sent to an address that is not listed");
    };
    assert_eq!(page.status, 400);
    assert!(page.body.contains(CALLBACK), "{}", page.body);
    for (name, more, pkce) in [
        ("with PKCE", "", &with_pkce[..]),
        ("without PKCE", "pkce_optional = true", &[]),
    ] {
        let listed = format!("redirect_uris = [\"{CALLBACK}\"]\n{more}");
        file.write(&listed);
        let address = address(&server, pkce);
        let mut browser = Browser::default();
        until(
            "the list is read again",
            || matches!(browser.open(&address, CALLBACK), Landed::Page(_, page) if page.status == 200),
        );
        let landed = recorded::approve(&mut Browser::default(), &address, CALLBACK);
        let code = recorded::code(&server, &landed, "z");
        let mut fields = vec![
            ("client_id", ID),
            ("client_secret", SECRET),
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
        ];
        fields.extend((!pkce.is_empty()).then_some(("code_verifier", VERIFIER)));
        let response = recorded::token(&server, &[], &fields);
        assert_eq!(response.status, 200, "{name}: {}", response.body);
        let client = recorded::tokens(&server, ID, &response);
        let fields = [
            ("client_id", ID),
            ("client_secret", SECRET),
            ("grant_type", "refresh_token"),
            ("refresh_token", client.refresh_token.as_str()),
        ];
        let _ = recorded::tokens(&server, ID, &recorded::token(&server, &[], &fields));
    }
}

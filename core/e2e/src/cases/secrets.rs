//! What must never be disclosed, and to whom the data folder belongs.

use std::fs;

use crate::{
    Program,
    browser::Browser,
    client::{self, Client, redeem, register},
    unix::{FileTypeExt as _, PermissionsExt as _},
};

/// How the dev tenant's secret, access token, refresh token, code and ID token (RS256; ours are
/// HS256) begin: it mints nothing without them, which a test of the tenant holds it to.
const MARKS: [&str; 6] = [
    "dev8Q~public",
    "EwBoA8l6BAAU",
    "1.AXEA",
    "1.AWoA",
    "eyJhbGciOiJSUzI1NiIs",
    "refresh_token=",
];

/// G2, O3.
pub fn entra_secrets_are_never_disclosed(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let mut browser = Browser::default();
    let landed = client::browse(&server, &mut browser, &client_id, "alice");
    let code = client::parameter(&landed, "code").expect("there is a code");
    let tokens = redeem(&server, &client_id, &code);
    let alice = Client::of(client_id, &tokens.json());
    let details = alice.details(&server, "2025-11-25");
    let refreshed = alice.refresh(&server);
    // What the callback was sent is Entra's code: it must not come up again.
    let entra_codes: Vec<_> = browser
        .seen
        .iter()
        .filter(|response| response.header("location").contains("/auth/callback"))
        .filter_map(|response| {
            let location = url::Url::parse(response.header("location")).ok()?;
            let code = location.query_pairs().find(|(name, _)| name == "code")?;
            Some(code.1.into_owned())
        })
        .collect();
    assert_eq!(
        entra_codes.len(),
        1,
        "the dev tenant sent the browser back with a code"
    );
    let mut said = vec![
        tokens.body,
        details.to_string(),
        refreshed.body,
        server.log(),
    ];
    said.push(landed_text(&landed));
    for text in &said {
        for secret in MARKS
            .iter()
            .copied()
            .chain(entra_codes.iter().map(String::as_str))
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let log = server.log();
    for secret in [&alice.access_token, &alice.refresh_token, &code] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    assert!(
        log.contains("signed in"),
        "what an operator needs is logged: {log}"
    );
}

fn landed_text(landed: &client::Landed) -> String {
    match landed {
        client::Landed::Left(url) => url.to_string(),
        client::Landed::Page(url, response) => format!("{url} {}", response.body),
    }
}

/// G3.
pub fn data_folder_is_private_and_holds_no_plaintext(program: &Program) {
    let mut server = program.start();
    let client = client::sign_in(&server, "alice");
    server.kill();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // The development tenant's sessions have a folder of their own.
    let folder = server.folder().join("dev-tenant");
    assert_eq!(mode(server.folder()), 0o700);
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        // The socket of the operator's commands holds nothing.
        if fs::metadata(&path).unwrap().file_type().is_socket() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in [
            client.access_token.as_str(),
            &client.refresh_token,
            "alice",
            "user.read",
        ] {
            assert!(!text.contains(secret), "{secret} in {}", path.display());
        }
    }
}

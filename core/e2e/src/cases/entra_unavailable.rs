//! Entra refuses the application itself, is throttled, broken, or signs with keys that nobody has seen.

use entra_mcp_dev_tenant::{CLIENT_ID, TENANT_ID};
use serde_json::json;

use super::entra_tokens::{OPEN, control, initialize, of_user};
use crate::{
    Program, Server,
    browser::Browser,
    client::{Landed, browse, parameter, register, sign_in},
    session::{Session, text, until},
};

fn try_to_sign_in(server: &Server, client_id: &str) -> Landed {
    browse(server, &mut Browser::default(), client_id, "alice")
}

/// How often a path of the tenant was asked for.
fn asked(server: &Server, path: &str) -> usize {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    asked.matches(&format!("{path}\"")).count()
}

const TOKEN: &str = "/oauth2/v2.0/token";
const KEYS: &str = "/discovery/v2.0/keys";

/// The number in words and what to do are in the log; the client learns that the server has an error.
pub fn secret_that_is_wrong_expired_or_missing_is_told_to_the_operator(program: &Program) {
    let other = program.start();
    let secret = entra_mcp_dev_tenant::CLIENT_SECRET;
    control(
        &other,
        &json!({"action": "secret_expired", "is_expired": true}),
    );
    for (secret, number) in [("not~the.secret", "7000215"), (secret, "7000222")] {
        let server = program.start_in_tenant_of(&other, &[("AZURE_CLIENT_SECRET", secret)]);
        let landed = try_to_sign_in(&server, &register(&server));
        assert_eq!(parameter(&landed, "error").as_deref(), Some("server_error"));
        let description = parameter(&landed, "error_description").unwrap_or_default();
        assert!(!description.contains(secret), "{description}");
        until("the log says what to do", || {
            let log = server.log();
            log.contains("entra.misconfigured") && log.contains(number)
        });
        assert!(!server.log().contains(secret));
    }
    // A server without any does not send such a request; who does is told so.
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let path = format!("/{TENANT_ID}{TOKEN}");
    let refused = other.ask_tenant("POST", &path, &headers, &form);
    assert_eq!(refused.status, 401, "{}", refused.body);
    assert_eq!(refused.json()["error_codes"], json!([7_000_218]));
}

/// D14: a code is redeemed once, and nothing is sent before the time that Entra names.
pub fn entra_that_is_throttled_or_broken_is_waited_for(program: &Program) {
    let server = program.start();
    // Entra's tokens are renewed with every call.
    control(&server, &json!({"action": "expires_in", "seconds": 60}));
    let alice = Session::of(&server, "alice");
    let call = || alice.call("getUserDetails", &json!({}));
    assert_eq!(call()["isError"], false);
    let client_id = register(&server);
    // A page of a gateway in place of an answer: it ends nothing, and is asked for once.
    let page = json!({"action": "token_error", "code": 90_033, "status": 503, "is_html": true});
    for _ in 0..2 {
        control(&server, &page);
    }
    let before = asked(&server, TOKEN);
    is_told_to_come_later(&server, &client_id);
    let failed = call();
    assert!(text(&failed).contains("cannot be reached"), "{failed}");
    assert_eq!(asked(&server, TOKEN) - before, 2);
    assert_eq!(call()["isError"], false, "{}", server.log());
    // One second for the tokens of a user.
    let mut busy = json!({"action": "token_error", "code": 90_055, "status": 429});
    busy["retry_after"] = json!(1);
    control(&server, &busy);
    let before = asked(&server, TOKEN);
    let failed = call();
    assert!(text(&failed).contains("in 1 seconds"), "{failed}");
    until("the second is over", || call()["isError"] == false);
    assert_eq!(asked(&server, TOKEN) - before, 2, "none in between");
    // A minute for codes, of whomever they are.
    busy["retry_after"] = json!(60);
    control(&server, &busy);
    let before = asked(&server, TOKEN);
    for _ in 0..2 {
        is_told_to_come_later(&server, &client_id);
    }
    assert_eq!(asked(&server, TOKEN) - before, 1, "and none for the second");
}

fn is_told_to_come_later(server: &Server, client_id: &str) {
    let error = parameter(&try_to_sign_in(server, client_id), "error");
    assert_eq!(error.as_deref(), Some("temporarily_unavailable"));
}

/// D9: keys are fetched once for a key id that nobody knows, and not again within five minutes.
pub fn keys_are_fetched_once_for_a_key_that_is_unknown(program: &Program) {
    let server = program.start_with(&OPEN);
    assert_eq!(initialize(&server, &of_user(&server, "alice")).status, 200);
    let before = asked(&server, KEYS);
    let rotate = json!({"action": "rotate_keys", "is_emergency": true});
    control(&server, &rotate);
    let rotated = of_user(&server, "alice");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(initialize(&server, &rotated).status, 200));
        }
    });
    assert!(sign_in(&server, "alice").works(&server));
    assert_eq!(asked(&server, KEYS) - before, 1);
    control(&server, &rotate);
    let again = of_user(&server, "alice");
    for _ in 0..3 {
        assert_eq!(initialize(&server, &again).status, 401);
    }
    assert_eq!(asked(&server, KEYS) - before, 1, "not so soon");
    assert_eq!(initialize(&server, &rotated).status, 200);
}

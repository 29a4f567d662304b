//! Who may sign in.

use serde_json::{Value, json};

use super::entra_tokens;
use crate::{
    Program, Server,
    browser::Browser,
    client::{self, Landed},
    session::{Session, until},
};

/// Bob's group, in the dev tenant.
const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

/// Tells the dev tenant what to do.
fn control(server: &Server, what: &Value) {
    let headers = [("Content-Type", "application/json")];
    let response = server.ask_tenant("POST", "/control", &headers, &what.to_string());
    assert_eq!(response.status, 200, "{}", response.body);
}

/// The page for somebody who may not sign in.
fn refusal(server: &Server, user: &str) -> String {
    let client_id = client::register(server);
    let landed = client::browse(server, &mut Browser::default(), &client_id, user);
    let Landed::Page(_, page) = landed else {
        panic!("{user} is told: {landed:?}");
    };
    assert_eq!(page.status, 403, "{}", page.body);
    page.body
}

/// D20: and the page says whom to ask.
pub fn user_who_may_not_sign_in_is_told_whom_to_ask(program: &Program) {
    for (flag, value, in_it, not_in_it) in [
        ("--allow-group", GROUP, "bob", "alice"),
        ("--allow-role", "Reports.Read", "alice", "bob"),
        ("--allow-user", "bob@contoso.example", "bob", "alice"),
        ("--allow-domain", "contoso.example", "bob", "peggy"),
    ] {
        let server = program.start_with(&[flag, value, "--contact", "it@contoso.com"]);
        assert!(client::sign_in(&server, in_it).works(&server), "{flag}");
        let page = refusal(&server, not_in_it);
        assert!(page.contains("You may not sign in here"), "{page}");
        assert!(page.contains("Ask it@contoso.com"), "{page}");
        until("the log says it", || {
            server.log().contains("sign_in.user_not_allowed")
        });
    }
}

/// D21: Graph is asked, and never the address in the token.
pub fn user_in_more_groups_than_a_token_names_signs_in(program: &Program) {
    let server = program.start_with(&["--allow-group", GROUP]);
    assert!(client::sign_in(&server, "heidi").works(&server));
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    assert!(asked.contains("/v1.0/me/getMemberObjects"), "{asked}");
    assert!(!asked.contains("/users/"), "{asked}");
    // Whoever could be in it is not let in while nobody knows.
    control(&server, &json!({"action": "graph_error", "status": 503}));
    let client_id = client::register(&server);
    let landed = client::browse(&server, &mut Browser::default(), &client_id, "heidi");
    let error = client::parameter(&landed, "error");
    assert_eq!(error.as_deref(), Some("temporarily_unavailable"));
    control(
        &server,
        &json!({"action": "groups", "username": "heidi", "groups": many()}),
    );
    refusal(&server, "heidi");
}

/// D21: Graph is asked on behalf of the caller, once for each token, and never the address in it.
pub fn groups_that_an_access_token_leaves_out_are_asked_of_graph(program: &Program) {
    let more = ["--allow-group", GROUP];
    let server = program.start_with(&[&entra_tokens::OPEN[..], &more].concat());
    let begin = |token: &str| entra_tokens::initialize(&server, token).status;
    let requests = || server.ask_tenant("GET", "/control/requests", &[], "").body;
    assert_eq!(begin(&entra_tokens::of_user(&server, "bob")), 200);
    assert_eq!(begin(&entra_tokens::of_user(&server, "alice")), 403);
    assert!(
        !requests().contains("getMemberObjects"),
        "the tokens name them"
    );
    let heidi = entra_tokens::of_user(&server, "heidi");
    // Whoever could be in the group is not let in while nobody knows.
    control(&server, &json!({"action": "graph_error", "status": 503}));
    assert_eq!(begin(&heidi), 503);
    until("the log says it", || {
        server.log().contains("graph.groups_unknown")
    });
    assert_eq!([begin(&heidi), begin(&heidi)], [200; 2]);
    let asked = requests();
    let paths = asked.matches("/v1.0/me/getMemberObjects").count();
    assert_eq!(
        (paths, entra_tokens::on_behalf_of(&server)),
        (2, 1),
        "{asked}"
    );
    assert!(!asked.contains("/users/"), "{asked}");
    control(
        &server,
        &json!({"action": "groups", "username": "heidi", "groups": many()}),
    );
    let token = entra_tokens::of_user(&server, "heidi");
    assert_eq!(begin(&token), 403);
}

/// More groups than a token names, and Bob's is not among them.
fn many() -> Vec<String> {
    let id = |number| format!("6409d000-0000-4000-8000-{number:012x}");
    (0..201).map(id).collect()
}

/// D20: with the next renewal, although the session goes on for weeks.
pub fn user_who_lost_the_group_is_out(program: &Program) {
    let server = program.start_with(&["--allow-group", GROUP]);
    // Entra's tokens are renewed with every call.
    control(&server, &json!({"action": "expires_in", "seconds": 60}));
    let session = Session::of(&server, "bob");
    assert_eq!(session.call("getUserDetails", &json!({}))["isError"], false);
    control(
        &server,
        &json!({"action": "groups", "username": "bob", "groups": []}),
    );
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "getUserDetails", "arguments": {}}});
    assert_eq!(session.post(&call).status, 401);
    assert_eq!(session.client.refresh(&server).status, 400);
    until("the log says it", || {
        server.log().contains("session.user_not_allowed")
    });
    refusal(&server, "bob");
}

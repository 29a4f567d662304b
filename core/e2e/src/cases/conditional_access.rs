//! Conditional Access: users of whom Entra or Graph wants more, and sessions that it ends.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{REDIRECT_URI, authorize, parameter, register},
    raw_http::Response,
    session::{Session, text, until},
};

/// Tells the dev tenant what to do.
fn control(server: &Server, what: &Value) {
    let headers = [("Content-Type", "application/json")];
    let response = server.ask_tenant("POST", "/control", &headers, &what.to_string());
    assert_eq!(response.status, 200, "{}", response.body);
}

fn page(landed: Landed) -> (Url, Response) {
    match landed {
        Landed::Page(url, response) => (url, response),
        Landed::Left(url) => panic!("the browser left for {url}"),
    }
}

/// The link that a call is answered with.
fn link(server: &Server, session: &Session<'_>) -> Url {
    link_of(server, &session.call("getUserDetails", &json!({})))
}

/// The link in the result of a call.
fn link_of(server: &Server, result: &Value) -> Url {
    assert_eq!(result["isError"], true, "{result}");
    let link = text(result).rsplit(' ').next().unwrap();
    assert!(link.starts_with(&format!("{}/step-up?", server.url())));
    Url::parse(link).unwrap()
}

/// Opens a link and signs in; the page that this ends at.
pub(super) fn satisfy(server: &Server, link: &Url, user: &str) -> Response {
    let mut browser = Browser::default();
    let (url, asked) = page(browser.open(link, "never"));
    assert!(
        asked.body.contains("Confirm your sign-in"),
        "{}",
        asked.body
    );
    let (url, users) = page(browser.press(&url, &asked, "Continue", "never"));
    assert!(url.as_str().starts_with(&server.tenant_url()), "{url}");
    page(browser.press(&url, &users, user, "never")).1
}

/// D22, D23: Graph wants an authentication context; the same session token goes on.
pub fn challenge_of_graph_is_satisfied_inside_the_session(program: &Program) {
    let server = program.start();
    let session = Session::of(&server, "ivan");
    let link = link(&server, &session);
    let another = satisfy(&server, &link, "grace");
    assert_eq!(another.status, 403, "{}", another.body);
    let done = satisfy(&server, &link, "ivan");
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.body.contains("Your sign-in is confirmed"));
    let result = session.call("getUserDetails", &json!({}));
    assert_eq!(result["isError"], false, "{result}");
    assert!(text(&result).contains("Ivan Ivanov"));
    until("the log says it", || {
        let log = server.log();
        log.contains("claims.required") && log.contains("claims.satisfied")
    });
    assert!(!server.log().contains("acrs"), "{}", server.log());
    assert_eq!(session.client.refresh(&server).status, 200);
}

/// D22, D23: a tool wants an authentication context, which is nobody's until they satisfy it; the same session token goes on.
pub fn authentication_context_of_a_tool_is_satisfied_inside_the_session(program: &Program) {
    let server = program.example("guarded").start();
    let session = Session::of(&server, "alice");
    let approve = || session.call("approvePayment", &json!({}));
    let link = link_of(&server, &approve());
    let others = Session::of(&server, "bob");
    assert_eq!(satisfy(&server, &link, "bob").status, 403);
    link_of(&server, &approve());
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    let done = satisfy(&server, &link, "alice");
    assert_eq!(done.status, 200, "{}", done.body);
    let asked_now = server.ask_tenant("GET", "/control/requests", &[], "").body;
    let contexts = |asked: &str| asked.matches("acrs").count();
    assert!(contexts(&asked_now) > contexts(&asked), "{asked_now}");
    let result = approve();
    assert_eq!(result["isError"], false, "{result}");
    assert_eq!(text(&result), "The payment is approved.");
    assert_eq!(approve()["isError"], false, "for a while");
    link_of(&server, &others.call("approvePayment", &json!({})));
    // Nor does a refresh lose it.
    assert_eq!(session.client.refresh(&server).status, 200);
    assert!(!server.log().contains("acrs"), "{}", server.log());
}

/// D22: Entra wants a second factor before there are new tokens.
pub fn second_factor_at_a_renewal_is_satisfied_inside_the_session(program: &Program) {
    let server = program.start();
    // Entra's tokens are renewed with every call.
    control(&server, &json!({"action": "expires_in", "seconds": 60}));
    let session = Session::of(&server, "frank");
    let link = link(&server, &session);
    let done = satisfy(&server, &link, "frank");
    assert_eq!(done.status, 200, "{}", done.body);
    let result = session.call("getUserDetails", &json!({}));
    assert_eq!(result["isError"], false, "{result}");
}

/// D11, D22: one refresh, one repetition, and then the user.
pub fn graph_that_wants_claims_again_and_again_is_no_loop(program: &Program) {
    let server = program.start();
    let session = Session::of(&server, "alice");
    let claims = json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}});
    let fault =
        json!({"action": "graph_error", "status": 401, "claims": claims.to_string(), "times": 9});
    control(&server, &fault);
    let before = requests(&server);
    link(&server, &session);
    let after = requests(&server);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 2));
}

/// D3, D22: what Entra is asked to want of a user is no client's to say.
pub fn claims_of_a_client_do_not_reach_entra(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let mut address = authorize(&server, &client_id);
    address
        .query_pairs_mut()
        .append_pair(
            "claims",
            r#"{"access_token":{"acrs":{"essential":true,"value":"c99"}}}"#,
        )
        .append_pair("acr_values", "c99")
        .append_pair("domain_hint", "evil.example");
    let mut browser = Browser::default();
    let (url, consent) = page(browser.open(&address, REDIRECT_URI));
    let (url, users) = page(browser.press(&url, &consent, "Approve", REDIRECT_URI));
    let landed = browser.press(&url, &users, "alice", REDIRECT_URI);
    assert!(parameter(&landed, "code").is_some(), "{landed:?}");
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    for injected in ["c99", "acr_values", "domain_hint"] {
        assert!(!asked.contains(injected), "{injected}: {asked}");
    }
    assert!(asked.contains("xms_cc"), "{asked}");
}

/// D22: as the documentation has a challenge, and as it was seen elsewhere: one refresh with its claims, and the call goes on.
pub fn claims_challenge_is_understood_however_it_is_written(program: &Program) {
    let server = program.start();
    let session = Session::of(&server, "alice");
    let claims = json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}});
    for header in [
        "documented",
        "base64url",
        "first",
        "second",
        "invalid_token",
        "plain",
    ] {
        let fault = json!({"action": "graph_error", "status": 401, "claims": claims.to_string(),
            "header": header});
        control(&server, &fault);
        let before = asked_for_claims(&server);
        let result = session.call("getUserDetails", &json!({}));
        assert_eq!(result["isError"], false, "{header}: {result}");
        assert_eq!(asked_for_claims(&server) - before, 1, "{header}");
    }
}

/// How often these claims were asked for at the token endpoint.
fn asked_for_claims(server: &Server) -> usize {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    asked.matches("1604106651").count()
}

/// How often the token endpoint and Graph were asked.
fn requests(server: &Server) -> (usize, usize) {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    let count = |path: &str| asked.matches(path).count();
    (count("/oauth2/v2.0/token\""), count("\"/v1.0/me"))
}

/// D10: continuous access evaluation reaches a session at its next call, and nothing is left of it.
pub fn user_who_is_disabled_or_revoked_is_out_at_the_next_call(program: &Program) {
    let server = program.start();
    for (user, action) in [("alice", "revoke"), ("bob", "disable")] {
        let session = Session::of(&server, user);
        assert_eq!(session.call("getUserDetails", &json!({}))["isError"], false);
        control(&server, &json!({"action": action, "username": user}));
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "getUserDetails", "arguments": {}}});
        assert_eq!(session.post(&call).status, 401, "{action}");
        assert_eq!(session.client.refresh(&server).status, 400, "{action}");
    }
}

/// D10, D11: a sign-in that is older than a policy allows, and a new token that Graph refuses and wants nothing of.
pub fn session_ends_where_no_step_up_would_help(program: &Program) {
    let server = program.start();
    // Entra's tokens are renewed with every call.
    control(&server, &json!({"action": "expires_in", "seconds": 60}));
    for fault in [
        json!({"action": "token_error", "code": 70_043}),
        json!({"action": "graph_error", "status": 401, "times": 2}),
    ] {
        let session = Session::of(&server, "grace");
        assert_eq!(session.call("getUserDetails", &json!({}))["isError"], false);
        control(&server, &fault);
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "getUserDetails", "arguments": {}}});
        let refused = session.post(&call);
        assert_eq!(refused.status, 401, "{fault}: {}", refused.body);
        let before = requests(&server);
        assert_eq!(session.client.refresh(&server).status, 400, "{fault}");
        assert_eq!(session.post(&call).status, 401, "{fault}");
        assert_eq!(requests(&server), before, "nobody is asked for it again");
    }
}

/// D17, D22: an application that takes claims challenges gets those of an on-behalf-of refusal, and comes back.
pub fn caller_satisfies_the_claims_of_a_refusal_on_its_behalf(program: &Program) {
    let server = program.start_with(&super::entra_tokens::OPEN);
    let cp1 = json!({"values": ["cp1"]});
    let claims = json!({"access_token": {"xms_cc": cp1}});
    let token = super::entra_tokens::of_user_with(&server, "frank", &claims);
    let refused = super::entra_tokens::details(&server, &token);
    assert_eq!(refused.status, 401, "{}", refused.body);
    let challenge = refused.header("www-authenticate");
    let (_, claims) = challenge.split_once(", claims=\"").unwrap();
    let claims = STANDARD.decode(claims.split('"').next().unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["access_token"]["xms_cc"] = cp1;
    let token = super::entra_tokens::of_user_with(&server, "frank", &claims);
    let answer = super::entra_tokens::details(&server, &token);
    assert!(answer.body.contains("Frank Ferrari"), "{}", answer.body);
}

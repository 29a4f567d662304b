//! Users who are in more groups than an ID token names.

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{AtEntra, error_of, header};
use crate::{
    ask::FetchFault, config::AllowedBy, log_event::LogEventId, testing, throttle::Throttled,
    time::Instant,
};

const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";
const OTHER: &str = "64090000-6c1d-4f38-9b52-1e8d7a3f4d02";

/// Alice is at Entra, and only members of the group may sign in, and who has the role.
fn at_entra() -> AtEntra {
    let mut alice = AtEntra::new();
    let allowed = &mut alice.world.server.server.config.allowed_users;
    assert!(allowed.add(AllowedBy::Group, GROUP) && allowed.add(AllowedBy::Role, "Mcp.User"));
    alice
}

/// She comes back with an ID token that names an address instead of her groups.
fn finish(alice: &mut AtEntra, roles: &[&str]) -> Response<Bytes> {
    let endpoint = "https://evil.example/users/alice/getMemberObjects";
    let tokens = alice.tokens(json!({
        "roles": roles,
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": endpoint}},
    }));
    alice.finish(&tokens)
}

fn groups(ids: &[&str]) -> Value {
    json!({"@odata.context": "opaque", "value": ids})
}

fn is_let_in(response: &Response<Bytes>) -> bool {
    response.status() == 303 && header(response, "location").contains("?code=")
}

// D21: Graph is asked, once, by the user's own token; the address of the token is not.
#[test]
fn groups_that_no_token_names_are_asked_of_graph() {
    let mut alice = at_entra();
    alice
        .world
        .graph_responds(200, &groups(&[OTHER, &GROUP.to_uppercase()]));
    assert!(is_let_in(&finish(&mut alice, &[])));
    let [asked] = alice.world.asked.as_slice() else {
        panic!("it is asked once");
    };
    assert_eq!(asked.method(), "POST");
    assert_eq!(
        asked.uri(),
        "https://graph.example/v1.0/me/getMemberObjects"
    );
    assert_eq!(
        asked.headers()["authorization"],
        "Bearer entra access token of alice"
    );
    assert_eq!(asked.body(), &r#"{"securityEnabledOnly":true}"#);

    let mut alice = at_entra();
    alice.world.graph_responds(200, &groups(&[OTHER]));
    assert_eq!(finish(&mut alice, &[]).status(), 403);
    assert!(!alice.has_session());
}

// D21: whoever may sign in by another list needs no group.
#[test]
fn user_whose_groups_nobody_knows_is_in_none() {
    for (status, body) in [
        (
            400,
            json!({"error": {"code": "Directory_ResultSizeLimitExceeded"}}),
        ),
        (403, json!({})),
        (503, json!({})),
        (200, json!({"value": [1]})),
        (200, json!([])),
    ] {
        let mut alice = at_entra();
        alice.world.graph_responds(status, &body);
        let response = finish(&mut alice, &[]);
        assert_eq!(error_of(&response), "temporarily_unavailable", "{body}");
        assert!(!alice.has_session());
        let is_said =
            |line: &crate::log_event::LogEvent| line.id() == LogEventId::GraphGroupsUnknown;
        assert!(alice.world.logged.iter().any(is_said));

        let mut alice = at_entra();
        alice.world.graph_responds(status, &body);
        assert!(is_let_in(&finish(&mut alice, &["Mcp.User"])));
    }
    let mut alice = at_entra();
    alice.world.graph.push_back(Err(FetchFault::Unreachable));
    assert_eq!(
        error_of(&finish(&mut alice, &[])),
        "temporarily_unavailable"
    );
}

// D14, D21
#[test]
fn throttled_graph_is_not_asked_for_groups() {
    let mut alice = at_entra();
    let user = format!(
        "{}/{}",
        crate::entra::testing::TENANT,
        crate::entra::testing::ALICE
    );
    let throttle = &mut alice.world.server.known.throttle;
    throttle.insert(Throttled::Graph(user), Instant(u64::MAX), Instant(0));
    assert_eq!(
        error_of(&finish(&mut alice, &[])),
        "temporarily_unavailable"
    );
    assert!(alice.world.asked.is_empty());
}

#[test]
fn groups_are_not_asked_for_where_none_is_named() {
    let mut alice = AtEntra::new();
    assert!(is_let_in(&finish(&mut alice, &[])));
    assert!(alice.world.asked.is_empty());
    let mut alice = at_entra();
    let tokens = alice.tokens(json!({"groups": [GROUP]}));
    let response = alice.finish(&tokens);
    assert!(is_let_in(&response), "{}", testing::text(&response));
    assert!(alice.world.asked.is_empty(), "the token names them");
}

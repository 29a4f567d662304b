//! Who may sign in is asked again with every renewal (threat D20).

use super::*;
use crate::config::AllowedBy;

const ROLE: &str = "Mcp.User";

/// Alice has a session, and only who has the role may sign in.
fn limited() -> World {
    let mut world = with_token_for(Duration::ZERO);
    let allowed = &mut world.server.server.config.allowed_users;
    assert!(allowed.add(AllowedBy::Role, ROLE));
    world
}

// D20
#[test]
fn user_who_is_still_named_goes_on_after_a_renewal() {
    let mut world = limited();
    let tokens = tokens_with(&world, &json!({"roles": [ROLE]}));
    world.entra_responds(200, &tokens);
    assert_eq!(token_shown(&mut world), "new");
    assert!(is_alive(&world));
}

// D20
#[test]
fn user_who_is_named_no_more_loses_the_session_with_the_next_renewal() {
    let mut world = limited();
    let stream = world.request("alice", "GET", "/sse", &[], "");
    let stream = world.begin(stream);
    let tokens = tokens_with(&world, &json!({"roles": ["Other"]}));
    world.entra_responds(200, &tokens);
    assert_eq!(call(&mut world).status(), 401);
    assert!(!is_alive(&world) && world.is_over(stream));
    assert!(world.asked.is_empty(), "Graph is not asked for them");
    let logged = format!("{:?}", world.logged);
    assert!(logged.contains("session.user_not_allowed"), "{logged}");
}

// D20: nobody knows what they are now.
#[test]
fn renewal_without_an_id_token_gives_nothing_where_who_may_sign_in_is_limited() {
    let mut world = limited();
    world.entra_responds(200, &json!({"access_token": "new", "expires_in": 3599}));
    let response = call(&mut world);
    assert_eq!(body(&response)["result"]["isError"], true);
    assert!(world.asked.is_empty() && is_alive(&world));
    let logged = format!("{:?}", world.logged);
    assert!(logged.contains("session.user_not_named"), "{logged}");
}

const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";

/// Alice has a session, and only members of the group may sign in. She is in so many that tokens name none.
fn limited_to_group() -> World {
    let mut world = with_token_for(Duration::ZERO);
    let allowed = &mut world.server.server.config.allowed_users;
    assert!(allowed.add(AllowedBy::Group, GROUP));
    let tokens = tokens_with(&world, &json!({"_claim_names": {"groups": "src1"}}));
    world.entra_responds(200, &tokens);
    world
}

// D21: by the token that is new.
#[test]
fn groups_that_no_token_names_are_asked_of_graph_with_every_renewal() {
    let mut world = limited_to_group();
    world.graph_responds(200, &json!({"value": [GROUP]}));
    assert_eq!(token_shown(&mut world), "new");
    assert!(
        world.asked[0]
            .uri()
            .path()
            .ends_with("/me/getMemberObjects")
    );
    assert_eq!(world.asked[0].headers()["authorization"], "Bearer new");
    let profile = world.session("alice").user.profile.clone();
    assert!(profile.groups.iter().eq([GROUP]));

    let mut world = limited_to_group();
    world.graph_responds(200, &json!({"value": []}));
    assert_eq!(call(&mut world).status(), 401, "she has left the group");
    assert!(!is_alive(&world));
}

// D21: nothing is given and nothing ended.
#[test]
fn renewal_waits_where_nobody_knows_the_groups() {
    let mut world = limited_to_group();
    world.graph_responds(503, &json!({}));
    let response = call(&mut world);
    assert_eq!(body(&response)["result"]["isError"], true);
    assert!(is_alive(&world) && world.asked.len() == 1);
}

//! Callers who are in more groups than an access token names.

use serde_json::{Value, json};

use super::{
    BOB, OTHER_APP, accepted,
    on_behalf_of::{CLAIMS, redeemed},
    reasons,
};
use crate::{
    ask::FetchFault,
    catalog::{Call, Catalog, Handler, Step, Tool},
    config::AllowedBy,
    limits,
    log_event::{Field, LogEventId},
    mcp::testing::{World, initialize, profile, rpc},
    testing::{header, json as body, text},
};

const GROUP: &str = "5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01";
const OTHER: &str = "64090000-6c1d-4f38-9b52-1e8d7a3f4d02";

/// Only members of the group may sign in, and who has the role.
fn world() -> World {
    let mut world = World::taking_entra_tokens(|_| {});
    let allowed = &mut world.server.server.config.allowed_users;
    assert!(allowed.add(AllowedBy::Group, GROUP) && allowed.add(AllowedBy::Role, "Mcp.User"));
    world
}

/// A token that names an address instead of the groups, and says this besides.
fn token(world: &World, changes: &Value) -> String {
    let endpoint = "https://evil.example/users/alice/getMemberObjects";
    let mut claims = json!({
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": endpoint}},
    });
    let changes = changes.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(changes);
    world.access_token(&claims)
}

fn groups(ids: &[&str]) -> Value {
    json!({"@odata.context": "opaque", "value": ids})
}

fn status(world: &mut World, token: &str) -> u16 {
    let response = world.post_with(token, &[], initialize("2025-11-25"));
    response.status().as_u16()
}

/// Why nobody knew the groups, as the log says.
fn unknown(world: &World) -> Vec<String> {
    let lines = world.logged.iter();
    let lines = lines.filter(|line| line.id() == LogEventId::GraphGroupsUnknown);
    lines
        .map(|line| line.field(Field::Reason).unwrap().to_owned())
        .collect()
}

// D21: Graph is asked, on behalf of the caller, once for each assertion; the address of the token is not.
#[test]
fn groups_that_an_access_token_leaves_out_are_asked_of_graph_on_behalf_of_the_caller() {
    for left_out in [json!({}), json!({"_claim_names": null, "hasgroups": true})] {
        let mut world = world();
        let alice = token(&world, &left_out);
        world.graph_responds(200, &groups(&[OTHER, &GROUP.to_uppercase()]));
        let session = world.initialize_by(&alice);
        assert_eq!(redeemed(&world, "assertion"), [alice.as_str()]);
        assert_eq!(redeemed(&world, "requested_token_use"), ["on_behalf_of"]);
        let [asked] = world.asked.as_slice() else {
            panic!("it is asked once");
        };
        let expected = "https://graph.example/v1.0/me/getMemberObjects";
        assert_eq!(
            (asked.method().as_str(), asked.uri().to_string().as_str()),
            ("POST", expected)
        );
        let bearer = asked.headers()["authorization"].to_str().unwrap();
        assert!(bearer.starts_with("Bearer renewed "), "{bearer}");
        // The token that was got serves tools, and the groups serve the requests after it.
        world.graph_responds(200, &profile("alice"));
        assert_eq!(world.details(&alice, &session).status(), 200);
        assert_eq!(
            (world.redeemed.len(), world.asked.len(), accepted(&world)),
            (1, 2, 1)
        );
    }
}

// D21, D17: what Graph said of one user says nothing of another, nor of another token of the same user.
#[test]
fn groups_of_one_assertion_are_not_those_of_another() {
    let mut world = world();
    let alice = token(&world, &json!({}));
    world.graph_responds(200, &groups(&[GROUP]));
    assert_eq!(status(&mut world, &alice), 200);
    for changes in [
        json!({"oid": BOB}),
        json!({"azp": OTHER_APP}),
        json!({"uti": "another"}),
    ] {
        let other = token(&world, &changes);
        world.graph_responds(200, &groups(&[OTHER]));
        assert_eq!(status(&mut world, &other), 403, "{changes}");
        assert!(
            reasons(&world)
                .last()
                .unwrap()
                .starts_with("who may sign in is limited")
        );
    }
    assert_eq!(status(&mut world, &alice), 200);
    assert_eq!((world.redeemed.len(), world.asked.len()), (4, 4));
}

// D21: whoever loses the group is out when the token is looked at again.
#[test]
fn groups_of_a_caller_are_asked_for_again_after_some_minutes() {
    let mut world = world();
    let alice = token(&world, &json!({}));
    world.graph_responds(200, &groups(&[GROUP]));
    assert_eq!(status(&mut world, &alice), 200);
    world.pass(limits::ENTRA_TOKEN_KNOWN);
    world.graph_responds(200, &groups(&[]));
    assert_eq!(status(&mut world, &alice), 403);
    assert_eq!(world.asked.len(), 2);
}

// D21: fail closed.
#[test]
fn caller_whose_groups_graph_does_not_say_is_in_none() {
    let answers = [
        (
            400,
            json!({"error": {"code": "Directory_ResultSizeLimitExceeded"}}),
        ),
        (401, json!({})),
        (403, json!({})),
        (503, json!({})),
        (200, json!({"value": [1]})),
        (200, json!([])),
    ];
    for (answer, body) in answers {
        let mut world = world();
        let alice = token(&world, &json!({}));
        world.graph_responds(answer, &body);
        assert_eq!(status(&mut world, &alice), 503, "{body}");
        assert_eq!(unknown(&world).len(), 1);
        let by_role = token(&world, &json!({"roles": ["Mcp.User"]}));
        world.graph_responds(answer, &body);
        assert_eq!(status(&mut world, &by_role), 200, "{body}");
        // It is not remembered: she is in as soon as Graph says so.
        world.graph_responds(200, &groups(&[GROUP]));
        assert_eq!(status(&mut world, &alice), 200);
    }
    let mut world = world();
    let alice = token(&world, &json!({}));
    world.graph.push_back(Err(FetchFault::Unreachable));
    assert_eq!(status(&mut world, &alice), 503);
}

/// What becomes of a caller for whom Entra gives no token, and what the challenge is.
fn refused(changes: &Value, error: &Value) -> (u16, String, World) {
    let mut world = world();
    let alice = token(&world, changes);
    world.entra_responds(400, error);
    let response = world.post_with(&alice, &[], initialize("2025-11-25"));
    assert_eq!(
        unknown(&world),
        ["Entra ID gives no token for Graph on behalf of the caller"]
    );
    assert!(world.asked.is_empty());
    let challenge = header(&response, "www-authenticate").to_owned();
    (response.status().as_u16(), challenge, world)
}

// D21, D17: fail closed, with what the caller can do about it.
#[test]
fn caller_on_whose_behalf_entra_gives_no_token_is_in_no_group() {
    let consent = json!({"error": "invalid_grant", "suberror": "consent_required",
        "error_codes": [65001]});
    let (status, _, world) = refused(&json!({}), &consent);
    assert_eq!(status, 403);
    assert!(reasons(&world)[0].contains("more groups than a token names"));
    let (status, ..) = refused(&json!({"roles": ["Mcp.User"]}), &consent);
    assert_eq!(status, 200);
    let outage = json!({"error": "temporarily_unavailable", "error_codes": [90033]});
    assert_eq!(refused(&json!({}), &outage).0, 503);
    let revoked = json!({"error": "invalid_grant", "error_codes": [50173]});
    let (status, challenge, world) = refused(&json!({"roles": ["Mcp.User"]}), &revoked);
    assert_eq!(status, 401);
    assert!(challenge.contains("invalid_token"), "{challenge}");
    assert!(reasons(&world)[0].starts_with("Entra ID takes it no more"));
}

// D21, D19
#[test]
fn claims_that_entra_wants_before_it_gives_the_groups_are_a_challenge() {
    let wants = json!({"error": "interaction_required", "error_codes": [50079], "claims": CLAIMS});
    let (status, challenge, _) = refused(&json!({"xms_cc": ["cp1"]}), &wants);
    assert_eq!(status, 401);
    assert!(
        challenge.contains("error=\"insufficient_claims\""),
        "{challenge}"
    );
    assert_eq!(refused(&json!({}), &wants).0, 403);
    let (status, ..) = refused(&json!({"xms_cc": ["cp1"], "roles": ["Mcp.User"]}), &wants);
    assert_eq!(status, 200);
}

// D21: nothing is asked on behalf of an application or an agent.
#[test]
fn groups_of_applications_and_agents_are_not_asked_for() {
    let mut world = world();
    let application = json!({"scp": null, "idtyp": "app", "roles": ["Tools.Execute.All"],
        "name": null, "preferred_username": null});
    for changes in [application, json!({"xms_act_fct": "11"})] {
        let caller = token(&world, &changes);
        assert_eq!(status(&mut world, &caller), 403, "{changes}");
    }
    assert!(world.redeemed.is_empty() && world.asked.is_empty());
}

#[test]
fn groups_of_a_caller_are_not_asked_for_where_none_is_named() {
    let mut world = World::taking_entra_tokens(|_| {});
    let alice = token(&world, &json!({}));
    assert_eq!(status(&mut world, &alice), 200);
    assert!(world.redeemed.is_empty() && world.asked.is_empty());
}

// D21: a user may be in thousands, of which nobody here asks for.
#[test]
fn groups_are_kept_that_are_named_here_and_no_others() {
    let mut world = world();
    let who = |call: &Call| {
        let groups: Vec<_> = call.principal.groups.iter().collect();
        Step::done(groups.join(" "))
    };
    let tool = Catalog::builder().tool(Tool::new("who", "Who"), Handler::Step(who));
    world.server.server.catalog = tool.build().unwrap();
    let alice = token(&world, &json!({}));
    world.graph_responds(200, &groups(&[OTHER, GROUP, "no id"]));
    let session = world.initialize_by(&alice);
    let named = [("mcp-session-id", session.as_str())];
    let call = json!({"name": "who", "arguments": {}});
    let told = world.post_with(&alice, &named, rpc(1, "tools/call", &call));
    assert_eq!(body(&told)["result"]["content"][0]["text"], GROUP);
}

// P1, D21: tools are for groups, too.
#[test]
fn tool_for_a_group_is_there_for_a_caller_whom_graph_says_to_be_in_it() {
    for (found, is_there) in [(&[GROUP][..], true), (&[OTHER], false)] {
        let mut world = World::taking_entra_tokens(|_| {});
        let tool = Tool::new("payroll", "Payroll").requires_group(GROUP);
        let tool = Catalog::builder().tool(tool, Handler::Step(|_| Step::done("done")));
        world.server.server.catalog = tool.build().unwrap();
        let alice = token(&world, &json!({}));
        world.graph_responds(200, &groups(found));
        let session = world.initialize_by(&alice);
        let named = [("mcp-session-id", session.as_str())];
        let listed = world.post_with(&alice, &named, rpc(1, "tools/list", &json!({})));
        assert_eq!(text(&listed).contains("payroll"), is_there);
        assert_eq!(world.asked.len(), 1);
    }
}

//! Callers with access tokens of Entra's, from the request to the answer.

mod groups;
mod on_behalf_of;

use std::time::Duration;

use serde_json::json;

use crate::{
    config::AllowedBy,
    entra::testing::{ALICE, CALLER, Signer, TENANT, access_claims},
    limits,
    log_event::{Field, LogEventId},
    mcp::testing::{World, initialize, rpc},
    testing::{header, text},
};

const BOB: &str = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const OTHER_APP: &str = "dddddddd-dddd-dddd-dddd-dddddddddddd";

fn world() -> World {
    World::taking_entra_tokens(|_| {})
}

/// What refusals were logged.
fn reasons(world: &World) -> Vec<String> {
    let lines = world.logged.iter();
    let lines = lines.filter(|line| line.id() == LogEventId::EntraTokenRefused);
    let reasons = lines.map(|line| line.field(Field::Reason).unwrap().to_owned());
    reasons.collect()
}

fn accepted(world: &World) -> usize {
    let lines = world.logged.iter();
    lines
        .filter(|line| line.id() == LogEventId::EntraTokenAccepted)
        .count()
}

// D16
#[test]
fn access_token_is_no_token_where_none_are_taken() {
    let mut world = World::new();
    let token = world.access_token(&json!({}));
    let refused = world.post_with(&token, &[], initialize("2025-11-25"));
    assert_eq!(refused.status(), 401);
    assert!(world.store.len() == 2 && reasons(&world).is_empty());
}

// D16
#[test]
fn access_token_stands_in_for_a_session_token_and_is_verified_once_in_some_minutes() {
    let mut world = world();
    let token = world.access_token(&json!({}));
    let session = world.initialize_by(&token);
    let named = [("mcp-session-id", session.as_str())];
    let listed = world.post_with(&token, &named, rpc(1, "tools/list", &json!({})));
    assert_eq!(listed.status(), 200);
    assert!(text(&listed).contains("getUserDetails"));
    assert_eq!(accepted(&world), 1);
    world.wait(limits::ENTRA_TOKEN_KNOWN.as_secs());
    assert_eq!(
        world
            .post_with(&token, &named, rpc(2, "ping", &json!({})))
            .status(),
        200
    );
    assert_eq!(accepted(&world), 2);
    let line = world
        .logged
        .iter()
        .find(|line| line.id() == LogEventId::EntraTokenAccepted);
    let line = line.unwrap().audit_line("T").unwrap();
    for part in [
        "\"principal\":\"user\"",
        &format!("\"application\":\"{CALLER}\""),
        &format!("\"object_id\":\"{ALICE}\""),
    ] {
        assert!(line.contains(part), "{line}");
    }
}

// D16: known or not, it is good for the leeway of clocks and no longer.
#[test]
fn token_that_has_ended_is_refused_though_it_was_verified_lately() {
    let mut world = world();
    let now = world.server.now.unix.0;
    let token = world.access_token(&json!({"exp": now - 200, "nbf": now - 3800}));
    let mut status = || {
        let response = world.post_with(&token, &[], initialize("2025-11-25"));
        world.pass(Duration::from_secs(150));
        response.status().as_u16()
    };
    assert_eq!([status(), status()], [200, 401]);
    assert_eq!(reasons(&world), ["it has expired"]);
}

// D16, O1, O3: the caller is told no more than that, and the log nothing of the token.
#[test]
fn bad_token_is_401_with_a_challenge_and_its_reason_is_in_the_log_alone() {
    let mut world = world();
    for (changes, reason) in [
        (json!({"aud": OTHER_APP}), "the audience is another"),
        (json!({"nonce": "n"}), "it is no access token"),
        (json!({"exp": 1_800_000_000 - 400}), "it has expired"),
    ] {
        let token = world.access_token(&changes);
        let refused = world.post_with(&token, &[], initialize("2025-11-25"));
        assert_eq!(refused.status(), 401);
        let challenge = header(&refused, "www-authenticate");
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\""),
            "{challenge}"
        );
        assert!(challenge.contains("resource_metadata="), "{challenge}");
        assert!(!text(&refused).contains(reason));
        let logged = reasons(&world);
        assert!(logged.last().unwrap().starts_with(reason), "{logged:?}");
        let lines = format!("{:?}", world.logged);
        assert!(!lines.contains(token.split('.').nth(1).unwrap()), "{lines}");
    }
    assert_eq!(world.store.len(), 2, "nothing is stored for strangers");
}

// D16: session tokens are not weakened by access tokens of Entra, and neither token passes for the other.
#[test]
fn session_tokens_go_on_beside_access_tokens() {
    let mut world = world();
    let session = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", session.as_str())];
    let token = world.token("alice");
    assert_eq!(
        world
            .post_with(&token, &named, rpc(1, "ping", &json!({})))
            .status(),
        200
    );
    let (header, rest) = token.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let forged = Signer::known().jwt(&access_claims(&world.server, &json!({})));
    let (_, signature) = forged.rsplit_once('.').unwrap();
    let entra_header = forged.split_once('.').unwrap().0;
    for mixed in [
        format!("{entra_header}.{payload}.{signature}"),
        format!("{header}.{}", forged.split_once('.').unwrap().1),
        format!("{token}.x"),
    ] {
        assert_eq!(
            world
                .post_with(&mixed, &named, rpc(1, "ping", &json!({})))
                .status(),
            401
        );
    }
}

// D16, I2: neither another user, nor another application of the same user, nor the user's own session.
#[test]
fn mcp_session_is_of_tenant_user_and_application_whatever_token_they_show() {
    let mut world = world();
    let mine = world.initialize_by(&world.access_token(&json!({})));
    let named = [("mcp-session-id", mine.as_str())];
    let ping = rpc(1, "ping", &json!({}));
    for (changes, expected) in [
        (json!({"uti": "another token"}), 200),
        (json!({"azp": OTHER_APP}), 404),
        (json!({"oid": BOB}), 404),
        (json!({"xms_act_fct": "11", "azp": OTHER_APP}), 404),
    ] {
        let token = world.access_token(&changes);
        let status = world.post_with(&token, &named, &ping).status();
        assert_eq!(status, expected, "{changes}");
    }
    assert_eq!(world.post("alice", &named, &ping).status(), 404);
    // Its end holds for every token of the same caller.
    let token = world.access_token(&json!({}));
    let delete = world.request_with(&token, ("DELETE", "/mcp"), &named, "");
    assert_eq!(world.send(delete).status(), 204);
    let another = world.access_token(&json!({"uti": "another token"}));
    assert_eq!(world.post_with(&another, &named, &ping).status(), 404);
}

// D16, D20
#[test]
fn caller_who_may_not_sign_in_is_403() {
    let mut world = world();
    let token = world.access_token(&json!({"roles": ["Reports.Read"]}));
    let status = |world: &mut World, by, named: &str| {
        let allowed = &mut world.server.server.config.allowed_users;
        *allowed = crate::config::AllowedUsers::default();
        assert!(allowed.add(by, named));
        world
            .post_with(&token, &[], initialize("2025-11-25"))
            .status()
            .as_u16()
    };
    assert_eq!(status(&mut world, AllowedBy::User, BOB), 403);
    assert_eq!(status(&mut world, AllowedBy::Role, "Other"), 403);
    assert_eq!(status(&mut world, AllowedBy::Role, "Reports.Read"), 200);
    assert_eq!(status(&mut world, AllowedBy::User, ALICE), 200);
    assert_eq!(
        status(&mut world, AllowedBy::User, BOB),
        403,
        "known or not"
    );
    assert_eq!(reasons(&world).len(), 3);
}

#[test]
fn token_without_a_scope_of_ours_is_403_with_the_scope_to_ask_for() {
    let mut world = world();
    let token = world.access_token(&json!({"scp": "other"}));
    let refused = world.post_with(&token, &[], initialize("2025-11-25"));
    assert_eq!(refused.status(), 403);
    let challenge = header(&refused, "www-authenticate");
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
}

// D9, D16
#[test]
fn new_key_is_fetched_and_unknown_ones_cause_one_fetch_in_five_minutes() {
    let mut world = world();
    let claims = access_claims(&world.server, &json!({}));
    let token = Signer::unknown().jwt(&claims);
    world.publishes(&Signer::unknown().jwks());
    assert_eq!(
        world
            .post_with(&token, &[], initialize("2025-11-25"))
            .status(),
        200
    );
    assert!(world.documents.is_empty());
    let header = json!({"alg": "RS256", "kid": "made up"});
    world.publishes(&Signer::unknown().jwks());
    for _ in 0..3 {
        let token = Signer::known().jwt_of(&header, &claims);
        assert_eq!(
            world
                .post_with(&token, &[], initialize("2025-11-25"))
                .status(),
            401
        );
    }
    assert_eq!(world.documents.len(), 2, "nothing is fetched so soon");
    assert_eq!(reasons(&world), ["the key is unknown"; 3]);
}

#[test]
fn token_is_503_while_nothing_is_known_of_entra() {
    let mut world = world();
    let token = world.access_token(&json!({}));
    world.forget_entra();
    assert_eq!(
        world
            .post_with(&token, &[], initialize("2025-11-25"))
            .status(),
        503
    );
}

// I4, D16: the tenant is a part of who it is, too.
#[test]
fn record_of_a_caller_is_named_by_tenant_user_and_application() {
    let mut world = world();
    let before = world.store.len();
    let tokens = [
        json!({}),
        json!({"uti": "x"}),
        json!({"azp": OTHER_APP}),
        json!({"oid": BOB}),
    ];
    for changes in tokens {
        let _ = world.initialize_by(&world.access_token(&changes));
    }
    assert_eq!(world.store.len() - before, 3);
    let names = format!("{:?}", world.store.keys());
    for part in [ALICE, BOB, CALLER, TENANT] {
        assert!(!names.contains(part), "{names}");
    }
}

//! Tools that want an authentication context.

use serde_json::{Value, json};

use super::{Alice, link};
use crate::{
    catalog::{Call, Catalog, Handler, Step, Tool, ToolResult},
    config::AllowedBy,
    entra::testing::ALICE,
    limits,
    log_event::LogEventId,
    mcp::testing::{World, rpc},
    session::record::Contexts,
    testing::{header, json as body, parameter, text},
    time::UnixTime,
};

fn pay(_: &Call) -> Step<ToolResult> {
    Step::Done(Ok("paid".into()))
}

fn catalog() -> Catalog {
    let tool = Tool::new("pay", "Pays.").requires_authentication_context("c1");
    let catalog = Catalog::builder().tool(tool, Handler::Step(pay));
    catalog.build().unwrap()
}

fn with_context() -> World {
    World::offering(catalog())
}

// Microsoft identity platform, "Developer guide to Conditional Access authentication context".
#[test]
fn tool_with_an_authentication_context_runs_once_the_user_has_satisfied_it() {
    let mut alice = Alice::with(with_context(), &json!({}));
    let link = link(&alice.call_tool("pay"));
    let address = alice.begin(&link);
    let asked: Value = serde_json::from_str(&parameter(&address, "claims").unwrap()).unwrap();
    let acrs = json!({"essential": true, "value": "c1"});
    assert_eq!(asked["id_token"]["acrs"], acrs);
    let page = alice.finish(&address, &json!({"acrs": ["c2", "c1"]}));
    assert_eq!(page.status(), 200, "{}", text(&page));
    assert_eq!(
        body(&alice.call_tool("pay"))["result"]["content"][0]["text"],
        "paid"
    );
    // Not for ever.
    alice.world.server.now.unix = alice
        .world
        .server
        .now
        .unix
        .after(limits::AUTHENTICATION_CONTEXT);
    let token = alice.world.token(ALICE);
    alice.token = token;
    super::link(&alice.call_tool("pay"));
}

#[test]
fn authentication_context_that_was_not_satisfied_opens_nothing() {
    let mut alice = Alice::with(with_context(), &json!({}));
    let link = link(&alice.call_tool("pay"));
    let address = alice.begin(&link);
    alice.finish(&address, &json!({"acrs": ["c2"]}));
    super::link(&alice.call_tool("pay"));
    for id in ["", "c 1", "c1\"", &"c".repeat(17)] {
        let tool = Tool::new("pay", "Pays.").requires_authentication_context(id);
        assert!(
            Catalog::builder()
                .tool(tool, Handler::Step(pay))
                .build()
                .is_err(),
            "{id}"
        );
    }
}

// D20, D23: also if that has changed since the link was opened.
#[test]
fn user_who_may_sign_in_no_more_satisfies_nothing() {
    let mut alice = Alice::with(with_context(), &json!({}));
    let link = link(&alice.call_tool("pay"));
    let address = alice.begin(&link);
    let allowed = &mut alice.world.server.server.config.allowed_users;
    let bob = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
    assert!(allowed.add(AllowedBy::User, bob));
    let page = alice.finish(&address, &json!({"acrs": ["c1"]}));
    assert_eq!(page.status(), 403, "{}", text(&page));
    assert!(alice.has_logged(LogEventId::SessionUserNotAllowed));
}

// D23: tokens that hold less than the session would take from it what its user has allowed.
#[test]
fn tokens_of_a_smaller_scope_satisfy_nothing() {
    let mut alice = Alice::with(with_context(), &json!({}));
    let link = link(&alice.call_tool("pay"));
    let address = alice.begin(&link);
    let page = alice.finish_with("openid", &address, &json!({"acrs": ["c1"]}));
    assert_eq!(page.status(), 403, "{}", text(&page));
    super::link(&alice.call_tool("pay"));
}

#[test]
fn authentication_context_holds_for_its_time_also_if_the_clock_is_set_back() {
    let since = 1_000_000;
    let contexts = Contexts {
        ids: ["c1".to_owned()].into_iter().collect(),
        since: UnixTime(since),
    };
    let (before, after) = (limits::CLOCK_LEEWAY, limits::AUTHENTICATION_CONTEXT);
    let (before, after) = (since - before.as_secs(), since + after.as_secs());
    for (now, holds) in [
        (before - 1, false),
        (before, true),
        (after - 1, true),
        (after, false),
    ] {
        assert_eq!(contexts.has("c1", UnixTime(now)), holds, "{now}");
        assert!(!contexts.has("c2", UnixTime(now)));
    }
}

// D16, D19: who calls with an access token of Entra's has the contexts of that token.
#[test]
fn access_token_must_have_the_authentication_context_of_a_tool() {
    let mut world = World::taking_entra_tokens(|_| {});
    world.server.server.catalog = catalog();
    let paying = rpc(1, "tools/call", &json!({"name": "pay", "arguments": {}}));
    for (acrs, status) in [
        (json!(null), 401),
        (json!(["c2"]), 401),
        (json!(["c1"]), 200),
    ] {
        let token = world.access_token(&json!({"acrs": acrs, "xms_cc": ["cp1"]}));
        let session = world.initialize_by(&token);
        let named = [("mcp-session-id", session.as_str())];
        let answer = world.post_with(&token, &named, &paying);
        assert_eq!(answer.status(), status, "{acrs}");
        assert_eq!(text(&answer).contains("paid"), status == 200);
        let challenge = header(&answer, "www-authenticate");
        assert_eq!(challenge.contains("insufficient_claims"), status == 401);
    }
}

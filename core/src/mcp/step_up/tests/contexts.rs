//! Tools that want an authentication context.

use serde_json::{Value, json};

use super::{Alice, link};
use crate::{
    catalog::{Call, Catalog, Handler, Step, Tool, ToolResult},
    entra::testing::ALICE,
    limits,
    mcp::testing::World,
    testing::{json as body, parameter, text},
};

fn pay(_: &Call) -> Step<ToolResult> {
    Step::Done(Ok("paid".into()))
}

fn with_context() -> World {
    let tool = Tool::new("pay", "Pays.").requires_authentication_context("c1");
    World::offering(
        Catalog::builder()
            .tool(tool, Handler::Step(pay))
            .build()
            .unwrap(),
    )
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

//! Threats I8, K7, K8, K11, K12.

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{CAPABILITIES, CLIENT_INFO, VERSION};
use crate::{
    json_rpc::SERVER_INFO,
    mcp::testing::{World, profile, rpc},
    testing::{header, json as body},
};

fn meta() -> Value {
    json!({
        VERSION: "2026-07-28",
        CLIENT_INFO: {"name": "a test", "version": "1"},
        CAPABILITIES: {},
    })
}

fn with_meta(mut params: Value) -> Value {
    params["_meta"] = meta();
    params
}

/// A well-formed request of this revision.
fn send(world: &mut World, method: &str, params: Value) -> Response<Bytes> {
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let mut fields = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    if !name.is_empty() {
        fields.push(("mcp-name", &name));
    }
    world.post("alice", &fields, rpc(7, method, &with_meta(params)))
}

/// The status and code of a `tools/call` with these headers.
fn refused(fields: &[(&str, &str)], params: &Value) -> (u16, i64) {
    let mut world = World::new();
    let response = world.post("alice", fields, rpc(7, "tools/call", params));
    let answer = body(&response);
    assert_eq!(answer["id"], 7, "the id comes back");
    let code = answer["error"]["code"].as_i64().unwrap_or_default();
    (response.status().as_u16(), code)
}

fn call() -> Value {
    with_meta(json!({"name": "getUserDetails", "arguments": {}}))
}

const V: (&str, &str) = ("mcp-protocol-version", "2026-07-28");
const METHOD: (&str, &str) = ("mcp-method", "tools/call");
const NAME: (&str, &str) = ("mcp-name", "getUserDetails");

// MCP 2026-07-28, server/discover
#[test]
fn discover_returns_revisions_capabilities_and_server_info() {
    let mut world = World::new();
    let response = send(&mut world, "server/discover", json!({}));
    assert_eq!(response.status(), 200);
    let result = &body(&response)["result"];
    assert_eq!(result["supportedVersions"][0], "2026-07-28");
    assert_eq!(result["capabilities"], json!({"logging": {}, "tools": {}}));
    assert_eq!(result["resultType"], "complete");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
    let server = &result["_meta"][SERVER_INFO];
    assert!(server["name"].is_string() && server["version"].is_string());
    let response = send(&mut world, "tools/list", json!({}));
    let result = &body(&response)["result"];
    assert_eq!(result["resultType"], "complete");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
    assert!(result["tools"][0]["outputSchema"].is_object());
}

#[test]
fn stateless_call_is_answered_without_a_session() {
    let mut world = World::new();
    world.graph_responds(200, &profile("alice"));
    let params = json!({"name": "getUserDetails", "arguments": {}});
    let response = send(&mut world, "tools/call", params);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "mcp-session-id"), "");
    let result = &body(&response)["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["structuredContent"]["displayName"], "alice");
    assert!(result.get("ttlMs").is_none());
}

// I8
#[test]
fn stateless_request_needs_all_of_its_meta() {
    let fields = [V, METHOD, NAME];
    assert_eq!(
        refused(&fields, &json!({"name": "getUserDetails"})),
        (400, -32602)
    );
    for missing in [VERSION, CAPABILITIES] {
        let mut params = call();
        params["_meta"].as_object_mut().unwrap().remove(missing);
        assert_eq!(refused(&fields, &params), (400, -32602), "{missing}");
    }
    for (member, wrong) in [
        (VERSION, json!(7)),
        (CAPABILITIES, json!([])),
        (CLIENT_INFO, json!("a test")),
        (CLIENT_INFO, json!({"name": "a test"})),
    ] {
        let mut params = call();
        params["_meta"][member] = wrong;
        assert_eq!(refused(&fields, &params), (400, -32602), "{member}");
    }
    let mut world = World::new();
    let mut params = with_meta(json!({}));
    params["_meta"].as_object_mut().unwrap().remove(CLIENT_INFO);
    let fields = [V, ("mcp-method", "server/discover")];
    let response = world.post("alice", &fields, rpc(1, "server/discover", &params));
    assert_eq!(response.status(), 200, "clientInfo may be left out");
}

// I8, K12
#[test]
fn unknown_revision_gets_the_supported_ones() {
    let mut world = World::new();
    let mut params = with_meta(json!({}));
    params["_meta"][VERSION] = json!("v999.0.0");
    let fields = [
        ("mcp-protocol-version", "v999.0.0"),
        ("mcp-method", "server/discover"),
    ];
    let response = world.post("alice", &fields, rpc(301, "server/discover", &params));
    assert_eq!(response.status(), 400);
    let answer = body(&response);
    assert_eq!(answer["id"], 301);
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["requested"], "v999.0.0");
    let supported = answer["error"]["data"]["supported"].as_array().unwrap();
    assert!(supported.contains(&json!("2026-07-28")));
}

// K11
#[test]
fn header_that_differs_from_the_body_is_refused() {
    let mut other = call();
    other["_meta"][VERSION] = json!("v999.0.0");
    assert_eq!(refused(&[V, METHOD, NAME], &other), (400, -32020));
    let older = ("mcp-protocol-version", "2025-11-25");
    for fields in [
        vec![METHOD, NAME],
        vec![older, METHOD, NAME],
        vec![V, NAME],
        vec![V, ("mcp-method", "prompts/list"), NAME],
        vec![V, ("mcp-method", "TOOLS/CALL"), NAME],
        vec![V, METHOD],
        vec![V, METHOD, ("mcp-name", "wrong_tool_name")],
        vec![V, METHOD, ("mcp-name", "getuserdetails")],
        vec![V, METHOD, ("mcp-name", "=?base64?Z2V0VXNlckRldGFpbHM?=")],
        vec![V, METHOD, ("mcp-name", "=?base64?!!!?=")],
        vec![V, METHOD, ("mcp-name", "=?base64?Z2V0VXNlckRldGFpbHM=?=")],
        vec![V, ("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="), NAME],
        vec![V, METHOD, ("mcp-name", "=?base64?/w==?=")],
        // K11
        vec![V, METHOD, METHOD, NAME],
        vec![V, METHOD, NAME, NAME],
        vec![V, V, METHOD, NAME],
    ] {
        assert_eq!(refused(&fields, &call()), (400, -32020), "{fields:?}");
    }
}

// K11
#[test]
fn matching_name_header_with_blanks_is_accepted() {
    let mut world = World::new();
    world.graph_responds(200, &profile("alice"));
    let fields = [V, METHOD, ("mcp-name", "  getUserDetails  ")];
    let response = world.post("alice", &fields, rpc(1, "tools/call", &call()));
    assert_eq!(response.status(), 200);
}

// K11; MCP 2026-07-28, value encoding: a name that no header can hold
#[test]
fn encoded_name_header_beyond_ascii_is_accepted() {
    let params = with_meta(json!({"name": "r\u{e9}sum\u{e9}"}));
    let encoded = ("mcp-name", "=?base64?csOpc3Vtw6k=?=");
    assert_eq!(refused(&[V, METHOD, encoded], &params), (400, -32602));
    let other = ("mcp-name", "=?base64?csOpc3Vt?=");
    assert_eq!(refused(&[V, METHOD, other], &params), (400, -32020));
}

// K11; MCP 2026-07-28, `Mcp-Param`
#[test]
fn number_in_a_header_is_compared_as_a_number() {
    for (header, value, same) in [
        ("5", json!(5), true),
        ("5.0", json!(5), true),
        ("5", json!(5.0), true),
        ("50e-1", json!(5), true),
        ("-3", json!(-3), true),
        ("6", json!(5), false),
        ("5x", json!(5), false),
        ("+5", json!(5), false),
        ("true", json!(true), true),
        ("1", json!(true), false),
        ("5.0", json!("5"), false),
        ("5", json!("5"), true),
    ] {
        assert_eq!(super::is_value(header, &value), same, "{header} {value}");
    }
}

// MCP 2026-07-28: what the stateless revision has not
#[test]
fn method_unknown_to_2026_is_404() {
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "prompts/list",
        "unknown/method",
    ] {
        let mut world = World::new();
        let response = send(&mut world, method, json!({}));
        assert_eq!(response.status(), 404, "{method}");
        let answer = body(&response);
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(7), &json!(-32601))
        );
    }
}

// I8, P4: a state that is not ours
#[test]
fn invalid_params_of_2026_are_400() {
    for params in [
        json!({"name": "noSuchTool"}),
        json!({"name": "getUserDetails", "arguments": 7}),
        json!({"name": "getUserDetails", "requestState": "made up"}),
    ] {
        let mut world = World::new();
        let response = send(&mut world, "tools/call", params.clone());
        assert_eq!(response.status(), 400, "{params}");
        assert_eq!(body(&response)["error"]["code"], -32602);
    }
}

// I8
#[test]
fn mcp_session_id_is_ignored_in_2026() {
    let mut world = World::new();
    let bobs = world.initialize("bob", "2025-11-25");
    for id in [bobs.as_str(), "made-up"] {
        let fields = [V, ("mcp-method", "tools/list"), ("mcp-session-id", id)];
        let params = with_meta(json!({}));
        let response = world.post("alice", &fields, rpc(1, "tools/list", &params));
        assert_eq!(response.status(), 200);
    }
    let delete = world.request("bob", "DELETE", "/mcp", &[V, ("mcp-session-id", &bobs)], "");
    assert_eq!(world.send(delete).status(), 405);
}

// I8, K7, K8
#[test]
fn batch_or_response_of_2026_is_refused_and_notification_accepted() {
    let mut world = World::new();
    for wrong in ["[]", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#] {
        assert_eq!(world.post("alice", &[V], wrong).status(), 400, "{wrong}");
    }
    let unasked = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(world.post("alice", &[V], unasked).status(), 400);
    let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    let method = ("mcp-method", "notifications/cancelled");
    assert_eq!(world.post("alice", &[V, method], cancelled).status(), 202);
    let other = ("mcp-method", "tools/call");
    assert_eq!(world.post("alice", &[V, other], cancelled).status(), 400);
}

// K10
#[test]
fn long_unknown_revision_is_not_echoed() {
    let mut world = World::new();
    let long = "x".repeat(8000);
    let response = world.post(
        "alice",
        &[("mcp-protocol-version", &long)],
        rpc(1, "ping", &json!({})),
    );
    assert_eq!(response.status(), 400);
    assert!(response.body().len() < 500);
}

//! Threats F8, I1 to I3, I7 to I9, K6, K7, K8, K12, K13, M3.

use std::time::Duration;

use ::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::Guard,
    id::McpSessionId,
    limits,
    mcp::testing::{World, initialize, rpc},
    testing::{entropy, header, json as body, text},
    time::UnixTime,
};

const OLDER: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn ping() -> String {
    rpc(1, "ping", &json!({}))
}

fn code(response: &Response<Bytes>) -> Value {
    body(response)["error"]["code"].clone()
}

#[test]
fn session_of_every_older_revision_answers_in_json() {
    for revision in OLDER {
        let mut world = World::new();
        let id = world.initialize("alice", revision);
        let named = [
            ("mcp-session-id", id.as_str()),
            ("mcp-protocol-version", revision),
        ];
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = world.post("alice", &named, initialized.to_string());
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert!(response.body().is_empty());
        let response = world.post("alice", &named, ping());
        assert_eq!(header(&response, "content-type"), "application/json");
        assert_eq!(
            body(&response),
            json!({"jsonrpc": "2.0", "id": 1, "result": {}})
        );
        let response = world.post("alice", &named, rpc(2, "tools/list", &json!({})));
        let tools = &body(&response)["result"]["tools"];
        assert_eq!(tools[0]["name"], "getUserDetails");
        assert_eq!(tools[0].get("title").is_some(), revision >= "2025-06-18");
    }
}

// MCP 2025-11-25, lifecycle, initialization
#[test]
fn initialize_result_has_server_info_and_its_capabilities_only() {
    let mut world = World::new();
    let response = world.post("alice", &[], initialize("2025-11-25"));
    let result = &body(&response)["result"];
    assert_eq!(result["capabilities"], json!({"logging": {}, "tools": {}}));
    assert_eq!(result["serverInfo"]["name"], "entra-mcp");
    assert!(result["serverInfo"]["version"].is_string());
    let id = header(&response, "mcp-session-id");
    assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    assert_eq!(header(&response, "cache-control"), "no-store");
}

// K6
#[test]
fn initialize_with_unusual_parameters_succeeds() {
    let mut world = World::new();
    for revision in ["1999-01-01", "2026-07-28", "", "not a date"] {
        let response = world.post("alice", &[], initialize(revision));
        let agreed = &body(&response)["result"]["protocolVersion"];
        assert_eq!(agreed, "2025-11-25", "{revision}");
    }
    for params in [
        json!({}),
        json!({"protocolVersion": 7, "capabilities": {}, "clientInfo": {}}),
        json!({"protocolVersion": "2025-11-25", "capabilities": [], "clientInfo": {}}),
        json!({"protocolVersion": "2025-11-25", "capabilities": {}}),
    ] {
        let response = world.post("alice", &[], rpc(1, "initialize", &params));
        assert_eq!(code(&response), -32602, "{params}");
        assert_eq!(header(&response, "mcp-session-id"), "");
    }
}

// I1, I3
#[test]
fn session_ids_differ_and_are_made_here() {
    let mut world = World::new();
    let mine = [("mcp-session-id", "an-id-of-my-own")];
    let response = world.post("alice", &mine, initialize("2025-11-25"));
    let first = header(&response, "mcp-session-id").to_owned();
    assert_ne!(first, "an-id-of-my-own");
    assert_ne!(first, world.initialize("alice", "2025-11-25"));
    let response = world.post("alice", &mine, ping());
    assert_eq!(response.status(), 404);
    // Clients look for this text besides the status.
    let message = body(&response)["error"]["message"].clone();
    assert!(message.as_str().unwrap().starts_with("Session not found"));
}

// I9
#[test]
fn initialize_with_an_unknown_session_id_succeeds() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    for stale in ["x".repeat(152), id] {
        let named = [("mcp-session-id", stale.as_str())];
        let response = world.post("alice", &named, initialize("2025-11-25"));
        assert_eq!(response.status(), 200);
        assert_ne!(header(&response, "mcp-session-id"), stale);
    }
}

// I2
#[test]
fn mcp_session_of_another_user_is_404() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    assert_eq!(world.post("bob", &named, ping()).status(), 404);
    let delete = world.request("bob", "DELETE", "/mcp", &named, "");
    assert_eq!(world.send(delete).status(), 404);
    let get = world.request("bob", "GET", "/mcp", &named, "");
    assert_eq!(world.send(get).status(), 404);
    assert_eq!(world.post("alice", &named, ping()).status(), 200);
}

// I2: another client of the same user
#[test]
fn mcp_session_of_another_client_is_404() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let token = world.sign_in("alice", "another client", "user.read");
    let request = world
        .server
        .request("POST", "/mcp")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("mcp-session-id", id)
        .body(Bytes::from(ping()));
    assert_eq!(world.send(request.unwrap()).status(), 404);
}

// I9
#[test]
fn mcp_session_survives_a_token_refresh_and_a_restart() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    world.server.now.unix = UnixTime(world.server.now.unix.0 + 3700);
    let mut restarted = World::new();
    restarted.server.now = world.server.now;
    assert_eq!(restarted.post("alice", &named, ping()).status(), 200);
}

// I3, K13
#[test]
fn mcp_session_id_changed_or_given_twice_is_refused() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let cut: String = id.chars().skip(1).collect();
    let changed: String = id.chars().rev().collect();
    let upper = id.to_uppercase();
    let longer = format!("{id}A");
    for near in ["x", &cut, &upper, &longer, &changed, "../", "null"] {
        if near == id {
            continue;
        }
        let response = world.post("alice", &[("mcp-session-id", near)], ping());
        assert_eq!(response.status(), 404, "{near}");
    }
    assert_eq!(world.post("alice", &[], ping()).status(), 400);
    let call = rpc(1, "tools/call", &json!({"name": "getUserDetails"}));
    assert_eq!(world.post("alice", &[], call).status(), 400);
    let twice = ("mcp-session-id", id.as_str());
    assert_eq!(world.post("alice", &[twice, twice], ping()).status(), 400);
}

// K12
#[test]
fn unknown_revision_in_the_header_is_400() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    for version in ["1999-01-01", "2025-11-26", "", "latest"] {
        let fields = [
            ("mcp-session-id", id.as_str()),
            ("mcp-protocol-version", version),
        ];
        let response = world.post("alice", &fields, ping());
        assert_eq!(response.status(), 400, "{version}");
        assert_eq!(code(&response), -32022);
    }
    let twice = ("mcp-protocol-version", "2025-11-25");
    let fields = [("mcp-session-id", id.as_str()), twice, twice];
    assert_eq!(world.post("alice", &fields, ping()).status(), 400);
    for (version, expected) in [("1999-01-01", 400), ("2025-11-25", 204)] {
        let fields = [
            ("mcp-session-id", id.as_str()),
            ("mcp-protocol-version", version),
        ];
        let delete = world.request("alice", "DELETE", "/mcp", &fields, "");
        assert_eq!(world.send(delete).status(), expected, "{version}");
    }
}

// I7
#[test]
fn ended_mcp_session_stays_ended_and_others_live() {
    let mut world = World::new();
    let ended = world.initialize("alice", "2025-11-25");
    let other = world.initialize("alice", "2025-11-25");
    world.conflicts = 2;
    let named = [("mcp-session-id", ended.as_str())];
    let delete = world.request("alice", "DELETE", "/mcp", &named, "");
    assert_eq!(world.send(delete.clone()).status(), StatusCode::NO_CONTENT);
    assert_eq!(world.post("alice", &named, ping()).status(), 404);
    assert_eq!(world.send(delete).status(), 404);
    let named = [("mcp-session-id", other.as_str())];
    assert_eq!(world.post("alice", &named, ping()).status(), 200);
}

// M3: a session that was not ended lives, however many were.
#[test]
fn full_list_of_ended_sessions_refuses_delete_and_ends_no_other_session() {
    let mut world = World::new();
    let [first, second, other] = [(); 3].map(|()| world.initialize("alice", "2025-11-25"));
    let mut session = world.session("alice");
    let (now, later) = (world.server.now.unix, UnixTime(u64::MAX));
    let ended = &mut session.outline.ended_mcp_sessions;
    for number in 1..limits::ENDED_MCP_SESSIONS {
        let id = McpSessionId(u128::try_from(number).unwrap().to_be_bytes());
        ended.insert(id, later, now).unwrap();
    }
    let keys = world.server.server.keys.clone();
    let put = session.put(
        Guard::Any,
        session.expires(now, &crate::config::Lifetimes::default()),
        &keys,
        &mut entropy(7),
    );
    world.ask(put).unwrap();
    let delete = |world: &mut World, id: &str| {
        let request = world.request("alice", "DELETE", "/mcp", &[("mcp-session-id", id)], "");
        world.send(request)
    };
    let status = |world: &mut World, id: &str| {
        let response = world.post("alice", &[("mcp-session-id", id)], ping());
        response.status().as_u16()
    };
    assert_eq!(delete(&mut world, &first).status(), 204);
    let refused = delete(&mut world, &second);
    assert_eq!(refused.status(), 405);
    assert_eq!(header(&refused, "allow"), "GET, POST, OPTIONS");
    assert!(text(&refused).contains("lasts until it expires"));
    assert_eq!(status(&mut world, &first), 404);
    assert_eq!(status(&mut world, &second), 200);
    assert_eq!(status(&mut world, &other), 200);
    let id = world.initialize("alice", "2025-11-25");
    assert_eq!(status(&mut world, &id), 200);
}

// I7
#[test]
fn mcp_session_in_use_lasts_as_long_as_a_sign_in() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    let began = world.server.now.unix;
    for days in [2, 30, 89] {
        world.server.now.unix = began.after(Duration::from_secs(days * 24 * 3600));
        assert_eq!(world.post("alice", &named, ping()).status(), 200, "{days}");
    }
}

// F8
#[test]
fn session_token_of_a_deleted_session_gets_a_challenge() {
    let mut world = World::new();
    world.revoke("alice");
    let response = world.post("alice", &[], initialize("2025-11-25"));
    assert_eq!(response.status(), 401);
    let challenge = header(&response, "www-authenticate");
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""));
    assert!(challenge.contains("resource_metadata="));
}

#[test]
fn unavailable_store_is_503_and_not_401() {
    let mut world = World::new();
    world.store_is_down = true;
    let response = world.post("alice", &[], initialize("2025-11-25"));
    assert_eq!(response.status(), 503);
    assert_ne!(header(&response, "retry-after"), "");
}

// K7
#[test]
fn batch_is_answered_in_the_revision_that_has_batches_only() {
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "b", "method": "nothing"},
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {}},
    ]);
    for revision in OLDER {
        let mut world = World::new();
        let id = world.initialize("alice", revision);
        let named = [("mcp-session-id", id.as_str())];
        let response = world.post("alice", &named, batch.to_string());
        if revision == "2025-03-26" {
            let answers = body(&response);
            assert_eq!(answers.as_array().unwrap().len(), 3);
            assert_eq!(answers[0]["result"], json!({}));
            assert_eq!(answers[1]["id"], "b");
            assert_eq!(answers[1]["error"]["code"], -32601);
            assert_eq!(answers[2]["error"]["code"], -32600);
        } else {
            assert_eq!(response.status(), 400, "{revision}");
            assert_eq!(code(&response), -32600);
        }
    }
}

// K1, K6, K8
#[test]
fn malformed_message_is_refused_with_its_id_if_readable() {
    let mut world = World::new();
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    for (sent, status, id, code) in [
        ("{", 400, Value::Null, -32700),
        (r#"{"jsonrpc":"2.0","id":4}"#, 400, json!(4), -32600),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":[]}"#,
            400,
            json!(5),
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":6,"method":"__proto__"}"#,
            200,
            json!(6),
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":"x"}}"#,
            200,
            json!(7),
            -32602,
        ),
    ] {
        let response = world.post("alice", &named, sent);
        assert_eq!(response.status(), status, "{sent}");
        let answer = body(&response);
        assert_eq!(answer["id"], id, "{sent}");
        assert_eq!(answer["error"]["code"], code, "{sent}");
    }
    let unasked = json!({"jsonrpc": "2.0", "id": 9, "result": {}}).to_string();
    assert_eq!(world.post("alice", &named, unasked).status(), 202);
}

// Pages that may read answers may read the session id
#[test]
fn allowed_origin_can_read_the_response() {
    let mut world = World::new();
    let page = [("origin", "http://localhost:6274")];
    let response = world.post("alice", &page, initialize("2025-11-25"));
    let allowed = header(&response, "access-control-allow-origin");
    assert_eq!(allowed, "http://localhost:6274");
    let exposed = header(&response, "access-control-expose-headers");
    assert!(exposed.contains("Mcp-Session-Id"));
}

// G4, O3
#[test]
fn debug_output_of_an_exchange_has_no_token() {
    let world = World::new();
    let token = world.token("alice");
    for (method, target) in [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("POST", "/message?sessionId=x"),
    ] {
        let request = world.request("alice", method, target, &[], &ping());
        let sent = world.server.send(request);
        let printed = format!("{:?} {:?}", sent.exchange, sent.actions);
        assert!(!printed.contains(&token) && !printed.contains("Bearer"));
        let (_, mac) = token.rsplit_once('.').unwrap();
        assert!(!printed.contains(mac), "{printed}");
    }
}

use serde_json::{Value, json};

use super::{From, check};

const ALL: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];

fn server(revision: &str, message: &Value, method: Option<&str>) -> Result<(), String> {
    check(revision, From::Server, message, method)
}

fn result(revision: &str, method: &str, mut result: Value) -> Result<(), String> {
    if revision == "2026-07-28" && result.get("resultType").is_none() {
        result["resultType"] = json!("complete");
    }
    // The hints for caching came with the newest revision.
    if revision != "2026-07-28"
        && let Some(members) = result.as_object_mut()
    {
        members.remove("ttlMs");
        members.remove("cacheScope");
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "result": result});
    server(revision, &message, Some(method))
}

fn note(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// It does not fit, and this is the message.
#[track_caller]
fn refused(checked: Result<(), String>, message: &str) {
    let said = checked.expect_err(message);
    assert!(said.contains(message), "{said}");
}

#[test]
fn results_are_checked_by_their_method_in_every_revision() {
    for revision in ALL {
        let content = json!({"content": [{"type": "text", "text": "3"}]});
        assert_eq!(result(revision, "tools/call", content), Ok(()));
        let wrong = json!({"content": [{"type": "text", "txt": "3"}]});
        refused(result(revision, "tools/call", wrong), "CallToolResult");
        refused(result(revision, "tools/call", json!({})), "CallToolResult");
        let read = json!({"contents": [{"uri": "file:///a", "blob": "AAEC"}],
            "ttlMs": 0, "cacheScope": "private"});
        assert_eq!(result(revision, "resources/read", read), Ok(()));
        let wrong = json!({"contents": [{"uri": "file:///a", "blob": "no base64"}],
            "ttlMs": 0, "cacheScope": "private"});
        refused(
            result(revision, "resources/read", wrong),
            "ReadResourceResult",
        );
        let prompt = json!({"messages": [{"role": "system", "content": {}}]});
        refused(result(revision, "prompts/get", prompt), "GetPromptResult");
        let values = json!({"completion": {"values": "a"}});
        refused(
            result(revision, "completion/complete", values),
            "CompleteResult",
        );
    }
    refused(result("2023-01-01", "tools/call", json!({})), "no schema");
}

#[test]
fn tools_list_needs_schemas_and_in_the_newest_revision_caching_hints() {
    let tool = json!({"name": "add", "inputSchema": {"type": "object"}});
    for revision in ALL {
        let list = json!({"tools": [tool], "ttlMs": 0, "cacheScope": "private"});
        assert_eq!(result(revision, "tools/list", list), Ok(()));
        let list = json!({"tools": [{"name": "add"}], "ttlMs": 0, "cacheScope": "private"});
        refused(result(revision, "tools/list", list), "inputSchema");
    }
    let bare = json!({"tools": [tool]});
    assert_eq!(result("2025-11-25", "tools/list", bare.clone()), Ok(()));
    refused(result("2026-07-28", "tools/list", bare), "ListToolsResult");
}

#[test]
fn content_of_a_later_revision_is_refused_in_an_earlier_one() {
    let audio = json!({"content": [{"type": "audio", "data": "AAEC", "mimeType": "audio/wav"}]});
    refused(
        result("2024-11-05", "tools/call", audio.clone()),
        "CallToolResult",
    );
    assert_eq!(result("2025-03-26", "tools/call", audio), Ok(()));
    let link = json!({"content": [{"type": "resource_link", "uri": "file:///a", "name": "a"}]});
    refused(
        result("2025-03-26", "tools/call", link.clone()),
        "CallToolResult",
    );
    assert_eq!(result("2025-06-18", "tools/call", link), Ok(()));
}

#[test]
fn members_of_a_later_revision_are_refused_in_an_earlier_one() {
    let tool = |member: &str, value: Value| {
        let mut tool = json!({"name": "add", "inputSchema": {"type": "object", "$defs": {}}});
        tool[member] = value;
        json!({"tools": [tool], "ttlMs": 0, "cacheScope": "private"})
    };
    for (member, value, since) in [
        ("annotations", json!({"readOnlyHint": true}), 1),
        ("title", json!("Add"), 2),
        ("outputSchema", json!({"type": "object"}), 2),
        ("icons", json!([{"src": "https://a.example/icon.png"}]), 3),
    ] {
        for (index, revision) in ALL.into_iter().enumerate() {
            let checked = result(revision, "tools/list", tool(member, value.clone()));
            assert_eq!(
                checked.is_ok(),
                index >= since,
                "{member} in {revision}: {checked:?}"
            );
        }
    }
    let content = json!({"content": [], "structuredContent": {}});
    assert_eq!(result("2025-06-18", "tools/call", content.clone()), Ok(()));
    // A result may always have members of its own: there the schema says so.
    refused(
        result("2025-03-26", "tools/call", content),
        "structuredContent",
    );
}

#[test]
fn initialize_and_discover_belong_to_their_revisions() {
    let agreed = json!({"protocolVersion": "2025-06-18", "capabilities": {},
        "serverInfo": {"name": "a", "version": "1"}});
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(result(revision, "initialize", agreed.clone()), Ok(()));
        refused(
            result(revision, "initialize", json!({})),
            "InitializeResult",
        );
        assert_eq!(result(revision, "ping", json!({})), Ok(()));
        let typed = json!({"resultType": "complete"});
        refused(result(revision, "ping", typed), "resultType");
    }
    let found = json!({"supportedVersions": ["2026-07-28"], "capabilities": {},
        "ttlMs": 0, "cacheScope": "public"});
    assert_eq!(result("2026-07-28", "server/discover", found), Ok(()));
    refused(
        result("2026-07-28", "server/discover", json!({})),
        "DiscoverResult",
    );
}

#[test]
fn input_required_is_accepted_only_in_the_newest_revision() {
    let input_request = json!({"method": "elicitation/create", "params": {"mode": "form",
        "message": "Your name?", "requestedSchema": {"type": "object", "properties": {
            "name": {"type": "string"}}}}});
    let asks = json!({"resultType": "input_required", "inputRequests": {"a": input_request},
        "requestState": "sealed"});
    assert_eq!(result("2026-07-28", "tools/call", asks.clone()), Ok(()));
    assert_eq!(result("2026-07-28", "prompts/get", asks.clone()), Ok(()));
    refused(
        result("2026-07-28", "tools/list", asks.clone()),
        "cannot ask",
    );
    refused(result("2025-11-25", "tools/call", asks), "resultType");
    let empty = json!({"resultType": "input_required"});
    refused(result("2026-07-28", "tools/call", empty), "requestState");
    let wrong = json!({"resultType": "input_required", "inputRequests": {"a": {"method": "x"}}});
    refused(
        result("2026-07-28", "tools/call", wrong),
        "InputRequiredResult",
    );
    let task = json!({"resultType": "task", "taskId": "1", "ttlMs": null});
    assert_eq!(result("2026-07-28", "tools/call", task), Ok(()));
    let other = json!({"resultType": "perhaps", "content": []});
    refused(result("2026-07-28", "tools/call", other), "perhaps");
}

#[test]
fn server_requests_and_notifications_are_checked_by_method() {
    let roots = json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"});
    let form = json!({"jsonrpc": "2.0", "id": "a", "method": "elicitation/create",
        "params": {"message": "Your name?", "requestedSchema": {"type": "object",
            "properties": {"name": {"type": "string"}}}}});
    let sampling = json!({"jsonrpc": "2.0", "id": 2, "method": "sampling/createMessage",
        "params": {"maxTokens": 5, "messages": [
            {"role": "user", "content": {"type": "text", "text": "hi"}}]}});
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(server(revision, &roots, None), Ok(()));
        assert_eq!(server(revision, &sampling, None), Ok(()));
        let known = matches!(revision, "2025-06-18" | "2025-11-25");
        assert_eq!(server(revision, &form, None).is_ok(), known, "{revision}");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        refused(server(revision, &call, None), "no server sends");
    }
    for message in [&roots, &form, &sampling] {
        refused(server("2026-07-28", message, None), "no server sends");
    }
    for revision in ALL {
        let progress = json!({"progressToken": 1, "progress": 0.5});
        assert_eq!(
            server(revision, &note("notifications/progress", progress), None),
            Ok(())
        );
        let wrong = note("notifications/progress", json!({"progress": 0.5}));
        refused(server(revision, &wrong, None), "ProgressNotification");
        let log = note(
            "notifications/message",
            json!({"level": "info", "data": null}),
        );
        assert_eq!(server(revision, &log, None), Ok(()));
        let log = note(
            "notifications/message",
            json!({"level": "loud", "data": "x"}),
        );
        refused(server(revision, &log, None), "LoggingMessageNotification");
        refused(
            server(revision, &note("notifications/what", json!({})), None),
            "not known",
        );
        refused(
            server(
                revision,
                &note("notifications/roots/list_changed", json!({})),
                None,
            ),
            "no",
        );
        let mut numbered = note("notifications/tools/list_changed", json!({}));
        assert_eq!(server(revision, &numbered, None), Ok(()));
        numbered["id"] = json!(1);
        refused(server(revision, &numbered, None), "a notification has none");
    }
}

#[test]
fn errors_must_fit_their_code() {
    let error = |code: i64, data: Value| {
        let mut error = json!({"code": code, "message": "no"});
        if !data.is_null() {
            error["data"] = data;
        }
        json!({"jsonrpc": "2.0", "id": 1, "error": error})
    };
    for revision in ALL {
        assert_eq!(server(revision, &error(-32601, Value::Null), None), Ok(()));
        let mut unread = error(-32700, Value::Null);
        unread["id"] = Value::Null;
        assert_eq!(server(revision, &unread, None), Ok(()));
        let silent = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601}});
        refused(server(revision, &silent, None), "message");
        let text = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": "1", "message": "no"}});
        refused(server(revision, &text, None), "integer");
    }
    let bare = json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "no"}});
    refused(server("2025-06-18", &bare, None), "without an id");
    assert_eq!(server("2026-07-28", &bare, None), Ok(()));
    let versions = json!({"supported": ["2026-07-28"], "requested": "2027-01-01"});
    assert_eq!(server("2026-07-28", &error(-32022, versions), None), Ok(()));
    let untold = error(-32022, Value::Null);
    refused(
        server("2026-07-28", &untold, None),
        "UnsupportedProtocolVersionError",
    );
    let needed = error(-32021, json!({"requiredCapabilities": {"sampling": {}}}));
    assert_eq!(server("2026-07-28", &needed, None), Ok(()));
    let page = json!({"elicitations": [{"mode": "url", "elicitationId": "1", "message": "Go",
        "url": "https://a.example/"}]});
    assert_eq!(server("2025-11-25", &error(-32042, page), None), Ok(()));
    let nowhere = error(-32042, json!({}));
    refused(
        server("2025-11-25", &nowhere, None),
        "URLElicitationRequiredError",
    );
}

#[test]
fn null_and_unknown_json_rpc_members_are_refused() {
    for revision in ALL {
        let tool = json!({"name": "add", "inputSchema": {"type": "object",
            "properties": {"a": {"default": null}}}});
        let list = json!({"tools": [tool], "ttlMs": 0, "cacheScope": "private"});
        assert_eq!(result(revision, "tools/list", list.clone()), Ok(()));
        for member in ["nextCursor", "something"] {
            let mut list = list.clone();
            list[member] = Value::Null;
            refused(result(revision, "tools/list", list), "null");
        }
        let odd = json!({"jsonrpc": "2.0", "id": 1, "result": {}, "error": null});
        refused(server(revision, &odd, None), "the members of no message");
        let odd = json!({"jsonrpc": "2.0", "id": 1, "result": {}, "also": 1});
        refused(server(revision, &odd, None), "the members of no message");
        let old = json!({"jsonrpc": "1.0", "id": 1, "result": {}});
        refused(server(revision, &old, None), "jsonrpc");
        let unnamed = json!({"jsonrpc": "2.0", "id": null, "result": {}});
        refused(server(revision, &unnamed, None), "null");
        refused(
            server(revision, &json!({"jsonrpc": "2.0", "result": {}}), None),
            "id",
        );
    }
}

#[test]
fn client_messages_are_checked() {
    let client = |revision: &str, message: &Value| check(revision, From::Client, message, None);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "add", "arguments": {"a": null}}});
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(client(revision, &call), Ok(()));
        let nameless = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}});
        refused(client(revision, &nameless), "CallToolRequest");
    }
    refused(client("2026-07-28", &call), "CallToolRequest");
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept",
        "content": {"score": 0.5}}});
    assert_eq!(
        check(
            "2025-11-25",
            From::Client,
            &answer,
            Some("elicitation/create")
        ),
        Ok(())
    );
    // A client cannot know what the server makes of it.
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2024-11-05", "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "a", "version": "1"}}});
    assert_eq!(client("2024-11-05", &hello), Ok(()));
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"action": "perhaps"}});
    refused(
        check(
            "2025-11-25",
            From::Client,
            &answer,
            Some("elicitation/create"),
        ),
        "Elicit",
    );
}

//! What servers of others say in extensions and in members that the gateway does not know: recorded from them, as they wrote it. Between ends
//! of one era all of it passes as the bytes that it is, but for the id.
//!
//! The first four are of `@modelcontextprotocol/server-basic-vanillajs` 2.0.3 (MCP Apps), whose page was cut short; the last is of an example
//! of `@modelcontextprotocol/sdk` 1.32.2, whose tools say what they know of tasks.

use super::*;

const RECORDED: [(&str, &str, &str); 5] = [
    (
        "tools/list",
        "{}",
        r#"{"tools":[{"name":"get-time","title":"Get Time","description":"Returns the current server time as an ISO 8601 string.","inputSchema":{"type":"object","$schema":"https://json-schema.org/draft/2020-12/schema","properties":{}},"_meta":{"ui":{"resourceUri":"ui://get-time/mcp-app.html"},"ui/resourceUri":"ui://get-time/mcp-app.html"},"outputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"time":{"type":"string"}},"required":["time"],"additionalProperties":false}}]}"#,
    ),
    (
        "tools/call",
        r#"{"name":"get-time","arguments":{}}"#,
        r#"{"content":[{"type":"text","text":"2026-11-28T09:27:39.385Z"}],"structuredContent":{"time":"2026-11-28T09:27:39.385Z"}}"#,
    ),
    (
        "resources/list",
        "{}",
        r#"{"resources":[{"uri":"ui://get-time/mcp-app.html","name":"ui://get-time/mcp-app.html","mimeType":"text/html;profile=mcp-app"}]}"#,
    ),
    (
        "resources/read",
        r#"{"uri":"ui://get-time/mcp-app.html"}"#,
        r#"{"contents":[{"uri":"ui://get-time/mcp-app.html","mimeType":"text/html;profile=mcp-app","text":"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"UTF-8\">\n  <title>Get Time App</title>\n</head>\n</html>"}]}"#,
    ),
    (
        "tools/list",
        "{}",
        r#"{"tools":[{"name":"register_user","description":"Register a new user account by collecting their information","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{}},"execution":{"taskSupport":"forbidden"}}]}"#,
    ),
];

/// Begins a session as a host of MCP Apps does, whose extension the backend is told of as it was written.
fn begin_as_host(world: &mut World) -> String {
    let capabilities = json!({"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}});
    let body = initialize_with("2025-11-25", &capabilities);
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    let written = capabilities.to_string();
    assert!(sent.text().contains(&written), "{}", sent.text());
    let answer = result(&sent, RESULT);
    world.answers(sent, 200, &answer);
    let sent = world.pulled();
    world.answers(sent, 202, "");
    let response = world.sent(id).response.as_ref().unwrap();
    testing::header(response, "mcp-session-id").to_owned()
}

#[test]
fn recorded_extensions_pass_as_the_bytes_that_they_are() {
    let mut world = world();
    let session = begin_as_host(&mut world);
    for (method, params, recorded) in RECORDED {
        let request = |id: &str| {
            format!(r#"{{"method":"{method}","params":{params},"jsonrpc":"2.0","id":{id}}}"#)
        };
        let id = send(&mut world, "alice", &session, &request("\"mine\""));
        let sent = world.pulled();
        let own = id_of(&sent);
        assert_eq!(sent.text(), request(&own));
        let answer = |id: &str| format!(r#"{{"result":{recorded},"jsonrpc":"2.0","id":{id}}}"#);
        let written = answer(&own);
        world.answers(sent, 200, &written);
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(testing::text(response), answer("\"mine\""));
    }
}

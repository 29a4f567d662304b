//! What ChatGPT is told of the scopes of tools, beyond MCP (OpenAI's Apps SDK, authentication).
//!
//! It asks its user to sign in for more only if a tool says in the list what it needs, and a call says by its result that
//! this was not granted; a 403 is final to it. Both are members that MCP does not have, so no other client gets them.
//! A client is taken at its word: what it may do never depends on it.

use serde_json::{Map, Value, json};

use super::headers;
use crate::{
    admit::bearer,
    admit::caller::Caller,
    catalog::ToolResult,
    env::{Env, Server},
    revision::Revision,
};

/// How the `User-Agent` of ChatGPT begins.
const USER_AGENT: &str = "openai-mcp";

/// Whether the client is told of scopes in this way.
pub(super) fn are_known_to(headers: &headers::McpHeaders) -> bool {
    let user_agent = headers::one(headers, "user-agent").ok().flatten();
    user_agent.is_some_and(|user_agent| user_agent.starts_with(USER_AGENT))
}

/// Adds what a tool needs to its entry of the list: beside the other members, and in `_meta`, where older versions look.
pub(super) fn describe(tool: &mut Map<String, Value>, needed: &[String], server: &Server) {
    let scopes = server
        .scopes
        .widened(&server.scopes.default().to_string(), needed);
    let scopes: Vec<_> = scopes.iter().map(|scope| &scope.name).collect();
    let schemes = json!([{"type": "oauth2", "scopes": scopes}]);
    let meta = tool.entry("_meta").or_insert_with(|| json!({}));
    if let Value::Object(meta) = meta {
        meta.insert("securitySchemes".to_owned(), schemes.clone());
    }
    tool.insert("securitySchemes".to_owned(), schemes);
}

/// The result of a call for which these scopes are needed and not all granted.
pub(super) fn step_up(
    needed: &[String],
    caller: &Caller,
    revision: Revision,
    env: Env<'_>,
) -> Map<String, Value> {
    let result = ToolResult::error("The user must allow more before this tool can be used.");
    let challenge = bearer::insufficient_scope_challenge(needed, &caller.scope, env);
    let result = result.meta("mcp/www_authenticate", vec![challenge]);
    result.to_json(revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mcp::testing::{World, rpc},
        testing::{TestServer, header, json as body},
    };

    const CHATGPT: &str = "openai-mcp/1.0.0 (ChatGPT)";

    /// The response to a request of Alice's client, whose token has no scope that the tool needs.
    fn send(user_agent: &str, method: &str, params: &Value) -> ::http::Response<bytes::Bytes> {
        let mut world = World::new();
        let id = world.initialize("alice", "2025-11-25");
        let token = world.sign_in("alice", "a client", "something.else");
        let fields = [("mcp-session-id", id.as_str()), ("user-agent", user_agent)];
        let mut request = world.request("alice", "POST", "/mcp", &fields, &rpc(1, method, params));
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let response = world.send(request);
        assert!(world.asked.is_empty(), "the tool does not run");
        response
    }

    // P1, F11
    #[test]
    fn missing_scope_is_a_result_for_chatgpt_and_403_for_others() {
        let call = json!({"name": "getUserDetails"});
        let refused = send("not openai-mcp", "tools/call", &call);
        assert_eq!(refused.status(), 403);
        let answered = send(CHATGPT, "tools/call", &call);
        assert_eq!(answered.status(), 200);
        assert_eq!(header(&answered, "www-authenticate"), "");
        let result = body(&answered)["result"].clone();
        assert_eq!(result["isError"], true);
        let challenge = &result["_meta"]["mcp/www_authenticate"][0];
        assert_eq!(*challenge, header(&refused, "www-authenticate"));
        for part in [
            "error=\"insufficient_scope\"",
            "error_description=",
            "scope=\"user.read\"",
        ] {
            assert!(challenge.as_str().unwrap().contains(part), "{challenge}");
        }
        let nothing = send(CHATGPT, "tools/call", &json!({"name": "nothing"}));
        assert_eq!(body(&nothing)["error"]["code"], -32602);
    }

    // The list itself is judged by MCP's schema, which has no such member, so the entry is made here.
    #[test]
    fn scopes_of_tools_are_listed_for_chatgpt_alone() {
        let server = TestServer::dev().with_mail();
        let mut tool = Map::new();
        describe(&mut tool, &["mail.read".to_owned()], &server.server);
        let schemes = json!([{"type": "oauth2", "scopes": ["user.read", "mail.read"]}]);
        assert_eq!(tool["securitySchemes"], schemes);
        assert_eq!(tool["_meta"]["securitySchemes"], schemes);
        for other in ["", "claude-code/2.1", "node"] {
            let listed = body(&send(other, "tools/list", &json!({})));
            let tool = listed["result"]["tools"][0].as_object().unwrap();
            assert!(!tool.contains_key("securitySchemes") && !tool.contains_key("_meta"));
        }
        for (user_agent, expected) in [(CHATGPT, true), ("x openai-mcp", false), ("", false)] {
            let headers = [("user-agent".parse().unwrap(), user_agent.parse().unwrap())];
            let headers = entra_mcp_http1::Fields::from_iter(headers);
            let known = are_known_to(&headers::McpHeaders::of(&headers));
            assert_eq!(known, expected, "{user_agent}");
        }
    }
}

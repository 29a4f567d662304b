//! The main job: somebody signs in and a tool is called as that user.

use serde_json::{Value, json};

use crate::{
    Program,
    browser::{Browser, Landed},
    client::{self, REDIRECT_URI, call, initialize, register, sign_in, sign_in_to},
};

fn assert_is(result: &Value, mail: &str) {
    assert_eq!(result["isError"], false, "{result}");
    let text = result["content"][0]["text"]
        .as_str()
        .expect("there is text");
    assert!(text.contains(mail), "{result}");
}

/// 2025-11-25, with `structuredContent`. C6, C7; state and `iss` come back.
pub fn sign_in_returns_the_users_own_details(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let result = client.details(&server, "2025-11-25");
    assert_is(&result, "alice@contoso.example");
    assert_eq!(result["structuredContent"]["mail"], "alice@contoso.example");
}

/// The older revisions of Streamable HTTP.
pub fn sessions_of_every_older_revision_return_the_details(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    for revision in ["2025-03-26", "2025-06-18"] {
        assert_is(&client.details(&server, revision), "alice@contoso.example");
    }
}

/// 2026-07-28: no session, everything in each request.
pub fn stateless_revision_returns_the_details(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let send = |method: &str, name: &str, parameters: Value| {
        let mut message =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        message["params"]["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "end to end", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut headers = vec![
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", method),
        ];
        if !name.is_empty() {
            headers.push(("Mcp-Name", name));
        }
        let response = client.post(&server, &headers, &message);
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()["result"].clone()
    };
    let discovered = send("server/discover", "", json!({}));
    assert!(
        discovered["supportedVersions"]
            .as_array()
            .unwrap()
            .contains(&json!("2026-07-28"))
    );
    let listed = send("tools/list", "", json!({}));
    assert_eq!(listed["tools"][0]["name"], "getUserDetails");
    let arguments = json!({"name": "getUserDetails", "arguments": {}});
    let result = send("tools/call", "getUserDetails", arguments);
    assert_eq!(result["resultType"], "complete");
    assert_is(&result, "alice@contoso.example");
}

/// 2024-11-05: the answer comes on the stream; each event is flushed by itself.
pub fn http_sse_returns_the_details_on_its_stream(program: &Program) {
    let server = program.start();
    let client = sign_in_to(&server, register(&server), Some("/sse"), "alice");
    let (head, mut events) = client.stream(&server, "/sse", &[]).unwrap();
    assert_eq!(head.status, 200);
    let (name, target) = events.next_event().unwrap().expect("the endpoint is told");
    assert_eq!(name, "endpoint");
    assert!(target.starts_with("/message?sessionId="), "{target}");
    let bearer = format!("Bearer {}", client.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    for message in [initialize("2024-11-05"), call(1)] {
        let response = server.request("POST", &target, &headers, &message.to_string());
        assert_eq!(response.status, 202, "{}", response.body);
        let (name, data) = events.next_event().unwrap().expect("the answer comes");
        assert_eq!(name, "message");
        let answer: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(answer["id"], message["id"]);
        if message["id"] == 1 {
            assert_is(&answer["result"], "alice@contoso.example");
        }
    }
}

/// I2, P3. Whoever knows the other's session id
/// gets nothing, and without a token it is worth nothing.
pub fn two_users_get_their_own_details(program: &Program) {
    let server = program.start();
    let [alice, grace] =
        ["alice", "grace"].map(|user| sign_in_to(&server, register(&server), None, user));
    assert_is(&alice.details(&server, "2025-11-25"), "Alice");
    assert_is(&grace.details(&server, "2025-11-25"), "Grace");
    assert_ne!(
        client::claims(&alice.access_token)["sub"],
        client::claims(&grace.access_token)["sub"]
    );
    let session = alice.initialize(&server, "2025-11-25");
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    assert_eq!(grace.post(&server, &headers, &call(1)).status, 404);
    let json = ("Content-Type", "application/json");
    let without = [headers[0], headers[1], json];
    assert_eq!(
        server
            .request("POST", "/mcp", &without, &call(1).to_string())
            .status,
        401
    );
    let (head, _) = grace.stream(&server, "/mcp", &headers).unwrap();
    assert_eq!(head.status, 404);
    let (_, mut events) = alice.stream(&server, "/sse", &[]).unwrap();
    let (_, target) = events.next_event().unwrap().expect("the endpoint is told");
    let bearer = format!("Bearer {}", grace.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let response = server.request("POST", &target, &headers, &call(1).to_string());
    assert_eq!(response.status, 404);
}

/// A8: and Entra is never asked.
pub fn declined_consent_is_reported_to_the_client(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let mut browser = Browser::default();
    let address = client::authorize(&server, &client_id);
    let Landed::Page(page, consent) = browser.open(&address, REDIRECT_URI) else {
        panic!("the user is asked first");
    };
    let landed = browser.press(&page, &consent, "Cancel", REDIRECT_URI);
    assert_eq!(
        client::parameter(&landed, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(
        client::parameter(&landed, "state").as_deref(),
        Some("the client's state")
    );
    assert_eq!(client::parameter(&landed, "iss"), Some(server.url()));
}

/// D5, D8: refused by policy at Entra, or disabled there.
pub fn failed_entra_sign_in_issues_no_code(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    for user in ["dave", "erin"] {
        let landed = client::browse(&server, &mut Browser::default(), &client_id, user);
        match landed {
            Landed::Page(_, response) => assert!(response.status >= 200, "Entra's own page"),
            Landed::Left(url) => {
                assert!(url.query().unwrap().contains("error="), "{url}");
                assert!(!url.as_str().contains("code=") && !url.as_str().contains("AADSTS"));
            }
        }
    }
}

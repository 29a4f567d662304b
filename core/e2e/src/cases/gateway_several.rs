//! Several MCP servers behind the gateway, each at a path of its own.

use serde_json::{Value, json};

use super::gateway::Backend;
use crate::{
    Program, Server,
    client::{self, Client, claims, initialize, sign_in_to},
    raw_http::Response,
    session::{answer, until},
};

const ORDERS: &str = "/mcp/orders";
const DOCS: &str = "/mcp/docs";
const OWN_TOOLS: &str = "/mcp/own-tools";

/// Sends a message to this path with this token, within a session if one is named.
fn post(server: &Server, path: &str, client: &Client, session: &str, message: &Value) -> Response {
    let bearer = format!("Bearer {}", client.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2025-11-25"),
        ("Mcp-Session-Id", session),
    ];
    let headers = match session {
        "" => &headers[..4],
        _ => &headers[..],
    };
    server.request("POST", path, headers, &message.to_string())
}

fn begin(server: &Server, path: &str, client: &Client) -> String {
    let response = post(server, path, client, "", &initialize("2025-11-25"));
    assert_eq!(response.status, 200, "{}", response.body);
    response.header("mcp-session-id").to_owned()
}

fn call(name: &str) -> Value {
    let params = json!({"name": name, "arguments": {}});
    json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params})
}

/// R26. One user with one client signs in to each of them: what they got at one is refused at the others.
pub fn what_belongs_to_one_of_several_servers_is_nothing_at_another(program: &Program) {
    let backends = [Backend::start(), Backend::start()];
    let [orders, docs] = &backends;
    let [first, second] = [
        format!("orders={}", orders.address),
        format!("docs={}", docs.address),
    ];
    let arguments = [
        "--backend",
        &first,
        "--backend",
        &second,
        "--with-own-tools",
    ];
    let server = program.start_with(&arguments);
    let client_id = client::register(&server);
    let clients = [ORDERS, DOCS, OWN_TOOLS].map(|path| {
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        let metadata = server.request("GET", &metadata, &[], "").json();
        assert_eq!(metadata["resource"], format!("{}{path}", server.url()));
        let client = sign_in_to(&server, client_id.clone(), Some(path), "alice");
        let session = begin(&server, path, &client);
        (path, client, session)
    });
    for (number, (path, client, session)) in clients.iter().enumerate() {
        for (at, _, other) in &clients {
            if at == path {
                continue;
            }
            let refused = post(&server, at, client, other, &call("whoami"));
            assert_eq!(refused.status, 401, "a token of {path} at {at}");
            let challenge = refused.header("www-authenticate").to_owned();
            let named = format!("oauth-protected-resource{at}\"");
            assert!(challenge.contains(&named), "{challenge}");
            let unknown = post(&server, path, client, other, &call("whoami"));
            assert_eq!(unknown.status, 404, "a session of {at} at {path}");
        }
        let Some(backend) = backends.get(number) else {
            let details = call("getUserDetails");
            let result = answer(&post(&server, path, client, session, &details));
            assert!(result.to_string().contains("alice"), "{result}");
            continue;
        };
        let result = answer(&post(&server, path, client, session, &call("nothing")));
        assert_eq!(result["error"]["code"], -32602, "{result}");
        let requests = backend.requests();
        let sent = requests.iter().find(|text| text.contains("\"nothing\""));
        let sent = sent.expect("it is asked");
        let assertion = sent
            .lines()
            .find_map(|line| line.strip_prefix("entra-mcp-assertion: "))
            .expect("it is told who calls");
        assert_eq!(claims(assertion.trim())["aud"], backend.address);
    }
    for backend in &backends {
        let requests = backend.requests();
        assert!(requests.iter().all(|text| !text.contains("whoami")));
    }
    assert_eq!(server.request("GET", "/mcp", &[], "").status, 404);
    until("both are known to answer", || {
        let ready = server.request("GET", "/readyz", &[], "").body;
        ready.contains("orders answers") && ready.contains("docs answers")
    });
    until("the log names the server", || {
        let log = server.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains("gateway.called") && line.contains("docs (http"))
    });
}

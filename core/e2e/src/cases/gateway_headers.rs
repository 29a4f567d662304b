//! What a client says in headers, and who the backend is told that the user is.

use serde_json::{Value, json};

use super::gateway::Backend;
use crate::{
    Program,
    session::{Session, answer},
};

/// By which the value of each header is found.
const MARK: &str = "of-the-attacker";

/// Headers that some backend or other believes.
const HOSTILE: [&str; 40] = [
    "Entra-MCP-Assertion",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-MS-CLIENT-PRINCIPAL-IDP",
    "X-MS-TOKEN-AAD-ID-TOKEN",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "X-MS-TOKEN-AAD-REFRESH-TOKEN",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Groups",
    "X-Forwarded-Access-Token",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Access-Token",
    "X-Remote-User",
    "Remote-User",
    "X-User-Id",
    "X-User-Sub",
    "X-User-Roles",
    "X-WEBAUTH-USER",
    "X-Pomerium-Jwt-Assertion",
    "Cf-Access-Jwt-Assertion",
    "X-Goog-Iap-Jwt-Assertion",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "Proxy-Authorization",
    "X-Authorization",
    "X-Api-Key",
    "Cookie",
    "X-Forwarded-Uri",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-Real-IP",
    "True-Client-IP",
    "Mcp-Param-Tenant",
    "X-Mcp-UserId",
    "X-Requested-With",
];

/// R2. Nothing of forty headers that an attacker sends reaches the backend, and those that it believes name the user.
pub fn forty_headers_of_a_client_never_reach_a_backend(program: &Program) {
    let backend = Backend::start();
    let server = program.start_with(&[
        "--backend",
        &backend.address,
        "--identity",
        "assertion,easy-auth,forwarded",
    ]);
    let session = Session::of(&server, "alice");
    let params = json!({"name": "breaks", "arguments": {}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut headers = session.headers().to_vec();
    headers.extend(HOSTILE.map(|name| (name, MARK)));
    let response = session.client.post(&server, &headers, &call);
    assert_eq!(answer(&response)["result"]["isError"], true);
    let requests = backend.requests();
    let arrived = requests
        .iter()
        .find(|text| text.contains("\"breaks\""))
        .unwrap();
    for request in &requests {
        assert!(!request.contains(MARK), "{request}");
    }
    let values = |name: &str| -> Vec<&str> {
        let lines = arrived.lines().filter_map(|line| line.split_once(':'));
        let named = lines.filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    };
    let believed = [
        "Entra-MCP-Assertion",
        "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-ID",
        "X-MS-TOKEN-AAD-ID-TOKEN",
        "X-Forwarded-User",
    ];
    for name in believed {
        assert_eq!(values(name).len(), 1, "{name}");
    }
    let told: Value = crate::client::claims(values("Entra-MCP-Assertion")[0]);
    for name in ["X-MS-CLIENT-PRINCIPAL-ID", "X-Forwarded-User"] {
        assert_eq!(json!(values(name)[0]), told["oid"], "{name}");
    }
    let of_user = ["X-MS-CLIENT-PRINCIPAL-NAME", "X-Forwarded-Email"];
    for name in of_user {
        assert!(values(name)[0].starts_with("alice"), "{name}");
    }
    for name in HOSTILE {
        let is_ours = name.starts_with("X-MS-C") || name.starts_with("X-Forwarded-");
        let is_ours = is_ours || believed.contains(&name);
        assert!(is_ours || values(name).is_empty(), "{name}");
    }
}

//! Messages of clients, and what Graph answers.

use serde_json::{Value, json};

/// What Graph is shown.
pub(crate) const GRAPH_TOKEN: &str = "entra access token";

pub(crate) fn rpc(id: i64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// `initialize`.
pub(crate) fn initialize(revision: &str) -> String {
    initialize_with(revision, &json!({}))
}

pub(crate) fn initialize_with(revision: &str, capabilities: &Value) -> String {
    let params = json!({
        "protocolVersion": revision,
        "capabilities": capabilities,
        "clientInfo": {"name": "a test", "version": "1"},
    });
    rpc(0, "initialize", &params)
}

/// The profile of somebody, as Graph tells it.
pub(crate) fn profile(user: &str) -> Value {
    json!({
        "@odata.context": "https://graph.example/v1.0/$metadata#users/$entity",
        "displayName": user,
        "mail": format!("{user}@contoso.example"),
        "userPrincipalName": format!("{user}@contoso.example"),
        "id": user,
        "businessPhones": ["+1 425 555 0109"],
    })
}

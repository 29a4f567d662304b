//! The messages that the server sends of its own accord: notifications and requests.
//!
//! Source: MCP specification 2025-11-25, basic/utilities (progress), server/utilities (logging),
//! server/tools, prompts, resources (list changed, updated); 2026-07-28, subscriptions.

use serde_json::{Map, Value, json};

use crate::{catalog::ChangeNotification, json_rpc::Id};

/// The member of `_meta` that names the subscription which a notification belongs to (2026-07-28).
pub(crate) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// A notification, as JSON on one line.
pub(crate) fn notification(method: &str, params: Map<String, Value>) -> String {
    let mut message = json!({"jsonrpc": "2.0", "method": method});
    if let (false, Value::Object(members)) = (params.is_empty(), &mut message) {
        members.insert("params".to_owned(), Value::Object(params));
    }
    message.to_string()
}

/// A request of the server's, as JSON on one line.
pub(crate) fn request(id: &str, method: &str, params: Option<Value>) -> String {
    let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
    if let (Some(params), Value::Object(members)) = (params, &mut message) {
        members.insert("params".to_owned(), params);
    }
    message.to_string()
}

/// `notifications/cancelled`: a request of the server's needs no response any more.
pub(crate) fn cancelled(id: &str, reason: &str) -> String {
    let params = [("requestId", id), ("reason", reason)];
    let params = params.map(|(name, value)| (name.to_owned(), json!(value)));
    notification("notifications/cancelled", Map::from_iter(params))
}

/// A change, as a notification on a stream; on one of `subscriptions/listen` with the id of its request.
pub(crate) fn changed(change: &ChangeNotification, subscription: Option<&Id>) -> String {
    let mut params = Map::new();
    let method = match change {
        ChangeNotification::Tools => "notifications/tools/list_changed",
        ChangeNotification::Prompts => "notifications/prompts/list_changed",
        ChangeNotification::Resources => "notifications/resources/list_changed",
        ChangeNotification::Resource(uri) => {
            params.insert("uri".to_owned(), json!(uri));
            "notifications/resources/updated"
        }
    };
    if let Some(id) = subscription {
        params.insert("_meta".to_owned(), json!({SUBSCRIPTION_ID: id}));
    }
    notification(method, params)
}

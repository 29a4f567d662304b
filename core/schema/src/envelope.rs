//! What the schemas leave open and this project does not: nothing is `null` unless it says
//! something, and no member stands beside those of JSON-RPC.
//!
//! Source: JSON-RPC 2.0 specification, sections 4 and 5.

use serde_json::{Map, Value};

/// Members whose content is somebody else's: a tool's, a schema's, a client's.
const FREE: [&str; 11] = [
    "_meta",
    "arguments",
    "data",
    "default",
    "enum",
    "experimental",
    "extensions",
    "inputSchema",
    "metadata",
    "outputSchema",
    "structuredContent",
];

/// Whether these are the members of a message, and no others.
pub(crate) fn members(message: &Map<String, Value>) -> Result<(), String> {
    let kinds: [&[&str]; 3] = [
        &["jsonrpc", "id", "method", "params"],
        &["jsonrpc", "id", "result"],
        &["jsonrpc", "id", "error"],
    ];
    let fits = |kind: &&[&str]| message.keys().all(|name| kind.contains(&name.as_str()));
    if !kinds.iter().any(fits) {
        let names: Vec<&String> = message.keys().collect();
        return Err(format!("the members of no message: {names:?}"));
    }
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err("jsonrpc is not \"2.0\"".to_owned());
    }
    Ok(())
}

/// Whether nothing is `null` that had better be left out.
pub(crate) fn no_null(value: &Value) -> Result<(), String> {
    find(value, "")
}

fn find(value: &Value, place: &str) -> Result<(), String> {
    match value {
        Value::Object(members) => {
            // A task that is kept for ever says so with `null`.
            let is_task = members.contains_key("taskId");
            for (name, member) in members {
                let free = FREE.contains(&name.as_str());
                let lasting = is_task && matches!(name.as_str(), "ttl" | "ttlMs");
                if !free && !lasting {
                    find(member, &format!("{place}/{name}"))?;
                }
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| find(item, &format!("{place}/{index}"))),
        Value::Null => Err(format!("{place} is null: leave it out")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

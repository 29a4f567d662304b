//! What a client can be asked, and how it answers.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots.

use serde_json::{Map, Value, json};

use super::Dialect;
use crate::choice::Choice;

/// The capabilities of a client that can be asked all that its revision has.
pub(super) fn of(dialect: Dialect, knows_tasks: bool) -> Value {
    let roots = match dialect {
        Dialect::Modern => json!({}),
        _ => json!({"listChanged": false}),
    };
    let mut all = json!({"sampling": {}, "roots": roots});
    let Some(members) = all.as_object_mut() else {
        return all;
    };
    let elicitation = match dialect.version() {
        "2025-06-18" => Some(json!({})),
        "2025-11-25" | "2026-07-28" => Some(json!({"form": {}, "url": {}})),
        _ => None,
    };
    members.extend(elicitation.map(|modes| ("elicitation".to_owned(), modes)));
    if knows_tasks && dialect == Dialect::Modern {
        let extensions = json!({"io.modelcontextprotocol/tasks": {}});
        members.insert("extensions".to_owned(), extensions);
    }
    all
}

/// What a user, model or client answers to a request of the server.
pub(super) fn answer(method: &str, params: &Value, choice: &mut Choice) -> Value {
    match method {
        "sampling/createMessage" => json!({
            "role": "assistant",
            "content": {"type": "text", "text": "Paris"},
            "model": "a model",
            "stopReason": "endTurn",
        }),
        "roots/list" => json!({"roots": [{"uri": "file:///home/a", "name": "home"}]}),
        _ => {
            if choice.chance(200) {
                return json!({"action": *choice.pick(&["decline", "cancel"])});
            }
            json!({"action": "accept", "content": fill(params.get("requestedSchema"))})
        }
    }
}

/// Fills a form in.
fn fill(schema: Option<&Value>) -> Value {
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let fields = properties.into_iter().flatten();
    let filled = fields.map(|(name, field)| (name.clone(), value_of(field)));
    Value::Object(filled.collect::<Map<_, _>>())
}

fn value_of(field: &Value) -> Value {
    let first = field.pointer("/enum/0").cloned();
    let first = first.or_else(|| field.pointer("/oneOf/0/const").cloned());
    if let Some(first) = first {
        return first;
    }
    match field.get("type").and_then(Value::as_str) {
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(7),
        Some("array") => json!([]),
        _ => json!("some text"),
    }
}

//! The schemas, closed: a server sends no member that the revision does not have, such as one that
//! a later revision brought.
//!
//! The published schemas are open, for a client has to put up with members that it does not know.
//! That is no reason for a server to send some.

use serde_json::{Map, Value};

/// What is not closed: schemas of somebody's own, and what everybody may add to.
const OPEN: [&str; 5] = [
    "_meta",
    "allOf",
    "inputSchema",
    "outputSchema",
    "requestedSchema",
];

/// Closes every definition.
pub(crate) fn close(definitions: &mut Map<String, Value>) {
    for (name, definition) in definitions {
        // Requests and notifications are described without the members of JSON-RPC until 2025-06-18.
        let is_message = name.ends_with("Request") || name.ends_with("Notification");
        if name.ends_with("MetaObject") {
            continue;
        }
        inside(definition);
        if !is_message {
            end(definition);
        }
    }
}

fn inside(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        for (name, property) in properties {
            if !OPEN.contains(&name.as_str()) {
                inside(property);
                end(property);
            }
        }
    }
    for name in ["items", "additionalProperties"] {
        if let Some(one) = members.get_mut(name) {
            inside(one);
            end(one);
        }
    }
}

fn end(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let lists = members.contains_key("properties");
    if lists && !members.contains_key("additionalProperties") && !members.contains_key("allOf") {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

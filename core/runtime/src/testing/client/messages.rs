//! What the test's client says of itself, and how it reads answers.

use serde_json::{Value, json};

use super::ClientError;

/// What the client can be asked.
pub(super) fn capabilities() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

pub(super) fn result_of(mut answer: Value) -> Result<Value, ClientError> {
    match answer.get("error") {
        Some(error) => Err(ClientError::of_json_rpc(error)),
        None => Ok(take(&mut answer, "result")),
    }
}

/// A member, taken out; null if there is none.
pub(super) fn take(object: &mut Value, name: &str) -> Value {
    object.get_mut(name).map(Value::take).unwrap_or_default()
}

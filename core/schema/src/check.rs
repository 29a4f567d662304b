//! Whether one message fits the schema of its revision.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{
    envelope,
    spec::{self, Shape, Spec},
};

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A client.
    Client,
    /// A server.
    Server,
}

/// What the extension for tasks calls its own, of which the schemas say nothing.
const TASKS: &str = "notifications/tasks";

/// Whether a message fits the schema of a revision. An answer is checked by the method of the
/// request that it answers, if `method` says which.
///
/// # Errors
///
/// What does not fit.
pub fn check(
    revision: &str,
    from: From,
    message: &Value,
    method: Option<&str>,
) -> Result<(), String> {
    let spec = match from {
        From::Client => spec::of(revision),
        From::Server => spec::closed(revision),
    };
    let spec = spec.ok_or_else(|| format!("no schema of revision {revision:?}"))?;
    check_members(spec, from, message, method).map_err(|what| {
        let text: String = message.to_string().chars().take(1000).collect();
        format!("{what}; in {text}")
    })
}

fn check_members(
    spec: &Spec,
    from: From,
    message: &Value,
    method: Option<&str>,
) -> Result<(), String> {
    let members = message.as_object().ok_or("a message is an object")?;
    envelope::members(members)?;
    match members.get("method") {
        Some(spoken) => {
            let spoken = spoken.as_str().ok_or("the method is a text")?;
            envelope::no_null(message)?;
            request(spec, from, spoken, members, message)
        }
        None if members.contains_key("error") => error(spec, message),
        None => {
            envelope::no_null(message)?;
            spec.fits(
                spec.first(&["JSONRPCResultResponse", "JSONRPCResponse"]),
                message,
            )?;
            let found = members.get("result").ok_or("neither result nor error")?;
            result(spec, method, found)
        }
    }
}

/// A request or a notification.
fn request(
    spec: &Spec,
    from: From,
    method: &str,
    members: &Map<String, Value>,
    message: &Value,
) -> Result<(), String> {
    let is_request = members.contains_key("id");
    let envelope = if is_request {
        "JSONRPCRequest"
    } else {
        "JSONRPCNotification"
    };
    spec.fits(envelope, message)?;
    if is_request == method.starts_with("notifications/") {
        return Err(format!(
            "{method}: a request has an id, a notification has none"
        ));
    }
    let Some(definition) = spec.method(method) else {
        let is_extension = spec.name == spec::STATELESS && method.starts_with(TASKS);
        return match from {
            // A client may ask for whatever it likes.
            From::Client => Ok(()),
            From::Server if is_extension => Ok(()),
            From::Server => Err(format!("{method} is not known in {}", spec.name)),
        };
    };
    if from == From::Server && !spec.is_of_server(definition) {
        return Err(format!("no server sends {method} in {}", spec.name));
    }
    spec.fits(definition, message)
}

/// An error. Until 2025-06-18 the schemas want an id and JSON-RPC wants `null` where none could be
/// read; later schemas let it be left out. `null` is taken in all.
fn error(spec: &Spec, message: &Value) -> Result<(), String> {
    let mut answer = message.clone();
    if let Some(members) = answer.as_object_mut() {
        match members.get("id") {
            Some(Value::Null) => {
                members.insert("id".to_owned(), Value::from(0));
            }
            None if spec.has("JSONRPCError") => return Err("an error without an id".to_owned()),
            None | Some(_) => {}
        }
    }
    envelope::no_null(&answer)?;
    spec.fits(
        spec.first(&["JSONRPCErrorResponse", "JSONRPCError"]),
        &answer,
    )?;
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    match code.and_then(|code| spec.error(code)) {
        Some((definition, Shape::Answer)) => spec.fits(definition, &answer),
        Some((definition, Shape::Error)) => match answer.get("error") {
            Some(error) => spec.fits(definition, error),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

fn result(spec: &Spec, method: Option<&str>, found: &Value) -> Result<(), String> {
    let kind = found.get("resultType").and_then(Value::as_str);
    match (spec.name == spec::STATELESS, kind) {
        (false, Some(_)) => Err(format!("there is no resultType in {}", spec.name)),
        (true, Some("input_required")) => input_required(spec, method, found),
        // The extension for tasks: of the schema only the envelope.
        (true, Some("task")) => spec.fits("Result", found),
        (true, Some("complete") | None) => spec.fits(&spec.result(method), found),
        (true, Some(other)) => Err(format!("no resultType: {other:?}")),
        // A call that becomes a task (2025-11-25).
        (false, None)
            if spec.has("CreateTaskResult")
                && method == Some("tools/call")
                && found.get("task").is_some() =>
        {
            spec.fits("CreateTaskResult", found)
        }
        (false, None) => spec.fits(&spec.result(method), found),
    }
}

/// At least one of the two is there, and only where the schema has it (SEP-2322).
fn input_required(spec: &Spec, method: Option<&str>, found: &Value) -> Result<(), String> {
    if method.is_some_and(|method| !spec.may_ask_for_input(method)) {
        return Err(format!("{method:?} cannot ask for input"));
    }
    if found.get("inputRequests").is_none() && found.get("requestState").is_none() {
        return Err("input_required without inputRequests and requestState".to_owned());
    }
    spec.fits("InputRequiredResult", found)
}

//! What kind of message one is, by the members of its envelope.
//!
//! Source: JSON-RPC 2.0 specification, sections 4 and 5; MCP specification 2025-11-25, basic, messages: the id of a request is not
//! `null`, a result is an object, an error has an integer code and a message.

use std::ops::Range;

use super::{MessageFault, MessageKind, RawMessage, is_null};
use crate::{
    gateway::raw_json::{self, Members},
    json_rpc::Id,
};

/// Methods that a server asks its client: without an id they are no notifications.
const ASKED: [&str; 4] = [
    "sampling/createMessage",
    "elicitation/create",
    "roots/list",
    "ping",
];

/// What a message is that has these members, and this id if it has one that can be read.
pub(super) fn of(
    text: &str,
    members: &Members<'_>,
    id: Option<Id>,
) -> Result<MessageKind, MessageFault> {
    let result = members.get("result");
    let error = members.get("error").filter(|at| !is_null(text, at));
    let Some(method) = members.get("method") else {
        return match (result, error) {
            (Some(result), None) if id.is_some() && is_object(text, &result) => {
                Ok(MessageKind::Response {
                    id,
                    is_error: false,
                })
            }
            (None, Some(error)) if is_error(text, error.clone()) => {
                Ok(MessageKind::Response { id, is_error: true })
            }
            _ => Err(MessageFault::NotAMessage),
        };
    };
    let method = text.get(method).and_then(raw_json::string);
    let Some(method) = method.filter(|_| result.is_none() && error.is_none()) else {
        return Err(MessageFault::NotAMessage);
    };
    match (id, members.get("id")) {
        (Some(id), _) => Ok(MessageKind::Request {
            id,
            method: method.into_owned(),
        }),
        (None, Some(id)) if !is_null(text, &id) => Err(MessageFault::NotAMessage),
        (None, Some(_)) => Err(MessageFault::NotAnswerable),
        (None, None) if ASKED.contains(&&*method) => Err(MessageFault::NotAnswerable),
        (None, None) => Ok(MessageKind::Notification {
            method: method.into_owned(),
        }),
    }
}

fn is_object(text: &str, at: &Range<usize>) -> bool {
    text.get(at.clone())
        .is_some_and(|value| value.starts_with('{'))
}

fn is_error(text: &str, at: Range<usize>) -> bool {
    let Ok(members) = Members::of(text, at) else {
        return false;
    };
    let written = |name| text.get(members.get(name)?);
    let code = written("code").is_some_and(|code| code.parse::<i64>().is_ok());
    code && written("message").and_then(raw_json::string).is_some()
}

impl RawMessage {
    /// The request that a text answers which is no message: its result or its error is none that there is.
    pub(crate) fn answered_by_malformed(text: &str) -> Option<Id> {
        raw_json::check_depth(text).ok()?;
        let text = raw_json::trimmed(text);
        let members = Members::of_whole(text).ok()?;
        let is_answer = ["result", "error"].map(|name| members.get(name).is_some());
        let is_answer = members.get("method").is_none() && is_answer.contains(&true);
        super::id_of(text.get(members.get("id").filter(|_| is_answer)?)?)
    }
}

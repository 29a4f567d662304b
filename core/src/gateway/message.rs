//! A JSON-RPC message that passes through: its envelope is read and written anew, and all else stays the same bytes.
//!
//! Read are `jsonrpc`, `id`, `method`, and of the parameters the progress token and the id of the request that is meant.
//! Ids and progress tokens of one side mean nothing on the other (threat R5): each is put in place of the other's, in the
//! place where it stands.
//!
//! Source: JSON-RPC 2.0 specification; MCP specification, basic, messages; basic/utilities/progress and cancellation.

mod kind;
mod without;

use std::{borrow::Cow, ops::Range};

use super::raw_json::{self, JsonFault, Members, Places};
use crate::{json_rpc::Id, limits};

/// Why a message does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageFault {
    /// Its text.
    Json(JsonFault),
    /// It is no JSON-RPC message.
    NotAMessage,
    /// It asks something without an id, or with `null` for one: nobody can answer it, and it tells nothing. It is ignored.
    NotAnswerable,
}

impl From<JsonFault> for MessageFault {
    fn from(fault: JsonFault) -> Self {
        Self::Json(fault)
    }
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// It wants an answer to this id.
    Request { id: Id, method: String },
    /// It wants none.
    Notification { method: String },
    /// It answers the request of this id; `None` of an error whose request could not be read.
    Response { id: Option<Id>, is_error: bool },
}

/// A message, by its text and by where the members of its envelope stand there.
#[derive(Clone)]
pub(crate) struct RawMessage {
    text: Box<str>,
    kind: MessageKind,
    id: Option<Range<usize>>,
    params: Option<Range<usize>>,
    /// The members of the parameters, which are looked for more than once.
    param_members: Places,
    /// The result, or the error.
    outcome: Option<Range<usize>>,
    /// The progress token: of a request in `_meta`, of `notifications/progress` beside it.
    token: Option<(Id, Range<usize>)>,
    /// The request that `notifications/cancelled` means.
    cancelled: Option<(Id, Range<usize>)>,
}

/// What a message says is its user's, and may hold an assertion.
impl std::fmt::Debug for RawMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawMessage")
            .field("kind", &self.kind)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl RawMessage {
    /// Reads a message.
    pub(crate) fn read(text: &str) -> Result<Self, MessageFault> {
        raw_json::check_depth(text)?;
        Self::read_object(raw_json::trimmed(text))
    }

    /// Reads the request of this id that a body holds, alone or in an array: of two which have it nobody can say which is meant.
    pub(crate) fn read_of(body: &str, id: &Id) -> Result<Self, MessageFault> {
        raw_json::check_depth(body)?;
        let trimmed = raw_json::trimmed(body);
        if !trimmed.starts_with('[') {
            return Self::read_object(trimmed);
        }
        let mut found = None;
        for element in raw_json::elements_of_whole(body)? {
            let message = match Self::read_object(body.get(element).unwrap_or_default()) {
                Err(MessageFault::NotAnswerable) => continue,
                read => read?,
            };
            let is_it = matches!(&message.kind, MessageKind::Request { id: one, .. } if one == id);
            if is_it && found.replace(message).is_some() {
                return Err(MessageFault::NotAMessage);
            }
        }
        found.ok_or(MessageFault::NotAMessage)
    }

    /// What was made of a message that had been read, of others that had been, and of what was written here: it is not parsed again.
    pub(crate) fn of_checked(text: &str) -> Result<Self, MessageFault> {
        Self::with_members(text, Members::of(text, 0..text.len())?)
    }

    fn read_object(text: &str) -> Result<Self, MessageFault> {
        Self::with_members(text, Members::of_whole(text)?)
    }

    /// Reads the one object that a text is, of which these are the members.
    fn with_members(text: &str, members: Members<'_>) -> Result<Self, MessageFault> {
        let written = |name| Some(text.get(members.get(name)?).unwrap_or_default());
        let string = |name| written(name).and_then(raw_json::string);
        if string("jsonrpc").as_deref() != Some("2.0") {
            return Err(MessageFault::NotAMessage);
        }
        let id_at = members.get("id");
        let id = written("id").and_then(id_of);
        let error = members.get("error").filter(|at| !is_null(text, at));
        let outcome = error.or_else(|| members.get("result"));
        let kind = kind::of(text, &members, id)?;
        let mut message = Self {
            id: id_at,
            params: members.get("params").filter(|at| !is_null(text, at)),
            param_members: Places::default(),
            outcome,
            token: None,
            cancelled: None,
            text: text.into(),
            kind,
        };
        message.read_params()?;
        Ok(message)
    }

    /// Finds the ids of others among the parameters.
    fn read_params(&mut self) -> Result<(), MessageFault> {
        let Some(at) = self.params.clone() else {
            return Ok(());
        };
        let params = Members::of(&self.text, at)?;
        let id_at = |at: Range<usize>| Some((id_of(self.text.get(at.clone())?)?, at));
        match &self.kind {
            MessageKind::Request { .. } => {
                let meta = params.get("_meta");
                let meta = meta.map(|at| Members::of(&self.text, at)).transpose()?;
                let token = meta.and_then(|meta| meta.get("progressToken"));
                self.token = token.and_then(id_at);
            }
            MessageKind::Notification { method } if method == "notifications/progress" => {
                self.token = params.get("progressToken").and_then(id_at);
            }
            MessageKind::Notification { method } if method == "notifications/cancelled" => {
                self.cancelled = params.get("requestId").and_then(id_at);
            }
            MessageKind::Notification { .. } | MessageKind::Response { .. } => {}
        }
        self.param_members = params.places();
        Ok(())
    }

    /// What it is.
    pub(crate) fn kind(&self) -> &MessageKind {
        &self.kind
    }

    /// The whole of it, as it came.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The result or the error of a response, as it is written.
    pub(crate) fn outcome(&self) -> Option<&str> {
        self.text.get(self.outcome.clone()?)
    }

    /// The result of a response that is no error, as it is written.
    pub(crate) fn result(&self) -> Option<&str> {
        self.text.get(self.result_at()?)
    }

    pub(super) fn result_at(&self) -> Option<Range<usize>> {
        match self.kind {
            MessageKind::Response { is_error, .. } if !is_error => self.outcome.clone(),
            _ => None,
        }
    }

    /// The code of the error of a response.
    pub(crate) fn error_code(&self) -> Option<i32> {
        let MessageKind::Response { is_error: true, .. } = self.kind else {
            return None;
        };
        let members = Members::of(&self.text, self.outcome.clone()?).ok()?;
        self.text.get(members.get("code")?)?.parse().ok()
    }

    /// Whether it says, as results of tools do, that the tool failed. It is looked for, not parsed: within a text the quotes
    /// would be escaped.
    pub(crate) fn says_is_error(&self) -> bool {
        let said = self.text.split("\"isError\"").skip(1);
        said.into_iter().any(|rest| {
            let value = rest.trim_start().strip_prefix(':');
            value.is_some_and(|value| value.trim_start().starts_with("true"))
        })
    }

    /// The parameters, as they are written.
    pub(crate) fn params(&self) -> Option<&str> {
        self.text.get(self.params.clone()?)
    }

    /// A parameter that is a string.
    pub(crate) fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        raw_json::string(self.text.get(self.param_members.get(&self.text, name)?)?)
    }

    /// A parameter, or a member of one, as it is written.
    pub(crate) fn param_at(&self, path: &[&str]) -> Option<&str> {
        let Some((param, within)) = path.split_first() else {
            return self.params();
        };
        let mut at = self.param_members.get(&self.text, param)?;
        for name in within {
            at = Members::of(&self.text, at).ok()?.get(name)?;
        }
        self.text.get(at)
    }

    /// Whether what is at this path of the parameters is an object that can be read in one way.
    pub(crate) fn has_members(&self, path: &[&str]) -> bool {
        let object = self.param_at(path);
        object.is_some_and(|text| Members::of(text, 0..text.len()).is_ok())
    }

    /// Whether a member of the message, or of what is at this path of its parameters, is written almost as one of these: some readers
    /// take small letters and capitals for the same, and would read another message than this server (threat R7).
    pub(crate) fn has_lookalike(&self, path: Option<&[&str]>, names: &[&str]) -> bool {
        let object = match path {
            None => Some(&*self.text),
            Some(path) => self.param_at(path),
        };
        let members = object.and_then(|text| Members::of(text, 0..text.len()).ok());
        let is_lookalike = |member: &str| {
            let folded = raw_json::folded(member);
            names
                .iter()
                .any(|name| *name != member && folded == raw_json::folded(name))
        };
        members.is_some_and(|members| members.names().any(is_lookalike))
    }

    /// The same message with another result.
    pub(crate) fn with_result(self, result: &str) -> Self {
        let text = self
            .outcome
            .clone()
            .map(|at| raw_json::splice(&self.text, vec![(at, result)]));
        text.and_then(|text| Self::of_checked(&text).ok())
            .unwrap_or(self)
    }

    /// The same message with this parameter, which may be a member of another, in the place of the one that is there. `None` if what it
    /// is to be in is no object.
    pub(crate) fn with_param(&self, path: &[&str], value: &str) -> Option<Self> {
        let mut path = path.iter();
        let (mut at, mut name) = match &self.params {
            Some(at) => (at.clone(), *path.next()?),
            None => (0..self.text.len(), "params"),
        };
        while let Some(within) = Members::of(&self.text, at.clone()).ok()?.get(name) {
            if is_null(&self.text, &within) {
                break;
            }
            let Some(next) = path.next() else {
                break;
            };
            (at, name) = (within, next);
        }
        let nested = |value, name: &&str| format!("{{{}:{value}}}", serde_json::json!(name));
        let value = path.rev().fold(value.to_owned(), nested);
        let text = raw_json::set(&self.text, at, name, &value).ok()?;
        Self::read(&text).ok()
    }

    /// Whether it is a result that asks for input (2026-07-28).
    pub(crate) fn is_input_required(&self) -> bool {
        self.result_text("resultType").as_deref() == Some("input_required")
    }

    /// A member of the result that is a string.
    pub(crate) fn result_text(&self, name: &str) -> Option<Cow<'_, str>> {
        let members = Members::of(&self.text, self.outcome.clone()?).ok()?;
        raw_json::string(self.text.get(members.get(name)?)?)
    }

    /// The same message with this member of its result, in the place of the one that is there.
    pub(crate) fn with_result_member(&self, name: &str, value: &str) -> Option<Self> {
        let text = raw_json::set(&self.text, self.outcome.clone()?, name, value).ok()?;
        Self::of_checked(&text).ok()
    }

    /// The progress token.
    pub(crate) fn token(&self) -> Option<&Id> {
        self.token.as_ref().map(|(token, _)| token)
    }

    /// The request that is cancelled.
    pub(crate) fn cancelled(&self) -> Option<&Id> {
        self.cancelled.as_ref().map(|(request, _)| request)
    }

    /// The same message with another value of this member of its `_meta`, which must be that one; in its parameters, or in its result.
    pub(crate) fn with_name(&self, name: &str, from: &Id, to: &Id) -> Option<String> {
        let holder = self.params.clone().or(self.outcome.clone())?;
        let meta = Members::of(&self.text, holder).ok()?.get("_meta")?;
        let at = Members::of(&self.text, meta).ok()?.get(name)?;
        let is_meant = id_of(self.text.get(at.clone())?).as_ref() == Some(from);
        is_meant.then(|| raw_json::splice(&self.text, vec![(at, &json_of(to))]))
    }

    /// The same message with this in place of the parameter at this path, if it is there.
    pub(crate) fn with_param_at(&self, path: &[&str], written: &str) -> Option<Self> {
        let mut at = self.params.clone()?;
        for name in path {
            at = Members::of(&self.text, at).ok()?.get(name)?;
        }
        Self::read(&raw_json::splice(&self.text, vec![(at, written)])).ok()
    }

    /// The same message with these in place of its id, of its progress token, and of the request that it cancels. What it has
    /// not, it does not get.
    pub(crate) fn with_ids(&self, ids: Replaced<'_>) -> String {
        let token = self.token.as_ref().map(|(_, at)| at);
        let cancelled = self.cancelled.as_ref().map(|(_, at)| at);
        let places = [
            (self.id.as_ref(), ids.id),
            (token, ids.token),
            (cancelled, ids.cancelled),
        ];
        let written = places.map(|(at, id)| Some((at?.clone(), json_of(id?))));
        let pieces = written.iter().flatten();
        let pieces = pieces.map(|(at, id)| (at.clone(), id.as_str())).collect();
        raw_json::splice(&self.text, pieces)
    }
}

/// What is put in place of ids.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replaced<'a> {
    /// For the message's own.
    pub(crate) id: Option<&'a Id>,
    /// For the progress token.
    pub(crate) token: Option<&'a Id>,
    /// For the request that is cancelled.
    pub(crate) cancelled: Option<&'a Id>,
}

/// Whether `null` stands there.
fn is_null(text: &str, at: &Range<usize>) -> bool {
    text.get(at.clone()) == Some("null")
}

/// An id as JSON.
fn json_of(id: &Id) -> String {
    serde_json::to_string(id).expect("an id can be written as JSON")
}

/// The id that a value is, if it is one: a string or an integer.
fn id_of(written: &str) -> Option<Id> {
    if let Some(text) = raw_json::string(written) {
        let fits = text.len() <= limits::REQUEST_ID_BYTES;
        return fits.then(|| Id::Text(text.into_owned()));
    }
    let positive = written.parse().ok().map(Id::Positive);
    positive.or_else(|| written.parse().ok().map(Id::Negative))
}

#[cfg(test)]
mod tests;

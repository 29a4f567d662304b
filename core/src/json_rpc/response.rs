//! Answers, as they are sent.

use std::sync::Arc;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct as _},
};
use serde_json::{Map, Value};

use super::{Error, Id};

/// The member of `_meta` that says from whom a result is (2026-07-28).
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The kind of a result that says no other (2026-07-28).
const COMPLETE: (&str, &str) = ("resultType", "complete");

/// An answer, as it is sent.
#[derive(Debug)]
pub(crate) struct Response {
    id: Option<Id>,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Result(Value),
    /// A result, and the server that it is from: joined when they are written.
    From(Map<String, Value>, Arc<Value>),
    Error(Error),
}

impl Response {
    pub(crate) fn result(id: Id, result: Value) -> Self {
        Self {
            id: Some(id),
            outcome: Outcome::Result(result),
        }
    }

    /// What [`with_server_info`] makes of a result.
    pub(crate) fn result_from(id: Id, result: Map<String, Value>, server_info: Arc<Value>) -> Self {
        Self {
            id: Some(id),
            outcome: Outcome::From(result, server_info),
        }
    }

    /// An error; `null` stands for an id that could not be read (JSON-RPC 2.0 section 5).
    pub(crate) fn error(id: Option<Id>, error: Error) -> Self {
        Self {
            id,
            outcome: Outcome::Error(error),
        }
    }

    /// The result or the error.
    pub(crate) fn into_outcome(self) -> Result<Value, Error> {
        match self.outcome {
            Outcome::Result(result) => Ok(result),
            Outcome::From(result, server_info) => {
                Ok(Value::Object(with_server_info(result, &server_info)))
            }
            Outcome::Error(error) => Err(error),
        }
    }

    /// An error of the same request.
    pub(crate) fn error_instead(&self, error: Error) -> Self {
        Self::error(self.id.clone(), error)
    }

    /// The code of the error, if it is one.
    pub(crate) fn error_code(&self) -> Option<i32> {
        match &self.outcome {
            Outcome::Result(_) | Outcome::From(..) => None,
            Outcome::Error(error) => Some(error.code),
        }
    }

    /// As JSON on one line.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("what we answer can be written as JSON")
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Response", 3)?;
        members.serialize_field("jsonrpc", "2.0")?;
        members.serialize_field("id", &self.id)?;
        match &self.outcome {
            Outcome::Result(result) => members.serialize_field("result", result)?,
            Outcome::From(result, server_info) => {
                members.serialize_field("result", &From(result, server_info))?;
            }
            Outcome::Error(error) => members.serialize_field("error", error)?,
        }
        members.end()
    }
}

/// What every result has (2026-07-28): of which kind it is, and from whom.
pub(crate) fn with_server_info(
    mut result: Map<String, Value>,
    server_info: &Value,
) -> Map<String, Value> {
    let (name, complete) = COMPLETE;
    if !result.contains_key(name) {
        result.insert(name.to_owned(), complete.into());
    }
    let meta = result.entry("_meta").or_insert_with(|| Map::new().into());
    if let Value::Object(meta) = meta {
        meta.insert(SERVER_INFO.to_owned(), server_info.clone());
    }
    result
}

/// The same as [`with_server_info`], written from where the parts are: no request builds them anew.
struct From<'a>(&'a Map<String, Value>, &'a Value);

impl Serialize for From<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(result, server_info) = self;
        let mut members = serializer.serialize_map(None)?;
        let mut meta = None;
        for (name, value) in *result {
            match name.as_str() {
                "_meta" => meta = Some(value),
                name => members.serialize_entry(name, value)?,
            }
        }
        let (name, complete) = COMPLETE;
        if !result.contains_key(name) {
            members.serialize_entry(name, complete)?;
        }
        match meta {
            Some(Value::Object(meta)) => {
                members.serialize_entry("_meta", &Meta(Some(meta), server_info))?;
            }
            Some(other) => members.serialize_entry("_meta", other)?,
            None => members.serialize_entry("_meta", &Meta(None, server_info))?,
        }
        members.end()
    }
}

/// The `_meta` of a result: what it has itself, and the server.
struct Meta<'a>(Option<&'a Map<String, Value>>, &'a Value);

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, value) in self.0.into_iter().flatten() {
            if name != SERVER_INFO {
                members.serialize_entry(name, value)?;
            }
        }
        members.serialize_entry(SERVER_INFO, self.1)?;
        members.end()
    }
}

/// Several answers as JSON on one line: an array if they answer a batch.
pub(crate) fn to_json(answers: &[Response], batch: bool) -> String {
    if let ([one], false) = (answers, batch) {
        return one.to_json();
    }
    let texts: Vec<String> = answers.iter().map(Response::to_json).collect();
    let text = texts.join(",");
    if batch { format!("[{text}]") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn result_is_written_with_its_server_as_if_it_were_joined_before() {
        let server = json!({"name": "a", "version": "1"});
        for result in [
            json!({}),
            json!({"content": [], "_meta": {"x": 1}}),
            json!({"resultType": "task", "_meta": {SERVER_INFO: "made up", "z": {}}}),
            json!({"_meta": null}),
        ] {
            let members = result.as_object().unwrap();
            let joined = Value::Object(with_server_info(members.clone(), &server));
            let response = || {
                let server = Arc::new(server.clone());
                Response::result_from(Id::Positive(1), members.clone(), server)
            };
            let written: Value = serde_json::from_str(&response().to_json()).unwrap();
            assert_eq!(written["result"], joined);
            assert_eq!(response().into_outcome(), Ok(joined));
        }
    }
}

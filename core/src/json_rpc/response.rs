//! Answers, as they are sent.

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use super::{Error, Id};

/// The member of `_meta` that says from whom a result is (2026-07-28).
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The kind of a result that says no other (2026-07-28).
const COMPLETE: (&str, &str) = ("resultType", "complete");

/// What the server calls itself.
#[derive(Debug)]
pub(crate) struct ServerInfo {
    pub(crate) value: Value,
    /// What every result ends with, as JSON (2026-07-28): the kind that says no other, and the server.
    end: String,
}

impl ServerInfo {
    pub(crate) fn new(value: Value) -> Self {
        let end = with_server_info(Map::new(), &value);
        let end = Value::Object(end).to_string();
        let end = end.strip_prefix('{').unwrap_or_default().to_owned();
        Self { value, end }
    }
}

/// The result of a request.
#[derive(Debug)]
pub(crate) enum ResultBody {
    Members(Map<String, Value>),
    /// What is written from where it is.
    Object(Box<dyn ResultObject>),
}

/// A result with a member or more, but neither `resultType` nor `_meta`.
pub(crate) trait ResultObject: std::fmt::Debug + Send {
    /// Writes it as JSON.
    fn write(&self, to: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Whether it says that a tool failed.
    fn is_error(&self) -> bool;

    /// The same as members.
    fn members(&self) -> Map<String, Value>;
}

impl std::convert::From<Map<String, Value>> for ResultBody {
    fn from(members: Map<String, Value>) -> Self {
        Self::Members(members)
    }
}

impl ResultBody {
    /// Whether it says that a tool failed.
    pub(crate) fn is_error(&self) -> bool {
        match self {
            Self::Members(members) => members.get("isError") == Some(&Value::Bool(true)),
            Self::Object(object) => object.is_error(),
        }
    }

    /// Whether it asks the client something before the call can be done (2026-07-28).
    pub(crate) fn asks(&self) -> bool {
        match self {
            Self::Members(members) => members.get(COMPLETE.0) == Some(&"input_required".into()),
            Self::Object(_) => false,
        }
    }

    fn into_members(self) -> Map<String, Value> {
        match self {
            Self::Members(members) => members,
            Self::Object(object) => object.members(),
        }
    }
}

/// An answer, as it is sent.
#[derive(Debug)]
pub(crate) struct Response {
    id: Option<Id>,
    outcome: Outcome,
    /// In how many seconds to come again, if that is all that is wrong.
    retry_after: Option<u64>,
}

#[derive(Debug)]
enum Outcome {
    Result(ResultBody),
    /// A result, and the server that it is from: joined when they are written.
    From(ResultBody, Arc<ServerInfo>),
    Error(Error),
    /// The whole message as it is sent; and the code of its error, if it is one.
    Whole(String, Option<i32>),
}

impl Response {
    pub(crate) fn result(id: Id, result: impl Into<ResultBody>) -> Self {
        Self {
            id: Some(id),
            outcome: Outcome::Result(result.into()),
            retry_after: None,
        }
    }

    /// What [`with_server_info`] makes of a result.
    pub(crate) fn result_from(
        id: Id,
        result: impl Into<ResultBody>,
        server_info: Arc<ServerInfo>,
    ) -> Self {
        Self {
            id: Some(id),
            outcome: Outcome::From(result.into(), server_info),
            retry_after: None,
        }
    }

    /// An error; `null` stands for an id that could not be read (JSON-RPC 2.0 section 5).
    pub(crate) fn error(id: Option<Id>, error: Error) -> Self {
        Self {
            id,
            outcome: Outcome::Error(error),
            retry_after: None,
        }
    }

    /// An error that may not be one any more in so many seconds; `None`: nobody knows, or it will be.
    pub(crate) fn error_for_now(id: Id, error: Error, retry_after: Option<u64>) -> Self {
        Self {
            retry_after,
            ..Self::error(Some(id), error)
        }
    }

    /// The answer of another server to this request, as it is sent; and the code of its error, if it is one.
    pub(crate) fn whole(id: Id, text: String, error_code: Option<i32>) -> Self {
        Self {
            id: Some(id),
            outcome: Outcome::Whole(text, error_code),
            retry_after: None,
        }
    }

    /// A result that is written already.
    pub(crate) fn raw_result(id: Id, result: &str) -> Self {
        let written = serde_json::to_string(&id).expect("an id can be written as JSON");
        let text = format!(r#"{{"jsonrpc":"2.0","id":{written},"result":{result}}}"#);
        Self::whole(id, text, None)
    }

    /// The result or the error.
    pub(crate) fn into_outcome(self) -> Result<Map<String, Value>, Error> {
        match self.outcome {
            Outcome::Result(result) => Ok(result.into_members()),
            Outcome::From(result, server_info) => {
                Ok(with_server_info(result.into_members(), &server_info.value))
            }
            Outcome::Error(error) => Err(error),
            Outcome::Whole(text, code) => whole_outcome(&text, code),
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
            Outcome::Whole(_, code) => *code,
        }
    }

    /// In how many seconds to come again, if that may help.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// As JSON on one line.
    pub(crate) fn to_json(&self) -> String {
        if let Outcome::Whole(text, _) = &self.outcome {
            return text.clone();
        }
        let mut text = Vec::with_capacity(USUAL_BYTES);
        text.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        write(&mut text, &self.id);
        match &self.outcome {
            Outcome::Whole(..) => {}
            Outcome::Error(error) => {
                text.extend_from_slice(b",\"error\":");
                write(&mut text, error);
            }
            Outcome::Result(result) => {
                text.extend_from_slice(b",\"result\":");
                match result {
                    ResultBody::Members(members) => write(&mut text, members),
                    ResultBody::Object(object) => written(object.write(&mut text)),
                }
            }
            Outcome::From(result, server_info) => {
                text.extend_from_slice(b",\"result\":");
                match result {
                    ResultBody::Members(members) => {
                        write(&mut text, &From(members, &server_info.value));
                    }
                    ResultBody::Object(object) => {
                        written(object.write(&mut text));
                        // More members come in place of its end.
                        text.pop();
                        text.push(b',');
                        text.extend_from_slice(server_info.end.as_bytes());
                    }
                }
            }
        }
        text.push(b'}');
        String::from_utf8(text).expect("JSON is text")
    }
}

/// What another server has answered, read.
fn whole_outcome(text: &str, code: Option<i32>) -> Result<Map<String, Value>, Error> {
    let message: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    match (code, message.get("result")) {
        (None, Some(Value::Object(result))) => Ok(result.clone()),
        (code, _) => {
            let said = message.get("error").and_then(|error| error.get("message"));
            let said = said.and_then(Value::as_str).unwrap_or_default();
            Err(Error::with_message(
                code.unwrap_or(Error::INTERNAL),
                said.to_owned(),
            ))
        }
    }
}

/// A usual response is not longer.
const USUAL_BYTES: usize = 512;

fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    written(serde_json::to_writer(text, value));
}

fn written(result: serde_json::Result<()>) {
    result.expect("what we answer can be written as JSON");
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
            let joined = with_server_info(members.clone(), &server);
            let response = || {
                let server = Arc::new(ServerInfo::new(server.clone()));
                Response::result_from(Id::Positive(1), members.clone(), server)
            };
            let written: Value = serde_json::from_str(&response().to_json()).unwrap();
            assert_eq!(written["result"], Value::Object(joined.clone()));
            assert_eq!(response().into_outcome(), Ok(joined));
        }
    }

    impl ResultObject for Map<String, Value> {
        fn write(&self, to: &mut Vec<u8>) -> serde_json::Result<()> {
            serde_json::to_writer(to, self)
        }

        fn is_error(&self) -> bool {
            false
        }

        fn members(&self) -> Map<String, Value> {
            self.clone()
        }
    }

    #[test]
    fn result_that_is_an_object_is_sent_as_if_its_members_were_given() {
        let server = Arc::new(ServerInfo::new(json!({"name": "a", "version": "1"})));
        let members = Map::from_iter([("content".to_owned(), json!([{"text": "}"}]))]);
        let object = || ResultBody::Object(Box::new(members.clone()));
        for [written, given] in [
            [object(), members.clone().into()].map(|body| Response::result(Id::Positive(1), body)),
            [object(), members.clone().into()].map(|body| {
                Response::result_from(Id::Text("\"".to_owned()), body, Arc::clone(&server))
            }),
        ] {
            let [one, other] = [&written, &given].map(|response| {
                serde_json::from_str::<Value>(&response.to_json()).expect("it is JSON")
            });
            assert_eq!(one, other);
            assert_eq!(written.into_outcome(), given.into_outcome());
        }
    }
}

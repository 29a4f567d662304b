//! From the method of a request to what answers it.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::{
    Caller, Revision,
    json_rpc::{Answer, Error, Id, Request},
    v2026_07_28,
};
use crate::{
    event::Event,
    exchange::Cx,
    tools::{Call, Called, Tool},
};

/// Requests that are answered one after the other: one, or those of a batch.
#[derive(Debug)]
pub(crate) struct Work {
    revision: Revision,
    todo: VecDeque<Request>,
    current: Option<(Id, Box<Call>)>,
    answers: Vec<Answer>,
}

/// How far the work is.
#[derive(Debug)]
pub(crate) enum Worked {
    /// It goes on.
    Waiting(Work),
    /// These are the answers, in the order of the requests.
    Done(Vec<Answer>),
    /// The person must sign in again; this request found out.
    SessionOver(Id),
}

/// What one request leads to.
enum Reply {
    Result(Value),
    Error(Error),
    Call(Called),
}

impl Work {
    /// Begins. Whether the scopes suffice was checked: [`missing_scope`].
    pub(crate) fn start(
        revision: Revision,
        requests: Vec<Request>,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Worked {
        let work = Self {
            revision,
            todo: requests.into(),
            current: None,
            answers: Vec::new(),
        };
        work.go_on(caller, cx)
    }

    /// The next state after an event.
    pub(crate) fn handle(mut self, event: Event, caller: &Caller, cx: &mut Cx<'_>) -> Worked {
        let Some((id, call)) = self.current.take() else {
            return self.go_on(caller, cx);
        };
        match call.handle(event, cx) {
            Called::SessionOver => Worked::SessionOver(id),
            called => {
                self.called(id, called);
                self.go_on(caller, cx)
            }
        }
    }

    fn go_on(mut self, caller: &Caller, cx: &mut Cx<'_>) -> Worked {
        while self.current.is_none() {
            let Some(request) = self.todo.pop_front() else {
                return Worked::Done(self.answers);
            };
            match reply(self.revision, &request, caller, cx) {
                Reply::Result(result) => self.answers.push(Answer::result(request.id, result)),
                Reply::Error(error) => self.answers.push(Answer::error(Some(request.id), error)),
                Reply::Call(Called::SessionOver) => return Worked::SessionOver(request.id),
                Reply::Call(called) => self.called(request.id, called),
            }
        }
        Worked::Waiting(self)
    }

    fn called(&mut self, id: Id, called: Called) {
        match called {
            Called::Waiting(call) => self.current = Some((id, call)),
            Called::Done(result) => {
                let result = finished(self.revision, result.to_json(self.revision));
                self.answers.push(Answer::result(id, result));
            }
            Called::BadArguments(words) => {
                let error = Error::invalid_params(words);
                self.answers.push(Answer::error(Some(id), error));
            }
            Called::SessionOver => {}
        }
    }
}

/// The scope that a request needs and the caller was not granted, if any (threats.md P1).
pub(crate) fn missing_scope(request: &Request, caller: &Caller) -> Option<&'static str> {
    if request.method != "tools/call" {
        return None;
    }
    let tool = Tool::find(request.params.get("name")?.as_str()?)?;
    let scope = tool.declaration().scope;
    (!caller.may(scope)).then_some(scope)
}

fn reply(revision: Revision, request: &Request, caller: &Caller, cx: &mut Cx<'_>) -> Reply {
    let stateless = revision.features().stateless;
    let params = &request.params;
    let result = match request.method.as_str() {
        "ping" if !stateless => Ok(json!({})),
        "initialize" if !stateless => Err(Error::invalid_request(
            "The method `initialize` comes alone and first.",
        )),
        "server/discover" if stateless => Ok(v2026_07_28::discover()),
        "tools/list" => list(revision, params),
        "tools/call" => match call(revision, params, caller, cx) {
            Ok(called) => return Reply::Call(called),
            Err(error) => Err(error),
        },
        _ => Err(Error::method_not_found()),
    };
    match result {
        Ok(result) => Reply::Result(finished(revision, result)),
        Err(error) => Reply::Error(error),
    }
}

/// The result with what a revision adds to every result.
fn finished(revision: Revision, result: Value) -> Value {
    match (revision.features().stateless, result) {
        (true, Value::Object(result)) => v2026_07_28::complete(result),
        (_, result) => result,
    }
}

/// All tools are on the first page; there is no other.
fn list(revision: Revision, params: &Map<String, Value>) -> Result<Value, Error> {
    if params.contains_key("cursor") {
        return Err(Error::invalid_params("There is no such cursor."));
    }
    let tools: Vec<Value> = Tool::ALL
        .iter()
        .map(|tool| tool.declaration().to_json(revision))
        .collect();
    let mut result = json!({"tools": tools});
    if let (true, Value::Object(members)) = (revision.features().stateless, &mut result) {
        v2026_07_28::cacheable(members);
    }
    Ok(result)
}

fn call(
    revision: Revision,
    params: &Map<String, Value>,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Result<Called, Error> {
    let name = params.get("name").and_then(Value::as_str);
    let Some(name) = name else {
        return Err(Error::invalid_params(
            "The parameter `name` must be a string.",
        ));
    };
    let empty = Map::new();
    let arguments = match params.get("arguments") {
        None => &empty,
        Some(Value::Object(arguments)) => arguments,
        Some(_) => {
            return Err(Error::invalid_params(
                "The parameter `arguments` must be an object.",
            ));
        }
    };
    // We never ask for more input, so we never made such a state (threats.md I8, RPC-21).
    if revision.features().stateless && params.contains_key("requestState") {
        return Err(Error::invalid_params("This `requestState` is not ours."));
    }
    let Some(tool) = Tool::find(name) else {
        return Err(Error::invalid_params("There is no such tool."));
    };
    Ok(tool.call(arguments, revision, caller, cx))
}

//! From the end of a call to the result or the error that its client gets.
//!
//! Source: MCP specification 2025-11-25, server/tools (error handling), server/resources;
//! 2026-07-28, basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    audit,
    find::find_tool,
    lists, request_state,
    resolve::{RESOURCE_NOT_FOUND, no_such_tool, truncated},
    v2026_07_28,
};
use crate::{
    admit::caller::Caller,
    ask::InvokeOutput,
    catalog::{Caching, CallError, InputRequest, InputResult, ToolResult},
    json_rpc::{Error, Json, Request, ResultBody},
    log_event::{Field, LogEventId},
    planted::Planted,
    revision::Revision,
    step::Cx,
};

/// What the client gets at the end of a call.
pub(crate) fn finished(
    result: Result<InvokeOutput, CallError>,
    request: &Request,
    revision: Revision,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Result<ResultBody, Error> {
    let is_tool = request.method == "tools/call";
    match result {
        Ok(InvokeOutput::Tool(result)) => tool_result(request, result, revision, caller, cx),
        Ok(InvokeOutput::PromptMessages(messages)) => Ok(messages.to_json(revision).into()),
        Ok(InvokeOutput::Values(found)) => Ok(found.into_json().into()),
        Ok(InvokeOutput::ResourcePage(page)) => match page.problem() {
            None => {
                let (params, catalog) = (&request.params, cx.env.catalog);
                lists::with_computed(&page, revision, params, caller, catalog).map(Into::into)
            }
            Some(problem) => {
                let message = format!("The page of resources cannot be sent: {problem}.");
                log_failure(&CallError::Internal(message), request, caller, cx);
                Err(failed(cx))
            }
        },
        Ok(InvokeOutput::Contents(contents)) => {
            let mut result = contents.to_json(revision);
            if revision.features().stateless {
                let uri = request.params.get("uri").and_then(Json::as_str);
                let catalog = cx.env.catalog;
                let found = catalog.resource_at(uri.unwrap_or_default(), |_| true);
                let caching = found.map_or_else(Caching::default, |found| found.caching());
                v2026_07_28::cacheable(&mut result, caching);
            }
            Ok(result.into())
        }
        Err(CallError::Message(message)) if is_tool => {
            Ok(written(ToolResult::error(message), revision))
        }
        Err(failure) => {
            log_failure(&failure, request, caller, cx);
            Err(match failure {
                CallError::Message(message) => Error::with_message(Error::INVALID_PARAMS, message),
                CallError::Internal(message) if cx.env.server.has(Planted::FaultDisclosed) => {
                    Error::with_message(Error::INTERNAL, message)
                }
                CallError::Internal(_) => failed(cx),
                CallError::NotFound => not_found(request),
                CallError::JsonRpc(code, message, data) => Error {
                    data,
                    ..Error::with_message(code, message)
                },
            })
        }
    }
}

/// A tool that says what it returns must return that: else it is the tool's fault, not the client's.
fn tool_result(
    request: &Request,
    result: ToolResult,
    revision: Revision,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Result<ResultBody, Error> {
    let name = request.params.get("name").and_then(Json::as_str);
    let entry = name.and_then(|name| find_tool(name, caller, cx.env.catalog));
    let entry = entry.ok_or_else(no_such_tool)?;
    let mismatch = match (&entry.output, result.structured_content()) {
        (Some(_), _) if result.is_error() => None,
        (Some(output), Some(structured)) => output.first_error(structured),
        (Some(_), None) => Some("it has no structured content".to_owned()),
        (None, _) => None,
    };
    let Some(mismatch) = mismatch else {
        return Ok(written(result, revision));
    };
    let message = "The tool's result does not fit its output schema";
    let failure = CallError::Internal(format!("{message}: {mismatch}"));
    log_failure(&failure, request, caller, cx);
    let told = format!("{message}. {}", in_the_log(cx));
    Ok(written(ToolResult::error(told), revision))
}

/// What a client learns of a fault of the server's: nothing, and by which id the operator finds it.
fn failed(cx: &Cx<'_>) -> Error {
    let message = format!("This failed. {}", in_the_log(cx));
    Error::with_message(Error::INTERNAL, message).with_data(json!({"requestId": cx.request_id()}))
}

fn in_the_log(cx: &Cx<'_>) -> String {
    format!(
        "Its cause is in the server's log, under the request id {}.",
        cx.request_id()
    )
}

fn written(result: ToolResult, revision: Revision) -> ResultBody {
    match result.meta_members().is_empty() {
        true => ResultBody::Object(Box::new(result.of_revision(revision))),
        false => ResultBody::Members(result.to_json(revision)),
    }
}

fn not_found(request: &Request) -> Error {
    let uri = request
        .params
        .get("uri")
        .and_then(Json::as_str)
        .unwrap_or_default();
    Error::new(RESOURCE_NOT_FOUND, "There is no such resource.")
        .with_data(json!({"uri": truncated(uri)}))
}

/// Before 2026-07-28 a resource that is not there has a code of its own.
pub(crate) fn of_revision(mut error: Error, revision: Revision) -> Error {
    if revision.features().stateless && error.code == RESOURCE_NOT_FOUND {
        error.code = Error::INVALID_PARAMS;
    }
    error
}

/// What the client of a call that needs input gets (2026-07-28).
pub(crate) fn input_required(
    questions: &BTreeMap<String, InputRequest>,
    answers: &BTreeMap<String, InputResult>,
    request: &Request,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Result<Map<String, Value>, Error> {
    let Some(state) = request_state::seal(answers, request, caller, cx) else {
        return Err(Error::invalid_params(
            "The answers to this call's questions are too long.",
        ));
    };
    Ok(v2026_07_28::input_required(questions, state))
}

/// Writes a fault of the server's to the log: the client is told only that it failed.
fn log_failure(failure: &CallError, request: &Request, caller: &Caller, cx: &mut Cx<'_>) {
    if let CallError::Internal(message) = failure {
        let failed = audit::of(LogEventId::CallFailed, request, caller, cx);
        cx.log(failed.with_text(Field::Error, message));
    }
}

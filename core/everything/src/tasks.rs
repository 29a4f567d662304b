//! Tools whose calls may go on as tasks.
//!
//! A call becomes a task when it first waits for anything but an answer: a tool that wants its questions
//! to be the task's waits a moment first.

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::catalog::{
    Call, CallError, CatalogBuilder, Effect, ElicitationSchema, FieldSchema, Handler, InputRequest,
    Step, TaskSupport, Tool, ToolResult,
};
use serde_json::{Value, json};

use crate::input_required::name_of;

const MOMENT: Duration = Duration::from_millis(20);

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    let taking = |name: &str, description: &str, properties: Value| {
        let names: Vec<_> = properties
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
            .collect();
        Tool::new(name, description).input_schema(json!({
            "type": "object", "properties": properties, "required": names,
        }))
    };
    let text = || json!({"type": "string"});
    let greet = taking("greet", "Greets, at once", json!({"name": text()}));
    let seconds = json!({"type": "number", "minimum": 0, "maximum": 600});
    let slow = taking(
        "slow_compute",
        "Takes so many seconds",
        json!({"seconds": seconds, "label": text()}),
    );
    let confirm = taking(
        "confirm_delete",
        "Asks before it would delete",
        json!({"filename": text()}),
    );
    let named = |name: &str, description: &str, tasks| Tool::new(name, description).tasks(tasks);
    catalog
        .tool(greet, Handler::Step(self::greet))
        .tool(
            slow.tasks(TaskSupport::Optional),
            Handler::Step(slow_compute),
        )
        .tool(
            named("failing_job", "Fails after a while", TaskSupport::Required),
            Handler::Step(failing_job),
        )
        .tool(
            named(
                "protocol_error_job",
                "Fails as the protocol has it",
                TaskSupport::Optional,
            ),
            Handler::Step(protocol_error_job),
        )
        .tool(
            confirm.tasks(TaskSupport::Optional),
            Handler::Step(confirm_delete),
        )
        .tool(
            named(
                "multi_input",
                "Asks two things at once",
                TaskSupport::Optional,
            ),
            Handler::Step(multi_input),
        )
        .tool(
            named(
                "test_tool_with_task",
                "Asks, then continues as a task",
                TaskSupport::Required,
            ),
            Handler::Step(ask_then_work),
        )
}

fn greet(call: &Call) -> Step<ToolResult> {
    Step::done(format!("Hello, {}!", call.text("name")))
}

fn slow_compute(call: &Call) -> Step<ToolResult> {
    let seconds = call
        .arguments()
        .get("seconds")
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    if call.results().is_empty() && !duration.is_zero() {
        return Step::effect(Effect::Sleep(duration));
    }
    Step::done(format!("{} took {seconds} s.", call.text("label")))
}

fn failing_job(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::Sleep(Duration::from_secs(1))),
        _ => Step::failed("This job fails, as it is meant to."),
    }
}

fn protocol_error_job(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::Sleep(MOMENT)),
        _ => {
            let message = "This job fails as the protocol has it, as it is meant to.";
            Step::failed(CallError::JsonRpc(-32603, message.to_owned(), None))
        }
    }
}

fn yes_or_no(message: &str) -> InputRequest {
    InputRequest::form(
        message,
        ElicitationSchema::new().field("confirm", FieldSchema::boolean()),
    )
}

fn confirm_delete(call: &Call) -> Step<ToolResult> {
    let file = call.text("filename");
    match call.answer("confirmation") {
        _ if call.results().is_empty() => Step::effect(Effect::Sleep(MOMENT)),
        None => {
            let input_request = yes_or_no(&format!("Delete {file}?"));
            Step::effect(Effect::request_input("confirmation", input_request))
        }
        Some(answer) if answer.get("confirm") == Some(&Value::Bool(true)) => {
            Step::done(format!("{file} would be deleted now."))
        }
        Some(_) => Step::done(format!("{file} was not deleted.")),
    }
}

fn multi_input(call: &Call) -> Step<ToolResult> {
    match (call.answer("first"), call.answer("second")) {
        _ if call.results().is_empty() => Step::effect(Effect::Sleep(MOMENT)),
        (Some(_), Some(_)) => Step::done("Both were answered."),
        _ => Step::effect(Effect::RequestInput(BTreeMap::from([
            ("first".to_owned(), yes_or_no("The first?")),
            ("second".to_owned(), yes_or_no("The second?")),
        ]))),
    }
}

fn ask_then_work(call: &Call) -> Step<ToolResult> {
    match (call.answer("user_name"), call.results().len()) {
        (None, _) => {
            let form = ElicitationSchema::new().field("name", FieldSchema::text());
            let input_request = InputRequest::form("What is your name?", form);
            Step::effect(Effect::request_input("user_name", input_request))
        }
        (Some(_), 0 | 1) => Step::effect(Effect::Sleep(MOMENT)),
        (Some(answer), _) => Step::done(format!("The work for {} is done.", name_of(answer))),
    }
}

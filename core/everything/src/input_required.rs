//! Tools that need input before they can go on, one for each way in which that can happen.

use std::collections::BTreeMap;

use entra_mcp_core::catalog::{
    Call, CatalogBuilder, Effect, ElicitationSchema, FieldSchema, InputRequest, InputResponse,
    Step, ToolResult,
};
use serde_json::Value;

use crate::plain;

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    plain(
        catalog,
        &[
            (
                "test_input_required_result_elicitation",
                "Asks the user's name",
                name,
            ),
            (
                "test_input_required_result_sampling",
                "Asks the client's model",
                sampling,
            ),
            (
                "test_input_required_result_list_roots",
                "Asks the client's roots",
                roots,
            ),
            (
                "test_input_required_result_request_state",
                "Asks for a confirmation",
                confirm,
            ),
            (
                "test_input_required_result_multiple_inputs",
                "Asks three things at once",
                three,
            ),
            (
                "test_input_required_result_multi_round",
                "Asks twice",
                rounds,
            ),
            (
                "test_input_required_result_tampered_state",
                "Asks for a confirmation",
                confirm,
            ),
            (
                "test_input_required_result_capabilities",
                "Asks only what its client can be asked",
                capabilities,
            ),
        ],
    )
}

fn ask_name() -> InputRequest {
    InputRequest::form(
        "What is your name?",
        ElicitationSchema::new().field("name", FieldSchema::text()),
    )
}

/// The name that the user gave; else that they gave none.
pub(crate) fn name_of(answer: &InputResponse) -> &str {
    answer
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("whoever you are")
}

fn ask_capital() -> InputRequest {
    InputRequest::sample("What is the capital of France?", 100)
}

fn ask_sure(message: &str) -> InputRequest {
    InputRequest::form(
        message,
        ElicitationSchema::new().field("ok", FieldSchema::boolean()),
    )
}

fn name(call: &Call) -> Step<ToolResult> {
    match call.answer("user_name") {
        None => Step::effect(Effect::request_input("user_name", ask_name())),
        Some(answer) => Step::done(format!("Hello, {}!", name_of(answer))),
    }
}

fn sampling(call: &Call) -> Step<ToolResult> {
    match call.answer("capital_question") {
        None => Step::effect(Effect::request_input("capital_question", ask_capital())),
        Some(answer) => Step::done(answer.sampled_text().unwrap_or("The model said no text.")),
    }
}

fn roots(call: &Call) -> Step<ToolResult> {
    match call.answer("client_roots") {
        Some(InputResponse::Roots(roots)) => {
            Step::done(format!("The client has {} root(s).", roots.len()))
        }
        None => Step::effect(Effect::request_input("client_roots", InputRequest::roots())),
        Some(_) => Step::done("The client gave no roots."),
    }
}

fn confirm(call: &Call) -> Step<ToolResult> {
    match call.answer("confirm") {
        None => Step::effect(Effect::request_input(
            "confirm",
            ask_sure("Shall it go on?"),
        )),
        Some(answer) => Step::done(format!("state-ok: {}", answer.action())),
    }
}

fn three(call: &Call) -> Step<ToolResult> {
    let answers = (
        call.answer("user_name"),
        call.answer("greeting"),
        call.answer("client_roots"),
    );
    match answers {
        (Some(name), Some(greeting), Some(_)) => {
            let greeting = greeting.sampled_text().unwrap_or("Hello");
            Step::done(format!("{greeting} {}", name_of(name)))
        }
        _ => Step::effect(Effect::RequestInput(BTreeMap::from([
            ("user_name".to_owned(), ask_name()),
            (
                "greeting".to_owned(),
                InputRequest::sample("Say a greeting.", 50),
            ),
            ("client_roots".to_owned(), InputRequest::roots()),
        ]))),
    }
}

fn rounds(call: &Call) -> Step<ToolResult> {
    match (call.answer("step1"), call.answer("step2")) {
        (None, _) => Step::effect(Effect::request_input("step1", ask_name())),
        (Some(_), None) => {
            let form = ElicitationSchema::new().field("color", FieldSchema::text());
            Step::effect(Effect::request_input(
                "step2",
                InputRequest::form("What is your favourite color?", form),
            ))
        }
        (Some(name), Some(_)) => Step::done(format!("Two rounds for {}.", name_of(name))),
    }
}

fn capabilities(call: &Call) -> Step<ToolResult> {
    let client_capabilities = call.client_capabilities();
    let mut questions = BTreeMap::new();
    if client_capabilities.elicitation_form {
        questions.insert("user_name".to_owned(), ask_name());
    }
    if client_capabilities.sampling {
        questions.insert("capital_question".to_owned(), ask_capital());
    }
    questions.retain(|key, _| call.answer(key).is_none());
    match questions.is_empty() {
        false => Step::effect(Effect::RequestInput(questions)),
        true => Step::done("Everything that this client can be asked was asked."),
    }
}

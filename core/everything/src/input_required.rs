//! Tools that need input before they can go on, one for each way in which that can happen.

use std::collections::BTreeMap;

use entra_mcp_core::catalog::{
    Answer, Call, CatalogBuilder, Field, Form, Question, Step, ToolResult, Wish,
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

fn ask_name() -> Question {
    Question::form(
        "What is your name?",
        Form::new().field("name", Field::text()),
    )
}

/// The name that the user gave; else that they gave none.
pub(crate) fn name_of(answer: &Answer) -> &str {
    answer
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("whoever you are")
}

fn ask_capital() -> Question {
    Question::sample("What is the capital of France?", 100)
}

fn ask_sure(message: &str) -> Question {
    Question::form(message, Form::new().field("ok", Field::boolean()))
}

fn name(call: &Call) -> Step<ToolResult> {
    match call.answer("user_name") {
        None => Step::wish(Wish::ask("user_name", ask_name())),
        Some(answer) => Step::done(format!("Hello, {}!", name_of(answer))),
    }
}

fn sampling(call: &Call) -> Step<ToolResult> {
    match call.answer("capital_question") {
        None => Step::wish(Wish::ask("capital_question", ask_capital())),
        Some(answer) => Step::done(answer.sampled_text().unwrap_or("The model said no text.")),
    }
}

fn roots(call: &Call) -> Step<ToolResult> {
    match call.answer("client_roots") {
        Some(Answer::Roots(roots)) => {
            Step::done(format!("The client has {} root(s).", roots.len()))
        }
        _ => Step::wish(Wish::ask("client_roots", Question::roots())),
    }
}

fn confirm(call: &Call) -> Step<ToolResult> {
    match call.answer("confirm") {
        None => Step::wish(Wish::ask("confirm", ask_sure("Shall it go on?"))),
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
        _ => Step::wish(Wish::Ask(BTreeMap::from([
            ("user_name".to_owned(), ask_name()),
            (
                "greeting".to_owned(),
                Question::sample("Say a greeting.", 50),
            ),
            ("client_roots".to_owned(), Question::roots()),
        ]))),
    }
}

fn rounds(call: &Call) -> Step<ToolResult> {
    match (call.answer("step1"), call.answer("step2")) {
        (None, _) => Step::wish(Wish::ask("step1", ask_name())),
        (Some(_), None) => {
            let form = Form::new().field("color", Field::text());
            Step::wish(Wish::ask(
                "step2",
                Question::form("What is your favourite color?", form),
            ))
        }
        (Some(name), Some(_)) => Step::done(format!("Two rounds for {}.", name_of(name))),
    }
}

fn capabilities(call: &Call) -> Step<ToolResult> {
    let abilities = call.abilities();
    let mut questions = BTreeMap::new();
    if abilities.elicit_form {
        questions.insert("user_name".to_owned(), ask_name());
    }
    if abilities.sample {
        questions.insert("capital_question".to_owned(), ask_capital());
    }
    questions.retain(|key, _| call.answer(key).is_none());
    match questions.is_empty() {
        false => Step::wish(Wish::Ask(questions)),
        true => Step::done("Everything that this client can be asked was asked."),
    }
}

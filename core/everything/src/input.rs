//! Tools that ask: the user, by forms with fields of every kind, and the client's model.

use entra_mcp_core::catalog::{
    Call, CatalogBuilder, Effect, ElicitationSchema, FieldSchema, Handler, InputRequest,
    InputResponse, Step, Tool, ToolResult,
};
use serde_json::{Value, json};

use crate::plain;

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    let with = |name: &str, description: &str, argument: &str| {
        Tool::new(name, description).input_schema(json!({
            "type": "object",
            "properties": {argument: {"type": "string", "description": "What is asked"}},
            "required": [argument],
        }))
    };
    let sampling = with("test_sampling", "Asks the client's model", "prompt");
    let elicitation = with("test_elicitation", "Asks the user", "message");
    let catalog = catalog
        .tool(sampling, Handler::Step(sample))
        .tool(elicitation, Handler::Step(elicit));
    plain(
        catalog,
        &[
            (
                "test_elicitation_sep1034_defaults",
                "Asks by a form whose fields have defaults",
                defaults,
            ),
            (
                "test_elicitation_sep1330_enums",
                "Asks by a form with choices of every kind",
                enums,
            ),
            (
                "test_streaming_elicitation",
                "Asks the user in whichever way the revision has",
                streaming,
            ),
            (
                "test_missing_capability",
                "Needs the client's model",
                missing,
            ),
        ],
    )
}

fn sample(call: &Call) -> Step<ToolResult> {
    match call.answer("response") {
        None => Step::effect(Effect::request_input(
            "response",
            InputRequest::sample(call.text("prompt"), 100),
        )),
        Some(answer) => {
            let text = answer.sampled_text().unwrap_or("nothing that is text");
            Step::done(format!("LLM response: {text}"))
        }
    }
}

fn elicit(call: &Call) -> Step<ToolResult> {
    let form = ElicitationSchema::new()
        .field(
            "username",
            FieldSchema::text().description("The user's name"),
        )
        .field(
            "email",
            FieldSchema::text().description("The user's mail address"),
        );
    asked(call, call.text("message"), form, "User response")
}

fn defaults(call: &Call) -> Step<ToolResult> {
    let status = FieldSchema::one_of(["active", "inactive", "pending"]).default("active");
    let form = ElicitationSchema::new()
        .field("name", FieldSchema::text().default("John Doe"))
        .field("age", FieldSchema::integer().default(30))
        .field("score", FieldSchema::number().default(95.5))
        .field("status", status)
        .field("verified", FieldSchema::boolean().default(true));
    asked(
        call,
        "Please look over these values.",
        form,
        "Elicitation completed",
    )
}

fn enums(call: &Call) -> Step<ToolResult> {
    const TITLED: [(&str, &str); 3] = [
        ("value1", "First Option"),
        ("value2", "Second Option"),
        ("value3", "Third Option"),
    ];
    const UNTITLED: [&str; 3] = ["option1", "option2", "option3"];
    let legacy = FieldSchema::one_of(["opt1", "opt2", "opt3"]).with(
        "enumNames",
        json!(["Option One", "Option Two", "Option Three"]),
    );
    let form = ElicitationSchema::new()
        .field("untitledSingle", FieldSchema::one_of(UNTITLED).optional())
        .field(
            "titledSingle",
            FieldSchema::one_of_titled(TITLED).optional(),
        )
        .field("legacyEnum", legacy.optional())
        .field("untitledMulti", FieldSchema::some_of(UNTITLED).optional())
        .field(
            "titledMulti",
            FieldSchema::some_of_titled(TITLED).optional(),
        );
    asked(call, "Please choose.", form, "Elicitation completed")
}

fn streaming(call: &Call) -> Step<ToolResult> {
    let form = ElicitationSchema::new().field("name", FieldSchema::text());
    asked(call, "What is your name?", form, "User response")
}

fn missing(call: &Call) -> Step<ToolResult> {
    match call.answer("response") {
        None => Step::effect(Effect::request_input(
            "response",
            InputRequest::sample("Say hello.", 10),
        )),
        Some(_) => Step::done("The client has what it takes."),
    }
}

/// Asks by a form, and returns what was answered.
fn asked(call: &Call, message: &str, form: ElicitationSchema, title: &str) -> Step<ToolResult> {
    match call.answer("answer") {
        None => Step::effect(Effect::request_input(
            "answer",
            InputRequest::form(message, form),
        )),
        Some(answer) => {
            let content = match answer {
                InputResponse::Accepted(content) => Value::Object(content.clone()),
                _ => json!({}),
            };
            let action = answer.action();
            Step::done(format!("{title}: action={action}, content={content}"))
        }
    }
}

//! Prompts: plain, with arguments that are completed, with a resource, with a picture, and one that asks.

use entra_mcp_core::catalog::{
    Call, CatalogBuilder, CompleteResult, Content, Effect, ElicitationSchema, FieldSchema, Handler,
    InputRequest, Prompt, PromptArgument, PromptMessages, ResourceContents, Step,
};

use crate::content::PNG;

pub(crate) fn offer(catalog: CatalogBuilder) -> CatalogBuilder {
    let argument = |name: &str, description: &str| {
        PromptArgument::new(name)
            .description(description)
            .required()
    };
    let with_arguments = Prompt::new("test_prompt_with_arguments", "A prompt with arguments")
        .argument(argument("arg1", "The first argument"))
        .argument(argument("arg2", "The second argument"));
    let with_resource = Prompt::new(
        "test_prompt_with_embedded_resource",
        "A prompt with a resource",
    )
    .argument(argument("resourceUri", "The URI of the resource"));
    catalog
        .prompt(
            Prompt::new("test_simple_prompt", "A simple prompt").meta("com.example/color", "red"),
            Handler::Step(simple),
        )
        .prompt(with_arguments, Handler::Step(arguments))
        .prompt(with_resource, Handler::Step(resource))
        .prompt(
            Prompt::new("test_prompt_with_image", "A prompt with a picture"),
            Handler::Step(image),
        )
        .prompt(
            Prompt::new(
                "test_input_required_result_prompt",
                "A prompt that asks first",
            ),
            Handler::Step(asking),
        )
        .complete_prompt("test_prompt_with_arguments", Handler::Step(complete))
}

fn simple(_: &Call) -> Step<PromptMessages> {
    let messages = PromptMessages::new().user("This is a simple prompt for testing.");
    Step::done(messages.meta("com.example/color", "red"))
}

fn arguments(call: &Call) -> Step<PromptMessages> {
    let (first, second) = (call.text("arg1"), call.text("arg2"));
    let text = format!("Prompt with arguments: arg1='{first}', arg2='{second}'");
    Step::done(PromptMessages::new().user(text))
}

fn resource(call: &Call) -> Step<PromptMessages> {
    let text = "Embedded resource content for testing.";
    let contents = ResourceContents::text(call.text("resourceUri"), text).mime_type("text/plain");
    Step::done(
        PromptMessages::new()
            .user(Content::embedded(contents))
            .user("Please process the embedded resource above."),
    )
}

fn image(_: &Call) -> Step<PromptMessages> {
    Step::done(
        PromptMessages::new()
            .user(Content::image(PNG, "image/png"))
            .user("Please analyze the image above."),
    )
}

fn asking(call: &Call) -> Step<PromptMessages> {
    match call.answer("user_context") {
        None => {
            let form = ElicitationSchema::new().field("context", FieldSchema::text());
            Step::effect(Effect::request_input(
                "user_context",
                InputRequest::form("What is it about?", form),
            ))
        }
        Some(answer) => {
            let context = answer.get("context").and_then(|context| context.as_str());
            let text = format!("It is about {}.", context.unwrap_or("something else"));
            Step::done(PromptMessages::new().user(text))
        }
    }
}

fn complete(call: &Call) -> Step<CompleteResult> {
    let known = ["testValue1", "testValue2", "texture"];
    let begun = [call.text("arg1"), call.text("arg2")];
    let fits = |value: &&str| {
        begun
            .iter()
            .any(|begun| !begun.is_empty() && value.starts_with(begun))
    };
    Step::done(
        known
            .iter()
            .filter(|value| fits(value))
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
    )
}

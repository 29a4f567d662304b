//! Feature by revision: each test goes through all five and shows who has the feature and who has not.
//! README's table links here.

mod talking;

use super::*;
use crate::catalog::{Annotations, Icon, TaskSupport};

const ALL: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", NEW];

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

fn kinds(_: &Call) -> Step<ToolResult> {
    let hints = Annotations::new()
        .priority(0.5)
        .last_modified("2026-07-28T12:00:00Z");
    Step::done(vec![
        Content::text("text").annotated(hints),
        Content::image(b"x", "image/png"),
        Content::audio(b"x", "audio/wav"),
        Content::link(Resource::new("a://static", "static")),
        Content::embedded(ResourceContents::text("a://static", "text")),
    ])
}

fn count(_: &Call) -> Step<ToolResult> {
    Step::done(ToolResult::structured(&json!({"count": 7})))
}

fn url(call: &Call) -> Step<ToolResult> {
    match call.answer("page") {
        None => Step::effect(Effect::request_input(
            "page",
            InputRequest::url("Please go there.", "https://a.example/"),
        )),
        Some(answer) => Step::done(answer.action()),
    }
}

fn roots(call: &Call) -> Step<ToolResult> {
    match call.answer("roots") {
        None => Step::effect(Effect::request_input("roots", InputRequest::roots())),
        Some(answer) => Step::done(format!("{answer:?}")),
    }
}

fn with_message(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => {
            let notification = ProgressNotification::new(1.0, None).message("one");
            Step::effect(Effect::Progress(notification))
        }
        _ => Step::done("done"),
    }
}

fn world() -> World {
    let object = json!({"type": "object", "properties": {"count": {"type": "integer"}}});
    let with_result_meta = Tool::new("count", "Counts")
        .title("Count")
        .read_only()
        .icon(Icon::new("https://a.example/count.png").size("48x48"))
        .output_schema(object);
    let mirrored = json!({"type": "object", "properties":
        {"region": {"type": "string", "x-mcp-header": "Region"}}});
    let catalog = offer(Catalog::builder())
        .tool(with_result_meta, Handler::Step(count))
        .tool(text("kinds", kinds).0, Handler::Step(kinds))
        .tool(text("url", url).0, Handler::Step(url))
        .tool(text("roots", roots).0, Handler::Step(roots))
        .tool(
            text("with_message", with_message).0,
            Handler::Step(with_message),
        )
        .tool(
            text("mirrored", count).0.input_schema(mirrored),
            Handler::Step(count),
        )
        .tool(
            text("job", away).0.tasks(TaskSupport::Optional),
            Handler::Step(away),
        );
    World::offering(catalog.build().unwrap())
}

/// Goes through all revisions with a client that can be asked everything.
fn each(mut check: impl FnMut(&mut World, &Client, &str)) {
    let mut world = world();
    for revision in ALL {
        let client = Client::new(&mut world, revision, able());
        check(&mut world, &client, revision);
    }
}

#[test]
fn lifecycle() {
    each(|world, client, revision| {
        let is_new = revision == NEW;
        let discovered = client.ask(world, "server/discover", json!({}));
        assert_eq!(
            discovered["supportedVersions"].is_array(),
            is_new,
            "{discovered}"
        );
        let ping = client.ask(world, "ping", json!({}));
        assert_eq!(ping == json!({}), !is_new, "{ping}");
        let again = client.ask(world, "initialize", json!({}));
        assert_eq!(again["code"], if is_new { -32601 } else { -32602 });
    });
}

#[test]
fn tools() {
    each(|world, client, _| {
        let tools = client.ask(world, "tools/list", json!({}));
        assert!(tools.to_string().contains("\"count\""));
        let result = client.call(world, "count", json!({}));
        assert_eq!(result["content"][0]["text"], "{\"count\":7}");
    });
}

fn listed(world: &mut World, client: &Client, name: &str) -> Value {
    let tools = client.ask(world, "tools/list", json!({}));
    let tools = tools["tools"].as_array().unwrap().clone();
    tools.into_iter().find(|tool| tool["name"] == name).unwrap()
}

#[test]
fn tool_annotations() {
    each(|world, client, revision| {
        let tool = listed(world, client, "count");
        let hinted = tool["annotations"]["readOnlyHint"] == true;
        assert_eq!(hinted, revision >= "2025-03-26", "{revision}");
    });
}

#[test]
fn titles_and_structured_results() {
    each(|world, client, revision| {
        let tool = listed(world, client, "count");
        let result = client.call(world, "count", json!({}));
        let has = revision >= "2025-06-18";
        assert_eq!(tool.get("title").is_some(), has, "{revision}");
        assert_eq!(tool.get("outputSchema").is_some(), has, "{revision}");
        assert_eq!(
            result["structuredContent"] == json!({"count": 7}),
            has,
            "{revision}"
        );
    });
}

#[test]
fn icons() {
    each(|world, client, revision| {
        let tool = listed(world, client, "count");
        assert_eq!(
            tool.get("icons").is_some(),
            revision >= "2025-11-25",
            "{revision}"
        );
    });
}

fn kind_of(world: &mut World, client: &Client, place: usize) -> Value {
    client.call(world, "kinds", json!({}))["content"][place]["type"].clone()
}

#[test]
fn text_images_and_embedded_resources() {
    each(|world, client, revision| {
        for (place, kind) in [(0, "text"), (1, "image"), (4, "resource")] {
            assert_eq!(kind_of(world, client, place), kind, "{revision}");
        }
    });
}

#[test]
fn audio() {
    each(|world, client, revision| {
        let has = kind_of(world, client, 2) == "audio";
        assert_eq!(has, revision >= "2025-03-26", "{revision}");
    });
}

#[test]
fn resource_links() {
    each(|world, client, revision| {
        let has = kind_of(world, client, 3) == "resource_link";
        assert_eq!(has, revision >= "2025-06-18", "{revision}");
    });
}

#[test]
fn invalid_arguments_are_tool_errors() {
    each(|world, client, revision| {
        let result = client.call(world, "slow", json!({"arguments": {}}));
        assert_eq!(
            result["isError"] == true,
            revision >= "2025-11-25",
            "{revision}"
        );
        assert_eq!(
            result["code"] == -32602,
            revision < "2025-11-25",
            "{revision}"
        );
    });
}

#[test]
fn resources_and_templates() {
    each(|world, client, _| {
        let resources = client.ask(world, "resources/list", json!({}));
        assert_eq!(resources["resources"][0]["uri"], "a://static");
        let templates = client.ask(world, "resources/templates/list", json!({}));
        assert_eq!(
            templates["resourceTemplates"][0]["uriTemplate"],
            "a://one/{id}"
        );
        let read = client.ask(world, "resources/read", json!({"uri": "a://one/7"}));
        assert_eq!(read["contents"][0]["text"], "id 7");
    });
}

#[test]
fn prompts() {
    each(|world, client, _| {
        let listed = client.ask(world, "prompts/list", json!({}));
        assert_eq!(listed["prompts"][0]["name"], "review");
        let params = json!({"name": "review", "arguments": {"code": "x"}});
        let prompt = client.ask(world, "prompts/get", params);
        assert_eq!(prompt["messages"][0]["content"]["text"], "Review x");
    });
}

#[test]
fn completion() {
    each(|world, client, _| {
        let params = json!({"ref": {"type": "ref/prompt", "name": "review"},
            "argument": {"name": "code", "value": "code14"}});
        let found = client.ask(world, "completion/complete", params);
        assert_eq!(found["completion"]["total"], 10);
    });
}

#[test]
fn pagination() {
    let catalog = offer(Catalog::builder()).page_size(4).build().unwrap();
    let mut world = World::offering(catalog);
    for revision in ALL {
        let client = Client::new(&mut world, revision, json!({}));
        let first = client.ask(&mut world, "tools/list", json!({}));
        let cursor = json!({"cursor": first["nextCursor"]});
        let second = client.ask(&mut world, "tools/list", cursor);
        assert_ne!(first["tools"][0], second["tools"][0], "{revision}");
    }
}

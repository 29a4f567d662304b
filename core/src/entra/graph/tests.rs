//! Requests of tools to Graph; threats D11, D14, O1, P9.

use ::http::{Response, header};
use bytes::Bytes;
use serde_json::json;

use crate::{
    catalog::{Call, Catalog, Effect, EffectResult, GraphRequest, Handler, Step, Tool, ToolResult},
    limits,
    mcp::testing::{GRAPH_TOKEN, World, rpc},
    testing::json as body,
};

/// A tool that sends the request of its argument, and tells what came of it.
fn send(call: &Call) -> Step<ToolResult> {
    let request = match call.text("request") {
        "mail" => GraphRequest::post(["v1.0", "me", "sendMail"])
            .header("Prefer", "x")
            .json(&json!({"subject": "Lunch"})),
        "content" => GraphRequest::get(["v1.0", "drives", "1", "content"])
            .header("Range", "bytes=0-9")
            .response_limit(usize::MAX)
            .follow_link(),
        "stream" if call.results().is_empty() => {
            let request = GraphRequest::get(["v1.0", "me"]);
            return Step::effect(Effect::GraphStream(Box::new(request)));
        }
        "token" => GraphRequest::get(["v1.0", "me"]).header("Authorization", "Bearer mine"),
        path => GraphRequest::get_path(path),
    };
    match call.results() {
        [] => Step::effect(Effect::Graph(Box::new(request))),
        [EffectResult::Graph(Ok(answer)), ..] => {
            let text = String::from_utf8_lossy(answer.body());
            let etag = answer.header("etag").unwrap_or_default();
            Step::done(format!("{} {etag} {text}", answer.status()))
        }
        [EffectResult::Graph(Err(error)), ..] => {
            let told = (error.status, &error.code, &error.message, error.retry_after);
            Step::done(format!("{told:?} {error}"))
        }
        _ => Step::done("odd"),
    }
}

fn world() -> World {
    let mut world = World::new();
    let schema = json!({"type": "object", "properties": {"request": {"type": "string"}}});
    let tool = Tool::new("send", "Sends a request").input_schema(schema);
    let catalog = Catalog::builder().tool(tool, Handler::Step(send));
    world.server.server.catalog = catalog.build().unwrap();
    world
}

fn told(world: &mut World, request: &str) -> String {
    let id = world.initialize("alice", "2025-11-25");
    let params = json!({"name": "send", "arguments": {"request": request}});
    let named = [("mcp-session-id", id.as_str())];
    let response = world.post("alice", &named, rpc(1, "tools/call", &params));
    let text = &body(&response)["result"]["content"][0]["text"];
    text.as_str().unwrap_or_default().to_owned()
}

fn link(to: &str) -> Response<Bytes> {
    let response = Response::builder().status(302).header(header::LOCATION, to);
    response.body(Bytes::new()).unwrap()
}

#[test]
fn request_has_its_method_headers_and_body_and_the_users_token() {
    let mut world = world();
    let accepted = Response::builder().status(202).header("etag", "W/1");
    world
        .graph
        .push_back(Ok(accepted.body(Bytes::new()).unwrap()));
    assert_eq!(told(&mut world, "mail"), "202 W/1 ");
    let asked = &world.asked[0];
    assert_eq!(asked.method(), "POST");
    assert_eq!(asked.uri(), "https://graph.example/v1.0/me/sendMail");
    assert_eq!(asked.headers()["prefer"], "x");
    assert_eq!(asked.headers()["content-type"], "application/json");
    assert_eq!(asked.headers()["accept"], "application/json");
    assert_eq!(
        asked.headers()["authorization"],
        format!("Bearer {GRAPH_TOKEN} of alice")
    );
    assert_eq!(asked.body(), r#"{"subject":"Lunch"}"#);
}

#[test]
fn refusal_is_told_to_the_tool_with_status_code_and_message_and_not_logged() {
    let mut world = world();
    let error = json!({"error": {"code": "ErrorItemNotFound", "message": "No such item."}});
    world.graph_responds(404, &error);
    assert_eq!(
        told(&mut world, "v1.0/me/messages/7"),
        "(Some(404), \"ErrorItemNotFound\", \"No such item.\", None) \
         Microsoft Graph does not know what was asked for."
    );
    assert!(
        !format!("{:?}", world.logged).contains("No such item"),
        "O1"
    );
    world.graph_throttles(7);
    for _ in 0..2 {
        let told = told(&mut world, "v1.0/me");
        assert!(
            told.starts_with("(Some(429), \"\", \"\", Some(7s))"),
            "{told}"
        );
    }
    assert_eq!(world.asked.len(), 2, "D14");
}

// P9: a page is asked for at Graph, and nowhere else.
#[test]
fn link_to_the_next_page_is_taken_of_graph_only() {
    let mut world = world();
    let page = "https://graph.example/v1.0/me/messages?$skip=10";
    world.graph_responds(200, &json!({}));
    assert_eq!(told(&mut world, page), "200  {}");
    assert_eq!(world.asked[0].uri(), page);
    for elsewhere in [
        "https://graph.example.evil/v1.0/me",
        "http://graph.example/v1.0/me",
        "https://graph.example@evil.example/v1.0/me",
        "//evil.example/v1.0/me",
    ] {
        let told = told(&mut world, elsewhere);
        assert!(told.contains("not one of the Microsoft Graph"), "{told}");
    }
    let told = told(&mut world, "token");
    assert!(
        told.contains("`Authorization`") && !told.contains("Bearer"),
        "{told}"
    );
    assert_eq!(world.asked.len(), 1);
}

// P9: where the content is, nobody needs the user's token.
#[test]
fn content_behind_a_link_is_fetched_without_the_token() {
    for (to, is_public) in [
        ("https://contoso.sharepoint.example/file?tempauth=1", true),
        ("https://graph.example/content/7", false),
        ("/content/7", false),
    ] {
        let mut world = world();
        world.graph.push_back(Ok(link(to)));
        world
            .graph
            .push_back(Ok(Response::new(Bytes::from_static(b"bytes"))));
        assert_eq!(told(&mut world, "content"), "200  bytes", "{to}");
        let followed = &world.asked[1];
        assert_eq!(followed.method(), "GET");
        let names: Vec<_> = followed.headers().keys().collect();
        assert_eq!(names, ["range"], "{to}");
        let path = followed.uri().path();
        assert_eq!(path, if is_public { "/file" } else { "/content/7" });
    }
    for bad in [
        "http://contoso.sharepoint.example/file",
        "https://a@b.example/",
        "ftp://x/",
    ] {
        let mut world = world();
        world.graph.push_back(Ok(link(bad)));
        let told = told(&mut world, "content");
        assert!(told.starts_with("(Some(302)"), "{bad}: {told}");
        assert_eq!(world.asked.len(), 1);
    }
    // Nobody asked for it: the redirect is not followed.
    let mut world = world();
    world
        .graph
        .push_back(Ok(link("https://graph.example/content/7")));
    assert!(told(&mut world, "v1.0/me").starts_with("(Some(302)"));
}

#[test]
fn answer_that_is_too_long_is_told_with_the_bound() {
    let mut world = world();
    world.graph.push_back(Err(crate::ask::FetchFault::TooLarge));
    let told = told(&mut world, "content");
    let most = limits::GRAPH_RESPONSE_BYTES.to_string();
    assert!(told.contains(&most), "{told}");
}

/// It has nothing to read one with.
#[test]
fn stream_for_a_step_function_is_an_error() {
    let mut world = world();
    let told = told(&mut world, "stream");
    assert!(
        told.contains("a step function cannot read a stream"),
        "{told}"
    );
    assert!(world.asked.is_empty());
}

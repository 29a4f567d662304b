//! Resources that a function lists for who calls, behind those that everybody is offered.

use super::*;
use crate::{
    ask::{InvokeOutput, Target},
    catalog::ResourcePage,
    log_event::LogEventId,
    mcp::testing::initialize,
};

fn lists() -> CatalogBuilder {
    Catalog::builder()
        .page_size(1)
        .resource(Resource::new("a://one", "one"), Handler::Step(read))
        .resource(Resource::new("a://two", "two"), Handler::Step(read))
        .list_resources(Handler::Runtime, Handler::Runtime)
}

fn uris(result: &Value) -> Vec<&str> {
    let resources = result["resources"].as_array().unwrap().iter();
    resources.map(|one| one["uri"].as_str().unwrap()).collect()
}

#[test]
fn function_lists_after_what_is_offered_page_by_page() {
    for revision in OLD.into_iter().chain([NEW]) {
        let mut world = World::offering(lists().build().unwrap());
        let client = Client::new(&mut world, revision, json!({}));
        let id = client.begin(&mut world, "resources/list", json!({}));
        let first = answer(&world, id);
        assert_eq!(uris(&first), ["a://one"], "{revision}");
        assert!(world.calls.is_empty());

        let cursor = json!({"cursor": first["nextCursor"]});
        let id = client.begin(&mut world, "resources/list", cursor);
        let (_, ticket, invoke) = world.calls.pop_front().unwrap();
        assert_eq!(invoke.target, Target::ListResources);
        assert_eq!(invoke.call.text("cursor"), "");
        assert_eq!(invoke.call.principal().oid, "alice");
        let hidden = Resource::new("a://hidden", "hidden").requires_role("Nobody");
        let page = ResourcePage::new([Resource::new("a://own", "own"), hidden]).next("7 of 9");
        world.handle(id, ticket.answer(Ok(InvokeOutput::ResourcePage(page))));
        let second = answer(&world, id);
        assert_eq!(uris(&second), ["a://two", "a://own"]);
        assert_eq!(second.get("ttlMs").is_some(), revision == NEW);

        let cursor = json!({"cursor": second["nextCursor"]});
        let id = client.begin(&mut world, "resources/list", cursor);
        let (_, ticket, invoke) = world.calls.pop_front().unwrap();
        assert_eq!(invoke.call.text("cursor"), "7 of 9");
        let page = ResourcePage::new([Resource::new("a://last", "last")]);
        let page = page.meta("com.example/total", 3);
        world.handle(id, ticket.answer(Ok(InvokeOutput::ResourcePage(page))));
        let last = answer(&world, id);
        assert_eq!(uris(&last), ["a://last"]);
        assert!(last.get("nextCursor").is_none());
        assert_eq!(last["_meta"]["com.example/total"], 3);
    }
}

#[test]
fn reader_gets_what_nothing_else_is_offered_for() {
    let mut world = World::offering(lists().build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    let params = json!({"uri": "a://own"});
    let id = client.begin(&mut world, "resources/read", params.clone());
    let (_, ticket, invoke) = world.calls.pop_front().unwrap();
    assert_eq!(invoke.target, Target::Listed("a://own".to_owned()));
    let contents = ReadResult::new([ResourceContents::text("a://own", "mine")]);
    let contents = contents.meta("com.example/age", 7);
    world.handle(id, ticket.answer(Ok(InvokeOutput::Contents(contents))));
    let read = answer(&world, id);
    assert_eq!(read["contents"][0]["text"], "mine");
    assert_eq!(read["_meta"]["com.example/age"], 7);

    let id = client.begin(&mut world, "resources/read", params);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    world.handle(id, ticket.answer(Err(CallError::NotFound)));
    assert_eq!(answer(&world, id)["message"], "There is no such resource.");
}

#[test]
fn page_that_cannot_be_sent_is_told_to_the_log_and_a_cursor_that_was_made_up_is_refused() {
    let mut world = World::offering(lists().page_size(9).build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    let many = (0..1001).map(|number| Resource::new(format!("a://{number}"), "x"));
    for page in [
        ResourcePage::new([Resource::new("no uri", "x")]),
        ResourcePage::new(many),
        ResourcePage::default().next("x".repeat(1025)),
    ] {
        world.logged.clear();
        let id = client.begin(&mut world, "resources/list", json!({}));
        let (_, ticket, _) = world.calls.pop_front().unwrap();
        world.handle(id, ticket.answer(Ok(InvokeOutput::ResourcePage(page))));
        assert_eq!(answer(&world, id)["code"], -32603);
        let is_told = |id| world.logged.iter().any(|line| line.id() == id);
        assert!(is_told(LogEventId::CallFailed));
    }
    let id = client.begin(&mut world, "resources/list", json!({"cursor": "xyz"}));
    assert_eq!(answer(&world, id)["code"], -32602);
    assert!(world.calls.is_empty());
}

// P8
#[test]
fn capabilities_are_those_of_what_the_caller_may_see() {
    fn read(_: &Call) -> Step<ReadResult> {
        Step::done(Vec::new())
    }
    fn say(_: &Call) -> Step<PromptMessages> {
        Step::done(PromptMessages::new())
    }
    let offered = |role: Option<&str>| {
        let (mut resource, mut prompt) = (Resource::new("a://b", "b"), Prompt::new("p", "P"));
        if let Some(role) = role {
            resource = resource.requires_role(role);
            prompt = prompt.requires_role(role);
        }
        let catalog = Catalog::builder().list_changed();
        let catalog = catalog.resource(resource, Handler::Step(read));
        catalog.prompt(prompt, Handler::Step(say))
    };
    let hidden = offered(Some("Admin"));
    for (catalog, are_there) in [(offered(None), true), (hidden, false)] {
        let mut world = World::offering(catalog.build().unwrap());
        for revision in OLD.into_iter().chain([NEW]) {
            let client = Client::new(&mut world, revision, json!({}));
            let said = match revision {
                NEW => client.ask(&mut world, "server/discover", json!({})),
                old => body(&world.post("alice", &[], initialize(old)))["result"].clone(),
            };
            for list in ["prompts", "resources"] {
                let capability = said["capabilities"].get(list);
                assert_eq!(capability.is_some(), are_there, "{revision} {said}");
                let id = client.begin(&mut world, &format!("{list}/list"), json!({}));
                assert_eq!(answer(&world, id).get(list).is_some(), are_there);
            }
        }
    }
}

#[test]
fn empty_lists_are_announced_if_they_are_to_be_filled() {
    let empty = Catalog::builder().list_changed().announce_empty_lists();
    for (catalog, are_there) in [(Catalog::builder(), false), (empty, true)] {
        let mut world = World::offering(catalog.build().unwrap());
        let client = Client::new(&mut world, NEW, json!({}));
        let id = client.begin(&mut world, "server/discover", json!({}));
        let found = answer(&world, id);
        for list in ["prompts", "resources"] {
            assert_eq!(
                found["capabilities"].get(list).is_some(),
                are_there,
                "{found}"
            );
            let id = client.begin(&mut world, &format!("{list}/list"), json!({}));
            assert_eq!(answer(&world, id).get(list).is_some(), are_there);
        }
    }
}

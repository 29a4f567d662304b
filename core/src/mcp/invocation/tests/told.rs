//! Who is told of changed lists: whoever may see something in them, or could.

use super::{http_sse::open as open_http_sse, *};
use crate::{event::Event, hub::ToHub};

fn say(_: &Call) -> Step<PromptMessages> {
    Step::done(PromptMessages::new())
}

/// A prompt and a resource, for everybody or for a role that nobody has.
fn offering(role: Option<&str>) -> Catalog {
    let (mut resource, mut prompt) = (Resource::new("a://b", "b"), Prompt::new("p", "P"));
    if let Some(role) = role {
        (resource, prompt) = (resource.requires_role(role), prompt.requires_role(role));
    }
    let catalog = Catalog::builder().list_changed();
    let catalog = catalog.resource(resource, Handler::Step(read));
    let catalog = catalog.prompt(prompt, Handler::Step(say));
    catalog.build().unwrap()
}

/// The streams of a client of each revision that is told of changes.
fn listen(world: &mut World) -> Vec<(&'static str, ExchangeId)> {
    let mut streams = vec![("HTTP+SSE", open_http_sse(world, "alice").0)];
    for revision in OLD.into_iter().filter(|one| *one != "2024-11-05") {
        let client = Client::new(world, revision, json!({}));
        let session = client.session.unwrap();
        let fields = [("mcp-session-id", session.as_str())];
        let request = world.request("alice", "GET", "/mcp", &fields, "");
        streams.push((revision, world.begin(request)));
    }
    let all =
        json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true});
    let client = Client::new(world, NEW, json!({}));
    let listen = client.begin(world, "subscriptions/listen", json!({"notifications": all}));
    streams.push((NEW, listen));
    streams
}

/// Announces that all lists changed.
fn announce(world: &mut World) {
    for change in [
        ChangeNotification::Tools,
        ChangeNotification::Prompts,
        ChangeNotification::Resources,
    ] {
        let changed = ToHub::notify_changed(change);
        world.hub.handle(ExchangeId(999), changed, world.server.now);
        world.handle(ExchangeId(999), Event::Tick);
    }
}

/// How often each of the lists was told of.
fn told(world: &World, stream: ExchangeId) -> [usize; 3] {
    ["tools", "prompts", "resources"].map(|list| {
        let method = format!("notifications/{list}/list_changed");
        world.sent(stream).body.matches(&method).count()
    })
}

// P1, P8
#[test]
fn change_of_a_list_in_which_nothing_can_be_seen_is_not_told() {
    for (role, expected) in [(None, [1, 1, 1]), (Some("Admin"), [1, 0, 0])] {
        let mut world = World::offering(offering(role));
        let streams = listen(&mut world);
        announce(&mut world);
        for (revision, stream) in streams {
            assert_eq!(told(&world, stream), expected, "{revision} {role:?}");
        }
    }
}

#[test]
fn list_that_becomes_empty_and_one_that_was_are_told_of() {
    let empty = || Catalog::builder().list_changed().build().unwrap();
    for (before, after) in [(offering(None), empty()), (empty(), offering(None))] {
        let mut world = World::offering(before);
        let streams = listen(&mut world);
        world.server.server.catalog = after;
        announce(&mut world);
        for (revision, stream) in streams.into_iter().filter(|(one, _)| *one != NEW) {
            assert_eq!(told(&world, stream), [1; 3], "{revision}");
        }
        // What comes later to a stream that has told of the last is not lost either.
        world.server.server.catalog = empty();
        let streams = listen(&mut world);
        world.server.server.catalog = offering(None);
        announce(&mut world);
        world.server.server.catalog = empty();
        announce(&mut world);
        for (revision, stream) in streams.into_iter().filter(|(one, _)| *one != NEW) {
            assert_eq!(told(&world, stream), [2; 3], "{revision}");
        }
    }
}

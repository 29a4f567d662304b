//! A backend is tried when the server starts.

use super::*;
use crate::ask::PullFault;

/// A backend is asked what it is, in nobody's name.
fn asked() -> (World, Sent) {
    let mut world = world();
    world.checks_backend();
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover");
    assert!(sent.header("entra-mcp-assertion").is_none());
    (world, sent)
}

fn warned(world: &World) -> Vec<String> {
    assert!(world.pulls.is_empty());
    logged(world, LogEventId::GatewayNotReady)
}

#[test]
fn backend_that_does_not_answer_as_an_mcp_server_is_told_in_the_log() {
    type Does = fn(&mut World, Sent);
    let rows: [(Does, &str); 4] = [
        (
            |world, sent| world.end(sent, Err(PullFault::Unreachable)),
            "it cannot be reached",
        ),
        (
            |world, sent| world.end(sent, Err(PullFault::TimedOut)),
            "it did not answer in time",
        ),
        (
            |world, sent| {
                let to = [("location", "http://elsewhere.example/mcp")];
                world.answers_with(sent, 307, &to, "");
            },
            "set its own address\" status=\"307\"",
        ),
        (
            |world, sent| {
                for sent in [Some(sent), None] {
                    let sent = sent.unwrap_or_else(|| world.pulled());
                    world.answers_with(sent, 404, &[("content-type", "text/html")], "<html>");
                }
            },
            "as no MCP server",
        ),
    ];
    for (does, line) in rows {
        let (mut world, sent) = asked();
        does(&mut world, sent);
        let lines = warned(&world);
        assert!(
            lines.len() == 1 && lines[0].contains(line),
            "{line}: {lines:?}"
        );
        assert!(lines[0].contains("backend=\"http://127.0.0.1:8000/mcp\""));
    }
}

#[test]
fn backend_that_speaks_mcp_or_wants_to_know_who_calls_is_not() {
    let (mut world, sent) = asked();
    let answer = result(&sent, DISCOVERED);
    world.answers(sent, 200, &answer);
    assert!(warned(&world).is_empty());
    for status in [401, 403, 429] {
        let (mut world, sent) = asked();
        world.answers(sent, status, "");
        assert!(warned(&world).is_empty(), "{status}");
    }
    // One with sessions: its session is ended.
    let (mut world, sent) = asked();
    world.answers(sent, 400, "");
    opens(&mut world, "nobody's");
    let sent = world.pulled();
    assert_eq!(sent.pull.method, ::http::Method::DELETE);
    assert_eq!(sent.header("mcp-session-id"), Some("nobody's"));
    world.answers(sent, 200, "");
    assert!(warned(&world).is_empty());
}

//! What goes wrong with processes, and who is told what.

use super::*;

/// A call that the process has read; what it was sent.
fn called(world: &mut World) -> (String, ExchangeId, Value) {
    let session = begin(world, "alice", 0);
    let id = send(world, "alice", &session, CALL);
    let sent = world.reads(0);
    (session, id, sent)
}

// R6
#[test]
fn call_whose_process_ends_fails_in_words_and_is_never_sent_again() {
    for exit in [ChildExit::Code(1), ChildExit::Signal(9)] {
        let mut world = world();
        let (session, id, _) = called(&mut world);
        world.exits(0, Ok(exit));
        assert!(words(&world, id).contains("may have done its work"));
        assert_eq!(world.processes.len(), 1);
        let failed = logged(&world, LogEventId::GatewayProcessFailed);
        let told = match exit {
            ChildExit::Code(_) => "exit code 1",
            ChildExit::Signal(_) => "signal 9",
        };
        assert!(failed[0].contains(told), "{failed:?}");
        // The next call has another one, for the same session.
        let id = send(&mut world, "alice", &session, CALL);
        opens(&mut world, 1);
        let sent = world.reads(1);
        world.writes(1, answer(&sent, &json!({"content": []})));
        assert_eq!(body_of(&world, id)["id"], "mine");
        assert_eq!(logged(&world, LogEventId::GatewaySessionReopened).len(), 1);
    }
}

#[test]
fn command_that_cannot_be_run_is_told_in_words_and_rests() {
    let mut world = world();
    let id = initialize(&mut world, "alice");
    world.exits(0, Err(ChildFault::NotFound));
    let (status, words, _) = refused(&world, id);
    assert_eq!(status, 503);
    assert!(words.contains("cannot be reached"), "{words}");
    // R16: one that ends at once is not begun again and again.
    let id = initialize(&mut world, "alice");
    let (status, _, after) = refused(&world, id);
    assert_eq!((status, after.as_deref()), (503, Some("1")));
    assert_eq!(world.processes.len(), 1);
    initialize(&mut world, "bob");
    assert_eq!(world.processes.len(), 2, "others are not held up");
    world.wait(1);
    initialize(&mut world, "alice");
    assert_eq!(world.processes.len(), 3);
}

#[test]
fn lines_that_are_no_messages_are_skipped_and_told_once() {
    let mut world = world();
    let (_, id, sent) = called(&mut world);
    for line in [
        "Server is ready\u{1b}[0m",
        "",
        "printed",
        "[1,2]",
        "{\"half\":",
        "{}",
    ] {
        world.writes(0, line);
    }
    world.writes(0, answer(&sent, &json!({"content": []})));
    assert_eq!(body_of(&world, id)["id"], "mine");
    let skipped = logged(&world, LogEventId::GatewayProcessSkipped);
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0].contains("ready\\\\u{1b}"), "{skipped:?}");
}

// R9
#[test]
fn answer_whose_result_or_error_is_none_fails_the_call_at_once() {
    for outcome in [json!({"result": "hi"}), json!({"error": "oops"})] {
        let mut world = world();
        let (_, id, sent) = called(&mut world);
        let mut answer = json!({"jsonrpc": "2.0", "id": sent["id"]});
        let outcome = outcome.as_object().unwrap().clone();
        answer.as_object_mut().unwrap().extend(outcome);
        world.writes(0, answer);
        assert!(words(&world, id).contains("no MCP message"));
    }
}

#[test]
fn answer_that_is_too_long_fails_its_call_once_it_is_certain_which_it_was() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let ids = [(); 2].map(|()| send(&mut world, "alice", &session, CALL));
    let sent = [(); 2].map(|()| world.reads(0));
    world.writes_too_long(0);
    assert!(!world.is_over(ids[0]) && !world.is_over(ids[1]));
    let later = send(&mut world, "alice", &session, CALL);
    world.writes(0, answer(&sent[0], &json!({"content": []})));
    assert!(world.is_over(ids[0]) && !world.is_over(later));
    assert!(words(&world, ids[1]).contains("too large"));
}

#[test]
fn call_that_takes_too_long_fails_and_is_cancelled() {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.call_timeout = std::time::Duration::from_secs(5);
    let (_, id, sent) = called(&mut world);
    world.wait(5);
    assert!(words(&world, id).contains("in time"));
    assert_eq!(world.reads(0)["params"]["requestId"], sent["id"]);
}

// R3
#[test]
fn secret_of_the_environment_is_not_passed_on_and_not_logged() {
    let mut world = world();
    let (_, id, sent) = called(&mut world);
    world.complains(0, "my key is secret of orders\nand my path /usr/bin\n");
    let text = json!([{"type": "text", "text": "ORDERS_KEY=secret of orders"}]);
    world.writes(0, answer(&sent, &json!({"content": text})));
    assert!(words(&world, id).contains("held a credential"));
    assert_eq!(logged(&world, LogEventId::GatewayLeaked).len(), 1);
    let said = logged(&world, LogEventId::GatewayProcessSaid);
    assert!(
        said[0].contains("(a secret)") && said[1].contains("/usr/bin"),
        "{said:?}"
    );
    assert!(
        world
            .logged
            .iter()
            .all(|line| !line.to_string().contains("secret of orders"))
    );
    assert!(!world.sent(id).body.contains("secret of orders"));
}

// R17
#[test]
fn error_stream_is_logged_within_bounds() {
    let mut world = world();
    begin(&mut world, "alice", 0);
    for _ in 0..50 {
        world.complains(0, "one\ntwo\nthree\n");
    }
    assert_eq!(logged(&world, LogEventId::GatewayProcessSaid).len(), 100);
    world.exits(0, Ok(ChildExit::Code(0)));
    let said = logged(&world, LogEventId::GatewayProcessSaid);
    assert!(said[100].contains("50"), "{said:?}");
}

// R3: lines are cut at 4 KiB on their way here.
#[test]
fn secret_across_the_cut_of_a_long_line_of_the_error_stream_is_not_logged() {
    const SECRET: &str = "secret of orders";
    for cut in [1, 8, SECRET.len() - 1] {
        let mut world = world();
        begin(&mut world, "alice", 0);
        let (first, second) = SECRET.split_at(cut);
        world.complains(0, &format!("a long line {first}"));
        world.complains(0, &format!("{second} and its end\n"));
        // The start of one, and then something else.
        world.complains(0, &format!("another {first}"));
        world.complains(0, "is not it\n");
        let said = logged(&world, LogEventId::GatewayProcessSaid);
        let all = said.concat();
        assert!(
            said.len() == 4 && said[1].contains("(a secret)"),
            "{said:?}"
        );
        assert!(!all.contains(SECRET), "{said:?}");
        assert!(!said[0].contains(&format!("line {first}")), "{said:?}");
        assert!(said[3].contains(&format!("{first}is not it")), "{said:?}");
        world.complains(0, &format!("it ends with {first}"));
        world.exits(0, Ok(ChildExit::Code(0)));
        let said = logged(&world, LogEventId::GatewayProcessSaid);
        assert_eq!(
            said[5].contains("(a part of a secret)"),
            cut > 4,
            "{said:?}"
        );
    }
}

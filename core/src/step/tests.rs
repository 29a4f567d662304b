//! Tests of the outbox.

use super::*;
use crate::{ask::Key, event::Input, testing::TestServer};

fn ask(outbox: &mut Outbox, server: &TestServer) -> (Answer, Awaiting<Store>) {
    let mut cx = Cx {
        env: server.env(),
        entropy: &mut crate::testing::entropy(1),
        out: outbox,
    };
    let awaiting = cx.store(Store::Get(Key("session/1".to_owned())));
    let Some(Action::Store(ticket, _)) = outbox.pop() else {
        panic!("the store is asked");
    };
    let Input::Answer(answer) = ticket.answer(Ok(None)).into_input() else {
        panic!("a ticket makes an answer");
    };
    (answer, awaiting)
}

#[test]
fn polled_actions_keep_no_memory_once_the_response_has_begun() {
    let server = TestServer::dev();
    let mut outbox = Outbox::new(server.now.instant, RequestId::own(1));
    let (_, _awaiting) = ask(&mut outbox, &server);
    outbox.release();
    assert_ne!(
        outbox.actions.capacity(),
        0,
        "a quick request goes on at once"
    );
    outbox.respond(::http::Response::new(Bytes::new()));
    outbox.release();
    assert_eq!(outbox.actions.len(), 1, "it was not polled");
    assert!(outbox.pop().is_some());
    outbox.release();
    assert_eq!(outbox.actions.capacity(), 0);
}

#[test]
fn answer_to_a_dropped_ask_is_stale() {
    let server = TestServer::dev();
    let mut outbox = Outbox::new(server.now.instant, RequestId::own(1));
    let (first_answer, first) = ask(&mut outbox, &server);
    let (second_answer, second) = ask(&mut outbox, &server);
    assert!(!outbox.is_stale(&first_answer) && !outbox.is_stale(&second_answer));
    drop(first);
    assert!(outbox.is_stale(&first_answer) && !outbox.is_stale(&second_answer));
    assert_eq!(second.into_answer(second_answer), Ok(None));
}

//! Who opens the record of a task (threats G3, I4).

use ::http::HeaderValue;
use serde_json::{Value, json};

use super::{answer, catalog, knows_tasks, request};
use crate::{
    ask::Stored,
    id::TaskId,
    keys::Purpose,
    mcp::tasks::record::context,
    oauth::testing::{SignedIn, text},
    session::{record::Session, token},
    testing::json as body,
};

fn ask(alice: &mut SignedIn, tokens: &Value, method: &str, params: Value) -> Value {
    let mut request = request(&alice.world, "alice", method, params, knows_tasks());
    let bearer = format!("Bearer {}", text(tokens, "access_token"));
    let bearer = HeaderValue::from_str(&bearer).unwrap();
    request.headers_mut().insert("authorization", bearer);
    let id = alice.world.begin(request);
    answer(&alice.world, id)
}

/// A task that has ended, the tokens that began it, and its record.
fn ended() -> (SignedIn, Value, TaskId, Stored) {
    let mut alice = SignedIn::new();
    alice.world.server.server.catalog = catalog();
    let tokens = alice.redeem();
    let params = json!({"name": "slow", "arguments": {}});
    let task = ask(&mut alice, &tokens, "tools/call", params);
    alice.world.wait(6);
    let id = TaskId::parse(text(&task, "taskId")).unwrap();
    let stored = alice.world.store[&format!("task/{id}")].clone();
    (alice, tokens, id, stored)
}

#[test]
fn result_opens_with_the_token_of_a_refresh() {
    let (mut alice, first, id, _) = ended();
    let second = body(&alice.refresh(text(&first, "refresh_token"), &[]));
    for tokens in [&first, &second] {
        let params = json!({"taskId": id.to_string()});
        let status = ask(&mut alice, tokens, "tasks/get", params);
        assert_eq!(status["status"], "completed", "{status}");
    }
}

#[test]
fn result_does_not_open_with_the_master_key_alone() {
    let (alice, tokens, id, stored) = ended();
    let server = &alice.world.server.server;
    let verified = token::verify(
        text(&tokens, "access_token"),
        server,
        alice.world.server.now.unix,
    );
    let verified = verified.unwrap();
    let session = &alice.world.store[&verified.session_id.key().0];
    let opened = Session::open(verified.session_id, session, &verified.share, server);
    let session = opened.unwrap().0;
    let context = context(id, session.principal);
    let open = |share: &[u8]| {
        let bytes = &stored.record.bytes;
        server.keys.open(Purpose::Task, &context, share, bytes)
    };
    let result = open(session.key.expose()).expect("with the session's own key");
    assert!(String::from_utf8_lossy(&result).contains("slept"));
    let guesses: [&[u8]; 4] = [b"", &[0; 32], verified.share.expose(), id.0.as_slice()];
    for share in guesses {
        assert!(open(share).is_none());
    }
}

//! What a session of a backend costs it and this server: its end when nobody uses it, and what is answered within it.

use serde_json::json;

use crate::{
    Program,
    live_backend::LiveBackend,
    session::{Session, until},
};

fn work(session: &Session<'_>, pings: u64) -> String {
    let result = session.call("work", &json!({"key": "a", "pings": pings}));
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// R5. A session that nobody uses is ended at the backend, and opened again by the next call, which notices nothing.
pub fn session_that_nobody_uses_is_ended_at_the_backend_and_opened_again(program: &Program) {
    let backend = LiveBackend::start();
    let idle = ["--backend-session-idle", "1s"];
    let server = program.start_with(&["--backend", &backend.url(), idle[0], idle[1]]);
    let alice = Session::of(&server, "alice");
    assert_eq!(work(&alice, 0), "a");
    let theirs = format!("session-{}", backend.state().opened);
    let bob = Session::of(&server, "bob");
    // Bob is busy all the while.
    until("the session is ended", || {
        assert_eq!(work(&bob, 0), "a");
        backend.state().ended.contains(&theirs)
    });
    let opened = backend.state().opened;
    assert_eq!(work(&alice, 0), "a");
    assert_eq!(backend.state().opened, opened + 1);
}

/// R17. A backend that pings within a call as often as it may is answered on few connections, and the call goes on.
pub fn backend_that_pings_without_end_has_few_connections(program: &Program) {
    let backend = LiveBackend::start();
    let server = program.start_with(&["--backend", &backend.url()]);
    let session = Session::of(&server, "alice");
    assert_eq!(work(&session, 9000), "a");
    assert_eq!(work(&session, 0), "a");
    until("what waits is told", || backend.state().pongs.0 == 0);
    let most = backend.state().pongs.1;
    assert!((1..=4).contains(&most), "{most}");
}

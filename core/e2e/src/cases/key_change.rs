//! `key rotate`, `key status` and `key drop-old`, for the operator.

use crate::{Program, client::sign_in};

/// How many sessions need each key, the newest first.
fn sessions(status: &str) -> Vec<&str> {
    let lines = status.lines();
    let counts = lines.filter_map(|line| line.trim().strip_prefix("sessions "));
    let first = counts.filter_map(|counts| counts.split_whitespace().next());
    first.map(|count| count.trim_end_matches(',')).collect()
}

/// F15: sessions live while the master key is changed, and nobody drops a key unawares that one of them needs.
pub fn session_lives_while_the_master_key_is_changed(program: &Program) {
    let mut server = program.start();
    let (mut alice, grace) = (sign_in(&server, "alice"), sign_in(&server, "grace"));
    let (_, status) = program.ask("key", &server, &["status"]);
    assert_eq!(sessions(&status), ["2"], "{status}");
    let (is_done, said) = program.ask("key", &server, &["rotate"]);
    assert!(!is_done && said.contains("Another server"), "{said}");

    server.kill();
    let (is_done, said) = program.ask("key", &server, &["rotate"]);
    assert!(is_done && said.contains("seals from now on"), "{said}");
    server.start();
    assert!(alice.works(&server) && grace.works(&server));
    let (_, status) = program.ask("key", &server, &["status"]);
    assert_eq!(sessions(&status), ["0", "2"], "{status}");
    let refreshed = alice.refresh(&server).json();
    for (own, name) in [
        (&mut alice.access_token, "access_token"),
        (&mut alice.refresh_token, "refresh_token"),
    ] {
        refreshed[name].as_str().unwrap().clone_into(own);
    }
    let (_, status) = program.ask("key", &server, &["status"]);
    assert_eq!(sessions(&status), ["1", "1"], "{status}");

    server.kill();
    let (is_done, said) = program.ask("key", &server, &["drop-old"]);
    assert!(!is_done && said.contains("nothing was changed"), "{said}");
    let (is_done, said) = program.ask("key", &server, &["drop-old", "--sign-out"]);
    assert!(
        is_done && said.contains("1 session signs in again"),
        "{said}"
    );
    server.start();
    assert!(alice.works(&server) && !grace.works(&server));
    let (_, status) = program.ask("key", &server, &["status"]);
    assert!(status.starts_with("1 master key:"), "{status}");
}

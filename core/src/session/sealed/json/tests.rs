use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::{
    ask::{Guard, Record, Store, Stored, Version},
    id::McpSessionId,
    session::Share,
    testing::{TestServer, entropy, session_of},
};

/// A record as version 0.1 wrote them at first: of Alice, refreshed once, with everything that a record can have.
fn old_record() -> (SessionId, Stored) {
    let text = include_str!("record-0.txt").trim_end();
    let record = Record {
        bytes: URL_SAFE_NO_PAD.decode(text).unwrap().into(),
        expires: UnixTime(u64::MAX),
    };
    let version = Version(1);
    let (session, _) = session_of("alice", "a client");
    (session.id, Stored { record, version })
}

#[test]
fn record_of_the_first_format_is_read_and_written_anew() {
    let server = TestServer::dev();
    let server = &server.server;
    let (id, stored) = old_record();
    let [first, second] = [2, 5].map(|byte| Share::new([byte; 16]));
    assert!(Session::open(id, &stored, &Share::new([3; 16]), server).is_none());
    let (read, _) = Session::open(id, &stored, &second, server).unwrap();
    let user = &read.user;
    assert_eq!(user.oid, "alice");
    assert_eq!(user.sub.as_deref(), Some("subject at Entra"));
    assert_eq!(user.profile.name.as_deref(), Some("Alice"));
    assert_eq!(user.profile.username, None);
    assert!(
        user.profile
            .roles
            .iter()
            .eq(["Reports.Read", "Reports.Write"])
    );
    assert!(
        user.profile
            .groups
            .contains("0000aaaa-0000-0000-0000-000000000000")
    );
    assert_eq!(read.principal, session_of("alice", "a client").0.principal);
    assert_eq!(
        read.code.as_ref().unwrap().redirect_uri,
        "http://127.0.0.1/cb"
    );
    let refresh = read.refresh.as_ref().unwrap();
    assert_eq!(refresh.current, Hash::of(b"the second"));
    assert_eq!(refresh.earlier[0].successor, [4; 98]);
    assert_eq!(
        read.outline.spent_code.as_ref().unwrap().hash,
        Hash::of(b"a code")
    );
    assert!(
        read.outline
            .ended_mcp_sessions
            .contains(McpSessionId([3; 16]))
    );
    let tokens = read.entra_tokens(&server.keys).unwrap();
    assert_eq!(tokens.access_token.expose(), "an access token of Entra");

    let put = read.put(Guard::Any, UnixTime(9), &server.keys, &mut entropy(1));
    let Store::Put(_, record, _) = put else {
        panic!("it is written");
    };
    assert_eq!(record.bytes.first(), Some(&super::super::VERSION));
    let stored = Stored { record, ..stored };
    for share in [&first, &second] {
        let (again, _) = Session::open(id, &stored, share, server).unwrap();
        assert_eq!(format!("{again:?}"), format!("{read:?}"));
        assert!(again.key == read.key);
    }
    let (again, _) = read.open_again(&stored, &server.keys).unwrap();
    assert_eq!(again.to_bytes(), read.to_bytes());
}

//! What this version writes: the inputs that a fuzzer begins from. `fuzz/corpora` holds them.

use super::{entra::server, entropy, tokens};
use crate::{
    config::PreregisteredClients,
    env::{EntraSnapshot, Env},
    limits,
    session::{
        Share,
        record::{Code, Hash, Refresh, Session},
        token::{self, Granted},
    },
    time::{Instant, Now, UnixTime},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Sessions as only a share opens them: with a code, with tokens, and refreshed. Each with a name.
#[must_use]
pub fn session_records() -> Vec<(&'static str, Vec<u8>)> {
    let server = server();
    let mut session = tokens::session();
    session.open_only_to(&Share::new([2; 16]), &server);
    let bytes = |session: &Session| session.to_bytes().to_vec();
    session.code = Some(Code {
        hash: Hash::of(b"a code"),
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        redirect_uri: "http://127.0.0.1:49152/callback".to_owned(),
        expires: NOW.after(limits::AUTHORIZATION_CODE_LIFETIME),
    });
    let with_code = bytes(&session);
    session.code = None;
    session.refresh = Some(Refresh::first(Hash::of(b"a refresh token"), NOW));
    let with_tokens = bytes(&session);
    let mut refresh = |used: &[u8], next: &[u8], share| {
        let reuse = limits::REFRESH_REUSE;
        let tokens = session.refresh.as_mut().expect("it has tokens");
        tokens.rotate(Hash::of(used), vec![4; 64], Hash::of(next), reuse, NOW);
        session.open_also_to(&Share::new([share; 16]), &server, NOW);
        bytes(&session)
    };
    let refreshed = refresh(b"a refresh token", b"the next refresh token", 5);
    let twice = refresh(b"the next refresh token", b"the third refresh token", 6);
    vec![
        ("with-code", with_code),
        ("with-tokens", with_tokens),
        ("refreshed", refreshed),
        ("refreshed-twice", twice),
    ]
}

/// A session token as it was issued, but for the last byte of its signature.
#[must_use]
pub fn spoiled_session_token() -> String {
    let (server, entra) = (server(), EntraSnapshot::default());
    let now = Now {
        instant: Instant(0),
        unix: NOW,
    };
    let env = Env {
        server: &server,
        catalog: &server.catalog,
        entra: &entra,
        clients: PreregisteredClients::none(),
        policy: crate::policy::Policy::none(),
        endpoint: crate::config::Endpoint::MAIN,
        now,
    };
    let (session, share) = (tokens::session(), Share::new([2; 16]));
    let (issued, _) = token::issue(
        &session,
        &Granted::whole(&session),
        &share,
        env,
        &mut entropy(),
    );
    let mut token = issued.expose().clone();
    let last = if token.pop() == Some('A') { 'E' } else { 'A' };
    token.push(last);
    token
}

/// Whether a session that [`session_records`] gives opens: it is of the present format.
#[must_use]
pub fn session_record_opens(bytes: &[u8]) -> bool {
    let (server, mut entropy) = (server(), entropy());
    let share = Share::new([2; 16]);
    let mut session = tokens::session();
    session.open_only_to(&share, &server);
    let record = crate::ask::Record {
        bytes: session.sealed_as(bytes, &server.keys, &mut entropy).into(),
        expires: UnixTime(u64::MAX),
    };
    let version = crate::ask::Version(1);
    let stored = crate::ask::Stored { record, version };
    Session::open(session.id, &stored, &share, &server).is_some()
}

//! The laws of what clients and browsers hold of ours: session tokens, cookies, and what MCP hands out
//! to be brought back.

use ::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{altered, entra::server, entropy};
use crate::{
    env::{Env, Known},
    hub::StreamId,
    keys::Purpose,
    mcp::EventId,
    oauth::{
        approvals::Approvals,
        browser::Browser,
        redirect_uri::RedirectUri,
        request::{AuthorizationRequest, ReturnTo},
        scope::Scopes,
        sign_in::SignIn,
    },
    session::{
        SessionId, SessionSecret,
        record::{Code, Hash, Person, Profile, Session},
        token,
    },
    time::{Instant, Now, UnixTime},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn at(known: &Known, server: &crate::env::Server, unix: UnixTime, act: impl FnOnce(Env<'_>)) {
    let instant = Instant(0);
    act(Env {
        server,
        known,
        now: Now { instant, unix },
    });
}

fn session() -> Session {
    Session {
        id: SessionId::new([1; 16]),
        person: Person {
            tenant_id: "a tenant".to_owned(),
            oid: "a person".to_owned(),
            subject: "a subject".to_owned(),
            profile: Profile::default(),
        },
        client: Hash::of(b"a client"),
        scope: "user.read".to_owned(),
        resource: "https://mcp.example/mcp".to_owned(),
        created: NOW,
        code: Code::Spent {
            hash: Hash::of(b"a code"),
        },
        refresh: None,
        entra: Vec::new(),
        ended_mcp_sessions: Vec::new(),
        mcp_sessions_since: UnixTime(0),
    }
}

/// A session token is good as it was issued, while it lasts, and here; changed by one byte, made up, or
/// with claims of somebody's choice under any other key, it is none. Also a well signed one is good for
/// this server only (JWT-01 to JWT-21).
pub fn session_token(made_up: &str, claims: &[u8], place: usize, change: u8, seconds: u32) {
    let (server, known) = (server(), Known::default());
    assert!(token::verify(made_up, &server, NOW).is_none());
    let secret = SessionSecret::new([2; 32]);
    at(&known, &server, NOW, |env| {
        let (issued, lasts) = token::issue(&session(), "a client", &secret, env, &mut entropy());
        let issued = issued.expose();
        let verified = token::verify(issued, &server, NOW).expect("it was just issued");
        assert_eq!(verified.session_id, SessionId::new([1; 16]));
        assert_eq!(verified.secret.expose(), secret.expose());
        let later = UnixTime(NOW.0 + u64::from(seconds));
        let lives = u64::from(seconds) < lasts;
        assert_eq!(token::verify(issued, &server, later).is_some(), lives);
        if let Some(changed) = altered(issued, place, change) {
            assert!(token::verify(&changed, &server, NOW).is_none(), "{changed}");
        }
        let header = issued.split('.').next().unwrap_or_default();
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mac = server.keys.mac(Purpose::SessionToken, signed.as_bytes());
        let signed = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        if let Some(verified) = token::verify(&signed, &server, NOW) {
            let url = &server.config.public_url;
            assert!(
                url.resources().contains(&verified.resource),
                "another audience"
            );
            assert!(verified.expires > NOW, "it is over");
        }
        // The MAC of another purpose is no signature of a token.
        let mac = server.keys.mac(Purpose::ClientId, signed.as_bytes());
        let signed = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert!(token::verify(&signed, &server, NOW).is_none());
    });
}

fn cookies_of(values: &[&str]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::COOKIE, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

/// What a browser sends for a cookie is ours exactly as we set it, for its own state, while it lasts;
/// made up, changed, sent twice, or of another state, it is nothing (CB-01 to CB-05, CONS-12, CONS-21).
pub fn cookies(made_up: &str, other_state: &str, place: usize, change: u8) {
    let (server, known) = (server(), Known::default());
    at(&known, &server, NOW, |env| {
        if let Some(headers) = cookies_of(&[made_up]) {
            assert!(Approvals::of(&headers, env).is_empty());
            assert!(Browser::of(&headers, env).is_none());
            assert!(SignIn::from_cookie(&headers, other_state, env).is_none());
        }
        let request = request();
        let sign_in = SignIn::begin(request.clone(), NOW, &mut entropy());
        let state = sign_in.state.expose().clone();
        let set = [
            sign_in.set_cookie(env, &mut entropy()),
            Approvals::default().remember(&request, env),
            Browser::new(&mut entropy()).set_cookie(env),
        ];
        let pairs: Vec<String> = set.iter().flatten().filter_map(pair).collect();
        assert_eq!(pairs.len(), 3, "all three are set");
        let all = |extra: &str| cookies_of(&[&pairs.join("; "), extra]);
        let Some(headers) = all("other=cookie") else {
            return;
        };
        let found = SignIn::from_cookie(&headers, &state, env).expect("it was set");
        assert_eq!(found.nonce.expose(), sign_in.nonce.expose());
        assert!(Approvals::of(&headers, env).cover(&request));
        assert!(Browser::of(&headers, env).is_some());
        if other_state != state {
            assert!(SignIn::from_cookie(&headers, other_state, env).is_none());
        }
        for pair in &pairs {
            let (name, value) = pair.split_once('=').unwrap_or_default();
            let Some(changed) = altered(value, place, change) else {
                continue;
            };
            // A cookie's end, or white space around it, is not part of it.
            if changed.contains([';', ',', ' ', '\t']) {
                continue;
            }
            if let Some(headers) = cookies_of(&[&format!("{name}={changed}")]) {
                assert!(SignIn::from_cookie(&headers, &state, env).is_none());
                assert!(Approvals::of(&headers, env).is_empty());
                assert!(Browser::of(&headers, env).is_none(), "{changed}");
            }
        }
        // Twice of one name: nobody knows which is ours.
        if let Some(headers) = all(&pairs.join("; ")) {
            assert!(SignIn::from_cookie(&headers, &state, env).is_none());
            assert!(Browser::of(&headers, env).is_none());
        }
        let late = UnixTime(sign_in.expires.0);
        at(&known, &server, late, |env| {
            assert!(SignIn::from_cookie(&headers, &state, env).is_none());
        });
    });
}

fn pair(set: &HeaderValue) -> Option<String> {
    set.to_str().ok()?.split(';').next().map(str::to_owned)
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client: Hash::of(b"a client"),
        return_to: ReturnTo {
            redirect_uri: RedirectUri::parse("https://client.example/cb")
                .expect("a good redirect URI"),
            state: Some("state".to_owned()),
        },
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        resource: "https://mcp.example/mcp".to_owned(),
        scope: Scopes::new(&[]).default(),
    }
}

/// The name of an event, or of a stream, has one spelling.
pub fn event_id(text: &str) {
    if let Some(id) = EventId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Some(id) = StreamId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
}

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    config::PublicUrl,
    keys::{Keyring, MasterKey},
    testing::{TestServer, entropy, session_of},
};

fn issued(server: &TestServer, user: &str, seed: u8) -> String {
    let (session, share) = session_of(user, "a client");
    let env = server.env();
    let granted = Granted::whole(&session);
    let (token, _) = issue(&session, &granted, &share, env, &mut entropy(seed));
    token.expose().clone()
}

fn good() -> (TestServer, String) {
    let server = TestServer::dev();
    let token = issued(&server, "alice", 1);
    (server, token)
}

fn verified(server: &TestServer, token: &str) -> Option<Verified> {
    verify(token, &server.server, server.now.unix)
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("there are three parts")
}

fn payload_of(token: &str) -> String {
    let [_, payload, _] = parts(token);
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_str(&payload_of(token)).unwrap()
}

/// Any header and claims, signed with the server's own key.
fn signed(server: &TestServer, header: &str, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(header), part(claims));
    let mac = server
        .server
        .keys
        .mac(Purpose::SessionToken, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

// M7: before anything of it is decoded.
#[test]
fn text_longer_than_a_session_token_is_refused_though_it_is_signed() {
    let server = TestServer::dev();
    let of_bytes = |bytes: usize| {
        let payload = "A".repeat(bytes - HEADER.len() - ".".len() - ".".len() - 43);
        let text = format!("{HEADER}.{payload}");
        let mac = server
            .server
            .keys
            .mac(Purpose::SessionToken, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let is_read = |bytes| {
        let token = of_bytes(bytes);
        assert_eq!(token.len(), bytes);
        authenticate(&token, &server.server).is_some()
    };
    // Base64 has no text of some lengths.
    let longest = (0..4)
        .map(|less| TOKEN_BYTES - less)
        .find(|bytes| is_read(*bytes));
    assert!(longest.is_some());
    for bytes in 1..=4 {
        assert!(!is_read(TOKEN_BYTES + bytes));
    }
}

// What is hashed once is the beginning of each token, and no other claim is in it.
#[test]
fn token_of_each_resource_begins_as_its_keys_expect() {
    let server = TestServer::dev();
    let url = &server.server.config.public_url;
    let beginnings = &server.server.token_beginnings;
    let [mcp, sse] = url.resources();
    let resources = [mcp, sse, url.issuer()];
    assert_eq!(beginnings.len(), resources.len());
    for (resource, beginning) in resources.into_iter().zip(beginnings) {
        let token = crate::testing::session_token_for(&server, resource);
        assert!(token.starts_with(&beginning.token()), "{token}");
        let rest = payload_of(&token);
        let rest = rest.strip_prefix(&beginning.claims).unwrap();
        assert!(rest.contains("\"client_id\"") && rest.len() < 300);
        assert!(verified(&server, &token).is_some());
    }
}

const GOOD_HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

// E12, F6, F12; RFC 9068 section 2.2
#[test]
fn session_token_has_the_required_claims_and_no_personal_data() {
    let (server, token) = good();
    let claims = claims_of(&token);
    let members: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "aud",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "key",
        "sid",
        "sub",
    ];
    assert_eq!(members, expected);
    assert_eq!(claims["iss"], "http://localhost:3001");
    assert_eq!(claims["aud"], "http://localhost:3001");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert!(lifetime <= 3600);
    let (session, share) = session_of("alice", "a client");
    let granted = Granted::whole(&session);
    let (_, expires_in) = issue(&session, &granted, &share, server.env(), &mut entropy(1));
    assert_eq!(expires_in, lifetime);
    let text = claims.to_string();
    assert!(!text.contains(&session.user.tenant_id), "{text}");
    let verified = verified(&server, &token).unwrap();
    assert_eq!(verified.session_id, session.id);
    assert_eq!(verified.share, share);
    assert_eq!(verified.resource, session.resource);
}

// F8
#[test]
fn session_tokens_have_different_jti() {
    let (server, token) = good();
    let again = issued(&server, "alice", 2);
    let bob = issued(&server, "bob", 3);
    assert_ne!(claims_of(&token)["jti"], claims_of(&again)["jti"]);
    assert_eq!(claims_of(&token)["sid"], claims_of(&again)["sid"]);
    assert_ne!(claims_of(&token)["sid"], claims_of(&bob)["sid"]);
    assert_ne!(claims_of(&token)["sub"], claims_of(&bob)["sub"]);
}

// F1, F4, F5
#[test]
fn signed_token_with_another_header_is_rejected() {
    let (server, token) = good();
    let claims = payload_of(&token);
    assert!(verified(&server, &signed(&server, GOOD_HEADER, &claims)).is_some());
    for header in [
        r#"{"alg":"none","typ":"at+jwt"}"#,
        r#"{"alg":"None","typ":"at+jwt"}"#,
        r#"{"alg":"RS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS512","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"../../dev/null"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","jku":"https://evil.example/"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","crit":["exp"]}"#,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        "{}",
        "",
    ] {
        let token = signed(&server, header, &claims);
        assert!(verified(&server, &token).is_none(), "{header}");
    }
    let [header, payload, _] = parts(&token);
    for unsigned in [
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
    ] {
        assert!(verified(&server, &unsigned).is_none());
    }
}

// F2, F3, F13
#[test]
fn session_token_changed_anywhere_is_rejected() {
    let (server, token) = good();
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        // One step in the alphabet: at the end of a part it changes unused bits only.
        changed[place] = match changed[place] {
            b'.' => b'A',
            b'z' => b'y',
            b'9' => b'8',
            b'-' => b'_',
            b'_' => b'-',
            b'Z' => b'Y',
            byte => byte + 1,
        };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verified(&server, &changed).is_none(), "{place}");
    }
    for length in 0..token.len() {
        assert!(
            verified(&server, token.get(..length).unwrap()).is_none(),
            "{length}"
        );
    }
    for odd in [
        format!("{token}="),
        format!("{token}."),
        format!(" {token}"),
        format!("{token}\n"),
        "..".to_owned(),
        "null".to_owned(),
        "a".repeat(100_000),
    ] {
        assert!(verified(&server, &odd).is_none());
    }
}

// F6, F9. Signed by our own key, but not what we issue.
#[test]
fn signed_token_with_a_foreign_claim_is_rejected() {
    let (server, token) = good();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!("http://localhost:3001/")),
        ("aud", json!("http://localhost:3001/")),
        ("aud", json!("http://localhost:3001/other")),
        ("aud", json!(["http://localhost:3001/mcp"])),
        ("exp", json!("1900000000")),
        ("exp", json!(null)),
        ("iat", json!(server.now.unix.0 + 61)),
        ("sid", json!("short")),
        ("key", json!("short")),
        ("client_id", json!("a client")),
        ("narrowed", json!("?")),
        ("scope", json!("user.read")),
        ("admin", json!(true)),
    ] {
        let claims = payload_of(&token);
        // In its place, or at the end.
        let claims = match claims_of(&token).get(name) {
            Some(good) => claims.replacen(&good.to_string(), &value.to_string(), 1),
            None => claims.replace('}', &format!(",\"{name}\":{value}}}")),
        };
        let token = signed(&server, GOOD_HEADER, &claims);
        assert!(verified(&server, &token).is_none(), "{name} {value}");
    }
    // Another instance that shares the key (CVE-2025-69196).
    let mut other = TestServer::dev();
    other.server.config.public_url = PublicUrl::parse("http://localhost:4001").unwrap();
    assert!(verified(&other, &token).is_none());
}

// F7, Q3
#[test]
fn session_token_expires_after_an_hour() {
    let (mut server, token) = good();
    let issued = server.now.unix;
    let at = |server: &mut TestServer, seconds| {
        server.now.unix = issued.after(Duration::from_secs(seconds));
    };
    at(&mut server, 3599);
    assert!(verified(&server, &token).is_some());
    at(&mut server, 3600);
    assert!(verified(&server, &token).is_none());
    server.now.unix = UnixTime(issued.0 - 60);
    assert!(verified(&server, &token).is_some(), "a minute of leeway");
    server.now.unix = UnixTime(issued.0 - 61);
    assert!(verified(&server, &token).is_none());
}

// D12, E12
#[test]
fn session_token_expires_no_later_than_its_session() {
    let mut server = TestServer::dev();
    let (session, share) = session_of("alice", "a client");
    let granted = Granted::whole(&session);
    let end = session.created.after(limits::SESSION_ABSOLUTE);
    server.now.unix = UnixTime(end.0 - 100);
    let (_, expires_in) = issue(&session, &granted, &share, server.env(), &mut entropy(1));
    assert_eq!(expires_in, 100);
    server.now.unix = end.after(Duration::from_secs(5));
    let (token, expires_in) = issue(&session, &granted, &share, server.env(), &mut entropy(1));
    assert_eq!(expires_in, 0);
    assert!(verified(&server, token.expose()).is_none());
}

// F5, F15
#[test]
fn first_key_signs_and_all_keys_verify() {
    let (mut server, token) = good();
    let key = |byte| MasterKey::new([byte; 32]);
    server.server.keys = Keyring::new(key(43), vec![key(42)]);
    assert!(verified(&server, &token).is_some(), "the old key verifies");
    let new = issued(&server, "alice", 1);
    server.server.keys = Keyring::new(key(43), Vec::new());
    assert!(verified(&server, &new).is_some(), "the new key signs");
    assert!(verified(&server, &token).is_none(), "the old key is gone");
}

// A client says how long its `client_id` is, and the operator how many scopes there are.
#[test]
fn session_token_is_short_for_any_client_and_any_scopes() {
    let mut server = TestServer::dev();
    let client_id = format!("dcr.{}", "x".repeat(limits::CLIENT_ID_BYTES - 4));
    let (mut session, share) = session_of("alice", &client_id);
    session.outline.subject = URL_SAFE_NO_PAD.encode([255; 16]);
    session.scope = vec!["s"; limits::OFFERED_SCOPES_BYTES / 2].join(" ");
    let issued = |server: &TestServer, session: &Session, granted: &Granted| {
        let (token, _) = issue(session, granted, &share, server.env(), &mut entropy(1));
        assert!(verified(server, token.expose()).is_some());
        token.expose().len()
    };
    for public_url in [
        "http://localhost:3001",
        "https://mcp-server-number-1.acompany.com",
    ] {
        server.server.config.public_url = PublicUrl::parse(public_url).unwrap();
        session.resource = server.server.config.public_url.resources()[0].clone();
        let whole = Granted::whole(&session);
        let length = issued(&server, &session, &whole);
        assert!(length < 470, "{length} for {public_url}");
        let narrow = Granted {
            scope: "none of them".to_owned(),
            ..whole
        };
        let more = issued(&server, &session, &narrow) - length;
        assert!(more <= 80, "{more} more for a bit of every scope");
    }
    let host = format!(
        "https://{}.example",
        "x".repeat(63 * 3).replace("xxx", "x.x")
    );
    server.server.config.public_url = PublicUrl::parse(&host).unwrap();
    session.resource = host + "/mcp";
    issued(&server, &session, &Granted::whole(&session));
}

// E7
#[test]
fn narrowed_token_has_the_scopes_that_were_asked_for_only() {
    let server = TestServer::dev();
    let (mut session, share) = session_of("alice", "a client");
    session.scope = "user.read mail.read files.read".to_owned();
    for (asked, has) in [
        ("user.read mail.read files.read", None),
        ("mail.read", Some("mail.read")),
        ("user.read files.read", Some("user.read files.read")),
    ] {
        let granted = Granted {
            scope: asked.to_owned(),
            ..Granted::whole(&session)
        };
        let (token, _) = issue(&session, &granted, &share, server.env(), &mut entropy(1));
        let verified = verified(&server, token.expose()).unwrap();
        let scope = verified.narrowed.map(|mask| mask.apply(&session.scope));
        assert_eq!(scope.as_deref(), has);
    }
}

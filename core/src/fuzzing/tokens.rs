//! The properties of what clients and browsers hold of ours: session tokens, cookies, and what MCP hands out
//! to be brought back.

use ::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{altered, entra::server, entropy};
use crate::{
    catalog::scope::Scopes,
    env::{EntraSnapshot, Env},
    http::cookie,
    id::{McpSessionId, SessionId},
    keys::{Keyring, MasterKey, Purpose},
    limits,
    mcp::EventId,
    oauth::{
        authorization_request::{AuthorizationRequest, RedirectTarget},
        browser_id::BrowserId,
        client_label::ClientLabel,
        pending_sign_in::{Approval, PendingSignIn},
        remembered_consents::RememberedConsents,
    },
    redirect_uri::RedirectUri,
    session::{
        Share,
        record::{Hash, Outline, Profile, Session, User},
        token::{self, ClientRef, Granted},
    },
    time::{Instant, Now, UnixTime},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn at(
    entra: &EntraSnapshot,
    server: &crate::env::Server,
    unix: UnixTime,
    act: impl FnOnce(Env<'_>),
) {
    let instant = Instant(0);
    act(Env {
        server,
        catalog: &server.catalog,
        entra,
        clients: crate::config::PreregisteredClients::none(),
        policy: crate::policy::Policy::none(),
        endpoint: crate::config::Endpoint::MAIN,
        now: Now { instant, unix },
    });
}

pub(super) fn session() -> Session {
    let outline = Outline {
        client: Hash::of(b"a client"),
        subject: "a subject".to_owned(),
        ..Outline::default()
    };
    let user = User {
        tenant_id: "a tenant".to_owned(),
        oid: "a user".to_owned(),
        sub: None,
        profile: Profile::default(),
    };
    let granted = ("user.read".to_owned(), "https://mcp.example/mcp".to_owned());
    let id = SessionId::new([1; 16]);
    Session::new(id, outline, user, granted, NOW, &mut entropy())
}

/// A session token is good as it was issued, while it lasts, and gives back what it was issued for;
/// made up, or changed by one byte, it is none (threats F1, F3 to F6, F8 to F14).
pub fn session_token(made_up: &str, place: usize, change: u8, seconds: u32) {
    let (server, known) = (server(), EntraSnapshot::default());
    assert!(token::verify(made_up, &server, NOW).is_none());
    let share = Share::new([2; 16]);
    at(&known, &server, NOW, |env| {
        let session = session();
        let granted = Granted::whole(&session);
        let (issued, lasts) = token::issue(&session, &granted, &share, env, &mut entropy());
        let issued = issued.expose();
        let verified = token::verify(issued, &server, NOW).expect("it was just issued");
        assert_eq!(verified.session_id, session.id);
        assert_eq!(verified.share, share);
        assert_eq!(verified.client, ClientRef::of(&Hash::of(b"a client")));
        assert_eq!(verified.resource, session.resource);
        assert_eq!(verified.narrowed, None);
        assert_eq!(verified.expires, UnixTime(NOW.0 + lasts));
        let later = UnixTime(NOW.0 + u64::from(seconds));
        let lives = u64::from(seconds) < lasts;
        assert_eq!(token::verify(issued, &server, later).is_some(), lives);
        if let Some(changed) = altered(issued, place, change) {
            assert!(token::verify(&changed, &server, NOW).is_none(), "{changed}");
        }
    });
}

/// What may be wrong with a token that somebody wrote with great care, one bit each.
mod wrong {
    pub(super) const ISSUER: u8 = 1;
    pub(super) const AUDIENCE: u8 = 2;
    pub(super) const HEADER: u8 = 4;
    pub(super) const PURPOSE: u8 = 8;
    pub(super) const MEMBER: u8 = 16;
    pub(super) const ISSUED_LATER: u8 = 32;
    pub(super) const OVER: u8 = 64;
    pub(super) const KEY: u8 = 128;
}

const HEADERS: [&str; 6] = [
    r#"{"alg":"none","typ":"at+jwt"}"#,
    r#"{"alg":"HS256","typ":"JWT"}"#,
    r#"{"typ":"at+jwt","alg":"HS256"}"#,
    r#"{"alg":"HS512","typ":"at+jwt"}"#,
    r#"{"alg":"RS256","typ":"at+jwt","kid":"1"}"#,
    r#"{"alg":"HS256"}"#,
];

/// A token with our claims and a right signature, by the key of today or the one before, is good;
/// with any one thing wrong it is none: another issuer, audience, header, purpose, or key, a claim too
/// many, from the future, or over (threats F1, F3 to F6, F8 to F14).
pub fn signed_token(faults: u8, text: &str, seconds: u32) {
    let server = server();
    let url = &server.config.public_url;
    let has = |fault| faults & fault != 0;
    // The text shows whether it is wrong, unless by chance it is right.
    let or_text = |fault, right: &str| if has(fault) { text } else { right }.to_owned();
    let issuer = or_text(wrong::ISSUER, url.issuer());
    let audience = or_text(wrong::AUDIENCE, "https://mcp.example/mcp");
    let seconds = u64::from(seconds);
    let issued = if has(wrong::ISSUED_LATER) {
        NOW.after(limits::CLOCK_LEEWAY).0 + 1 + seconds
    } else {
        NOW.0
    };
    let expires = if has(wrong::OVER) {
        NOW.0.saturating_sub(seconds)
    } else {
        NOW.0 + 1 + seconds
    };
    // In the order in which they are issued: no other is believed.
    let members = [
        ("iss", issuer.as_str().into()),
        ("aud", audience.as_str().into()),
        ("sub", "s".into()),
        (
            "client_id",
            ClientRef::of(&Hash::of(b"c")).to_string().into(),
        ),
        ("sid", serde_json::json!(SessionId::new([1; 16]))),
        ("iat", issued.into()),
        ("exp", expires.into()),
        ("jti", "j".into()),
        ("key", URL_SAFE_NO_PAD.encode([2; 16]).into()),
    ];
    let also = has(wrong::MEMBER).then(|| ("also", text.into()));
    let members = members.into_iter().chain(also);
    let members =
        members.map(|(name, value): (_, serde_json::Value)| format!("\"{name}\":{value}"));
    let claims = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    let chosen = HEADERS.get(text.len() % HEADERS.len()).copied();
    let header = if has(wrong::HEADER) { chosen } else { None };
    let header = header.unwrap_or(r#"{"alg":"HS256","typ":"at+jwt"}"#);
    let [header, claims] = [header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{claims}");
    let purpose = if has(wrong::PURPOSE) {
        Purpose::ClientId
    } else {
        Purpose::SessionToken
    };
    let by = |key: u8| Keyring::new(MasterKey::new([key; 32]), Vec::new());
    let signers = if has(wrong::KEY) { [1, 2] } else { [7, 8] };
    for signer in signers.map(by) {
        let mac = signer.mac(purpose, signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        let good = faults & !(wrong::ISSUER | wrong::AUDIENCE) == 0
            && issuer == url.issuer()
            && url.is_resource(&audience);
        let verified = token::verify(&token, &server, NOW);
        assert_eq!(verified.is_some(), good, "{faults:#b} {text}");
        let unsigned = format!("{signed}.");
        assert!(token::verify(&unsigned, &server, NOW).is_none());
    }
}

/// A cookie is found by its own name, whole, and only if there is one of it. `@` in the text stands for
/// the name (RFC 6265 section 4.2).
pub fn cookie_header(text: &str) {
    let server = server();
    let url = &server.config.public_url;
    let text = text.replace('@', &cookie::name("browser", url));
    let Some(headers) = cookies_of(&[&text]) else {
        return;
    };
    let begin = format!("{}=", cookie::name("browser", url));
    let ours = |pair: &'_ str| pair.trim().strip_prefix(&begin).map(str::to_owned);
    // Text beyond ASCII is no cookie of ours.
    let pairs = text.split(';').filter(|pair| pair.is_ascii());
    let found: Vec<String> = pairs.filter_map(ours).collect();
    let one = <[String; 1]>::try_from(found).ok().map(|[value]| value);
    assert_eq!(cookie::get("browser", &headers, url), one.as_deref());
}

/// However many requests one browser approved, the last ones are remembered, up to the limit, and no
/// request that was not approved (threat A4).
pub fn approvals(count: u8) {
    let (server, known) = (server(), EntraSnapshot::default());
    let count = count % 40;
    let of = |number: u8| AuthorizationRequest {
        client: Hash::of(&[number]),
        ..request()
    };
    at(&known, &server, NOW, |env| {
        let mut headers = HeaderMap::new();
        for number in 0..count {
            let set = RememberedConsents::of(&headers, env).remember(&of(number), env);
            let pair = set
                .as_ref()
                .and_then(pair)
                .expect("a web site is remembered");
            assert!(pair.len() < 1024, "the cookie grows");
            headers = cookies_of(&[&pair]).expect("it is a cookie");
        }
        let own = RememberedConsents::of(&headers, env);
        for number in 0..=count {
            let remembered =
                number < count && usize::from(count - number) <= limits::REMEMBERED_CONSENTS;
            assert_eq!(own.cover(&of(number)), remembered, "{number} of {count}");
        }
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
/// made up, changed, sent twice, or of another state, it is nothing (threats A5, C15, D1 to D3).
pub fn cookies(made_up: &str, other_state: &str, place: usize, change: u8) {
    let (server, known) = (server(), EntraSnapshot::default());
    at(&known, &server, NOW, |env| {
        if let Some(headers) = cookies_of(&[made_up]) {
            assert!(RememberedConsents::of(&headers, env).is_empty());
            assert!(BrowserId::of(&headers, env).is_none());
            assert!(PendingSignIn::from_cookie(&headers, other_state, env).is_none());
        }
        let request = request();
        let sign_in = PendingSignIn::begin(
            request.clone(),
            ClientLabel::default(),
            Approval::Remembered,
            NOW,
            &mut entropy(),
        );
        let state = sign_in.state.expose().clone();
        let set = [
            sign_in.set_cookie(env, &mut entropy()),
            RememberedConsents::default().remember(&request, env),
            BrowserId::new(&mut entropy()).set_cookie(env),
        ];
        let pairs: Vec<String> = set.iter().flatten().filter_map(pair).collect();
        assert_eq!(pairs.len(), 3, "all three are set");
        let all = |extra: &str| cookies_of(&[&pairs.join("; "), extra]);
        let Some(headers) = all("other=cookie") else {
            return;
        };
        let found = PendingSignIn::from_cookie(&headers, &state, env).expect("it was set");
        assert_eq!(found.nonce.expose(), sign_in.nonce.expose());
        assert!(RememberedConsents::of(&headers, env).cover(&request));
        assert!(BrowserId::of(&headers, env).is_some());
        if other_state != state {
            assert!(PendingSignIn::from_cookie(&headers, other_state, env).is_none());
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
                assert!(PendingSignIn::from_cookie(&headers, &state, env).is_none());
                assert!(RememberedConsents::of(&headers, env).is_empty());
                assert!(BrowserId::of(&headers, env).is_none(), "{changed}");
            }
        }
        crossed(&pairs, &state, env);
        // Twice of one name: nobody knows which is ours.
        if let Some(headers) = all(&pairs.join("; ")) {
            assert!(PendingSignIn::from_cookie(&headers, &state, env).is_none());
            assert!(BrowserId::of(&headers, env).is_none());
        }
        let late = UnixTime(sign_in.expires.0);
        at(&known, &server, late, |env| {
            assert!(PendingSignIn::from_cookie(&headers, &state, env).is_none());
        });
    });
}

/// The value of one cookie is none of another.
fn crossed(pairs: &[String], state: &str, env: Env<'_>) {
    let parts = || pairs.iter().filter_map(|pair| pair.split_once('='));
    for (name, own) in parts() {
        for (_, value) in parts().filter(|(_, value)| *value != own) {
            let headers = cookies_of(&[&format!("{name}={value}")]).expect("it is a cookie");
            assert!(PendingSignIn::from_cookie(&headers, state, env).is_none());
            assert!(RememberedConsents::of(&headers, env).is_empty());
            assert!(BrowserId::of(&headers, env).is_none(), "{name}={value}");
        }
    }
}

fn pair(set: &HeaderValue) -> Option<String> {
    set.to_str().ok()?.split(';').next().map(str::to_owned)
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client: Hash::of(b"a client"),
        redirect_target: RedirectTarget {
            redirect_uri: RedirectUri::parse("https://client.example/cb")
                .expect("a good redirect URI"),
            state: Some("state".to_owned()),
        },
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        resource: "https://mcp.example/mcp".to_owned(),
        scope: Scopes::new(&[]).default(),
    }
}

/// The name of an event, or of a stream, has one spelling.
pub fn event_id(text: &str) {
    if let Some(id) = EventId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Some(id) = McpSessionId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
}

//! The properties of what reads the clients that prove who they are by a signature, those that an operator lists, and
//! devices.

use ::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::entra::server;
use crate::{
    client_keys::ClientKeys,
    config::{ClientEntry, PreregisteredClients, SecretHash},
    device_authorization::UserCode,
    env::{EntraSnapshot, Env},
    http::form::Form,
    limits,
    oauth::{client_assertion::ClientAssertion, device_authorization::DeviceRequest},
    redirect_uri::RedirectUri,
    secret::Secret,
    time::{Instant, Now, UnixTime},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

fn at(unix: UnixTime, act: impl FnOnce(Env<'_>)) {
    let (server, entra, instant) = (server(), EntraSnapshot::default(), Instant(0));
    act(Env {
        server: &server,
        catalog: &server.catalog,
        entra: &entra,
        clients: PreregisteredClients::none(),
        policy: crate::policy::Policy::none(),
        endpoint: crate::config::Endpoint::MAIN,
        now: Now { instant, unix },
    });
}

/// What is read of an assertion is of the client that it names twice, for this server, and in its time; and nothing made
/// up is signed (threat E14).
pub fn client_assertion(text: &str, seconds: u16) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair(
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    form.append_pair("client_assertion", text);
    let form = Form::parse(form.finish().as_bytes());
    let now = NOW.after(std::time::Duration::from_secs(seconds.into()));
    at(now, |env| {
        let assertion = match ClientAssertion::of(&form, &HeaderMap::new(), env) {
            Ok(Some(assertion)) => assertion,
            Ok(None) => {
                assert!(text.is_empty(), "an empty value is as if left out: {text}");
                return;
            }
            Err(refusal) => {
                assert_eq!(refusal.response().status(), 401, "{text}");
                return;
            }
        };
        let claims = text.split('.').nth(1).expect("it has claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("they are base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("they are JSON");
        for name in ["iss", "sub"] {
            let named = claims.get(name).and_then(Value::as_str);
            assert_eq!(named, Some(assertion.url.as_str()), "{name}");
        }
        let audience = claims.get("aud").expect("there is an audience");
        let is_ours = |audience: &Value| {
            audience
                .as_str()
                .is_some_and(|audience| audience.starts_with("https://mcp.example"))
        };
        let all = audience.as_array().map(Vec::as_slice);
        assert!(
            all.unwrap_or(std::slice::from_ref(audience))
                .iter()
                .any(is_ours)
        );
        let latest = now
            .after(limits::SIGNED_CLIENT_ASSERTION_LIFETIME)
            .after(2 * limits::CLOCK_LEEWAY);
        assert!(now < assertion.expires && assertion.expires <= latest);
        // The key of RFC 7515 appendix A.3, whose example names no client of a document.
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]});
        let keys = ClientKeys::of_json(&keys).expect("it is a set");
        assert!(!assertion.is_signed_by(&keys));
    });
}

/// A client that is listed returns where it is listed: exactly there, on loopback to any port, or below the one address
/// where a name may follow, and there with a secret only (threat H13).
pub fn listed_client(has_secret: bool, id: &str, requested: &str, listed: &[&str]) {
    let secret = || SecretHash::of(&Secret::new("5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a".to_owned()));
    let entry = ClientEntry {
        position: 1,
        id: id.to_owned(),
        secrets: has_secret.then(secret).into_iter().collect(),
        redirect_uris: listed.iter().map(|uri| (*uri).to_owned()).collect(),
        ..ClientEntry::default()
    };
    let clients = match PreregisteredClients::new(vec![entry], &[]) {
        Ok(clients) => clients,
        Err(errors) => {
            for error in errors {
                let line = error.to_string();
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            return;
        }
    };
    let client = clients.of_id(id).expect("it is listed");
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
    let Some(admitted) = client.redirect_uri(Some(requested)) else {
        assert!(!listed.contains(&requested) || requested.ends_with('*'));
        return;
    };
    assert_eq!(admitted.as_str(), requested);
    let is_below = |start: &str| {
        let name = requested.strip_prefix(start).unwrap_or_default();
        let is_shared = start.starts_with("https://global.consent.azure-apim.net/redirect/");
        has_secret && is_shared && !name.is_empty() && !name.contains(['/', '?', '#', '%', '.'])
    };
    let is_it = |uri: &&str| match uri.strip_suffix('*') {
        Some(start) => is_below(start),
        None => RedirectUri::parse(uri).is_some_and(|own| own.admits(requested).is_some()),
    };
    assert!(listed.iter().any(is_it), "{requested}");
}

/// A user code is read as it is shown, however it was typed; and what was packed of a device is unpacked, and nothing
/// else is (threat A15).
pub fn device(bytes: &[u8]) {
    if let Some(code) = std::str::from_utf8(bytes).ok().and_then(UserCode::parse) {
        let shown = code.to_string();
        assert_eq!(shown.len(), 9);
        assert_eq!(UserCode::parse(&shown), Some(code));
        let letters = shown.bytes().filter(|letter| *letter != b'-');
        assert!(
            letters
                .into_iter()
                .all(|letter| letter.is_ascii_uppercase())
        );
    }
    at(NOW, |env| {
        if let Some(request) = DeviceRequest::unpack(bytes, env) {
            assert_eq!(request.pack(), bytes);
        }
    });
}

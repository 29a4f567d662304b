//! Tokens that look like good ones.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use entra_mcp_core::keys::Purpose;

use crate::{checks::claims, choice::Choice, server};

/// Bytes as base64url.
pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Some forgeries of tokens that were seen.
pub(super) fn tokens(seen: &[String], choice: &mut Choice) -> Vec<String> {
    if seen.is_empty() {
        return vec![base64url(&choice.material())];
    }
    let token = choice.pick(seen).clone();
    let mut forged = vec![token.clone()];
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, mac] = parts.as_slice() else {
        return forged;
    };
    let none = base64url(br#"{"alg":"none","typ":"at+jwt"}"#);
    forged.push(format!("{none}.{payload}."));
    forged.push(format!("{header}.{payload}."));
    forged.push(format!("{header}.{payload}"));
    if let Some(mut claims) = claims(&token) {
        let claim = *choice.pick(&["exp", "sub", "sid", "aud", "narrowed"]);
        let changed = match claim {
            "exp" => json!(4_102_444_800_u64),
            "aud" => json!("https://other.example/mcp"),
            _ => json!(base64url(&choice.material())),
        };
        if let Some(members) = claims.as_object_mut() {
            members.insert(claim.to_owned(), changed);
        }
        let changed = base64url(Value::to_string(&claims).as_bytes());
        forged.push(format!("{header}.{changed}.{mac}"));
    }
    forged.extend(by_key_thief(header, &token, choice));
    forged
}

/// The token of a thief who has the master key and no share of the session (threat G3).
fn by_key_thief(header: &str, token: &str, choice: &mut Choice) -> Option<String> {
    let claims = claims(token)?;
    let share: Vec<u8> = choice
        .material()
        .into_iter()
        .chain([1; 16])
        .take(16)
        .collect();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?);
    let mut text = String::from_utf8(payload.ok()?).ok()?;
    // Each in its place: what is spelled otherwise is refused before the share is looked at.
    for name in ["key", "jti"] {
        text = text.replacen(claims.get(name)?.as_str()?, &base64url(&share), 1);
    }
    let claims = base64url(text.as_bytes());
    let signed = format!("{header}.{claims}");
    let mac = server::first_key().mac(Purpose::SessionToken, signed.as_bytes());
    Some(format!("{signed}.{}", base64url(&mac)))
}

//! Tokens that look like good ones.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{checks::claims, choice::Choice};

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
        let claim = *choice.pick(&["exp", "sub", "sid", "aud", "scope"]);
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
    forged
}

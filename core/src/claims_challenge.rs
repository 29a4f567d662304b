//! Claims challenges: what Entra, or a resource that takes its tokens, wants of a token before it is good (Microsoft identity
//! platform, "Claims challenges, claims requests, and client capabilities"; OpenID Connect Core section 5.5).
//!
//! Whoever answers a request may have written one. It is parsed once, bounded and written anew, and goes to Entra, and in a
//! sealed link to the user's browser; to no log.

use std::{borrow::Cow, sync::Arc};

use ::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use crate::limits;

/// That this server takes claims challenges: the capability `cp1`.
const CAPABILITIES: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

/// The longest identifier of an authentication context that is one: Entra's are `c1` to `c99`.
const CONTEXT_BYTES: usize = 16;

/// What a token must satisfy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ClaimsChallenge(Arc<Map<String, Value>>);

impl std::fmt::Debug for ClaimsChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimsChallenge")
    }
}

impl ClaimsChallenge {
    /// Reads a challenge as Entra's token endpoint writes it: JSON, about the access token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > limits::CLAIMS_CHALLENGE_BYTES {
            return None;
        }
        let challenge = Self::of_text(text)?;
        let is_one = challenge.0.get("access_token")?.is_object();
        let fits = challenge.to_text().len() <= limits::CLAIMS_CHALLENGE_BYTES;
        (is_one && fits).then_some(challenge)
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        Some(Self(Arc::new(serde_json::from_str(text).ok()?)))
    }

    /// Reads the challenge of a resource, from the headers of its 401.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let mut texts = values.filter_map(|value| value.to_str().ok());
        texts.find_map(of_header)
    }

    /// The demand for an authentication context, such as `c1`, of a sign-in (Microsoft identity platform, "Developer guide
    /// to Conditional Access authentication context").
    pub(crate) fn of_context(id: &str) -> Self {
        Self::of_acrs("id_token", id)
    }

    /// The same of an access token.
    pub(crate) fn of_access_context(id: &str) -> Self {
        Self::of_acrs("access_token", id)
    }

    fn of_acrs(token: &str, id: &str) -> Self {
        let acrs = json!({"acrs": {"essential": true, "value": id}});
        Self(Arc::new(Map::from_iter([(token.to_owned(), acrs)])))
    }

    /// The challenge as JSON.
    pub(crate) fn to_text(&self) -> String {
        Value::Object((*self.0).clone()).to_string()
    }
}

/// The parameter `claims` of every request to Entra: what this server is capable of, and the challenge that is answered.
pub(crate) fn parameter(challenge: Option<&ClaimsChallenge>) -> Cow<'static, str> {
    let Some(challenge) = challenge else {
        return Cow::Borrowed(CAPABILITIES);
    };
    let mut claims = (*challenge.0).clone();
    let of_access_token = claims.entry("access_token").or_insert_with(|| json!({}));
    if !of_access_token.is_object() {
        *of_access_token = json!({});
    }
    if let Some(members) = of_access_token.as_object_mut() {
        members.insert("xms_cc".to_owned(), json!({"values": ["cp1"]}));
    }
    Cow::Owned(Value::Object(claims).to_string())
}

/// Whether this names an authentication context.
pub(crate) fn is_context(id: &str) -> bool {
    (1..=CONTEXT_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The challenge in one header: that of the scheme Bearer, which may not be the only one (RFC 9110 section 11.6.1).
fn of_header(text: &str) -> Option<ClaimsChallenge> {
    let mut rest = text;
    let mut bearer: Option<Bearer> = None;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|byte| !is_token(byte)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let Some(value) = after.trim_start().strip_prefix('=') else {
            // Another scheme begins.
            if let Some(challenge) = bearer.take().and_then(Bearer::challenge) {
                return Some(challenge);
            }
            bearer = name.eq_ignore_ascii_case("bearer").then(Bearer::default);
            rest = after;
            continue;
        };
        let (value, after) = value_of(value.trim_start());
        if let Some(bearer) = &mut bearer {
            bearer.take(name, value);
        }
        rest = after;
    }
    bearer.and_then(Bearer::challenge)
}

/// The parameters of the scheme Bearer that count.
#[derive(Default)]
struct Bearer {
    error: String,
    claims: String,
}

impl Bearer {
    fn take(&mut self, name: &str, value: String) {
        if name.eq_ignore_ascii_case("error") {
            self.error = value;
        } else if name.eq_ignore_ascii_case("claims") {
            self.claims = value;
        }
    }

    /// The claims are base64 by the documentation; other alphabets, no padding and plain JSON are seen.
    fn challenge(self) -> Option<ClaimsChallenge> {
        if !matches!(&*self.error, "insufficient_claims" | "invalid_token") {
            return None;
        }
        if self.claims.starts_with('{') {
            return ClaimsChallenge::parse(&self.claims);
        }
        let claims = self.claims.trim_end_matches('=');
        let claims = claims.replace('-', "+").replace('_', "/");
        let claims = STANDARD_NO_PAD.decode(claims).ok()?;
        ClaimsChallenge::parse(std::str::from_utf8(&claims).ok()?)
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

/// The value of a parameter, a quoted string or a token, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|character: char| character == ',' || character.is_whitespace())
            .unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            character => value.push(character),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    const NBF: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;

    fn of(values: &[String]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        ClaimsChallenge::of_headers(&headers).map(|challenge| challenge.to_text())
    }

    #[test]
    fn challenge_of_a_resource_is_read_in_every_form_that_is_seen() {
        let padded = STANDARD.encode(NBF);
        let graph = format!(
            "Bearer realm=\"\", authorization_uri=\"https://login.example/common/oauth2/authorize\", \
             client_id=\"00000003-0000-0000-c000-000000000000\", error=\"insufficient_claims\", claims=\"{padded}\""
        );
        let bare = padded.trim_end_matches('=');
        let quoted = NBF.replace('"', "\\\"");
        for values in [
            vec![graph.clone()],
            vec![format!(
                "bearer CLAIMS=\"{padded}\",Error=insufficient_claims"
            )],
            vec![format!("Bearer error=invalid_token, claims=\"{bare}\"")],
            vec![format!(
                "Bearer claims={bare}, error=\"insufficient_claims\""
            )],
            vec![format!(
                "Bearer error=\"insufficient_claims\", claims=\"{}\"",
                URL_SAFE.encode(NBF)
            )],
            vec![format!(
                "Bearer error=\"insufficient_claims\", claims=\"{}\", cc_type=\"authcontext\"",
                URL_SAFE_NO_PAD.encode(NBF)
            )],
            vec![format!(
                "Bearer error=\"insufficient_claims\", claims=\"{quoted}\""
            )],
            vec!["Basic realm=\"x\"".to_owned(), graph.clone()],
            vec![format!("PoP nonce=\"n\", {graph}")],
            vec![format!("Negotiate YWJj==, {graph}, PoP nonce=\"n\"")],
        ] {
            assert_eq!(of(&values).as_deref(), Some(NBF), "{values:?}");
        }
    }

    // D22
    #[test]
    fn challenge_that_is_none_is_left_out() {
        let padded = STANDARD.encode(NBF);
        let long = format!(r#"{{"access_token":{{"x":"{}"}}}}"#, "y".repeat(3000));
        for value in [
            format!("Bearer claims=\"{padded}\""),
            format!("Bearer error=\"insufficient_scope\", claims=\"{padded}\""),
            format!("PoP error=\"insufficient_claims\", claims=\"{padded}\""),
            "Bearer error=\"insufficient_claims\", claims=\"%%%\"".to_owned(),
            "Bearer error=\"insufficient_claims\", claims=\"".to_owned(),
            format!(
                "Bearer error=\"insufficient_claims\", claims=\"{}\"",
                STANDARD.encode("[]")
            ),
            format!(
                "Bearer error=\"insufficient_claims\", claims=\"{}\"",
                STANDARD.encode(r#"{"access_token":"x"}"#)
            ),
            format!(
                "Bearer error=\"insufficient_claims\", claims=\"{}\"",
                STANDARD.encode(long)
            ),
            String::new(),
            "===\"\\".to_owned(),
        ] {
            assert_eq!(of(std::slice::from_ref(&value)), None, "{value}");
        }
        let bottomless = format!("{}1{}", r#"{"access_token":"#.repeat(200), "}".repeat(200));
        assert_eq!(ClaimsChallenge::parse(&bottomless), None);
    }

    #[test]
    fn every_request_says_that_challenges_are_taken_beside_the_challenge() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let cp1 = json!({"values": ["cp1"]});
        assert_eq!(
            read(&parameter(None)),
            json!({"access_token": {"xms_cc": cp1}})
        );
        let challenge = ClaimsChallenge::parse(
            r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}},"userinfo":{"x":null}}"#,
        );
        assert_eq!(
            read(&parameter(challenge.as_ref())),
            json!({"access_token": {"acrs": {"essential": true, "value": "c1"}, "xms_cc": cp1}, "userinfo": {"x": null}})
        );
        let context = ClaimsChallenge::of_context("c1");
        assert_eq!(
            read(&parameter(Some(&context))),
            json!({"id_token": {"acrs": {"essential": true, "value": "c1"}}, "access_token": {"xms_cc": cp1}})
        );
    }

    // D22
    #[test]
    fn challenge_is_not_printed() {
        let challenge = ClaimsChallenge::parse(NBF).unwrap();
        assert_eq!(format!("{challenge:?}"), "ClaimsChallenge");
    }
}

//! The token of a managed identity, as the machine that has the identity gives it out (Microsoft, "How to use managed
//! identities for Azure resources to acquire an access token"; App Service, "Connect to Azure services in app code").

use std::time::Duration;

use serde::Deserialize;

use crate::{
    limits,
    secret::Secret,
    time::{Instant, Now, UnixTime},
};

/// A token of the managed identity, which is sent to Entra as a client assertion.
#[derive(Clone, Debug)]
pub(crate) struct IdentityToken {
    token: Secret<String>,
    /// From when on another one is fetched, while this one is still used.
    renewed_from: Instant,
    /// From when on it is not used any more.
    used_until: Instant,
}

/// The body of a 200.
#[derive(Deserialize)]
struct Body {
    access_token: String,
    /// How many seconds it is good for: not every host says so.
    expires_in: Option<Number>,
    /// Until when it is good, in seconds since 1970.
    expires_on: Option<Number>,
    /// The identity that it is of, if the host says so.
    client_id: Option<String>,
}

/// A number, which most hosts write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// The token in the body of a 200, and how many seconds it is good for; `None` if there is none.
pub(crate) fn token_of(body: &[u8], now: UnixTime) -> Option<(Secret<String>, u64)> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let of = |number: Option<Number>| number.and_then(|number| number.value());
    let until = || Some(of(body.expires_on)?.saturating_sub(now.0));
    let seconds = of(body.expires_in)
        .or_else(until)
        .filter(|left| *left > 0)?;
    is_jwt(&body.access_token).then(|| (Secret::new(body.access_token), seconds))
}

impl IdentityToken {
    /// Reads the body of a 200; in an error, what is wrong with it. `named`: the identity that the answer must name, if the
    /// host may have overlooked which one was asked for.
    pub(crate) fn read(body: &[u8], named: Option<&str>, now: Now) -> Result<Self, &'static str> {
        let body: Body = serde_json::from_slice(body)
            .map_err(|_| "the answer is not JSON, or there is no token in it")?;
        if !is_jwt(&body.access_token) {
            return Err("what it answered with is no JWT");
        }
        let answered = body.client_id.as_deref().unwrap_or_default();
        if named.is_some_and(|named| !answered.eq_ignore_ascii_case(named)) {
            return Err(
                "it does not say that the token is of the identity that was asked for: update the agent",
            );
        }
        let of = |number: Option<Number>| number.and_then(|number| number.value());
        let left = of(body.expires_in)
            .or_else(|| Some(of(body.expires_on)?.saturating_sub(now.unix.0)))
            .ok_or("the answer does not say when the token ends")?;
        if left == 0 {
            return Err("the token has expired: is the clock of this machine right?");
        }
        let left = Duration::from_secs(left).min(limits::IDENTITY_TOKEN_LIFETIME);
        let used = left
            .saturating_sub(limits::IDENTITY_TOKEN_MARGIN)
            .max(left / 2);
        Ok(Self {
            token: Secret::new(body.access_token),
            renewed_from: now.instant.after(left / 2),
            used_until: now.instant.after(used),
        })
    }

    /// The token, if it may still be used.
    pub(crate) fn usable(&self, now: Instant) -> Option<&Secret<String>> {
        (now < self.used_until).then_some(&self.token)
    }

    /// Whether it is time to fetch another one.
    pub(crate) fn is_ageing(&self, now: Instant) -> bool {
        now >= self.renewed_from
    }
}

/// Three parts in base64url (RFC 7515 section 7.1), of which Entra judges everything.
fn is_jwt(text: &str) -> bool {
    let is_base64url = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty()
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('.').count() == 3 && text.split('.').all(is_base64url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;

    const NOW: Now = Now {
        instant: Instant(1_000_000),
        unix: UnixTime(1_800_000_000),
    };

    fn read(body: &str) -> Result<IdentityToken, &'static str> {
        IdentityToken::read(body.as_bytes(), None, NOW)
    }

    fn after(seconds: u64) -> Instant {
        NOW.instant.after(Duration::from_secs(seconds))
    }

    #[test]
    fn identity_token_is_used_until_shortly_before_its_end() {
        for body in [
            r#"{"access_token":"a.b.c","expires_in":"7200","expires_on":"1","resource":"x"}"#,
            r#"{"access_token":"a.b.c","expires_on":"1800007200","token_type":"Bearer"}"#,
            r#"{"access_token":"a.b.c","expires_on":1800007200}"#,
        ] {
            let token = read(body).unwrap();
            assert_eq!(token.usable(after(6899)).unwrap().expose(), "a.b.c");
            assert!(token.usable(after(6900)).is_none(), "{body}");
            assert!(!token.is_ageing(after(3599)) && token.is_ageing(after(3600)));
            assert!(!format!("{token:?}").contains("a.b.c"), "O3");
        }
        let short = read(r#"{"access_token":"a.b.c","expires_in":60}"#).unwrap();
        assert!(short.usable(after(29)).is_some() && short.usable(after(30)).is_none());
    }

    #[test]
    fn answer_without_a_token_of_some_life_is_refused_in_words() {
        for (body, words) in [
            ("<html>", "not JSON"),
            ("{}", "not JSON"),
            (r#"{"access_token":"opaque","expires_in":60}"#, "no JWT"),
            (r#"{"access_token":"a.b.c.d","expires_in":60}"#, "no JWT"),
            (r#"{"access_token":"a..c","expires_in":60}"#, "no JWT"),
            (r#"{"access_token":"a.b.c"}"#, "when the token ends"),
            (
                r#"{"access_token":"a.b.c","expires_in":"soon"}"#,
                "when the token ends",
            ),
            (r#"{"access_token":"a.b.c","expires_in":"0"}"#, "expired"),
            (
                r#"{"access_token":"a.b.c","expires_on":"1799999999"}"#,
                "expired",
            ),
        ] {
            let problem = read(body).unwrap_err();
            assert!(problem.contains(words), "{body}: {problem}");
        }
    }

    // An old agent of Azure Arc gives the token of another identity than the one asked for.
    #[test]
    fn token_of_another_identity_is_refused() {
        let read = |client_id: &str| {
            let body = format!(r#"{{"access_token":"a.b.c","expires_in":60{client_id}}}"#);
            IdentityToken::read(body.as_bytes(), Some("7c2b"), NOW)
        };
        assert!(read(r#","client_id":"7C2B""#).is_ok());
        for other in ["", r#","client_id":"other""#, r#","client_id":null"#] {
            assert!(
                read(other).unwrap_err().contains("update the agent"),
                "{other}"
            );
        }
    }
}

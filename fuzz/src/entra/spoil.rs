//! ID tokens that look like Entra's and must not be believed (threats.md D5): for another
//! application, of another issuer or tenant, for another sign-in, over, unsigned, or signed by a
//! key that Entra does not publish.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

/// What is wrong with the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// `aud` is another application.
    Audience,
    /// `iss` is another issuer.
    Issuer,
    /// `tid` is another tenant.
    Tenant,
    /// `nonce` is that of another sign-in.
    Nonce,
    /// `exp` has passed.
    Expired,
    /// `nbf` is far ahead.
    NotYet,
    /// `alg` is `none` and the signature empty.
    Unsigned,
    /// A byte of the signature is another.
    Signature,
    /// There is no ID token.
    Missing,
}

impl Spoil {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::Audience,
        Self::Issuer,
        Self::Tenant,
        Self::Nonce,
        Self::Expired,
        Self::NotYet,
        Self::Unsigned,
        Self::Signature,
        Self::Missing,
    ];

    /// Spoils the ID token of a token answer; gives the token that must not be believed, if there
    /// was one. `sign` is Entra's own key.
    pub(super) fn apply(
        self,
        response: &mut Response<Bytes>,
        sign: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Option<()> {
        let mut answer: Value = serde_json::from_slice(response.body()).ok()?;
        let members = answer.as_object_mut()?;
        let token = members.get("id_token")?.as_str()?.to_owned();
        if self == Self::Missing {
            members.remove("id_token");
        } else {
            let spoiled = self.token(&token, sign)?;
            members.insert("id_token".to_owned(), json!(spoiled));
        }
        *response.body_mut() = Bytes::from(answer.to_string());
        Some(())
    }

    fn token(self, token: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let mut claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let other = "99999999-9999-4999-8999-999999999999";
        let (name, value) = match self {
            Self::Audience => ("aud", json!(other)),
            Self::Issuer => ("iss", json!(format!("http://localhost:3002/{other}/v2.0"))),
            Self::Tenant => ("tid", json!(other)),
            Self::Nonce => ("nonce", json!("a nonce of another sign-in")),
            Self::Expired => ("exp", json!(1_700_000_000)),
            Self::NotYet => ("nbf", json!(4_102_444_800_u64)),
            Self::Unsigned => {
                let none = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"none"}"#);
                return Some(format!("{none}.{payload}."));
            }
            Self::Signature => {
                let mut bytes = URL_SAFE_NO_PAD.decode(signature).ok()?;
                *bytes.first_mut()? ^= 1;
                return Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)));
            }
            Self::Missing => return None,
        };
        claims.as_object_mut()?.insert(name.to_owned(), value);
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signed = format!("{header}.{payload}");
        let signature = sign(signed.as_bytes());
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

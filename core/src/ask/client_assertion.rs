//! Client assertions: how this server proves to Entra ID that it is its application, without a secret
//! (RFC 7523 section 2.2; Microsoft identity platform, "Application authentication certificate credentials").
//!
//! The core says what is asserted. The private key and the file with the federated token are the runtime's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{secret::Secret, time::UnixTime};

/// A client assertion that an exchange needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAssertion {
    /// A JWT with these claims, signed with the private key of the certificate: see
    /// [`AssertionClaims::signing_input`].
    Signed(AssertionClaims),
    /// The federated token, as its file holds it now: a cluster replaces it before it expires.
    FederatedToken,
    /// What the file of this path holds: the agent of Azure Arc wants to see that the caller may read it. The path came from
    /// the agent; the runtime reads files of the agent's own folder only.
    ArcKey(String),
}

/// Why there is no client assertion. The runtime has logged which file it is and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionFault {
    /// The certificate and its private key cannot be read or used.
    Certificate,
    /// The file with the federated token cannot be read, or holds no token.
    FederatedToken,
    /// The file that the agent of Azure Arc named cannot be read, or is none of its own.
    ArcKey,
}

impl AssertionFault {
    /// A text for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "the client certificate cannot be used",
            Self::FederatedToken => "the federated token cannot be read",
            Self::ArcKey => "the file of the agent of Azure Arc cannot be read",
        }
    }
}

/// What a signed client assertion says (RFC 7523 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionClaims {
    /// The token endpoint that it is for: `aud`.
    pub(crate) audience: String,
    /// This server's application: `iss` and `sub`.
    pub(crate) client_id: String,
    /// What no other assertion is called: `jti`.
    pub(crate) id: String,
    /// When it was made: `iat` and `nbf`.
    pub(crate) issued: UnixTime,
    /// When it ends: `exp`.
    pub(crate) expires: UnixTime,
}

/// How a signed client assertion names the certificate that its signature is verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHeader {
    /// The SHA-256 of the certificate as DER: `x5t#S256` (RFC 7515 section 4.1.8).
    pub sha256: [u8; 32],
}

impl AssertionClaims {
    /// Returns the signing input of the JWT (RFC 7515 section 5.1): sign it with RSASSA-PSS and SHA-256 (`PS256`,
    /// RFC 7518 section 3.5), and hand the signature to [`AssertionClaims::jwt`].
    #[must_use]
    pub fn signing_input(&self, certificate: &CertificateHeader) -> String {
        let header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": URL_SAFE_NO_PAD.encode(certificate.sha256),
        });
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": self.id,
            "nbf": self.issued.0,
            "iat": self.issued.0,
            "exp": self.expires.0,
        });
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(header), encode(claims))
    }

    /// Returns the JWT of a signing input and its signature (RFC 7515 section 7.1).
    #[must_use]
    pub fn jwt(signing_input: &str, signature: &[u8]) -> Secret<String> {
        Secret::new(format!(
            "{signing_input}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_input_has_the_header_and_claims_that_entra_wants() {
        let claims = AssertionClaims {
            audience: "https://login.example/tenant/oauth2/v2.0/token".to_owned(),
            client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
            id: "an id".to_owned(),
            issued: UnixTime(1_800_000_000),
            expires: UnixTime(1_800_000_600),
        };
        let input = claims.signing_input(&CertificateHeader { sha256: [7; 32] });
        let parts: Vec<serde_json::Value> = input
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        let thumbprint = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
        let body = json!({
            "aud": "https://login.example/tenant/oauth2/v2.0/token",
            "iss": "22222222-2222-2222-2222-222222222222",
            "sub": "22222222-2222-2222-2222-222222222222",
            "jti": "an id",
            "nbf": 1_800_000_000,
            "iat": 1_800_000_000,
            "exp": 1_800_000_600,
        });
        assert_eq!(parts, [header, body]);
        assert_eq!(
            AssertionClaims::jwt(&input, &[0xff; 3]).expose(),
            &format!("{input}.____")
        );
    }
}

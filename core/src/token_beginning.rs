//! How session tokens begin: it follows from the public URL, so it is decoded, and hashed, once for all of them.
//!
//! ```text
//! HEADER . base64url({"iss":"https://mcp.example","aud":"https://mcp.example/mcp","sub":" ...
//! ```

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::config::PublicUrl;

/// `{"alg":"HS256","typ":"at+jwt"}`: the only header there is.
pub(crate) const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9";

/// The beginning of the tokens for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenBeginning {
    /// The claims, as far as they are known.
    pub(crate) claims: String,
    /// The same in base64url. Three bytes are four characters, whatever follows.
    pub(crate) payload: String,
}

impl TokenBeginning {
    /// Those for each resource.
    pub(crate) fn all(public_url: &PublicUrl) -> Vec<Self> {
        let issuer = public_url.issuer();
        let of = |audience| {
            let mut claims = format!("{{\"iss\":\"{issuer}\",\"aud\":\"{audience}\",\"sub\":\"");
            claims.truncate(claims.len() / 3 * 3);
            let payload = URL_SAFE_NO_PAD.encode(&claims);
            Self { claims, payload }
        };
        public_url.all_resources().map(of).collect()
    }

    /// The beginning of the token itself.
    pub(crate) fn token(&self) -> String {
        format!("{HEADER}.{}", self.payload)
    }
}

//! A response with tokens in it that want signatures.
//!
//! The runtime signs, for signing with a private key needs randomness (blinding).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Response;
use serde_json::{Map, Value, json};

use super::{Reply, token};

/// A token that wants a signature.
#[derive(Debug)]
pub(super) struct UnsignedToken {
    key: &'static [u8],
    message: Vec<u8>,
    /// The member of the body that holds it.
    member: &'static str,
}

impl UnsignedToken {
    pub(super) fn new(
        key: &'static [u8],
        header: Map<String, Value>,
        claims: Map<String, Value>,
        member: &'static str,
    ) -> Self {
        let part = |members| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
        let message = format!("{}.{}", part(header), part(claims));
        Self {
            key,
            message: message.into_bytes(),
            member,
        }
    }

    /// The token with this for a signature.
    fn with(&self, signature: &[u8]) -> String {
        let message = String::from_utf8_lossy(&self.message);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Puts it into a body as it is: a token whose `alg` is `none` has an empty signature.
    pub(super) fn put_unsigned(&self, body: &mut Map<String, Value>) {
        body.insert(self.member.to_owned(), json!(self.with(b"")));
    }
}

/// An answer to a token request, once these are signed.
pub(super) fn reply(tokens: Vec<UnsignedToken>, body: Map<String, Value>) -> Reply {
    let mut tokens = tokens.into_iter();
    match tokens.next() {
        None => Reply::Respond(token::done(body)),
        Some(first) => Reply::Sign(UnsignedResponse {
            first,
            more: tokens.collect(),
            body,
            decorate: Response::new(()),
        }),
    }
}

/// A response that wants a signature: the token in it.
#[derive(Debug)]
#[must_use]
pub struct UnsignedResponse {
    first: UnsignedToken,
    more: Vec<UnsignedToken>,
    body: Map<String, Value>,
    decorate: Response<()>,
}

impl UnsignedResponse {
    /// The key to sign with: RSA-2048, PKCS#8 DER. It is public and worthless.
    #[must_use]
    pub const fn key_pkcs8(&self) -> &'static [u8] {
        self.first.key
    }

    /// What to sign, with RS256.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.first.message
    }

    /// The reply with the signature in its place: the response, or another signature is wanted.
    pub fn signed(mut self, signature: &[u8]) -> Reply {
        let token = self.first.with(signature);
        self.body.insert(self.first.member.to_owned(), json!(token));
        let headers = self.decorate.into_parts().0.headers;
        let mut next = reply(self.more, self.body);
        match &mut next {
            Reply::Respond(response) => response.headers_mut().extend(headers),
            Reply::Sign(unsigned) => *unsigned.headers_mut() = headers,
            Reply::Later(..) => {}
        }
        next
    }

    /// The headers to add to the response.
    pub(super) fn headers_mut(&mut self) -> &mut http::HeaderMap {
        self.decorate.headers_mut()
    }
}

//! What Entra tells of itself: the OpenID metadata and the signing keys.

use url::Url;

/// Metadata and keys of the configured tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntraFacts {
    /// The issuer of ID tokens, with `{tenantid}` where the authority is a template.
    pub(crate) issuer: String,
    /// Where the browser is sent.
    pub(crate) authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed.
    pub(crate) token_endpoint: Url,
    /// The keys that ID tokens are signed with.
    pub(crate) keys: Vec<SigningKey>,
}

/// An RSA key of Entra's (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SigningKey {
    /// Its name.
    pub(crate) kid: String,
    /// The modulus, big-endian.
    pub(crate) n: Vec<u8>,
    /// The exponent, big-endian.
    pub(crate) e: Vec<u8>,
    /// The issuer that it signs for, if told.
    pub(crate) issuer: Option<String>,
}

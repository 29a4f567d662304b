//! The document in which a client describes itself, at the URL that is its `client_id` (OAuth Client ID Metadata
//! Document, section 4; MCP 2025-11-25, authorization).
//!
//! Nothing of it is believed but what concerns the client itself: the name that it is shown by, where it may be
//! returned to, and that it has no secret or which keys it signs with. No other address in it is fetched, shown or kept
//! (threat H8), and that of keys only when the client redeems something.

use std::time::Duration;

use ::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;

use crate::{
    client_id_url::ClientIdUrl,
    client_keys::{ClientKeys, holds_private_key},
    http::json_object,
    limits,
};

/// What a document says, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientDocument {
    /// The name that the client gave itself; not cleaned yet.
    pub(crate) client_name: String,
    /// Where it may be returned to, as it is written; not judged yet.
    pub(crate) redirect_uris: Vec<String>,
    /// The keys by which it can prove who it is, if it has some.
    pub(crate) keys: Option<KeySource>,
    /// Whether it must: it says that it does not go without.
    pub(crate) must_sign: bool,
}

/// Where the keys of a client are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In its document.
    Document(ClientKeys),
    /// At an address that keeps the rules for those of documents.
    At(ClientIdUrl),
}

/// Why there is no document, or none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentError {
    /// The operator lets in clients only whose document is pinned.
    NotPinned,
    /// Too many are fetched already, or were lately.
    Busy,
    /// Its host did not answer in time, or broke off.
    Unreachable,
    /// Its host is not on the public internet.
    NotPublic,
    /// It is longer than [`limits::CLIENT_DOCUMENT_BYTES`].
    TooLarge,
    /// The host answered with another status than 200; a redirect is not followed.
    Status,
    /// It is not sent as JSON.
    ContentType,
    /// It is not a JSON object of these members, each at most once.
    NotJson,
    /// Its `client_id` is not the URL that it was fetched from.
    OtherClient,
    /// It holds a secret, or a private key.
    HoldsSecret,
    /// `client_name` is missing.
    NoName,
    /// `redirect_uris` is missing or empty.
    NoRedirectUris,
    /// There are more than [`limits::CLIENT_DOCUMENT_REDIRECT_URIS`].
    TooManyRedirectUris,
    /// It proves itself by another method than `none` and `private_key_jwt`, or by keys that it does not name.
    AuthMethod,
    /// It does not use authorization codes.
    GrantType,
}

impl DocumentError {
    /// A sentence for the log and the user, which repeats nothing of the document.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotPinned => {
                "The operator of this server has not pinned it, and it asks no site."
            }
            Self::Busy => "Too many descriptions of clients are being fetched.",
            Self::Unreachable => "Its site could not be reached.",
            Self::NotPublic => "Its site is not on the public internet.",
            Self::TooLarge => "The description is longer than 5 KB.",
            Self::Status => {
                "Its site did not send the description: it answered with an error or a redirect."
            }
            Self::ContentType => "The description is not sent as application/json.",
            Self::NotJson => "The description is not a JSON object as RFC 7591 has it.",
            Self::OtherClient => {
                "The client_id in the description is not the address that it is at."
            }
            Self::HoldsSecret => "The description holds a secret, which everybody can read.",
            Self::NoName => "client_name is missing in the description.",
            Self::NoRedirectUris => "redirect_uris are missing in the description.",
            Self::TooManyRedirectUris => "The description names more than 64 redirect_uris.",
            Self::AuthMethod => {
                "The description asks for another token_endpoint_auth_method than none and private_key_jwt, or \
                 names no keys by jwks or jwks_uri for the latter."
            }
            Self::GrantType => "The description does not name authorization_code and code.",
        }
    }

    /// The same for whoever named the URL: which names there are in a private network is none of their business.
    pub(crate) fn for_strangers(self) -> Self {
        match self {
            Self::NotPublic => Self::Unreachable,
            other => other,
        }
    }

    /// Whether the site or this server may do better soon, without a change of the document.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable | Self::Status)
    }
}

/// What is read of a document. A member that is read and given twice is refused by serde.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    client_id: Option<String>,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    client_secret: Present,
    client_secret_expires_at: Present,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
}

/// Whether a member is there, whatever it is.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

impl ClientDocument {
    /// Reads the answer of the document's host.
    pub(crate) fn read(
        url: &ClientIdUrl,
        response: &Response<Bytes>,
    ) -> Result<Self, DocumentError> {
        if response.status() != StatusCode::OK {
            return Err(DocumentError::Status);
        }
        if !is_json(response.headers()) {
            return Err(DocumentError::ContentType);
        }
        if response.body().len() > limits::CLIENT_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        Self::of_json(url, response.body())
    }

    /// For [`Planted::DocumentsOfAnother`](crate::planted::Planted::DocumentsOfAnother) only: as that of the client that it
    /// names, wherever it is.
    pub(crate) fn read_as_its_own(response: &Response<Bytes>) -> Result<Self, DocumentError> {
        let members: Value =
            serde_json::from_slice(response.body()).map_err(|_| DocumentError::NotJson)?;
        let named = members.get("client_id").and_then(Value::as_str);
        let named = named.and_then(ClientIdUrl::parse);
        Self::read(&named.ok_or(DocumentError::OtherClient)?, response)
    }

    fn of_json(url: &ClientIdUrl, body: &[u8]) -> Result<Self, DocumentError> {
        let members: Members = json_object::read(body).ok_or(DocumentError::NotJson)?;
        if members.client_id.as_deref() != Some(url.as_str()) {
            return Err(DocumentError::OtherClient);
        }
        if members.holds_secret() {
            return Err(DocumentError::HoldsSecret);
        }
        let (keys, must_sign) = members.authentication().ok_or(DocumentError::AuthMethod)?;
        if !members.uses_codes() {
            return Err(DocumentError::GrantType);
        }
        if members.redirect_uris.is_empty() {
            return Err(DocumentError::NoRedirectUris);
        }
        if members.redirect_uris.len() > limits::CLIENT_DOCUMENT_REDIRECT_URIS {
            return Err(DocumentError::TooManyRedirectUris);
        }
        let name = members.client_name.filter(|name| !name.trim().is_empty());
        Ok(Self {
            client_name: name.ok_or(DocumentError::NoName)?,
            redirect_uris: members.redirect_uris,
            keys,
            must_sign,
        })
    }
}

impl Members {
    /// Anybody can read the document, so a secret in it is none, and a private key in it is somebody's mistake
    /// (section 4.1).
    fn holds_secret(&self) -> bool {
        self.client_secret.0
            || self.client_secret_expires_at.0
            || self.jwks.as_ref().is_some_and(holds_private_key)
    }

    /// The keys that it can prove itself by, and whether it must; `None` if it can do so in no way that is known. One that
    /// names several methods, as ChatGPT does, may use each of them that this server knows.
    fn authentication(&self) -> Option<(Option<KeySource>, bool)> {
        let several = self.token_endpoint_auth_methods_supported.as_deref();
        let method = self.token_endpoint_auth_method.as_deref();
        let names = |wanted: &str| {
            method == Some(wanted)
                || several.is_some_and(|methods| methods.iter().any(|one| one == wanted))
        };
        let keys = match names("private_key_jwt") {
            true => self.keys(),
            false => None,
        };
        let has_secret = method.is_some_and(|method| method.starts_with("client_secret_"));
        match (self.is_public(), &keys) {
            _ if has_secret => None,
            (true, _) => Some((keys, false)),
            (false, Some(_)) => Some((keys, true)),
            (false, None) => None,
        }
    }

    /// The keys in the document go before those elsewhere; both are not allowed (RFC 7591 section 2).
    fn keys(&self) -> Option<KeySource> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(keys), _) => ClientKeys::of_json(keys).map(KeySource::Document),
            (None, Some(address)) => ClientIdUrl::parse(address).map(KeySource::At),
            (None, None) => None,
        }
    }

    /// Whether the client may go without authentication: it says so, or says nothing. One that names several
    /// methods, as ChatGPT does, uses the one of them that this server knows.
    fn is_public(&self) -> bool {
        let several = self.token_endpoint_auth_methods_supported.as_deref();
        let names_none =
            several.is_some_and(|methods| methods.iter().any(|method| method == "none"));
        match self.token_endpoint_auth_method.as_deref() {
            None => several.is_none() || names_none,
            Some("none") => true,
            // Whatever rests on a shared secret is forbidden, in whichever company (section 4.1).
            Some(method) => names_none && !method.starts_with("client_secret_"),
        }
    }

    /// Whether authorization codes are what it uses, or it says nothing.
    fn uses_codes(&self) -> bool {
        let has = |list: &Option<Vec<String>>, needed: &str| {
            list.as_ref()
                .is_none_or(|list| list.is_empty() || list.iter().any(|item| item == needed))
        };
        has(&self.grant_types, "authorization_code") && has(&self.response_types, "code")
    }
}

/// How long a document may be used: as its host says, within our own bounds (section 4.4).
pub(crate) fn lifetime(headers: &HeaderMap) -> Duration {
    let [floor, ceiling] = [
        limits::CLIENT_DOCUMENT_FLOOR,
        limits::CLIENT_DOCUMENT_CEILING,
    ];
    let directives = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = directives.filter_map(|value| value.to_str().ok());
    let directives: Vec<_> = directives
        .flat_map(|value| value.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    if directives
        .iter()
        .any(|directive| matches!(directive.as_str(), "no-store" | "no-cache"))
    {
        return floor;
    }
    let ages = directives
        .iter()
        .filter_map(|directive| directive.strip_prefix("max-age="));
    let Some(seconds) = ages
        .filter_map(|age| age.trim_matches('"').parse().ok())
        .min()
    else {
        return floor;
    };
    let age = headers
        .get(header::AGE)
        .and_then(|age| age.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds)
        .saturating_sub(Duration::from_secs(age.unwrap_or(0)))
        .clamp(floor, ceiling)
}

/// `application/json`, or a type with that suffix.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = only
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let suffixed = essence
        .strip_prefix("application/")
        .is_some_and(|rest| rest.ends_with("+json"));
    essence == "application/json" || suffixed
}

#[cfg(test)]
mod tests;

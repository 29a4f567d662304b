//! Clients: a `client_id` is its own registration, MACed, so that nothing is stored for a stranger
//! (RFC 7591 appendix A.5.2; threats H1, H2).
//!
//! `dcr.` + base64url(metadata as JSON) + `.` + base64url(MAC). It is good on every replica and after
//! every restart, for as long as one of the keys is. The same metadata of a public client gives the same
//! id. A confidential client's id holds random bits as well: its secret is derived from the id, and
//! whoever registers the same metadata must not be told the secret of another (threat E9).

use ::http::{HeaderMap, header};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use super::{
    client_label::ClientLabel,
    error::{OAuthError, Refusal},
};
use crate::{
    client_document::ClientDocument,
    client_id_url::{self, ClientIdUrl},
    entropy::Entropy,
    http::form::Form,
    keys::{Keyring, Purpose},
    limits,
    log_event::is_invisible,
    redirect_uri::RedirectUri,
    secret::{Secret, constant_time_equal},
    session::record::Hash,
};

const PREFIX: &str = "dcr.";

/// How much of the MAC a `client_id` carries: 128 bits.
const ID_MAC_BYTES: usize = 16;

/// How a client proves who it is (RFC 7591 section 2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthMethod {
    /// It cannot: a public client.
    #[serde(rename = "none")]
    None,
    /// By a secret in the form.
    #[serde(rename = "client_secret_post")]
    Post,
    /// By a secret in HTTP Basic.
    #[serde(rename = "client_secret_basic")]
    Basic,
}

/// What a client registered, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ClientMetadata {
    /// The name that it gave itself. Nobody has checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_name: Option<String>,
    /// Where it may be returned to; at least one.
    pub(crate) redirect_uris: Vec<RedirectUri>,
    /// How it proves who it is.
    pub(crate) token_endpoint_auth_method: AuthMethod,
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    id: String,
    metadata: ClientMetadata,
    /// When the copy of its document was seen, if that was pinned.
    pinned: Option<String>,
}

/// A client that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatedClient {
    id: String,
}

impl AuthenticatedClient {
    /// The hash by which sessions and codes know it.
    pub(crate) fn hash(&self) -> Hash {
        Hash::of(self.id.as_bytes())
    }
}

/// What a `client_id` holds.
#[derive(Serialize)]
struct Registration<'a> {
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    /// What makes the secret of a confidential client its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
}

impl Client {
    /// Registers a client of this metadata; `None` if its `client_id` would be too long.
    pub(crate) fn register(
        metadata: ClientMetadata,
        keys: &Keyring,
        entropy: &mut Entropy,
    ) -> Option<Self> {
        let is_confidential = metadata.token_endpoint_auth_method != AuthMethod::None;
        let registration = Registration {
            metadata: &metadata,
            salt: is_confidential.then(|| entropy.token::<16>()),
        };
        let json = serde_json::to_vec(&registration).expect("the metadata is plain data");
        let body = URL_SAFE_NO_PAD.encode(json);
        let mac = keys.mac(Purpose::ClientId, body.as_bytes());
        let (mac, _) = mac.split_at(ID_MAC_BYTES);
        let id = format!("{PREFIX}{body}.{}", URL_SAFE_NO_PAD.encode(mac));
        (id.len() <= limits::CLIENT_ID_BYTES).then_some(Self {
            id,
            metadata,
            pinned: None,
        })
    }

    /// The client of a `client_id`; `None` if it was never given, or was changed.
    pub(crate) fn of_id(id: &str, keys: &Keyring) -> Option<Self> {
        #[derive(Deserialize)]
        struct Registered {
            client_name: Option<String>,
            redirect_uris: Vec<String>,
            token_endpoint_auth_method: AuthMethod,
            salt: Option<String>,
        }
        if id.len() > limits::CLIENT_ID_BYTES {
            return None;
        }
        let (body, mac) = id.strip_prefix(PREFIX)?.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let ours = keys
            .macs(Purpose::ClientId, body.as_bytes())
            .any(|own| constant_time_equal(own.split_at(ID_MAC_BYTES).0, &mac));
        if !ours {
            return None;
        }
        let registered: Registered =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        // Without salt the secret could be disclosed to anybody.
        if registered.token_endpoint_auth_method != AuthMethod::None && registered.salt.is_none() {
            return None;
        }
        // Judged again: what was let in by an older version may be refused by this one.
        let redirect_uris = registered.redirect_uris.iter();
        let metadata = ClientMetadata {
            client_name: registered.client_name,
            redirect_uris: redirect_uris
                .filter_map(|uri| RedirectUri::parse(uri))
                .collect(),
            token_endpoint_auth_method: registered.token_endpoint_auth_method,
        };
        Some(Self {
            id: id.to_owned(),
            metadata,
            pinned: None,
        })
    }

    /// The client that this document describes; it keeps those redirect URIs that may be registered.
    /// `pinned` says when the copy was seen, if it is one.
    pub(crate) fn of_document(
        url: &ClientIdUrl,
        document: &ClientDocument,
        pinned: Option<&str>,
    ) -> Self {
        let redirect_uris = document.redirect_uris.iter();
        let metadata = ClientMetadata {
            client_name: shown_name(&document.client_name),
            redirect_uris: redirect_uris
                .filter_map(|uri| RedirectUri::parse(uri))
                .collect(),
            token_endpoint_auth_method: AuthMethod::None,
        };
        Self {
            id: url.as_str().to_owned(),
            metadata,
            pinned: pinned.map(str::to_owned),
        }
    }

    /// The client of a request to the token or revocation endpoint, if it proves who it is
    /// (RFC 6749 sections 2.3 and 5.2).
    ///
    /// One whose id is a URL is public, or it would not have been let in; its document is not looked at again: nobody
    /// is asked anything here, and a code or token names its client.
    pub(crate) fn authenticate(
        form: &Form,
        headers: &HeaderMap,
        keys: &Keyring,
    ) -> Result<AuthenticatedClient, Refusal> {
        let presented = PresentedCredentials::of(form, headers)?;
        let unproven = Refusal {
            basic: presented.basic,
            ..Refusal::new(
                OAuthError::InvalidClient,
                "The client is unknown here, or did not prove who it is. Register it anew.",
            )
        };
        let id = presented.client_id.ok_or(unproven)?;
        let secret = presented.secret.as_ref();
        let is_proven = match Self::of_id(&id, keys) {
            Some(client) => client.is_proven_by(secret, keys),
            None => ClientIdUrl::parse(&id).is_some() && secret.is_none(),
        };
        if is_proven {
            Ok(AuthenticatedClient { id })
        } else {
            Err(unproven)
        }
    }

    /// Whether the client shows what it has to show.
    fn is_proven_by(&self, secret: Option<&Secret<String>>, keys: &Keyring) -> bool {
        match (self.metadata.token_endpoint_auth_method, secret) {
            (AuthMethod::None, None) => true,
            (AuthMethod::Post | AuthMethod::Basic, Some(secret)) => self.secrets(keys).any(|own| {
                constant_time_equal(own.expose().as_bytes(), secret.expose().as_bytes())
            }),
            _ => false,
        }
    }

    /// What a user is told about it.
    pub(crate) fn label(&self) -> ClientLabel {
        ClientLabel {
            name: self.metadata.client_name.clone(),
            host: ClientIdUrl::parse(&self.id).map(|url| url.host().to_owned()),
            pinned: self.pinned.clone(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The hash by which sessions, codes and approvals know it.
    pub(crate) fn hash(&self) -> Hash {
        Hash::of(self.id.as_bytes())
    }

    /// What it registered.
    pub(crate) fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// The redirect URI of an authorization request, if it is a registered one. Without one, the
    /// only one that is registered (threat B9).
    pub(crate) fn redirect_uri(&self, requested: Option<&str>) -> Option<RedirectUri> {
        let registered = &self.metadata.redirect_uris;
        match (requested, registered.as_slice()) {
            (Some(requested), _) => registered.iter().find_map(|own| own.admits(requested)),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// The secret of a confidential client, derived from its id; `None` for a public one.
    pub(crate) fn secret(&self, keys: &Keyring) -> Option<Secret<String>> {
        match self.metadata.token_endpoint_auth_method {
            AuthMethod::None => None,
            AuthMethod::Post | AuthMethod::Basic => self.secrets(keys).next(),
        }
    }

    fn secrets(&self, keys: &Keyring) -> impl Iterator<Item = Secret<String>> {
        keys.macs(Purpose::ClientSecret, self.id.as_bytes())
            .map(|mac| Secret::new(URL_SAFE_NO_PAD.encode(*zeroize::Zeroizing::new(mac))))
    }
}

/// A name that can be shown: cut, without control and invisible characters (threat N3).
pub(crate) fn shown_name(requested: &str) -> Option<String> {
    let visible = requested
        .chars()
        .filter(|character| !character.is_control() && !is_invisible(*character));
    let name: String = visible.take(limits::CLIENT_NAME_CHARS).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What a request shows of its client, by whichever method.
struct PresentedCredentials {
    client_id: Option<String>,
    secret: Option<Secret<String>>,
    basic: bool,
}

impl PresentedCredentials {
    fn of(form: &Form, headers: &HeaderMap) -> Result<Self, Refusal> {
        let in_form = form.one("client_id")?;
        let secret = form.one("client_secret")?;
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let basic = match (authorizations.next(), authorizations.next()) {
            (None, _) => {
                return Ok(Self {
                    client_id: in_form.map(str::to_owned),
                    secret: secret.map(|secret| Secret::new(secret.to_owned())),
                    basic: false,
                });
            }
            (Some(only), None) => basic_credentials(only.as_bytes()),
            (Some(_), Some(_)) => None,
        };
        let Some((client_id, in_header)) = basic else {
            return Err(Refusal {
                basic: true,
                ..Refusal::new(
                    OAuthError::InvalidClient,
                    "The Authorization header is not HTTP Basic.",
                )
            });
        };
        let two_methods = secret.is_some() || in_form.is_some_and(|id| id != client_id);
        if two_methods {
            return Err(Refusal::new(
                OAuthError::InvalidRequest,
                "Use one method of client authentication, not two.",
            ));
        }
        Ok(Self {
            client_id: Some(client_id),
            secret: (!in_header.expose().is_empty()).then_some(in_header),
            basic: true,
        })
    }
}

/// Name and password of HTTP Basic (RFC 7617), both form-encoded (RFC 6749 section 2.3.1).
fn basic_credentials(header: &[u8]) -> Option<(String, Secret<String>)> {
    let (scheme, credentials) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let credentials = STANDARD.decode(credentials.trim_ascii()).ok()?;
    let credentials = zeroize::Zeroizing::new(String::from_utf8(credentials).ok()?);
    // Some clients encode nothing. Then the first colon of an id that is a URL is the one of its scheme.
    let (name, password) = match credentials.starts_with(client_id_url::SCHEME) {
        true => credentials.rsplit_once(':')?,
        false => credentials.split_once(':')?,
    };
    Some((decoded(name)?, Secret::new(decoded(password)?)))
}

/// One form-encoded value, or one that was not encoded: what no form has in a value shows that.
fn decoded(value: &str) -> Option<String> {
    if value.contains(['&', '=', '/', ':']) {
        return Some(value.to_owned());
    }
    let (decoded, _) = url::form_urlencoded::parse(value.as_bytes()).next().unzip();
    Some(decoded.unwrap_or_default().into_owned())
}

#[cfg(test)]
mod tests;

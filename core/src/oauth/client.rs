//! Clients: a `client_id` is its own registration, MACed, so that nothing is stored for a stranger
//! (RFC 7591 appendix A.5.2; threats H1, H2).
//!
//! `dcr.` + base64url(metadata as JSON) + `.` + base64url(MAC). It is good on every replica and after
//! every restart, for as long as one of the keys is. The same metadata of a public client gives the same
//! id. A confidential client's id holds random bits as well: its secret is derived from the id, and
//! whoever registers the same metadata must not be told the secret of another (threat E9).

mod authentication;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

pub(crate) use self::authentication::AuthenticatedClient;
use super::client_label::{ClientLabel, Voucher};
use crate::{
    client_document::ClientDocument,
    client_id_url::ClientIdUrl,
    config::PreregisteredClient,
    entropy::Entropy,
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
    source: Source,
}

/// Where a client is described.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// In its own registration, and so in its id.
    Registration,
    /// In its document.
    Document {
        /// When the copy was seen, if it is pinned.
        pinned: Option<String>,
        /// Whether it must prove who it is by a signature.
        must_sign: bool,
    },
    /// In the operator's list.
    Preregistration(Box<PreregisteredClient>),
}

/// The hash by which sessions, codes and approvals know a client. What was given to one that must sign needs its
/// signature for ever, whatever its document says later, and nobody has to ask for the document again.
fn hash_of(id: &str, must_sign: bool) -> Hash {
    match must_sign {
        false => Hash::of(id.as_bytes()),
        // No id holds a zero.
        true => Hash::of(format!("private_key_jwt\0{id}").as_bytes()),
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
            source: Source::Registration,
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
            source: Source::Registration,
        })
    }

    /// The client of the operator's list.
    pub(crate) fn of_preregistration(client: &PreregisteredClient) -> Self {
        Self {
            id: client.id.clone(),
            metadata: ClientMetadata {
                client_name: Some(client.name.clone()),
                redirect_uris: Vec::new(),
                // It has another way to prove who it is.
                token_endpoint_auth_method: AuthMethod::None,
            },
            source: Source::Preregistration(Box::new(client.clone())),
        }
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
            source: Source::Document {
                pinned: pinned.map(str::to_owned),
                must_sign: document.must_sign,
            },
        }
    }

    /// What a user is told about it.
    pub(crate) fn label(&self) -> ClientLabel {
        ClientLabel {
            name: self.metadata.client_name.clone(),
            voucher: match &self.source {
                Source::Registration => Voucher::Nobody,
                Source::Document { pinned, .. } => {
                    let url = ClientIdUrl::parse(&self.id);
                    let host = url.map(|url| url.host().to_owned());
                    Voucher::Site {
                        host: host.unwrap_or_default(),
                        pinned: pinned.clone(),
                    }
                }
                Source::Preregistration(_) => Voucher::Operator,
            },
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The hash by which sessions, codes and approvals know it.
    pub(crate) fn hash(&self) -> Hash {
        let must_sign = matches!(
            self.source,
            Source::Document {
                must_sign: true,
                ..
            }
        );
        hash_of(&self.id, must_sign)
    }

    /// What the operator's list says of it, if it is there.
    pub(crate) fn preregistration(&self) -> Option<&PreregisteredClient> {
        match &self.source {
            Source::Preregistration(listed) => Some(listed),
            Source::Registration | Source::Document { .. } => None,
        }
    }

    /// Where its document is, if it has one.
    pub(crate) fn document(&self) -> Option<ClientIdUrl> {
        match &self.source {
            Source::Document { .. } => ClientIdUrl::parse(&self.id),
            Source::Registration | Source::Preregistration(_) => None,
        }
    }

    /// What it registered.
    pub(crate) fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// The redirect URI of an authorization request, if it is a registered one. Without one, the
    /// only one that is registered (threat B9).
    pub(crate) fn redirect_uri(&self, requested: Option<&str>) -> Option<RedirectUri> {
        if let Source::Preregistration(listed) = &self.source {
            return listed.redirect_uri(requested);
        }
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

#[cfg(test)]
mod tests;

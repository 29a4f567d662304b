//! How a client proves who it is at the token and the revocation endpoint (RFC 6749 sections 2.3 and 5.2).
//!
//! Nothing else of a request is looked at before: who fails here has spent no code and rotated no refresh token
//! (threat E13). An empty secret is none: there are clients that always send one.

use ::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{AuthMethod, Client, hash_of};
use crate::{
    client_id_url::{self, ClientIdUrl},
    config::Registration,
    env::Env,
    http::form::Form,
    keys::Keyring,
    oauth::{
        client_label::ClientLabel,
        error::{OAuthError, Refusal},
    },
    secret::{Secret, constant_time_equal},
    session::record::Hash,
};

/// A client that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatedClient {
    pub(super) id: String,
    may_omit_pkce: bool,
    is_preregistered: bool,
    /// By an assertion that it has signed.
    has_signed: bool,
}

impl AuthenticatedClient {
    /// One whose document is at this URL, and which has signed an assertion or is a public one.
    pub(crate) fn of_document(url: &ClientIdUrl, has_signed: bool) -> Self {
        Self {
            id: url.as_str().to_owned(),
            may_omit_pkce: false,
            is_preregistered: false,
            has_signed,
        }
    }

    /// The hash by which what it asks for here is known: who has signed for it must sign from then on.
    pub(crate) fn hash(&self) -> Hash {
        hash_of(&self.id, self.has_signed)
    }

    /// Where its document is that says whether it must sign, if it has not signed and nobody here has registered it.
    pub(crate) fn unread_document(&self) -> Option<ClientIdUrl> {
        let is_open = !self.is_preregistered && !self.has_signed;
        is_open.then(|| ClientIdUrl::parse(&self.id)).flatten()
    }

    /// Whether it is the client that sessions and codes know by this hash. Those of a client that must sign are not
    /// those of the same client without a signature.
    pub(crate) fn is(&self, hash: &Hash) -> bool {
        *hash == hash_of(&self.id, false) || (self.has_signed && *hash == hash_of(&self.id, true))
    }

    /// Whether it is, or would be if it signed.
    pub(crate) fn is_or_may_be(&self, hash: &Hash) -> bool {
        self.is(hash) || *hash == hash_of(&self.id, true)
    }

    /// What a user is told about it where nobody vouches for its name: anybody can send the `client_id` of a public
    /// client.
    pub(crate) fn unverified_label(&self, env: Env<'_>) -> ClientLabel {
        let listed = env
            .clients
            .of_id(&self.id)
            .map(|client| client.name.clone());
        let registered = || {
            Client::of_id(&self.id, &env.server.keys)?
                .metadata
                .client_name
        };
        let host = || ClientIdUrl::parse(&self.id).map(|url| url.host().to_owned());
        ClientLabel {
            name: listed.or_else(registered).or_else(host),
            ..ClientLabel::default()
        }
    }

    /// The scopes that the operator lets it have; empty if all.
    pub(crate) fn allowed_scopes<'a>(&self, env: Env<'a>) -> &'a [String] {
        let listed = env.clients.of_id(&self.id);
        listed
            .map(|client| client.scopes.as_slice())
            .unwrap_or_default()
    }

    /// Whether it may have tokens: where the operator lets in the clients of their list only, no other. Which place
    /// it returned to is not known any more.
    pub(crate) fn is_admitted(&self, env: Env<'_>) -> bool {
        self.is_preregistered || env.server.config.registration.is_possible()
    }

    /// Whether it may ask for a user where no redirect URI says who it is: its registration or the site of its
    /// document is that of a client that is let in.
    pub(crate) fn may_use_device(&self, env: Env<'_>) -> bool {
        let config = &env.server.config;
        if self.is_preregistered || config.registration == Registration::Open {
            return true;
        }
        if let Some(url) = ClientIdUrl::parse(&self.id) {
            return config.registration.admits_document(&url);
        }
        let registered = Client::of_id(&self.id, &env.server.keys);
        let uris = registered.map(|client| client.metadata.redirect_uris);
        let mut uris = uris.iter().flatten();
        uris.any(|uri| config.admits(uri, None))
    }

    /// Whether it has shown a secret that stands for PKCE.
    pub(crate) fn may_omit_pkce(&self) -> bool {
        self.may_omit_pkce
    }
}

impl Client {
    /// The client of a request to the token or revocation endpoint, if it proves who it is.
    ///
    /// One whose id is a URL is public, or has signed an assertion, which is another matter; its document is not looked
    /// at again: nobody is asked anything here, and a code or token names its client.
    pub(crate) fn authenticate(
        form: &Form,
        headers: &HeaderMap,
        env: Env<'_>,
    ) -> Result<AuthenticatedClient, Refusal> {
        let keys = &env.server.keys;
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
        let preregistered = env.clients.of_id(&id);
        let is_proven = match preregistered {
            Some(client) => client.is_proven_by(secret),
            None => match Self::of_id(&id, keys) {
                Some(client) => client.is_proven_by(secret, keys),
                None => ClientIdUrl::parse(&id).is_some() && secret.is_none(),
            },
        };
        if is_proven {
            Ok(AuthenticatedClient {
                id,
                is_preregistered: preregistered.is_some(),
                may_omit_pkce: preregistered.is_some_and(|client| client.may_omit_pkce()),
                has_signed: false,
            })
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

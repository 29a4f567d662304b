//! What a step may look at and may not change: the server's own settings, what is known of Entra,
//! and the time.

use std::sync::Arc;

use crate::{
    catalog::{Catalog, scope::Scopes},
    config::{ClientEntry, ClientEntryError, Config, Gateway, PreregisteredClients, StoreLocation},
    endpoint::Endpoint,
    identity_token::IdentityToken,
    keys::{Keyring, Purpose},
    limits,
    planted::Planted,
    policy::Policy,
    provider_metadata::ProviderMetadata,
    throttle::Throttle,
    time::{Instant, Now},
    token_beginning::TokenBeginning,
};

/// Everything a step of an exchange sees besides its own state.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// Settings and keys, checked once at the start and never changed.
    pub server: &'a Server,
    /// What clients are offered: as of the beginning of the exchange, for that may change while the server runs.
    pub catalog: &'a Catalog,
    /// What is known of Entra: the newest snapshot that the hub published.
    pub entra: &'a EntraSnapshot,
    /// The clients that the operator has registered: as of now, for the list is read again when it changes.
    pub clients: &'a PreregisteredClients,
    /// What users may do of what a backend offers: as of now, for it is read again, too.
    pub policy: &'a Policy,
    /// Which MCP endpoint it is about. An exchange sees to this itself, whatever a runtime says.
    pub endpoint: Endpoint,
    /// Both clocks, read once for this event.
    pub now: Now,
}

impl<'a> Env<'a> {
    /// The same at this endpoint, where another policy holds.
    pub(crate) fn at(self, endpoint: Endpoint) -> Self {
        let name = self.server.config.name_of(endpoint);
        Self {
            policy: self.policy.of(name),
            endpoint,
            ..self
        }
    }

    /// The name of this endpoint, if it has one.
    pub(crate) fn endpoint_name(self) -> Option<&'a str> {
        self.server.config.name_of(self.endpoint)
    }

    /// The server behind this endpoint, if there is one.
    pub(crate) fn gateway(self) -> Option<&'a Gateway> {
        self.server.config.gateway_at(self.endpoint)
    }
}

/// The immutable part of the server.
#[derive(Debug)]
pub struct Server {
    /// The settings.
    pub config: Config,
    /// The keys.
    pub keys: Keyring,
    /// What clients are offered when the server starts.
    pub catalog: Catalog,
    /// The scopes that clients may ask for.
    pub(crate) scopes: Scopes,
    /// How session tokens begin that were issued under the public URL.
    pub(crate) token_beginnings: Vec<TokenBeginning>,
    #[cfg(feature = "planted-bugs")]
    planted: Option<Planted>,
}

impl Server {
    /// A server of these settings and keys that offers this.
    #[must_use]
    pub fn new(mut config: Config, mut keys: Keyring, catalog: Catalog) -> Self {
        config.name_endpoints();
        let token_beginnings = TokenBeginning::all(&config.public_url);
        for beginning in &token_beginnings {
            keys.begin(Purpose::SessionToken, beginning.token().as_bytes());
        }
        Self {
            scopes: Scopes::new(catalog.scopes()),
            token_beginnings,
            config,
            keys,
            catalog,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// Whether other replicas may share the store.
    pub(crate) fn has_replicas(&self) -> bool {
        matches!(self.config.store, StoreLocation::Redis(_))
    }

    /// The clients that the operator has registered, checked.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn preregistered(
        &self,
        entries: Vec<ClientEntry>,
    ) -> Result<PreregisteredClients, Vec<ClientEntryError>> {
        PreregisteredClients::new(entries, &self.scopes.names())
    }

    /// The same server with a bug.
    #[cfg(feature = "planted-bugs")]
    #[must_use]
    pub fn with_bug(mut self, bug: Planted) -> Self {
        self.planted = Some(bug);
        self
    }

    /// Whether it has this bug, which only a test can have planted.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has(&self, bug: Planted) -> bool {
        self.planted == Some(bug)
    }

    /// Never: there are no planted bugs in this build.
    #[cfg(not(feature = "planted-bugs"))]
    #[expect(clippy::unused_self, reason = "it is asked as in the other build")]
    pub(crate) const fn has(&self, _bug: Planted) -> bool {
        false
    }
}

/// What is known of Entra: its metadata and signing keys, once they were fetched.
#[derive(Clone, Debug, Default)]
pub struct EntraSnapshot {
    /// Counts the snapshots; 0 is the empty one.
    pub(crate) revision: u64,
    /// Metadata and keys, shared by all snapshots that did not change them.
    pub(crate) metadata: Option<Arc<ProviderMetadata>>,
    /// When they were fetched.
    pub(crate) fetched: Instant,
    /// Which requests to Entra and Graph must wait.
    pub(crate) throttle: Throttle,
    /// How many tokens of the managed identity were fetched.
    pub(crate) identity_tokens: u64,
    /// The last of them.
    pub(crate) identity_token: Option<Arc<IdentityToken>>,
}

impl EntraSnapshot {
    /// Whether it is time to fetch metadata and keys anew. The present ones stay in use meanwhile.
    pub(crate) fn is_stale(&self, now: Now) -> bool {
        now.instant.since(self.fetched) >= limits::KEYS_LIFETIME
    }
}

//! What the tenant hands out and takes redirect: sealed, so that it remembers nothing of anybody.
//!
//! Codes, forms and browser sessions are sealed with a key that ends with the process. Access and
//! refresh tokens are sealed with a fixed key, because the sessions of the server outlive a restart
//! and Entra's tokens with them. Nobody is protected by that key: the whole tenant is public.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use entra_mcp_wire::{
    entropy::{Entropy, Seed},
    keys::{Keyring, MasterKey, Purpose},
};

use super::{client::Client, formats, request_context::RequestContext, users::Account};

/// Something sealed: its name states its kind, so that none passes for another.
pub(super) trait Sealed: Serialize + DeserializeOwned {
    /// What it begins with. Codes and refresh tokens of Entra begin with `1.`.
    const PREFIX: &'static str;
    /// Whether it outlives a restart.
    const SURVIVES_RESTART: bool = false;
}

/// Somebody signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SignIn {
    pub(super) oid: String,
    /// The epoch of the account, see [`super::users::Account::epoch`].
    pub(super) epoch: u32,
    /// When, in seconds since 1970 (`auth_time`).
    pub(super) at: u64,
    /// The session (claim `sid`, parameter `session_state`).
    pub(super) sid: String,
    /// Whether it was with a second factor because a claims challenge asked for one.
    pub(super) strong: bool,
    /// The authentication contexts that were satisfied (claim `acrs`).
    #[serde(default)]
    pub(super) contexts: Vec<String>,
}

impl SignIn {
    /// Somebody who signs in at this moment, with what is wanted.
    pub(super) fn now(account: &Account, wanted: Wanted, cx: &mut RequestContext<'_>) -> Self {
        Self {
            oid: account.user.oid.to_owned(),
            epoch: account.epoch,
            at: cx.now,
            sid: formats::guid(&mut cx.entropy),
            strong: wanted.is_challenge,
            contexts: wanted.contexts,
        }
    }

    /// Whether it satisfies what is wanted.
    pub(super) fn satisfies(&self, wanted: &Wanted) -> bool {
        (self.strong || !wanted.is_challenge)
            && wanted.contexts.iter().all(|id| self.contexts.contains(id))
    }
}

/// What a `claims` parameter wants of a sign-in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// Whether it repeats what a claims challenge asked for.
    pub(super) is_challenge: bool,
    /// The authentication contexts.
    pub(super) contexts: Vec<String>,
}

/// The browser is signed in: its cookie.
impl Sealed for SignIn {
    const PREFIX: &'static str = "0.S";
}

/// An authorization code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) id: String,
    #[serde(default)]
    pub(super) client: Client,
    pub(super) sign_in: SignIn,
    /// The tenant that it was asked of, as in its address.
    pub(super) authority: String,
    pub(super) issued: u64,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
    pub(super) wants_auth_time: bool,
    /// Whether the client declared that it can take claims challenges (`cp1`).
    pub(super) takes_challenges: bool,
}

impl Sealed for Code {
    const PREFIX: &'static str = "1.AWoA";
}

/// A `code_challenge` (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Challenge {
    Plain(String),
    S256(String),
}

/// A refresh token: bound to user and client, not to a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RefreshToken {
    pub(super) id: String,
    #[serde(default)]
    pub(super) client: Client,
    pub(super) sign_in: SignIn,
    pub(super) issued: u64,
    pub(super) scope: String,
    pub(super) takes_challenges: bool,
}

impl Sealed for RefreshToken {
    const PREFIX: &'static str = "1.AXEA";
    const SURVIVES_RESTART: bool = true;
}

/// An access token for Graph. It is no JWT, so that nobody starts to read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessToken {
    /// The user, or nobody if the application acts as itself.
    pub(super) user: Option<SignIn>,
    pub(super) scopes: Vec<String>,
    pub(super) issued: u64,
    pub(super) expires: u64,
    pub(super) takes_challenges: bool,
}

impl Sealed for AccessToken {
    const PREFIX: &'static str = "EwBoA8l6BAAU";
    const SURVIVES_RESTART: bool = true;
}

/// Seals and opens.
#[derive(Debug)]
pub(super) struct Sealer {
    fresh: Keyring,
    lasting: Keyring,
}

impl Sealer {
    pub(super) fn new(seed: &Seed) -> Self {
        let fresh = MasterKey::new(Entropy::new(seed).bytes());
        let lasting = MasterKey::new(*b"public on purpose; worth nothing");
        Self {
            fresh: Keyring::new(fresh, Vec::new()),
            lasting: Keyring::new(lasting, Vec::new()),
        }
    }

    fn ring<T: Sealed>(&self) -> &Keyring {
        if T::SURVIVES_RESTART {
            &self.lasting
        } else {
            &self.fresh
        }
    }

    /// Seals.
    pub(super) fn seal<T: Sealed>(&self, thing: &T, entropy: &mut Entropy) -> String {
        let text = serde_json::to_vec(thing).expect("plain data can be written as JSON");
        let context = T::PREFIX.as_bytes();
        let ring = self.ring::<T>();
        let sealed = ring.seal(Purpose::DevTenant, context, b"", &text, entropy);
        format!("{}{}", T::PREFIX, URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed as this.
    pub(super) fn open<T: Sealed>(&self, text: &str) -> Option<T> {
        let sealed = Self::bytes::<T>(text)?;
        let context = T::PREFIX.as_bytes();
        let ring = self.ring::<T>();
        let text = ring.open(Purpose::DevTenant, context, b"", &sealed)?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether a text has the form of such a thing, whoever made it.
    pub(super) fn is_well_formed<T: Sealed>(text: &str) -> bool {
        Self::bytes::<T>(text).is_some()
    }

    fn bytes<T: Sealed>(text: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(text.strip_prefix(T::PREFIX)?).ok()
    }
}

/// How many uses are remembered at most.
const USES: usize = 4096;

/// What was used and may be used once: codes, and refresh tokens if a replay revokes sessions.
#[derive(Debug, Default)]
pub(super) struct SpentTokens(BTreeMap<String, u64>);

impl SpentTokens {
    /// Remembers a use until `until`; says whether it is the first.
    pub(super) fn is_first(&mut self, id: &str, until: u64, now: u64) -> bool {
        if self.0.contains_key(id) {
            return false;
        }
        self.0.retain(|_, until| *until > now);
        if self.0.len() >= USES {
            self.0.pop_first();
        }
        self.0.insert(id.to_owned(), until);
        true
    }

    /// Whether it was used.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

//! Tokens of Entra ID as the password of a Redis in Azure: fetched before the store is opened, and anew before they end. What
//! to ask whom is the core's ([`entra_mcp_core::store_token`]).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::{
    ask::{Ask, Fetch},
    config::EntraApp,
    secret::Secret,
    store_token::{self, StoreToken, StoreTokenStep},
    time::UnixTime,
};

use crate::{client_credential::ClientAssertions, clock::Clock, seed};

/// How long a connection is used that was made with a token: the server ends it when the token ends.
pub(super) const LONGEST_USE: Duration = Duration::from_secs(10 * 60);

/// How long a token must still last for a connection to be made with it, if another can be had.
const RENEWED_BEFORE: Duration = Duration::from_secs(15 * 60);

/// How many steps lead to a token, at most.
const STEPS: usize = 4;

/// Performs a fetch, and waits for it.
pub(crate) type FetchTokens = Box<dyn Fn(Fetch) -> <Fetch as Ask>::Answer + Send + Sync>;

/// Where tokens come from.
pub(crate) struct StoreTokens {
    entra: EntraApp,
    assertions: ClientAssertions,
    fetch: FetchTokens,
    clock: Clock,
    known: Mutex<Option<StoreToken>>,
}

impl StoreTokens {
    pub(crate) fn new(entra: EntraApp, assertions: ClientAssertions, fetch: FetchTokens) -> Self {
        Self {
            entra,
            assertions,
            fetch,
            clock: Clock::start(),
            known: Mutex::default(),
        }
    }

    /// A token for a connection that is made now: the one that is known, unless it ends soon. One that is about to end does while
    /// no other can be had. It may wait for the network.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub(super) fn token(&self) -> Result<Secret<String>, String> {
        // Who comes meanwhile waits for the same token.
        let known = self.known.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().unix;
        let lasts = |token: &StoreToken, left: Duration| now.after(left) < token.expires;
        if let Some(token) = known.as_ref().filter(|token| lasts(token, RENEWED_BEFORE)) {
            return Ok(token.token.clone());
        }
        match self.fetch_token(now) {
            Ok(fresh) => Ok(known.insert(fresh).token.clone()),
            Err(error) => match known.as_ref().filter(|token| lasts(token, LONGEST_USE)) {
                Some(token) => Ok(token.token.clone()),
                None => Err(error),
            },
        }
    }

    fn fetch_token(&self, now: UnixTime) -> Result<StoreToken, String> {
        let id = URL_SAFE_NO_PAD.encode(seed::bytes());
        let mut step = store_token::begin(&self.entra, id, now)?;
        let mut is_proven = false;
        for _ in 0..STEPS {
            step = match step {
                StoreTokenStep::Token(token) => return Ok(token),
                StoreTokenStep::Assert(assertion) => {
                    is_proven = true;
                    let made = self.assertions.answer(&assertion, now);
                    store_token::with_assertion(&self.entra, made)?
                }
                StoreTokenStep::Fetch(fetch) => {
                    store_token::read(&self.entra, (self.fetch)(*fetch), is_proven, now)?
                }
            };
        }
        match step {
            StoreTokenStep::Token(token) => Ok(token),
            _ => Err("it takes too many steps".to_owned()),
        }
    }
}

/// Tokens are shared by all connections of a store.
pub(super) type Tokens = Option<Arc<StoreTokens>>;

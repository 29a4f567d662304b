//! What is known of the browser, besides of the sign-in itself: its address, and what its cookies say.

use ::http::HeaderMap;

use crate::{
    config::ClientAddress,
    env::Env,
    hub::Browser,
    oauth::{browser_id::BrowserId, device_cookie, remembered_consents::RememberedConsents},
};

/// A browser that has come back from Entra.
#[derive(Debug)]
pub(crate) struct ReturningBrowser {
    /// Its address, and its name if a user has signed in there before.
    pub(super) browser: Browser,
    /// Its name for consent pages, if it has seen one lately.
    pub(super) id: Option<BrowserId>,
    /// What was approved there.
    pub(super) remembered: RememberedConsents,
}

impl ReturningBrowser {
    /// Reads the cookies.
    pub(super) fn of(headers: &HeaderMap, address: Option<ClientAddress>, env: Env<'_>) -> Self {
        Self {
            browser: Browser {
                device: device_cookie::read(headers, env),
                address,
            },
            id: BrowserId::of(headers, env),
            remembered: RememberedConsents::of(headers, env),
        }
    }
}

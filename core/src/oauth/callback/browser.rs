//! What the browser's cookies say, besides of the sign-in itself.

use ::http::HeaderMap;

use crate::{
    env::Env,
    id::DeviceId,
    oauth::{browser_id::BrowserId, device_cookie, remembered_consents::RememberedConsents},
};

/// A browser that has come back from Entra.
#[derive(Debug)]
pub(crate) struct ReturningBrowser {
    /// Its name, if a user has signed in there before.
    pub(super) device: Option<DeviceId>,
    /// Its name for consent pages, if it has seen one lately.
    pub(super) id: Option<BrowserId>,
    /// What was approved there.
    pub(super) remembered: RememberedConsents,
}

impl ReturningBrowser {
    /// Reads the cookies.
    pub(super) fn of(headers: &HeaderMap, env: Env<'_>) -> Self {
        Self {
            device: device_cookie::read(headers, env),
            id: BrowserId::of(headers, env),
            remembered: RememberedConsents::of(headers, env),
        }
    }
}

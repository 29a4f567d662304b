//! The cookie that tells one browser from another, so that a consent form without `Origin` can be
//! seen to come from the browser that got it (threat A5).
//!
//! It says nothing of consent and vouches for no sign-in (threat A3).

use ::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{entropy::Entropy, env::Env, http::cookie, keys::Purpose, limits};

const COOKIE: &str = "browser";

/// A browser, by 128 random bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserId(String);

impl BrowserId {
    /// The browser that sent these headers, if it has our cookie.
    pub(crate) fn of(headers: &HeaderMap, env: Env<'_>) -> Option<Self> {
        let value = cookie::get(COOKIE, headers, &env.server.config.public_url)?;
        let (id, mac) = value.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let keys = &env.server.keys;
        keys.verify(Purpose::BrowserCookie, id.as_bytes(), &mac)
            .then(|| Self(id.to_owned()))
    }

    /// A browser that was not seen before.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Self(entropy.token::<16>())
    }

    /// The browser of this name, from a form that we sealed.
    pub(crate) fn named(id: String) -> Self {
        Self(id)
    }

    pub(crate) fn id(&self) -> &str {
        &self.0
    }

    /// The `Set-Cookie` that names it, for as long as a form is good.
    pub(crate) fn set_cookie(&self, env: Env<'_>) -> Option<HeaderValue> {
        let mac = env
            .server
            .keys
            .mac(Purpose::BrowserCookie, self.0.as_bytes());
        let value = format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(mac));
        let seconds = limits::SIGN_IN_TIMEOUT.as_secs();
        cookie::set(COOKIE, &value, seconds, &env.server.config.public_url)
    }
}

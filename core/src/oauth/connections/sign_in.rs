//! A sign-in under way at Entra that is for the page of connections alone: no client is involved, and nothing of
//! Entra's is kept.
//!
//! As [`PendingSignIn`], it is a sealed cookie of the browser in which it began, bound to its state (threats A2, D1);
//! it is sealed for another purpose, so that neither is taken for the other.

use ::http::{HeaderMap, HeaderValue, Response, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::{
    entropy::Entropy,
    env::Env,
    http::{cookie, response},
    id::SessionId,
    keys::{Keyring, Purpose},
    limits,
    oauth::{
        entra_address,
        length_prefixed::{pack, text, unpack},
        pending_sign_in::{PendingSignIn, cookie_name},
    },
    provider_metadata::ProviderMetadata,
    secret::Secret,
    step::Cx,
    time::UnixTime,
};

/// What Entra is asked for: who the user is, and nothing more.
pub(super) const SCOPE: &str = "openid profile";

/// A sign-in under way.
#[derive(Debug)]
pub(crate) struct ConnectionsSignIn {
    state: Secret<String>,
    /// The `nonce` that Entra's ID token must carry.
    pub(super) nonce: Secret<String>,
    /// The `code_verifier` that redeems Entra's code.
    pub(super) code_verifier: Secret<String>,
    expires: UnixTime,
}

impl ConnectionsSignIn {
    /// Sends a browser to Entra. `cookies` make room for the one of this sign-in.
    pub(super) fn begin(
        cookies: Vec<HeaderValue>,
        metadata: &ProviderMetadata,
        cx: &mut Cx<'_>,
    ) -> Response<Bytes> {
        let sign_in = Self {
            state: Secret::new(cx.entropy.token::<20>()),
            nonce: Secret::new(cx.entropy.token::<20>()),
            code_verifier: Secret::new(cx.entropy.token::<32>()),
            expires: cx.env.now.unix.after(limits::SIGN_IN_TIMEOUT),
        };
        let own = [&sign_in.state, &sign_in.nonce, &sign_in.code_verifier];
        let address = entra_address::of(SCOPE, own, metadata, cx.env);
        let mut response = response::see_other(&address);
        let cookie = sign_in.set_cookie(cx.env, cx.entropy);
        for cookie in cookie.into_iter().chain(cookies) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// The cookies to take away, so that there is room for one more sign-in.
    pub(super) fn make_room(headers: &HeaderMap, env: Env<'_>) -> Vec<HeaderValue> {
        PendingSignIn::make_room(headers, &env.server.config.public_url)
    }

    fn set_cookie(&self, env: Env<'_>, entropy: &mut Entropy) -> Option<HeaderValue> {
        let fields = zeroize::Zeroizing::new(pack(&[
            self.nonce.expose().as_bytes(),
            self.code_verifier.expose().as_bytes(),
            &self.expires.0.to_be_bytes(),
        ]));
        let (keys, state) = (&env.server.keys, self.state.expose());
        let context = state.as_bytes();
        let sealed = keys.seal(Purpose::ConnectionsSignIn, context, b"", &fields, entropy);
        let value = format!("{}.{}", self.expires.0, URL_SAFE_NO_PAD.encode(sealed));
        let seconds = self.expires.until(env.now.unix).as_secs();
        let public_url = &env.server.config.public_url;
        cookie::set(&cookie_name(state)?, &value, seconds, public_url)
    }

    /// The sign-in of this `state`, if it began in this browser and is not over.
    pub(crate) fn from_cookie(headers: &HeaderMap, state: &str, env: Env<'_>) -> Option<Self> {
        let public_url = &env.server.config.public_url;
        let value = cookie::get(&cookie_name(state)?, headers, public_url)?;
        let (_, sealed) = value.split_once('.')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let keys = &env.server.keys;
        let fields = keys.open(Purpose::ConnectionsSignIn, state.as_bytes(), b"", &sealed)?;
        let [nonce, code_verifier, expires] = unpack(&fields)?;
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        expires
            .is_ahead(limits::SIGN_IN_TIMEOUT, env.now.unix, limits::CLOCK_LEEWAY)
            .then_some(Self {
                state: Secret::new(state.to_owned()),
                nonce: Secret::new(text(nonce)?),
                code_verifier: Secret::new(text(code_verifier)?),
                expires,
            })
    }

    /// Which sign-in it is at Entra.
    pub(super) fn state(&self) -> &Secret<String> {
        &self.state
    }

    /// By what the hub knows that it had its redemption.
    pub(super) fn id(&self, keys: &Keyring) -> SessionId {
        let [id, _] = halves(keys.mac(Purpose::SessionId, self.state.expose().as_bytes()));
        SessionId::new(id)
    }
}

fn halves(mac: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves.as_flattened_mut().copy_from_slice(&mac);
    halves
}

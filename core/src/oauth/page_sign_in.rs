//! A sign-in under way at Entra that is for a page of the server's own, and begins no session: the page of connections,
//! where nothing of Entra's is kept, or the step-up of a session that there is.
//!
//! As [`PendingSignIn`], it is a sealed cookie of the browser in which it began, bound to its state (threats A2, D1);
//! it is sealed for another purpose, so that neither is taken for the other.

mod callback;
pub(crate) mod saving;

use ::http::{HeaderMap, HeaderValue, Response, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

pub(crate) use self::callback::{PageCallback, sign_in_of};
use crate::{
    claims_challenge::ClaimsChallenge,
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
    session::step_up::StepUp,
    step::Cx,
    time::UnixTime,
};

/// What Entra is asked for who the user is, and nothing more.
const IDENTITY_SCOPE: &str = "openid profile";

/// What a sign-in is for.
#[derive(Debug)]
pub(crate) enum PageTarget {
    /// The page of connections.
    Connections,
    /// A session whose user must satisfy more.
    StepUp(Box<StepUp>),
}

/// A sign-in under way.
#[derive(Debug)]
pub(crate) struct PageSignIn {
    state: Secret<String>,
    /// The `nonce` that Entra's ID token must carry.
    nonce: Secret<String>,
    /// The `code_verifier` that redeems Entra's code.
    code_verifier: Secret<String>,
    expires: UnixTime,
    target: PageTarget,
}

impl PageSignIn {
    /// Sends a browser to Entra. `cookies` make room for the one of this sign-in.
    pub(super) fn begin(
        target: PageTarget,
        cookies: Vec<HeaderValue>,
        metadata: &ProviderMetadata,
        cx: &mut Cx<'_>,
    ) -> Response<Bytes> {
        let sign_in = Self {
            state: Secret::new(cx.entropy.token::<20>()),
            nonce: Secret::new(cx.entropy.token::<20>()),
            code_verifier: Secret::new(cx.entropy.token::<32>()),
            expires: cx.env.now.unix.after(limits::SIGN_IN_TIMEOUT),
            target,
        };
        let own = [&sign_in.state, &sign_in.nonce, &sign_in.code_verifier];
        let scope = sign_in.scope(cx.env);
        let address = match &sign_in.target {
            PageTarget::Connections => entra_address::of(&scope, own, metadata, cx.env),
            PageTarget::StepUp(step_up) => {
                let known = (&step_up.claims, step_up.username.as_deref());
                entra_address::of_step_up(&scope, own, known, metadata, cx.env)
            }
        };
        let mut response = response::see_other(&address);
        let cookie = sign_in.set_cookie(cx.env, cx.entropy);
        for cookie in cookie.into_iter().chain(cookies) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// What Entra is asked for, as it names scopes.
    fn scope(&self, env: Env<'_>) -> String {
        match &self.target {
            PageTarget::Connections => IDENTITY_SCOPE.to_owned(),
            PageTarget::StepUp(step_up) => {
                let scope = env.server.scopes.held(&step_up.scope);
                scope.to_entra_scope(&env.server.config.entra)
            }
        }
    }

    /// What the tokens must satisfy.
    fn claims(&self) -> Option<&ClaimsChallenge> {
        match &self.target {
            PageTarget::Connections => None,
            PageTarget::StepUp(step_up) => Some(&step_up.claims),
        }
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
            &self.target.pack(),
        ]));
        let (keys, state) = (&env.server.keys, self.state.expose());
        let context = state.as_bytes();
        let sealed = keys.seal(Purpose::PageSignIn, context, b"", &fields, entropy);
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
        let fields = keys.open(Purpose::PageSignIn, state.as_bytes(), b"", &sealed)?;
        let [nonce, code_verifier, expires, target] = unpack(&fields)?;
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        expires
            .is_ahead(limits::SIGN_IN_TIMEOUT, env.now.unix, limits::CLOCK_LEEWAY)
            .then_some(Self {
                state: Secret::new(state.to_owned()),
                nonce: Secret::new(text(nonce)?),
                code_verifier: Secret::new(text(code_verifier)?),
                expires,
                target: PageTarget::unpack(target)?,
            })
    }

    /// Which sign-in it is at Entra.
    fn state(&self) -> &Secret<String> {
        &self.state
    }

    /// By what the hub knows that it had its redemption.
    fn id(&self, keys: &Keyring) -> SessionId {
        let [id, _] = halves(keys.mac(Purpose::SessionId, self.state.expose().as_bytes()));
        SessionId::new(id)
    }
}

impl PageTarget {
    fn pack(&self) -> zeroize::Zeroizing<Vec<u8>> {
        match self {
            Self::Connections => zeroize::Zeroizing::default(),
            Self::StepUp(step_up) => step_up.pack(),
        }
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => Some(Self::Connections),
            bytes => Some(Self::StepUp(Box::new(StepUp::unpack(bytes)?))),
        }
    }
}

fn halves(mac: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves.as_flattened_mut().copy_from_slice(&mac);
    halves
}

//! A sign-in under way at Entra: what the client asked, and our own `state`, `nonce` and
//! `code_verifier` (threats D1, D2).
//!
//! It is stored nowhere but in a cookie of the browser in which the user approved: sealed, bound to
//! the state, set only after the approval, good for ten minutes. So a sign-in that was approved in
//! one browser cannot end in another (threats A2, A3).

use ::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    authorization_request::AuthorizationRequest, client_label::ClientLabel, entra_address,
    length_prefixed,
};
use crate::{
    config::PublicUrl,
    entropy::Entropy,
    env::Env,
    http::cookie,
    id::SessionId,
    keys::{Keyring, Purpose},
    limits,
    planted::Planted,
    provider_metadata::ProviderMetadata,
    secret::Secret,
    time::UnixTime,
};

/// What the names of the cookies begin with.
const PREFIX: &str = "sign-in-";

/// How many characters of the state name its cookie.
const NAME_CHARS: usize = 8;

/// The length of a state: 20 bytes as base64url.
const STATE_CHARS: usize = 27;

/// How a client was approved for a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    /// Whoever signs in has just pressed the button.
    Pressed,
    /// A user has pressed it before, in this browser. Whether it is the one who signs in is known afterwards
    /// only (threat A4).
    Remembered,
}

/// A sign-in under way at Entra.
#[derive(Clone, Debug)]
pub(crate) struct PendingSignIn {
    /// What the client asked for.
    pub(crate) request: AuthorizationRequest,
    /// What the user is told about the client.
    pub(crate) client_label: ClientLabel,
    /// How it was approved.
    pub(crate) approval: Approval,
    /// Our `state` towards Entra, 160 random bits.
    pub(crate) state: Secret<String>,
    /// The `nonce` that Entra's ID token must carry.
    pub(crate) nonce: Secret<String>,
    /// The `code_verifier` that redeems Entra's code.
    pub(crate) code_verifier: Secret<String>,
    /// Until when it can be finished.
    pub(crate) expires: UnixTime,
}

impl PendingSignIn {
    /// Begins a sign-in that was approved.
    pub(crate) fn begin(
        request: AuthorizationRequest,
        client_label: ClientLabel,
        approval: Approval,
        now: UnixTime,
        entropy: &mut Entropy,
    ) -> Self {
        Self {
            request,
            client_label,
            approval,
            state: Secret::new(entropy.token::<20>()),
            nonce: Secret::new(entropy.token::<20>()),
            code_verifier: Secret::new(entropy.token::<32>()),
            expires: now.after(limits::SIGN_IN_TIMEOUT),
        }
    }

    /// The name of the session that the sign-in begins.
    pub(crate) fn session_id(&self, keys: &Keyring) -> SessionId {
        let mac = keys.mac(Purpose::SessionId, self.state.expose().as_bytes());
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(mac) {
            *to = from;
        }
        SessionId::new(id)
    }

    /// Entra's authorization endpoint with our parameters. Nothing in it is the client's but the
    /// scopes that were chosen from our own table (threat D3).
    pub(crate) fn entra_address(&self, metadata: &ProviderMetadata, env: Env<'_>) -> String {
        let state = if env.server.has(Planted::StateUnchecked) {
            Secret::new(URL_SAFE_NO_PAD.encode(inverted(&self.fields())))
        } else {
            self.state.clone()
        };
        let config = &env.server.config;
        let mut scope = self.request.scope.to_consent_scope(&config.entra);
        // The token for a backend is asked for when it is needed, and consented to with the sign-in.
        let gateway = config.gateway_at(config.public_url.endpoint_of(&self.request.resource));
        if let Some(of_backend) = gateway.and_then(|gateway| gateway.identity.entra.as_ref()) {
            scope = format!("{scope} {of_backend}");
        }
        let own = [&state, &self.nonce, &self.code_verifier];
        entra_address::of(&scope, own, metadata, env)
    }

    fn fields(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(length_prefixed::pack(&[
            &self.request.pack(),
            self.nonce.expose().as_bytes(),
            self.code_verifier.expose().as_bytes(),
            &self.expires.0.to_be_bytes(),
            &[u8::from(self.approval == Approval::Remembered)],
            &self.client_label.pack(),
        ]))
    }

    /// The `Set-Cookie` that keeps it in this browser.
    pub(crate) fn set_cookie(&self, env: Env<'_>, entropy: &mut Entropy) -> Option<HeaderValue> {
        let fields = self.fields();
        let state = self.state.expose();
        let keys = &env.server.keys;
        let sealed = keys.seal(
            Purpose::SignInCookie,
            state.as_bytes(),
            b"",
            &fields,
            entropy,
        );
        // The end stands before it, too: [`Self::make_room`] cannot open what another state has sealed.
        let value = format!("{}.{}", self.expires.0, URL_SAFE_NO_PAD.encode(sealed));
        cookie::set(
            &cookie_name(state)?,
            &value,
            self.expires.until(env.now.unix).as_secs(),
            &env.server.config.public_url,
        )
    }

    /// The sign-in of this `state`, if it was approved in this browser and is not over.
    pub(crate) fn from_cookie(headers: &HeaderMap, state: &str, env: Env<'_>) -> Option<Self> {
        if env.server.has(Planted::StateUnchecked) {
            let fields = inverted(&URL_SAFE_NO_PAD.decode(state).ok()?);
            return Self::of_fields(state, &fields, env);
        }
        let public_url = &env.server.config.public_url;
        let value = cookie::get(&cookie_name(state)?, headers, public_url)?;
        let (end, sealed) = value.split_once('.')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let keys = &env.server.keys;
        let fields = keys.open(Purpose::SignInCookie, state.as_bytes(), b"", &sealed)?;
        let sign_in = Self::of_fields(state, &fields, env)?;
        (end == sign_in.expires.0.to_string()).then_some(sign_in)
    }

    fn of_fields(state: &str, fields: &[u8], env: Env<'_>) -> Option<Self> {
        let [
            request,
            nonce,
            code_verifier,
            expires,
            approval,
            client_label,
        ] = length_prefixed::unpack(fields)?;
        let approval = match approval {
            [0] => Approval::Pressed,
            [1] => Approval::Remembered,
            _ => return None,
        };
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        expires
            .is_ahead(limits::SIGN_IN_TIMEOUT, env.now.unix, limits::CLOCK_LEEWAY)
            .then_some(Self {
                request: AuthorizationRequest::unpack(request, &env.server.scopes)?,
                client_label: ClientLabel::unpack(client_label)?,
                approval,
                state: Secret::new(state.to_owned()),
                nonce: Secret::new(length_prefixed::text(nonce)?),
                code_verifier: Secret::new(length_prefixed::text(code_verifier)?),
                expires,
            })
    }

    /// The `Set-Cookie`s that take away the oldest sign-ins of this browser that were begun and left, so that
    /// one more is no more than [`limits::SIGN_INS_PER_BROWSER`]: all of them together must fit into a
    /// request's head.
    pub(crate) fn make_room(headers: &HeaderMap, public_url: &PublicUrl) -> Vec<HeaderValue> {
        let is_ours = |id: &str| id.len() == NAME_CHARS && id.bytes().all(is_base64url);
        let mut pending: Vec<(u64, &str)> = cookie::with_prefix(PREFIX, headers, public_url)
            .into_iter()
            .filter(|(id, _)| is_ours(id))
            .map(|(id, value)| {
                let end = value.split_once('.').and_then(|(end, _)| end.parse().ok());
                (end.unwrap_or_default(), id)
            })
            .collect();
        pending.sort_unstable();
        let too_many = (pending.len() + 1).saturating_sub(limits::SIGN_INS_PER_BROWSER);
        pending
            .into_iter()
            .take(too_many)
            .filter_map(|(_, id)| cookie::set(&format!("{PREFIX}{id}"), "", 0, public_url))
            .collect()
    }

    /// The `Set-Cookie` that takes the cookie of this state away; `None` if it is no state of ours.
    pub(crate) fn clear_cookie(state: &str, public_url: &PublicUrl) -> Option<HeaderValue> {
        cookie::set(&cookie_name(state)?, "", 0, public_url)
    }
}

/// For [`Planted::StateUnchecked`] only: unreadable enough that nothing is wrong but what is meant.
fn inverted(fields: &[u8]) -> Vec<u8> {
    fields.iter().map(|byte| !byte).collect()
}

/// The name of the cookie of a state; `None` for what cannot be a state of ours, so that nothing
/// strange gets into a cookie's name.
pub(super) fn cookie_name(state: &str) -> Option<String> {
    if state.len() != STATE_CHARS || !state.bytes().all(is_base64url) {
        return None;
    }
    Some(format!("{PREFIX}{}", state.get(..NAME_CHARS)?))
}

fn is_base64url(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use ::http::header;

    use super::*;
    use crate::oauth::client_label::Voucher;
    use crate::testing::{self, TestServer};

    fn browser_with(cookie: &HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        headers.insert(header::COOKIE, pair.parse().unwrap());
        headers
    }

    /// The longest that there can be.
    fn longest_label() -> ClientLabel {
        ClientLabel {
            name: Some("\u{10348}".repeat(limits::CLIENT_NAME_CHARS)),
            voucher: Voucher::Site {
                host: "h".repeat(limits::CLIENT_ID_URL_BYTES - "https:///c".len()),
                pinned: Some("2026-10-02".to_owned()),
            },
        }
    }

    fn pending(server: &TestServer, client_state: &str) -> (PendingSignIn, HeaderValue) {
        let mut entropy = testing::entropy(1);
        let request = testing::authorization_request(client_state);
        let sign_in = PendingSignIn::begin(
            request,
            longest_label(),
            Approval::Pressed,
            server.now.unix,
            &mut entropy,
        );
        let cookie = sign_in.set_cookie(server.env(), &mut entropy).unwrap();
        (sign_in, cookie)
    }

    // A2, D1
    #[test]
    fn sign_in_is_found_by_its_state_in_its_browser_only() {
        let server = TestServer::dev();
        let (sign_in, cookie) = pending(&server, "client state");
        let headers = browser_with(&cookie);
        let state = sign_in.state.expose();
        let found = PendingSignIn::from_cookie(&headers, state, server.env()).unwrap();
        assert_eq!(found.request, sign_in.request);
        assert_eq!(found.client_label, sign_in.client_label);
        assert_eq!(found.nonce.expose(), sign_in.nonce.expose());
        assert_eq!(found.code_verifier.expose(), sign_in.code_verifier.expose());
        assert!(PendingSignIn::from_cookie(&HeaderMap::new(), state, server.env()).is_none());
        // Another state that would find the same cookie by its name.
        let other = format!("{}{}", state.get(..8).unwrap(), "A".repeat(19));
        assert!(PendingSignIn::from_cookie(&headers, &other, server.env()).is_none());
        for strange in [
            "",
            "short",
            "../../../../../../../../../",
            "é;=éééééééééééé",
        ] {
            assert!(PendingSignIn::from_cookie(&headers, strange, server.env()).is_none());
            assert!(
                PendingSignIn::clear_cookie(strange, &server.server.config.public_url).is_none()
            );
        }
    }

    // A2, N5
    #[test]
    fn sign_in_cookie_expires_after_ten_minutes_and_is_strict() {
        let mut server = TestServer::https();
        let (sign_in, cookie) = pending(&server, "s");
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-entra-mcp-sign-in-"), "{text}");
        for part in [
            "; Path=/",
            "; Max-Age=600",
            "; HttpOnly",
            "; SameSite=Lax",
            "; Secure",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        let headers = browser_with(&cookie);
        server.now.unix = server.now.unix.after(limits::SIGN_IN_TIMEOUT);
        assert!(
            PendingSignIn::from_cookie(&headers, sign_in.state.expose(), server.env()).is_none()
        );
    }

    #[test]
    fn longest_state_fits_into_a_cookie() {
        let server = TestServer::https();
        let (_, cookie) = pending(&server, &"\u{1}".repeat(limits::STATE_BYTES));
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        assert!(pair.len() <= 4096 - 256, "{} bytes", pair.len());
    }

    // C15, D1 to D3
    #[test]
    fn entra_address_holds_nothing_of_the_client() {
        let server = TestServer::dev();
        let (sign_in, _) = pending(&server, "client state");
        let metadata = server.known.metadata.clone().unwrap();
        let address = url::Url::parse(&sign_in.entra_address(&metadata, server.env())).unwrap();
        let names: Vec<_> = address
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        let expected = [
            "client_id",
            "response_type",
            "redirect_uri",
            "response_mode",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
            "claims",
            "prompt",
        ];
        assert_eq!(names, expected);
        let text = address.as_str();
        for theirs in [
            "client+state",
            "client.example",
            sign_in.request.code_challenge.as_deref().unwrap(),
        ] {
            assert!(!text.contains(theirs), "{theirs} in {text}");
        }
    }
}

//! What was approved in this browser before (threat A4): a MACed cookie of up to sixteen
//! approvals, each bound to the client, its redirect URI and the scopes, each with its own end.
//!
//! Only clients that return to a web site are remembered. Where the answer goes to this computer or
//! to an app, any program here could be the one that asks, so the user is asked every time
//! (threat A11). A remembered approval skips our page, not Entra's choice of account.

use ::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{authorization_request::AuthorizationRequest, length_prefixed};
use crate::{
    config::PublicUrl,
    env::Env,
    http::cookie,
    keys::Purpose,
    limits,
    redirect_uri::{Destination, RedirectUri},
    session::record::Hash,
    time::UnixTime,
};

const COOKIE: &str = "approvals";

/// How much of the hash of an approval is stored: 128 bits.
const MARK_BYTES: usize = 16;

/// One approval as it is written: its two marks and its end.
const APPROVAL_BYTES: usize = 2 * MARK_BYTES + 8;

/// The approvals of one browser, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct RememberedConsents(Vec<Approval>);

#[derive(Debug)]
struct Approval {
    /// Which client and redirect URI.
    place: [u8; MARK_BYTES],
    /// Which scopes, at which MCP endpoint.
    scope: [u8; MARK_BYTES],
    expires: UnixTime,
}

impl RememberedConsents {
    /// Those of the browser that sent these headers and that are not over.
    pub(crate) fn of(headers: &HeaderMap, env: Env<'_>) -> Self {
        Self::read(headers, env).unwrap_or_default()
    }

    fn read(headers: &HeaderMap, env: Env<'_>) -> Option<Self> {
        let value = cookie::get(COOKIE, headers, &env.server.config.public_url)?;
        let (body, mac) = value.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let keys = &env.server.keys;
        if !keys.verify(Purpose::ApprovalCookie, body.as_bytes(), &mac) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        let lifetime = env.server.config.lifetimes.consent;
        let (approvals, _) = bytes.as_chunks::<APPROVAL_BYTES>();
        let approvals = approvals.iter().filter_map(|approval| {
            let (place, rest) = approval.split_first_chunk::<MARK_BYTES>()?;
            let (scope, expires) = rest.split_first_chunk::<MARK_BYTES>()?;
            let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
            expires
                .is_ahead(lifetime, env.now.unix, limits::CLOCK_LEEWAY)
                .then_some(Approval {
                    place: *place,
                    scope: *scope,
                    expires,
                })
        });
        Some(Self(approvals.collect()))
    }

    /// Whether nothing was approved.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this request was approved before.
    pub(crate) fn cover(&self, request: &AuthorizationRequest) -> bool {
        let scope = scope_mark(request);
        let place = place_mark(&request.client, &request.redirect_target.redirect_uri);
        returns_to_a_site(request)
            && self
                .0
                .iter()
                .any(|own| own.place == place && own.scope == scope)
    }

    /// Whether this client was approved before, with this redirect URI, for whatever scopes.
    pub(crate) fn know(&self, client: &Hash, redirect_uri: &RedirectUri) -> bool {
        let place = place_mark(client, redirect_uri);
        self.0.iter().any(|own| own.place == place)
    }

    /// The `Set-Cookie` that remembers this request too; `None` if it is not to be remembered.
    pub(crate) fn remember(
        mut self,
        request: &AuthorizationRequest,
        env: Env<'_>,
    ) -> Option<HeaderValue> {
        if !may_be_remembered(request, &env.server.config.public_url) {
            return None;
        }
        let lifetime = env.server.config.lifetimes.consent;
        let approval = Approval {
            place: place_mark(&request.client, &request.redirect_target.redirect_uri),
            scope: scope_mark(request),
            expires: env.now.unix.after(lifetime),
        };
        self.0
            .retain(|own| own.place != approval.place || own.scope != approval.scope);
        let surplus = (self.0.len() + 1).saturating_sub(limits::REMEMBERED_CONSENTS);
        self.0.drain(..surplus);
        self.0.push(approval);
        let mut bytes = Vec::new();
        for approval in &self.0 {
            bytes.extend_from_slice(&approval.place);
            bytes.extend_from_slice(&approval.scope);
            bytes.extend_from_slice(&approval.expires.0.to_be_bytes());
        }
        let body = URL_SAFE_NO_PAD.encode(bytes);
        let mac = env
            .server
            .keys
            .mac(Purpose::ApprovalCookie, body.as_bytes());
        let value = format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac));
        let seconds = lifetime.as_secs();
        cookie::set(COOKIE, &value, seconds, &env.server.config.public_url)
    }
}

/// Whether an approval of this request is remembered: it is if the answer goes to a web site that is not this server's own,
/// as the answer for a device does.
pub(crate) fn may_be_remembered(request: &AuthorizationRequest, public_url: &PublicUrl) -> bool {
    returns_to_a_site(request) && !request.redirect_target.redirect_uri.is_of(public_url)
}

fn returns_to_a_site(request: &AuthorizationRequest) -> bool {
    let redirect_uri = &request.redirect_target.redirect_uri;
    matches!(redirect_uri.destination(), Destination::Web(_))
}

fn place_mark(client: &Hash, redirect_uri: &RedirectUri) -> [u8; MARK_BYTES] {
    mark(&length_prefixed::pack(&[
        &client.0,
        redirect_uri.as_str().as_bytes(),
    ]))
}

fn scope_mark(request: &AuthorizationRequest) -> [u8; MARK_BYTES] {
    mark(request.consented().as_bytes())
}

fn mark(bytes: &[u8]) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    mark.copy_from_slice(Hash::of(bytes).0.split_at(MARK_BYTES).0);
    mark
}

#[cfg(test)]
mod tests;

//! The session token: a JWT (RFC 7519, HS256) in the profile of RFC 9068, which only this server
//! issues and reads.
//!
//! It is verified without a look-up, by one algorithm, one type, one issuer and one audience that
//! are fixed here and never read from the token (RFC 8725 section 3.1). Then it is mapped by `sid`
//! to its session: both must hold.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Share, record::Session};
use crate::{
    entropy::Entropy,
    env::{Env, Server},
    id::SessionId,
    keys::Purpose,
    limits,
    planted::Planted,
    secret::Secret,
    time::UnixTime,
};

/// `{"alg":"HS256","typ":"at+jwt"}`: the only header there is.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9";

/// The longest token that is looked at.
const TOKEN_BYTES: usize = 8192;

/// The claims, in the order in which they are written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    sid: SessionId,
    scope: String,
    iat: UnixTime,
    exp: UnixTime,
    jti: String,
    /// The share: our own claim, opaque to clients.
    key: Secret<String>,
}

/// What a session token that was verified says.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The session that it maps to.
    pub(crate) session_id: SessionId,
    /// What opens the session's record.
    pub(crate) share: Share,
    /// The client that it was issued to.
    pub(crate) client_id: String,
    /// The MCP endpoint that it is for, or the whole server.
    pub(crate) resource: String,
    /// What it allows.
    pub(crate) scope: String,
    /// When it ends.
    pub(crate) expires: UnixTime,
}

/// Issues a session token. Its lifetime is [`limits::SESSION_TOKEN_LIFETIME`], or less near the end of the
/// session; returned in seconds.
pub(crate) fn issue(
    session: &Session,
    client_id: &str,
    share: &Share,
    env: Env<'_>,
    entropy: &mut Entropy,
) -> (Secret<String>, u64) {
    let now = env.now.unix;
    let end = session.created.after(limits::SESSION_ABSOLUTE);
    let expires = now.after(limits::SESSION_TOKEN_LIFETIME).min(end.max(now));
    let claims = Claims {
        iss: env.server.config.public_url.issuer().to_owned(),
        aud: session.resource.clone(),
        sub: session.outline.subject.clone(),
        client_id: client_id.to_owned(),
        sid: session.id,
        scope: session.scope.clone(),
        iat: now,
        exp: expires,
        jti: entropy.token::<16>(),
        key: Secret::new(URL_SAFE_NO_PAD.encode(share.expose())),
    };
    let claims = super::sealed::secret_json(&claims);
    // Room for all of it: a text that grows would leave the share behind.
    let mut signed = Zeroizing::new(String::with_capacity(TOKEN_BYTES));
    signed.push_str(HEADER);
    signed.push('.');
    URL_SAFE_NO_PAD.encode_string(&*claims, &mut signed);
    let mac = env
        .server
        .keys
        .mac(Purpose::SessionToken, signed.as_bytes());
    (
        Secret::new(format!("{}.{}", *signed, URL_SAFE_NO_PAD.encode(mac))),
        expires.0 - now.0,
    )
}

/// Verifies a session token: everything but the session itself.
///
/// `None` says no more than that the token is not good; why is nobody's business.
pub(crate) fn verify(token: &str, server: &Server, now: UnixTime) -> Option<Verified> {
    let claims = authenticate(token, server)?;
    let is_over = now >= claims.exp && !server.has(Planted::NeverExpires);
    let fresh = !is_over && claims.iat <= now.after(limits::CLOCK_LEEWAY);
    let share = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.key.expose()).ok()?);
    let share = Share::new(share.as_slice().try_into().ok()?);
    fresh.then_some(Verified {
        session_id: claims.sid,
        share,
        client_id: claims.client_id,
        resource: claims.aud,
        scope: claims.scope,
        expires: claims.exp,
    })
}

/// The session of a token that was issued here, be it still good or not: what is over may still be revoked.
pub(crate) fn session_of(token: &str, server: &Server) -> Option<SessionId> {
    Some(authenticate(token, server)?.sid)
}

/// The claims of a token that was issued here, for here.
fn authenticate(token: &str, server: &Server) -> Option<Claims> {
    if token.len() > TOKEN_BYTES {
        return None;
    }
    let (signed, mac) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    // The header is compared, not parsed: another algorithm, a key of its own, an unknown member,
    // all are just another string (RFC 8725 sections 3.1, 3.10).
    if header != HEADER {
        return None;
    }
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    if !server
        .keys
        .verify(Purpose::SessionToken, signed.as_bytes(), &mac)
    {
        return None;
    }
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?);
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let url = &server.config.public_url;
    let ours = claims.iss == url.issuer() && url.is_resource(&claims.aud);
    ours.then_some(claims)
}

#[cfg(test)]
mod tests;

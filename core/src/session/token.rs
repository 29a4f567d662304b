//! The session token: a JWT (RFC 7519, HS256) in the profile of RFC 9068, which only this server
//! issues and reads.
//!
//! It is verified without a look-up, by one algorithm, one type, one issuer and one audience that
//! are fixed here and never read from the token (RFC 8725 section 3.1). Then it is mapped by `sid`
//! to its session: both must hold.
//!
//! It is short, however long the `client_id` and the scopes are, for it comes with every request and is hashed
//! each time: under 470 characters where the public URL has up to 40, and 8/3 more for each beyond. Its
//! claim `client_id` is a short name of the client ([`ClientRef`]); issuer and only audience are this server, and to
//! clients the token is opaque (RFC 9068 section 6). There is no claim `scope`, which RFC 9068 section 2.2.3 asks for
//! but does not require: the scopes stand in the session, and where a refresh has asked for fewer, `narrowed` says which.

mod claims;
mod client_ref;
mod scope_mask;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use self::claims::Claims;
pub(crate) use self::{client_ref::ClientRef, scope_mask::ScopeMask};
use super::{Share, record::Session};
use crate::{
    entropy::Entropy,
    env::{Env, Server},
    id::SessionId,
    keys::{MAC_BYTES, Purpose},
    limits,
    planted::Planted,
    rate_limit::Subject,
    secret::{Secret, Wiped},
    time::UnixTime,
    token_beginning::HEADER,
};

/// The longest token that is looked at: a host name has 253 characters at most.
const TOKEN_BYTES: usize = 1536;

/// The length of its signature in base64url.
const MAC_CHARS: usize = (4 * MAC_BYTES).div_ceil(3);

/// What a session token that was verified says.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Its signature, by which it is known again.
    pub(crate) mac: [u8; MAC_BYTES],
    /// The session that it maps to.
    pub(crate) session_id: SessionId,
    /// What opens the session's record.
    pub(crate) share: Share,
    /// The user, as the client knows them.
    pub(crate) subject: Subject,
    /// The client that it was issued to.
    pub(crate) client: ClientRef,
    /// The MCP endpoint that it is for, or the whole server.
    pub(crate) resource: String,
    /// Which scopes of the session it allows; all of them if this is none.
    pub(crate) narrowed: Option<ScopeMask>,
    /// When it ends.
    pub(crate) expires: UnixTime,
}

/// What a token allows: the scopes and the resource of its session, or fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// Scopes of the session, space separated.
    pub(crate) scope: String,
    /// The MCP endpoint, or the whole server.
    pub(crate) resource: String,
}

impl Granted {
    /// All that the session allows.
    pub(crate) fn whole(session: &Session) -> Self {
        Self {
            scope: session.scope.clone(),
            resource: session.resource.clone(),
        }
    }
}

/// Issues a session token. Its lifetime is what is set, or less near the end of the session; returned in seconds.
pub(crate) fn issue(
    session: &Session,
    granted: &Granted,
    share: &Share,
    env: Env<'_>,
    entropy: &mut Entropy,
) -> (Secret<String>, u64) {
    let now = env.now.unix;
    let lifetimes = &env.server.config.lifetimes;
    let end = session.created.after(lifetimes.session_absolute);
    let expires = now.after(lifetimes.session_token).min(end.max(now));
    let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(share.expose()));
    let narrowed = ScopeMask::of(&granted.scope, &session.scope).map(|mask| mask.to_string());
    let claims = Claims {
        iss: env.server.config.public_url.issuer(),
        aud: &granted.resource,
        sub: &session.outline.subject,
        client_id: &ClientRef::of(&session.outline.client).to_string(),
        sid: session.id,
        iat: now,
        exp: expires,
        jti: &entropy.token::<8>(),
        key: &key,
        narrowed: narrowed.as_deref(),
    };
    let claims = super::secret_json(&claims);
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
    let (payload, mac) = authenticate(token, server)?;
    let claims = claims_for_here(&payload, server)?;
    // What was issued before lasts no longer than what is set now.
    let lifetime = server.config.lifetimes.session_token;
    let expires = claims.exp.min(claims.iat.after(lifetime));
    let is_over = now >= expires && !server.has(Planted::NeverExpires);
    let fresh = !is_over && claims.iat <= now.after(limits::CLOCK_LEEWAY);
    let share = decoded(claims.key).map(Zeroizing::new)?;
    if !fresh {
        return None;
    }
    Some(Verified {
        mac,
        session_id: claims.sid,
        share: Share::new(*share),
        subject: Subject::of(claims.sub),
        client: ClientRef::parse(claims.client_id)?,
        resource: claims.aud.to_owned(),
        narrowed: match claims.narrowed {
            Some(mask) => Some(ScopeMask::parse(mask)?),
            None => None,
        },
        expires,
    })
}

/// The session of a token that was issued here, be it still good or not: what is over may still be revoked.
pub(crate) fn session_of(token: &str, server: &Server) -> Option<SessionId> {
    let (payload, _) = authenticate(token, server)?;
    Some(claims_for_here(&payload, server)?.sid)
}

/// The payload of a token that was signed here, and its signature.
fn authenticate(token: &str, server: &Server) -> Option<(Wiped, [u8; MAC_BYTES])> {
    if token.len() > TOKEN_BYTES {
        return None;
    }
    let signed = token.len().checked_sub(".".len() + MAC_CHARS)?;
    let (signed, mac) = token.split_at_checked(signed)?;
    let mac = mac.strip_prefix('.')?;
    // The header is compared, not parsed: another algorithm, a key of its own, an unknown member,
    // all are just another string (RFC 8725 sections 3.1, 3.10).
    let payload = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
    let mac: [u8; MAC_BYTES] = decoded(mac)?;
    let keys = &server.keys;
    if !keys.verify(Purpose::SessionToken, signed.as_bytes(), &mac) {
        return None;
    }
    let mut beginnings = server.token_beginnings.iter();
    let (known, rest) = beginnings
        .find_map(|one| Some((&*one.claims, payload.strip_prefix(&*one.payload)?)))
        .unwrap_or(("", payload));
    // Room for all of it: a vector that grows would leave the share behind.
    let mut claims = Vec::with_capacity(known.len() + rest.len());
    claims.extend_from_slice(known.as_bytes());
    let decoded = URL_SAFE_NO_PAD.decode_vec(rest, &mut claims);
    let claims = Wiped::new(claims);
    decoded.ok().map(|()| (claims, mac))
}

/// The claims of a token that was issued for here.
fn claims_for_here<'a>(payload: &'a [u8], server: &Server) -> Option<Claims<'a>> {
    let claims = Claims::read(std::str::from_utf8(payload).ok()?)?;
    let url = &server.config.public_url;
    let ours = claims.iss == url.issuer() && url.is_resource(claims.aud);
    ours.then_some(claims)
}

/// Exactly so many bytes, in base64url.
fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    // A little more than fits, as the decoder wants it.
    let mut bytes = Zeroizing::new([0; 40]);
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

#[cfg(test)]
mod tests;

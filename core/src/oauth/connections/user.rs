//! The user whose connections a browser may show: a sealed cookie, for ten minutes after the sign-in, and the token
//! that forms of the page carry, which fits that cookie alone.

use ::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    entra::id_token::Identity,
    entropy::Entropy,
    env::{Env, Server},
    http::{cookie, form::Form},
    keys::Purpose,
    limits,
    oauth::length_prefixed::{pack, text, unpack},
    secret::constant_time_equal,
    session::record::{Profile, User},
    time::UnixTime,
};

const COOKIE: &str = "connections";

/// A user who has signed in to see their connections.
#[derive(Debug)]
pub(crate) struct ConnectionsUser {
    pub(super) user: User,
    /// The name to show.
    pub(super) username: String,
    /// What a form must carry.
    pub(super) form_token: String,
}

impl ConnectionsUser {
    /// The `Set-Cookie` of a browser in which this user has just signed in.
    pub(super) fn set_cookie(
        identity: &Identity,
        env: Env<'_>,
        entropy: &mut Entropy,
    ) -> Option<HeaderValue> {
        let profile = &identity.claims.profile;
        let username = profile.username.as_deref().or(profile.name.as_deref());
        let expires = env.now.unix.after(limits::CONNECTIONS_LIFETIME);
        let fields = pack(&[
            identity.tenant_id.as_bytes(),
            identity.oid.as_bytes(),
            username.unwrap_or_default().as_bytes(),
            &expires.0.to_be_bytes(),
        ]);
        let keys = &env.server.keys;
        let sealed = keys.seal(Purpose::ConnectionsCookie, b"", b"", &fields, entropy);
        let seconds = limits::CONNECTIONS_LIFETIME.as_secs();
        let public_url = &env.server.config.public_url;
        cookie::set(COOKIE, &URL_SAFE_NO_PAD.encode(sealed), seconds, public_url)
    }

    /// The user who has signed in in the browser that sent these headers, unless that was too long ago.
    pub(super) fn of(headers: &HeaderMap, env: Env<'_>) -> Option<Self> {
        let value = cookie::get(COOKIE, headers, &env.server.config.public_url)?;
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let keys = &env.server.keys;
        let fields = keys.open(Purpose::ConnectionsCookie, b"", b"", &sealed)?;
        let [tenant_id, oid, username, expires] = unpack(&fields)?;
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        let lifetime = limits::CONNECTIONS_LIFETIME;
        if !expires.is_ahead(lifetime, env.now.unix, limits::CLOCK_LEEWAY) {
            return None;
        }
        Some(Self {
            user: User {
                tenant_id: text(tenant_id)?,
                oid: text(oid)?,
                sub: None,
                profile: Profile::default(),
            },
            username: text(username)?,
            form_token: URL_SAFE_NO_PAD
                .encode(keys.mac(Purpose::ConnectionsForm, value.as_bytes())),
        })
    }

    /// Whether a form was sent by the page that this browser got (threat A5): it carries the token of its cookie, and
    /// where the browser says where it comes from, that is here.
    pub(super) fn has_sent(&self, form: &Form, headers: &HeaderMap, env: Env<'_>) -> bool {
        let own = env.server.config.public_url.origin();
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_from_here = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.as_bytes() == own.as_bytes(),
            (Some(_), Some(_)) => false,
        };
        let token = form.one("form").ok().flatten().unwrap_or_default();
        is_from_here && constant_time_equal(token.as_bytes(), self.form_token.as_bytes())
    }

    /// By what the log knows the user.
    pub(super) fn subject(&self, server: &Server) -> String {
        subject(&self.user.tenant_id, &self.user.oid, server)
    }
}

/// By what the log knows a user here: another name than any client has for them.
pub(super) fn subject(tenant_id: &str, oid: &str, server: &Server) -> String {
    let named = format!("{tenant_id}|{oid}|connections");
    URL_SAFE_NO_PAD.encode(server.keys.mac(Purpose::Subject, named.as_bytes()))
}

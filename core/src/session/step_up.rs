//! What a session has to satisfy at Entra before a call goes on: a link for the user's browser, and what is done there.
//!
//! The client gets the link, and the user opens it. It is sealed, and holds what opens the session's record for as long as the
//! client's present token does: neither Entra's tokens nor a token of the client's (threat D23). It is good for ten minutes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    codec::{Reader, Writer},
    record::Session,
};
use crate::{
    ask::{Stored, Version},
    claims_challenge::ClaimsChallenge,
    entropy::Entropy,
    env::Env,
    id::SessionId,
    keys::{Keyring, Purpose, SealingKey},
    limits,
    time::UnixTime,
};

/// What has to be satisfied, and in which session.
#[derive(Clone, Debug)]
pub(crate) struct StepUp {
    pub(crate) session: SessionId,
    /// What opens the record.
    opener: SealingKey,
    /// What the session was granted, as our own scopes.
    pub(crate) scope: String,
    /// The name to sign in with, for Entra to begin with.
    pub(crate) username: Option<String>,
    pub(crate) claims: ClaimsChallenge,
    expires: UnixTime,
}

impl StepUp {
    /// The step-up of a session; `None` if nothing opens its record.
    pub(crate) fn of(session: &Session, claims: ClaimsChallenge, now: UnixTime) -> Option<Self> {
        Some(Self {
            session: session.id,
            opener: session.openers.last()?.key.clone(),
            scope: session.scope.clone(),
            username: session.user.profile.username.clone(),
            claims,
            expires: now.after(limits::SIGN_IN_TIMEOUT),
        })
    }

    /// What the link carries.
    pub(crate) fn seal(&self, env: Env<'_>, entropy: &mut Entropy) -> String {
        let keys = &env.server.keys;
        URL_SAFE_NO_PAD.encode(keys.seal(Purpose::StepUp, b"", b"", &self.pack(), entropy))
    }

    /// Opens what a link carries; `None` if it is not ours, or too old.
    pub(crate) fn open(sealed: &str, env: Env<'_>) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let fields = env.server.keys.open(Purpose::StepUp, b"", b"", &sealed)?;
        let step_up = Self::unpack(&fields)?;
        let (timeout, leeway) = (limits::SIGN_IN_TIMEOUT, limits::CLOCK_LEEWAY);
        let is_live = step_up.expires.is_ahead(timeout, env.now.unix, leeway);
        is_live.then_some(step_up)
    }

    /// Itself as bytes, for what seals them.
    pub(crate) fn pack(&self) -> Zeroizing<Vec<u8>> {
        let mut to = Writer::new();
        to.array(self.session.bytes());
        to.array(self.opener.expose());
        to.bytes(self.scope.as_bytes());
        to.bytes(self.username.as_deref().unwrap_or_default().as_bytes());
        to.bytes(self.claims.to_text().as_bytes());
        to.number(self.expires.0);
        to.finish()
    }

    /// Reads what [`Self::pack`] wrote.
    pub(crate) fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let step_up = Self {
            session: SessionId::new(from.array()?),
            opener: SealingKey::new(*Zeroizing::new(from.array()?)),
            scope: from.text()?.to_owned(),
            username: Some(from.text()?.to_owned()).filter(|name| !name.is_empty()),
            claims: ClaimsChallenge::of_text(from.text()?)?,
            expires: UnixTime(from.number()?),
        };
        from.end(step_up)
    }

    /// Opens the session's record; `None` if the client's token of then opens it no more.
    pub(crate) fn open_session(
        &self,
        stored: &Stored,
        keys: &Keyring,
    ) -> Option<(Session, Version)> {
        Session::open_by(self.session, stored, self.opener.clone(), keys)
    }
}

//! The consent form: what travels in its hidden field, sealed, for ten minutes, and whether it came from our own
//! page (threat A5): its `Origin` is ours or, where a browser sends none, its cookie is the one that the form
//! names.

use ::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    authorization_request::AuthorizationRequest, browser_id::BrowserId, client_label::ClientLabel,
    length_prefixed,
};
use crate::{
    entropy::Entropy, env::Env, http::form::Form, id::SessionId, keys::Purpose, limits,
    planted::Planted, session::Share, time::UnixTime,
};

/// What the form's hidden field holds.
#[derive(Debug)]
pub(crate) struct ConsentForm {
    pub(crate) request: AuthorizationRequest,
    pub(crate) client_label: ClientLabel,
    /// The browser that the page was made for.
    pub(crate) browser: BrowserId,
    /// The session that waits for the consent, if the user has signed in already.
    pub(crate) session: Option<SessionToApprove>,
}

/// A session that waits for consent, and what opens it.
#[derive(Debug)]
pub(crate) struct SessionToApprove {
    pub(crate) id: SessionId,
    pub(crate) share: Share,
}

impl SessionToApprove {
    fn pack(&self) -> Vec<u8> {
        [*self.id.bytes(), *self.share.expose()].concat()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (id, share) = bytes.split_first_chunk::<16>()?;
        Some(Self {
            id: SessionId::new(*id),
            share: Share::new(share.try_into().ok()?),
        })
    }
}

impl ConsentForm {
    /// Seals the form for the hidden field.
    pub(crate) fn seal(&self, env: Env<'_>, entropy: &mut Entropy) -> String {
        let expires = env.now.unix.after(limits::SIGN_IN_TIMEOUT);
        let session = self.session.as_ref().map(SessionToApprove::pack);
        let fields = length_prefixed::pack(&[
            &self.request.pack(),
            &self.client_label.pack(),
            self.browser.id().as_bytes(),
            &expires.0.to_be_bytes(),
            session.as_deref().unwrap_or_default(),
        ]);
        let keys = &env.server.keys;
        URL_SAFE_NO_PAD.encode(keys.seal(Purpose::ConsentForm, b"", b"", &fields, entropy))
    }

    /// Opens the hidden field of a form that was posted; `None` if it is not ours, or too old.
    pub(crate) fn read(form: &Form, env: Env<'_>) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(form.one("request").ok()??).ok()?;
        let fields = env
            .server
            .keys
            .open(Purpose::ConsentForm, b"", b"", &sealed)?;
        let [request, client_label, browser, expires, session] = length_prefixed::unpack(&fields)?;
        let expires = UnixTime(u64::from_be_bytes(expires.try_into().ok()?));
        let session = match session {
            [] => None,
            session => Some(SessionToApprove::unpack(session)?),
        };
        expires
            .is_ahead(limits::SIGN_IN_TIMEOUT, env.now.unix, limits::CLOCK_LEEWAY)
            .then_some(Self {
                request: AuthorizationRequest::unpack(request, &env.server.scopes)?,
                client_label: ClientLabel::unpack(client_label)?,
                browser: BrowserId::named(length_prefixed::text(browser)?),
                session,
            })
    }

    /// Whether the form was sent by our own page, as the browser says (threat A5). After a sign-in it must also be
    /// the browser that the page was made for: the page stands for a session, and the code goes to whoever
    /// presses (threat A2).
    pub(crate) fn is_from_our_page(&self, headers: &HeaderMap, env: Env<'_>) -> bool {
        if env.server.has(Planted::OriginIgnored) {
            return true;
        }
        let is_same_browser = || BrowserId::of(headers, env).as_ref() == Some(&self.browser);
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => {
                let is_ours = origin.as_bytes() == env.server.config.public_url.origin().as_bytes();
                is_ours && (self.session.is_none() || is_same_browser())
            }
            (None, _) => is_same_browser(),
            (Some(_), Some(_)) => false,
        }
    }
}

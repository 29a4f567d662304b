//! Who is signed in to the tenant in this browser, and signing out.
//!
//! Source: Microsoft identity platform, "OpenID Connect", "Send a sign-out request".

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::{
    DevTenant, client::Client, pages, request_context::RequestContext, response_mode,
    sealed::SignIn,
};

/// Ports share cookies, so the name must not be one of the server's own.
const COOKIE: &str = "dev-tenant-session";

impl DevTenant {
    /// The session of this browser, if it still holds.
    pub(super) fn browser_session(&self, cx: &RequestContext<'_>) -> Option<SignIn> {
        let headers = cx.headers.get_all(header::COOKIE);
        let mut values = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE);
        let (_, sealed) = values.next()?;
        let sign_in = self.sealer.open::<SignIn>(sealed)?;
        let account = self.directory.by_oid(&sign_in.oid)?;
        (account.epoch == sign_in.epoch).then_some(sign_in)
    }

    /// Lets the browser keep the session.
    pub(super) fn remember(
        &self,
        sign_in: &SignIn,
        response: &mut Response<Bytes>,
        cx: &mut RequestContext<'_>,
    ) {
        let sealed = self.sealer.seal(sign_in, &mut cx.entropy);
        let cookie = format!("{COOKIE}={sealed}; Path=/; HttpOnly; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }

    /// `GET` and `POST /{tenant}/oauth2/v2.0/logout`
    pub(super) fn logout(&self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let one = |name| cx.parameters().one(name).ok().flatten();
        let registered = one("post_logout_redirect_uri")
            .filter(|uri| self.is_registered(Client::Application, uri));
        let mut response = match (registered, one("state")) {
            (Some(uri), Some(state)) => {
                let mark = if uri.contains('?') { '&' } else { '?' };
                response_mode::found(&format!(
                    "{uri}{mark}state={}",
                    response_mode::escape(state)
                ))
            }
            (Some(uri), None) => response_mode::found(uri),
            (None, _) => pages::signed_out(),
        };
        let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

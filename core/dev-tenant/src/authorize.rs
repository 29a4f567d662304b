//! `GET` and `POST /{tenant}/oauth2/v2.0/authorize`: the request is read, and the user asked: who
//! they are, and whether the application may.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow". While the client or the redirect URI is in doubt, errors are shown on a page; after
//! that, by a redirect.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{
    AGENT_USER, DevTenant,
    aadsts_error::AadstsError,
    authorization_request::{Prompt, RedirectTarget, Request},
    issue::unconsented,
    pages,
    request_context::RequestContext,
    response_mode,
    sealed::{Code, SignIn},
    users::AccountStatus,
};

/// How long a user may take on the pages, in seconds.
pub(super) const DIALOG_SECONDS: u64 = 3600;

impl DevTenant {
    /// The whole endpoint.
    pub(super) fn authorize(&self, tenant: &str, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        let (client, authority, redirect) = match self.read_back(tenant, cx) {
            Ok(known) => known,
            Err(error) => return pages::error(StatusCode::BAD_REQUEST, &error, cx, None),
        };
        match self.read_request(client, authority, redirect.clone(), cx) {
            Ok(request) => self.ask(request, cx),
            Err(error) => self.refuse(&redirect, &error, cx),
        }
    }

    /// Asks who signs in, unless the browser already knows.
    fn ask(&self, request: Request, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        let session = self.browser_session(cx);
        match (request.prompt, session) {
            (Prompt::None, None) => {
                let text = "A silent sign-in request was sent but no user is signed in.";
                let error = AadstsError::new("login_required", 50_058, text);
                self.refuse(&request.redirect, &error, cx)
            }
            (Prompt::None, Some(sign_in)) => self.complete(request, sign_in, cx),
            (Prompt::Unsaid | Prompt::Consent, Some(sign_in))
                if request.is_for(&sign_in, &self.directory)
                    && sign_in.satisfies(&request.wanted) =>
            {
                self.complete(request, sign_in, cx)
            }
            _ => self.sign_in_page(&request, cx),
        }
    }

    fn sign_in_page(&self, request: &Request, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        let hint = request.login_hint.as_deref();
        let sealed = self.sealer.seal(request, &mut cx.entropy);
        let authority = request.authority();
        let all = self.directory.all().iter().map(|account| account.user);
        let users: Vec<_> = all
            .filter(|user| authority.admits(user) && user.oid != AGENT_USER.oid)
            .collect();
        pages::sign_in(&users, hint, &sealed)
    }

    /// `POST /{tenant}/login`: a user was chosen, or none.
    pub(super) fn login(&self, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        let request = match self.reopen(cx) {
            Ok(request) if request.signed_in.is_none() => request,
            Ok(_) => return pages::stale(),
            Err(page) => return *page,
        };
        if cx.form.one("action") == Ok(Some("cancel")) {
            return self.refuse(&request.redirect, &declined(), cx);
        }
        let username = cx.form.one("username").ok().flatten();
        let username = username.unwrap_or_default().to_owned();
        let Some(account) = self.directory.by_username(&username) else {
            let text = format!(
                "The user account {username} does not exist in the {} directory. To sign into this \
                 application, the account must be added to the directory.",
                super::TENANT_ID
            );
            let error = AadstsError::new("invalid_grant", 50_034, text);
            return pages::error(StatusCode::OK, &error, cx, Some(&request.again));
        };
        let authority = request.authority();
        if !authority.admits(account.user) {
            let error = AadstsError::no_guest(account.user, authority.segment());
            return pages::error(StatusCode::OK, &error, cx, Some(&request.again));
        }
        let sign_in = SignIn::now(account, request.wanted.clone(), cx);
        let is_let_in = account.status == AccountStatus::Active;
        let mut response = self.complete(request, sign_in.clone(), cx);
        if is_let_in {
            self.remember(&sign_in, &mut response, cx);
        }
        response
    }

    /// Somebody signed in: policies are applied, then consent.
    fn complete(
        &self,
        request: Request,
        sign_in: SignIn,
        cx: &mut RequestContext<'_>,
    ) -> Response<Bytes> {
        let silent = request.prompt == Prompt::None;
        let Some(account) = self.directory.by_oid(&sign_in.oid) else {
            return self.sign_in_page(&request, cx);
        };
        let error = match account.status {
            AccountStatus::Active if !self.is_installed(account.user.tenant) => {
                Some(AadstsError::needs_administrator())
            }
            AccountStatus::Active => None,
            AccountStatus::Disabled => Some(AadstsError::disabled()),
            AccountStatus::Blocked => Some(AadstsError::blocked()),
            AccountStatus::Unassigned => Some(AadstsError::unassigned()),
        };
        if let Some(mut error) = error {
            if silent {
                error.error = "interaction_required".to_owned();
                return self.refuse(&request.redirect, &error, cx);
            }
            return pages::error(StatusCode::OK, &error, cx, Some(&request.again));
        }
        let Ok(scopes) = self.scopes_for(request.client, &request.scope) else {
            return pages::stale();
        };
        let missing = unconsented(request.client, &scopes, account);
        if missing.is_empty() && request.prompt != Prompt::Consent {
            return self.send_back(request, sign_in, cx);
        }
        if silent {
            return self.refuse(
                &request.redirect,
                &AadstsError::no_consent("consent_required"),
                cx,
            );
        }
        if missing.iter().any(|permission| permission.is_admins) {
            let error = AadstsError::needs_administrator();
            return pages::error(StatusCode::OK, &error, cx, Some(&request.again));
        }
        let wanted: Vec<_> = match request.prompt {
            Prompt::Consent => scopes.needed().collect(),
            _ => missing,
        };
        let user = account.user;
        let request = Request {
            signed_in: Some(sign_in),
            ..request
        };
        let sealed = self.sealer.seal(&request, &mut cx.entropy);
        pages::consent(user, &wanted, &request.redirect.redirect_uri, &sealed)
    }

    /// `POST /{tenant}/consent`: the user decided.
    pub(super) fn consent(&mut self, cx: &mut RequestContext<'_>) -> Response<Bytes> {
        let mut request = match self.reopen(cx) {
            Ok(request) => request,
            Err(page) => return *page,
        };
        let Some(sign_in) = request.signed_in.take() else {
            return pages::stale();
        };
        if cx.form.one("action") != Ok(Some("accept")) {
            return self.refuse(&request.redirect, &declined(), cx);
        }
        let Ok(scopes) = self.scopes_for(request.client, &request.scope) else {
            return pages::stale();
        };
        if let Some(account) = self.directory.by_oid_mut(&sign_in.oid) {
            let consented = scopes.needed().filter(|permission| !permission.is_admins);
            account
                .consented
                .extend(consented.map(|permission| permission.name));
        }
        request.prompt = Prompt::Unsaid;
        self.complete(request, sign_in, cx)
    }

    /// The request in the hidden field of a page of ours.
    fn reopen(&self, cx: &RequestContext<'_>) -> Result<Request, Box<Response<Bytes>>> {
        let sealed = cx.form.one("ctx").ok().flatten();
        let request = sealed.and_then(|sealed| self.sealer.open::<Request>(sealed));
        match request {
            _ if cx.is_cross_site() => Err(Box::new(pages::forbidden())),
            Some(request) if cx.now <= request.began.saturating_add(DIALOG_SECONDS) => Ok(request),
            _ => Err(Box::new(pages::stale())),
        }
    }

    /// RedirectTarget to the client with a code.
    fn send_back(
        &self,
        request: Request,
        sign_in: SignIn,
        cx: &mut RequestContext<'_>,
    ) -> Response<Bytes> {
        let session_state = sign_in.sid.clone();
        let client_info = request.client_info.then(|| self.client_info(&sign_in.oid));
        let code = Code {
            id: cx.entropy.token::<16>(),
            client: request.client,
            sign_in,
            authority: request.authority,
            issued: cx.now,
            redirect_uri: request.redirect.redirect_uri.clone(),
            scope: request.scope,
            nonce: request.nonce,
            challenge: request.challenge,
            wants_auth_time: request.wants_auth_time,
            takes_challenges: request.takes_challenges,
        };
        let code = self.sealer.seal(&code, &mut cx.entropy);
        let mut parameters = vec![("code", code)];
        parameters.extend(client_info.map(|info| ("client_info", info)));
        parameters.extend(request.redirect.state.clone().map(|state| ("state", state)));
        parameters.push(("session_state", session_state));
        response_mode::answer(&request.redirect, &parameters)
    }

    /// RedirectTarget to the client with an error.
    fn refuse(
        &self,
        redirect: &RedirectTarget,
        error: &AadstsError,
        cx: &RequestContext<'_>,
    ) -> Response<Bytes> {
        let mut parameters = error.parameters(cx, &self.config.origin);
        parameters.extend(redirect.state.clone().map(|state| ("state", state)));
        response_mode::answer(redirect, &parameters)
    }
}

pub(super) fn declined() -> AadstsError {
    let text = "User declined to consent to access the app.";
    AadstsError::new("access_denied", 65_004, text).cancelled()
}

//! `GET` and `POST /{tenant}/oauth2/v2.0/authorize`: the request is read, and the person asked: who
//! they are, and whether the application may.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow". While the client or the redirect URI is in doubt, errors are told on a page; after
//! that, by a redirect.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{
    DevTenant,
    call::Call,
    pages,
    people::Standing,
    redirect,
    refusal::Refusal,
    request::{Back, Prompt, Request},
    scope::Scopes,
    vault::{Code, SignIn},
};

/// How long a person may take on the pages, in seconds.
const DIALOG_SECONDS: u64 = 3600;

impl DevTenant {
    /// The whole endpoint.
    pub(super) fn authorize(&self, tenant: &str, call: &mut Call<'_>) -> Response<Bytes> {
        let back = match self.read_back(tenant, call) {
            Ok(back) => back,
            Err(refusal) => return pages::error(StatusCode::BAD_REQUEST, &refusal, call, None),
        };
        match self.read_request(back.clone(), call) {
            Ok(request) => self.ask(request, call),
            Err(refusal) => self.refuse(&back, &refusal, call),
        }
    }

    /// Asks who signs in, unless the browser already knows.
    fn ask(&self, request: Request, call: &mut Call<'_>) -> Response<Bytes> {
        let session = self.browser_session(call);
        match (request.prompt, session) {
            (Prompt::None, None) => {
                let text = "A silent sign-in request was sent but no user is signed in.";
                let refusal = Refusal::new("login_required", 50_058, text);
                self.refuse(&request.back, &refusal, call)
            }
            (Prompt::None, Some(sign_in)) => self.go_on(request, sign_in, call),
            (Prompt::Unsaid | Prompt::Consent, Some(sign_in))
                if request.is_for(&sign_in, &self.directory) =>
            {
                self.go_on(request, sign_in, call)
            }
            _ => self.sign_in_page(&request, call),
        }
    }

    fn sign_in_page(&self, request: &Request, call: &mut Call<'_>) -> Response<Bytes> {
        let hint = request.login_hint.as_deref();
        let sealed = self.vault.seal(request, &mut call.entropy);
        pages::sign_in(self.directory.all(), hint, &sealed)
    }

    /// `POST /{tenant}/login`: a person was chosen, or none.
    pub(super) fn login(&self, call: &mut Call<'_>) -> Response<Bytes> {
        let request = match self.reopen(call) {
            Ok(request) if request.signed_in.is_none() => request,
            Ok(_) => return pages::stale(),
            Err(page) => return *page,
        };
        if call.form.one("action") == Ok(Some("cancel")) {
            return self.refuse(&request.back, &declined(), call);
        }
        let username = call.form.one("username").ok().flatten();
        let username = username.unwrap_or_default().to_owned();
        let Some(account) = self.directory.by_username(&username) else {
            let text = format!(
                "The user account {username} does not exist in the {} directory. To sign into this \
                 application, the account must be added to the directory.",
                super::TENANT_ID
            );
            let refusal = Refusal::new("invalid_grant", 50_034, text);
            return pages::error(StatusCode::OK, &refusal, call, Some(&request.again));
        };
        let sign_in = SignIn {
            oid: account.person.oid.to_owned(),
            epoch: account.epoch,
            at: call.now,
            sid: super::stamp::guid(&mut call.entropy),
            strong: request.has_claims_challenge,
        };
        let is_let_in = account.standing == Standing::Active;
        let mut response = self.go_on(request, sign_in.clone(), call);
        if is_let_in {
            self.remember(&sign_in, &mut response, call);
        }
        response
    }

    /// Somebody signed in: policies are applied, then consent.
    fn go_on(&self, request: Request, sign_in: SignIn, call: &mut Call<'_>) -> Response<Bytes> {
        let silent = request.prompt == Prompt::None;
        let Some(account) = self.directory.by_oid(&sign_in.oid) else {
            return self.sign_in_page(&request, call);
        };
        let refusal = match account.standing {
            Standing::Active => None,
            Standing::Disabled => Some(Refusal::disabled()),
            Standing::Blocked => Some(Refusal::blocked()),
            Standing::Unassigned => Some(Refusal::unassigned()),
        };
        if let Some(mut refusal) = refusal {
            if silent {
                refusal.error = "interaction_required".to_owned();
                return self.refuse(&request.back, &refusal, call);
            }
            return pages::error(StatusCode::OK, &refusal, call, Some(&request.again));
        }
        let Ok(scopes) = Scopes::parse(&request.scope, &self.config.origin) else {
            return pages::stale();
        };
        let missing = scopes.unconsented(account);
        if missing.is_empty() && request.prompt != Prompt::Consent {
            return self.send_back(request, sign_in, call);
        }
        if silent {
            return self.refuse(
                &request.back,
                &Refusal::no_consent("consent_required"),
                call,
            );
        }
        if missing.iter().any(|permission| permission.is_admins) {
            let text = "Admin consent is required for the permissions requested by this \
                        application. Ask an administrator to grant them.";
            let refusal = Refusal::new("access_denied", 90_094, text);
            return pages::error(StatusCode::OK, &refusal, call, Some(&request.again));
        }
        let wanted: Vec<_> = match request.prompt {
            Prompt::Consent => scopes.needed().collect(),
            _ => missing,
        };
        let person = account.person;
        let request = Request {
            signed_in: Some(sign_in),
            ..request
        };
        let sealed = self.vault.seal(&request, &mut call.entropy);
        pages::consent(person, &wanted, &request.back.redirect_uri, &sealed)
    }

    /// `POST /{tenant}/consent`: the person decided.
    pub(super) fn consent(&mut self, call: &mut Call<'_>) -> Response<Bytes> {
        let mut request = match self.reopen(call) {
            Ok(request) => request,
            Err(page) => return *page,
        };
        let Some(sign_in) = request.signed_in.take() else {
            return pages::stale();
        };
        if call.form.one("action") != Ok(Some("accept")) {
            return self.refuse(&request.back, &declined(), call);
        }
        let Ok(scopes) = Scopes::parse(&request.scope, &self.config.origin) else {
            return pages::stale();
        };
        if let Some(account) = self.directory.by_oid_mut(&sign_in.oid) {
            let consented = scopes.needed().filter(|permission| !permission.is_admins);
            account
                .consented
                .extend(consented.map(|permission| permission.name));
        }
        request.prompt = Prompt::Unsaid;
        self.go_on(request, sign_in, call)
    }

    /// The request in the hidden field of a page of ours.
    fn reopen(&self, call: &Call<'_>) -> Result<Request, Box<Response<Bytes>>> {
        let sealed = call.form.one("ctx").ok().flatten();
        let request = sealed.and_then(|sealed| self.vault.open::<Request>(sealed));
        match request {
            _ if call.is_cross_site() => Err(Box::new(pages::forbidden())),
            Some(request) if call.now <= request.began.saturating_add(DIALOG_SECONDS) => {
                Ok(request)
            }
            _ => Err(Box::new(pages::stale())),
        }
    }

    /// Back to the client with a code.
    fn send_back(&self, request: Request, sign_in: SignIn, call: &mut Call<'_>) -> Response<Bytes> {
        let session_state = sign_in.sid.clone();
        let client_info = request
            .client_info
            .then(|| super::token::client_info(&sign_in.oid));
        let code = Code {
            id: call.entropy.token::<16>(),
            sign_in,
            issued: call.now,
            redirect_uri: request.back.redirect_uri.clone(),
            scope: request.scope,
            nonce: request.nonce,
            challenge: request.challenge,
            wants_auth_time: request.wants_auth_time,
            takes_challenges: request.takes_challenges,
        };
        let code = self.vault.seal(&code, &mut call.entropy);
        let mut parameters = vec![("code", code)];
        parameters.extend(client_info.map(|info| ("client_info", info)));
        parameters.extend(request.back.state.clone().map(|state| ("state", state)));
        parameters.push(("session_state", session_state));
        redirect::answer(&request.back, &parameters)
    }

    /// Back to the client with an error.
    fn refuse(&self, back: &Back, refusal: &Refusal, call: &Call<'_>) -> Response<Bytes> {
        let mut parameters = refusal.parameters(call, &self.config.origin);
        parameters.extend(back.state.clone().map(|state| ("state", state)));
        redirect::answer(back, &parameters)
    }
}

fn declined() -> Refusal {
    let text = "User declined to consent to access the app.";
    Refusal::new("access_denied", 65_004, text).cancelled()
}

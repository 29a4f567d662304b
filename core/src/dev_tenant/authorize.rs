//! `GET` and `POST /{tenant}/oauth2/v2.0/authorize`: the request is read, and the person asked.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow"; RFC 6749 section 4.1.1
//! and RFC 7636. While the client or the redirect URI is in doubt, errors are told on a page; after
//! that, by a redirect.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    CLIENT_ID, DevTenant, ResourcePolicy,
    call::Call,
    metadata::Tenant,
    pages,
    people::Standing,
    redirect,
    refusal::Refusal,
    scope::Scopes,
    vault::{Challenge, Code, Sealed, SignIn},
};
use crate::http::form::Form;

/// How long a person may take on the pages, in seconds.
const DIALOG_SECONDS: u64 = 3600;

/// A request to sign in that may go on: in a hidden field of the pages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) back: Back,
    scope: String,
    nonce: Option<String>,
    challenge: Option<Challenge>,
    client_info: bool,
    wants_auth_time: bool,
    takes_challenges: bool,
    has_claims_challenge: bool,
    prompt: Prompt,
    login_hint: Option<String>,
    began: u64,
    /// The address that began it, to begin again.
    again: String,
    /// Who signed in, once that is known: the request is then at the consent page.
    signed_in: Option<SignIn>,
}

impl Sealed for Request {
    const PREFIX: &'static str = "0.Q";
}

/// How the answer gets back to the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Back {
    pub(super) redirect_uri: String,
    pub(super) mode: redirect::Mode,
    pub(super) state: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Prompt {
    /// Nothing was said: whoever is signed in goes on.
    Unsaid,
    None,
    Login,
    SelectAccount,
    Consent,
}

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

    /// What has to be right before an error may be sent anywhere.
    fn read_back(&self, tenant: &str, call: &Call<'_>) -> Result<Back, Refusal> {
        let form = call.parameters();
        let one = |name| form.one(name).map_err(|error| Refusal::repeated(&error.0));
        let known =
            Tenant::parse(tenant).ok_or_else(|| Refusal::no_tenant("invalid_request", tenant))?;
        let client_id = one("client_id")?.ok_or_else(|| Refusal::missing("client_id"))?;
        if !client_id.eq_ignore_ascii_case(CLIENT_ID) {
            return Err(Refusal::unknown_client(client_id));
        }
        let redirect_uri = one("redirect_uri")?.ok_or_else(|| {
            Refusal::new("invalid_request", 900_971, "No reply address provided.")
        })?;
        if !self.is_registered(redirect_uri) {
            let text = format!(
                "The redirect URI '{redirect_uri}' specified in the request does not match the \
                 redirect URIs configured for the application '{CLIENT_ID}'. Make sure the \
                 redirect URI sent in the request matches one added to your application in the \
                 Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more \
                 about how to troubleshoot."
            );
            return Err(Refusal::new("invalid_request", 50_011, text));
        }
        if known != Tenant::This {
            return Err(Refusal::single_tenant());
        }
        let mode = redirect::Mode::parse(one("response_mode")?);
        let state = one("state")?.map(str::to_owned);
        Ok(Back {
            redirect_uri: redirect_uri.to_owned(),
            mode: mode.unwrap_or(redirect::Mode::Query),
            state,
        })
    }

    /// The rest, whose errors the client is told.
    fn read_request(&self, back: Back, call: &Call<'_>) -> Result<Request, Refusal> {
        let form = call.parameters();
        if let Some(repeated) = form.repeated(&["resource"]) {
            return Err(Refusal::repeated(&repeated.0));
        }
        let one = |name| form.one(name).ok().flatten();
        check_response(one("response_type"), one("response_mode"))?;
        let scope = one("scope").ok_or_else(|| Refusal::missing("scope"))?;
        if form.all("resource").next().is_some() {
            self.check_resource()?;
        }
        Scopes::parse(scope, &self.config.origin)?;
        let claims = one("claims");
        Ok(Request {
            back,
            scope: scope.to_owned(),
            nonce: one("nonce").map(str::to_owned),
            challenge: read_challenge(form)?,
            client_info: one("client_info") == Some("1"),
            wants_auth_time: one("max_age").is_some(),
            takes_challenges: claims.is_some_and(declares_cp1),
            has_claims_challenge: claims.is_some_and(answers_challenge),
            prompt: read_prompt(one("prompt"))?,
            login_hint: one("login_hint").map(str::to_owned),
            began: call.now,
            again: again(call),
            signed_in: None,
        })
    }

    /// RFC 8707's parameter, which an MCP client sends and Entra does not want.
    pub(super) fn check_resource(&self) -> Result<(), Refusal> {
        match self.settings.resource_policy {
            ResourcePolicy::Enforce2026 => Err(Refusal::resource_mismatch()),
            ResourcePolicy::Reject901002 => Err(Refusal::resource_unsupported()),
            ResourcePolicy::Ignore => Ok(()),
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

impl Request {
    /// Whether who is signed in already is who the client hints at.
    fn is_for(&self, sign_in: &SignIn, directory: &super::people::Directory) -> bool {
        let Some(hint) = &self.login_hint else {
            return true;
        };
        let hinted = directory.by_username(hint);
        hinted.is_some_and(|account| account.person.oid == sign_in.oid)
    }
}

fn declined() -> Refusal {
    let text = "User declined to consent to access the app.";
    Refusal::new("access_denied", 65_004, text).cancelled()
}

fn check_response(kind: Option<&str>, mode: Option<&str>) -> Result<(), Refusal> {
    match kind {
        None => return Err(Refusal::missing("response_type")),
        Some("code") => {}
        Some(other) => {
            let text = format!("response_type '{other}' is not enabled for the application.");
            return Err(Refusal::new("unsupported_response_type", 700_054, text));
        }
    }
    if mode.is_some() && redirect::Mode::parse(mode).is_none() {
        return Err(unsupported_value("response_mode"));
    }
    Ok(())
}

fn unsupported_value(name: &str) -> Refusal {
    let text = format!("Unsupported '{name}' value.");
    Refusal::new("invalid_request", 90_023, text)
}

fn read_prompt(prompt: Option<&str>) -> Result<Prompt, Refusal> {
    match prompt {
        None => Ok(Prompt::Unsaid),
        Some("none") => Ok(Prompt::None),
        Some("login") => Ok(Prompt::Login),
        Some("select_account") => Ok(Prompt::SelectAccount),
        Some("consent") => Ok(Prompt::Consent),
        Some(_) => Err(unsupported_value("prompt")),
    }
}

/// PKCE is optional for a web application, and `plain` if the method is left out.
fn read_challenge(form: &Form) -> Result<Option<Challenge>, Refusal> {
    let one = |name| form.one(name).ok().flatten();
    let Some(challenge) = one("code_challenge") else {
        return Ok(None);
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&challenge.len()) || !challenge.bytes().all(allowed) {
        let text = "Missing/invalid code_challenge: its size is between 43 and 128 characters.";
        return Err(Refusal::new("invalid_request", 50_147, text));
    }
    match one("code_challenge_method") {
        None | Some("plain") => Ok(Some(Challenge::Plain(challenge.to_owned()))),
        Some("S256") => Ok(Some(Challenge::S256(challenge.to_owned()))),
        Some(_) => {
            let text = "The code_challenge_method is not supported: it is 'plain' or 'S256'.";
            Err(Refusal::new("invalid_request", 501_491, text))
        }
    }
}

/// Whether a `claims` parameter declares that claims challenges can be taken.
pub(super) fn declares_cp1(claims: &str) -> bool {
    let claims: serde_json::Value = serde_json::from_str(claims).unwrap_or_default();
    let values = claims.pointer("/access_token/xms_cc/values");
    let values = values.and_then(serde_json::Value::as_array);
    values.is_some_and(|values| {
        let mut texts = values.iter().filter_map(serde_json::Value::as_str);
        texts.any(|text| text.eq_ignore_ascii_case("cp1"))
    })
}

/// Whether a `claims` parameter repeats what a claims challenge asked for.
fn answers_challenge(claims: &str) -> bool {
    let claims: serde_json::Value = serde_json::from_str(claims).unwrap_or_default();
    let is_there = |name| claims.pointer(name).is_some();
    is_there("/access_token/polids") || is_there("/access_token/acrs")
}

/// The address of a request, to begin it again.
fn again(call: &Call<'_>) -> String {
    let parameters = call.parameters().iter();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.filter(|(name, _)| *name != "prompt"));
    query.append_pair("prompt", "select_account");
    format!("{}?{}", call.path, query.finish())
}

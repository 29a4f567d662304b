//! An authorization request: reading it, and carrying it through the pages.
//!
//! Source: Microsoft identity platform, "OAuth 2.0 authorization code flow"; RFC 6749 section 4.1.1
//! and RFC 7636. It travels in a hidden field, sealed, so that the tenant stores nothing.

use entra_mcp_wire::form::Form;
use serde::{Deserialize, Serialize};

use super::{
    DevTenant, ResourcePolicy,
    aadsts_error::AadstsError,
    client::Client,
    directory::Directory,
    metadata::Tenant,
    request_context::RequestContext,
    response_mode::ResponseMode,
    scope::Scopes,
    sealed::{Challenge, Sealed, SignIn, Wanted},
};

/// A request to sign in that may go on: in a hidden field of the pages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) client: Client,
    pub(super) redirect: RedirectTarget,
    /// The tenant, as in the address.
    pub(super) authority: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
    pub(super) client_info: bool,
    pub(super) wants_auth_time: bool,
    pub(super) takes_challenges: bool,
    pub(super) wanted: Wanted,
    pub(super) prompt: Prompt,
    pub(super) login_hint: Option<String>,
    pub(super) began: u64,
    /// The address that began it, to begin again.
    pub(super) again: String,
    /// Who signed in, once that is known: the request is then at the consent page.
    pub(super) signed_in: Option<SignIn>,
}

impl Sealed for Request {
    const PREFIX: &'static str = "0.Q";
}

/// How the answer gets back to the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RedirectTarget {
    pub(super) redirect_uri: String,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Prompt {
    /// No `prompt`: a user who is signed in is not asked again.
    Unsaid,
    None,
    Login,
    SelectAccount,
    Consent,
}

impl DevTenant {
    /// What has to be right before an error may be sent anywhere.
    pub(super) fn read_back(
        &self,
        tenant: &str,
        cx: &RequestContext<'_>,
    ) -> Result<(Client, Tenant, RedirectTarget), AadstsError> {
        let form = cx.parameters();
        let one = |name| {
            form.one(name)
                .map_err(|error| AadstsError::repeated(&error.0))
        };
        let known = Tenant::parse(tenant)
            .ok_or_else(|| AadstsError::no_tenant("invalid_request", tenant))?;
        let client_id = one("client_id")?.ok_or_else(|| AadstsError::missing("client_id"))?;
        let client = Client::find(client_id)?;
        if !client.has_users() {
            let text = format!("Application '{client_id}' signs in no users.");
            return Err(AadstsError::new("unauthorized_client", 700_016, text));
        }
        let redirect_uri = one("redirect_uri")?.ok_or_else(|| {
            AadstsError::new("invalid_request", 900_971, "No reply address provided.")
        })?;
        if !self.is_registered(client, redirect_uri) {
            let text = format!(
                "The redirect URI '{redirect_uri}' specified in the request does not match the \
                 redirect URIs configured for the application '{client_id}'. Make sure the \
                 redirect URI sent in the request matches one added to your application in the \
                 Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more \
                 about how to troubleshoot."
            );
            return Err(AadstsError::new("invalid_request", 50_011, text));
        }
        self.check_authority(known)?;
        let mode = ResponseMode::parse(one("response_mode")?);
        let state = one("state")?.map(str::to_owned);
        let redirect = RedirectTarget {
            redirect_uri: redirect_uri.to_owned(),
            mode: mode.unwrap_or(ResponseMode::Query),
            state,
        };
        Ok((client, known, redirect))
    }

    /// The rest, whose errors the client receives.
    pub(super) fn read_request(
        &self,
        client: Client,
        authority: Tenant,
        redirect: RedirectTarget,
        cx: &RequestContext<'_>,
    ) -> Result<Request, AadstsError> {
        let form = cx.parameters();
        if let Some(repeated) = form.repeated(&["resource"]) {
            return Err(AadstsError::repeated(&repeated.0));
        }
        let one = |name| form.one(name).ok().flatten();
        check_response(one("response_type"), one("response_mode"))?;
        let scope = one("scope").ok_or_else(|| AadstsError::missing("scope"))?;
        // One that is no resource's is worse than one that is another's.
        let scopes = self.scopes_for(client, scope);
        self.check_resource(form, scopes.as_ref().ok())?;
        scopes?;
        let claims = one("claims");
        Ok(Request {
            client,
            redirect,
            authority: authority.segment().to_owned(),
            scope: scope.to_owned(),
            nonce: one("nonce").map(str::to_owned),
            challenge: read_challenge(form)?,
            client_info: one("client_info") == Some("1"),
            wants_auth_time: one("max_age").is_some(),
            takes_challenges: claims.is_some_and(declares_cp1),
            wanted: claims.map(wanted).unwrap_or_default(),
            prompt: read_prompt(one("prompt"))?,
            login_hint: one("login_hint").map(str::to_owned),
            began: cx.now,
            again: again(cx),
            signed_in: None,
        })
    }

    /// RFC 8707's parameter, which an MCP client sends.
    pub(super) fn check_resource(
        &self,
        form: &Form,
        scopes: Option<&Scopes>,
    ) -> Result<(), AadstsError> {
        let mut resources = form.all("resource").peekable();
        if resources.peek().is_none() {
            return Ok(());
        }
        match self.settings.resource_policy {
            ResourcePolicy::Enforce2026 => {
                match resources.all(|resource| self.is_resource_of(resource, scopes)) {
                    true => Ok(()),
                    false => Err(AadstsError::resource_mismatch()),
                }
            }
            ResourcePolicy::Reject901002 => Err(AadstsError::resource_unsupported()),
            ResourcePolicy::Ignore => Ok(()),
        }
    }
}

impl Request {
    /// Where it came to.
    pub(super) fn authority(&self) -> Tenant {
        Tenant::parse(&self.authority).unwrap_or(Tenant::HOME)
    }

    /// Whether who is signed in already is who the client hints at.
    pub(super) fn is_for(&self, sign_in: &SignIn, directory: &Directory) -> bool {
        let account = directory.by_oid(&sign_in.oid);
        if !account.is_some_and(|account| self.authority().admits(account.user)) {
            return false;
        }
        let Some(hint) = &self.login_hint else {
            return true;
        };
        let hinted = directory.by_username(hint);
        hinted.is_some_and(|account| account.user.oid == sign_in.oid)
    }
}

fn check_response(kind: Option<&str>, mode: Option<&str>) -> Result<(), AadstsError> {
    match kind {
        None => return Err(AadstsError::missing("response_type")),
        Some("code") => {}
        Some(other) => {
            let text = format!("response_type '{other}' is not enabled for the application.");
            return Err(AadstsError::new("unsupported_response_type", 700_054, text));
        }
    }
    if mode.is_some() && ResponseMode::parse(mode).is_none() {
        return Err(unsupported_value("response_mode"));
    }
    Ok(())
}

fn unsupported_value(name: &str) -> AadstsError {
    let text = format!("Unsupported '{name}' value.");
    AadstsError::new("invalid_request", 90_023, text)
}

fn read_prompt(prompt: Option<&str>) -> Result<Prompt, AadstsError> {
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
fn read_challenge(form: &Form) -> Result<Option<Challenge>, AadstsError> {
    let one = |name| form.one(name).ok().flatten();
    let Some(challenge) = one("code_challenge") else {
        return Ok(None);
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&challenge.len()) || !challenge.bytes().all(allowed) {
        let text = "Missing/invalid code_challenge: its size is between 43 and 128 characters.";
        return Err(AadstsError::new("invalid_request", 50_147, text));
    }
    match one("code_challenge_method") {
        None | Some("plain") => Ok(Some(Challenge::Plain(challenge.to_owned()))),
        Some("S256") => Ok(Some(Challenge::S256(challenge.to_owned()))),
        Some(_) => {
            let text = "The code_challenge_method is not supported: it is 'plain' or 'S256'.";
            Err(AadstsError::new("invalid_request", 501_491, text))
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

/// What a `claims` parameter wants of the sign-in.
pub(super) fn wanted(claims: &str) -> Wanted {
    let claims: serde_json::Value = serde_json::from_str(claims).unwrap_or_default();
    let of = |token| claims.pointer(token).and_then(serde_json::Value::as_object);
    let acrs = [of("/access_token/acrs"), of("/id_token/acrs")];
    let acrs = acrs.into_iter().flatten();
    let contexts: Vec<_> = acrs
        .flat_map(|acrs| {
            let one = acrs.get("value").into_iter();
            let several = acrs.get("values").and_then(serde_json::Value::as_array);
            one.chain(several.into_iter().flatten())
        })
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    Wanted {
        is_challenge: of("/access_token/polids").is_some() || !contexts.is_empty(),
        contexts,
    }
}

/// The address of a request, to begin it again.
fn again(cx: &RequestContext<'_>) -> String {
    let parameters = cx.parameters().iter();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.filter(|(name, _)| *name != "prompt"));
    query.append_pair("prompt", "select_account");
    format!("{}?{}", cx.path, query.finish())
}

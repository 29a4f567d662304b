//! GET /authorize: the authorization endpoint (RFC 6749 section 4.1.1, RFC 7636, RFC 8707).
//!
//! The client and its redirect URI are checked first. Until both are known to be good, an error is shown on a
//! page, without a redirect and without a link to the address (threat B4). From then on it is the client's,
//! as RFC 6749 section 4.1.2.1 has it; but the browser goes to a web site at once only if its user has approved
//! that client before (threat B6): anybody may register a site.
//!
//! Asking changes nothing: a client may look at the address before the browser does, and a page may
//! be loaded twice.

mod error_page;

pub(crate) use self::error_page::{ClientError, ErrorPage};
use super::{
    authorization_request::{AuthorizationRequest, RedirectTarget},
    client::Client,
    error::{OAuthError, Refusal},
    resource,
};
use crate::{
    catalog::scope::Scope,
    client_document::DocumentError,
    client_id_url::{self, ClientIdUrl},
    config::PreregisteredClient,
    env::Env,
    http::form::Form,
    limits,
    redirect_uri::RedirectUri,
};

/// A request that was found good, and who asks.
#[derive(Debug)]
pub(crate) struct ValidatedRequest {
    pub(crate) client: Client,
    /// What it asks for.
    pub(crate) request: AuthorizationRequest,
    /// Whether it wants the user to be asked, approved or not: `prompt=consent`.
    pub(crate) must_ask: bool,
}

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum AuthorizeError {
    /// It is not known where an answer could go.
    Page(ErrorPage),
    /// The answer goes to the client.
    Client(ClientError),
}

/// Who asks, as the `client_id` says.
#[derive(Debug)]
pub(crate) enum NamedClient {
    /// It registered itself, or the operator did; or its document is pinned.
    Known(Client),
    /// It is described by the document at this URL.
    OfDocument(ClientIdUrl),
}

/// Finds out who asks. A document is asked for only where the answer could go to the redirect URI at all.
pub(crate) fn client_of(form: &Form, env: Env<'_>) -> Result<NamedClient, ErrorPage> {
    let id = form.one("client_id").ok().flatten();
    let id = id.ok_or(ErrorPage::UnknownClient)?;
    if let Some(listed) = env.clients.of_id(id) {
        return Ok(NamedClient::Known(Client::of_preregistration(listed)));
    }
    if !env.server.config.registration.is_possible() {
        let redirect_uri = form.one("redirect_uri").ok().flatten();
        let place = redirect_uri.and_then(RedirectUri::parse);
        return Err(ErrorPage::NotAdmitted(
            place.map(|uri| uri.place().to_owned()),
        ));
    }
    if !id.starts_with(client_id_url::SCHEME) {
        let client = Client::of_id(id, &env.server.keys);
        return client
            .map(NamedClient::Known)
            .ok_or(ErrorPage::UnknownClient);
    }
    let documents = &env.server.config.client_documents;
    if !documents.are_used() {
        return Err(ErrorPage::UnknownClient);
    }
    let url = ClientIdUrl::parse(id).ok_or(ErrorPage::ClientIdUrl)?;
    let redirect_uri = form
        .one("redirect_uri")
        .map_err(|_| ErrorPage::RedirectUri)?;
    if let Some(uri) = redirect_uri {
        let uri = RedirectUri::parse(uri).ok_or(ErrorPage::RedirectUri)?;
        let config = &env.server.config;
        if !config.admits(&uri, Some(&url)) {
            return Err(ErrorPage::NotAdmitted(Some(uri.place().to_owned())));
        }
    }
    let pinned = documents
        .pinned(&url)
        .map(|(document, seen)| Client::of_document(&url, &document, Some(seen)));
    match pinned {
        // The site may have changed its document since.
        Some(client) if client.redirect_uri(redirect_uri).is_some() || !documents.are_fetched() => {
            Ok(NamedClient::Known(client))
        }
        _ if documents.are_fetched() => Ok(NamedClient::OfDocument(url)),
        _ => Err(ErrorPage::Document(DocumentError::NotPinned)),
    }
}

/// Checks the request of a client.
pub(crate) fn read(
    form: &Form,
    client: Client,
    env: Env<'_>,
) -> Result<ValidatedRequest, AuthorizeError> {
    let redirect_uri = redirect_uri(form, &client, env).map_err(AuthorizeError::Page)?;
    // A state given twice is none; the repetition itself is refused below.
    let state = form.one("state").unwrap_or_default();
    if state.is_some_and(|state| state.len() > limits::STATE_BYTES || state.contains('\u{fffd}')) {
        return Err(AuthorizeError::Page(ErrorPage::State));
    }
    let redirect_target = RedirectTarget {
        redirect_uri,
        state: state.map(str::to_owned),
    };
    match validate(form, &client, env) {
        Ok((code_challenge, resource, scope)) => Ok(ValidatedRequest {
            must_ask: prompts(form).any(|prompt| prompt == "consent"),
            request: AuthorizationRequest {
                client: client.hash(),
                redirect_target,
                code_challenge,
                resource,
                scope,
            },
            client,
        }),
        Err(refusal) => Err(AuthorizeError::Client(ClientError {
            client: client.hash(),
            redirect_target,
            refusal,
        })),
    }
}

/// Where the answer goes: to a URI that the client registered, or that is listed for it.
fn redirect_uri(form: &Form, client: &Client, env: Env<'_>) -> Result<RedirectUri, ErrorPage> {
    let requested = form
        .one("redirect_uri")
        .map_err(|_| ErrorPage::RedirectUri)?;
    let known = client.redirect_uri(requested);
    let config = &env.server.config;
    let known = known.filter(|uri| !uri.is_of(&config.public_url) || config.has_code_page_at(uri));
    match client.preregistration() {
        Some(listed) => known.ok_or_else(|| {
            let uri = requested.and_then(RedirectUri::parse);
            uri.map_or(ErrorPage::RedirectUri, |uri| {
                ErrorPage::NotListed(Box::new((listed.id.clone(), uri)))
            })
        }),
        // Checked again: a client_id may be older than what the operator allows now.
        None => {
            let uri = known.ok_or(ErrorPage::RedirectUri)?;
            let document = client.document();
            if config.admits(&uri, document.as_ref()) {
                Ok(uri)
            } else {
                Err(ErrorPage::NotAdmitted(Some(uri.place().to_owned())))
            }
        }
    }
}

/// Checks what is left once it is known where to answer.
fn validate(
    form: &Form,
    client: &Client,
    env: Env<'_>,
) -> Result<(Option<String>, String, Scope), Refusal> {
    // Whoever reads the first and whoever reads the last must not differ (threat B8).
    if let Some(repeated) = form.repeated(&["resource"]) {
        return Err(repeated.into());
    }
    let invalid = |description| Refusal::new(OAuthError::InvalidRequest, description);
    // Request objects: nothing is fetched, nothing in them is believed (threat C10).
    if form.one("request")?.is_some() {
        let error = OAuthError::RequestNotSupported;
        return Err(Refusal::new(error, "Request objects are not supported."));
    }
    if form.one("request_uri")?.is_some() {
        let error = OAuthError::RequestUriNotSupported;
        return Err(Refusal::new(error, "Request objects are not supported."));
    }
    match form.one("response_type")? {
        Some("code") => {}
        Some(_) => {
            let error = OAuthError::UnsupportedResponseType;
            return Err(Refusal::new(error, "Only response_type=code is served."));
        }
        None => return Err(invalid("response_type=code is missing.")),
    }
    if form
        .one("response_mode")?
        .is_some_and(|mode| mode != "query")
    {
        return Err(invalid("Only response_mode=query is served."));
    }
    let code_challenge = code_challenge(form, client)?;
    // Entra is told of none of them: clients force `consent`, which many tenants refuse. Somebody must be there to
    // choose an account, so `none` cannot be granted (threat A9).
    if prompts(form).any(|prompt| prompt == "none") {
        let error = OAuthError::InteractionRequired;
        return Err(Refusal::new(error, "A user must be asked."));
    }
    let allowed = client
        .preregistration()
        .map(|listed| listed.scopes.as_slice());
    let scopes = &env.server.scopes;
    let scope = scopes.grant_of(form.one("scope")?, allowed.unwrap_or_default())?;
    let resource = resource::choose(form.all("resource"), &env.server.config.public_url)?;
    Ok((code_challenge, resource.to_owned(), scope))
}

/// The values of `prompt` (OpenID Connect Core section 3.1.2.1).
fn prompts(form: &Form) -> impl Iterator<Item = &str> {
    form.all("prompt").flat_map(|values| values.split(' '))
}

/// The challenge of PKCE. Without one, if a client may leave it out that proves itself by a secret.
fn code_challenge(form: &Form, client: &Client) -> Result<Option<String>, Refusal> {
    let invalid = |description| Refusal::new(OAuthError::InvalidRequest, description);
    let (challenge, method) = (
        form.one("code_challenge")?,
        form.one("code_challenge_method")?,
    );
    let may_omit = client
        .preregistration()
        .is_some_and(PreregisteredClient::may_omit_pkce);
    match (challenge, method) {
        (None, None) if may_omit => Ok(None),
        (None, _) => Err(invalid("PKCE is required: code_challenge is missing.")),
        (Some(challenge), Some("S256")) if is_s256(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => {
            Err(invalid("code_challenge is not 43 characters of base64url."))
        }
        // Absent means `plain` (RFC 7636 section 4.3), so absence is refused too.
        (Some(_), _) => Err(invalid("PKCE is required with code_challenge_method=S256.")),
    }
}

/// Whether a challenge is one that S256 can make: 32 bytes as base64url (RFC 7636 section 4.2).
fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests;

//! GET /authorize: the authorization endpoint (RFC 6749 section 4.1.1, RFC 7636, RFC 8707).
//!
//! The client and its redirect URI are judged first. Until both are known to be good, what is wrong
//! is told on a page, without a redirect and without a link to the address (threat B4). From
//! then on it is told to the client by a redirect, as RFC 6749 section 4.1.2.1 has it. That a
//! stranger may register its own site and be redirected to by such an error (threat B6) is
//! borne: the redirect carries nothing, and clients wait for it.
//!
//! Asking changes nothing: a client may look at the address before the browser does, and a page may
//! be loaded twice.

use ::http::{Response, StatusCode, Uri};
use bytes::Bytes;

use super::{
    authorization_request::{AuthorizationRequest, RedirectTarget},
    client::Client,
    error::{OAuthError, Refusal},
    resource,
};
use crate::{
    catalog::scope::Scope,
    client_setup,
    env::Env,
    http::form::Form,
    limits,
    pages::{
        self,
        html::{Html, Slot},
    },
};

/// A request that was found good, and who asks.
#[derive(Debug)]
pub(crate) struct ValidatedRequest {
    /// The client.
    pub(crate) client: Client,
    /// What it asks for.
    pub(crate) request: AuthorizationRequest,
}

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum AuthorizeError {
    /// It is not known where an answer could go: the user is told.
    Page(ErrorPage),
    /// The client is told.
    Redirect(RedirectTarget, Refusal),
}

/// What a user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPage {
    /// There is no client of this id.
    UnknownClient,
    /// The redirect URI is not one of the client's.
    RedirectUri,
    /// The `state` is too long to be returned, or is not text.
    State,
}

/// Judges a request.
pub(crate) fn read(uri: &Uri, env: Env<'_>) -> Result<ValidatedRequest, AuthorizeError> {
    let form = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let client = form
        .one("client_id")
        .ok()
        .flatten()
        .and_then(|id| Client::of_id(id, &env.server.keys))
        .ok_or(AuthorizeError::Page(ErrorPage::UnknownClient))?;
    let redirect_uri = form
        .one("redirect_uri")
        .ok()
        .and_then(|requested| client.redirect_uri(requested))
        // Judged again: a client_id may be older than what the operator allows now.
        .filter(|redirect_uri| redirect_uri.is_allowed_by(&env.server.config))
        .ok_or(AuthorizeError::Page(ErrorPage::RedirectUri))?;
    // A state given twice is none; the repetition itself is refused below.
    let state = form.one("state").unwrap_or_default();
    if state.is_some_and(|state| state.len() > limits::STATE_BYTES || state.contains('\u{fffd}')) {
        return Err(AuthorizeError::Page(ErrorPage::State));
    }
    let redirect_target = RedirectTarget {
        redirect_uri,
        state: state.map(str::to_owned),
    };
    match validate(&form, env) {
        Ok((code_challenge, resource, scope)) => Ok(ValidatedRequest {
            request: AuthorizationRequest {
                client: client.hash(),
                redirect_target,
                code_challenge,
                resource,
                scope,
            },
            client,
        }),
        Err(refusal) => Err(AuthorizeError::Redirect(redirect_target, refusal)),
    }
}

/// Judges what is left once it is known where to answer.
fn validate(form: &Form, env: Env<'_>) -> Result<(String, String, Scope), Refusal> {
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
    let code_challenge = match form.one("code_challenge")? {
        Some(challenge) if is_s256(challenge) => challenge.to_owned(),
        Some(_) => return Err(invalid("code_challenge is not 43 characters of base64url.")),
        None => return Err(invalid("PKCE is required: code_challenge is missing.")),
    };
    // Absent means `plain` (RFC 7636 section 4.3), so absence is refused too.
    if form.one("code_challenge_method")? != Some("S256") {
        return Err(invalid("PKCE is required with code_challenge_method=S256."));
    }
    // Of `prompt` only `none` says something; the rest is dropped: clients force `consent`, which
    // many tenants refuse. Somebody must be there to choose an account, so `none` cannot be granted
    // (threat A9).
    let prompt = form.one("prompt")?.unwrap_or_default();
    if prompt.split(' ').any(|value| value == "none") {
        let error = OAuthError::InteractionRequired;
        return Err(Refusal::new(error, "A user must be asked."));
    }
    let scope = env.server.scopes.grant(form.one("scope")?)?;
    let resource = resource::choose(form.all("resource"), &env.server.config.public_url)?;
    Ok((code_challenge, resource.to_owned(), scope))
}

/// Whether a challenge is one that S256 can make: 32 bytes as base64url (RFC 7636 section 4.2).
fn is_s256(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl ErrorPage {
    /// The page. It repeats nothing that was sent.
    pub(crate) fn page(self, request_id: &str, env: Env<'_>) -> Response<Bytes> {
        let (title, text) = match self {
            Self::UnknownClient => return unknown_client(request_id, env),
            Self::RedirectUri => (
                "This client wants to return to an address it did not register",
                "So that your sign-in cannot be sent to somebody else, it stops here. Close this \
                 page. If you have just updated or moved the client, let it forget this server and \
                 sign in again.",
            ),
            Self::State => (
                "The client sent a request that cannot be answered",
                "Its state is too long or is not text. Close this page and tell the makers of the \
                 client.",
            ),
        };
        pages::error(StatusCode::BAD_REQUEST, title, text, request_id)
    }

    /// The same for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown client",
            Self::RedirectUri => "redirect URI not registered",
            Self::State => "state too long or no text",
        }
    }
}

/// Clients keep an id that is not good any more for ever, so the page says how each is made to
/// forget it.
fn unknown_client(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let mut ways = Html::default();
    for told in client_setup::clients(&env.server.config.public_url) {
        let slots = [
            ("client", Slot::Text(told.client)),
            ("forget", Slot::Text(told.forget)),
        ];
        ways.push(&Html::fill(
            "<li><strong>{client}:</strong> {forget}</li>\n",
            &slots,
        ));
    }
    let more = Html::fill(
        "<h2>How to make a client forget</h2>\n<ul>\n{ways}</ul>",
        &[("ways", Slot::Html(&ways))],
    );
    pages::error_with(
        StatusCode::BAD_REQUEST,
        "This server does not know the client",
        "The client uses a registration that this server did not give, or gave before its key was \
         changed. Let the client forget it, then connect again: it will register anew by itself.",
        &more,
        request_id,
    )
}

#[cfg(test)]
mod tests;

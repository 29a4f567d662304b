//! POST /token: a code or a refresh token in, a session token out (RFC 6749 sections 3.2, 4.1.3
//! and 6).
//!
//! The client is authenticated before anything else of the request is looked at. Every reason why
//! a code or a refresh token is no good is answered alike (threat E10).

mod code_grant;
mod device_grant;
mod refresh_grant;
mod response;
pub(super) mod signed_client;
#[cfg(test)]
mod tests;

use ::http::{HeaderMap, Request, header};
use bytes::Bytes;

pub(crate) use self::device_grant::GRANT_TYPE as DEVICE_GRANT_TYPE;
pub(super) use self::response::{fail, refuse};
use self::{
    code_grant::CodeGrant,
    device_grant::DeviceGrant,
    refresh_grant::RefreshGrant,
    signed_client::{Proven, SignedClient},
};
use super::{
    client::{AuthenticatedClient, Client},
    client_assertion::ClientAssertion,
    device_code,
    error::{OAuthError, Refusal},
    opaque_token,
};
use crate::{
    config::ClientAddress,
    event::Answer,
    http::form::Form,
    step::{Cx, Progress},
};

/// The states: those of one grant or the other.
#[derive(Debug)]
pub(crate) enum Token {
    /// The client proves who it is by a signature.
    Signed(Box<SignedClient>),
    /// `authorization_code`.
    Code(Box<CodeGrant>),
    /// `refresh_token`.
    Refresh(Box<RefreshGrant>),
    /// The device grant, until it has its code.
    Device(Box<DeviceGrant>),
}

impl Token {
    /// Reads the request, authenticates the client and begins the grant.
    pub(crate) fn start(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        match Self::of(request, address, cx) {
            Ok(next) => next,
            Err(refusal) => refuse(refusal, cx),
        }
    }

    fn of(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let form = read_form(request)?;
        if let Some(assertion) = ClientAssertion::of(&form, request.headers(), cx.env)? {
            let has_something = has_something(&form, cx);
            let signed = SignedClient::start(form, assertion, address, has_something, cx);
            return Ok(Self::after_proof(signed, cx));
        }
        let client = Client::authenticate(&form, request.headers(), cx.env)?;
        Self::grant(&form, client, cx)
    }

    /// Goes on once the client has proven who it is.
    fn after_proof(progress: Progress<SignedClient, Proven>, cx: &mut Cx<'_>) -> Progress<Self> {
        let granted = match progress {
            Progress::Pending(signed) => return Progress::Pending(Self::Signed(Box::new(signed))),
            Progress::Ready(Ok((client, form))) => Self::grant(&form, client, cx),
            Progress::Ready(Err(refusal)) => Err(refusal),
        };
        granted.unwrap_or_else(|refusal| refuse(refusal, cx))
    }

    fn grant(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        if !client.is_admitted(cx.env) {
            return Err(Refusal::new(
                OAuthError::InvalidClient,
                "This server lets in only clients that its operator has registered.",
            ));
        }
        match form.one("grant_type")? {
            Some("authorization_code") => CodeGrant::start(form, client, cx)
                .map(|next| next.map_pending(|grant| Self::Code(Box::new(grant)))),
            Some("refresh_token") => RefreshGrant::start(form, client, cx)
                .map(|next| next.map_pending(|grant| Self::Refresh(Box::new(grant)))),
            Some(device_grant::GRANT_TYPE) if cx.env.server.config.device_authorization => {
                DeviceGrant::start(form, client, cx)
                    .map(|next| next.map_pending(|grant| Self::Device(Box::new(grant))))
            }
            Some(_) => Err(Refusal::new(
                OAuthError::UnsupportedGrantType,
                "This grant is not served here: see grant_types_supported.",
            )),
            None => Err(Refusal::new(
                OAuthError::InvalidRequest,
                "grant_type is missing.",
            )),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Signed(signed) => Self::after_proof(signed.handle(answer, cx), cx),
            Self::Code(grant) => grant
                .handle(answer, cx)
                .map_pending(|grant| Self::Code(Box::new(grant))),
            Self::Refresh(grant) => grant
                .handle(answer, cx)
                .map_pending(|grant| Self::Refresh(Box::new(grant))),
            Self::Device(grant) => match grant.handle(answer, cx) {
                Progress::Pending(grant) => Progress::Pending(Self::Device(Box::new(grant))),
                Progress::Ready(next) => next.map_pending(|grant| Self::Code(Box::new(grant))),
            },
        }
    }
}

/// The form of a request to the token or revocation endpoint: a form in the body, and nothing in
/// the query, where it would be logged (RFC 6749 section 3.2; threat E1).
pub(super) fn read_form(request: &Request<Bytes>) -> Result<Form, Refusal> {
    let invalid = |description| Refusal::new(OAuthError::InvalidRequest, description);
    if request.uri().query().is_some() {
        return Err(invalid(
            "Send the parameters in the body, not in the address.",
        ));
    }
    if !is_form(request.headers()) {
        return Err(invalid("Send a form: application/x-www-form-urlencoded."));
    }
    Ok(Form::parse(request.body()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether there is something to redeem that was given here, for which a host may be asked.
fn has_something(form: &Form, cx: &Cx<'_>) -> bool {
    let keys = &cx.env.server.keys;
    let has = |name| form.one(name).ok().flatten();
    has("code").is_some_and(|code| opaque_token::read_code(code, keys).is_some())
        || has("refresh_token")
            .is_some_and(|token| opaque_token::read_refresh_token(token, keys).is_some())
        || has("device_code").is_some_and(|code| device_code::read(code, keys).is_some())
}

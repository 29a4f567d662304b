//! POST /device_authorization: a device without a browser asks for a device code and a user code (RFC 8628 sections 3.1
//! and 3.2).
//!
//! The rest is an authorization request like any other: its client is returned to a page of this server, and its
//! `code_challenge` is made of the device code, which the device redeems as its verifier.

use ::http::{Request, Response, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::Serialize;

use super::{
    authorization_request::{AuthorizationRequest, RedirectTarget},
    client::Client,
    client_label::ClientLabel,
    error::{OAuthError, Refusal},
    length_prefixed, resource,
    token::{read_form, refuse},
};
use crate::{
    ask::Awaiting,
    config::{ClientAddress, PublicUrl},
    device_authorization::{self, UserCode},
    env::Env,
    event::Answer,
    http::response,
    hub::{BeginDeviceAuthorization, DeviceMessage, ToHubKind},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    redirect_uri::RedirectUri,
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
};

/// Where the browser of the device's user ends.
pub(crate) const RETURN_PATH: &str = "/device/return";

/// A device that is about to wait.
#[derive(Debug)]
pub(crate) struct DeviceAuthorizationRequest {
    device_code: Secret<String>,
    user_code: UserCode,
    begun: LogEvent,
    awaiting: Awaiting<BeginDeviceAuthorization>,
}

/// What a device asks for, and what its user is told of the client.
#[derive(Debug)]
pub(crate) struct DeviceRequest {
    pub(crate) request: AuthorizationRequest,
    pub(crate) client_label: ClientLabel,
}

impl DeviceRequest {
    fn pack(&self) -> Vec<u8> {
        length_prefixed::pack(&[&self.request.pack(), &self.client_label.pack()])
    }

    /// Reads what [`Self::pack`] wrote.
    pub(crate) fn unpack(bytes: &[u8], env: Env<'_>) -> Option<Self> {
        let [request, client_label] = length_prefixed::unpack(bytes)?;
        Some(Self {
            request: AuthorizationRequest::unpack(request, &env.server.scopes)?,
            client_label: ClientLabel::unpack(client_label)?,
        })
    }
}

/// Where the answer for a device goes: a page of this server, which gives it to the device.
pub(crate) fn redirect_target(
    user_code: UserCode,
    public_url: &PublicUrl,
) -> Option<RedirectTarget> {
    Some(RedirectTarget {
        redirect_uri: RedirectUri::parse(&public_url.join(RETURN_PATH))?,
        state: Some(user_code.to_string()),
    })
}

impl DeviceAuthorizationRequest {
    /// Reads the request and authenticates the client. `address` is where the device is.
    pub(crate) fn start(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        match Self::of(request, address, cx) {
            Ok(next) => Progress::Pending(next),
            Err(refusal) => refuse(refusal, cx),
        }
    }

    fn of(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Self, Refusal> {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let public_url = &server.config.public_url;
        if !server.config.device_authorization {
            let description = "Device authorization is not served here.";
            return Err(Refusal::new(OAuthError::InvalidRequest, description));
        }
        let form = read_form(request)?;
        let client = Client::authenticate(&form, request.headers(), cx.env)?;
        if !client.may_use_device(cx.env) {
            let description =
                "The operator of this server does not let this client in. Ask them to add it.";
            return Err(Refusal::new(OAuthError::InvalidClient, description));
        }
        let client_label = client.unverified_label(cx.env);
        let scope = server
            .scopes
            .grant_of(form.one("scope")?, client.allowed_scopes(cx.env))?;
        let resource = resource::choose(form.all("resource"), public_url)?.to_owned();
        let device_code = Secret::new(cx.entropy.token::<32>());
        let user_code = UserCode::new(cx.entropy);
        let hash = Hash::of(device_code.expose().as_bytes());
        let unserved = Refusal::new(OAuthError::ServerError, "This server has no page for that.");
        let asked = DeviceRequest {
            request: AuthorizationRequest {
                client: client.hash(),
                redirect_target: redirect_target(user_code, public_url).ok_or(unserved)?,
                code_challenge: Some(URL_SAFE_NO_PAD.encode(hash.0)),
                resource,
                scope,
            },
            client_label,
        };
        let begun = LogEvent::new(LogEventId::DeviceAuthorizationBegun);
        let mut begun = asked
            .client_label
            .describe(begun)
            .with(Field::Scope, asked.request.scope.to_string());
        if let Some(address) = address {
            begun = begun.with(Field::Address, address.to_string());
        }
        let authorization = device_authorization::DeviceAuthorization {
            device_code: hash.0,
            client: client.hash().0,
            request: asked.pack(),
            address,
            begun: now,
        };
        let awaiting = cx.ask_hub(|ticket| {
            ToHubKind::Device(DeviceMessage::Begin {
                ticket,
                user_code,
                authorization,
            })
        });
        Ok(Self {
            device_code,
            user_code,
            begun,
            awaiting,
        })
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        if !self.awaiting.into_answer(answer) {
            let refusal = Refusal {
                retry_after: Some(limits::DEVICE_CODE_LIFETIME.as_secs() / 10),
                ..Refusal::new(
                    OAuthError::TemporarilyUnavailable,
                    "Too many devices wait for their users. Please try again later.",
                )
            };
            return refuse(refusal, cx);
        }
        cx.log(self.begun);
        let public_url = &cx.env.server.config.public_url;
        let response = respond(&self.device_code, self.user_code, public_url);
        cx.done(response)
    }
}

/// There is no `verification_uri_complete`: a user who is sent a link by somebody else must not get further by opening it
/// (RFC 8628 section 5.4).
fn respond(
    device_code: &Secret<String>,
    user_code: UserCode,
    public_url: &PublicUrl,
) -> Response<Bytes> {
    #[derive(Serialize)]
    struct Body<'a> {
        device_code: &'a str,
        user_code: String,
        verification_uri: String,
        expires_in: u64,
        interval: u64,
    }
    let body = Body {
        device_code: device_code.expose(),
        user_code: user_code.to_string(),
        verification_uri: public_url.join("/device"),
        expires_in: limits::DEVICE_CODE_LIFETIME.as_secs(),
        interval: limits::DEVICE_POLL_INTERVAL.as_secs(),
    };
    response::json(StatusCode::OK, &body)
}

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
    client::{AuthenticatedClient, Client},
    client_assertion::{ClientAssertion, bad},
    client_label::ClientLabel,
    device_code,
    device_record::{self, AwaitingRecord, DeviceRecord},
    error::{OAuthError, Refusal},
    length_prefixed, resource,
    token::{
        fail, read_form, refuse,
        signed_client::{Proven, SignedClient, refusal_of},
    },
};
use crate::{
    ask::{Awaiting, StoreFault},
    config::{ClientAddress, PublicUrl},
    device_authorization::{DeviceName, UserCode},
    env::Env,
    event::Answer,
    fault::Fault,
    http::{form::Form, response},
    hub::{BeginDeviceAuthorization, Browser, DeviceMessage, NeedClientDocument, ToHubKind},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    redirect_uri::RedirectUri,
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
};

/// Where the browser of the device's user ends.
pub(crate) const RETURN_PATH: &str = "/device/return";

/// A device that wants to wait for its user.
#[derive(Debug)]
pub(crate) enum DeviceAuthorizationRequest {
    /// The client proves who it is by a signature.
    Signed(Box<SignedClient>, Option<ClientAddress>),
    /// Must the client sign? Its document says it.
    AwaitingDocument(Box<UnsignedRequest>, Awaiting<NeedClientDocument>),
    /// May one more wait?
    Beginning(Box<Beginning>, Awaiting<BeginDeviceAuthorization>),
    /// It is written into the store.
    Writing(Box<Beginning>, AwaitingRecord),
}

/// A request of a client that has not signed. The form may hold credentials and is not printed.
pub(crate) struct UnsignedRequest {
    form: Form,
    client: AuthenticatedClient,
    address: Option<ClientAddress>,
}

impl std::fmt::Debug for UnsignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnsignedRequest({:?})", self.client)
    }
}

/// A device that is about to wait.
#[derive(Debug)]
pub(crate) struct Beginning {
    device_code: Secret<String>,
    user_code: UserCode,
    begun: LogEvent,
    record: DeviceRecord,
}

/// What a device asks for, and what its user is told of the client.
#[derive(Debug)]
pub(crate) struct DeviceRequest {
    pub(crate) request: AuthorizationRequest,
    pub(crate) client_label: ClientLabel,
}

impl DeviceRequest {
    pub(crate) fn pack(&self) -> Vec<u8> {
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
        let next = Self::of(request, address, cx);
        next.unwrap_or_else(|refusal| refuse(refusal, cx))
    }

    fn of(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        if !cx.env.server.config.device_authorization {
            let description = "Device authorization is not served here.";
            return Err(Refusal::new(OAuthError::InvalidRequest, description));
        }
        let form = read_form(request)?;
        if let Some(assertion) = ClientAssertion::of(&form, request.headers(), cx.env)? {
            check_is_let_in(
                &AuthenticatedClient::of_document(&assertion.url, false),
                cx.env,
            )?;
            let signed = SignedClient::start(form, assertion, address, true, cx);
            return Ok(Self::after_proof(signed, address, cx));
        }
        let client = Client::authenticate(&form, request.headers(), cx.env)?;
        check_is_let_in(&client, cx.env)?;
        let Some(url) = client.unread_document() else {
            return Self::begin(&form, &client, address, cx);
        };
        let documents = &cx.env.server.config.client_documents;
        if let Some((document, _)) = documents.pinned(&url) {
            return Self::begin_unsigned(&form, &client, document.must_sign, address, cx);
        }
        if !documents.are_fetched() {
            return Err(bad("The client is unknown here."));
        }
        let browser = Browser {
            device: None,
            address,
        };
        let awaiting = cx.ask_hub(|ticket| ToHubKind::NeedClientDocument {
            ticket,
            url,
            browser,
        });
        let request = Box::new(UnsignedRequest {
            form,
            client,
            address,
        });
        Ok(Progress::Pending(Self::AwaitingDocument(request, awaiting)))
    }

    /// Goes on once the client has proven who it is.
    fn after_proof(
        progress: Progress<SignedClient, Proven>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let next = match progress {
            Progress::Pending(signed) => {
                return Progress::Pending(Self::Signed(Box::new(signed), address));
            }
            Progress::Ready(Ok((client, form))) => Self::begin(&form, &client, address, cx),
            Progress::Ready(Err(refusal)) => Err(refusal),
        };
        next.unwrap_or_else(|refusal| refuse(refusal, cx))
    }

    /// A client that must sign is held to it at once, or another could ask in its name (threat A15).
    fn begin_unsigned(
        form: &Form,
        client: &AuthenticatedClient,
        must_sign: bool,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        match must_sign {
            true => Err(bad(
                "The document of this client says that it signs: send a client assertion.",
            )),
            false => Self::begin(form, client, address, cx),
        }
    }

    fn begin(
        form: &Form,
        client: &AuthenticatedClient,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let public_url = &server.config.public_url;
        let client_label = client.unverified_label(cx.env);
        let scope = server
            .scopes
            .grant_of(form.one("scope")?, client.allowed_scopes(cx.env))?;
        let resource = resource::choose(form.all("resource"), public_url)?.to_owned();
        let user_code = UserCode::new(cx.entropy);
        let device_code = device_code::new(user_code, cx.entropy, &server.keys);
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
        let device = DeviceName(hash.0);
        let record = DeviceRecord {
            device,
            client: client.hash(),
            request: asked.pack(),
            address,
            begun: now,
            decision: None,
        };
        let awaiting = cx.ask_hub(|ticket| {
            ToHubKind::Device(DeviceMessage::Begin {
                ticket,
                device,
                address,
            })
        });
        let beginning = Box::new(Beginning {
            device_code,
            user_code,
            begun,
            record,
        });
        Ok(Progress::Pending(Self::Beginning(beginning, awaiting)))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Signed(signed, address) => {
                Self::after_proof(signed.handle(answer, cx), address, cx)
            }
            Self::AwaitingDocument(request, awaiting) => {
                let next = match awaiting.into_answer(answer) {
                    Ok(document) => Self::begin_unsigned(
                        &request.form,
                        &request.client,
                        document.must_sign,
                        request.address,
                        cx,
                    ),
                    Err(error) => Err(refusal_of(error)),
                };
                next.unwrap_or_else(|refusal| refuse(refusal, cx))
            }
            Self::Beginning(beginning, awaiting) => match awaiting.into_answer(answer) {
                true => beginning.write(cx),
                false => too_many(cx),
            },
            Self::Writing(beginning, awaiting) => match awaiting.into_answer(answer) {
                Ok(_) => beginning.respond(cx),
                // Another device has drawn the same user code.
                Err(StoreFault::Conflict) => too_many(cx),
                Err(StoreFault::Unavailable) => fail(Fault::Store, cx),
            },
        }
    }
}

fn too_many(cx: &mut Cx<'_>) -> Progress<DeviceAuthorizationRequest> {
    let refusal = Refusal {
        retry_after: Some(limits::DEVICE_CODE_LIFETIME.as_secs() / 10),
        ..Refusal::new(
            OAuthError::TemporarilyUnavailable,
            "Too many devices wait for their users. Please try again later.",
        )
    };
    refuse(refusal, cx)
}

impl Beginning {
    fn write(self: Box<Self>, cx: &mut Cx<'_>) -> Progress<DeviceAuthorizationRequest> {
        let key = device_record::key(self.user_code, &cx.env.server.keys);
        let awaiting = AwaitingRecord::put(&self.record, &key, None, cx);
        Progress::Pending(DeviceAuthorizationRequest::Writing(self, awaiting))
    }

    fn respond(self, cx: &mut Cx<'_>) -> Progress<DeviceAuthorizationRequest> {
        cx.log(self.begun);
        let public_url = &cx.env.server.config.public_url;
        let response = respond(&self.device_code, self.user_code, public_url);
        cx.done(response)
    }
}

/// Before any host is asked for anything.
fn check_is_let_in(client: &AuthenticatedClient, env: Env<'_>) -> Result<(), Refusal> {
    let description =
        "The operator of this server does not let this client in. Ask them to add it.";
    let refusal = Refusal::new(OAuthError::InvalidClient, description);
    client.may_use_device(env).then_some(()).ok_or(refusal)
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

//! The user of a device: types the user code, approves, signs in, and is told how it went (RFC 8628 sections 3.3 and
//! 5.4).
//!
//! ```text
//! GET /device: the form --POST /device--> AwaitingDevice --> the consent page --> Entra --> GET /device/return
//!                                                                                           --> AwaitingDecision
//! ```
//!
//! What the attacker of section 5.4 wants is a user who finishes the attacker's own request. So the code must be typed,
//! also where the link holds one, and the page says who asked, where and when (threat A15).

mod pages;

use ::http::{HeaderMap, Request, header};
use bytes::Bytes;

use super::{
    browser_id::BrowserId, consent_form::ConsentForm, consent_page,
    device_authorization::DeviceRequest, device_cookie, error::OAuthError, opaque_token,
};
use crate::{
    ask::Awaiting,
    config::ClientAddress,
    device_authorization::{DeviceAuthorization, UserCode},
    event::Answer,
    http::form::Form,
    hub::{Browser, DecideDeviceAuthorization, DeviceMessage, FindDeviceAuthorization, ToHubKind},
    log_event::LogEventId,
    secret::Secret,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum DeviceVerification {
    /// Is there a device of this code?
    AwaitingDevice(Box<HeaderMap>, Awaiting<FindDeviceAuthorization>),
    /// The device is told what its user decided.
    AwaitingDecision(Decided, Awaiting<DecideDeviceAuthorization>),
}

/// What a user decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Approved,
    Denied,
}

impl DeviceVerification {
    /// GET /device shows the form, POST /device takes it. `address` is where the user is.
    pub(crate) fn start(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        if !cx.env.server.config.device_authorization {
            return cx.done(pages::not_served(&cx.request_id(), cx.env));
        }
        if request.method() != ::http::Method::POST {
            return cx.done(pages::form(cx.env));
        }
        let form = Form::parse(request.body());
        let typed = form.one("user_code").ok().flatten();
        let browser = Browser {
            device: device_cookie::read(request.headers(), cx.env),
            address,
        };
        let message = |ticket| {
            ToHubKind::Device(DeviceMessage::Find {
                ticket,
                user_code: typed.and_then(UserCode::parse),
                browser,
            })
        };
        let awaiting = cx.ask_hub(message);
        Progress::Pending(Self::AwaitingDevice(
            Box::new(request.headers().clone()),
            awaiting,
        ))
    }

    /// GET /device/return: the answer that a client would get.
    pub(crate) fn finish(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let one = |name| form.one(name).ok().flatten();
        let keys = &cx.env.server.keys;
        let code = one("code").filter(|code| opaque_token::read_code(code, keys).is_some());
        let is_denied = one("error") == Some(OAuthError::AccessDenied.as_str());
        let (decided, decision) = match (code, is_denied) {
            (Some(code), false) => (Decided::Approved, Some(Secret::new(code.to_owned()))),
            (None, true) => (Decided::Denied, None),
            // The user may type the code once more.
            _ => return cx.done(pages::failed(&cx.request_id(), cx.env)),
        };
        let Some(user_code) = one("state").and_then(UserCode::parse) else {
            return cx.done(pages::failed(&cx.request_id(), cx.env));
        };
        let message = |ticket| {
            ToHubKind::Device(DeviceMessage::Decide {
                ticket,
                user_code,
                decision,
            })
        };
        let awaiting = cx.ask_hub(message);
        Progress::Pending(Self::AwaitingDecision(decided, awaiting))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::AwaitingDevice(headers, awaiting) => match awaiting.into_answer(answer) {
                Ok(Some(device)) => ask(&device, &headers, cx),
                Ok(None) => {
                    cx.log(LogEventId::UserCodeRefused);
                    cx.done(pages::unknown_code(cx.env))
                }
                Err(wait) => {
                    cx.log(LogEventId::UserCodeRefused);
                    cx.done(pages::too_many_codes(wait, &cx.request_id(), cx.env))
                }
            },
            Self::AwaitingDecision(decided, awaiting) => {
                let is_waiting = awaiting.into_answer(answer);
                if decided == Decided::Approved && is_waiting {
                    cx.log(LogEventId::DeviceAuthorizationApproved);
                }
                cx.done(pages::decided(decided, is_waiting, cx.env))
            }
        }
    }
}

/// The consent page of a device.
fn ask(
    device: &DeviceAuthorization,
    headers: &HeaderMap,
    cx: &mut Cx<'_>,
) -> Progress<DeviceVerification> {
    let env = cx.env;
    let Some(asked) = DeviceRequest::unpack(&device.request, env) else {
        return cx.done(pages::failed(&cx.request_id(), cx.env));
    };
    let browser = BrowserId::of(headers, env).unwrap_or_else(|| BrowserId::new(cx.entropy));
    let set_cookie = browser.set_cookie(env);
    let consent_form = ConsentForm {
        request: asked.request,
        client_label: asked.client_label,
        browser,
        session: None,
    };
    let seconds = device.begun.until(env.now.unix).as_secs();
    let whose = consent_page::Device {
        address: device.address,
        minutes: seconds / 60,
    };
    let mut response = consent_page::respond_for_device(&consent_form, whose, env, cx.entropy);
    if let Some(cookie) = set_cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    cx.done(response)
}

#[cfg(test)]
mod tests;

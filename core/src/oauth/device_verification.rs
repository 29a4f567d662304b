//! The user of a device: types the user code, approves, signs in, and is told how it went (RFC 8628 sections 3.3 and
//! 5.4).
//!
//! ```text
//! GET /device: the form --POST /device--> Finding --found--> the consent page --> Entra --> GET /device/return
//!                                                                                            --> Finding --> Deciding
//! ```
//!
//! What the attacker of section 5.4 wants is a user who finishes the attacker's own request. So the code must be typed,
//! also where the link holds one, and the page says who asked, where and when (threat A15). A code that no device waits
//! for costs whoever brings it one of few guesses, wherever it is brought.

mod finding;
mod pages;

use ::http::{HeaderMap, Request, header};
use bytes::Bytes;

use self::finding::{Finding, Found, NotFound};
use super::{
    browser_id::BrowserId,
    consent_form::ConsentForm,
    consent_page,
    device_authorization::DeviceRequest,
    device_cookie,
    device_record::{AwaitingRecord, DeviceDecision, DeviceRecord},
    error::OAuthError,
    opaque_token,
};
use crate::{
    ask::StoreFault,
    config::ClientAddress,
    device_authorization::UserCode,
    event::Answer,
    http::form::Form,
    hub::Browser,
    log_event::LogEventId,
    secret::Secret,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum DeviceVerification {
    /// Is there a device of this code? The headers are those of who typed it.
    Finding(Box<HeaderMap>, Finding),
    /// The same, for a user who has decided.
    FindingDecided(Decided, Option<Secret<String>>, Finding),
    /// The device is told what its user decided.
    Deciding(Decided, AwaitingRecord),
}

/// What a user decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Approved,
    Denied,
}

fn browser_of(headers: &HeaderMap, address: Option<ClientAddress>, cx: &Cx<'_>) -> Browser {
    Browser {
        device: device_cookie::read(headers, cx.env),
        address,
    }
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
        let browser = browser_of(request.headers(), address, cx);
        let finding = Finding::start(typed.and_then(UserCode::parse), browser, cx);
        let headers = Box::new(request.headers().clone());
        Progress::Pending(Self::Finding(headers, finding))
    }

    /// GET /device/return: the answer that a client would get.
    pub(crate) fn finish(
        request: &Request<Bytes>,
        address: Option<ClientAddress>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let one = |name| form.one(name).ok().flatten();
        let keys = &cx.env.server.keys;
        let code = one("code").filter(|code| opaque_token::read_code(code, keys).is_some());
        let is_denied = one("error") == Some(OAuthError::AccessDenied.as_str());
        let (decided, code) = match (code, is_denied) {
            (Some(code), false) => (Decided::Approved, Some(Secret::new(code.to_owned()))),
            (None, true) => (Decided::Denied, None),
            // The user may type the code once more.
            _ => return cx.done(pages::failed(&cx.request_id(), cx.env)),
        };
        let Some(user_code) = one("state").and_then(UserCode::parse) else {
            return cx.done(pages::failed(&cx.request_id(), cx.env));
        };
        let browser = browser_of(request.headers(), address, cx);
        let finding = Finding::start(Some(user_code), browser, cx);
        Progress::Pending(Self::FindingDecided(decided, code, finding))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Finding(headers, finding) => match finding.handle(answer, cx) {
                Progress::Pending(finding) => Progress::Pending(Self::Finding(headers, finding)),
                Progress::Ready(Ok(found)) if found.record.decision.is_none() => {
                    ask(&found.record, &headers, cx)
                }
                Progress::Ready(Ok(_) | Err(NotFound::Unknown)) => {
                    cx.log(LogEventId::UserCodeRefused);
                    cx.done(pages::unknown_code(cx.env))
                }
                Progress::Ready(Err(not_found)) => refuse(not_found, cx),
            },
            Self::FindingDecided(decided, code, finding) => match finding.handle(answer, cx) {
                Progress::Pending(finding) => {
                    Progress::Pending(Self::FindingDecided(decided, code, finding))
                }
                Progress::Ready(Ok(found)) => decide(decided, code, found, cx),
                Progress::Ready(Err(NotFound::Unknown)) => {
                    cx.done(pages::decided(decided, false, cx.env))
                }
                Progress::Ready(Err(not_found)) => refuse(not_found, cx),
            },
            Self::Deciding(decided, awaiting) => match awaiting.into_answer(answer) {
                Ok(_) => {
                    if decided == Decided::Approved {
                        cx.log(LogEventId::DeviceAuthorizationApproved);
                    }
                    cx.done(pages::decided(decided, true, cx.env))
                }
                // Somebody has decided meanwhile, or the device was told.
                Err(StoreFault::Conflict) => cx.done(pages::decided(decided, false, cx.env)),
                Err(StoreFault::Unavailable) => refuse(NotFound::Unavailable, cx),
            },
        }
    }
}

/// Why a code leads nowhere, besides that it is wrong.
fn refuse(not_found: NotFound, cx: &mut Cx<'_>) -> Progress<DeviceVerification> {
    match not_found {
        NotFound::Limited(wait) => {
            cx.log(LogEventId::UserCodeRefused);
            cx.done(pages::too_many_codes(wait, &cx.request_id(), cx.env))
        }
        NotFound::Unknown | NotFound::Unavailable => {
            cx.log(LogEventId::SessionUnavailable);
            cx.done(pages::unavailable(&cx.request_id(), cx.env))
        }
    }
}

/// Writes what the user decided. Deciding again changes nothing.
fn decide(
    decided: Decided,
    code: Option<Secret<String>>,
    found: Found,
    cx: &mut Cx<'_>,
) -> Progress<DeviceVerification> {
    let Found {
        mut record,
        key,
        version,
    } = found;
    if record.decision.is_some() {
        return cx.done(pages::decided(decided, true, cx.env));
    }
    record.decision = Some(code.map_or(DeviceDecision::Denied, DeviceDecision::Approved));
    let awaiting = AwaitingRecord::put(&record, &key, Some(version), cx);
    Progress::Pending(DeviceVerification::Deciding(decided, awaiting))
}

/// The consent page of a device.
fn ask(
    device: &DeviceRecord,
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

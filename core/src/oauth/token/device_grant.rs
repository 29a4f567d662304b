//! The device grant (RFC 8628 section 3.4): a device polls until its user has decided.
//!
//! ```text
//! Looking --decided--> Taking --for the first time--> the grant of its code
//!    \--not decided--> Pacing --> authorization_pending, or slow_down
//! ```
//!
//! The device code is the verifier of the authorization code that the user's browser brings, so a code that was made for
//! anything else is worth nothing here (threat A15). What was decided is told once, by one replica.

use super::{
    code_grant::CodeGrant,
    response::{fail, invalid_grant, refuse},
};
use crate::{
    ask::{Awaiting, Key, Stored},
    device_authorization::DeviceName,
    event::Answer,
    fault::Fault,
    http::form::Form,
    hub::{DeviceMessage, PollDeviceAuthorization, ToHub, ToHubKind},
    oauth::{
        client::AuthenticatedClient,
        device_code,
        device_record::{self, AwaitingRecord, DeviceDecision, DeviceRecord, FindingRecord},
        error::{OAuthError, Refusal},
        resource,
    },
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
};

/// Its name (RFC 8628 section 3.4).
pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device that polls.
#[derive(Debug)]
pub(crate) struct DeviceGrant {
    poll: Poll,
    state: State,
}

/// What a device sent.
#[derive(Debug)]
struct Poll {
    client: AuthenticatedClient,
    device_code: Secret<String>,
    device: DeviceName,
    resource: Option<String>,
    key: Key,
}

#[derive(Debug)]
enum State {
    Looking(FindingRecord),
    Pacing(Awaiting<PollDeviceAuthorization>),
    Taking(AwaitingRecord),
}

impl DeviceGrant {
    pub(super) fn start(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = Refusal::new(OAuthError::InvalidRequest, "device_code is missing.");
        let device_code = form.one("device_code")?.ok_or(missing)?;
        let resource = resource::of_token_request(form, &cx.env.server.config.public_url)?;
        let keys = &cx.env.server.keys;
        let user_code = device_code::read(device_code, keys).ok_or_else(expired)?;
        let key = device_record::key(user_code, keys);
        let state = State::Looking(FindingRecord::start(user_code, cx));
        let poll = Poll {
            client,
            device: DeviceName(Hash::of(device_code.as_bytes()).0),
            device_code: Secret::new(device_code.to_owned()),
            resource,
            key,
        };
        Ok(Progress::Pending(Self { poll, state }))
    }

    pub(super) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Progress<CodeGrant>> {
        let Self { mut poll, state } = self;
        Progress::Ready(match state {
            State::Looking(finding) => match finding.handle(answer, cx) {
                Progress::Pending(finding) => {
                    let state = State::Looking(finding);
                    return Progress::Pending(Self { poll, state });
                }
                Progress::Ready(Ok((key, stored))) => {
                    poll.key = key;
                    match poll.open(stored, cx) {
                        Some(record) => {
                            let state = poll.next(&record, cx);
                            return Progress::Pending(Self { poll, state });
                        }
                        None => refuse(expired(), cx),
                    }
                }
                Progress::Ready(Err(_)) => fail(Fault::Store, cx),
            },
            State::Pacing(awaiting) => match awaiting.into_answer(answer) {
                true => refuse(
                    Refusal::new(
                        OAuthError::SlowDown,
                        "Asked too early: wait five seconds longer from now on.",
                    ),
                    cx,
                ),
                false => {
                    let description = "The user has not decided yet: ask again after the interval.";
                    let refusal = Refusal::new(OAuthError::AuthorizationPending, description);
                    // Every device asks so, again and again: that is no line of the log.
                    cx.done(refusal.response())
                }
            },
            State::Taking(awaiting) => match awaiting.into_answer(answer) {
                Ok(stored) => poll.taken(stored, cx),
                Err(_) => fail(Fault::Store, cx),
            },
        })
    }
}

impl Poll {
    /// The record, if it is of this device and client.
    fn open(&self, stored: Option<Stored>, cx: &Cx<'_>) -> Option<DeviceRecord> {
        let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
        let record = DeviceRecord::open(&stored?, &self.key, keys, now)?;
        let is_own = record.device == self.device && self.client.hash() == record.client;
        is_own.then_some(record)
    }

    fn next(&self, record: &DeviceRecord, cx: &mut Cx<'_>) -> State {
        let device = self.device;
        match record.decision {
            None => {
                let poll = |ticket| ToHubKind::Device(DeviceMessage::Poll { ticket, device });
                State::Pacing(cx.ask_hub(poll))
            }
            Some(_) => State::Taking(AwaitingRecord::take(&self.key, cx)),
        }
    }

    /// Of all that ask at once, this one was first, or there is nothing any more.
    fn taken(self, stored: Option<Stored>, cx: &mut Cx<'_>) -> Progress<CodeGrant> {
        let decision = self.open(stored, cx).and_then(|record| record.decision);
        cx.to_hub(ToHub(ToHubKind::Device(DeviceMessage::End(self.device))));
        match decision {
            Some(DeviceDecision::Approved(code)) => {
                let Self {
                    client,
                    device_code,
                    resource,
                    ..
                } = self;
                let next = CodeGrant::of_device(client, &code, device_code, resource, cx);
                next.unwrap_or_else(|| refuse(invalid_grant(), cx))
            }
            Some(DeviceDecision::Denied) => {
                let refusal = Refusal::new(OAuthError::AccessDenied, "The user said no.");
                refuse(refusal, cx)
            }
            None => refuse(expired(), cx),
        }
    }
}

fn expired() -> Refusal {
    Refusal::new(
        OAuthError::ExpiredToken,
        "This device code is over, or was never given: begin again.",
    )
}

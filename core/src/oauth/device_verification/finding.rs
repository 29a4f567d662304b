//! Looking for the device of a user code.
//!
//! ```text
//! AwaitingHub --may be looked up--> AwaitingStore --there is one--> found
//! ```
//!
//! Each code takes one from an allowance, which gets it back if it was right (threat A15). What was wrong is told to the
//! other replicas, so that guessing at all of them gains nothing.

use std::time::Duration;

use crate::{
    ask::{Awaiting, Key, Version},
    device_authorization::UserCode,
    event::Answer,
    hub::{Browser, DeviceMessage, ToHub, ToHubKind, TypeUserCode},
    oauth::device_record::{DeviceRecord, FindingRecord},
    replicas::{ReplicaMessage, Whose},
    step::{Cx, Progress},
};

/// A code that is looked up.
#[derive(Debug)]
pub(crate) struct Finding {
    /// `None` if what was typed is no code at all.
    user_code: Option<UserCode>,
    browser: Browser,
    state: State,
}

#[derive(Debug)]
enum State {
    AwaitingHub(Awaiting<TypeUserCode>),
    AwaitingStore(FindingRecord),
}

/// The device of a code.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) record: DeviceRecord,
    pub(super) key: Key,
    pub(super) version: Version,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// No device waits for it.
    Unknown,
    /// Too many wrong ones were typed; how long until one more may be.
    Limited(Duration),
    /// The store cannot be read or written.
    Unavailable,
}

impl Finding {
    pub(super) fn start(user_code: Option<UserCode>, browser: Browser, cx: &mut Cx<'_>) -> Self {
        let message = |ticket| ToHubKind::Device(DeviceMessage::Type { ticket, browser });
        Self {
            user_code,
            browser,
            state: State::AwaitingHub(cx.ask_hub(message)),
        }
    }

    pub(super) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<Found, NotFound>> {
        match self.state {
            State::AwaitingHub(awaiting) => {
                if let Err(wait) = awaiting.into_answer(answer) {
                    return Progress::Ready(Err(NotFound::Limited(wait)));
                }
                let Some(user_code) = self.user_code else {
                    return Progress::Ready(Err(wrong(self.browser, cx)));
                };
                let state = State::AwaitingStore(FindingRecord::start(user_code, cx));
                Progress::Pending(Self { state, ..self })
            }
            State::AwaitingStore(finding) => {
                let found = match finding.handle(answer, cx) {
                    Progress::Pending(finding) => {
                        let state = State::AwaitingStore(finding);
                        return Progress::Pending(Self { state, ..self });
                    }
                    Progress::Ready(found) => found,
                };
                let Ok((key, stored)) = found else {
                    cx.to_hub(ToHub(ToHubKind::Device(DeviceMessage::TypedRight)));
                    return Progress::Ready(Err(NotFound::Unavailable));
                };
                let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
                let found = stored.and_then(|stored| {
                    let record = DeviceRecord::open(&stored, &key, keys, now)?;
                    let version = stored.version;
                    Some(Found {
                        record,
                        key,
                        version,
                    })
                });
                match found {
                    Some(found) => {
                        cx.to_hub(ToHub(ToHubKind::Device(DeviceMessage::TypedRight)));
                        Progress::Ready(Ok(found))
                    }
                    None => Progress::Ready(Err(wrong(self.browser, cx))),
                }
            }
        }
    }
}

fn wrong(browser: Browser, cx: &mut Cx<'_>) -> NotFound {
    cx.to_other_hubs(&ReplicaMessage::WrongUserCode(Whose::of(browser)));
    NotFound::Unknown
}

//! The job that reads the keys which assertions are signed with, makes the first one and each next one, and hands them to
//! the hub.
//!
//! ```text
//! Reading --there, and long enough---------------------------> the hub has them
//!    \--none, or the newest has nearly signed long enough--> Making --> Writing --written--> the hub has them
//!    ^                                                                     \--another replica was faster
//!    \---------------------------------------------------------------------/
//! ```

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    ask::{Awaiting, Guard, Key, Record, Sign, Signed, Store, StoreFault, Stored, Version},
    event::Answer,
    gateway::SigningKeys,
    hub::{AssertionMessage, ToHub, ToHubKind},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    step::{Cx, Progress},
};

/// The record.
const KEY: &str = "assertion-keys";

/// How often another replica may be faster.
const ATTEMPTS: u8 = 5;

/// What is waited for.
#[derive(Debug)]
pub(crate) struct ReadSigningKeys {
    attempts: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading(Awaiting<Store>),
    Making(SigningKeys, Option<Version>, Awaiting<Sign>),
    Writing(SigningKeys, Awaiting<Store>),
}

impl ReadSigningKeys {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        Self::read(0, cx)
    }

    fn read(attempts: u8, cx: &mut Cx<'_>) -> Progress<Self> {
        let read = cx.store(Store::Get(Key(KEY.to_owned())));
        let state = State::Reading(read);
        Progress::Pending(Self { attempts, state })
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let attempts = self.attempts;
        let state = match self.state {
            State::Reading(read) => match read.into_answer(answer) {
                Ok(stored) => match known(stored, cx) {
                    Ok((keys, _)) if !keys.lacks_next(cx.env.now.unix) => return done(keys, cx),
                    Ok((keys, version)) => State::Making(keys, version, cx.sign(Sign::NewKey)),
                    Err(reason) => return fail(reason, cx),
                },
                Err(_) => return fail("the store does not answer", cx),
            },
            State::Making(mut keys, version, made) => match made.into_answer(answer) {
                Ok(Signed::Key { private, public }) => {
                    keys.add(private, public, cx.env.now.unix);
                    let put = put(&keys, version, cx);
                    State::Writing(keys, cx.store(put))
                }
                Ok(Signed::Signature(_)) | Err(_) => {
                    return fail("the operating system gives no randomness", cx);
                }
            },
            State::Writing(keys, written) => match written.into_answer(answer) {
                Ok(_) => {
                    cx.log(LogEventId::GatewayKeyMade);
                    return done(keys, cx);
                }
                Err(StoreFault::Conflict) if attempts < ATTEMPTS => {
                    return Self::read(attempts + 1, cx);
                }
                Err(_) => return fail("the store does not take a new one", cx),
            },
        };
        Progress::Pending(Self { attempts, state })
    }
}

/// The keys of the record, and which writing of it that is. One that is sealed with a key which this server has no more is
/// as if it were not there.
fn known(
    stored: Option<Stored>,
    cx: &Cx<'_>,
) -> Result<(SigningKeys, Option<Version>), &'static str> {
    let Some(Stored { record, version }) = stored else {
        return Ok((SigningKeys::default(), None));
    };
    let keys = SigningKeys::open(&record.bytes, &cx.env.server.keys);
    let keys = keys.ok_or("those in the store were sealed with another key")?;
    Ok((keys, Some(version)))
}

fn put(keys: &SigningKeys, version: Option<Version>, cx: &mut Cx<'_>) -> Store {
    let bytes = Bytes::from(keys.seal(&cx.env.server.keys, cx.entropy));
    // Long after the newest has been followed by another.
    let expires = cx.env.now.unix.after(2 * limits::ASSERTION_KEY_LIFETIME);
    let guard = version.map_or(Guard::Absent, Guard::Version);
    Store::Put(Key(KEY.to_owned()), Record { bytes, expires }, guard)
}

fn done(keys: SigningKeys, cx: &mut Cx<'_>) -> Progress<ReadSigningKeys> {
    report(Some(Arc::new(keys)), cx)
}

fn fail(reason: &'static str, cx: &mut Cx<'_>) -> Progress<ReadSigningKeys> {
    let event = LogEvent::new(LogEventId::GatewayKeysUnavailable);
    cx.log(event.with_text(Field::Reason, reason));
    report(None, cx)
}

fn report(keys: Option<Arc<SigningKeys>>, cx: &mut Cx<'_>) -> Progress<ReadSigningKeys> {
    let message = AssertionMessage::Keys(keys);
    cx.to_hub(ToHub(ToHubKind::Assertion(message)));
    Progress::Ready(())
}

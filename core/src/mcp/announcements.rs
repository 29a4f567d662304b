//! The job that keeps in the store, for other replicas, what was announced on this one in the last minute, and finds what they
//! have announced.
//!
//! ```text
//! Reading --nothing to write------------> the hub has what was found
//!    ^ \--something--> Writing --written--> the hub has what was found
//!    |                    \--another replica was faster--> Reading
//!    \-- Pausing <--the store has not answered
//! ```

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    ask::{Awaiting, Guard, Key, Record, Store, StoreFault, Stored},
    event::{Answer, Input},
    hub::{Announcement, ChangesMessage, ToHub, ToHubKind},
    limits, replicas,
    step::{Cx, Progress},
    time::{Instant, UnixTime},
};

/// The record.
const KEY: &str = "announcements";

/// After what time the store is asked again that has not answered; each further time after twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// An announcement in the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// When it was written down.
    at: u64,
    announcement: Announcement,
}

/// The job.
#[derive(Debug)]
pub(crate) struct KeepAnnouncements {
    made: Vec<Announcement>,
    pause: Duration,
    /// When what was made is of no use to anybody any more.
    end: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading(Awaiting<Store>),
    Writing(Vec<Announcement>, Awaiting<Store>),
    Pausing(Instant),
}

impl KeepAnnouncements {
    pub(crate) fn start(made: Vec<Announcement>, cx: &mut Cx<'_>) -> Progress<Self> {
        let end = cx.env.now.instant.after(limits::REPLICA_MESSAGE_LEEWAY);
        let state = read(cx);
        Self {
            made,
            pause: PAUSE,
            end,
            state,
        }
        .wait(cx)
    }

    fn wait(self, cx: &mut Cx<'_>) -> Progress<Self> {
        cx.wait_until(match self.state {
            State::Pausing(until) => until,
            State::Reading(_) | State::Writing(..) => self.end,
        });
        Progress::Pending(self)
    }

    pub(crate) fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        let now = cx.env.now.instant;
        match input {
            Input::Answer(answer) => self.answered(answer, cx),
            Input::Tick if now >= self.end => report(Vec::new(), self.made, cx),
            Input::Tick if matches!(self.state, State::Pausing(until) if now >= until) => {
                let state = read(cx);
                Self { state, ..self }.wait(cx)
            }
            // It is nobody's, and neither a call nor a task.
            Input::Tick
            | Input::Disconnected
            | Input::Call(_)
            | Input::Task(_)
            | Input::Process(_)
            | Input::ReplayTakenOver => self.wait(cx),
        }
    }

    fn answered(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self {
            made,
            pause,
            end,
            state,
        } = self;
        match state {
            State::Reading(read) => match read.into_answer(answer) {
                Ok(stored) => {
                    let (kept, guard) = open(stored, cx);
                    let found = kept.iter().map(|one| one.announcement.clone()).collect();
                    if made.is_empty() {
                        return report(found, made, cx);
                    }
                    match write(kept, &made, guard, cx) {
                        Some(written) => Self {
                            made,
                            pause,
                            end,
                            state: State::Writing(found, written),
                        }
                        .wait(cx),
                        None => report(found, Vec::new(), cx),
                    }
                }
                Err(_) => Self::again(made, pause, end, cx),
            },
            State::Writing(found, written) => match written.into_answer(answer) {
                Ok(_) => report(found, Vec::new(), cx),
                Err(StoreFault::Conflict) => {
                    let state = read(cx);
                    Self {
                        made,
                        pause,
                        end,
                        state,
                    }
                    .wait(cx)
                }
                Err(StoreFault::Unavailable) => Self::again(made, pause, end, cx),
            },
            State::Pausing(_) => Progress::Pending(Self {
                made,
                pause,
                end,
                state,
            }),
        }
    }

    /// The store is asked again a little later, if there is anything to write: whoever only looks comes back anyway.
    fn again(
        made: Vec<Announcement>,
        pause: Duration,
        end: Instant,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let until = cx.env.now.instant.after(pause);
        if made.is_empty() || until >= end {
            return report(Vec::new(), made, cx);
        }
        Self {
            made,
            pause: pause * 2,
            end,
            state: State::Pausing(until),
        }
        .wait(cx)
    }
}

fn read(cx: &mut Cx<'_>) -> State {
    State::Reading(cx.store(Store::Get(Key(KEY.to_owned()))))
}

/// What is kept and still of use, and how it is replaced. What was made up, or sealed with a key that this server has no
/// more, is as if it were not there.
fn open(stored: Option<Stored>, cx: &Cx<'_>) -> (Vec<Kept>, Guard) {
    let Some(Stored { record, version }) = stored else {
        return (Vec::new(), Guard::Absent);
    };
    let now = cx.env.now.unix;
    let kept = replicas::open_announcements(&record.bytes, cx.env.server, now);
    let leeway = limits::REPLICA_MESSAGE_LEEWAY;
    let mut kept: Vec<Kept> = kept.unwrap_or_default();
    kept.retain(|one| now < UnixTime(one.at).after(leeway));
    (kept, Guard::Version(version))
}

fn write(
    mut kept: Vec<Kept>,
    made: &[Announcement],
    guard: Guard,
    cx: &mut Cx<'_>,
) -> Option<Awaiting<Store>> {
    let now = cx.env.now.unix;
    for announcement in made {
        kept.retain(|one| !one.announcement.is_repeated_by(announcement));
        let announcement = announcement.clone();
        kept.push(Kept {
            at: now.0,
            announcement,
        });
    }
    let excess = kept.len().saturating_sub(limits::ANNOUNCEMENTS);
    kept.drain(..excess);
    let bytes: Bytes = replicas::seal_announcements(&kept, cx.env.server, now, cx.entropy)?;
    let expires = now.after(limits::REPLICA_MESSAGE_LEEWAY);
    let put = Store::Put(Key(KEY.to_owned()), Record { bytes, expires }, guard);
    Some(cx.store(put))
}

fn report(
    found: Vec<Announcement>,
    unwritten: Vec<Announcement>,
    cx: &mut Cx<'_>,
) -> Progress<KeepAnnouncements> {
    let kept = ChangesMessage::Kept { found, unwritten };
    cx.to_hub(ToHub(ToHubKind::Changes(kept)));
    Progress::Ready(())
}

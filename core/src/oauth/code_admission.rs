//! Whether a sign-in may redeem the code that its browser came back with: once, whichever replica that comes to (threats
//! D1, D14, Q5).
//!
//! ```text
//! AwaitingHub --admitted--> AwaitingStore --written for the first time--> redeem
//! ```
//!
//! The hub bounds how often strangers may ask. Where replicas share the store, a record says for all of them that the
//! sign-in is spent, for as long as it could come back. It holds nothing, and there are no more of them than the hubs
//! admit.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Guard, Key, Record, Store, StoreFault},
    event::Answer,
    hub::{BeginCodeRedemption, Browser, RedemptionRefused, ToHub, ToHubKind},
    id::SessionId,
    limits,
    planted::Planted,
    replicas::{ReplicaMessage, Whose},
    secret::Secret,
    session::record::Hash,
    step::{Cx, Progress},
    time::UnixTime,
};

/// A code that waits for its admission.
#[derive(Debug)]
pub(crate) struct CodeAdmission {
    /// The record that says that it is spent.
    spent: Key,
    state: State,
}

#[derive(Debug)]
enum State {
    AwaitingHub(Awaiting<BeginCodeRedemption>),
    AwaitingStore(Awaiting<Store>),
}

/// Why a code is not redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    Refused(RedemptionRefused),
    /// Nobody knows whether another replica has redeemed it.
    StoreUnavailable,
}

impl CodeAdmission {
    /// Asks the hub. `state` is the sign-in's, which stays the same when the master key changes.
    pub(super) fn start(
        state: &Secret<String>,
        sign_in: SessionId,
        browser: Browser,
        cx: &mut Cx<'_>,
    ) -> Self {
        let hash = Hash::of(state.expose().as_bytes());
        let awaiting = cx.ask_hub(|ticket| ToHubKind::BeginCodeRedemption {
            ticket,
            sign_in,
            browser,
        });
        Self {
            spent: Key(format!("spent/{}", URL_SAFE_NO_PAD.encode(hash.0))),
            state: State::AwaitingHub(awaiting),
        }
    }

    pub(super) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(), NotAdmitted>> {
        let server = cx.env.server;
        Progress::Ready(match self.state {
            State::AwaitingHub(awaiting) => match awaiting.into_answer(answer) {
                Ok(()) if server.has_replicas() && !server.has(Planted::SignInsSpentApart) => {
                    let put = spend(&self.spent, cx.env.now.unix);
                    let state = State::AwaitingStore(cx.store(put));
                    return Progress::Pending(Self { state, ..self });
                }
                admitted => admitted.map_err(NotAdmitted::Refused),
            },
            State::AwaitingStore(awaiting) => match awaiting.into_answer(answer) {
                Ok(_) => Ok(()),
                Err(StoreFault::Conflict) => Err(NotAdmitted::Refused(RedemptionRefused::Spent)),
                Err(StoreFault::Unavailable) => Err(NotAdmitted::StoreUnavailable),
            },
        })
    }
}

/// Entra's answer to a code of this browser: what it refuses counts here and on all other replicas, so that a flood
/// gains nothing by coming to all of them.
pub(super) fn answered(redeemed: bool, browser: Browser, cx: &mut Cx<'_>) {
    cx.to_hub(ToHub(ToHubKind::EndCodeRedemption { redeemed }));
    if !redeemed {
        cx.to_other_hubs(&ReplicaMessage::RefusedCode(Whose::of(browser)));
    }
}

/// What spends a sign-in for all replicas.
fn spend(spent: &Key, now: UnixTime) -> Store {
    let record = Record {
        bytes: Bytes::new(),
        expires: now.after(limits::SIGN_IN_TIMEOUT + limits::CLOCK_LEEWAY),
    };
    Store::Put(spent.clone(), record, Guard::Absent)
}

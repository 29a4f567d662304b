//! Events: everything that an exchange can receive.

use crate::{
    ask::{Answered, AskId, EffectRequest, Fetch, Invoke, Store},
    hub::FromHub,
};

/// Something happened. Hand it to [`crate::exchange::Exchange::handle`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The time that [`crate::exchange::Output::Wait`] named has come. Harmless if early.
    Tick,
    /// The peer went away, or the server is shutting down.
    Disconnected,
    /// A fetch ended.
    Fetched(Answered<Fetch>),
    /// The store answered.
    Stored(Answered<Store>),
    /// An invoked function is over.
    Invoked(Answered<Invoke>),
    /// An invoked function has an effect.
    Effect(EffectRequest),
    /// The hub has something for this exchange.
    FromHub(FromHub),
}

impl Event {
    /// Which ask the event belongs to, if it belongs to one.
    pub(crate) fn ask(&self) -> Option<AskId> {
        match self {
            Self::Fetched(answered) => Some(answered.id),
            Self::Stored(answered) => Some(answered.id),
            Self::Invoked(answered) => Some(answered.id),
            Self::Effect(request) => Some(request.id),
            Self::Tick | Self::Disconnected | Self::FromHub(_) => None,
        }
    }
}

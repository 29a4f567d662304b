//! Events: everything that the outside can tell an exchange.

use crate::{
    ask::{Answered, Fetch, Perform, Store, Wished},
    hub::FromHub,
};

/// Something happened. Hand it to [`crate::exchange::Exchange::handle`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The time that [`crate::exchange::Output::Wait`] named has come. Harmless if early.
    Tick,
    /// The peer went away, or the server is shutting down.
    Gone,
    /// A fetch ended.
    Fetched(Answered<Fetch>),
    /// The store answered.
    Stored(Answered<Store>),
    /// A call is over.
    Performed(Answered<Perform>),
    /// A call wishes for something.
    Wished(Wished),
    /// The hub has something for this exchange.
    Told(FromHub),
}

//! The names of things that go on: they say which one is meant and prove nothing.

/// The runtime's number of an exchange, unique in its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

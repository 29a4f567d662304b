//! Faults: what the environment did wrong. Not the peer's fault, and not a bug: 502 or 503 and a
//! hint to try again.

/// What does not work at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Entra ID cannot be reached, or is too busy.
    Entra,
    /// Entra ID refuses this server's own registration: the operator must act.
    Configuration,
    /// Entra ID wants no requests for so many seconds.
    Throttled(u64),
    /// The store cannot be read or written.
    Store,
}

//! Why the hub refuses something.

use std::time::Duration;

/// Why a table takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFull {
    /// This user has as much in it, with this client, as one may have.
    OfPrincipal,
    /// All users together have.
    OfServer,
}

/// Why a task may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TasksFull {
    /// Too many run.
    Running(TableFull),
    /// Too many are stored, or they are too large together.
    Stored(TableFull),
}

/// Why a setting of an MCP session is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingsFull {
    /// Too many MCP sessions of the sign-in have settings.
    Sessions,
    /// The MCP session has too many subscriptions.
    Subscriptions,
    /// All MCP sessions of the sign-in have too many together.
    SubscriptionsOfSignIn,
}

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamRefusal {
    TooMany,
    /// There is no such event to go on from, or not for this client.
    NoSuchEvent,
    ShuttingDown,
}

/// Why a message is not taken for an HTTP+SSE stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindRefusal {
    NotFound,
    /// Its client does not read, and too many messages wait for that already.
    Busy,
}

/// Why a code may not be redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedemptionRefused {
    /// The sign-in has had its redemption.
    Spent,
    /// Not now, but after this.
    Busy(Duration),
}

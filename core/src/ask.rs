//! Asks: actions that expect an answer, and the one right to give it.
//!
//! An ask travels out with a [`Ticket`]; the ticket makes the [`Event`](crate::event::Event) that answers it. It is not
//! `Clone` and is consumed by answering, so a second answer or one of the wrong type cannot be
//! written. An answer that comes too late, to an ask that no longer matters, is ignored.

mod child;
mod client_assertion;
mod invoke;
mod public_address;
mod pull;
mod sign;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::{child::ChildMessage, pull::PulledPart};
pub use self::{
    child::{COMPLAINT_BYTES, Child, ChildEnd, ChildExit, ChildFault, ChildUser, FromChild},
    client_assertion::{AssertionClaims, AssertionFault, CertificateHeader, ClientAssertion},
    invoke::{EffectRequest, Invoke, InvokeOutput, Target},
    public_address::is_public,
    pull::{PIECE_BYTES, Pull, PullFault, PullLimits, Pulled},
    sign::{Sign, SignFault, Signed},
};
pub(crate) use crate::ticket::Awaiting;
pub use crate::ticket::{Answered, Ask, AskId, Ticket};
use crate::time::UnixTime;

/// An HTTPS request to Entra ID, to Microsoft Graph, or to an address that a client named.
///
/// The runtime follows no redirect, sends no header of its own but `Host`, `Content-Length` and
/// `User-Agent`, treats every status as an answer, and stops at the deadline and the body limit.
pub struct Fetch {
    /// The request, and which addresses it may be dialled at.
    pub target: FetchTarget,
    /// The most bytes of body that are read; more is [`FetchFault::TooLarge`].
    pub body_limit: usize,
    /// How long the whole fetch may take; of one that is kept open, its head, and each piece after that while it is wanted.
    pub within: Duration,
    /// For how long, from its beginning, the body of an answer with a status of 200 to 299 is kept open; `None`: it is read like that
    /// of any other.
    ///
    /// An answer that is kept open has no body and is under no limit of bytes. The runtime gives the body to the function that is resumed with
    /// [`EffectResult::GraphStream`](crate::catalog::EffectResult::GraphStream) of this ask. It closes it when the call of that function
    /// is over, and if there is no such function when the exchange is.
    pub kept_open: Option<Duration>,
}

impl Fetch {
    /// Shows the request, to look at.
    #[must_use]
    pub fn request(&self) -> &http::Request<Bytes> {
        match &self.target {
            FetchTarget::Configured(request) | FetchTarget::PublicOnly(request) => request,
        }
    }
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither query, headers nor body: they carry codes, tokens and the client secret.
        let uri = self.request().uri();
        let host = uri.host().unwrap_or_default();
        write!(f, "Fetch({} {host}{})", self.request().method(), uri.path())
    }
}

/// A request with an absolute URI, by which addresses it may be dialled at: whoever takes it out has to say what becomes
/// of either.
pub enum FetchTarget {
    /// The operator named the host: any address.
    Configured(http::Request<Bytes>),
    /// A stranger named the host: only addresses for which [`is_public`] holds, judged on the resolved address that is
    /// dialled. A runtime that cannot judge answers [`FetchFault::Forbidden`].
    PublicOnly(http::Request<Bytes>),
}

/// Why a fetch has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFault {
    /// No connection, a broken one, or one that is no HTTP.
    Unreachable,
    /// The deadline passed.
    TimedOut,
    /// The body was longer than its limit.
    TooLarge,
    /// The host's address is not one that this fetch may reach.
    Forbidden,
}

impl FetchFault {
    /// A text for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed out",
            Self::TooLarge => "the answer is too large",
            Self::Forbidden => "the address may not be reached",
        }
    }
}

/// An operation of the store. Every record has an expiry, after which it is as if deleted; the store
/// deletes it for good by itself.
///
/// Once a write was answered it is durable, and every look-up that begins after that sees it, on every replica. A store
/// whose process alone writes may answer look-ups out of its memory; one that several share may do so only if each of
/// them is told of a change before its writer is answered: else a session that was ended lives on elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Store {
    /// The record, if there is one.
    Get(Key),
    /// The record, if there is one, which is deleted in the same step.
    Take(Key),
    /// Writes a record if the guard holds, else answers [`StoreFault::Conflict`]; answers `None`.
    Put(Key, Record, Guard),
    /// Deletes the record, whether there is one or not; answers `None`.
    Delete(Key),
}

impl Store {
    /// The key of the record that it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Get(key) | Self::Take(key) | Self::Put(key, ..) | Self::Delete(key) => key,
        }
    }

    /// Whether it changes what is stored.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self, Self::Get(_))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Get(key) => write!(f, "Get({})", key.0),
            Self::Take(key) => write!(f, "Take({})", key.0),
            Self::Put(key, _, guard) => write!(f, "Put({}, {guard:?})", key.0),
            Self::Delete(key) => write!(f, "Delete({})", key.0),
        }
    }
}

/// The name of a record: printable ASCII, such as `session/5f2c…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub String);

/// What is stored under a key: sealed bytes and the time after which they are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The sealed bytes.
    pub bytes: Bytes,
    /// When the record is to be deleted.
    pub expires: UnixTime,
}

/// Which writing of a record; a store gives a new one at every `Put`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// The condition under which a `Put` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// None.
    Any,
    /// There is no record of this key.
    Absent,
    /// The record is still the one that was read.
    Version(Version),
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Which writing of it.
    pub version: Version,
}

/// Why the store did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// The guard of a `Put` did not hold; nothing was written.
    Conflict,
    /// The store could not be read or written.
    Unavailable,
}

impl StoreFault {
    /// Returns a word for those who count.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
        }
    }
}

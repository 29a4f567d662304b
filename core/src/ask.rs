//! Asks: actions that expect an answer, and the one right to give it.
//!
//! An ask travels out with a [`Ticket`]; the ticket makes the [`Event`] that answers it. It is not
//! `Clone` and is consumed by answering, so a second answer or one of the wrong type cannot be
//! written. An answer that comes too late, to an ask that no longer matters, is ignored.

mod invoke;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;

pub use self::invoke::{EffectRequest, Invoke, InvokeOutput, Target};
pub(crate) use crate::ticket::Awaiting;
pub use crate::ticket::{Answered, Ask, AskId, Ticket};
use crate::{event::Event, time::UnixTime};

/// An HTTPS request to Entra ID, to Microsoft Graph, or to an address that a client named.
///
/// The runtime follows no redirect, sends no header of its own but `Host`, `Content-Length` and
/// `User-Agent`, treats every status as an answer, and stops at the deadline and the body limit.
pub struct Fetch {
    /// The request, and which addresses it may be dialled at.
    pub target: FetchTarget,
    /// The most bytes of body that are read; more is [`FetchFault::TooLarge`].
    pub body_limit: usize,
    /// How long the whole fetch may take.
    pub within: Duration,
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

impl Ask for Fetch {
    type Answer = Result<http::Response<Bytes>, FetchFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Fetched(answered)
    }
}

/// Whether an address is one on the public internet: not loopback, private, link-local, shared
/// (RFC 6598), multicast, documentation, unspecified or reserved, nor an IPv6 form of such an
/// IPv4 address (mapped, compatible, NAT64, 6to4).
///
/// ```
/// use entra_mcp_core::ask::is_public;
/// assert!(is_public("93.184.216.34".parse().unwrap()));
/// assert!(!is_public("169.254.169.254".parse().unwrap()));
/// assert!(!is_public("::ffff:127.0.0.1".parse().unwrap()));
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let reserved = matches!(
                (a, b, c),
                (0 | 10 | 127 | 224..=255, _, _)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (192, 168, _)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !reserved
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.segments();
            let [high, low] = [g.to_be_bytes(), h.to_be_bytes()];
            let embedded = IpAddr::from([high[0], high[1], low[0], low[1]]);
            match (a, b, c, d, e, f) {
                (0, 0, 0, 0, 0, 0 | 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => {
                    // ::1 and :: read as 0.0.0.1 and 0.0.0.0, which are reserved too.
                    is_public(embedded)
                }
                (0x64, 0xff9b, 1, _, _, _) => false,
                (0x2002, _, _, _, _, _) => {
                    let [first, second] = [b.to_be_bytes(), c.to_be_bytes()];
                    is_public(IpAddr::from([first[0], first[1], second[0], second[1]]))
                }
                // 2001::/23 (Teredo and other protocols), 2001:db8::/32 and 3fff::/20.
                (0x2001, 0..=0x1ff | 0xdb8, _, _, _, _) => false,
                (0x3fff, 0..=0xfff, _, _, _, _) => false,
                // Only 2000::/3 is given out for global use.
                _ => (0x2000..=0x3fff).contains(&a),
            }
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

impl Ask for Store {
    type Answer = Result<Option<Stored>, StoreFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Stored(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_address_is_not_public() {
        let public = [
            "93.184.216.34",
            "8.8.8.8",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ];
        let others = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "100::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in others {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}

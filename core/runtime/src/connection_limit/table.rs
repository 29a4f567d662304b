//! Who has how many connections open and how many bytes buffered: in all, and for each address. Pure.

use std::collections::BTreeMap;

use entra_mcp_core::{config::ClientAddress, limits, rate_limit::RateTable};

use super::{Occupancy, inbound_limits::InboundLimits, sessions::Sessions};

/// What a connection, or a request behind a proxy, is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A connection on which no good session token was shown.
    Stranger,
    /// A connection of a user.
    User,
    /// A connection over a limit, which is answered once.
    Overflow(OverLimit),
}

/// Which limit there is no room under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverLimit {
    /// That of all connections.
    Server,
    /// That of the address.
    Address,
    /// That of the session.
    Session,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    connections: usize,
    overflow: usize,
    bytes: usize,
    /// No address is here that has nothing open.
    addresses: BTreeMap<ClientAddress, Counts>,
    pub(super) sessions: Sessions,
    pub(super) rates: RateTable,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    connections: usize,
    strangers: usize,
    overflow: usize,
    bytes: usize,
}

impl Table {
    /// Nothing is held yet.
    pub(super) fn new(limits: &InboundLimits) -> Self {
        let rates = match limits.tells_replicas {
            true => RateTable::told_to_others(),
            false => RateTable::default(),
        };
        Self {
            rates,
            ..Self::default()
        }
    }

    /// How much is held, without how much may be.
    pub(super) fn occupancy(&self) -> Occupancy {
        Occupancy {
            connections: self.connections,
            connection_bound: 0,
            overflow: self.overflow,
            bytes: self.bytes,
            rates: self.rates.len(),
        }
    }

    /// Takes a place for a connection; `None` if it is to be closed unanswered.
    pub(super) fn connect(
        &mut self,
        address: Option<ClientAddress>,
        limits: &InboundLimits,
    ) -> Option<Place> {
        let counts = self.counts(address);
        let over = if self.connections >= limits.connections {
            Some(OverLimit::Server)
        } else if counts.is_some_and(|counts| counts.is_full(limits)) {
            Some(OverLimit::Address)
        } else {
            None
        };
        let place = match over {
            None => Place::Stranger,
            Some(over) => {
                let of_address = counts.map_or(0, |counts| counts.overflow);
                let has_room = self.overflow < limits::OVERFLOW_CONNECTIONS
                    && of_address < limits::OVERFLOW_CONNECTIONS_PER_ADDRESS;
                has_room.then_some(Place::Overflow(over))?
            }
        };
        self.enter(address, place);
        Some(place)
    }

    /// Makes a connection a user's, for which there must be room among all connections.
    pub(super) fn authenticate(
        &mut self,
        address: Option<ClientAddress>,
        place: Place,
        limits: &InboundLimits,
    ) -> Result<Place, OverLimit> {
        match place {
            Place::User => return Ok(place),
            Place::Stranger => {}
            Place::Overflow(_) => {
                if self.connections >= limits.connections {
                    return Err(OverLimit::Server);
                }
                let counts = self.counts(address);
                if counts.is_some_and(|counts| counts.connections >= limits.connections_per_address)
                {
                    return Err(OverLimit::Address);
                }
            }
        }
        self.enter(address, Place::User);
        self.leave(address, place);
        Ok(Place::User)
    }

    /// Takes a place for a request of a stranger that a proxy passed on: the connection is the proxy's.
    pub(super) fn request(
        &mut self,
        client: ClientAddress,
        limits: &InboundLimits,
    ) -> Result<(), OverLimit> {
        let counts = self.counts(Some(client));
        if counts.is_some_and(|counts| counts.strangers >= limits.strangers_per_address) {
            return Err(OverLimit::Address);
        }
        self.change(Some(client), |counts| counts.strangers += 1);
        Ok(())
    }

    /// Gives the place of such a request back.
    pub(super) fn end_request(&mut self, client: ClientAddress) {
        self.change(Some(client), |counts| counts.strangers -= 1);
    }

    /// Gives the place of a connection back.
    pub(super) fn leave(&mut self, address: Option<ClientAddress>, place: Place) {
        match place {
            Place::Stranger | Place::User => self.connections -= 1,
            Place::Overflow(_) => self.overflow -= 1,
        }
        self.change(address, |counts| match place {
            Place::Stranger => {
                counts.connections -= 1;
                counts.strangers -= 1;
            }
            Place::User => counts.connections -= 1,
            Place::Overflow(_) => counts.overflow -= 1,
        });
    }

    fn enter(&mut self, address: Option<ClientAddress>, place: Place) {
        match place {
            Place::Stranger | Place::User => self.connections += 1,
            Place::Overflow(_) => self.overflow += 1,
        }
        self.change(address, |counts| match place {
            Place::Stranger => {
                counts.connections += 1;
                counts.strangers += 1;
            }
            Place::User => counts.connections += 1,
            Place::Overflow(_) => counts.overflow += 1,
        });
    }

    /// Counts bytes that are buffered, if that many more may be.
    pub(super) fn buffer(
        &mut self,
        address: Option<ClientAddress>,
        bytes: usize,
        limits: &InboundLimits,
    ) -> Result<(), OverLimit> {
        let of_address = self.counts(address).map_or(0, |counts| counts.bytes);
        if address.is_some() && of_address.saturating_add(bytes) > limits.bytes_per_address {
            return Err(OverLimit::Address);
        }
        if self.bytes.saturating_add(bytes) > limits.bytes {
            return Err(OverLimit::Server);
        }
        self.bytes += bytes;
        self.change(address, |counts| counts.bytes += bytes);
        Ok(())
    }

    /// Counts bytes out again.
    pub(super) fn release(&mut self, address: Option<ClientAddress>, bytes: usize) {
        self.bytes -= bytes;
        self.change(address, |counts| counts.bytes -= bytes);
    }

    fn counts(&self, address: Option<ClientAddress>) -> Option<&Counts> {
        self.addresses.get(&address?)
    }

    fn change(&mut self, address: Option<ClientAddress>, change: impl FnOnce(&mut Counts)) {
        let Some(address) = address else { return };
        let counts = self.addresses.entry(address).or_default();
        change(counts);
        if *counts == Counts::default() {
            self.addresses.remove(&address);
        }
    }
}

impl Counts {
    fn is_full(&self, limits: &InboundLimits) -> bool {
        self.connections >= limits.connections_per_address
            || self.strangers >= limits.strangers_per_address
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const LIMITS: &InboundLimits = &InboundLimits {
        connections: 6,
        connections_per_address: 3,
        strangers_per_address: 2,
        bytes: 100,
        bytes_per_address: 60,
        base_path: entra_mcp_core::base_path::BasePath::NONE,
        trusted_proxies: Vec::new(),
        proxy_protocol: false,
        rates: entra_mcp_core::config::RateLimits::none(),
        tells_replicas: false,
        counts_loopback: true,
    };

    fn address(last: u8) -> Option<ClientAddress> {
        Some(ClientAddress::from(IpAddr::from([192, 0, 2, last])))
    }

    // M10
    #[test]
    fn address_with_its_share_of_connections_takes_none_of_others() {
        let mut table = Table::default();
        let mut connect = |last| table.connect(address(last), LIMITS);
        let answered = Some(Place::Overflow(OverLimit::Address));
        assert_eq!([connect(1), connect(1)], [Some(Place::Stranger); 2]);
        for _ in 0..limits::OVERFLOW_CONNECTIONS_PER_ADDRESS {
            assert_eq!(connect(1), answered);
        }
        assert_eq!(connect(1), None);
        assert_eq!([connect(2), connect(2)], [Some(Place::Stranger); 2]);
        assert_eq!(connect(2), answered);
    }

    #[test]
    fn connection_of_a_user_is_none_of_the_strangers() {
        let mut table = Table::default();
        let first = table.connect(address(1), LIMITS).unwrap();
        let second = table.connect(address(1), LIMITS).unwrap();
        let over = table.connect(address(1), LIMITS).unwrap();
        assert_eq!(
            table.authenticate(address(1), first, LIMITS),
            Ok(Place::User)
        );
        assert_eq!(
            table.authenticate(address(1), second, LIMITS),
            Ok(Place::User)
        );
        // A user whose address is full is served nevertheless, up to the limit of all its connections.
        assert_eq!(
            table.authenticate(address(1), over, LIMITS),
            Ok(Place::User)
        );
        let over = table.connect(address(1), LIMITS).unwrap();
        assert_eq!(over, Place::Overflow(OverLimit::Address));
        let refused = table.authenticate(address(1), over, LIMITS);
        assert_eq!(refused, Err(OverLimit::Address));
    }

    #[test]
    fn connections_without_an_address_are_bounded_in_all() {
        let mut table = Table::default();
        for _ in 0..LIMITS.connections {
            assert_eq!(table.connect(None, LIMITS), Some(Place::Stranger));
        }
        let over = table.connect(None, LIMITS).unwrap();
        assert_eq!(over, Place::Overflow(OverLimit::Server));
        assert_eq!(
            table.authenticate(None, over, LIMITS),
            Err(OverLimit::Server)
        );
    }

    #[test]
    fn requests_of_one_client_behind_a_proxy_are_bounded() {
        let mut table = Table::default();
        let client = address(1).unwrap();
        assert_eq!(table.request(client, LIMITS), Ok(()));
        assert_eq!(table.request(client, LIMITS), Ok(()));
        assert_eq!(table.request(client, LIMITS), Err(OverLimit::Address));
        assert_eq!(table.request(address(2).unwrap(), LIMITS), Ok(()));
        table.end_request(client);
        assert_eq!(table.request(client, LIMITS), Ok(()));
    }

    // M10
    #[test]
    fn buffered_bytes_are_bounded_for_an_address_and_in_all() {
        let mut table = Table::default();
        assert_eq!(table.buffer(address(1), 60, LIMITS), Ok(()));
        assert_eq!(table.buffer(address(1), 1, LIMITS), Err(OverLimit::Address));
        assert_eq!(table.buffer(address(2), 40, LIMITS), Ok(()));
        assert_eq!(table.buffer(address(3), 1, LIMITS), Err(OverLimit::Server));
        assert_eq!(table.buffer(None, 1, LIMITS), Err(OverLimit::Server));
        table.release(address(1), 60);
        assert_eq!(table.buffer(None, 60, LIMITS), Ok(()));
    }

    // M13
    #[test]
    fn address_that_left_is_forgotten() {
        let mut table = Table::default();
        let place = table.connect(address(1), LIMITS).unwrap();
        table.buffer(address(1), 10, LIMITS).unwrap();
        let place = table.authenticate(address(1), place, LIMITS).unwrap();
        table.request(address(2).unwrap(), LIMITS).unwrap();
        table.end_request(address(2).unwrap());
        table.release(address(1), 10);
        table.leave(address(1), place);
        assert!(table.addresses.is_empty());
        assert_eq!((table.connections, table.overflow, table.bytes), (0, 0, 0));
    }
}

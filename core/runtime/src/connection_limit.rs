//! What clients may hold of the server before it knows who they are: connections, and bytes that are
//! buffered, in all and for each address (threat M10).
//!
//! A connection is a stranger's until a request on it bears a session token that is good; then it is a
//! user's, who has other limits. Behind a trusted proxy the connections are the proxy's, and the requests of
//! strangers are counted instead, for the client that the proxy names.

mod inbound_limits;
mod request;
mod sessions;
mod table;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entra_mcp_core::{
    admit::is_exempt_from_limit,
    config::ClientAddress,
    error_responses,
    limits::UNCOUNTED_BYTES,
    log_event::{Field, LogEvent, LogEventId},
    rate_limit::{CountedElsewhere, Untold},
    request_id::RequestId,
    time::Now,
};
use entra_mcp_http1::{RequestHead, forwarded_client::forwarded_client};
use http::{Response, header};

pub(crate) use self::request::UnwrittenResponse;
use self::table::{OverLimit, Place, Table};
pub use self::{
    inbound_limits::InboundLimits,
    request::{PendingRequest, Remainder, RequestOrigin, RequestPermit, TokenHolder},
};
use crate::{Clock, log, request_ids::RequestIds};

/// The limits of one service, and what is held under them.
#[derive(Debug)]
pub struct ConnectionLimit {
    limits: InboundLimits,
    clock: Clock,
    request_ids: RequestIds,
    table: Mutex<Table>,
}

/// Which connections a permit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitKind {
    /// There was room: requests are served.
    Normal,
    /// A limit was reached: the connection gets one response, an error to most requests.
    Overflow,
}

/// The right to hold a connection open, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    peer: IpAddr,
    address: Option<ClientAddress>,
    kind: PermitKind,
    held: Mutex<Held>,
}

/// What a connection holds.
#[derive(Debug)]
struct Held {
    place: Place,
    bytes: usize,
}

/// How much of what there is is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Connections that are open.
    pub connections: usize,
    /// How many may be.
    pub connection_bound: usize,
    /// Connections over a limit, which are told so.
    pub overflow: usize,
    /// Bytes that are buffered of requests of strangers.
    pub bytes: usize,
    /// Addresses, clients and users that are counted for limits of rate.
    pub rates: usize,
}

/// The session that a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey([u8; 16]);

impl From<[u8; 16]> for SessionKey {
    fn from(name: [u8; 16]) -> Self {
        Self(name)
    }
}

type Refusal = Box<Response<Bytes>>;

impl ConnectionLimit {
    /// Nothing is held yet.
    #[must_use]
    pub fn new(limits: InboundLimits) -> Self {
        Self {
            table: Mutex::new(Table::new(&limits)),
            limits,
            clock: Clock::start(),
            request_ids: RequestIds::new(),
        }
    }

    /// Returns how much is held now.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        Occupancy {
            connection_bound: self.limits.connections,
            ..self.table().occupancy()
        }
    }

    /// Whether other replicas are told what is counted.
    pub(crate) fn tells_replicas(&self) -> bool {
        self.limits.tells_replicas
    }

    /// What they do not know yet of what was counted under the limits of rate.
    pub(crate) fn take_untold(&self) -> Option<Untold> {
        self.table().rates.take_untold()
    }

    /// Takes what another replica has counted under them.
    pub(crate) fn count_elsewhere(&self, counted: &CountedElsewhere) {
        let now = self.now();
        self.table().rates.count_elsewhere(counted, now.instant);
    }

    /// Returns a permit for one more connection of this peer; `None` if it is to be closed unanswered.
    pub fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<Arc<ConnectionPermit>> {
        let address = self.limits.counted(peer).map(ClientAddress::from);
        let place = self.table().connect(address, &self.limits)?;
        let kind = match place {
            Place::Stranger | Place::User => PermitKind::Normal,
            Place::Overflow(_) => PermitKind::Overflow,
        };
        Some(Arc::new(ConnectionPermit {
            limit: Arc::clone(self),
            peer,
            address,
            kind,
            held: Mutex::new(Held { place, bytes: 0 }),
        }))
    }

    /// Counts the bytes that are buffered now, instead of those that were.
    fn buffer(
        &self,
        address: Option<ClientAddress>,
        counted: &mut usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let bytes = bytes.saturating_sub(UNCOUNTED_BYTES);
        if bytes > *counted {
            let buffered = self.table().buffer(address, bytes - *counted, &self.limits);
            buffered.map_err(|over| {
                log_limited(over, address, None);
                Box::new(error_responses::busy())
            })?;
        } else if bytes < *counted {
            self.table().release(address, *counted - bytes);
        }
        *counted = bytes;
        Ok(())
    }

    /// Counts the bytes of a body of a session's that are held now, instead of those that were.
    fn hold_body(
        &self,
        session: SessionKey,
        counted: &mut usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let bytes = bytes.saturating_sub(UNCOUNTED_BYTES);
        if bytes > *counted {
            let held = self.table().sessions.hold_body(session, bytes - *counted);
            held.map_err(|over| refusal(over, None, None))?;
        } else if bytes < *counted {
            self.table()
                .sessions
                .release_body(session, *counted - bytes);
        }
        *counted = bytes;
        Ok(())
    }

    /// Both clocks, read now.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Returns which connections it is for.
    #[must_use]
    pub fn kind(&self) -> PermitKind {
        self.kind
    }

    /// Counts what is buffered of a request before it is known whose it is: all of it, each time.
    ///
    /// # Errors
    ///
    /// The response to give: too much is buffered, of this address or in all. What was counted before stays so.
    pub fn buffer(&self, bytes: usize) -> Result<(), Refusal> {
        self.limit
            .buffer(self.address, &mut self.held().bytes, bytes)
    }

    /// Looks at a head that has just come for what [`PendingRequest::begin`] must know.
    ///
    /// # Errors
    ///
    /// As [`Self::pending_request_at`].
    pub fn pending_request(&self, head: &RequestHead) -> Result<PendingRequest, Refusal> {
        self.pending_request_at(head, self.limit.now())
    }

    /// The same of a head that had come at this time.
    ///
    /// # Errors
    ///
    /// The response to give: a limit is reached, and the request is neither a user's nor for health or metadata.
    pub fn pending_request_at(
        &self,
        head: &RequestHead,
        now: Now,
    ) -> Result<PendingRequest, Refusal> {
        let is_proxy = self.limit.limits.trusts(self.peer);
        let named = is_proxy.then(|| RequestId::of_proxy(&head.headers));
        let request_id = named
            .flatten()
            .unwrap_or_else(|| self.limit.request_ids.next());
        let is_exempt = is_exempt_from_limit(head, &self.limit.limits.base_path);
        if let (Place::Overflow(over), false) = (self.held().place, is_exempt)
            && !head.headers.contains(&header::AUTHORIZATION)
        {
            return Err(refusal(over, self.address, Some(&request_id)));
        }
        let proxies = &self.limit.limits.trusted_proxies;
        let named = is_proxy.then(|| forwarded_client(&head.headers, proxies));
        let client = named
            .flatten()
            .and_then(|client| self.limit.limits.counted(client));
        let client = client.map(ClientAddress::from);
        Ok(PendingRequest {
            client,
            is_exempt,
            origin: RequestOrigin {
                request_id,
                client: client.or(self.address),
                now,
            },
        })
    }

    /// Whether the peer is a proxy that says whose the connection is by the PROXY protocol.
    pub(crate) fn awaits_proxy_header(&self) -> bool {
        let limits = &self.limit.limits;
        limits.proxy_protocol && limits.trusts(self.peer)
    }

    /// Returns the permit of the same connection, of which a trusted proxy has said that it is this client's; `None` if it is
    /// to be closed unanswered. Both are held until this one is dropped.
    pub(crate) fn of_client(&self, client: IpAddr) -> Option<Arc<Self>> {
        self.limit.acquire(client)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut held = self.held();
        let _ = self.limit.buffer(self.address, &mut held.bytes, 0);
        self.limit.table().leave(self.address, held.place);
    }
}

/// The response to who is over a limit.
fn refusal(
    over: OverLimit,
    address: Option<ClientAddress>,
    request_id: Option<&RequestId>,
) -> Refusal {
    log_limited(over, address, request_id);
    let mut response = match over {
        OverLimit::Server => error_responses::busy(),
        OverLimit::Address => error_responses::too_many_connections(),
        OverLimit::Session => error_responses::too_many_requests(),
    };
    if let Some(id) = request_id {
        id.name_in(response.headers_mut());
    }
    Box::new(response)
}

fn log_limited(over: OverLimit, address: Option<ClientAddress>, request_id: Option<&RequestId>) {
    if let (OverLimit::Address, Some(address)) = (over, address) {
        let mut event =
            LogEvent::new(LogEventId::AddressLimited).with(Field::Address, address.to_string());
        if let Some(id) = request_id {
            event = event.with(Field::RequestId, id.to_string());
        }
        log(&event);
    }
}

#[cfg(test)]
mod tests;

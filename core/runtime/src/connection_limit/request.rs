//! The requests on a connection: who may have one served, and what is held for it.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::{
    admit::Admission,
    config::ClientAddress,
    limits,
    rate_limit::{Counted, RateLimited, Subject},
    request_id::RequestId,
    time::Now,
};

use super::{
    ConnectionLimit, ConnectionPermit, PermitKind, Refusal, SessionKey, refusal,
    table::{OverLimit, Place},
};
use crate::log;

/// A request whose head has come, before anybody has looked whose it is.
#[derive(Debug)]
pub struct PendingRequest {
    pub(super) client: Option<ClientAddress>,
    pub(super) is_exempt: bool,
    pub(super) origin: RequestOrigin,
}

/// What is known of a request before anybody has looked at what it asks for.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    /// What its log lines and its response have in common.
    pub request_id: RequestId,
    /// The address that it is counted for.
    pub client: Option<ClientAddress>,
    /// When its head had come.
    pub now: Now,
}

/// The user whose good token a request bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The session.
    pub session: SessionKey,
    /// The user, as the client knows them.
    pub subject: Subject,
}

impl TokenHolder {
    /// The one of a request that was admitted; `None` if it is a stranger's.
    #[must_use]
    pub fn of(admission: &Admission) -> Option<Self> {
        Some(Self {
            session: SessionKey::from(admission.session()?),
            subject: admission.subject()?,
        })
    }
}

/// The right to have a request served, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct RequestPermit {
    connection: Arc<ConnectionPermit>,
    /// Whom a request that a proxy passed on is counted for.
    client: Option<ClientAddress>,
    session: Option<SessionKey>,
    /// Its user asks too often.
    limited: Option<RateLimited>,
    bytes: usize,
}

/// A response of a session's that waits to be written; counted until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct UnwrittenResponse {
    limit: Arc<ConnectionLimit>,
    session: SessionKey,
    bytes: usize,
}

/// A request that may be worked on after its response; counted from [`Remainder::begin`] until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Remainder {
    limit: Arc<ConnectionLimit>,
    session: Option<SessionKey>,
    is_counted: bool,
}

impl PendingRequest {
    /// Returns what is known of it.
    #[must_use]
    pub fn origin(&self) -> RequestOrigin {
        self.origin.clone()
    }

    /// Begins the request, which the connection was asked about before.
    ///
    /// # Errors
    ///
    /// The response to give: a limit is reached.
    pub fn begin(
        self,
        connection: &Arc<ConnectionPermit>,
        holder: Option<TokenHolder>,
    ) -> Result<RequestPermit, Refusal> {
        let (limit, id) = (&connection.limit, Some(&self.origin.request_id));
        let (mut client, mut limited, mut held) = (None, None, connection.held());
        if let Some(holder) = holder {
            let (place, counted) = {
                let mut table = limit.table();
                let may_remain = table.sessions.may_remain(holder.session);
                may_remain.map_err(|over| refusal(over, None, id))?;
                let place = table.authenticate(connection.address, held.place, &limit.limits);
                let (limits, now) = (&limit.limits.rates, || self.origin.now.instant);
                (place, table.rates.count_user(holder.subject, limits, now))
            };
            held.place = place.map_err(|over| refusal(over, connection.address, id))?;
            limited = uncounted(counted);
            limit.buffer(connection.address, &mut held.bytes, 0)?;
        } else if !self.is_exempt {
            if let Place::Overflow(over) = held.place {
                return Err(refusal(over, connection.address, id));
            }
            client = self.client;
            if let Some(client) = client {
                let counted = limit.table().request(client, &limit.limits);
                counted.map_err(|over: OverLimit| refusal(over, Some(client), id))?;
            }
        }
        drop(held);
        Ok(RequestPermit {
            connection: Arc::clone(connection),
            client,
            session: holder.map(|holder| holder.session),
            limited,
            bytes: 0,
        })
    }
}

impl RequestPermit {
    /// Returns the most bytes of body that are read, of those that the service takes: none of a request over a
    /// limit that is served nevertheless.
    #[must_use]
    pub fn body_limit(&self, of_service: usize) -> usize {
        match (self.session, self.connection.kind) {
            (None, PermitKind::Overflow) => 0,
            _ => of_service,
        }
    }

    /// Counts what is buffered of the body: all of it, each time.
    ///
    /// # Errors
    ///
    /// The response to give: too much is buffered, of this address or session or in all.
    pub fn buffer(&mut self, bytes: usize) -> Result<(), Refusal> {
        let limit = &self.connection.limit;
        match self.session {
            Some(session) => limit.hold_body(session, &mut self.bytes, bytes),
            None => {
                let address = self.client();
                limit.buffer(address, &mut self.bytes, bytes)
            }
        }
    }

    /// Tells a request whose body is whole what it is counted for, and counts it under the limits of rate: that of a user
    /// was, with its head.
    #[must_use]
    pub fn count(&self, admission: Admission, body: &Bytes) -> Admission {
        let client = self.client();
        let admission = admission.of_client(client);
        let limited = match admission.rate_request(body) {
            None => self.limited,
            Some(request) => {
                let limit = &self.connection.limit;
                let (now, limits) = (limit.now().instant, &limit.limits.rates);
                let counted = limit
                    .table()
                    .rates
                    .count_request(request, client, limits, now);
                uncounted(counted)
            }
        };
        match limited {
            Some(limited) => admission.limited(limited),
            None => admission,
        }
    }

    /// Returns the address that the request is counted for, if there is one that stands for its client.
    pub(super) fn client(&self) -> Option<ClientAddress> {
        self.client.or(self.connection.address)
    }

    /// Returns the session of the user whose good token it bears.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        self.session
    }

    /// Returns what counts the request if it is worked on after its response.
    pub fn remainder(&self) -> Remainder {
        Remainder {
            limit: Arc::clone(&self.connection.limit),
            session: self.session,
            is_counted: false,
        }
    }
}

/// What is to be told to a request that comes too soon. That there is no room is for the operator.
fn uncounted(counted: Result<Counted, RateLimited>) -> Option<RateLimited> {
    match counted {
        Ok(counted) => {
            if let Some(line) = counted.log_event() {
                log(&line);
            }
            None
        }
        Err(limited) => Some(limited),
    }
}

impl Remainder {
    /// The response is out, and the work goes on. Returns whether the connection may take its next request
    /// meanwhile: a stranger has nothing else that bounds them.
    #[must_use]
    pub fn begin(&mut self) -> bool {
        if let (Some(session), false) = (self.session, self.is_counted) {
            self.is_counted = true;
            self.limit.table().sessions.remain(session);
        }
        self.session.is_some()
    }
}

impl UnwrittenResponse {
    /// Counts so many bytes; `None` if they are too few to be counted.
    ///
    /// # Errors
    ///
    /// The response to give in place of it: too much is not read, by this session or in all.
    pub(crate) fn hold(
        connection: &ConnectionPermit,
        session: SessionKey,
        bytes: usize,
    ) -> Result<Option<Self>, Refusal> {
        if bytes <= limits::UNCOUNTED_BYTES {
            return Ok(None);
        }
        let limit = &connection.limit;
        let held = limit.table().sessions.hold_response(session, bytes);
        held.map_err(|over| refusal(over, None, None))?;
        Ok(Some(Self {
            limit: Arc::clone(limit),
            session,
            bytes,
        }))
    }
}

impl Drop for UnwrittenResponse {
    fn drop(&mut self) {
        let mut table = self.limit.table();
        table.sessions.release_response(self.session, self.bytes);
    }
}

impl Drop for Remainder {
    fn drop(&mut self) {
        if let (Some(session), true) = (self.session, self.is_counted) {
            self.limit.table().sessions.end_remainder(session);
        }
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        // Fewer bytes than before are never refused.
        let _ = self.buffer(0);
        let limit = &self.connection.limit;
        if let Some(client) = self.client {
            limit.table().end_request(client);
        }
    }
}

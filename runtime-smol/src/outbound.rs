//! Fetches, with `hyper`'s client over connections that are kept: no redirects, every status an
//! answer, the deadline and the body limit of the fetch, and the rule of which addresses may be
//! dialled, judged on the resolved address.

mod dial;
mod open;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_io::Timer;
use bytes::Bytes;
use entra_mcp_core::ask::{Ask, Fetch, FetchFault, FetchTarget};
use entra_mcp_runtime::egress::Egress;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use smol::future::FutureExt as _;

use self::dial::Dialer;
pub(crate) use self::{
    dial::{Outward, first_that_answers},
    open::{OpenBodies, OpenBody},
};
use crate::executor::Executor;

/// Connections that are kept for later, to each host: Entra and Graph are two.
const IDLE_CONNECTIONS: usize = 32;

/// Shorter than Entra's and Graph's own, so that a kept connection is seldom a closed one.
const IDLE_AGE: Duration = Duration::from_secs(30);

/// A connection that takes requests.
type Connection = SendRequest<Full<Bytes>>;

/// The outbound side.
#[derive(Debug)]
pub(crate) struct Outbound {
    dialer: Dialer,
    idle: Mutex<BTreeMap<Place, Vec<Idle>>>,
}

/// What a connection is good for. One that was dialled for the operator is never used for a
/// stranger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    host: String,
    port: u16,
    is_secure: bool,
    is_public_only: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Outbound {
    /// An outbound side without connections.
    pub(crate) fn new(executor: Executor, egress: Arc<Egress>) -> Self {
        Self {
            dialer: Dialer::new(executor, egress),
            idle: Mutex::default(),
        }
    }

    /// Performs a fetch; takes at most as long as it says.
    pub(crate) async fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        let within = fetch.within;
        let late = async {
            Timer::after(within).await;
            Err(FetchFault::TimedOut)
        };
        self.fetch_at_leisure(fetch).or(late).await
    }

    /// Performs a fetch, of which the body of a good answer is kept open for so long.
    pub(crate) async fn fetch_open(
        &self,
        fetch: Fetch,
        kept_open: Duration,
    ) -> Result<(Response<Bytes>, Option<OpenBody>), FetchFault> {
        let (within, until) = (fetch.within, Instant::now().checked_add(kept_open));
        let opened = async {
            let (response, place, connection) = self.begin(fetch.target).await?;
            if !response.status().is_success() {
                let response = self
                    .finish(response, place, connection, fetch.body_limit)
                    .await?;
                return Ok((response, None));
            }
            let (head, body) = response.into_parts();
            let body = OpenBody::new((body, connection), until, within);
            Ok((Response::from_parts(head, Bytes::new()), Some(body)))
        };
        let late = async {
            Timer::after(within.min(kept_open)).await;
            Err(FetchFault::TimedOut)
        };
        opened.or(late).await
    }

    async fn fetch_at_leisure(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        let (response, place, connection) = self.begin(fetch.target).await?;
        self.finish(response, place, connection, fetch.body_limit)
            .await
    }

    /// Sends a request, and reads the head of the answer.
    async fn begin(
        &self,
        target: FetchTarget,
    ) -> Result<(Response<Incoming>, Place, Connection), FetchFault> {
        let (wanted, is_public_only) = match target {
            FetchTarget::Configured(request) => (request, false),
            FetchTarget::PublicOnly(request) => (request, true),
        };
        let place = Place::of(wanted.uri(), is_public_only).ok_or(FetchFault::Unreachable)?;
        let request = request(wanted);
        let (response, connection) = self.send(request, &place).await?;
        Ok((response, place, connection))
    }

    /// Reads the body of the answer.
    async fn finish(
        &self,
        response: Response<Incoming>,
        place: Place,
        connection: Connection,
        limit: usize,
    ) -> <Fetch as Ask>::Answer {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, limit).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => FetchFault::TooLarge,
            false => FetchFault::Unreachable,
        })?;
        self.keep(place, connection);
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// Sends a request on a kept connection, or on a new one if there is none that still takes it.
    /// What was begun to be sent is not sent again, unless its method is safe: a host may close a kept connection just
    /// then (RFC 9112 section 9.3.1).
    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        place: &Place,
    ) -> Result<(Response<Incoming>, Connection), FetchFault> {
        while let Some(mut connection) = self.take(place) {
            if connection.ready().await.is_err() {
                continue;
            }
            let copy = request.method().is_safe().then(|| request.clone());
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(mut error) => match error.take_message().or(copy) {
                    Some(again) => request = again,
                    None => return Err(FetchFault::Unreachable),
                },
            }
        }
        let mut connection = self.dialer.dial(place).await?;
        let response = connection.send_request(request).await;
        let response = response.map_err(|_| FetchFault::Unreachable)?;
        Ok((response, connection))
    }

    fn take(&self, place: &Place) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = idle.get_mut(place)?;
        of_host.retain(|idle| !idle.connection.is_closed() && idle.since.elapsed() < IDLE_AGE);
        of_host.pop().map(|idle| idle.connection)
    }

    fn keep(&self, place: Place, connection: Connection) {
        if connection.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // A stranger's host is not asked twice, and there are any number of them.
        if place.is_public_only {
            return;
        }
        let of_host = idle.entry(place).or_default();
        if of_host.len() < IDLE_CONNECTIONS {
            let since = Instant::now();
            of_host.push(Idle { connection, since });
        }
    }
}

impl Place {
    fn of(uri: &Uri, is_public_only: bool) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            host: host.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            is_secure,
            is_public_only,
        })
    }
}

/// The request as it is sent: in origin form, with `Host` and `User-Agent`.
fn request(request: Request<Bytes>) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(|authority| {
        // A user in the address would be a mistake of the core's; it is not sent to anybody.
        let authority = authority.as_str();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host)
    });
    let host = authority.and_then(|host| HeaderValue::from_str(host).ok());
    if let Some(host) = host {
        head.headers.insert(header::HOST, host);
    }
    let agent = HeaderValue::from_static("entra-mcp");
    head.headers.insert(header::USER_AGENT, agent);
    let target = head.uri.path_and_query().cloned();
    head.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    Request::from_parts(head, Full::new(body))
}

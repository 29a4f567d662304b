//! Backends: the connections to them, which are kept for a moment, and the requests on them.
//!
//! A connection is driven by whoever uses it: nothing is read that nobody lets come, and it is closed when it is
//! dropped.

mod asks;
mod connection;
mod pull;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use async_io::Timer;
use bytes::Bytes;
use entra_mcp_core::{
    ask::{Pull, PullFault},
    config::{BackendHost, Endpoint},
};
use entra_mcp_runtime::BackendTls;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use smol::future::FutureExt as _;

pub(crate) use self::asks::BackendAsks;
use self::{connection::Connection, pull::RunningPull};

/// Connections that are kept for later, of each backend to each host.
const IDLE_CONNECTIONS: usize = 32;

/// Shorter than what any common server waits for the next request, so that a kept connection is seldom a closed one:
/// what was sent on such a one is not sent again.
const IDLE_AGE: Duration = Duration::from_secs(1);

/// A connection, and since when it waits for a request.
type Idle = (Connection, Instant);

/// The connections to backends.
#[derive(Debug)]
pub(crate) struct Backends {
    tls: BackendTls,
    idle: Mutex<BTreeMap<(Endpoint, BackendHost), Vec<Idle>>>,
}

impl Backends {
    /// No connections yet.
    pub(crate) fn new(tls: BackendTls) -> Self {
        let idle = Mutex::default();
        Self { tls, idle }
    }

    /// Sends a request, on a kept connection or a new one, and reads the head of its answer.
    async fn send(&self, pull: &Pull) -> Result<(Response<Incoming>, Connection), PullFault> {
        let mut request = request(pull);
        while let Some(mut connection) = self.take(pull) {
            match connection.send(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(Some(unsent)) => request = *unsent,
                Err(None) if pull.method.is_safe() => request = self::request(pull),
                Err(None) => return Err(PullFault::Broken),
            }
        }
        let late = within(pull.limits.connect, PullFault::Unreachable);
        let mut connection = Connection::dial(pull, &self.tls).or(late).await?;
        match connection.send(request).await {
            Ok(response) => Ok((response, connection)),
            Err(Some(_)) => Err(PullFault::Unreachable),
            Err(None) => Err(PullFault::Broken),
        }
    }

    fn take(&self, pull: &Pull) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = idle.get_mut(&place(pull))?;
        while let Some((mut connection, since)) = of_host.pop() {
            // Looks whether the backend has closed it.
            let mut cx = Context::from_waker(Waker::noop());
            if since.elapsed() < IDLE_AGE && connection.is_idle(&mut cx) {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, pull: &Pull, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = idle.entry(place(pull)).or_default();
        of_host.retain(|(_, since)| since.elapsed() < IDLE_AGE);
        if of_host.len() < IDLE_CONNECTIONS {
            of_host.push((connection, Instant::now()));
        }
    }
}

/// Where connections are kept: who one comes as is set for each backend.
fn place(pull: &Pull) -> (Endpoint, BackendHost) {
    (pull.endpoint, pull.backend.host().clone())
}

/// Fails after this time.
async fn within<T>(time: Duration, fault: PullFault) -> Result<T, PullFault> {
    Timer::after(time).await;
    Err(fault)
}

/// The request as it is sent: in origin form, with `Host` and `User-Agent`.
fn request(pull: &Pull) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(pull.body.clone()));
    *request.method_mut() = pull.method.clone();
    // The address was judged when it was read.
    *request.uri_mut() = Uri::try_from(pull.backend.path()).unwrap_or_default();
    let headers = request.headers_mut();
    *headers = pull.headers.clone();
    if let Ok(host) = HeaderValue::from_str(&pull.backend.authority()) {
        headers.insert(header::HOST, host);
    }
    headers.insert(header::USER_AGENT, HeaderValue::from_static("entra-mcp"));
    request
}

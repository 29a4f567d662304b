//! Fetches, with `ureq`: no redirects, every status an answer, the deadline and the body limit of
//! the fetch, and the rule of which addresses may be dialled, judged on the resolved address.

mod open;
mod route;

use std::{io::Read as _, sync::Arc, time::Duration};

use bytes::Bytes;
use entra_mcp_core::ask::{Ask, Fetch, FetchFault, FetchTarget};
use entra_mcp_runtime::egress::Egress;
use http::Response;
use ureq::{
    Agent, AsSendBody, Body, Error,
    config::{AutoHeaderValue, ConfigBuilder},
    tls::{Certificate, RootCerts, TlsConfig},
    typestate::HttpCrateScope,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector as _, RustlsConnector, TcpConnector},
    },
};

pub(crate) use self::open::{OpenBodies, OpenBody};
use self::route::Route;

/// Connections that are kept for later: Entra and Graph are two hosts, asked by many threads.
const IDLE_CONNECTIONS: usize = 64;
const IDLE_CONNECTIONS_PER_HOST: usize = 32;

/// Shorter than Entra's and Graph's own, so that a kept connection is seldom a closed one.
const IDLE_AGE: Duration = Duration::from_secs(30);

/// The outbound side. Each reach has connections of its own: one that was dialled for the operator
/// is never used for a stranger.
#[derive(Debug)]
pub(crate) struct Outbound {
    configured: Agent,
    public_only: Agent,
}

impl Outbound {
    /// An outbound side without connections.
    pub(crate) fn new(egress: &Arc<Egress>) -> Self {
        let agent = |is_public_only| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                // Ours is in the connector: of strangers' hosts it is told addresses, and no names.
                .proxy(None)
                .tls_config(tls_config(egress))
                .user_agent("entra-mcp")
                .accept(AutoHeaderValue::None)
                .accept_encoding(AutoHeaderValue::None)
                .max_idle_connections(IDLE_CONNECTIONS)
                .max_idle_connections_per_host(IDLE_CONNECTIONS_PER_HOST)
                .max_idle_age(IDLE_AGE)
                .build();
            let route = Route {
                egress: Arc::clone(egress),
                is_public_only,
                addresses: Arc::new(DefaultResolver::default()),
            };
            let connector =
                ().chain(TcpConnector::default())
                    .chain(route.clone())
                    .chain(RustlsConnector::default());
            Agent::with_parts(config, connector, route)
        };
        Self {
            configured: agent(false),
            public_only: agent(true),
        }
    }

    /// Performs a fetch; takes at most as long as it says.
    pub(crate) fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        let response = self.send(fetch.target, fetch.within, None)?;
        whole(response, fetch.body_limit)
    }

    /// Performs a fetch, of which the body of a good answer is kept open for so long.
    pub(crate) fn fetch_open(
        &self,
        fetch: Fetch,
        kept_open: Duration,
    ) -> Result<(Response<Bytes>, Option<OpenBody>), FetchFault> {
        let response = self.send(fetch.target, kept_open, Some(fetch.within))?;
        if !response.status().is_success() {
            return Ok((whole(response, fetch.body_limit)?, None));
        }
        let (head, body) = response.into_parts();
        let body = body.into_with_config().limit(u64::MAX).reader();
        let body = OpenBody::new(body);
        Ok((Response::from_parts(head, Bytes::new()), Some(body)))
    }

    /// Sends a request, and reads the head of the answer. All of it takes no longer than the first time, and each step no longer
    /// than the second.
    fn send(
        &self,
        target: FetchTarget,
        within: Duration,
        step: Option<Duration>,
    ) -> Result<Response<Body>, FetchFault> {
        let (agent, request) = match target {
            FetchTarget::Configured(request) => (&self.configured, request),
            FetchTarget::PublicOnly(request) => (&self.public_only, request),
        };
        let (parts, body) = request.into_parts();
        let answered = if body.is_empty() {
            let request = http::Request::from_parts(parts, ());
            agent.run(timed(agent.configure_request(request), within, step).build())
        } else {
            let request = http::Request::from_parts(parts, &*body);
            agent.run(timed(agent.configure_request(request), within, step).build())
        };
        answered.map_err(|error| fault(&error))
    }
}

fn timed<S: AsSendBody>(
    request: ConfigBuilder<HttpCrateScope<S>>,
    within: Duration,
    step: Option<Duration>,
) -> ConfigBuilder<HttpCrateScope<S>> {
    request
        .timeout_global(Some(within))
        .timeout_resolve(step)
        .timeout_connect(step)
        .timeout_recv_response(step)
        .timeout_per_read(step)
}

/// Reads the body of an answer.
fn whole(response: Response<Body>, limit: usize) -> <Fetch as Ask>::Answer {
    let (head, mut body) = response.into_parts();
    // One byte more than the limit tells a body that fits from one that does not.
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    body.with_config()
        .limit(u64::MAX)
        .reader()
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| fault(&Error::from(error)))?;
    if bytes.len() > limit {
        return Err(FetchFault::TooLarge);
    }
    Ok(Response::from_parts(head, Bytes::from(bytes)))
}

fn fault(error: &Error) -> FetchFault {
    match error {
        Error::Timeout(_) => FetchFault::TimedOut,
        Error::BodyExceedsLimit(_) => FetchFault::TooLarge,
        Error::Other(other) if other.is::<NotPublic>() => FetchFault::Forbidden,
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => FetchFault::TimedOut,
        _ => FetchFault::Unreachable,
    }
}

fn tls_config(egress: &Egress) -> TlsConfig {
    let certificates = egress.roots().map(|roots| {
        let certificates = roots.iter();
        certificates.map(|der| Certificate::from_der(der).to_owned())
    });
    let roots = certificates.map_or(RootCerts::WebPki, RootCerts::from);
    TlsConfig::builder().root_certs(roots).build()
}

/// None of a host's addresses is public.
#[derive(Debug)]
struct NotPublic;

impl std::fmt::Display for NotPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no address of this host is on the public internet")
    }
}

impl std::error::Error for NotPublic {}

#[cfg(test)]
mod tests {
    use entra_mcp_e2e::cases::{
        open_fetches::{Opened, Pieces},
        outbound::FetchRuntime,
    };

    use super::*;

    entra_mcp_e2e::outbound_cases!(Blocking);

    struct Blocking;

    impl FetchRuntime for Blocking {
        fn fetcher(&self, egress: Egress) -> impl Fn(Fetch) -> <Fetch as Ask>::Answer {
            let outbound = Outbound::new(&Arc::new(egress));
            move |fetch| outbound.fetch(fetch)
        }

        fn opener(&self) -> impl Fn(Fetch, Duration) -> Opened {
            let outbound = Outbound::new(&Arc::new(Egress::default()));
            move |fetch, kept_open| {
                let (head, body) = outbound.fetch_open(fetch, kept_open)?;
                let pieces = |mut body: OpenBody| Box::new(move || body.next()) as Pieces;
                Ok((head, body.map(pieces)))
            }
        }
    }
}

//! The way to a host: which addresses are dialled, and the tunnel that a proxy makes.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use entra_mcp_core::{
    ask::is_public,
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::egress::{Egress, Proxy, TUNNEL_HEAD_BYTES, is_tunnel};
use http::Uri;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{ConnectionDetails, Connector, NextTimeout, Transport, TransportAdapter},
    },
};

use super::NotPublic;

/// Resolves what is to be dialled, and has a proxy connect to the host where one is on the way.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) egress: Arc<Egress>,
    /// Whether strangers name the hosts.
    pub(super) is_public_only: bool,
    pub(super) addresses: Arc<DefaultResolver>,
}

impl Route {
    fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        self.egress.proxy_for(host(uri), is_secure(uri))
    }

    /// The addresses of the host that may be dialled. They are what is dialled, so a name that changes its mind
    /// between a check and a connection gains nothing (threat H7).
    fn judged(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let all = self.addresses.resolve(uri, config, timeout)?;
        if !self.is_public_only {
            return Ok(all);
        }
        let mut public = self.empty();
        for address in all.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() {
            return Err(Error::Other(Box::new(NotPublic)));
        }
        Ok(public)
    }

    /// The host as the proxy is told it. Where a stranger named it, that is an address that was judged, and no name:
    /// what a proxy reaches is not what a stranger may (threat H7).
    fn proxied_host(&self, details: &ConnectionDetails<'_>) -> Result<String, Error> {
        if !self.is_public_only {
            return Ok(host(details.uri).to_owned());
        }
        let judged = self.judged(details.uri, details.config, details.timeout)?;
        let first = judged.first().map(|address| address.ip().to_string());
        first.ok_or_else(|| Error::Other(Box::new(NotPublic)))
    }
}

impl Resolver for Route {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let Some(proxy) = self.proxy(uri) else {
            return self.judged(uri, config, timeout);
        };
        if self.is_public_only {
            self.judged(uri, config, timeout)?;
        }
        let authority = match proxy.host.contains(':') {
            true => format!("[{}]:{}", proxy.host, proxy.port),
            false => format!("{}:{}", proxy.host, proxy.port),
        };
        let uri = Uri::builder()
            .scheme("http")
            .authority(authority)
            .path_and_query("/");
        self.addresses.resolve(&uri.build()?, config, timeout)
    }
}

impl<In: Transport> Connector<In> for Route {
    type Out = In;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<In>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        let Some(proxy) = self.proxy(details.uri) else {
            return Ok(Some(transport));
        };
        let default_port = if is_secure(details.uri) { 443 } else { 80 };
        let port = details.uri.port_u16().unwrap_or(default_port);
        let request = proxy.tunnel_request(&self.proxied_host(details)?, port);
        let mut socket = TransportAdapter::new(transport, Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        socket.write_all(request.expose().as_bytes())?;
        socket.flush()?;
        // One byte at a time: what comes after the head is the host's.
        let (mut head, mut byte) = (Vec::new(), [0]);
        while head.len() < TUNNEL_HEAD_BYTES {
            socket.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
            match is_tunnel(&head) {
                Some(true) => return Ok(Some(socket.into_inner())),
                Some(false) => break,
                None => {}
            }
        }
        let refused = LogEvent::new(LogEventId::ProxyRefused).with(Field::Host, host(details.uri));
        entra_mcp_runtime::log(&refused);
        Err(Error::ConnectProxyFailed("no tunnel".to_owned()))
    }
}

fn is_secure(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// The host, without brackets.
fn host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

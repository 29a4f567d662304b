//! New connections: resolve, judge the addresses, connect, perhaps TLS, hand over to `hyper`.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_io::{Async, Timer};
use bytes::Bytes;
use entra_mcp_core::{
    ask::{FetchFault, is_public},
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::egress::{Egress, Proxy, TUNNEL_HEAD_BYTES, is_tunnel};
use futures_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, ServerName},
    },
};
use http_body_util::Full;
use hyper::{
    client::conn::http1,
    rt::{Read, ReadBufCursor, Write},
};
use smol::{
    future::FutureExt as _,
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
};

use super::{Connection, Place};
use crate::executor::Executor;

/// How much is read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// How long one address may take to answer before the next is tried.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dialer {
    executor: Executor,
    egress: Arc<Egress>,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    /// Whose certificates are believed is part of `egress`.
    pub(super) fn new(executor: Executor, egress: Arc<Egress>) -> Self {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for the versions of TLS that rustls speaks")
            .with_root_certificates(roots(&egress))
            .with_no_client_auth();
        let tls = Arc::new(tls);
        Self {
            executor,
            egress,
            tls,
        }
    }

    /// A new connection.
    pub(super) async fn dial(&self, place: &Place) -> Result<Connection, FetchFault> {
        let socket = match self.egress.proxy_for(&place.host, place.is_secure) {
            Some(proxy) => tunnel(proxy, place).await?,
            None => first_that_answers(addresses(place).await?).await?,
        };
        // Without it the end of a request waits for the acknowledgement of its beginning.
        let _ = socket.get_ref().set_nodelay(true);
        if !place.is_secure {
            return self.hand_over(socket).await;
        }
        let name = ServerName::try_from(place.host.clone());
        let name = name.map_err(|_| FetchFault::Unreachable)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        match tls.connect(name, socket).await {
            Ok(stream) => self.hand_over(stream).await,
            Err(error) => {
                let failed = LogEvent::new(LogEventId::TlsFailed).with(Field::Host, &place.host);
                entra_mcp_runtime::log(&failed.with(Field::Error, error.to_string()));
                Err(FetchFault::Unreachable)
            }
        }
    }

    async fn hand_over<S>(&self, stream: S) -> Result<Connection, FetchFault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, driver) = http1::handshake::<_, Full<Bytes>>(Outward::new(stream))
            .await
            .map_err(|_| FetchFault::Unreachable)?;
        // It ends with the connection, or when nobody holds that any more.
        self.executor.spawn(async move { drop(driver.await) });
        Ok(connection)
    }
}

fn roots(egress: &Egress) -> RootCertStore {
    let Some(certificates) = egress.roots() else {
        return RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    };
    let mut roots = RootCertStore::empty();
    let certificates = certificates.iter().cloned().map(CertificateDer::from);
    roots.add_parsable_certificates(certificates);
    roots
}

/// The addresses of the host that may be dialled. They are what is dialled, so a name that changes its mind between
/// a check and a connection gains nothing (threat H7).
async fn addresses(place: &Place) -> Result<Vec<SocketAddr>, FetchFault> {
    let addresses = smol::net::resolve((place.host.as_str(), place.port)).await;
    let mut addresses = addresses.map_err(|_| FetchFault::Unreachable)?;
    if place.is_public_only {
        addresses.retain(|address| is_public(address.ip()));
        if addresses.is_empty() {
            return Err(FetchFault::Forbidden);
        }
    }
    Ok(addresses)
}

/// Dials one address after the other.
pub(crate) async fn first_that_answers(
    addresses: Vec<SocketAddr>,
) -> Result<Async<TcpStream>, FetchFault> {
    for address in addresses {
        if let Ok(socket) = attempt(address).await {
            return Ok(socket);
        }
    }
    Err(FetchFault::Unreachable)
}

/// Has a proxy connect to the host. Where a stranger named it, the proxy is told an address that was judged, and no
/// name: what a proxy reaches is not what a stranger may (threat H7).
async fn tunnel(proxy: &Proxy, place: &Place) -> Result<Async<TcpStream>, FetchFault> {
    let host = if place.is_public_only {
        let judged = addresses(place).await?.into_iter().next();
        judged.ok_or(FetchFault::Forbidden)?.ip().to_string()
    } else {
        place.host.clone()
    };
    let addresses = smol::net::resolve((proxy.host.as_str(), proxy.port)).await;
    let addresses = addresses.map_err(|_| FetchFault::Unreachable)?;
    let mut socket = first_that_answers(addresses).await?;
    let request = proxy.tunnel_request(&host, place.port);
    let sent = socket.write_all(request.expose().as_bytes()).await;
    sent.map_err(|_| FetchFault::Unreachable)?;
    // One byte at a time: what comes after the head is the host's.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while head.len() < TUNNEL_HEAD_BYTES {
        let read = socket.read_exact(&mut byte).await;
        read.map_err(|_| FetchFault::Unreachable)?;
        head.extend_from_slice(&byte);
        match is_tunnel(&head) {
            Some(true) => return Ok(socket),
            Some(false) => break,
            None => {}
        }
    }
    let refused = LogEvent::new(LogEventId::ProxyRefused).with(Field::Host, &place.host);
    entra_mcp_runtime::log(&refused);
    Err(FetchFault::Unreachable)
}

async fn attempt(address: SocketAddr) -> io::Result<Async<TcpStream>> {
    let late = async {
        Timer::after(ATTEMPT).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    Async::<TcpStream>::connect(address).or(late).await
}

/// A stream as `hyper` wants it. It reads through a small buffer of its own: lending hyper's would
/// mean to zero all that is free of it at every read.
pub(crate) struct Outward<S> {
    stream: S,
    /// Where it is read to first, for as long as the connection: nothing else has to be cleared at each look whether there is something.
    chunk: Box<[u8]>,
}

impl<S> Outward<S> {
    pub(crate) fn new(stream: S) -> Self {
        let chunk = vec![0; CHUNK_BYTES].into_boxed_slice();
        Self { stream, chunk }
    }
}

impl<S: AsyncRead + Unpin> Read for Outward<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, chunk } = self.get_mut();
        let room = cursor.remaining().min(chunk.len());
        let room = chunk.get_mut(..room).unwrap_or_default();
        let length = ready!(Pin::new(stream).poll_read(cx, room))?;
        cursor.put_slice(room.get(..length).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for Outward<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

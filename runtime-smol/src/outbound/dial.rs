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
use futures_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider, pki_types::ServerName},
};
use http_body_util::Full;
use hyper::{
    client::conn::http1,
    rt::{Read, ReadBufCursor, Write},
};
use smol::{
    future::FutureExt as _,
    io::{AsyncRead, AsyncWrite},
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
    tls: Arc<ClientConfig>,
}

impl Dialer {
    /// Who vouches for hosts is in `roots`.
    pub(super) fn new(executor: Executor, roots: RootCertStore) -> Self {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for the versions of TLS that rustls speaks")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Arc::new(tls);
        Self { executor, tls }
    }

    /// A new connection.
    pub(super) async fn dial(&self, place: &Place) -> Result<Connection, FetchFault> {
        let socket = connect(place).await?;
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
        let (connection, driver) = http1::handshake::<_, Full<Bytes>>(Outward(stream))
            .await
            .map_err(|_| FetchFault::Unreachable)?;
        // It ends with the connection, or when nobody holds that any more.
        self.executor.spawn(async move { drop(driver.await) });
        Ok(connection)
    }
}

/// Connects to the first of the host's addresses that answers. These addresses are what is judged,
/// so a name that changes its mind between a check and a connection gains nothing (threat H7).
async fn connect(place: &Place) -> Result<Async<TcpStream>, FetchFault> {
    let addresses = smol::net::resolve((place.host.as_str(), place.port)).await;
    let mut addresses = addresses.map_err(|_| FetchFault::Unreachable)?;
    if place.is_public_only {
        addresses.retain(|address| is_public(address.ip()));
        if addresses.is_empty() {
            return Err(FetchFault::Forbidden);
        }
    }
    for address in addresses {
        if let Ok(socket) = attempt(address).await {
            return Ok(socket);
        }
    }
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
struct Outward<S>(S);

impl<S: AsyncRead + Unpin> Read for Outward<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK_BYTES];
        let room = cursor.remaining().min(CHUNK_BYTES);
        let room = chunk.get_mut(..room).unwrap_or_default();
        let length = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
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
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

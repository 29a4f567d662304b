//! One connection to a backend: dialled, perhaps TLS, and driven by whoever holds it.

use std::{
    fmt,
    future::{Future, poll_fn},
    net::TcpStream,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use async_io::Async;
use bytes::Bytes;
use entra_mcp_core::{
    ask::{PIECE_BYTES, Pull, PullFault},
    config::BackendHost,
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::BackendTls;
use futures_rustls::{TlsConnector, rustls::pki_types::ServerName};
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use smol::io::{AsyncRead, AsyncWrite};

use crate::{
    outbound::{Outward, first_that_answers},
    unix::LocalStream,
};

/// A connection that takes one request at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes the socket, and owns it; nothing once it is over.
    driver: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// A new connection.
    pub(super) async fn dial(pull: &Pull, tls: &BackendTls) -> Result<Self, PullFault> {
        match pull.backend.host() {
            BackendHost::Unix(path) => {
                let socket = Async::<LocalStream>::connect(path).await;
                Self::over(socket.map_err(|_| PullFault::Unreachable)?).await
            }
            BackendHost::Tcp {
                name,
                port,
                is_secure,
            } => {
                let socket = dial_tcp(name, *port).await?;
                if !is_secure {
                    return Self::over(socket).await;
                }
                let server = ServerName::try_from(name.clone());
                let server = server.map_err(|_| PullFault::Unreachable)?;
                let connector = TlsConnector::from(tls.config(pull.endpoint));
                match connector.connect(server, socket).await {
                    Ok(stream) => Self::over(stream).await,
                    Err(error) => {
                        let failed = LogEvent::new(LogEventId::TlsFailed).with(Field::Host, name);
                        entra_mcp_runtime::log(&failed.with(Field::Error, error.to_string()));
                        Err(PullFault::Unreachable)
                    }
                }
            }
        }
    }

    async fn over<S>(stream: S) -> Result<Self, PullFault>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(PIECE_BYTES)
            .handshake(Outward::new(stream))
            .await
            .map_err(|_| PullFault::Unreachable)?;
        let driver = async move { drop(driver.await) };
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
        })
    }

    /// Sends a request and reads the head of its answer. What was not begun to be sent comes back.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Option<Box<Request<Full<Bytes>>>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answered = poll_fn(|cx| {
            drive(driver, cx);
            answer.as_mut().poll(cx)
        });
        let answered = answered.await;
        answered.map_err(|mut error| error.take_message().map(Box::new))
    }

    /// Reads and writes as far as that goes now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.driver, cx);
    }

    /// Whether it waits for the next request.
    pub(super) fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        self.drive(cx);
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn drive(driver: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && let Poll::Ready(()) = running.as_mut().poll(cx)
    {
        *driver = None;
    }
}

async fn dial_tcp(name: &str, port: u16) -> Result<Async<TcpStream>, PullFault> {
    let addresses = smol::net::resolve((name, port)).await;
    let addresses = addresses.map_err(|_| PullFault::Unreachable)?;
    let socket = first_that_answers(addresses).await;
    let socket = socket.map_err(|_| PullFault::Unreachable)?;
    // Without it the end of a request waits for the acknowledgement of its beginning.
    let _ = socket.get_ref().set_nodelay(true);
    Ok(socket)
}

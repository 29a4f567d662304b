//! The server as a service of tower, for a program that has an HTTP server already: axum, or hyper with what is around it.
//!
//! [`Server::into_service`](crate::Server::into_service) returns it. It answers below the paths of the server and 404 for all others, so it
//! is what a router falls back to. With axum:
//!
//! ```text
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let config = Config::dev_tenant().listen(listener.local_addr()?).data_folder(folder);
//! let (service, running) = Server::new(config).tool(ping, pong).into_service()?;
//! let stopper = running.stopper();
//! let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request, next: Next| async move {
//!     request.extensions_mut().insert(Peer(peer.ip()));
//!     next.run(request).await
//! };
//! let router = Router::new()
//!     .route("/", get(|| async { "Hello!" }))
//!     .fallback_service(service)
//!     .layer(middleware::from_fn(peer))
//!     .into_make_service_with_connect_info::<SocketAddr>();
//! axum::serve(listener, router)
//!     .with_graceful_shutdown(async move {
//!         terminate.recv().await;
//!         stopper.stop();
//!     })
//!     .await?;
//! spawn_blocking(|| running.wait()).await??;
//! ```
//!
//! The folder `runtime-smol/embedding` of the repository is such a program, with its tests.
//!
//! - **Who asks.** Limits for each address, the audit log and trust in proxies need the address of the peer: a layer of the program's puts it
//!   into the request, as [`Peer`]. A peer that `ENTRA_MCP_TRUSTED_PROXIES` names is believed what it says of the client (`X-Forwarded-For`,
//!   `Forwarded`). Without a [`Peer`] no header is believed and no address is counted: only the limits of the whole server hold.
//! - **TLS** is the program's, or that of a proxy before it: [`Config::public_url`](crate::Config::public_url) says `https` then. Of a request
//!   only its `Host` is looked at (of HTTP/2 its authority), which must be that of the public URL.
//! - **Limits.** Head, body and the number of requests at once are bounded as on the server's own sockets; a request counts as a connection
//!   until its response was taken. A body has 30 seconds to come, and a response that nobody reads for 30 seconds ends. How long a head may
//!   take, and how many connections may be idle, is for the program's HTTP server to say. What reads the whole body before (a layer that
//!   buffers) takes these limits away.
//! - **Streams** are bodies that go on: no layer may buffer or compress them.
//! - **The end.** [`Running::stop`](crate::Running::stop) ends the streams and lets what is under way finish; requests after that get 503. Call it
//!   when the program is told to end, before it waits for its connections: they would wait for the streams.
//! - The server runs on threads of its own. What polls the service's futures, tokio or any other, carries bytes only.

mod request_body;
mod response_body;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{error_responses, limits};
use entra_mcp_http1::Refusal;
use entra_mcp_runtime::{AdmittedHead, AdmittedRequest, admit_alone};
use http::{Request, Response, request::Parts};
use http_body::Body;
use smol::future;

pub use self::response_body::{Incomplete, ResponseBody};
use self::{request_body::read, response_body::Held};
use crate::{
    inbound::{ResponsePart, ResponseWriter},
    listen::Acceptor,
    work::Detached,
};

/// The address of who sent a request, as an extension of it. Whoever reads requests for an [`McpService`] knows it, and says it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The server, as a service of tower. Clones are the same server. It never fails: what is wrong is a response.
///
/// ```
/// use entra_mcp_smol::{Bytes, Config, Request, Server};
/// use http_body_util::Full;
/// use tower_service::Service as _;
///
/// let config = Config::in_memory().listen("127.0.0.1:8080".parse().unwrap());
/// let (mut service, running) = Server::new(config).into_service().unwrap();
/// let mut status = || {
///     let request = Request::get("/healthz").body(Full::new(Bytes::new())).unwrap();
///     smol::block_on(service.call(request)).unwrap().status()
/// };
/// assert_eq!(status(), 200);
///
/// running.stop();
/// running.wait().unwrap();
/// assert_eq!(status(), 503);
/// ```
#[derive(Clone)]
pub struct McpService(Arc<RwLock<Option<Arc<Open>>>>);

/// What a server is that has not ended.
pub(crate) struct Open {
    pub(crate) inbound: Acceptor,
    /// Whether it is for this machine alone.
    pub(crate) is_local: bool,
    pub(crate) timeouts: Timeouts,
}

/// How long who asks may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For the whole body of a request.
    pub(crate) body: Duration,
    /// For a piece of a response.
    pub(crate) write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            body: limits::BODY_TIMEOUT,
            write: limits::WRITE_TIMEOUT,
        }
    }
}

/// Ends a service when it is dropped: what it has is free then.
pub(crate) struct CloseOnDrop(McpService);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let open = {
            let mut open = self.0.0.write().unwrap_or_else(PoisonError::into_inner);
            open.take()
        };
        drop(open);
    }
}

impl McpService {
    pub(crate) fn new(open: Open) -> (Self, CloseOnDrop) {
        let service = Self(Arc::new(RwLock::new(Some(Arc::new(open)))));
        (service.clone(), CloseOnDrop(service))
    }

    fn open(&self) -> Option<Arc<Open>> {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }
}

impl std::fmt::Debug for McpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_open = self.open().is_some();
        f.debug_struct("McpService")
            .field("is_open", &is_open)
            .finish()
    }
}

/// A response on its way.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>);

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl std::fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}

impl<B> tower_service::Service<Request<B>> for McpService
where
    B: Body<Data: Send> + Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let open = self.open();
        ResponseFuture(Box::pin(async move {
            let response = match open {
                Some(open) => respond(open, request).await,
                None => Err(Box::new(error_responses::busy())),
            };
            response.unwrap_or_else(|refusal| refusal.map(ResponseBody::full))
        }))
    }
}

type Responded = Result<Response<ResponseBody>, Box<Response<Bytes>>>;

/// Judges a request by its head, then reads its body, then has it served.
async fn respond<B: Body>(open: Arc<Open>, request: Request<B>) -> Responded {
    let (head, body) = request.into_parts();
    check_head(&head)?;
    let peer = head.extensions.get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
        peer.0.to_canonical()
    });
    if open.is_local && !peer.is_unspecified() && !peer.is_loopback() {
        return Err(Box::new(error_responses::local_only()));
    }
    let admitted = admit_alone(&open.inbound.limit, peer, head, |head, origin| {
        let admitted = open.inbound.service.admit(head, origin)?;
        Ok(AdmittedHead {
            body_limit: admitted.body_limit,
            holder: admitted.holder,
            service: admitted.serve,
        })
    })?;
    let AdmittedRequest {
        service,
        body_limit,
        mut permit,
        connection,
    } = admitted;
    let (guard, _) = open.inbound.connections.register();
    let body = read(body, body_limit, open.timeouts.body, &mut permit).await?;
    let remainder = Arc::new(Mutex::new(Some(permit.remainder())));
    let (writer, parts) = ResponseWriter::new();
    // The panic barrier, as for the rest of the work.
    let work = catch_unwind(AssertUnwindSafe(|| service(body, writer, permit)));
    let work = work.map_err(|_| Box::new(error_responses::internal_error()))?;
    let counted = Arc::clone(&remainder);
    open.inbound.executor.spawn(async move {
        Detached::new(work).await;
        drop(lock(&counted).take());
    });
    let held = Held {
        _connection: connection,
        _guard: guard,
    };
    match future::poll_fn(|cx| parts.poll_next(cx)).await {
        Some(ResponsePart::Full(response)) => {
            // A message of HTTP+SSE is accepted first and worked on then.
            if let Some(remainder) = &mut *lock(&remainder) {
                let _ = remainder.begin();
            }
            Ok(response.map(|body| ResponseBody::held(body, held)))
        }
        Some(ResponsePart::Head(head)) => {
            let (body, watch) = ResponseBody::stream(parts, held, open.timeouts.write);
            open.inbound.executor.spawn(watch);
            Ok(head.map(|()| body))
        }
        // It ended without an answer: it had a bug.
        Some(ResponsePart::Bytes(_) | ResponsePart::End) | None => {
            Err(Box::new(error_responses::internal_error()))
        }
    }
}

/// The bounds of a head on the server's own sockets.
fn check_head(head: &Parts) -> Result<(), Box<Response<Bytes>>> {
    let lengths = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    let bytes: usize = lengths.sum();
    let is_too_large = bytes > limits::HEAD_BYTES || head.headers.len() > limits::HEAD_FIELDS;
    match is_too_large {
        true => Err(Box::new(Refusal::HeadTooLarge.response())),
        false => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

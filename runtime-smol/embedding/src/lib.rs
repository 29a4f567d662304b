//! An MCP server inside of a program on tokio, and a tool that uses crates of tokio.
//!
//! The server runs on smol, so a future of tokio needs tokio's context: `async_compat::Compat` around it gives that.

use std::{io, net::SocketAddr, time::Duration};

use async_compat::Compat;
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use entra_mcp_smol::{CallError, Config, Context, Server, Tool, service::Peer};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpListener;

/// The MCP server.
#[must_use]
pub fn server(config: Config) -> Server {
    Server::new(config).tool(fetch_tool(), |cx: Context, page: Page| fetch(cx, page))
}

/// The program's own pages.
pub fn pages() -> Router {
    Router::new().route("/", get(|| async { "Hello!" }))
}

/// Serves until a future ends, then lets what is under way finish. The MCP server learns who asks.
///
/// # Errors
///
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = router.layer(middleware::from_fn(name_peer));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop)
        .await
}

async fn name_peer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(Peer(peer.ip()));
    next.run(request).await
}

/// What the tool takes.
#[derive(Deserialize, JsonSchema)]
pub struct Page {
    /// The address of a page on this computer.
    pub url: String,
}

/// The tool, as it is listed.
#[must_use]
pub fn fetch_tool() -> Tool {
    Tool::new("fetchPage", "Fetches a page of this computer")
        .read_only()
        .timeout(Duration::from_secs(10))
}

/// Waits a moment and fetches a page.
///
/// # Errors
///
/// There is no answer: why.
pub async fn fetch(_cx: Context, page: Page) -> Result<String, CallError> {
    if !page.url.starts_with("http://127.0.0.1:") {
        return Err("Only pages of this computer are fetched.".into());
    }
    Compat::new(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let response = reqwest::get(&page.url).await?;
        response.error_for_status()?.text().await
    })
    .await
    .map_err(|error: reqwest::Error| CallError::Message(error.to_string()))
}

//! A program that does other things, too: a server of axum on tokio, with arguments, a log and signals of its own. The MCP server
//! inside leaves all of these alone.
//!
//! `cargo run -- --listen 127.0.0.1:8080 --data-folder /tmp/embedding`

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::{Router, routing::get};
use clap::Parser;
use embedding::{Page, fetch, fetch_tool};
use entra_mcp_smol::{Config, Context, Server};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(Parser)]
struct Options {
    /// Where the program's own pages are.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the MCP server keeps its sessions.
    #[arg(long)]
    data_folder: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let mut terminate = signal(SignalKind::terminate())?;

    let config = Config::dev_tenant().data_folder(options.data_folder);
    let server = Server::new(config).tool(fetch_tool(), |cx: Context, page: Page| fetch(cx, page));
    let running = server.start()?;

    let own = TcpListener::bind(options.listen).await?;
    println!("own pages: http://{}", own.local_addr()?);
    println!("MCP: http://{}/mcp", running.addresses()[0]);
    let pages = Router::new().route("/", get(|| async { "Hello!" }));
    axum::serve(own, pages)
        .with_graceful_shutdown(async move { drop(terminate.recv().await) })
        .await?;

    running.stop();
    tokio::task::spawn_blocking(|| running.wait()).await??;
    tracing::info!("both have ended");
    Ok(())
}

//! A program that does other things, too: a server of axum on tokio, with arguments, a log and signals of its own. The MCP server
//! inside leaves all of these alone. It is a service of axum, behind the program's own pages, or listens beside it:
//!
//! `cargo run -- --listen 127.0.0.1:8080 --data-folder /tmp/embedding`
//!
//! `cargo run -- --listen 127.0.0.1:8080 --data-folder /tmp/embedding --mcp-listen 127.0.0.1:3001`

use std::{error::Error, net::SocketAddr, path::PathBuf};

use clap::Parser;
use embedding::{pages, serve, server};
use entra_mcp_smol::Config;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(Parser)]
struct Options {
    /// Where the program is.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the MCP server is, if not at the address of the program.
    #[arg(long)]
    mcp_listen: Option<SocketAddr>,
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

    let listener = TcpListener::bind(options.listen).await?;
    let own = listener.local_addr()?;
    let config = Config::dev_tenant().data_folder(options.data_folder);
    let (router, running) = match options.mcp_listen {
        None => {
            let (service, running) = server(config.listen(own)).into_service()?;
            (pages().fallback_service(service), running)
        }
        Some(address) => (pages(), server(config.listen(address)).start()?),
    };
    println!("own pages: http://{own}");
    println!("MCP: http://{}/mcp", running.addresses()[0]);

    let stopper = running.stopper();
    serve(listener, router, async move {
        terminate.recv().await;
        // Its streams end, so that their connections do.
        stopper.stop();
    })
    .await?;
    tokio::task::spawn_blocking(|| running.wait()).await??;
    tracing::info!("both have ended");
    Ok(())
}

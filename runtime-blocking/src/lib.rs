//! The blocking runtime of entra-mcp: one thread per connection.
//!
//! As a library it serves tools, resources and prompts of your own, behind the sign-in with Microsoft
//! Entra ID: each is an ordinary function.
//!
//! ```no_run
//! use entra_mcp_blocking::{Context, Server, StartError, Tool};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Add {
//!     /// The first number.
//!     a: f64,
//!     /// The second number.
//!     b: f64,
//! }
//!
//! fn main() -> Result<(), StartError> {
//!     Server::from_env()?
//!         .tool(Tool::new("add", "Adds two numbers"), |_cx: &Context, n: Add| Ok(n.a + n.b))
//!         .run()
//! }
//! ```
//!
//! What it needs in `Cargo.toml`, until the crates are published:
//!
//! ```toml
//! [dependencies]
//! entra-mcp-blocking = { path = "../entra-mcp/runtime-blocking" }
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! The guide, page by page, is that of `entra-mcp-smol`: names and results are the same. What differs:
//!
//! - A function takes `&Context` and its arguments, and waits where it stands. It may compute and block: each call has a thread, of
//!   512 at most. Crates of tokio are asked through a runtime of theirs, with `block_on`.
//! - A call that is cancelled is told so by [`Context::is_cancelled`], and by the error of whatever it asks its context for.
//! - A server is never a service of another one: one has [`Server::start`] or [`Server::run`].
//!
//! A server that is a part of a program, and a user who signs in to it without a socket:
//!
//! ```
//! use entra_mcp_blocking::{CallError, Config, Context, Server, Tool, testing::SignIn};
//! use serde_json::json;
//!
//! struct Name(&'static str);
//!
//! fn greet(cx: &Context) -> Result<String, CallError> {
//!     let Name(ours) = cx.state::<Name>()?;
//!     let user = cx.principal().name.as_deref().unwrap_or("stranger");
//!     Ok(format!("Hello {user}, this is {ours}."))
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new(Config::in_memory()).state(Name("the depot"));
//! let running = server.tool(Tool::new("greet", "Says hello").read_only(), greet).start()?;
//! let alice = SignIn::new("alice").to(&running)?;
//! assert_eq!(alice.call("greet", &json!({}))?.text(), "Hello Alice Adams, this is the depot.");
//! running.stop();
//! running.wait()?;
//! # Ok(())
//! # }
//! ```
//!
//! It mirrors the smol runtime file by file. `server` is what is offered, `context` what a function
//! gets, and `invoke` runs it, on the thread of its connection, which `hand_over` gives to others if need be; `drive`
//! is the loop that performs what the core wants, `work` its place beside the peer, and `threads` are kept; `listen`
//! accepts connections and bounds them; `inbound` reads requests and writes answers; `outbound` fetches; `backend` asks the servers behind the gateway; `mailbox` is where
//! messages for an exchange arrive; `dev_tenant` serves the dev tenant.

mod backend;
mod context;
#[cfg(feature = "dev-tenant")]
mod dev_tenant;
mod drive;
mod graph_stream;
mod hand_over;
mod inbound;
mod invoke;
mod listen;
mod mailbox;
mod next;
mod outbound;
mod own_route;
mod pending_ask;
mod server;
pub mod testing;
mod threads;
mod unix;
mod work;

use std::{
    net::TcpListener,
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use entra_mcp_core::{
    ask::{Ask, Fetch, FetchFault},
    hub::ToHub,
    limits,
};
#[cfg(feature = "dev-tenant")]
use entra_mcp_runtime::MemoryTenant;
#[doc(inline)]
pub use entra_mcp_runtime::api::*;
use entra_mcp_runtime::{
    ConnectionLimit, DriveJobs as _, Flag, InboundLimits, Lifecycle, Processes, Program, Routes,
    RuntimeParts, Shared, SharedOffer, Stopped, handlers::Handlers, serve_metrics,
    share_with_replicas,
};

use self::{
    backend::Backends,
    drive::McpService,
    hand_over::Watch,
    inbound::{HttpServer, MemoryService, Service},
    invoke::{BoxedHandler, HandlerPool},
    listen::AtWork,
    outbound::{OpenBody, Outbound},
    own_route::BoxedRoute,
    work::Place,
};
pub use self::{
    context::Context,
    graph_stream::GraphStream,
    next::Next,
    server::{Blocking, Handle, Server},
};

/// What this runtime is called and what only it can be told.
pub static PROGRAM: Program = Program {
    name: "entra-mcp-blocking",
    flags: &[Flag {
        name: HTTP_SERVER,
        variable: "ENTRA_MCP_HTTP_SERVER",
        values: &["strict", "tiny_http"],
        help: "who reads HTTP: strict (default), or tiny_http, which may face no strangers",
    }],
    fetch: |egress, fetch| Outbound::new(egress).fetch(fetch),
};

const HTTP_SERVER: &str = "--http-server";

/// What all threads share.
#[derive(Debug)]
struct Runtime {
    shared: Shared<mailbox::Mailbox>,
    offer: SharedOffer<BoxedHandler>,
    routes: Routes<BoxedRoute>,
    pool: HandlerPool,
    place: Place,
    outbound: Outbound,
    #[cfg(feature = "dev-tenant")]
    memory_tenant: Option<MemoryTenant>,
    backends: Arc<Backends>,
    processes: Processes,
}

impl Runtime {
    fn new(
        parts: &RuntimeParts,
        (handlers, routes): (Handlers<BoxedHandler>, Routes<BoxedRoute>),
    ) -> Self {
        let place = Place::default();
        let backends = Backends::new(parts.backend_tls.clone(), place.threads.clone());
        Self {
            shared: Shared::new(parts),
            offer: SharedOffer::new(parts.server.catalog.clone(), handlers),
            routes,
            pool: HandlerPool::default(),
            place,
            backends: Arc::new(backends),
            processes: Processes::default(),
            outbound: Outbound::new(&parts.egress),
            #[cfg(feature = "dev-tenant")]
            memory_tenant: parts.memory_tenant(),
        }
    }

    /// Performs a fetch; in memory, if the server is.
    fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        #[cfg(feature = "dev-tenant")]
        if let Some(tenant) = &self.memory_tenant {
            return tenant.fetch(fetch);
        }
        self.outbound.fetch(fetch)
    }

    /// Performs a fetch, of which the body of a good answer is kept open for so long.
    fn fetch_open(
        &self,
        fetch: Fetch,
        kept_open: Duration,
    ) -> Result<(Response<Bytes>, Option<OpenBody>), FetchFault> {
        #[cfg(feature = "dev-tenant")]
        if let Some(tenant) = &self.memory_tenant {
            let response = tenant.fetch(fetch)?;
            let body = OpenBody::whole(response.body().clone());
            let is_good = response.status().is_success();
            return Ok((response, is_good.then_some(body)));
        }
        self.outbound.fetch_open(fetch, kept_open)
    }
}

/// Serves until the server is asked to end; then lets the exchanges under way finish.
fn run(
    parts: &RuntimeParts,
    given: (Handlers<BoxedHandler>, Routes<BoxedRoute>),
    handle: &Handle,
    lifecycle: &Lifecycle,
) -> Result<(), StartError> {
    let runtime = Arc::new(Runtime::new(parts, given));
    Handle::attach(handle, &runtime);
    let server = HttpServer::named(parts.choice(HTTP_SERVER));
    let config = &parts.server.config;
    if server == HttpServer::TinyHttp && config.proxy_protocol {
        return Err(StartError::NotWithHttpServer {
            flag: "--proxy-protocol",
            server: "tiny_http",
        });
    }
    let at_work = AtWork {
        threads: runtime.place.threads.clone(),
        stopped: Arc::clone(&parts.stopped),
        closing: Arc::default(),
    };
    let watch = Arc::clone(&runtime.place.watch);
    spawn("watch", move || watch.run())?;
    let _watching = Watching(Arc::clone(&runtime.place.watch));
    // Before the server that asks it: its first request may come at once.
    #[cfg(feature = "dev-tenant")]
    if let Some(tenant) = &parts.tenant {
        let dev_tenant: Arc<dyn Service> = Arc::new(dev_tenant::DevTenantService::new(
            Arc::clone(tenant),
            parts.clock,
        ));
        let listeners = parts.listen(tenant.listen())?;
        let limits = InboundLimits::of_dev_tenant(config);
        let limit = Arc::new(ConnectionLimit::new(limits));
        serve_all(listeners, &dev_tenant, server, &limit, &at_work)?;
    }
    let listeners = parts.listen(&config.listen)?;
    let service: Arc<dyn Service> = Arc::new(McpService::new(Arc::clone(&runtime)));
    let limit = Arc::new(ConnectionLimit::new(InboundLimits::of(config)));
    let in_memory = MemoryService {
        service: Arc::clone(&service),
        limit: Arc::clone(&limit),
        threads: runtime.place.threads.clone(),
    };
    serve_all(listeners, &service, server, &limit, &at_work)?;
    let (counted, held) = (Arc::clone(&runtime), Arc::clone(&limit));
    serve_metrics(&config.metrics_listen, &parts.stopped, move || {
        counted.shared.metrics_text(&held)
    })?;
    let (purged, stopped) = (Arc::clone(&runtime), Arc::clone(&parts.stopped));
    spawn("purge_expired", move || purge_expired(&purged, &stopped))?;
    parts.listen_to_operator(&runtime);
    share_with_replicas(&runtime, &limit)?;
    parts.check_at_start(&runtime);
    lifecycle.serves(parts, || Arc::new(in_memory));
    let (asked, ask) = mpsc::channel();
    let unheard = asked.clone();
    lifecycle.on_stop(move || {
        let _ = asked.send(());
    });
    let _ = ask.recv();
    drop(unheard);
    finish(&runtime, &at_work);
    Ok(())
}

/// The watch, which ends with the server.
struct Watching(Arc<Watch>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// One accept thread a listener, one ceiling for them all.
fn serve_all(
    listeners: Vec<TcpListener>,
    service: &Arc<dyn Service>,
    server: HttpServer,
    limit: &Arc<ConnectionLimit>,
    at_work: &AtWork,
) -> Result<(), StartError> {
    for listener in listeners {
        let (service, limit, at_work) = (Arc::clone(service), Arc::clone(limit), at_work.clone());
        spawn("accept", move || {
            server.serve(&listener, &service, &limit, &at_work);
        })?;
    }
    Ok(())
}

fn purge_expired(runtime: &Arc<Runtime>, stopped: &Stopped) {
    loop {
        runtime.purge_expired();
        if stopped.within(limits::PURGE_INTERVAL) {
            return;
        }
    }
}

/// Streams say their last and end; what else is under way has a while to finish.
fn finish(runtime: &Arc<Runtime>, at_work: &AtWork) {
    runtime.send_to_hub(ToHub::shut_down());
    for pause in runtime.shared.pauses_until_closing() {
        std::thread::sleep(pause);
    }
    for pause in runtime.shared.pauses_until_streams_end() {
        std::thread::sleep(pause);
    }
    at_work.closing.store(true, Ordering::Relaxed);
    for pause in runtime.shared.pauses_until_idle(|| true) {
        std::thread::sleep(pause);
    }
    runtime.processes.kill_all();
    entra_mcp_runtime::finish_log();
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(f)
        .map(drop)
        .map_err(|error| StartError::Thread { error })
}

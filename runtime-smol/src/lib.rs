//! The smol runtime of entra-mcp: a task per connection, on as many threads as there are cores.
//!
//! As a library it serves tools, resources and prompts of your own, behind the sign-in with Microsoft
//! Entra ID: each is an async function.
//!
//! ```no_run
//! use entra_mcp_smol::{Context, Server, StartError, Tool};
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
//!         .tool(Tool::new("add", "Adds two numbers"), |_cx: Context, n: Add| async move {
//!             Ok(n.a + n.b)
//!         })
//!         .run()
//! }
//! ```
//!
//! [`guide`] leads through all of it, page by page.
//!
//! It mirrors the blocking runtime file by file. `server` is what is offered, `context` what a function
//! gets, and `invoke` runs it; `drive` is the loop that performs what the core wants; `work` is how it is polled
//! and `executor` runs it; `listen` accepts connections and bounds them; `inbound` reads requests and writes answers;
//! `service` does that for who has an HTTP server already; `outbound` fetches; `mailbox` is where messages for an exchange arrive, over a `queue`; `dev_tenant` serves the dev tenant.

mod backend;
mod context;
#[cfg(feature = "dev-tenant")]
mod dev_tenant;
mod drive;
mod executor;
mod graph_stream;
// Only read and tested.
#[cfg(any(doc, doctest))]
pub mod guide;
mod inbound;
mod invoke;
mod listen;
mod mailbox;
mod next;
mod outbound;
mod own_route;
mod pending_asks;
mod queue;
mod server;
#[cfg(feature = "tower")]
pub mod service;
pub mod testing;
mod traced;
mod unix;
mod work;

use std::{net::TcpListener, sync::Arc, time::Duration};

use async_channel::bounded;
use async_io::Timer;
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
    ConnectionLimit, DriveJobs as _, InboundLimits, Lifecycle, Processes, Program, Routes,
    RuntimeParts, Shared, SharedOffer, egress::Egress, handlers::Handlers, serve_metrics,
    share_with_replicas,
};
use smol::Task;
/// Runs what computes or blocks on a thread of its own, so that it holds up nobody else; waits for its result.
pub use smol::unblock;

use self::{
    backend::Backends,
    drive::ExchangeService,
    executor::{Executor, ExecutorThreads},
    inbound::{MemoryService, Service},
    invoke::BoxedHandler,
    listen::{Acceptor, Connections},
    outbound::{OpenBody, Outbound},
    own_route::BoxedRoute,
};
pub use self::{
    context::Context,
    graph_stream::GraphStream,
    next::Next,
    server::{Handle, Server, Smol},
};

/// What this runtime is called; it has no settings of its own.
pub static PROGRAM: Program = Program {
    name: "entra-mcp-smol",
    flags: &[],
    fetch: fetch_first,
};

/// Performs a fetch before there is a runtime.
fn fetch_first(egress: &Arc<Egress>, fetch: Fetch) -> <Fetch as Ask>::Answer {
    let threads = ExecutorThreads::new();
    let outbound = Outbound::new(threads.handle(), Arc::clone(egress));
    threads.block_on(outbound.fetch(fetch))
}

/// What all tasks share.
#[derive(Debug)]
struct Runtime {
    shared: Shared<mailbox::MailboxSender>,
    offer: SharedOffer<BoxedHandler>,
    routes: Routes<BoxedRoute>,
    executor: Executor,
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
        executor: Executor,
    ) -> Self {
        Self {
            shared: Shared::new(parts),
            offer: SharedOffer::new(parts.server.catalog.clone(), handlers),
            routes,
            outbound: Outbound::new(executor.clone(), Arc::clone(&parts.egress)),
            #[cfg(feature = "dev-tenant")]
            memory_tenant: parts.memory_tenant(),
            backends: Arc::new(Backends::new(parts.backend_tls.clone())),
            processes: Processes::default(),
            executor,
        }
    }

    /// Performs a fetch; in memory, if the server is.
    async fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        #[cfg(feature = "dev-tenant")]
        if let Some(tenant) = self.memory_tenant.clone() {
            return unblock(move || tenant.fetch(fetch)).await;
        }
        self.outbound.fetch(fetch).await
    }

    /// Performs a fetch, of which the body of a good answer is kept open for so long.
    async fn fetch_open(
        &self,
        fetch: Fetch,
        kept_open: Duration,
    ) -> Result<(Response<Bytes>, Option<OpenBody>), FetchFault> {
        #[cfg(feature = "dev-tenant")]
        if let Some(tenant) = self.memory_tenant.clone() {
            let response = unblock(move || tenant.fetch(fetch)).await?;
            let body = OpenBody::whole(response.body().clone());
            let is_good = response.status().is_success();
            return Ok((response, is_good.then_some(body)));
        }
        self.outbound.fetch_open(fetch, kept_open).await
    }
}

/// Where requests come from.
enum Front {
    /// Sockets of the server's own.
    Sockets,
    /// The program's HTTP server, to which a service is handed over here.
    #[cfg(feature = "tower")]
    Service(std::sync::mpsc::Sender<service::McpService>),
}

/// Serves until the server is asked to end; then lets the exchanges under way finish.
fn run(
    parts: &RuntimeParts,
    given: (Handlers<BoxedHandler>, Routes<BoxedRoute>),
    handle: &Handle,
    lifecycle: &Lifecycle,
    front: &Front,
) -> Result<(), StartError> {
    let executor = ExecutorThreads::new();
    let runtime = Arc::new(Runtime::new(parts, given, executor.handle()));
    Handle::attach(handle, &runtime);
    executor
        .run(serve(parts, runtime, lifecycle, front))
        .map_err(|error| StartError::Thread { error })?
}

async fn serve(
    parts: &RuntimeParts,
    runtime: Arc<Runtime>,
    lifecycle: &Lifecycle,
    front: &Front,
) -> Result<(), StartError> {
    let config = &parts.server.config;
    let connections = Arc::new(Connections::new());
    let service: Arc<dyn Service> = Arc::new(ExchangeService::new(Arc::clone(&runtime)));
    let acceptor = |service, limits| Acceptor {
        limit: Arc::new(ConnectionLimit::new(limits)),
        connections: Arc::clone(&connections),
        service,
        executor: runtime.executor.clone(),
    };
    // Before the server that asks it: its first request may come at once.
    #[cfg(feature = "dev-tenant")]
    let of_tenant = match &parts.tenant {
        Some(tenant) => {
            let service = dev_tenant::DevTenantService::new(Arc::clone(tenant), parts.clock);
            let limits = InboundLimits::of_dev_tenant(config);
            accept_all(
                parts.listen(tenant.listen())?,
                &acceptor(Arc::new(service), limits),
            )?
        }
        None => Vec::new(),
    };
    let inbound = acceptor(service, InboundLimits::of(config));
    let accepting = accept(parts, &inbound, front)?;
    #[cfg(feature = "dev-tenant")]
    let accepting = (accepting, of_tenant);
    let (counted, held) = (Arc::clone(&runtime), Arc::clone(&inbound.limit));
    serve_metrics(&config.metrics_listen, &parts.stopped, move || {
        counted.shared.metrics_text(&held)
    })?;
    runtime.executor.spawn(purge_expired(Arc::clone(&runtime)));
    parts.listen_to_operator(&runtime);
    share_with_replicas(&runtime, &inbound.limit)?;
    parts.check_at_start(&runtime);
    lifecycle.serves(parts, || {
        Arc::new(MemoryService {
            service: inbound.service,
            limit: inbound.limit,
            executor: inbound.executor,
        })
    });
    let (asked, ask) = bounded(1);
    let unheard = asked.clone();
    lifecycle.on_stop(move || {
        let _ = asked.try_send(());
    });
    let _ = ask.recv().await;
    drop(unheard);
    runtime.send_to_hub(ToHub::shut_down());
    for pause in runtime.shared.pauses_until_closing() {
        Timer::after(pause).await;
    }
    drop(accepting);
    finish(&runtime, &connections).await;
    Ok(())
}

/// What takes requests until it is dropped.
enum Accepting {
    Sockets(#[expect(dead_code, reason = "they run until they are dropped")] Vec<Task<()>>),
    #[cfg(feature = "tower")]
    Service(#[expect(dead_code, reason = "it is open until this is dropped")] service::CloseOnDrop),
}

fn accept(
    parts: &RuntimeParts,
    inbound: &Acceptor,
    front: &Front,
) -> Result<Accepting, StartError> {
    match front {
        Front::Sockets => {
            let listeners = parts.listen(&parts.server.config.listen)?;
            accept_all(listeners, inbound).map(Accepting::Sockets)
        }
        #[cfg(feature = "tower")]
        Front::Service(made) => {
            let (service, accepting) = service::McpService::new(service::Open {
                inbound: inbound.clone(),
                is_local: parts.server.config.dev_tenant.is_some(),
                timeouts: service::Timeouts::default(),
            });
            // Who does not wait for it does not want it.
            let _ = made.send(service);
            Ok(Accepting::Service(accepting))
        }
    }
}

/// One accept loop a listener, one ceiling for them all.
fn accept_all(
    listeners: Vec<TcpListener>,
    acceptor: &Acceptor,
) -> Result<Vec<Task<()>>, StartError> {
    let accept = |listener| {
        let listener =
            async_io::Async::new(listener).map_err(|error| StartError::Socket { error })?;
        let accepted = acceptor.clone().accept(listener);
        Ok(acceptor.executor.spawn_scoped(accepted))
    };
    let tasks: Result<Vec<_>, StartError> = listeners.into_iter().map(accept).collect();
    Ok(tasks?.into_iter().flatten().collect())
}

async fn purge_expired(runtime: Arc<Runtime>) {
    loop {
        let runtime = Arc::clone(&runtime);
        unblock(move || runtime.purge_expired()).await;
        Timer::after(limits::PURGE_INTERVAL).await;
    }
}

/// Streams say their last and end; what else is under way has a while to finish.
async fn finish(runtime: &Arc<Runtime>, connections: &Connections) {
    for pause in runtime.shared.pauses_until_streams_end() {
        Timer::after(pause).await;
    }
    connections.close();
    for pause in runtime.shared.pauses_until_idle(|| connections.are_over()) {
        Timer::after(pause).await;
    }
    runtime.processes.kill_all();
    entra_mcp_runtime::finish_log();
}

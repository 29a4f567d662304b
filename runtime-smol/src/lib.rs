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
//! It mirrors the blocking runtime file by file. `server` is what is offered, `context` what a function
//! gets, and `invoke` runs it; `handle` announces changes. `drive` is the loop that performs what the core wants; `executor` runs
//! it; `listen` accepts connections and bounds them; `inbound` reads requests and writes answers;
//! `outbound` fetches; `hub` carries messages between exchanges; `dev_tenant` serves the dev tenant.

mod context;
mod dev_tenant;
mod drive;
mod executor;
mod handle;
mod hub;
mod inbound;
mod invoke;
mod listen;
mod outbound;
mod server;

use std::{
    net::TcpListener,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_channel::bounded;
use async_io::Timer;
pub use entra_mcp_core::{
    catalog::{
        Annotations, Call, CallError, CatalogBuilder, ChangeNotification, ClientCapabilities,
        Content, Effect, EffectResult, ElicitationSchema, FieldSchema, Handler, Icon, InputRequest,
        InputResponse, Json, LogLevel, Principal, Prompt, PromptArgument, PromptMessages, Resource,
        ResourceContents, ResourceTemplate, Role, ScopeDefinition, Step, TaskSupport, Tool,
        ToolResult,
    },
    secret::Secret,
};
use entra_mcp_core::{
    env::{self, EntraSnapshot, Env},
    exchange::ExchangeId,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    time::Now,
};
use entra_mcp_runtime::{
    Clock, ConnectionLimit, FileStore, Program, RuntimeParts, bind, handlers::Handlers, on_shutdown,
};
pub use entra_mcp_runtime::{
    StartError,
    handlers::{
        CallContext, CompletionRequest, ElicitResult, Interrupted, IntoContents, IntoMessages,
        input_schema_of, output_schema_of,
    },
};
use smol::{Task, unblock};

pub use self::{context::Context, handle::Handle, server::Server};
use self::{
    dev_tenant::DevTenantService,
    drive::McpService,
    executor::Executor,
    hub::SharedHub,
    inbound::Service,
    invoke::BoxedHandler,
    listen::{Acceptor, Connections},
    outbound::Outbound,
};

/// What this runtime is called; it has no settings of its own.
pub static PROGRAM: Program = Program {
    name: "entra-mcp-smol",
    flags: &[],
};

/// What all tasks share.
#[derive(Debug)]
struct Runtime {
    server: Arc<env::Server>,
    handlers: Handlers<BoxedHandler>,
    store: Arc<FileStore>,
    clock: Clock,
    executor: Executor,
    outbound: Outbound,
    hub: SharedHub,
    last_exchange: AtomicU64,
    /// How many exchanges are being driven.
    busy: AtomicUsize,
}

impl Runtime {
    fn new(parts: &RuntimeParts, handlers: Handlers<BoxedHandler>, executor: Executor) -> Self {
        Self {
            server: Arc::clone(&parts.server),
            handlers,
            store: Arc::clone(&parts.store),
            clock: parts.clock,
            outbound: Outbound::new(executor.clone()),
            executor,
            hub: SharedHub::new(),
            last_exchange: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
        }
    }

    fn next_exchange(&self) -> ExchangeId {
        ExchangeId(self.last_exchange.fetch_add(1, Ordering::Relaxed))
    }

    fn env<'a>(&'a self, entra: &'a EntraSnapshot, now: Now) -> Env<'a> {
        Env {
            server: &self.server,
            entra: entra,
            now,
        }
    }
}

/// Serves until the process is asked to end; then lets the exchanges under way finish.
#[must_use]
pub fn run(parts: &RuntimeParts) -> ExitCode {
    if let Err(words) = run_with(parts, Handlers::default(), &Handle::default()) {
        let failed = LogEvent::new(LogEventId::ServerFailed);
        entra_mcp_runtime::log(&failed.with_words(Field::Error, words));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The same with functions that perform calls.
fn run_with(
    parts: &RuntimeParts,
    handlers: Handlers<BoxedHandler>,
    handle: &Handle,
) -> Result<(), String> {
    let executor = Executor::new();
    let runtime = Arc::new(Runtime::new(parts, handlers, executor.clone()));
    handle.attach(&runtime);
    executor.run(serve(parts, runtime))?
}

async fn serve(parts: &RuntimeParts, runtime: Arc<Runtime>) -> Result<(), String> {
    let connections = Arc::new(Connections::new());
    let service: Arc<dyn Service> = Arc::new(McpService::new(Arc::clone(&runtime)));
    let mut accepting = accept_all(
        bind(&parts.server.config.listen)?,
        &runtime,
        &connections,
        &service,
    )?;
    if let Some(tenant) = &parts.tenant {
        let dev_tenant: Arc<dyn Service> =
            Arc::new(DevTenantService::new(Arc::clone(tenant), parts.clock));
        let listeners = bind(tenant.listen())?;
        accepting.extend(accept_all(listeners, &runtime, &connections, &dev_tenant)?);
    }
    runtime.executor.spawn(purge_expired(Arc::clone(&runtime)));
    parts.startup_banner();
    let (asked, ask) = bounded(1);
    let unheard = asked.clone();
    on_shutdown(move || {
        let _ = asked.try_send(());
    });
    let _ = ask.recv().await;
    drop((accepting, unheard));
    finish(&runtime, &connections).await;
    Ok(())
}

/// One accept loop a listener, one ceiling for them all.
fn accept_all(
    listeners: Vec<TcpListener>,
    runtime: &Runtime,
    connections: &Arc<Connections>,
    service: &Arc<dyn Service>,
) -> Result<Vec<Task<()>>, String> {
    let acceptor = Acceptor {
        limit: Arc::new(ConnectionLimit::new(entra_mcp_runtime::connection_ceiling())),
        connections: Arc::clone(connections),
        service: Arc::clone(service),
        executor: runtime.executor.clone(),
    };
    let accept = |listener| {
        let listener = async_io::Async::new(listener)
            .map_err(|error| format!("A socket cannot be listened on: {error}."))?;
        Ok(runtime
            .executor
            .spawn_scoped(acceptor.clone().accept(listener)))
    };
    listeners.into_iter().map(accept).collect()
}

async fn purge_expired(runtime: Arc<Runtime>) {
    loop {
        let (store, now) = (Arc::clone(&runtime.store), runtime.clock.now().unix);
        unblock(move || store.purge_expired(now)).await;
        Timer::after(limits::PURGE_INTERVAL).await;
    }
}

/// Streams end; what else is under way has a while to finish.
async fn finish(runtime: &Runtime, connections: &Connections) {
    connections.close();
    let end = runtime.clock.now().instant.after(limits::SHUTDOWN_TIMEOUT);
    let is_busy = || runtime.busy.load(Ordering::Acquire) > 0 || !connections.are_over();
    while is_busy() && !runtime.clock.until(end).is_zero() {
        Timer::after(Duration::from_millis(10)).await;
    }
}

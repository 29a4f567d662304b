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
//! It mirrors the smol runtime file by file. `server` is what is offered, `context` what a function
//! gets, and `perform` runs it; `handle` announces changes. `drive` is the loop that performs what the core wants; `listen` accepts
//! connections and bounds them; `inbound` reads requests and writes answers; `outbound` fetches; `hub`
//! carries messages between exchanges; `tenant` serves the dev tenant.

mod context;
mod drive;
mod handle;
mod hub;
mod inbound;
mod listen;
mod outbound;
mod perform;
mod server;
mod tenant;

use std::{
    net::TcpListener,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

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
    time::Now,
};
use entra_mcp_runtime::{
    Clock, FileStore, Flag, Gate, Program, RuntimeParts, bind, library::Handlers, on_shutdown,
};
pub use entra_mcp_runtime::{
    StartError,
    library::{
        CallContext, CompletionRequest, ElicitResult, Interrupted, IntoContents, IntoMessages,
        schema_of,
    },
};

pub use self::{context::Context, handle::Handle, server::Server};
use self::{
    drive::Front,
    hub::Switchboard,
    inbound::{HttpServer, Service},
    outbound::Outbound,
    perform::{BoxedHandler, Stage},
    tenant::Back,
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
};

const HTTP_SERVER: &str = "--http-server";

/// What all threads share.
#[derive(Debug)]
struct Runtime {
    server: Arc<env::Server>,
    stage: Stage,
    store: Arc<FileStore>,
    clock: Clock,
    outbound: Outbound,
    hub: Switchboard,
    last_exchange: AtomicU64,
    /// How many exchanges are being driven.
    busy: AtomicUsize,
    /// How many exchanges go on after their answer, on threads of their own.
    remainders: AtomicUsize,
    /// Whether the server is about to end.
    closing: AtomicBool,
}

impl Runtime {
    fn new(parts: &RuntimeParts, handlers: Handlers<BoxedHandler>) -> Self {
        Self {
            server: Arc::clone(&parts.server),
            stage: Stage::new(handlers),
            store: Arc::clone(&parts.store),
            clock: parts.clock,
            outbound: Outbound::new(),
            hub: Switchboard::new(),
            last_exchange: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
            remainders: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
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

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// Serves until the process is asked to end; then lets the exchanges under way finish.
#[must_use]
pub fn run(parts: &RuntimeParts) -> ExitCode {
    if let Err(words) = run_with(parts, Handlers::default(), &Handle::default()) {
        tracing::error!("{words}");
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
    let runtime = Arc::new(Runtime::new(parts, handlers));
    handle.attach(&runtime);
    let server = HttpServer::named(parts.choice(HTTP_SERVER));
    let listeners = bind(&parts.server.config.listen)?;
    let front: Arc<dyn Service> = Arc::new(Front::new(Arc::clone(&runtime)));
    serve_all(listeners, &front, server)?;
    if let Some(tenant) = &parts.tenant {
        let back: Arc<dyn Service> = Arc::new(Back::new(Arc::clone(tenant), parts.clock));
        serve_all(bind(tenant.listen())?, &back, server)?;
    }
    let swept = Arc::clone(&runtime);
    spawn("sweep", move || sweep(&swept))?;
    parts.startup_banner();
    let (asked, ask) = mpsc::channel();
    let unheard = asked.clone();
    on_shutdown(move || {
        let _ = asked.send(());
    });
    let _ = ask.recv();
    drop(unheard);
    finish(&runtime);
    Ok(())
}

/// One accept thread a listener, one ceiling for them all.
fn serve_all(
    listeners: Vec<TcpListener>,
    service: &Arc<dyn Service>,
    server: HttpServer,
) -> Result<(), String> {
    let gate = Arc::new(Gate::new(entra_mcp_runtime::connection_ceiling()));
    for listener in listeners {
        let (service, gate) = (Arc::clone(service), Arc::clone(&gate));
        spawn("accept", move || server.serve(&listener, &service, &gate))?;
    }
    Ok(())
}

fn sweep(runtime: &Runtime) {
    loop {
        runtime.store.sweep(runtime.clock.now().unix);
        std::thread::sleep(limits::PURGE_INTERVAL);
    }
}

/// Streams are told that they end; what else is under way has a while to finish.
fn finish(runtime: &Runtime) {
    runtime.closing.store(true, Ordering::Relaxed);
    let end = runtime.clock.now().instant.after(limits::SHUTDOWN_TIMEOUT);
    while runtime.busy.load(Ordering::Acquire) > 0 && !runtime.clock.until(end).is_zero() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> Result<(), String> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(f)
        .map(drop)
        .map_err(|error| format!("No thread can be started: {error}."))
}

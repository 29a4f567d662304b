//! From the command line to a server that can be run.

mod commands;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use entra_mcp_core::{
    catalog::Catalog,
    config::{Config, GraphTools, StoreLocation},
    env::Server,
    hub::Job,
};

use self::store::{Outlet, open_store};
#[cfg(feature = "dev-tenant")]
use crate::{MemoryTenant, dev_tenant::SharedDevTenant};
use crate::{
    audit_log, backend_process,
    backend_tls::BackendTls,
    client_add,
    client_credential::ClientAssertions,
    clients_file::SharedClients,
    clock::Clock,
    command_line::{self, Command},
    config::{self, OwnParts},
    egress::Egress,
    key_command::{self, KeyStatus},
    listen::{ListenError, bind_with},
    log,
    metrics::Metrics,
    policy_file::SharedPolicy,
    seed,
    sessions::{self, KeyQuestion, Question, Sessions, Told},
    settings::{Given, Program},
    shared::DriveJobs,
    start_error::StartError,
    startup_banner::startup_banner,
    store::RecordStore,
    unix::{process_hardening, signals, stopped::Stopped},
};

/// What a runtime drives: everything that was read, checked and opened at the start.
#[derive(Debug)]
pub struct RuntimeParts {
    /// The settings and keys.
    pub server: Arc<Server>,
    /// The clients that the operator has registered.
    pub clients: Arc<SharedClients>,
    /// What users may do of that which the backend offers.
    pub policy: Arc<SharedPolicy>,
    /// Where records are kept.
    pub store: Arc<RecordStore>,
    /// What makes client assertions towards Entra ID.
    pub client_assertions: Arc<ClientAssertions>,
    /// Both clocks.
    pub clock: Clock,
    /// How outbound connections are made.
    pub egress: Arc<Egress>,
    /// How backends are reached by TLS.
    pub backend_tls: BackendTls,
    /// The dev tenant, if it is to be served.
    #[cfg(feature = "dev-tenant")]
    pub tenant: Option<Arc<SharedDevTenant>>,
    /// Whether the server has stopped, for threads that wait.
    pub stopped: Arc<Stopped>,
    /// Whether it listens nowhere, and asks nobody but its development tenant.
    in_memory: bool,
    /// Listeners whose ports were taken while the settings were read.
    bound: Mutex<Vec<TcpListener>>,
    choices: BTreeMap<&'static str, &'static str>,
    program: &'static str,
}

/// Settings that were read and are right; nothing was opened yet.
#[derive(Debug)]
pub struct Settings {
    config: Box<Config>,
    choices: BTreeMap<&'static str, &'static str>,
    program: &'static str,
    clock: Clock,
    outlet: Outlet,
    bound: Vec<TcpListener>,
    own: OwnParts,
}

/// Whose the process is in which the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessOwner {
    /// The server's: it has the log, the signals and the rest to itself.
    Server,
    /// Another program's, of which the server is a part: nothing of the process is changed.
    Program,
}

impl Settings {
    /// The settings that a program gives.
    ///
    /// # Errors
    ///
    /// Which of them are wrong, or that an address cannot be used.
    pub(crate) fn of(
        mut config: config::Config,
        program: &'static Program,
    ) -> Result<Self, StartError> {
        let clock = Clock::start();
        let bound = config.take_ports()?;
        let own = config.take_own_parts();
        let mut given = Given {
            arguments: Vec::new(),
            command: Vec::new(),
            variables: config.into_variables(),
        };
        let choices = given.choose(program)?;
        let others: Vec<_> = program.flags.iter().map(|flag| flag.variable).collect();
        let parsed = command_line::parse(program.name, &[], &given.variables, &others);
        match parsed.map_err(StartError::Config)? {
            Command::Run(config) => Ok(Self {
                config,
                choices,
                program: program.name,
                clock,
                outlet: Outlet::of(&given.variables, program)?,
                bound,
                own,
            }),
            Command::Help(_) | Command::Version(_) => unreachable!("no argument asked for it"),
        }
    }

    /// Reads arguments, environment and `.env`. If the help or the version was asked for, prints it
    /// and ends the process.
    ///
    /// # Errors
    ///
    /// Which settings are wrong.
    pub fn from_env(program: &'static Program) -> Result<Self, StartError> {
        process_hardening::apply();
        match Self::read(program)? {
            Ok(settings) => Ok(settings),
            Err(text) => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                std::process::exit(0)
            }
        }
    }

    /// The settings, or the text that was asked for: the help, the version, what makes a client known.
    fn read(program: &'static Program) -> Result<Result<Self, String>, StartError> {
        let clock = Clock::start();
        let mut given = Given::read()?;
        let choices = given.choose(program)?;
        let others: Vec<_> = program.flags.iter().map(|flag| flag.variable).collect();
        let platform = client_add::take(&mut given)?;
        let sessions = sessions::take(&mut given)?;
        let key_command = key_command::take(&mut given)?;
        given.arguments.append(&mut given.command);
        let parsed = command_line::parse(program.name, &given.arguments, &given.variables, &others);
        match parsed {
            Ok(Command::Run(config)) => Ok(match (platform, sessions, key_command) {
                (_, _, Some(command)) => {
                    let outlet = Outlet::of(&given.variables, program)?;
                    Err(commands::perform_on_keys(
                        command,
                        &config,
                        &outlet,
                        clock.now().unix,
                    )?)
                }
                (_, Some(request), None) => {
                    let outlet = Outlet::of(&given.variables, program)?;
                    Err(commands::perform(
                        &request,
                        &config,
                        &outlet,
                        clock.now().unix,
                    )?)
                }
                (Some(platform), None, None) => {
                    let (id, secret) = (seed::bytes(), seed::bytes());
                    Err(client_add::text(platform, &config, id, secret))
                }
                (None, None, None) => Ok(Self {
                    config,
                    choices,
                    program: program.name,
                    clock,
                    outlet: Outlet::of(&given.variables, program)?,
                    bound: Vec::new(),
                    own: OwnParts::default(),
                }),
            }),
            Ok(Command::Help(text)) => Ok(Err(text + &program.help())),
            Ok(Command::Version(text)) => Ok(Err(text)),
            Err(errors) => Err(StartError::Config(errors)),
        }
    }

    /// The families of Graph's tools that are offered.
    pub(crate) fn graph_tools(&self) -> &BTreeSet<GraphTools> {
        &self.config.graph_tools
    }

    /// Starts the log and opens the data folder.
    ///
    /// # Errors
    ///
    /// What is wrong with the data folder, or with a file that the settings name.
    pub(crate) fn open(
        self,
        catalog: Catalog,
        owner: ProcessOwner,
    ) -> Result<RuntimeParts, StartError> {
        if owner == ProcessOwner::Server {
            signals::outlive_hangup();
            log::start(self.config.log, &self.config.log_filter);
        }
        log::summarize();
        if let Some(location) = &self.config.audit_log {
            audit_log::start(location, owner)?;
        }
        let stopped = Stopped::new().map_err(|error| StartError::Socket { error })?;
        let stopped = Arc::new(stopped);
        backend_process::check(&self.config)?;
        let backend_tls = BackendTls::of_config(&self.config, &self.outlet.egress)?;
        let credential = &self.config.entra.credential;
        let client_assertions =
            ClientAssertions::open(credential, self.own.assertions, self.clock.now().unix)?;
        let in_memory = self.own.in_memory;
        let now = self.clock.now().unix;
        let (store, keys) = open_store(&self.config, &self.outlet, self.own.store, now)?;
        store.renew_mark(&keys)?;
        store.agree(&self.config)?;
        #[cfg(feature = "dev-tenant")]
        let tenant = SharedDevTenant::of(&self.config)?.map(Arc::new);
        let (policy, scopes) = SharedPolicy::open(&self.config, catalog.scopes(), &stopped, owner)?;
        let catalog = catalog.with_scopes(scopes)?;
        let server = Arc::new(Server::new(*self.config, keys, catalog));
        Ok(RuntimeParts {
            #[cfg(feature = "dev-tenant")]
            tenant,
            clients: SharedClients::open(&server, &stopped, owner)?,
            policy,
            server,
            store: Arc::new(store),
            client_assertions: Arc::new(client_assertions),
            clock: self.clock,
            backend_tls,
            egress: self.outlet.egress,
            stopped,
            in_memory,
            bound: Mutex::new(self.bound),
            choices: self.choices,
            program: self.program,
        })
    }
}

/// Reads the settings and opens the data folder, for a server that offers what it offers by itself.
/// Says what is wrong, the help or the version by itself.
///
/// # Errors
///
/// The status to end with: 0 after the help or version, 2 if a setting is wrong, 1 if the data folder is.
pub fn boot(program: &'static Program) -> Result<RuntimeParts, ExitCode> {
    process_hardening::apply();
    let settings = match Settings::read(program) {
        Ok(Ok(settings)) => settings,
        Ok(Err(text)) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            return Err(ExitCode::SUCCESS);
        }
        Err(error) => return Err(complain(program, &error, 2)),
    };
    let catalog = entra_mcp_core::tools::catalog_of(&settings.config);
    let opened = catalog
        .map_err(StartError::from)
        .and_then(|catalog| settings.open(catalog, ProcessOwner::Server));
    opened.map_err(|error| complain(program, &error, 1))
}

fn complain(program: &Program, error: &StartError, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}: {error}", program.name);
    ExitCode::from(status)
}

impl Drop for RuntimeParts {
    fn drop(&mut self) {
        self.stopped.set();
    }
}

impl RuntimeParts {
    /// Returns the development tenant, if the server asks it without a socket.
    #[cfg(feature = "dev-tenant")]
    #[must_use]
    pub fn memory_tenant(&self) -> Option<MemoryTenant> {
        let tenant = self.tenant.as_ref().filter(|_| self.in_memory)?;
        Some(MemoryTenant {
            tenant: Arc::clone(tenant),
            clock: self.clock,
        })
    }

    /// Whether it listens nowhere.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// Listens on all of these addresses, as [`crate::bind`] does; nowhere, if the server is in memory.
    ///
    /// # Errors
    ///
    /// Which address cannot be used and why.
    pub fn listen(&self, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
        if self.in_memory {
            return Ok(Vec::new());
        }
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        bind_with(addresses, &mut bound)
    }

    /// What was chosen by a flag of the program; empty if it has no such flag.
    #[must_use]
    pub fn choice(&self, flag: &str) -> &'static str {
        self.choices.get(flag).copied().unwrap_or_default()
    }

    /// Returns the counters, if anybody is to read them.
    pub(crate) fn metrics(&self) -> Option<Metrics> {
        let is_read = !self.server.config.metrics_listen.is_empty();
        is_read.then(|| Metrics::new(self.program))
    }

    /// Lets the operator's commands about sessions reach this process. What they end, the runtime ends at once.
    pub fn listen_to_operator<R: DriveJobs>(&self, runtime: &Arc<R>) {
        let StoreLocation::Folder(folder) = &self.server.config.store else {
            return;
        };
        if matches!(*self.store, RecordStore::Custom(_)) {
            return;
        }
        let (runtime, server) = (Arc::clone(runtime), Arc::clone(&self.server));
        let (store, clock) = (Arc::clone(&self.store), self.clock);
        let stopped = Arc::clone(&self.stopped);
        sessions::listen(&folder.join(sessions::FILE), &stopped, move |question| {
            let (keys, now) = (&server.keys, clock.now().unix);
            match question {
                Question::Keys(KeyQuestion::KeyStatus) => {
                    Told::Keys(KeyStatus::of(&store, keys, now))
                }
                Question::Sessions(request) => {
                    let sessions = Sessions {
                        store: &store,
                        keys,
                        tenant: &server.config.entra.tenant,
                        now,
                    };
                    Told::Sessions(sessions.perform(request, |ended| runtime.send_to_hub(ended)))
                }
            }
        });
    }

    /// Tries, beside everything else, whether Entra accepts the credential, and whether backends answer as MCP servers: what is wrong is in
    /// the log before the first user meets it. The development tenant's own credential is right.
    pub fn check_at_start<R: DriveJobs>(&self, runtime: &Arc<R>) {
        for (endpoint, _) in self.server.config.gateways() {
            runtime.spawn_job(Job::check_backend(endpoint));
        }
        if self.server.config.dev_tenant.is_none() {
            runtime.spawn_job(Job::check_credential());
        }
    }

    /// Prints what to do next.
    pub fn startup_banner(&self) {
        let text = startup_banner(&self.server.config, &self.server.catalog);
        // Whoever closed our standard output does not want to read it.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

//! From the command line to a server that can be run.

use std::{collections::BTreeMap, io::Write as _, process::ExitCode, sync::Arc};

use entra_mcp_core::{
    config::{Command, Config},
    env::Server,
};

use crate::{
    clock::Clock,
    folder::Folder,
    harden, key, log,
    settings::{Given, Program},
    store::FileStore,
    tenant::Tenant,
};

/// What a runtime drives: everything that was read, checked and opened at the start.
#[derive(Debug)]
pub struct Host {
    /// The settings and keys.
    pub server: Arc<Server>,
    /// The sessions.
    pub store: Arc<FileStore>,
    /// Both clocks.
    pub clock: Clock,
    /// The dev tenant, if it is to be served.
    pub tenant: Option<Arc<Tenant>>,
    choices: BTreeMap<&'static str, &'static str>,
}

/// Reads arguments, environment and `.env`, and opens the data folder. Says what is wrong, the help
/// or the version by itself.
///
/// # Errors
///
/// The status to end with: 0 after the help or version, 2 if a setting is wrong, 1 if the data folder is.
pub fn boot(program: &'static Program) -> Result<Host, ExitCode> {
    harden::process();
    let clock = Clock::start();
    let (config, choices) = match settings(program) {
        Ok(Ok((config, choices))) => (*config, choices),
        Ok(Err(text)) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            return Err(ExitCode::SUCCESS);
        }
        Err(words) => return Err(complain(program, &words, 2)),
    };
    log::start(config.log);
    let opened = Folder::open(&config.data_dir).and_then(|folder| {
        let store = FileStore::open(&folder)?;
        let keys = key::ring(&config.keys, &folder, &store)?;
        Ok((store, keys))
    });
    let (store, keys) = opened.map_err(|words| complain(program, &words, 1))?;
    let tenant = Tenant::of(&config).map(Arc::new);
    Ok(Host {
        tenant,
        server: Arc::new(Server::new(config, keys, entra_mcp_core::tools::catalog())),
        store: Arc::new(store),
        clock,
        choices,
    })
}

/// The settings and what was chosen by the program's own flags, or the text that was asked for.
type Asked = Result<(Box<Config>, BTreeMap<&'static str, &'static str>), String>;

fn settings(program: &'static Program) -> Result<Asked, String> {
    let mut given = Given::read()?;
    let choices = given.choose(program)?;
    let others: Vec<_> = program.flags.iter().map(|flag| flag.variable).collect();
    let parsed = Config::parse(program.name, &given.arguments, &given.variables, &others);
    match parsed {
        Ok(Command::Run(config)) => Ok(Ok((config, choices))),
        Ok(Command::Help(text)) => Ok(Err(text + &program.help())),
        Ok(Command::Version(text)) => Ok(Err(text)),
        Err(errors) => {
            let lines = errors.iter().map(|error| format!("\n  {error}"));
            Err(format!(
                "some settings are wrong:{}",
                lines.collect::<String>()
            ))
        }
    }
}

fn complain(program: &Program, words: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}: {words}", program.name);
    ExitCode::from(status)
}

impl Host {
    /// What was chosen by a flag of the program; empty if it has no such flag.
    #[must_use]
    pub fn choice(&self, flag: &str) -> &'static str {
        self.choices.get(flag).copied().unwrap_or_default()
    }

    /// Prints what to do next.
    pub fn welcome(&self) {
        let text = self.server.config.welcome();
        // Whoever closed our standard output does not want to read it.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

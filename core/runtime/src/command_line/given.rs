//! What was given on the command line and in the environment, setting by setting; unknown names are
//! errors that tell the nearest known one.

mod capacity;
mod entra_tokens;
mod gateway;
mod lifetimes;
mod of_backend;
mod settings;
mod sign_in;
mod store;

use std::collections::BTreeMap;

pub(super) use self::{
    capacity::{CALLS_PER_USER, CONNECTIONS, MESSAGE_BYTES, STREAMS_PER_USER, TASKS_PER_USER},
    entra_tokens::{
        ACCEPT_AGENTS, ACCEPT_APP, ACCEPT_ENTRA_TOKENS, ACCEPT_ROLE, ACCEPT_SCOPE, APP_ID_URI,
        AUTHORIZATION_SERVERS,
    },
    gateway::{
        BACKEND, BACKEND_ANSWER_BYTES, BACKEND_AUDIENCE, BACKEND_CA, BACKEND_CERT, BACKEND_COMMAND,
        BACKEND_CONNECT_TIMEOUT, BACKEND_DIR, BACKEND_ENV, BACKEND_HEADER, BACKEND_HELD_BYTES,
        BACKEND_IDLE, BACKEND_LOG_LINES, BACKEND_MESSAGES, BACKEND_OPEN_TIMEOUT, BACKEND_PROCESSES,
        BACKEND_PROCESSES_PER_USER, BACKEND_RESTART, BACKEND_SESSION_IDLE, BACKEND_SHARE,
        BACKEND_SILENCE, BACKEND_TIMEOUT, BACKEND_USER, IDENTITY, OF_ADDRESS, OF_COMMAND, OF_ONE,
        POLICY, WITH_OWN_TOOLS,
    },
    lifetimes::{
        CALL_TIMEOUT, CODE_LIFETIME, CONSENT_LIFETIME, GRAPH_ANSWER_BYTES, INPUT_TIMEOUT,
        PROGRESS_PER_SECOND, REFRESH_REUSE, SESSION_ABSOLUTE, SESSION_IDLE, SESSION_TOKEN_LIFETIME,
        SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, TASK_TIMEOUT,
    },
    of_backend::{Named, per_backend},
    settings::*,
    sign_in::{
        ALLOW_DOMAIN, ALLOW_GROUP, ALLOW_GUESTS, ALLOW_ROLE, ALLOW_TENANT, ALLOW_USER, GRAPH,
    },
    store::{STORE, STORE_CA, STORE_ENTRA_AUTH, STORE_PASSWORD, STORE_PASSWORD_FILE, STORE_PREFIX},
};
use super::{error::ConfigError, nearest::nearest};

/// What was given, secrets too: it is not for printing.
#[derive(Default)]
pub(super) struct Given {
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: BTreeMap<String, String>,
    /// What stands after `--`.
    pub(super) command: Option<Vec<String>>,
    pub(super) help: bool,
    pub(super) version: bool,
}

fn flags() -> impl Iterator<Item = &'static Setting> {
    let settings = SETTINGS.iter().copied();
    settings.filter(|setting| !setting.flag.is_empty())
}

fn variables() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .map(|setting| setting.variable)
        .filter(|name| !name.is_empty())
}

impl Given {
    /// Reads arguments and variables. `others` are variables of our prefix that somebody else
    /// reads.
    pub(super) fn read(
        arguments: &[String],
        given: &BTreeMap<String, String>,
        others: &[&str],
        errors: &mut Vec<ConfigError>,
    ) -> Self {
        let mut known: Vec<&str> = variables().collect();
        known.extend(others);
        for name in given.keys().filter(|name| name.starts_with("ENTRA_MCP_")) {
            if !known.contains(&name.as_str()) {
                let nearest = nearest(name, known.iter().copied());
                let setting = name.clone();
                errors.push(ConfigError::UnknownSetting { setting, nearest });
            }
        }
        let mut read = Self {
            variables: given.clone(),
            ..Self::default()
        };
        let mut parts = arguments.splitn(2, |argument| argument == "--");
        let arguments = parts.next().unwrap_or_default();
        read.command = parts.next().map(<[String]>::to_vec);
        let mut parser = lexopt::Parser::from_args(arguments);
        while read.argument(&mut parser, errors) {}
        read
    }

    /// Reads one argument; whether there may be more.
    fn argument(&mut self, parser: &mut lexopt::Parser, errors: &mut Vec<ConfigError>) -> bool {
        let name = match parser.next() {
            Ok(None) => return false,
            Ok(Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help"))) => {
                self.help = true;
                return true;
            }
            Ok(Some(lexopt::Arg::Short('V') | lexopt::Arg::Long("version"))) => {
                self.version = true;
                return true;
            }
            Ok(Some(lexopt::Arg::Long(name))) => name.to_owned(),
            Ok(Some(lexopt::Arg::Short(_) | lexopt::Arg::Value(_))) => {
                errors.push(ConfigError::PositionalArgument);
                return true;
            }
            Err(error) => {
                let message = error.to_string();
                errors.push(ConfigError::InvalidArguments { message });
                return true;
            }
        };
        let mut bare = [DEV_TENANT.flag, WITH_OWN_TOOLS.flag].into_iter();
        if let Some(flag) = bare.find(|flag| *flag == name) {
            self.flags.insert(flag, Vec::new());
            return true;
        }
        let value = value_of(parser);
        let Some(setting) = flags().find(|setting| setting.flag == name) else {
            errors.push(unknown_flag(&name));
            return true;
        };
        match value.filter(|value| !value.trim().is_empty()) {
            Some(value) => {
                let value = value.trim().to_owned();
                self.flags.entry(setting.flag).or_default().push(value);
            }
            None => errors.push(ConfigError::MissingValue {
                flag: setting.flag,
                value: setting.value,
            }),
        }
        true
    }

    /// The value of a setting: the flag's, else the variable's. An empty variable is one that is
    /// not set.
    pub(super) fn value(&self, setting: &Setting) -> Option<&str> {
        self.values(setting).last().copied()
    }

    /// All values of a setting that may be given several times.
    pub(super) fn values(&self, setting: &Setting) -> Vec<&str> {
        match self.flags.get(setting.flag) {
            Some(values) => values.iter().map(String::as_str).collect(),
            None => self.variable(setting.variable).into_iter().collect(),
        }
    }

    /// Whether a flag was given.
    pub(super) fn has(&self, setting: &Setting) -> bool {
        self.flags.contains_key(setting.flag)
    }

    /// A variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }
}

/// The value that belongs to a flag, which may be after `=` or be the next argument.
fn value_of(parser: &mut lexopt::Parser) -> Option<String> {
    let value = parser.optional_value().or_else(|| {
        let mut arguments = parser.try_raw_args()?;
        arguments.next_if(|next| !next.to_string_lossy().starts_with("--"))
    });
    value?.into_string().ok()
}

/// No such flag: perhaps a variable, as every secret is, or written wrongly.
fn unknown_flag(name: &str) -> ConfigError {
    let flag = format!("--{name}");
    let name = name.replace('-', "_").to_ascii_uppercase();
    let prefixes = ["", "AZURE_", "ENTRA_MCP_"];
    let is_it = |variable: &str| prefixes.iter().any(|p| format!("{p}{name}") == variable);
    let is_variable = SETTINGS
        .iter()
        .find(|setting| setting.flag.is_empty() && is_it(setting.variable));
    if let Some(setting) = is_variable {
        let variable = setting.variable;
        return ConfigError::VariableAsFlag { flag, variable };
    }
    let mut known: Vec<_> = flags().map(|known| format!("--{}", known.flag)).collect();
    known.extend(["--help", "--version"].map(str::to_owned));
    let nearest = nearest(&flag, known.iter().map(String::as_str));
    let setting = flag;
    ConfigError::UnknownSetting { setting, nearest }
}

//! What was given on the command line and in the environment, setting by setting; unknown names are
//! errors that tell the nearest known one.

mod lifetimes;
mod store;

use std::collections::BTreeMap;

pub(super) use self::lifetimes::{
    CODE_LIFETIME, CONSENT_LIFETIME, REFRESH_REUSE, SESSION_ABSOLUTE, SESSION_IDLE,
    SESSION_TOKEN_LIFETIME,
};
pub(super) use self::store::{STORE, STORE_PASSWORD, STORE_PREFIX};
use super::{error::ConfigError, nearest::nearest};

/// A setting: its flag, its variable, and what `--help` says of it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) flag: &'static str,
    pub(super) variable: &'static str,
    pub(super) value: &'static str,
    pub(super) help: &'static str,
}

const fn setting(
    flag: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        flag,
        variable,
        value,
        help,
    }
}

pub(super) const LISTEN: Setting = setting(
    "listen",
    "ENTRA_MCP_LISTEN",
    "HOST:PORT",
    "where to listen (default localhost:3001)",
);
pub(super) const PUBLIC_URL: Setting = setting(
    "public-url",
    "ENTRA_MCP_PUBLIC_URL",
    "URL",
    "the address that clients use, with or without a path; https unless loopback (default \
     http://localhost:PORT)",
);
pub(super) const DATA_DIR: Setting = setting(
    "data-dir",
    "ENTRA_MCP_DATA_DIR",
    "FOLDER",
    "where sessions and the generated key are kept (default ~/.local/share/entra-mcp)",
);
pub(super) const DEV_TENANT: Setting = setting(
    "dev-tenant",
    "",
    "",
    "start the development tenant even if AZURE_* is set",
);
pub(super) const DEV_TENANT_LISTEN: Setting = setting(
    "dev-tenant-listen",
    "ENTRA_MCP_DEV_TENANT_LISTEN",
    "HOST:PORT",
    "where the development tenant listens (default localhost:3002)",
);
pub(super) const ALLOW_ORIGIN: Setting = setting(
    "allow-origin",
    "ENTRA_MCP_ALLOWED_ORIGINS",
    "ORIGIN",
    "a web page that may use the MCP endpoints, such as http://localhost:6274; repeatable",
);
pub(super) const REGISTRATION: Setting = setting(
    "registration",
    "ENTRA_MCP_REGISTRATION",
    "open|listed|closed",
    "which clients come in by themselves: any, those that return to places of well-known clients, or \
     none but those of --clients (default open on loopback, else listed)",
);
pub(super) const ALLOW_CLIENT: Setting = setting(
    "allow-client",
    "ENTRA_MCP_ALLOWED_CLIENTS",
    "PLACE",
    "adds a place that listed clients may return to: a host such as agent.contoso.com or an app scheme \
     such as com.contoso.agent; with a minus before it, takes one away: -localhost for programs on the \
     user's own computer, -all for all that come with the server; repeatable",
);
pub(super) const CONTACT: Setting = setting(
    "contact",
    "ENTRA_MCP_CONTACT",
    "TEXT",
    "whom users are to ask who are not let in, such as it@contoso.com (default: the operator of this \
     server)",
);
pub(super) const CLIENT_DOCUMENTS: Setting = setting(
    "client-documents",
    "ENTRA_MCP_CLIENT_DOCUMENTS",
    "off|pinned|public|loopback",
    "where clients may be described whose client_id is a URL: nowhere, in the pinned copies only, on \
     the public internet, or, with the development tenant, on this computer, too (default public)",
);
pub(super) const PINNED_CLIENT: Setting = setting(
    "pinned-client",
    "ENTRA_MCP_PINNED_CLIENTS",
    "URL [REDIRECT_URI ...]",
    "a client_id that is a URL, and where that client returns to, separated by spaces: its site is not \
     asked; the URL alone takes away what is pinned for it; several are separated by semicolons; \
     repeatable",
);
pub(super) const CLIENTS: Setting = setting(
    "clients",
    "ENTRA_MCP_CLIENTS",
    "FILE",
    "a file (TOML) of clients that are registered beforehand, with an id and a secret; read again when \
     it changes, and after SIGHUP (default: none)",
);
pub(super) const TRUSTED_PROXY: Setting = setting(
    "trusted-proxy",
    "ENTRA_MCP_TRUSTED_PROXIES",
    "ADDRESS",
    "a proxy whose X-Forwarded-For, or else Forwarded, names the client that limits for each address count: an IP \
     address or a range such as 10.0.0.0/8; repeatable (default: none)",
);
pub(super) const ALLOW_HOST: Setting = setting(
    "allow-host",
    "ENTRA_MCP_ALLOWED_HOSTS",
    "HOST[:PORT]",
    "a further name under which requests come in, such as that of a load balancer; what the server says \
     of itself names the public URL all the same; repeatable (default: none)",
);
pub(super) const RESPONSE_ISS: Setting = setting(
    "response-iss",
    "ENTRA_MCP_RESPONSE_ISS",
    "on|off",
    "whether authorization responses name the issuer (RFC 9207), which protects clients that talk to several \
     servers; off only for clients that lose it and then refuse the response (default on)",
);
pub(super) const DEVICE_AUTHORIZATION: Setting = setting(
    "device-authorization",
    "ENTRA_MCP_DEVICE_AUTHORIZATION",
    "on|off",
    "whether clients on devices without a browser may show a code that their user types elsewhere (RFC 8628); \
     users can be tricked into typing somebody else's (default off)",
);
pub(super) const LOG: Setting = setting(
    "log",
    "ENTRA_MCP_LOG",
    "text|json",
    "how the log is written (default text)",
);
pub(super) const KEY: Setting = setting(
    "",
    "ENTRA_MCP_KEY",
    "",
    "master keys, 32 bytes as base64 each, the first seals (default: one kept in the data folder); \
     make one with `openssl rand -base64 32`",
);
pub(super) const TENANT_ID: Setting = setting(
    "",
    "AZURE_TENANT_ID",
    "",
    "the directory (tenant) id, or a domain of it",
);
pub(super) const CLIENT_ID: Setting =
    setting("", "AZURE_CLIENT_ID", "", "the application (client) id");
pub(super) const CLIENT_SECRET: Setting = setting(
    "",
    "AZURE_CLIENT_SECRET",
    "",
    "the value of a client secret",
);
pub(super) const CLIENT_CERTIFICATE_PATH: Setting = setting(
    "",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "",
    "instead of a client secret: a PEM file with a certificate that is registered and its private key",
);
pub(super) const FEDERATED_TOKEN_FILE: Setting = setting(
    "",
    "AZURE_FEDERATED_TOKEN_FILE",
    "",
    "instead of a client secret: a file with the token of an issuer that a federated credential of the \
     application names, as a Kubernetes cluster writes it",
);
pub(super) const AUTHORITY_HOST: Setting = setting(
    "",
    "AZURE_AUTHORITY_HOST",
    "",
    "the cloud's authority (default https://login.microsoftonline.com)",
);

/// All of them, in the order of `--help`.
pub(super) const SETTINGS: &[&Setting] = &[
    &LISTEN,
    &PUBLIC_URL,
    &DATA_DIR,
    &STORE,
    &STORE_PREFIX,
    &STORE_PASSWORD,
    &DEV_TENANT,
    &DEV_TENANT_LISTEN,
    &ALLOW_ORIGIN,
    &REGISTRATION,
    &ALLOW_CLIENT,
    &CLIENT_DOCUMENTS,
    &PINNED_CLIENT,
    &CLIENTS,
    &CONTACT,
    &ALLOW_HOST,
    &SESSION_TOKEN_LIFETIME,
    &SESSION_IDLE,
    &SESSION_ABSOLUTE,
    &CODE_LIFETIME,
    &CONSENT_LIFETIME,
    &REFRESH_REUSE,
    &TRUSTED_PROXY,
    &RESPONSE_ISS,
    &DEVICE_AUTHORIZATION,
    &LOG,
    &KEY,
    &TENANT_ID,
    &CLIENT_ID,
    &CLIENT_SECRET,
    &CLIENT_CERTIFICATE_PATH,
    &FEDERATED_TOKEN_FILE,
    &AUTHORITY_HOST,
];

/// What was given, secrets too: it is not for printing.
#[derive(Default)]
pub(super) struct Given {
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: BTreeMap<String, String>,
    pub(super) help: bool,
    pub(super) version: bool,
}

impl Setting {
    /// How errors call it: by the flag and the variable.
    pub(super) fn name(&self) -> String {
        match (self.flag, self.variable) {
            ("", variable) => variable.to_owned(),
            (flag, "") => format!("--{flag}"),
            (flag, variable) => format!("--{flag} ({variable})"),
        }
    }
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
        if name == DEV_TENANT.flag {
            self.flags.insert(DEV_TENANT.flag, Vec::new());
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

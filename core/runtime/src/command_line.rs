//! From arguments and variables to checked settings, or to every error at once. The texts come in as
//! arguments: nothing here looks at the environment.

mod capacity;
mod client_documents;
#[cfg(feature = "dev-tenant")]
mod dev_tenant;
#[cfg(not(feature = "dev-tenant"))]
#[path = "command_line/no_dev_tenant.rs"]
mod dev_tenant;
mod entra;
mod entra_tokens;
mod error;
mod gateway;
mod given;
mod help;
mod key;
mod lifetimes;
mod listen;
mod managed_identity;
mod nearest;
mod rate_limits;
mod registration;
mod sign_in;
mod store;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use entra_mcp_core::{
    config::{
        AddressRange, AuditLogFile, Config, EntraApp, LogFilter, LogFormat, PublicUrl,
        PublicUrlError,
    },
    limits,
};
use url::Url;

pub use self::error::{
    AcceptedTokensError, AdmissionError, AuthorityHostError, ConfigError, EntraSetting,
    EntraSettingError, GatewayError, KeyError, LifetimeError, ManagedIdentityError, RateLimitError,
    StoreSettingError,
};
use self::{
    given::{
        ALLOW_ORIGIN, AUDIT_LOG, CLIENTS, CODE_PAGE, DEV_TENANT, DEV_TENANT_FILE,
        DEVICE_AUTHORIZATION, Given, LISTEN, LOG, METRICS_LISTEN, PROXY_PROTOCOL, RESPONSE_ISS,
        RUST_LOG, SESSIONS_PER_USER, STORE_CA, Setting, TRUSTED_PROXY,
    },
    help::help,
    listen::{Listen, addresses, allowed_hosts, public_url},
};

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print this and end.
    Help(String),
    /// Print this, the name and version, and end.
    Version(String),
    /// Run with these settings.
    Run(Box<Config>),
}

/// Parses and checks all settings. `program` is the name of the binary; `others` are variables
/// with our prefix that the runtime reads by itself.
///
/// # Errors
///
/// Everything that is wrong, each error with what a right value looks like.
///
/// ```
/// use std::collections::BTreeMap;
/// use entra_mcp_runtime::command_line::{Command, parse};
/// let variables = BTreeMap::from([("HOME".to_owned(), "/home/adele".to_owned())]);
/// let command = parse("entra-mcp-smol", &[], &variables, &[]).unwrap();
/// let Command::Run(config) = command else { panic!("no --help was given") };
/// assert_eq!(config.public_url.issuer(), "http://localhost:3001");
/// assert!(config.dev_tenant.is_some());
/// ```
pub fn parse(
    program: &str,
    arguments: &[String],
    variables: &BTreeMap<String, String>,
    others: &[&str],
) -> Result<Command, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let given = Given::read(arguments, variables, others, &mut errors);
    if let Some(command) = told(program, &given) {
        return Ok(command);
    }
    refuse_old_names(&given, &mut errors);
    let listen = addresses(&given, &LISTEN, 3001, &mut errors);
    let metrics_listen = metrics_listen(&given, &mut errors);
    let public_url = public_url(&given, &listen, &mut errors);
    let is_local = public_url.as_ref().is_none_or(PublicUrl::is_loopback);
    let (entra, dev_tenant) = application(&given, &listen, is_local, &mut errors);
    let store = store::read(&given, dev_tenant.is_some(), &mut errors);
    let keys = key::ring(&given, &mut errors);
    let allowed_origins = origins(&given, &mut errors);
    let registration = registration::read(&given, is_local, &mut errors);
    let (allowed_users, contact, graph_tools) = sign_in::read(&given, &mut errors);
    let [device_authorization, code_page, authorization_response_iss] =
        switches(&given, &mut errors);
    let sessions_per_user = sessions_per_user(&given, dev_tenant.is_some(), &mut errors);
    let client_documents = client_documents::read(&given, dev_tenant.is_some(), &mut errors);
    let (lifetimes, call_limits, capacity, shutdown) = lifetimes::read(&given, &mut errors);
    let (trusted_proxies, proxy_protocol) = proxies(&given, &mut errors);
    let rate_limits = rate_limits::read(&given, is_local, &mut errors);
    let allowed_hosts = allowed_hosts(&given, &mut errors);
    let (entra_tokens, authorization_servers) = entra_tokens::read(&given, &mut errors);
    let gateways = gateways(&given, public_url.as_ref(), &mut errors);
    let (log, log_filter) = (log(&given, &mut errors), log_filter(&given, &mut errors));
    match (public_url, entra, store, log) {
        (Some(public_url), Some(entra), Some(store), Some(log)) if errors.is_empty() => {
            Ok(run(Config {
                listen: listen.addresses,
                public_url,
                entra,
                dev_tenant_file: given.value(&DEV_TENANT_FILE).map(PathBuf::from),
                dev_tenant,
                store,
                store_ca: given.value(&STORE_CA).map(PathBuf::from),
                keys,
                allowed_origins,
                registration,
                allowed_users,
                contact,
                graph_tools,
                client_documents,
                lifetimes,
                clients: given.value(&CLIENTS).map(PathBuf::from),
                device_authorization,
                code_page,
                gateway: gateways.main,
                backends: gateways.named,
                with_own_tools: gateways.with_own_tools,
                sessions_per_user,
                trusted_proxies,
                proxy_protocol,
                rate_limits,
                allowed_hosts,
                authorization_response_iss,
                entra_tokens,
                authorization_servers,
                metrics_listen,
                call_limits,
                capacity,
                shutdown,
                log,
                log_filter,
                audit_log: audit_log(&given),
            }))
        }
        _ => Err(errors),
    }
}

fn run(mut config: Config) -> Command {
    config.name_endpoints();
    Command::Run(Box::new(config))
}

/// The path of the public address may not be that of a named endpoint: it would have two meanings.
fn gateways(
    given: &Given,
    public_url: Option<&PublicUrl>,
    errors: &mut Vec<ConfigError>,
) -> gateway::Gateways {
    let gateways = gateway::read(given, errors);
    let Some(url) = public_url.filter(|_| gateways.has_names()) else {
        return gateways;
    };
    if !url.admits_names() {
        errors.push(ConfigError::InvalidPublicUrl {
            problem: PublicUrlError::Path,
        });
    }
    gateways
}

/// Where monitoring reads; nowhere, if it is not set.
fn metrics_listen(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<SocketAddr> {
    match given.value(&METRICS_LISTEN) {
        Some(_) => addresses(given, &METRICS_LISTEN, 9464, errors).addresses,
        None => Vec::new(),
    }
}

/// What is told at once, if that was asked for.
fn told(program: &str, given: &Given) -> Option<Command> {
    if given.help {
        return Some(Command::Help(help(program)));
    }
    let version = env!("CARGO_PKG_VERSION");
    let told = || Command::Version(format!("{program} {version}\n"));
    given.version.then(told)
}

/// The application that this server is, and where the development tenant listens if it is that tenant's.
fn application(
    given: &Given,
    listen: &Listen,
    is_local: bool,
    errors: &mut Vec<ConfigError>,
) -> (Option<EntraApp>, Option<Vec<SocketAddr>>) {
    if is_real(given) {
        let is_local = is_local && listen.is_loopback;
        (entra::application(given, is_local, errors), None)
    } else {
        dev_tenant::application(given, listen, is_local, errors)
    }
}

/// Whether a real tenant is meant.
fn is_real(given: &Given) -> bool {
    !given.has(&DEV_TENANT) && entra::is_given(given)
}

/// The names of the demonstration that this server replaces, unless the new ones are there, too.
fn refuse_old_names(given: &Given, errors: &mut Vec<ConfigError>) {
    let replaced = [
        ("FR_TENANT_ID", "AZURE_TENANT_ID"),
        ("FR_API_CLIENT_ID", "AZURE_CLIENT_ID"),
        ("FR_API_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
    ];
    let is_old = |old, new| given.variable(old).is_some() && given.variable(new).is_none();
    for (variable, new) in replaced {
        if is_old(variable, new) && !given.has(&DEV_TENANT) {
            errors.push(ConfigError::RenamedVariable { variable, new });
        }
    }
    // The demonstration's too, and many hosts set it: a server on another port would be looked for
    // in vain.
    if given.variable("PORT").is_some() && given.value(&LISTEN).is_none() {
        errors.push(ConfigError::PortVariable);
    }
}

/// Whether a character parts the members of a list.
fn is_gap(character: char) -> bool {
    character == ',' || character.is_whitespace()
}

fn origins(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<String> {
    let mut origins = Vec::new();
    let values = given.values(&ALLOW_ORIGIN);
    let texts = values.iter().flat_map(|text| text.split(is_gap));
    for text in texts.filter(|text| !text.is_empty()) {
        let origin = Url::parse(text)
            .ok()
            .map(|url| url.origin().ascii_serialization());
        match origin {
            Some(origin) if origin == text && origin != "null" => origins.push(origin),
            _ => errors.push(ConfigError::InvalidOrigin),
        }
    }
    origins
}

/// The trusted proxies, and whether they speak the PROXY protocol.
fn proxies(given: &Given, errors: &mut Vec<ConfigError>) -> (Vec<AddressRange>, bool) {
    let mut proxies = Vec::new();
    let values = given.values(&TRUSTED_PROXY);
    let texts = values.iter().flat_map(|text| text.split(is_gap));
    for text in texts.filter(|text| !text.is_empty()) {
        match AddressRange::parse(text) {
            Some(range) => proxies.push(range),
            None => errors.push(ConfigError::InvalidProxy),
        }
    }
    let speak_proxy_protocol = is_on(given, &PROXY_PROTOCOL, false, errors);
    if speak_proxy_protocol && proxies.is_empty() {
        errors.push(ConfigError::NoProxyForProtocol);
    }
    (proxies, speak_proxy_protocol)
}

fn sessions_per_user(given: &Given, in_development: bool, errors: &mut Vec<ConfigError>) -> usize {
    let bounds = limits::SESSIONS_PER_USER_BOUNDS;
    let usual = match in_development {
        true => *bounds.end(),
        false => limits::SESSIONS_PER_USER,
    };
    let Some(text) = given.value(&SESSIONS_PER_USER) else {
        return usual;
    };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.unwrap_or_else(|| {
        errors.push(ConfigError::InvalidSessionsPerUser);
        usual
    })
}

/// The settings of the authorization server that are on or off.
fn switches(given: &Given, errors: &mut Vec<ConfigError>) -> [bool; 3] {
    let all = [
        (&DEVICE_AUTHORIZATION, false),
        (&CODE_PAGE, false),
        (&RESPONSE_ISS, true),
    ];
    all.map(|(setting, default)| is_on(given, setting, default, errors))
}

/// A setting that is on or off.
fn is_on(given: &Given, setting: &Setting, default: bool, errors: &mut Vec<ConfigError>) -> bool {
    match given.value(setting) {
        None => default,
        Some("on") => true,
        Some("off") => false,
        Some(_) => {
            let setting = setting.name();
            errors.push(ConfigError::NeitherOnNorOff { setting });
            default
        }
    }
}

/// Which lines of the log are written.
fn log_filter(given: &Given, errors: &mut Vec<ConfigError>) -> LogFilter {
    LogFilter::parse(given.value(&RUST_LOG).unwrap_or_default()).unwrap_or_else(
        |(position, error)| {
            errors.push(ConfigError::LogFilter { position, error });
            LogFilter::default()
        },
    )
}

/// Where the audit log goes.
fn audit_log(given: &Given) -> Option<AuditLogFile> {
    let file = given.value(&AUDIT_LOG)?;
    Some(match file {
        "-" => AuditLogFile::Stdout,
        path => AuditLogFile::File(PathBuf::from(path)),
    })
}

fn log(given: &Given, errors: &mut Vec<ConfigError>) -> Option<LogFormat> {
    match given.value(&LOG) {
        None | Some("text") => Some(LogFormat::Text),
        Some("json") => Some(LogFormat::Json),
        Some(_) => {
            errors.push(ConfigError::UnknownLogFormat);
            None
        }
    }
}

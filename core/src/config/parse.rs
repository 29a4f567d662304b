//! From arguments and variables to checked settings, or to every error at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use url::Url;

use super::{
    Config, EntraApp, LogFormat, PublicUrl, entra,
    error::ConfigError,
    given::{
        ALLOW_CLIENT, ALLOW_ORIGIN, DATA_DIR, DEV_TENANT, DEV_TENANT_LISTEN, Given, KEY, LISTEN,
        LOG, PUBLIC_URL, SETTINGS, Setting,
    },
    is_loopback,
};
use crate::keys::MasterKey;

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print this and end.
    Help(String),
    /// Run with these settings.
    Run(Box<Config>),
}

impl Config {
    /// Parses and checks all settings. `program` is the name of the binary; `others` are variables
    /// with our prefix that the runtime reads by itself.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, each error with what a right value looks like.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use entra_mcp_core::config::{Command, Config};
    /// let variables = BTreeMap::from([("HOME".to_owned(), "/home/adele".to_owned())]);
    /// let command = Config::parse("entra-mcp-smol", &[], &variables, &[]).unwrap();
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
        if given.help {
            return Ok(Command::Help(help(program)));
        }
        refuse_old_names(&given, &mut errors);
        let listen = addresses(&given, &LISTEN, 3001, &mut errors);
        let public_url = public_url(&given, &listen, &mut errors);
        let (entra, dev_tenant) = if !given.has(&DEV_TENANT) && entra::is_given(&given) {
            (entra::application(&given, &mut errors), None)
        } else {
            dev_tenant(&given, &listen, public_url.as_ref(), &mut errors)
        };
        let data_dir = data_dir(&given, dev_tenant.is_some(), &mut errors);
        let keys = keys(&given, &mut errors);
        let allowed_origins = origins(&given, &mut errors);
        let allowed_clients = clients(&given, &mut errors);
        let log = log(&given, &mut errors);
        match (public_url, entra, data_dir, log) {
            (Some(public_url), Some(entra), Some(data_dir), Some(log)) if errors.is_empty() => {
                Ok(Command::Run(Box::new(Self {
                    listen: listen.addresses,
                    public_url,
                    entra,
                    dev_tenant,
                    data_dir,
                    keys,
                    allowed_origins,
                    allowed_clients,
                    log,
                })))
            }
            _ => Err(errors),
        }
    }
}

fn help(program: &str) -> String {
    let mut text = format!(
        "{program}: an MCP server with Microsoft Entra ID sign-in\n\nUsage: {program} [SETTINGS]\n\n\
         Without any AZURE_* variable a development tenant starts beside it: no account is needed.\n\
         Variables are also read from a file .env in the current folder.\n\n"
    );
    for setting in SETTINGS {
        let flag = match setting.flag {
            "" => String::new(),
            flag => format!("--{flag} {}", setting.value),
        };
        let names = [flag.trim_end(), setting.variable].join(", ");
        let names = names.trim_matches([',', ' ']);
        text.push_str(&format!("  {names}\n      {}\n", setting.help));
    }
    text.push_str("  --help\n      this text\n");
    text
}

/// The names of the demonstration that this server replaces.
fn refuse_old_names(given: &Given, errors: &mut Vec<ConfigError>) {
    let replaced = [
        ("FR_TENANT_ID", "AZURE_TENANT_ID"),
        ("FR_API_CLIENT_ID", "AZURE_CLIENT_ID"),
        ("FR_API_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
    ];
    for (old, new) in replaced {
        if given.variable(old).is_some() && given.variable(new).is_none() {
            let right = format!("Set {new} to the same value.");
            errors.push(ConfigError::new(
                old,
                "it is a name of the demonstration",
                right,
            ));
        }
    }
}

/// Addresses to listen on.
struct Listen {
    addresses: Vec<SocketAddr>,
    is_loopback: bool,
    port: u16,
}

impl Listen {
    /// Both families: some clients try the one first, some the other.
    fn localhost(port: u16) -> Self {
        let both = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        Self {
            addresses: both.map(|address| SocketAddr::new(address, port)).to_vec(),
            is_loopback: true,
            port,
        }
    }
}

fn addresses(
    given: &Given,
    setting: &Setting,
    usual: u16,
    errors: &mut Vec<ConfigError>,
) -> Listen {
    let Some(text) = given.value(setting) else {
        return Listen::localhost(usual);
    };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Listen {
            addresses: vec![address],
            is_loopback: address.ip().is_loopback(),
            port: address.port(),
        };
    }
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Listen::localhost(port);
    }
    let right = format!("Write localhost:{usual}, 127.0.0.1:{usual} or 0.0.0.0:{usual}.");
    let wrong = "it is not an address and a port";
    errors.push(ConfigError::new(&setting.name(), wrong, right));
    Listen::localhost(usual)
}

fn public_url(given: &Given, listen: &Listen, errors: &mut Vec<ConfigError>) -> Option<PublicUrl> {
    let wrong = match given.value(&PUBLIC_URL) {
        Some(text) => match PublicUrl::parse(text) {
            Ok(url) => return Some(url),
            Err(wrong) => wrong,
        },
        None if listen.is_loopback => {
            return PublicUrl::parse(&format!("http://localhost:{}", listen.port)).ok();
        }
        None => "it is missing, and the server is to listen on more than this computer",
    };
    let right = "Write the address that clients use, such as https://mcp.contoso.com.";
    errors.push(ConfigError::new(&PUBLIC_URL.name(), wrong, right));
    None
}

/// The application of the development tenant and where that listens: on this computer only.
fn dev_tenant(
    given: &Given,
    listen: &Listen,
    public_url: Option<&PublicUrl>,
    errors: &mut Vec<ConfigError>,
) -> (Option<EntraApp>, Option<Vec<SocketAddr>>) {
    let tenant = addresses(given, &DEV_TENANT_LISTEN, 3002, errors);
    let public = public_url.and_then(|url| Url::parse(url.issuer()).ok());
    let is_public_loopback = public
        .as_ref()
        .and_then(Url::host)
        .is_none_or(|host| is_loopback(&host));
    let places = [
        (LISTEN.name(), listen.is_loopback),
        (DEV_TENANT_LISTEN.name(), tenant.is_loopback),
        (PUBLIC_URL.name(), is_public_loopback),
    ];
    for (name, is_loopback) in places {
        if !is_loopback {
            let wrong = "the development tenant lets anybody in, so it runs on this computer only";
            let right = "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET to use a real \
                         tenant, or stay on localhost.";
            errors.push(ConfigError::new(&name, wrong, right));
        }
    }
    let origin = Url::parse(&format!("http://localhost:{}/", tenant.port)).ok();
    (
        origin.map(application_of_dev_tenant),
        Some(tenant.addresses),
    )
}

#[cfg(feature = "dev-tenant")]
fn application_of_dev_tenant(origin: Url) -> EntraApp {
    use crate::{dev_tenant, secret::Secret};
    EntraApp {
        tenant: dev_tenant::TENANT_ID.to_owned(),
        client_id: dev_tenant::CLIENT_ID.to_owned(),
        client_secret: Secret::new(dev_tenant::CLIENT_SECRET.to_owned()),
        authority_host: origin.clone(),
        graph: origin,
    }
}

/// The sessions of the development tenant are kept apart from those of a real one.
fn data_dir(given: &Given, is_dev: bool, errors: &mut Vec<ConfigError>) -> Option<PathBuf> {
    if let Some(folder) = given.value(&DATA_DIR) {
        return Some(PathBuf::from(folder));
    }
    let below_home = || Some(PathBuf::from(given.variable("HOME")?).join(".local/share"));
    let base = given
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(below_home);
    let Some(base) = base else {
        let wrong = "it is missing, and there is no HOME to find a place in";
        let right = "Write the folder to keep sessions in, such as /var/lib/entra-mcp.";
        errors.push(ConfigError::new(&DATA_DIR.name(), wrong, right));
        return None;
    };
    let tenant = if is_dev { "dev-tenant" } else { "entra" };
    Some(base.join("entra-mcp").join(tenant))
}

fn keys(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<MasterKey> {
    let mut keys = Vec::new();
    let all = given.value(&KEY).unwrap_or_default();
    let is_gap = |character: char| character == ',' || character.is_whitespace();
    for text in all.split(is_gap).filter(|text| !text.is_empty()) {
        match key(text) {
            Ok(key) => keys.push(MasterKey::new(key)),
            Err(wrong) => {
                let right = "Make one with `openssl rand -base64 32`.";
                errors.push(ConfigError::new(&KEY.name(), wrong, right));
            }
        }
    }
    keys
}

/// A key that nobody can guess (threats.md F5): 32 bytes that look random.
fn key(text: &str) -> Result<[u8; 32], &'static str> {
    let padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.replace('-', "+").replace('_', "/");
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, padding).decode(text);
    let bytes = bytes.map_err(|_| "a key in it is not base64")?;
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| "a key in it has not 32 bytes")?;
    let distinct: BTreeSet<_> = bytes.iter().collect();
    // Random bytes have 16 different ones among 32, but for once in more than 10^10 times.
    if distinct.len() < 16 {
        Err("a key in it is not random")
    } else {
        Ok(bytes)
    }
}

fn origins(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<String> {
    let mut origins = Vec::new();
    let values = given.values(&ALLOW_ORIGIN);
    let texts = values.iter().flat_map(|text| text.split([',', ' ']));
    for text in texts.filter(|text| !text.is_empty()) {
        let origin = Url::parse(text)
            .ok()
            .map(|url| url.origin().ascii_serialization());
        match origin {
            Some(origin) if origin == text && origin != "null" => origins.push(origin),
            _ => {
                let right = "Write a scheme, a host and a port, such as http://localhost:6274.";
                errors.push(ConfigError::new(
                    &ALLOW_ORIGIN.name(),
                    "it is not an origin",
                    right,
                ));
            }
        }
    }
    origins
}

fn clients(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<String> {
    let mut places = Vec::new();
    let values = given.values(&ALLOW_CLIENT);
    let texts = values.iter().flat_map(|text| text.split([',', ' ']));
    for text in texts.filter(|text| !text.is_empty()) {
        if text.contains(['/', '*', '@']) {
            let right = "Write a host such as vscode.dev, localhost, or a scheme such as cursor.";
            let wrong = "it is not a place that clients return to";
            errors.push(ConfigError::new(&ALLOW_CLIENT.name(), wrong, right));
        } else {
            places.push(text.to_owned());
        }
    }
    places
}

fn log(given: &Given, errors: &mut Vec<ConfigError>) -> Option<LogFormat> {
    match given.value(&LOG) {
        None | Some("text") => Some(LogFormat::Text),
        Some("json") => Some(LogFormat::Json),
        Some(_) => {
            let right = "Write text or json.";
            errors.push(ConfigError::new(
                &LOG.name(),
                "there is no such format",
                right,
            ));
            None
        }
    }
}

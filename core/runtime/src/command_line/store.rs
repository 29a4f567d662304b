//! Where records are kept: a folder of this machine, or a Redis that replicas share.

use std::path::PathBuf;

use entra_mcp_core::{
    config::{RedisAddress, RedisEndpoint, RedisPassword, RedisServer, StoreLocation},
    secret::Secret,
};
use url::{Host, Url};

use super::{
    error::{ConfigError, StoreSettingError},
    given::{
        DATA_DIR, Given, KEY, STORE, STORE_CA, STORE_ENTRA_AUTH, STORE_PASSWORD,
        STORE_PASSWORD_FILE, STORE_PREFIX,
    },
};
use crate::egress::decoded;

/// What is kept of the development tenant, where anybody is anyone, is apart from what is of a real one: whoever
/// signed in there must be nobody here, though folder, server and address are the same.
const DEV: &str = "dev-tenant";

/// The port of a Redis whose address names none.
const REDIS_PORT: u16 = 6379;

/// The port of a sentinel whose address names none.
const SENTINEL_PORT: u16 = 26379;

/// What keys begin with if nothing is said. In braces: all are of one hash slot, which the scripts need where a
/// cluster is behind one address.
const PREFIX: &str = "{entra-mcp}:";

/// The most bytes of what keys begin with.
const PREFIX_BYTES: usize = 64;

/// Where records are kept.
fn location(given: &Given, is_dev: bool, errors: &mut Vec<ConfigError>) -> Option<StoreLocation> {
    let Some(address) = given.value(&STORE) else {
        return data_dir(given, is_dev, errors).map(StoreLocation::Folder);
    };
    redis(given, address, is_dev)
        .map(StoreLocation::Redis)
        .map_err(|error| errors.push(ConfigError::Store(error)))
        .ok()
}

/// Where records are kept, and that what is said of it fits.
pub(super) fn read(
    given: &Given,
    in_development: bool,
    errors: &mut Vec<ConfigError>,
) -> Option<StoreLocation> {
    let store = location(given, in_development, errors);
    need_keys(given, store.as_ref(), errors);
    refuse_without_store(given, errors);
    store
}

/// A generated key is of one machine: what several share is sealed with keys that all of them are given.
fn need_keys(given: &Given, store: Option<&StoreLocation>, errors: &mut Vec<ConfigError>) {
    if matches!(store, Some(StoreLocation::Redis(_))) && given.value(&KEY).is_none() {
        errors.push(ConfigError::Store(StoreSettingError::KeyMissing));
    }
}

/// What is said of a store that there is not was meant for one.
fn refuse_without_store(given: &Given, errors: &mut Vec<ConfigError>) {
    if given.value(&STORE).is_some() {
        return;
    }
    for setting in [
        &STORE_PASSWORD,
        &STORE_PASSWORD_FILE,
        &STORE_PREFIX,
        &STORE_ENTRA_AUTH,
        &STORE_CA,
    ] {
        if given.value(setting).is_some() {
            let setting = (setting.flag, setting.variable);
            errors.push(ConfigError::Store(StoreSettingError::NoStore { setting }));
        }
    }
}

fn redis(given: &Given, address: &str, is_dev: bool) -> Result<RedisServer, StoreSettingError> {
    if !cfg!(feature = "redis") {
        return Err(StoreSettingError::NotBuilt);
    }
    let (url, (endpoint, database)) = endpoint(address)?;
    if url.password().is_some() && given.has(&STORE) {
        return Err(StoreSettingError::PasswordInFlag);
    }
    let text = |text: &str| {
        let text = String::from_utf8(decoded(text));
        text.map_err(|_| StoreSettingError::NotRedis)
    };
    let given_password = given.value(&STORE_PASSWORD).map(str::to_owned);
    let file = given.value(&STORE_PASSWORD_FILE).map(PathBuf::from);
    let password = match (given_password, url.password(), file) {
        (password, None, None) => password.map(Secret::new).map(RedisPassword::Given),
        (None, Some(password), None) => Some(RedisPassword::Given(Secret::new(text(password)?))),
        (None, None, Some(file)) => Some(RedisPassword::File(file)),
        _ => return Err(StoreSettingError::SeveralPasswords),
    };
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let is_by_entra = by_entra(given)?;
    if user.is_some() && password.is_none() && !is_by_entra {
        return Err(StoreSettingError::UserWithoutPassword);
    }
    let password = match is_by_entra {
        false => password,
        true if is_dev || user.is_none() || password.is_some() || !endpoint.is_private() => {
            return Err(StoreSettingError::EntraAuthIncomplete);
        }
        true => Some(RedisPassword::EntraToken),
    };
    let mut prefix = prefix(given)?;
    if matches!(endpoint, RedisEndpoint::Cluster { .. }) && !has_hash_tag(&prefix) {
        return Err(StoreSettingError::PrefixOfCluster);
    }
    if is_dev {
        prefix.push_str(DEV);
        prefix.push(':');
    }
    Ok(RedisServer {
        endpoint,
        database,
        user: user.map(text).transpose()?,
        password,
        prefix,
    })
}

/// Reads an address; with it comes an address of one of its hosts, which has the user and the password.
fn endpoint(address: &str) -> Result<(Url, (RedisEndpoint, u16)), StoreSettingError> {
    let (scheme, rest) = address
        .split_once("://")
        .ok_or(StoreSettingError::NotRedis)?;
    let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_secure = matches!(
        scheme,
        "rediss" | "valkeys" | "rediss+sentinel" | "valkeys+sentinel"
    );
    let parse = |text: &str| Url::parse(text).map_err(|_| StoreSettingError::NotRedis);
    match scheme {
        "redis" | "valkey" | "rediss" | "valkeys" if !hosts.contains(',') => {
            let url = parse(address)?;
            let (address, database) = tcp(&url, REDIS_PORT)?;
            Ok((url, (RedisEndpoint::Tcp { address, is_secure }, database)))
        }
        "redis" | "valkey" | "rediss" | "valkeys" => {
            let (url, nodes, database) = several(hosts, path, REDIS_PORT)?;
            // A cluster has no other one.
            match database {
                0 => Ok((url, (RedisEndpoint::Cluster { nodes, is_secure }, 0))),
                _ => Err(StoreSettingError::DatabaseOfCluster),
            }
        }
        "redis+sentinel" | "valkey+sentinel" | "rediss+sentinel" | "valkeys+sentinel" => {
            let (url, sentinels, _) = several(hosts, "", SENTINEL_PORT)?;
            let (service, number) = path.split_once("?db=").unwrap_or((path, ""));
            let service = service.trim_matches('/').to_owned();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if service.is_empty() || !service.bytes().all(is_name) {
                return Err(StoreSettingError::NotRedis);
            }
            let endpoint = RedisEndpoint::Sentinel {
                sentinels,
                service,
                is_secure,
            };
            Ok((url, (endpoint, database(number)?)))
        }
        "redis+unix" | "valkey+unix" => {
            let url = parse(address)?;
            let endpoint = unix(&url)?;
            Ok((url, endpoint))
        }
        _ => Err(StoreSettingError::NotRedis),
    }
}

/// Reads hosts with commas between, before which a user and a password may stand.
fn several(
    hosts: &str,
    path: &str,
    port: u16,
) -> Result<(Url, Vec<RedisAddress>, u16), StoreSettingError> {
    let (user, hosts) = match hosts.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), hosts),
    };
    let (mut whole, mut addresses, mut number) = (None, Vec::new(), 0);
    for host in hosts.split(',') {
        let url = Url::parse(&format!("redis://{user}{host}{path}"));
        let url = url.map_err(|_| StoreSettingError::NotRedis)?;
        let (address, database) = tcp(&url, port)?;
        addresses.push(address);
        number = database;
        whole = Some(url);
    }
    let url = whole.ok_or(StoreSettingError::NotRedis)?;
    Ok((url, addresses, number))
}

/// Whether a token of Entra ID is the password.
fn by_entra(given: &Given) -> Result<bool, StoreSettingError> {
    match given.value(&STORE_ENTRA_AUTH) {
        None | Some("off") => Ok(false),
        Some("on") => Ok(true),
        Some(_) => Err(StoreSettingError::InvalidEntraAuth),
    }
}

fn tcp(url: &Url, port: u16) -> Result<(RedisAddress, u16), StoreSettingError> {
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Domain(_)) | None => return Err(StoreSettingError::NotRedis),
    };
    // `#insecure` among them, by which some clients believe any certificate.
    if url.query().is_some() || url.fragment().is_some() {
        return Err(StoreSettingError::NotRedis);
    }
    let port = url.port().unwrap_or(port);
    Ok((
        RedisAddress { host, port },
        database(url.path().trim_matches('/'))?,
    ))
}

fn unix(url: &Url) -> Result<(RedisEndpoint, u16), StoreSettingError> {
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if has_host || url.path().len() < 2 || url.fragment().is_some() {
        return Err(StoreSettingError::NotRedis);
    }
    let number = match url.query() {
        None => "",
        Some(query) => query
            .strip_prefix("db=")
            .ok_or(StoreSettingError::NotRedis)?,
    };
    let path = String::from_utf8(decoded(url.path())).map_err(|_| StoreSettingError::NotRedis)?;
    Ok((RedisEndpoint::Unix(path.into()), database(number)?))
}

fn database(text: &str) -> Result<u16, StoreSettingError> {
    match text {
        "" => Ok(0),
        number => number.parse().map_err(|_| StoreSettingError::NotRedis),
    }
}

fn prefix(given: &Given) -> Result<String, StoreSettingError> {
    let prefix = given.value(&STORE_PREFIX).unwrap_or(PREFIX);
    let is_right =
        prefix.len() <= PREFIX_BYTES && prefix.bytes().all(|byte| byte.is_ascii_graphic());
    match is_right {
        true => Ok(prefix.to_owned()),
        false => Err(StoreSettingError::InvalidPrefix),
    }
}

/// Whether all keys that begin like this are of one hash slot (Redis cluster specification, "Hash tags").
fn has_hash_tag(prefix: &str) -> bool {
    let tag = prefix
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

fn data_dir(given: &Given, is_dev: bool, errors: &mut Vec<ConfigError>) -> Option<PathBuf> {
    if let Some(folder) = given.value(&DATA_DIR).map(PathBuf::from) {
        return Some(if is_dev { folder.join(DEV) } else { folder });
    }
    let below_home = || Some(PathBuf::from(given.variable("HOME")?).join(".local/share"));
    // XDG Base Directory Specification: what is not absolute is to be ignored.
    let base = given
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute())
        .or_else(below_home);
    let Some(base) = base else {
        errors.push(ConfigError::MissingDataDir);
        return None;
    };
    let tenant = if is_dev { DEV } else { "entra" };
    Some(base.join("entra-mcp").join(tenant))
}

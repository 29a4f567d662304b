//! Where records are kept: a folder of this machine, or a Redis that replicas share.

use std::path::PathBuf;

use entra_mcp_core::{
    config::{RedisEndpoint, RedisServer, StoreLocation},
    secret::Secret,
};
use url::{Host, Url};

use super::{
    error::{ConfigError, StoreSettingError},
    given::{DATA_DIR, Given, KEY, STORE, STORE_PASSWORD, STORE_PREFIX},
};
use crate::egress::decoded;

/// What is kept of the development tenant, where anybody is anyone, is apart from what is of a real one: whoever
/// signed in there must be nobody here, though folder, server and address are the same.
const DEV: &str = "dev-tenant";

/// The port of a Redis whose address names none.
const REDIS_PORT: u16 = 6379;

/// What keys begin with if nothing is said. In braces: all are of one hash slot, which the scripts need where a
/// cluster is behind one address.
const PREFIX: &str = "{entra-mcp}:";

/// The most bytes of what keys begin with.
const PREFIX_BYTES: usize = 64;

/// Where records are kept.
pub(super) fn location(
    given: &Given,
    is_dev: bool,
    errors: &mut Vec<ConfigError>,
) -> Option<StoreLocation> {
    let Some(address) = given.value(&STORE) else {
        return data_dir(given, is_dev, errors).map(StoreLocation::Folder);
    };
    redis(given, address, is_dev)
        .map(StoreLocation::Redis)
        .map_err(|error| errors.push(ConfigError::Store(error)))
        .ok()
}

/// A generated key is of one machine: what several share is sealed with keys that all of them are given.
pub(super) fn need_keys(
    given: &Given,
    store: Option<&StoreLocation>,
    errors: &mut Vec<ConfigError>,
) {
    if matches!(store, Some(StoreLocation::Redis(_))) && given.value(&KEY).is_none() {
        errors.push(ConfigError::Store(StoreSettingError::KeyMissing));
    }
}

fn redis(given: &Given, address: &str, is_dev: bool) -> Result<RedisServer, StoreSettingError> {
    if !cfg!(feature = "redis") {
        return Err(StoreSettingError::NotBuilt);
    }
    let url = Url::parse(address).map_err(|_| StoreSettingError::NotRedis)?;
    let (endpoint, database) = match url.scheme() {
        "redis" | "valkey" => tcp(&url, false)?,
        "rediss" | "valkeys" => tcp(&url, true)?,
        "redis+unix" | "valkey+unix" => unix(&url)?,
        _ => return Err(StoreSettingError::NotRedis),
    };
    if url.password().is_some() && given.has(&STORE) {
        return Err(StoreSettingError::PasswordInFlag);
    }
    let text = |text: &str| {
        let text = String::from_utf8(decoded(text));
        text.map_err(|_| StoreSettingError::NotRedis)
    };
    let password = match (given.value(&STORE_PASSWORD), url.password()) {
        (Some(password), None) => Some(password.to_owned()),
        (None, password) => password.map(text).transpose()?,
        (Some(_), Some(_)) => return Err(StoreSettingError::SeveralPasswords),
    };
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let mut prefix = prefix(given)?;
    if is_dev {
        prefix.push_str(DEV);
        prefix.push(':');
    }
    Ok(RedisServer {
        endpoint,
        database,
        user: user.map(text).transpose()?,
        password: password.map(Secret::new),
        prefix,
    })
}

fn tcp(url: &Url, is_secure: bool) -> Result<(RedisEndpoint, u16), StoreSettingError> {
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
    let endpoint = RedisEndpoint::Tcp {
        host,
        port: url.port().unwrap_or(REDIS_PORT),
        is_secure,
    };
    Ok((endpoint, database(url.path().trim_matches('/'))?))
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

//! The settings of Entra ID, by the names that Azure's own libraries use, and the clouds
//! (Microsoft, national clouds).

use std::path::PathBuf;

use url::Url;

use super::{
    error::{AuthorityHostError, ConfigError, EntraSetting, EntraSettingError},
    given::{
        ALLOW_TENANT, AUTHORITY_HOST, CLIENT_CERTIFICATE_PASSWORD, CLIENT_CERTIFICATE_PATH,
        CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_EXPIRES, FEDERATED_TOKEN_FILE, Given,
        MANAGED_IDENTITY, TENANT_ID,
    },
    is_gap,
    managed_identity::identity,
};
use entra_mcp_core::{
    config::{
        CertificateFile, ClientCredential, ClientSecret, EntraApp, ORGANIZATIONS, Tenants,
        is_loopback,
    },
    secret::Secret,
    time::UnixTime,
};

/// Authority hosts and the Microsoft Graph of their cloud.
const CLOUDS: [(&str, &str); 4] = [
    ("login.microsoftonline.com", "https://graph.microsoft.com/"),
    ("login.microsoftonline.us", "https://graph.microsoft.us/"),
    (
        "login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn/",
    ),
    (
        "login.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn/",
    ),
];

/// Whether any setting of Entra ID was given.
pub(super) fn is_given(given: &Given) -> bool {
    let settings = [
        TENANT_ID,
        CLIENT_ID,
        CLIENT_SECRET,
        CLIENT_CERTIFICATE_PATH,
        FEDERATED_TOKEN_FILE,
        MANAGED_IDENTITY,
        AUTHORITY_HOST,
    ];
    settings
        .iter()
        .any(|setting| given.value(setting).is_some())
}

/// The application, if every setting that it needs is there and right. `is_local`: whether the
/// server is for this computer only.
pub(super) fn application(
    given: &Given,
    is_local: bool,
    errors: &mut Vec<ConfigError>,
) -> Option<EntraApp> {
    let tenant = need(given, EntraSetting::TenantId, tenant, errors);
    let tenants = tenants(given, tenant.as_deref(), errors);
    let client_id = need(given, EntraSetting::ClientId, guid, errors);
    let credential = credential(given, errors);
    let (authority_host, graph) = cloud(given.value(&AUTHORITY_HOST), is_local, errors)?;
    Some(EntraApp {
        tenant: tenant?,
        tenants: tenants?,
        // As Entra ID writes it in tokens, `aud`, whichever way it was copied.
        client_id: client_id?.to_ascii_lowercase(),
        credential: credential?,
        authority_host,
        graph,
    })
}

fn need(
    given: &Given,
    setting: EntraSetting,
    check: fn(&str) -> Result<(), EntraSettingError>,
    errors: &mut Vec<ConfigError>,
) -> Option<String> {
    let problem = match given.value(setting.setting()) {
        None => EntraSettingError::Missing,
        Some(value) => match check(value) {
            Ok(()) => return Some(value.to_owned()),
            Err(problem) => problem,
        },
    };
    errors.push(ConfigError::Entra { setting, problem });
    None
}

/// What the server proves its identity with. There is one, so that nobody wonders which of two is used.
fn credential(given: &Given, errors: &mut Vec<ConfigError>) -> Option<ClientCredential> {
    let file = |setting| given.value(setting).map(PathBuf::from);
    let password = given.value(&CLIENT_CERTIFICATE_PASSWORD);
    let certificate = file(&CLIENT_CERTIFICATE_PATH).map(|path| {
        let password = password.map(|password| Secret::new(password.to_owned()));
        ClientCredential::Certificate(CertificateFile { path, password })
    });
    let federated_token = file(&FEDERATED_TOKEN_FILE).map(ClientCredential::FederatedToken);
    let has = |setting| given.value(setting).is_some();
    let others = [
        &CLIENT_CERTIFICATE_PATH,
        &FEDERATED_TOKEN_FILE,
        &MANAGED_IDENTITY,
    ];
    let count = others.into_iter().filter(|setting| has(setting)).count();
    if count + usize::from(has(&CLIENT_SECRET)) > 1 {
        errors.push(ConfigError::SeveralCredentials);
        return None;
    }
    let expires = secret_expires(given, count == 0, errors);
    if has(&MANAGED_IDENTITY) {
        return identity(given, errors).map(ClientCredential::ManagedIdentity);
    }
    certificate.or(federated_token).or_else(|| {
        let secret = need(given, EntraSetting::ClientSecret, secret, errors)?;
        let value = Secret::new(secret);
        Some(ClientCredential::Secret(ClientSecret { value, expires }))
    })
}

/// When the secret ends, if there is one.
fn secret_expires(
    given: &Given,
    has_secret: bool,
    errors: &mut Vec<ConfigError>,
) -> Option<UnixTime> {
    let expires = UnixTime::of_date(given.value(&CLIENT_SECRET_EXPIRES)?);
    let problem = match expires {
        Some(_) if has_secret => return expires,
        Some(_) => EntraSettingError::NoSecret,
        None => EntraSettingError::NotDate,
    };
    let setting = EntraSetting::ClientSecretExpires;
    errors.push(ConfigError::Entra { setting, problem });
    None
}

fn tenant(text: &str) -> Result<(), EntraSettingError> {
    match text {
        ORGANIZATIONS => Ok(()),
        "common" | "consumers" => Err(EntraSettingError::NotOneTenant),
        _ if guid(text).is_ok() || is_domain(text) => Ok(()),
        _ => Err(EntraSettingError::NotTenant),
    }
}

/// Whose users may come in. Where that may be any organization's, it must be said: nobody is let in by a list that is empty.
fn tenants(given: &Given, tenant: Option<&str>, errors: &mut Vec<ConfigError>) -> Option<Tenants> {
    let values = given.values(&ALLOW_TENANT);
    let named: Vec<_> = values
        .iter()
        .flat_map(|value| value.split(is_gap))
        .filter(|text| !text.is_empty())
        .collect();
    let tenants = match (tenant, named.as_slice()) {
        (None, _) => return None,
        (Some(ORGANIZATIONS), []) => Err(EntraSettingError::NoTenantsNamed),
        (Some(ORGANIZATIONS), ["any"]) => Ok(Tenants::AnyOrganization),
        (Some(ORGANIZATIONS), ids) if ids.iter().all(|id| guid(id).is_ok()) => {
            let ids = ids.iter().map(|id| id.to_ascii_lowercase());
            Ok(Tenants::Listed(ids.collect()))
        }
        (Some(ORGANIZATIONS), _) => Err(EntraSettingError::TenantNotGuid),
        (Some(_), []) => Ok(Tenants::One),
        (Some(_), _) => Err(EntraSettingError::TenantsOfOne),
    };
    let setting = EntraSetting::TenantId;
    let refuse = |problem| errors.push(ConfigError::Entra { setting, problem });
    tenants.map_err(refuse).ok()
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.') && text.len() < 254 && text.split('.').all(is_label)
}

fn guid(text: &str) -> Result<(), EntraSettingError> {
    let lengths = text.split('-').map(str::len);
    let hex = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if hex && lengths.eq([8, 4, 4, 4, 12]) {
        Ok(())
    } else {
        Err(EntraSettingError::NotGuid)
    }
}

fn secret(text: &str) -> Result<(), EntraSettingError> {
    match guid(text) {
        // The commonest mistake of all.
        Ok(()) => Err(EntraSettingError::SecretId),
        Err(_) if text.len() < 8 => Err(EntraSettingError::SecretTooShort),
        Err(_) => Ok(()),
    }
}

/// The authority and the Graph of the cloud. A host alone will do, as for Azure's own libraries.
fn cloud(text: Option<&str>, is_local: bool, errors: &mut Vec<ConfigError>) -> Option<(Url, Url)> {
    let text = text.unwrap_or("https://login.microsoftonline.com");
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let found = match url {
        Err(_) => Err(AuthorityHostError::NotUrl),
        Ok(url) => match (url.scheme(), url.host()) {
            _ if !is_bare(&url) => Err(AuthorityHostError::NotBare),
            ("https", Some(_)) => {
                let is_it = |authority: &str| url.as_str() == format!("https://{authority}/");
                let cloud = CLOUDS.iter().find(|(authority, _)| is_it(authority));
                let graph = cloud.and_then(|(_, graph)| Url::parse(graph).ok());
                graph
                    .map(|graph| (url, graph))
                    .ok_or(AuthorityHostError::UnknownCloud)
            }
            // Another stand-in for Entra, which has its Graph at the same address (threats J5, Q2).
            ("http", Some(host)) if is_loopback(&host) && is_local => Ok((url.clone(), url)),
            ("http", Some(host)) if is_loopback(&host) => Err(AuthorityHostError::NotLocal),
            _ => Err(AuthorityHostError::NotHttps),
        },
    };
    found
        .map_err(|problem| errors.push(ConfigError::InvalidAuthorityHost { problem }))
        .ok()
}

fn is_bare(url: &Url) -> bool {
    let has_more = url.query().is_some() || url.fragment().is_some();
    let has_user = !url.username().is_empty() || url.password().is_some();
    url.path() == "/" && !has_more && !has_user
}

//! The settings of Entra ID, by the names that Azure's own libraries use, and the clouds
//! (Microsoft, national clouds).

use url::Url;

use super::{
    error::ConfigError,
    given::{AUTHORITY_HOST, CLIENT_ID, CLIENT_SECRET, Given, Setting, TENANT_ID},
};
use entra_mcp_core::{
    config::{EntraApp, is_loopback},
    secret::Secret,
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
    [TENANT_ID, CLIENT_ID, CLIENT_SECRET, AUTHORITY_HOST]
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
    let mut need = |setting: &Setting, check: fn(&str) -> Result<(), &'static str>, right: &str| {
        let wrong = match given.value(setting) {
            None => "it is missing, though other settings of Entra ID are there",
            Some(value) => match check(value) {
                Ok(()) => return Some(value.to_owned()),
                Err(wrong) => wrong,
            },
        };
        errors.push(ConfigError::new(&setting.name(), wrong, right));
        None
    };
    let tenant = need(
        &TENANT_ID,
        tenant,
        "Put the directory (tenant) id there, such as 9122040d-6c67-4c5b-b112-36a304b66dad, or a \
         domain of the tenant, such as contoso.onmicrosoft.com.",
    );
    let client_id = need(
        &CLIENT_ID,
        guid,
        "Put the application (client) id there, such as 00001111-aaaa-2222-bbbb-3333cccc4444.",
    );
    let client_secret = need(
        &CLIENT_SECRET,
        secret,
        "Put the value of a client secret there: the portal shows it once, when it is made.",
    );
    let (authority_host, graph) = cloud(given.value(&AUTHORITY_HOST), is_local, errors)?;
    Some(EntraApp {
        tenant: tenant?,
        // As Entra ID writes it in tokens, `aud`, whichever way it was copied.
        client_id: client_id?.to_ascii_lowercase(),
        client_secret: Secret::new(client_secret?),
        authority_host,
        graph,
    })
}

fn tenant(text: &str) -> Result<(), &'static str> {
    match text {
        "common" | "organizations" | "consumers" => {
            Err("it must name one tenant: this server signs in the people of one organization")
        }
        _ if guid(text).is_ok() || is_domain(text) => Ok(()),
        _ => Err("it is neither a GUID nor a domain"),
    }
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

fn guid(text: &str) -> Result<(), &'static str> {
    let lengths = text.split('-').map(str::len);
    let hex = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if hex && lengths.eq([8, 4, 4, 4, 12]) {
        Ok(())
    } else {
        Err("it is not a GUID")
    }
}

fn secret(text: &str) -> Result<(), &'static str> {
    match guid(text) {
        // The commonest mistake of all.
        Ok(()) => Err("it looks like the id of a secret, not its value"),
        Err(_) if text.len() < 8 => Err("it is too short to be a secret"),
        Err(_) => Ok(()),
    }
}

/// The authority and the Graph of the cloud. A host alone will do, as for Azure's own libraries.
fn cloud(text: Option<&str>, is_local: bool, errors: &mut Vec<ConfigError>) -> Option<(Url, Url)> {
    let right = "Leave it out for the global cloud, or put the authority of yours there, such as \
                 https://login.microsoftonline.us.";
    let text = text.unwrap_or("https://login.microsoftonline.com");
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let found = match url {
        Err(_) => Err("it is not a URL"),
        Ok(url) => match (url.scheme(), url.host()) {
            _ if !is_bare(&url) => Err("it must be a scheme and a host only"),
            ("https", Some(_)) => {
                let is_it = |authority: &str| url.as_str() == format!("https://{authority}/");
                let cloud = CLOUDS.iter().find(|(authority, _)| is_it(authority));
                let graph = cloud.and_then(|(_, graph)| Url::parse(graph).ok());
                graph
                    .map(|graph| (url, graph))
                    .ok_or("its cloud is not known here")
            }
            // Another stand-in for Entra, which has its Graph at the same address (threats J5, Q2).
            ("http", Some(host)) if is_loopback(&host) && is_local => Ok((url.clone(), url)),
            ("http", Some(host)) if is_loopback(&host) => {
                Err("a stand-in for Entra ID is only for a server that stays on this computer")
            }
            _ => Err("it must be https"),
        },
    };
    found
        .map_err(|wrong| errors.push(ConfigError::new(&AUTHORITY_HOST.name(), wrong, right)))
        .ok()
}

fn is_bare(url: &Url) -> bool {
    let has_more = url.query().is_some() || url.fragment().is_some();
    let has_user = !url.username().is_empty() || url.password().is_some();
    url.path() == "/" && !has_more && !has_user
}

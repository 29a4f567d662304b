//! The properties of what reads Entra's answers. Entra is not a stranger, but what answers in its name
//! may be, and a proxy on the way may answer anything.

use ::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{
    admit::entra_token,
    config::{
        AcceptedEntraTokens, AllowedUsers, ClientCredential, Config, EntraApp, LogFormat,
        PreregisteredClients, PublicUrl, StoreLocation, TokenVersion,
    },
    entra::{
        error::{EntraError, Step},
        id_token, token_endpoint,
    },
    env::{EntraSnapshot, Env, Server},
    limits,
    provider_metadata::{DiscoveryDocument, ProviderMetadata, SigningKey, V1Metadata, read_keys},
    time::{Instant, Now, UnixTime},
};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";

pub(super) fn server() -> Server {
    let url = |text: &str| Url::parse(text).expect("a good address");
    let config = Config {
        listen: Vec::new(),
        metrics_listen: Vec::new(),
        public_url: PublicUrl::parse("https://mcp.example").expect("a good address"),
        entra: EntraApp {
            tenant: TENANT.to_owned(),
            tenants: crate::config::Tenants::One,
            client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
            credential: ClientCredential::Secret("entra client secret".to_owned().into()),
            authority_host: url("https://login.example/"),
            graph: url("https://graph.example/"),
        },
        dev_tenant: None,
        store: StoreLocation::Folder(std::path::PathBuf::new()),
        keys: Vec::new(),
        store_ca: None,
        allowed_origins: Vec::new(),
        registration: crate::config::Registration::Open,
        allowed_users: AllowedUsers::default(),
        contact: None,
        device_authorization: false,
        code_page: false,
        gateway: None,
        backends: Vec::new(),
        with_own_tools: false,
        sessions_per_user: limits::SESSIONS_PER_USER,
        client_documents: crate::config::ClientDocuments::default(),
        lifetimes: crate::config::Lifetimes::default(),
        clients: None,
        trusted_proxies: Vec::new(),
        proxy_protocol: false,
        rate_limits: crate::config::RateLimits::none(),
        allowed_hosts: Vec::new(),
        authorization_response_iss: true,
        entra_tokens: None,
        authorization_servers: crate::config::AuthorizationServers::Own,
        call_limits: crate::config::CallLimits::default(),
        capacity: crate::config::Capacity::default(),
        shutdown: crate::config::Shutdown::default(),
        log: LogFormat::Text,
        log_filter: crate::config::LogFilter::default(),
        dev_tenant_file: None,
        graph_tools: std::collections::BTreeSet::new(),
        audit_log: None,
    };
    Server::new(config, super::keys(), crate::tools::catalog())
}

/// Addresses that are taken from metadata are https and nobody's in particular.
pub fn metadata(body: &[u8]) {
    let server = server();
    let Ok(document) = DiscoveryDocument::read(body, &server.config.entra) else {
        return;
    };
    let metadata = document.clone().with_keys(Vec::new());
    let addresses = [
        &document.jwks_uri,
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
    ];
    for address in addresses {
        assert_eq!(
            address.scheme(),
            "https",
            "the authority is not on loopback"
        );
        assert!(address.username().is_empty() && address.password().is_none());
        assert!(address.host().is_some() && address.fragment().is_none());
    }
}

/// Keys that are taken from a key set can be named, and are not without number.
pub fn key_set(body: &[u8]) {
    if let Ok(keys) = read_keys(body) {
        assert!(!keys.is_empty() && keys.len() <= limits::SIGNING_KEYS);
        assert!(keys.iter().all(|key| !key.kid.is_empty()));
    }
}

fn provider_metadata(key: SigningKey) -> ProviderMetadata {
    let url = |text: &str| Url::parse(text).expect("a good address");
    ProviderMetadata {
        issuer: format!("https://login.example/{TENANT}/v2.0"),
        authorization_endpoint: url("https://login.example/authorize"),
        token_endpoint: url("https://login.example/token"),
        v1: Some(V1Metadata {
            issuer: format!("https://sts.example/{TENANT}/"),
            keys: vec![key.clone()],
        }),
        keys: vec![key],
    }
}

/// No access token that was made up is believed. One that Entra had signed would be of this tenant and for this
/// application, no ID token, and its caller would have no more than the server offers (threat D16). The first byte says
/// what the operator takes, the rest is a token or its claims.
pub fn access_token(bytes: &[u8]) {
    let Some((flags, claims)) = bytes.split_first() else {
        return;
    };
    let server = server();
    let metadata = provider_metadata(made_up_key("known"));
    let entra = EntraSnapshot::default();
    let env = env(&server, &entra);
    let accepted = accepted(*flags);
    if let Ok(token) = std::str::from_utf8(claims) {
        let verified = entra_token::verify(token, &accepted, &metadata, env);
        assert!(verified.is_err(), "a made-up access token is believed");
    }
    let Some(caller) = entra_token::of_payload(claims, &accepted, &metadata, env) else {
        return;
    };
    let said: Value = serde_json::from_slice(claims).expect("it was read");
    let is = |name: &str, expected: &str| said.get(name).and_then(Value::as_str) == Some(expected);
    let is_ours = is("aud", &server.config.entra.client_id)
        || is("ver", "1.0") && (is("aud", APP_ID_URI) || is("aud", "api://mcp/"));
    assert!(is_ours && caller.tenant_id == TENANT, "it is for another");
    let of_id_token = ["nonce", "c_hash", "at_hash"];
    let has = |name: &&str| said.get(*name).is_some_and(|claim| !claim.is_null());
    assert!(!of_id_token.iter().any(has), "an ID token is believed");
    let offered = server.scopes.names();
    let mut scopes = caller.scope.split(' ').filter(|scope| !scope.is_empty());
    assert!(
        scopes.all(|scope| offered.contains(&scope)),
        "a scope too much"
    );
    assert_eq!(caller.kind.has_user(), !caller.scope.is_empty());
}

const APP_ID_URI: &str = "api://mcp";

/// A key of Entra's that nobody has the private half of.
fn made_up_key(kid: &str) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        n: vec![0xc5; 256],
        e: vec![1, 0, 1],
        issuer: None,
    }
}

fn env<'a>(server: &'a Server, entra: &'a EntraSnapshot) -> Env<'a> {
    Env {
        server,
        catalog: &server.catalog,
        entra,
        clients: PreregisteredClients::none(),
        policy: crate::policy::Policy::none(),
        endpoint: crate::config::Endpoint::MAIN,
        now: Now {
            instant: Instant(1000),
            unix: UnixTime(1_800_000_000),
        },
    }
}

fn accepted(flags: u8) -> AcceptedEntraTokens {
    let has = |bit: u8| flags & (1 << bit) != 0;
    let mut accepted = AcceptedEntraTokens::default();
    accepted.add_version(TokenVersion::V2);
    if has(0) {
        accepted.add_version(TokenVersion::V1);
        accepted.add_app_id_uri(APP_ID_URI);
    }
    if has(1) {
        accepted.add_application("cccccccc-cccc-cccc-cccc-cccccccccccc");
    }
    if has(2) {
        accepted.add_role("Tools.Execute.All");
    }
    if has(3) {
        accepted.add_scope("access_as_user");
    }
    if has(4) {
        accepted.refuse_agents();
    }
    accepted
}

/// No token that was made up is believed, also if its key is known (threat D6).
pub fn id_token(token: &str, kid: &str) {
    let server = server();
    let metadata = provider_metadata(made_up_key(kid));
    let entra = EntraSnapshot::default();
    let env = env(&server, &entra);
    let verified = id_token::verify(token, "the nonce", &metadata, env);
    assert!(verified.is_err(), "a made-up ID token is believed");
}

/// An answer of the token endpoint is read, or is an error whose line for the log holds none of
/// its texts but the short ones.
pub fn token_answer(status: u16, body: &[u8]) {
    let mut response = Response::new(Bytes::copy_from_slice(body));
    let Ok(status) = StatusCode::from_u16(status) else {
        return;
    };
    *response.status_mut() = status;
    match token_endpoint::read(Ok(response)) {
        Ok(answer) => {
            assert_eq!(status, StatusCode::OK, "a refusal is read as tokens");
            let printed = format!("{answer:?}");
            let token = answer.access_token.expose();
            assert!(token.len() < 12 || !printed.contains(token.as_str()));
        }
        Err(error) => line(&error),
    }
}

fn line(error: &EntraError) {
    for (_, value) in error.log_event(Step::SignIn).fields() {
        assert!(value.chars().count() <= limits::LOG_VALUE_CHARS * 10);
        assert!(!value.contains(['\r', '\n', '\u{1b}']), "a line is forged");
    }
}

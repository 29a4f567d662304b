//! The dev tenant: an embedded stand-in for Entra ID (v2.0) and Microsoft Graph, so that the first
//! sign-in works with no cloud account, and so that every failure of Entra can be had on demand.
//!
//! A machine of its own, as pure as the core: a request, the time and a seed come in, a
//! [`Reply`] goes out. It answers as `login.microsoftonline.com` and `graph.microsoft.com` do
//! (Microsoft identity platform, "OAuth 2.0 authorization code flow" and the pages around it), down
//! to the error texts, for one tenant, one application and a handful of made-up people. Its keys,
//! its secret and its people are public: it is worth nothing and must run on loopback only
//! (threats J5, Q2).

mod authorize;
mod browser;
mod call;
mod client;
mod control;
mod faults;
mod graph;
mod id_token;
mod log;
mod metadata;
mod pages;
mod people;
mod redirect;
mod refusal;
mod request;
mod scope;
mod signing;
mod stamp;
#[cfg(test)]
mod tests;
mod token;
mod vault;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use self::{call::Call, metadata::Tenant, refusal::Refusal};
pub use self::{
    control::{Control, ResourcePolicy},
    faults::{GraphError, TokenError},
    id_token::{Lie, Unsigned},
    log::Recorded,
    people::{PEOPLE, Person},
};
use entra_mcp_wire::{
    entropy::Seed,
    time::{Now, UnixTime},
};

/// The tenant's id.
pub const TENANT_ID: &str = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001";

/// The tenant's verified domain, which stands for the id in addresses.
pub const TENANT_DOMAIN: &str = "contoso.example";

/// The application (client) id of the one registered application: this server.
pub const CLIENT_ID: &str = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002";

/// The application's secret. Public on purpose, and worthless.
pub const CLIENT_SECRET: &str = "dev8Q~public.and-worthless_0123456789.abc";

/// The application's name, on the consent page and in errors.
const APPLICATION: &str = "entra-mcp (development)";

/// How long an access token is good for, in seconds: always the same, so that tests can tell.
const EXPIRES_IN: u64 = 3599;

/// What the tenant has to be told: where it is reached, and where it may send people back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevTenantConfig {
    /// Scheme, host and port under which it is reached, such as `http://localhost:3002`.
    pub origin: String,
    /// The application's redirect URIs. They match exactly, but for the port on `localhost`.
    pub redirect_uris: Vec<String>,
}

/// What can be changed by [`Control`].
#[derive(Clone, Debug, Default)]
struct Settings {
    resource_policy: ResourcePolicy,
    expires_in: Option<u64>,
    clock_offset: i64,
    is_secret_expired: bool,
    is_strict: bool,
    /// Milliseconds, and what the path contains.
    latency: Option<(u64, String)>,
}

/// The tenant: one for each server, behind a mutex of the runtime.
///
/// ```
/// use entra_mcp_dev_tenant::{DevTenant, DevTenantConfig, Reply};
/// use entra_mcp_wire::{
///     entropy::Seed,
///     time::{Instant, Now, UnixTime},
/// };
/// let config = DevTenantConfig {
///     origin: "http://localhost:3002".to_owned(),
///     redirect_uris: vec!["http://localhost:3001/auth/callback".to_owned()],
/// };
/// let mut tenant = DevTenant::new(config, &Seed::new([0; 32]));
/// let request = http::Request::get("/common/discovery/keys").body(bytes::Bytes::new()).unwrap();
/// let now = Now { instant: Instant(0), unix: UnixTime(1_790_000_000) };
/// let Reply::Respond(response) = tenant.handle(&request, now, &Seed::new([1; 32])) else {
///     panic!("only token answers are signed");
/// };
/// assert_eq!(response.status(), 200);
/// ```
#[derive(Debug)]
pub struct DevTenant {
    config: DevTenantConfig,
    settings: Settings,
    vault: vault::Vault,
    signing: signing::Signing,
    directory: people::Directory,
    used: vault::Used,
    faults: faults::Faults,
    log: log::Log,
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// Send this.
    Respond(Response<Bytes>),
    /// Sign [`Unsigned::message`] (RSASSA-PKCS1-v1_5 with SHA-256) and send [`Unsigned::signed`].
    Sign(Unsigned),
    /// Wait so long, then do the other.
    Later(Duration, Box<Self>),
}

impl DevTenant {
    /// A tenant as it is on the first day. What it seals and need not outlive it is sealed with a
    /// key from `seed`; access and refresh tokens outlive a restart.
    #[must_use]
    pub fn new(config: DevTenantConfig, seed: &Seed) -> Self {
        Self {
            config,
            settings: Settings::default(),
            vault: vault::Vault::new(seed),
            signing: signing::Signing::default(),
            directory: people::Directory::new(),
            used: vault::Used::default(),
            faults: faults::Faults::default(),
            log: log::Log::default(),
        }
    }

    /// Answers a request, whose body was read whole.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Now, seed: &Seed) -> Reply {
        let mut call = Call::read(request, self.clock(now.unix), seed);
        if !call.is_to_loopback(&self.config.origin) {
            return Reply::Respond(pages::forbidden());
        }
        if matches!(call.path, "/control" | "/control/requests") {
            return Reply::Respond(self.controlled(&call, now.unix));
        }
        self.log.record(&call);
        let mut reply = self.route(&mut call);
        match &mut reply {
            Reply::Respond(response) => refusal::identify(response.headers_mut(), &call),
            Reply::Sign(unsigned) => refusal::identify(unsigned.headers_mut(), &call),
            Reply::Later(..) => {}
        }
        match &self.settings.latency {
            Some((milliseconds, path)) if call.path.contains(path.as_str()) => {
                Reply::Later(Duration::from_millis(*milliseconds), Box::new(reply))
            }
            _ => reply,
        }
    }

    /// The last requests, the oldest first, without anything secret.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.log.all().cloned().collect()
    }

    /// The tenant's own clock, in seconds since 1970.
    const fn clock(&self, now: UnixTime) -> u64 {
        now.0.saturating_add_signed(self.settings.clock_offset)
    }

    fn route(&mut self, call: &mut Call<'_>) -> Reply {
        let is_get = call.method == Method::GET || call.method == Method::HEAD;
        let is_post = call.method == Method::POST;
        let path = call.path;
        if path.starts_with("/v1.0/") {
            return Reply::Respond(self.graph(call));
        }
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let (tenant, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        let response = match (tenant, rest) {
            ("", "") if is_get && path == "/" => pages::home(self.directory.all()),
            ("dev-tenant.css", "") if is_get => pages::style_sheet(),
            ("oidc", "userinfo") if is_get || is_post => self.user_info(call),
            ("common", "discovery/instance") if is_get => self.instance_discovery(call),
            (_, "v2.0/.well-known/openid-configuration") if is_get => {
                self.of_tenant(tenant, call, Self::openid_configuration_of)
            }
            (_, "discovery/v2.0/keys" | "discovery/keys") if is_get => {
                self.of_tenant(tenant, call, Self::keys)
            }
            (_, "oauth2/v2.0/authorize") if is_get || is_post => self.authorize(tenant, call),
            (_, "login") if is_post => self.login(call),
            (_, "consent") if is_post => self.consent(call),
            (_, "oauth2/v2.0/logout") if is_get || is_post => self.logout(call),
            (_, "oauth2/v2.0/token") if is_post => return self.token(tenant, call),
            (_, "oauth2/v2.0/token") => self.wrong_method(call),
            _ => not_found(),
        };
        Reply::Respond(response)
    }

    /// An answer that depends on the tenant in the path.
    fn of_tenant(
        &self,
        tenant: &str,
        call: &Call<'_>,
        answer: impl FnOnce(&Self, Tenant, &Call<'_>) -> Response<Bytes>,
    ) -> Response<Bytes> {
        match Tenant::parse(tenant) {
            Some(known) => answer(self, known, call),
            None => Refusal::no_tenant("invalid_tenant", tenant).json(call, &self.config.origin),
        }
    }

    fn openid_configuration_of(&self, tenant: Tenant, _call: &Call<'_>) -> Response<Bytes> {
        self.openid_configuration(tenant)
    }

    fn wrong_method(&self, call: &Call<'_>) -> Response<Bytes> {
        let text = format!(
            "The endpoint only accepts POST, OPTIONS requests. Received a {} request.",
            call.method
        );
        let mut refusal = Refusal::new("invalid_request", 900_561, text);
        refusal.status = StatusCode::METHOD_NOT_ALLOWED;
        refusal.json(call, &self.config.origin)
    }
}

fn not_found() -> Response<Bytes> {
    let body = serde_json::json!({"error": "not_found"});
    refusal::json_response(StatusCode::NOT_FOUND, &body)
}

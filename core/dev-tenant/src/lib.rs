//! The dev tenant: an embedded stand-in for Entra ID (v2.0) and Microsoft Graph, so that the first
//! sign-in works with no cloud account, and so that every failure of Entra can be had on demand.
//!
//! A machine of its own, as pure as the core: a request, the time and a seed come in, a
//! [`Reply`] goes out. It answers as `login.microsoftonline.com` and `graph.microsoft.com` do
//! (Microsoft identity platform, "OAuth 2.0 authorization code flow" and the pages around it), down
//! to the error texts, for three tenants, one application, others that call it as an API, an agent among them, and a handful of
//! made-up users. Its keys,
//! its secret and its users are public: it is worth nothing and must run on loopback only
//! (threats J5, Q2).

mod aadsts_error;
mod admin_consent;
mod agents;
mod api;
mod authorization_request;
mod authorize;
mod browser;
mod client;
mod client_assertion;
mod control;
mod data;
mod device_code;
mod directory;
mod faults;
mod federation;
mod formats;
mod graph;
mod graph_batch;
mod graph_content;
mod graph_error;
mod graph_paging;
mod graph_routes;
mod group_claims;
mod id_token;
mod issue;
mod log;
mod mailbox_concurrency;
mod managed_identity;
mod metadata;
mod on_behalf_of;
mod organizations;
mod pages;
mod request_context;
mod resource;
mod response_mode;
mod scope;
mod sealed;
mod signing;
#[cfg(test)]
mod tests;
mod token;
mod unsigned_response;
mod users;

use std::time::Duration;

use bytes::Bytes;
use entra_mcp_wire::{
    entropy::Seed,
    time::{Now, UnixTime},
};
use http::{Method, Request, Response, StatusCode};

use self::{aadsts_error::AadstsError, metadata::Tenant, request_context::RequestContext};
pub use self::{
    control::{Control, ResourcePolicy},
    data::{GraphRoute, TenantData, UserData},
    faults::{ClaimsHeader, GraphError, IdentityError, TokenError},
    federation::FederatedCredential,
    group_claims::{GroupClaims, GroupMembershipClaims},
    id_token::IdTokenFault,
    log::RecordedRequest,
    organizations::{FABRIKAM_ID, NORTHWIND_ID, ORGANIZATIONS, Organization, SignInAudience},
    unsigned_response::UnsignedResponse,
    users::{AGENT_USER, TestUser, USERS},
};

/// The tenant's id.
pub const TENANT_ID: &str = "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001";

/// The tenant's verified domain, which stands for the id in addresses.
pub const TENANT_DOMAIN: &str = "contoso.example";

/// The application (client) id of the one registered application: this server.
pub const CLIENT_ID: &str = "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002";

/// The application's secret. Public on purpose, and worthless.
pub const CLIENT_SECRET: &str = "dev8Q~public.and-worthless_0123456789.abc";

/// The principal id of the managed identity whose tokens the application may present instead of its secret.
pub const MANAGED_IDENTITY_ID: &str = "7c2be0d4-51a6-4f0b-8d37-d3e7e4a70003";

/// The client id of that managed identity, by which a machine is asked for its tokens.
pub const MANAGED_IDENTITY_CLIENT_ID: &str = "b4e1f7a2-08c5-4d9b-96e3-d3e7e4a70004";

/// What App Service would have as `IDENTITY_HEADER`. Public on purpose, and worthless.
pub const IDENTITY_HEADER: &str = "public-and-worthless-identity-header";

/// The App ID URI of the application as an API.
pub const API_URI: &str = "api://0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002";

/// The client id of a public client that gets users' access tokens for that API, by name and any password.
pub const COMMAND_LINE_ID: &str = "c0c0a000-6f1d-4b7e-8a52-d3e7e4a70005";

/// The client id of an application without a user, which has an app role of that API.
pub const DAEMON_ID: &str = "dae30000-3b19-4c5a-b7d8-d3e7e4a70006";

/// Its secret. Public on purpose, and worthless.
pub const DAEMON_SECRET: &str = "dmn8Q~public.and-worthless_0123456789.def";

/// The object id of its service principal.
pub const DAEMON_OBJECT_ID: &str = "dae30000-52c7-4b0e-9a61-d3e7e4a70007";

/// The client id of what agents are made from.
pub const BLUEPRINT_ID: &str = "b10e0000-2d84-4f6b-8c15-d3e7e4a7000a";

/// Its secret. Public on purpose, and worthless.
pub const BLUEPRINT_SECRET: &str = "blp8Q~public.and-worthless_0123456789.ghi";

/// The App ID URI of the blueprint, whose scope `access_agent` users' tokens have for its agents to act on their behalf.
pub const BLUEPRINT_URI: &str = "api://b10e0000-2d84-4f6b-8c15-d3e7e4a7000a";

/// The id of an agent of that blueprint: its client id and its object id.
pub const AGENT_ID: &str = "a6e47000-7b19-4c3d-a5e8-d3e7e4a7000b";

/// The application id of an API behind a gateway, which this application may call on behalf of its users.
pub const ORDERS_ID: &str = "0de25000-4c1b-4f7e-9d36-d3e7e4a7000c";

/// The App ID URI of that API, whose scope is `Orders.Read`.
pub const ORDERS_URI: &str = "api://0de25000-4c1b-4f7e-9d36-d3e7e4a7000c";

/// What the agent of Azure Arc has in the file that it names ([`ARC_KEY_FILE`]). Public on purpose, and worthless.
pub const ARC_KEY: &str = "public-and-worthless-arc-key";

/// The file that it names.
pub const ARC_KEY_FILE: &str = "/var/opt/azcmagent/tokens/dev-tenant.key";

/// The application's name, on the consent page and in errors.
const APPLICATION: &str = "entra-mcp (development)";

/// How long an access token is good for, in seconds: always the same, so that tests can rely on it.
const EXPIRES_IN: u64 = 3599;

/// The settings of the tenant: where it is reached, and where it may send users back to.
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
    sign_in_audience: SignInAudience,
    /// The tenants whose administrators have let the application in.
    installed: std::collections::BTreeSet<&'static str>,
    revokes_on_replay: bool,
    /// Whether access tokens for the API are of version 1.0.
    issues_v1_tokens: bool,
    /// App ID URIs of the application, besides [`API_URI`].
    app_id_uris: Vec<String>,
    /// What they are for in place of the application.
    access_token_audience: Option<String>,
    /// Those that are registered with the application.
    certificates: Vec<client_assertion::RegisteredCertificate>,
    /// Besides that of the managed identity.
    federated: Vec<federation::Registered>,
    refuses_reused_assertions: bool,
    /// Milliseconds, and what the path contains.
    latency: Option<(u64, String)>,
    group_claims: GroupClaims,
    /// Where the links lead to the next page of a list, if not here.
    next_link_origin: Option<String>,
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
    sealer: sealed::Sealer,
    signing: signing::Signing,
    directory: directory::Directory,
    people: Vec<directory::Person>,
    routes: Vec<GraphRoute>,
    used: sealed::SpentTokens,
    devices: device_code::Devices,
    faults: faults::Faults,
    mailboxes: mailbox_concurrency::MailboxRequests,
    log: log::Log,
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// Send this.
    Respond(Response<Bytes>),
    /// Sign [`UnsignedResponse::message`] (RSASSA-PKCS1-v1_5 with SHA-256) and send [`UnsignedResponse::signed`].
    Sign(UnsignedResponse),
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
            sealer: sealed::Sealer::new(seed),
            signing: signing::Signing::default(),
            directory: directory::Directory::new(&[]),
            people: Vec::new(),
            routes: Vec::new(),
            used: sealed::SpentTokens::default(),
            devices: device_code::Devices::default(),
            faults: faults::Faults::default(),
            mailboxes: mailbox_concurrency::MailboxRequests::default(),
            log: log::Log::default(),
        }
    }

    /// The same with people and answers of Graph that were brought along.
    #[must_use]
    pub fn with_data(mut self, data: TenantData) -> Self {
        self.people = data.users.iter().map(directory::Person::of).collect();
        self.directory = directory::Directory::new(&self.people);
        self.routes = data.graph;
        self
    }

    /// Answers a request, whose body was read whole.
    pub fn handle(&mut self, request: &Request<Bytes>, now: Now, seed: &Seed) -> Reply {
        let mut cx = RequestContext::read(request, self.clock(now.unix), seed);
        cx.instant = now.instant;
        if !cx.is_to_loopback(&self.config.origin) {
            return Reply::Respond(pages::forbidden());
        }
        if matches!(cx.path, "/control" | "/control/requests") {
            return Reply::Respond(self.controlled(&cx, now.unix));
        }
        self.log.record(&cx);
        let mut reply = self.route(&mut cx);
        match &mut reply {
            Reply::Respond(response) => aadsts_error::identify(response.headers_mut(), &cx),
            Reply::Sign(unsigned) => aadsts_error::identify(unsigned.headers_mut(), &cx),
            Reply::Later(..) => {}
        }
        match self.latency_of(cx.path) {
            Some(latency) => Reply::Later(latency, Box::new(reply)),
            None => reply,
        }
    }

    /// By how much the answer to a request for this path comes later.
    fn latency_of(&self, path: &str) -> Option<Duration> {
        let (milliseconds, part) = self.settings.latency.as_ref()?;
        path.contains(part.as_str())
            .then(|| Duration::from_millis(*milliseconds))
    }

    /// The last requests, the oldest first, without anything secret.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.log.all().cloned().collect()
    }

    /// The tenant's own clock, in seconds since 1970.
    const fn clock(&self, now: UnixTime) -> u64 {
        now.0.saturating_add_signed(self.settings.clock_offset)
    }

    fn route(&mut self, cx: &mut RequestContext<'_>) -> Reply {
        let is_get = cx.method == Method::GET || cx.method == Method::HEAD;
        let is_post = cx.method == Method::POST;
        let path = cx.path;
        if path.starts_with("/v1.0/") || self.has_route(cx) {
            return Reply::Respond(self.graph(cx));
        }
        if is_get && let Some(content) = self.download(cx) {
            return Reply::Respond(content);
        }
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let (tenant, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        let response = match (tenant, rest) {
            ("", "") if is_get && path == "/" => pages::home(self.directory.all()),
            ("dev-tenant.css", "") if is_get => pages::style_sheet(),
            ("metadata" | "msi" | "arc" | "cloud-shell", _) => {
                return self
                    .machine_token(tenant, rest, cx)
                    .unwrap_or_else(|| Reply::Respond(not_found()));
            }
            ("federation", _) if is_get => {
                let issued = self.federation_issuer(rest, cx);
                return issued.unwrap_or_else(|| Reply::Respond(not_found()));
            }
            ("devicelogin", "") if is_get || is_post => self.device_login(cx),
            ("oidc", "userinfo") if is_get || is_post => self.user_info(cx),
            ("common", "discovery/instance") if is_get => self.instance_discovery(cx),
            (_, "v2.0/.well-known/openid-configuration") if is_get => {
                self.of_tenant(tenant, cx, Self::openid_configuration_of)
            }
            (_, ".well-known/openid-configuration") if is_get => {
                self.of_tenant(tenant, cx, Self::v1_configuration_of)
            }
            (_, "discovery/v2.0/keys" | "discovery/keys") if is_get => {
                self.of_tenant(tenant, cx, Self::keys)
            }
            (_, "oauth2/v2.0/authorize") if is_get || is_post => self.authorize(tenant, cx),
            (_, "v2.0/adminconsent") if is_get => self.ask_administrator(tenant, cx),
            (_, "adminconsent") if is_post => self.administrator_decided(cx),
            (_, "login") if is_post => self.login(cx),
            (_, "consent") if is_post => self.consent(cx),
            (_, "oauth2/v2.0/logout") if is_get || is_post => self.logout(cx),
            (_, "oauth2/v2.0/devicecode") if is_post => self.device_code(tenant, cx),
            (_, "oauth2/v2.0/token") if is_post => return self.token(tenant, cx),
            (_, "oauth2/v2.0/token") => self.wrong_method(cx),
            _ => not_found(),
        };
        Reply::Respond(response)
    }

    /// An answer that depends on the tenant in the path.
    fn of_tenant(
        &self,
        tenant: &str,
        cx: &RequestContext<'_>,
        answer: impl FnOnce(&Self, Tenant, &RequestContext<'_>) -> Response<Bytes>,
    ) -> Response<Bytes> {
        match Tenant::parse(tenant) {
            Some(known) => answer(self, known, cx),
            None => AadstsError::no_tenant("invalid_tenant", tenant).json(cx, &self.config.origin),
        }
    }

    fn openid_configuration_of(
        &self,
        tenant: Tenant,
        _call: &RequestContext<'_>,
    ) -> Response<Bytes> {
        self.openid_configuration(tenant)
    }

    fn v1_configuration_of(&self, tenant: Tenant, _call: &RequestContext<'_>) -> Response<Bytes> {
        self.v1_configuration(tenant)
    }

    fn wrong_method(&self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let text = format!(
            "The endpoint only accepts POST, OPTIONS requests. Received a {} request.",
            cx.method
        );
        let mut error = AadstsError::new("invalid_request", 900_561, text);
        error.status = StatusCode::METHOD_NOT_ALLOWED;
        error.json(cx, &self.config.origin)
    }
}

fn not_found() -> Response<Bytes> {
    let body = serde_json::json!({"error": "not_found"});
    aadsts_error::json_response(StatusCode::NOT_FOUND, &body)
}

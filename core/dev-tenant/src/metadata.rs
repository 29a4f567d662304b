//! The OpenID Connect metadata document (v2.0), instance discovery and the key set.
//!
//! Source: Microsoft identity platform, "OpenID Connect on the Microsoft identity platform", and
//! recorded documents. What Entra does not have, such as `code_challenge_methods_supported`, is not
//! here either.

use bytes::Bytes;
use entra_mcp_wire::response;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    DevTenant,
    aadsts_error::AadstsError,
    organizations::{ORGANIZATIONS, Organization},
    request_context::RequestContext,
    users::TestUser,
};

/// The tenant of personal accounts, which `consumers` stands for.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The first segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// A tenant, by its id or its domain.
    One(&'static Organization),
    Common,
    Organizations,
    Consumers,
}

impl Tenant {
    /// That of the organization that the application is registered in.
    pub(super) const HOME: Self = Self::One(&ORGANIZATIONS[0]);

    pub(super) fn parse(segment: &str) -> Option<Self> {
        if let Some(organization) = Organization::find(segment) {
            return Some(Self::One(organization));
        }
        match segment {
            "common" => Some(Self::Common),
            "organizations" => Some(Self::Organizations),
            "consumers" | CONSUMERS => Some(Self::Consumers),
            _ => None,
        }
    }

    /// As it stands in the endpoints of the metadata.
    pub(super) const fn segment(self) -> &'static str {
        match self {
            Self::One(organization) => organization.id,
            Self::Common => "common",
            Self::Organizations => "organizations",
            Self::Consumers => "consumers",
        }
    }

    /// As it stands in the issuer: always an id, or the template for one.
    const fn in_issuer(self) -> &'static str {
        match self {
            Self::One(organization) => organization.id,
            Self::Common | Self::Organizations => "{tenantid}",
            Self::Consumers => CONSUMERS,
        }
    }

    /// Whether a user signs in here: at the address of a tenant its members and guests, at that of all the members of each.
    pub(super) fn admits(self, user: &TestUser) -> bool {
        match self {
            Self::One(organization) => organization.id == user.tenant,
            Self::Common | Self::Organizations => user.home.is_none(),
            Self::Consumers => false,
        }
    }
}

impl DevTenant {
    fn issuer(&self, tenant: Tenant) -> String {
        format!("{}/{}/v2.0", self.config.origin, tenant.in_issuer())
    }

    /// `GET /{tenant}/v2.0/.well-known/openid-configuration`
    pub(super) fn openid_configuration(&self, tenant: Tenant) -> Response<Bytes> {
        let origin = &self.config.origin;
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        let segment = tenant.segment();
        let at = |path: &str| format!("{origin}/{segment}{path}");
        let region = match tenant {
            Tenant::One(_) => json!("WW"),
            _ => Value::Null,
        };
        public(&json!({
            "token_endpoint": at("/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": [
                "client_secret_post", "private_key_jwt", "client_secret_basic"
            ],
            "jwks_uri": at("/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": self.issuer(tenant),
            "request_uri_parameter_supported": false,
            "userinfo_endpoint": format!("{origin}/oidc/userinfo"),
            "authorization_endpoint": at("/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": at("/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": false,
            "end_session_endpoint": at("/oauth2/v2.0/logout"),
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
                "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
                "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"
            ],
            "tenant_region_scope": region,
            "cloud_instance_name": host,
            "cloud_graph_host_name": host,
            "msgraph_host": host,
            "rbac_url": origin,
        }))
    }

    /// `GET /{tenant}/.well-known/openid-configuration`: for tokens of version 1.0, as much as validators of access tokens
    /// need.
    pub(super) fn v1_configuration(&self, tenant: Tenant) -> Response<Bytes> {
        let origin = &self.config.origin;
        let segment = tenant.segment();
        let at = |path: &str| format!("{origin}/{segment}{path}");
        public(&json!({
            "issuer": format!("{origin}/{}/", tenant.in_issuer()),
            "authorization_endpoint": at("/oauth2/v2.0/authorize"),
            "token_endpoint": at("/oauth2/v2.0/token"),
            "jwks_uri": at("/discovery/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid"],
        }))
    }

    /// `GET /{tenant}/discovery/v2.0/keys`
    pub(super) fn keys(&self, tenant: Tenant, cx: &RequestContext<'_>) -> Response<Bytes> {
        public(&self.signing.jwks(&self.issuer(tenant), cx.now))
    }

    /// `GET /common/discovery/instance`: which hosts are the same authority.
    pub(super) fn instance_discovery(&self, cx: &RequestContext<'_>) -> Response<Bytes> {
        let origin = &self.config.origin;
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        let asked = cx.query.one("authorization_endpoint").ok().flatten();
        let asked = asked.and_then(|url| url::Url::parse(url).ok());
        let Some(asked) = asked else {
            return AadstsError::missing("authorization_endpoint").json(cx, origin);
        };
        // MSAL for Python leaves the port out.
        let name = asked.host_str().unwrap_or_default();
        let is_here = host.split(':').next() == Some(name);
        let tenant = asked.path_segments().and_then(|mut path| path.next());
        let (true, Some(tenant)) = (is_here, tenant) else {
            return AadstsError::new("invalid_instance", 50_049, "Unknown or invalid instance.")
                .json(cx, origin);
        };
        let Some(known) = Tenant::parse(tenant) else {
            return AadstsError::no_tenant("invalid_tenant", tenant).json(cx, origin);
        };
        let segment = known.segment();
        let discovery = format!("{origin}/{segment}/v2.0/.well-known/openid-configuration");
        if cx.query.one("api-version") == Ok(Some("1.0")) {
            return public(&json!({"tenant_discovery_endpoint": discovery}));
        }
        public(&json!({
            "tenant_discovery_endpoint": discovery,
            "api-version": "1.1",
            "metadata": [
                {"preferred_network": host, "preferred_cache": host, "aliases": [host]},
            ],
        }))
    }
}

/// A document that everybody may read and keep for a day.
fn public(body: &Value) -> Response<Bytes> {
    let mut response = response::json(StatusCode::OK, body);
    let headers = response.headers_mut();
    let values = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=86400, private"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, OPTIONS"),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

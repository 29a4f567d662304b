//! Entra's refusals: an error, an `AADSTS` number and a text, as JSON, as a redirect or on a page.
//!
//! Source: Microsoft identity platform, "Handling errors and exceptions" and "Authentication and
//! authorization error codes"; the JSON is of the 2026 form, with single spaces before the trailer.

use bytes::Bytes;
use entra_mcp_wire::response;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{formats, request_context::RequestContext, users::TestUser};

/// A error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AadstsError {
    pub(super) status: StatusCode,
    pub(super) error: String,
    pub(super) code: u32,
    pub(super) text: String,
    pub(super) suberror: Option<String>,
    /// The claims that would satisfy the policy, as JSON.
    pub(super) claims: Option<String>,
    pub(super) retry_after: Option<u64>,
    /// The user closed a dialog.
    pub(super) is_cancelled: bool,
}

/// Numbers of which Microsoft has no page (as recorded).
const WITHOUT_PAGE: [u32; 2] = [700_038, 70_003];

/// The policy that wants a second factor, as Conditional Access names it to the client.
pub(super) const SECOND_FACTOR: &str = "{\"access_token\":{\"polids\":{\"essential\":true,\
     \"values\":[\"00aa00aa-bb11-cc22-dd33-44ee44ee44ee\"]}}}";

impl AadstsError {
    /// A error. `invalid_client` is 401, everything else 400.
    pub(super) fn new(error: &str, code: u32, text: impl Into<String>) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error: error.to_owned(),
            code,
            text: text.into(),
            suberror: None,
            claims: None,
            retry_after: None,
            is_cancelled: false,
        }
    }

    pub(super) fn bad_request(mut self) -> Self {
        self.status = StatusCode::BAD_REQUEST;
        self
    }

    pub(super) fn suberror(mut self, suberror: &str) -> Self {
        self.suberror = Some(suberror.to_owned());
        self
    }

    pub(super) fn claims(mut self, claims: &str) -> Self {
        self.claims = Some(claims.to_owned());
        self
    }

    pub(super) fn cancelled(mut self) -> Self {
        self.is_cancelled = true;
        self
    }

    fn error_uri(&self, origin: &str) -> Option<String> {
        let has_page = !WITHOUT_PAGE.contains(&self.code);
        has_page.then(|| format!("{origin}/error?code={}", self.code))
    }

    /// The text with its number and trailer.
    fn description(&self, separator: &str, cx: &RequestContext<'_>) -> String {
        [
            format!("AADSTS{}: {}", self.code, self.text),
            format!("Trace ID: {}", cx.trace_id),
            format!("Correlation ID: {}", cx.correlation_id),
            format!("Timestamp: {}", formats::entra(cx.now)),
        ]
        .join(separator)
    }

    /// The JSON of the token endpoint.
    pub(super) fn json(&self, cx: &RequestContext<'_>, origin: &str) -> Response<Bytes> {
        let mut body = Map::new();
        body.insert("error".to_owned(), json!(self.error));
        let description = self.description(" ", cx);
        body.insert("error_description".to_owned(), json!(description));
        body.insert("error_codes".to_owned(), json!([self.code]));
        let timestamp = formats::entra(cx.now);
        body.insert("timestamp".to_owned(), json!(timestamp));
        body.insert("trace_id".to_owned(), json!(cx.trace_id));
        body.insert("correlation_id".to_owned(), json!(cx.correlation_id));
        let optional = [
            ("error_uri", self.error_uri(origin)),
            ("suberror", self.suberror.clone()),
            ("claims", self.claims.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body.insert(name.to_owned(), Value::String(value));
            }
        }
        let mut response = json_response(self.status, &Value::Object(body));
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }

    /// The parameters of a redirect.
    pub(super) fn parameters(
        &self,
        cx: &RequestContext<'_>,
        origin: &str,
    ) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("error", self.error.clone())];
        if self.is_cancelled {
            parameters.push(("error_subcode", "cancel".to_owned()));
        }
        let description = self.description("\r\n", cx);
        parameters.push(("error_description", description));
        let optional = [
            ("error_uri", self.error_uri(origin)),
            ("suberror", self.suberror.clone()),
            ("claims", self.claims.clone()),
        ];
        let there = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        parameters.extend(there);
        parameters
    }

    // What several endpoints refuse.

    /// The tenant of the address is none that we know.
    pub(super) fn no_tenant(error: &str, tenant: &str) -> Self {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and \
             are signing into the correct cloud. Check with your subscription administrator, this \
             may happen if there are no active subscriptions for the tenant."
        );
        Self::new(error, 90_002, text)
    }

    /// A parameter is missing.
    pub(super) fn missing(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new("invalid_request", 900_144, text)
    }

    /// A parameter is given twice.
    pub(super) fn repeated(name: &str) -> Self {
        let text =
            format!("The request is not properly formatted. The parameter '{name}' is duplicated.");
        Self::new("invalid_request", 9_000_411, text)
    }

    /// The application is not one of this tenant.
    pub(super) fn unknown_client(client_id: &str) -> Self {
        if client_id == "00000000-0000-0000-0000-000000000000" {
            let text = format!("{client_id} is not a valid application identifier.");
            return Self::new("unauthorized_client", 700_038, text);
        }
        Self::not_in(super::TENANT_DOMAIN, client_id)
    }

    /// The application is not in a tenant.
    pub(super) fn not_in(domain: &str, client_id: &str) -> Self {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{domain}'. This \
             can happen if the application has not been installed by the administrator of the \
             tenant or consented to by any user in the tenant. You may have sent your \
             authentication request to the wrong tenant."
        );
        Self::new("unauthorized_client", 700_016, text)
    }

    /// A single-tenant application at an address for all tenants.
    pub(super) fn single_tenant() -> Self {
        let text = format!(
            "Application '{0}'({0}) is not configured as a multi-tenant application. Usage of the \
             /common endpoint is not supported for such apps created after '10/15/2018'. Use a \
             tenant-specific endpoint or configure the application to be multi-tenant.",
            super::CLIENT_ID
        );
        Self::new("invalid_request", 50_194, text)
    }

    /// A user of another tenant, who is no guest of this one.
    pub(super) fn no_guest(user: &TestUser, tenant: &str) -> Self {
        let text = format!(
            "User account '{}' from identity provider 'https://sts.windows.net/{}/' does not exist in tenant '{tenant}' and \
             cannot access the application '{}' in that tenant. The account needs to be added as an external user in the \
             tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
            user.username,
            user.home.unwrap_or(user.tenant),
            super::CLIENT_ID
        );
        Self::new("invalid_grant", 50_020, text)
    }

    /// A grant is sent to another tenant than it was asked for.
    pub(super) fn another_authority() -> Self {
        let text = "Provided Authorization Code is intended to use against other tenant, thus rejected. OAuth2 Authorization \
                    Code must be redeemed against same tenant it was acquired for (/common or /{tenant-ID} as appropriate).";
        Self::new("invalid_grant", 700_005, text)
    }

    /// An administrator must let the application in.
    pub(super) fn needs_administrator() -> Self {
        let text = "Admin consent is required for the permissions requested by this \
                    application. Ask an administrator to grant them.";
        Self::new("access_denied", 90_094, text)
    }

    /// An application without a user is in a tenant, which must be named.
    pub(super) fn no_tenant_named() -> Self {
        let text = "Tenant-identifying information was not found in either the request or implied by any provided credentials.";
        Self::new("invalid_request", 50_059, text)
    }

    /// A code or refresh token is too old.
    pub(super) fn expired() -> Self {
        let text = "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive \
                    authorization request for this user and resource.";
        Self::new("invalid_grant", 70_008, text)
    }

    /// A grant is none of this tenant's.
    pub(super) fn not_ours(name: &str) -> Self {
        let text = format!("The provided value for the '{name}' parameter is not valid.");
        Self::new("invalid_grant", 70_000, text)
    }

    /// A refresh token or code of before a revocation.
    pub(super) fn revoked(issued: u64, valid_from: u64) -> Self {
        let text = format!(
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. \
             The user might have changed or reset their password. The grant was issued on '{}' and \
             the TokensValidFrom date (before which tokens are not valid) for this user is '{}'.",
            formats::long(issued),
            formats::long(valid_from)
        );
        Self::new("invalid_grant", 50_173, text)
    }

    /// The account is disabled.
    pub(super) fn disabled() -> Self {
        Self::new("invalid_grant", 50_057, "The user account is disabled.")
    }

    /// A policy blocks the account.
    pub(super) fn blocked() -> Self {
        let text = "Access has been blocked by Conditional Access policies. The access policy does \
                    not allow token issuance.";
        Self::new("invalid_grant", 53_003, text).suberror("message_only")
    }

    /// The account is not assigned to the application.
    pub(super) fn unassigned() -> Self {
        let text = format!(
            "Your administrator has configured the application {} ('{}') to block users unless \
             they are specifically granted ('assigned') access to the application. The signed in \
             user is blocked because they are not a direct member of a group with access, nor had \
             access directly assigned by an administrator. Please contact your administrator to \
             assign access to this application.",
            super::APPLICATION,
            super::CLIENT_ID
        );
        Self::new("invalid_grant", 50_105, text)
    }

    /// A second factor is needed.
    pub(super) fn second_factor() -> Self {
        let text = "Due to a configuration change made by your administrator, or because you moved \
                    to a new location, you must use multi-factor authentication to access \
                    '00000003-0000-0000-c000-000000000000'.";
        Self::new("interaction_required", 50_076, text)
            .suberror("basic_action")
            .claims(SECOND_FACTOR)
    }

    /// Consent is missing.
    pub(super) fn no_consent(error: &str) -> Self {
        let text = format!(
            "The user or administrator has not consented to use the application with ID '{}' named \
             '{}'. Send an interactive authorization request for this user and resource.",
            super::CLIENT_ID,
            super::APPLICATION
        );
        Self::new(error, 65_001, text).suberror("consent_required")
    }

    /// RFC 8707's `resource` does not fit the scopes (since March 2026).
    pub(super) fn resource_mismatch() -> Self {
        let text = "The resource parameter provided in the request doesn't match with the \
                    requested scopes.";
        Self::new("invalid_target", 9_010_010, text)
    }

    /// RFC 8707's `resource` is not supported (before).
    pub(super) fn resource_unsupported() -> Self {
        let text = "The 'resource' request parameter is not supported.";
        Self::new("invalid_request", 901_002, text)
    }
}

/// JSON as Entra's endpoints send it.
pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = response::json(status, body);
    let headers = response.headers_mut();
    let values = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-cache"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "-1"),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Adds the headers by which Entra and Graph name a request.
pub(super) fn identify(headers: &mut HeaderMap, cx: &RequestContext<'_>) {
    let is_graph = cx.path.starts_with("/v1.0/") || cx.path.starts_with("/oidc/");
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if is_graph {
        set("request-id", &cx.trace_id);
        set("client-request-id", &cx.correlation_id);
        return;
    }
    set("x-ms-request-id", &cx.trace_id);
    set("x-ms-ests-server", "0.0.0.0 - DEVELOPMENT TENANT");
    if cx.header("return-client-request-id") == "true" {
        set("client-request-id", &cx.correlation_id);
    }
}

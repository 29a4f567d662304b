//! The tokens of a managed identity, as the instance metadata service of a machine gives them out, the endpoint of App
//! Service and Container Apps, the agent of Azure Arc, and Cloud Shell.
//!
//! Source: Microsoft, "How to use managed identities for Azure resources on an Azure VM to acquire an access token"; App
//! Service, "Connect to Azure services in app code"; Azure Arc, "Authenticate against Azure resources with Azure Arc-enabled
//! servers".

use entra_mcp_wire::{form::Form, secret::constant_time_equal};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    ARC_KEY, ARC_KEY_FILE, DevTenant, IDENTITY_HEADER, MANAGED_IDENTITY_CLIENT_ID,
    MANAGED_IDENTITY_ID, Reply, TENANT_ID, aadsts_error, client_assertion::TOKEN_EXCHANGE,
    request_context::RequestContext, unsigned_response,
};

/// How long a token is good for, in seconds.
const LIFETIME: u64 = 86_400;

/// How a machine refuses, as JSON.
fn refuse(status: StatusCode, body: &Value) -> Reply {
    Reply::Respond(aadsts_error::json_response(status, body))
}

/// As the instance metadata service does, and what is like it.
fn refuse_metadata(error: &str, text: &str) -> Reply {
    let body = json!({"error": error, "error_description": text});
    refuse(StatusCode::BAD_REQUEST, &body)
}

impl DevTenant {
    /// What a machine gives that is asked for a token: `None` if there is nothing at the address.
    pub(super) fn machine_token(
        &mut self,
        host: &str,
        path: &str,
        cx: &RequestContext<'_>,
    ) -> Option<Reply> {
        let is_get = cx.method == Method::GET;
        let answer = match (host, path.trim_end_matches('/')) {
            ("metadata", "identity/oauth2/token") if is_get => Self::instance_metadata_token,
            ("msi", "token") if is_get => Self::app_service_token,
            ("arc", "metadata/identity/oauth2/token") if is_get => Self::arc_token,
            ("cloud-shell", "oauth2/token") if cx.method == Method::POST => Self::cloud_shell_token,
            _ => return None,
        };
        if let Some(fault) = self.faults.next_identity_fault() {
            let status = StatusCode::from_u16(fault.status).ok();
            let status = status.filter(|status| status.as_u16() >= 400);
            let body = json!({"error": "set_by_control"});
            return Some(refuse(
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                &body,
            ));
        }
        Some(answer(self, cx))
    }

    /// `GET /metadata/identity/oauth2/token` of the instance metadata service.
    fn instance_metadata_token(&self, cx: &RequestContext<'_>) -> Reply {
        if !has_metadata(cx) {
            let text = "Required metadata header not specified";
            return refuse_metadata("bad_request_102", text);
        }
        match check_query(&cx.query) {
            Ok(()) => self.managed_identity_token(cx),
            Err((error, text)) => refuse_metadata(error, text),
        }
    }

    /// `GET /msi/token` of App Service, which names its own kind of error and not how long a token lasts.
    fn app_service_token(&self, cx: &RequestContext<'_>) -> Reply {
        let refuse = |status: StatusCode, text: &str| {
            let body = json!({"statusCode": status.as_u16(), "message": text, "correlationId": ""});
            refuse(status, &body)
        };
        let header = cx.header("x-identity-header");
        if !constant_time_equal(header.as_bytes(), IDENTITY_HEADER.as_bytes()) {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "No X-IDENTITY-HEADER, or another one.",
            );
        }
        match check_query(&cx.query) {
            Ok(()) => self.managed_identity_token(cx),
            Err((_, text)) => refuse(StatusCode::BAD_REQUEST, text),
        }
    }

    /// `GET /arc/metadata/identity/oauth2/token` of the agent of Azure Arc: whoever asks must have read a file that only its
    /// group can read.
    fn arc_token(&self, cx: &RequestContext<'_>) -> Reply {
        let shown = cx.header(header::AUTHORIZATION.as_str());
        let shown = shown.strip_prefix("Basic ").unwrap_or_default();
        if constant_time_equal(shown.as_bytes(), ARC_KEY.as_bytes()) {
            return self.instance_metadata_token(cx);
        }
        if !has_metadata(cx) {
            return self.instance_metadata_token(cx);
        }
        let body = json!({"error": "unauthorized"});
        let mut response = aadsts_error::json_response(StatusCode::UNAUTHORIZED, &body);
        if let Ok(challenge) = HeaderValue::try_from(format!("Basic realm={ARC_KEY_FILE}")) {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        Reply::Respond(response)
    }

    /// `POST /cloud-shell/oauth2/token`: of whom Cloud Shell is. An application cannot present that token as its own.
    fn cloud_shell_token(&self, cx: &RequestContext<'_>) -> Reply {
        if !has_metadata(cx) {
            return self.instance_metadata_token(cx);
        }
        match check_query(&cx.form) {
            Ok(()) => {
                let person = json!({"idtyp": "user", "sub": "whoever has opened Cloud Shell"});
                self.token_of_machine(person, cx)
            }
            Err((error, text)) => refuse_metadata(error, text),
        }
    }

    fn managed_identity_token(&self, cx: &RequestContext<'_>) -> Reply {
        let identity = json!({"idtyp": "app", "sub": MANAGED_IDENTITY_ID});
        self.token_of_machine(identity, cx)
    }

    fn token_of_machine(&self, of: Value, cx: &RequestContext<'_>) -> Reply {
        let expires = cx.now.saturating_add(LIFETIME);
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        set("aud", json!(TOKEN_EXCHANGE));
        let issuer = format!("{}/{TENANT_ID}/v2.0", self.config.origin);
        set("iss", json!(issuer));
        set("oid", json!(MANAGED_IDENTITY_ID));
        set("tid", json!(TENANT_ID));
        set("nbf", json!(cx.now));
        set("iat", json!(cx.now));
        set("exp", json!(expires));
        set("ver", json!("2.0"));
        if let Value::Object(of) = of {
            claims.extend(of);
        }
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("expires_on", json!(expires.to_string()));
        if !cx.path.starts_with("/msi/") {
            set("refresh_token", json!(""));
            set("expires_in", json!(LIFETIME.to_string()));
            set("not_before", json!(cx.now.to_string()));
        }
        set("client_id", json!(MANAGED_IDENTITY_CLIENT_ID));
        set("resource", json!(TOKEN_EXCHANGE));
        set("token_type", json!("Bearer"));
        let token = self.signed(claims, None, "access_token", &mut body);
        unsigned_response::reply(token.into_iter().collect(), body)
    }
}

fn has_metadata(cx: &RequestContext<'_>) -> bool {
    cx.header("metadata").eq_ignore_ascii_case("true")
}

/// What is asked for: the audience of a federated credential, of the one identity that this machine has.
fn check_query(asked: &Form) -> Result<(), (&'static str, &'static str)> {
    let one = |name| asked.one(name).ok().flatten();
    if one("resource") != Some(TOKEN_EXCHANGE) {
        let text = "This identity has tokens for api://AzureADTokenExchange only.";
        return Err(("invalid_resource", text));
    }
    match one("client_id") {
        Some(other) if !other.eq_ignore_ascii_case(MANAGED_IDENTITY_CLIENT_ID) => {
            Err(("invalid_request", "Identity not found"))
        }
        _ => Ok(()),
    }
}

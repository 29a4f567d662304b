//! The tokens of a managed identity, as the instance metadata service of a machine gives them out, and the endpoint of App
//! Service and Container Apps.
//!
//! Source: Microsoft, "How to use managed identities for Azure resources on an Azure VM to acquire an access token"; App
//! Service, "Connect to Azure services in app code".

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_wire::secret::constant_time_equal;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    DevTenant, IDENTITY_HEADER, MANAGED_IDENTITY_CLIENT_ID, MANAGED_IDENTITY_ID, Reply, TENANT_ID,
    aadsts_error, client_assertion::TOKEN_EXCHANGE, id_token::UnsignedResponse,
    request_context::RequestContext,
};

/// How long a token is good for, in seconds.
const LIFETIME: u64 = 86_400;

impl DevTenant {
    /// `GET /metadata/identity/oauth2/token` of the instance metadata service.
    pub(super) fn instance_metadata_token(&self, cx: &RequestContext<'_>) -> Reply {
        let refuse = |error: &str, text: &str| {
            let body = json!({"error": error, "error_description": text});
            Reply::Respond(aadsts_error::json_response(StatusCode::BAD_REQUEST, &body))
        };
        if !cx.header("metadata").eq_ignore_ascii_case("true") {
            let text = "Required metadata header not specified";
            return refuse("bad_request_102", text);
        }
        match check_query(cx) {
            Ok(()) => self.managed_identity_token(cx),
            Err((error, text)) => refuse(error, text),
        }
    }

    /// `GET /msi/token` of App Service, which names its own kind of error and not how long a token lasts.
    pub(super) fn app_service_token(&self, cx: &RequestContext<'_>) -> Reply {
        let refuse = |status: StatusCode, text: &str| {
            let body = json!({"statusCode": status.as_u16(), "message": text, "correlationId": ""});
            Reply::Respond(aadsts_error::json_response(status, &body))
        };
        let header = cx.header("x-identity-header");
        if !constant_time_equal(header.as_bytes(), IDENTITY_HEADER.as_bytes()) {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "No X-IDENTITY-HEADER, or another one.",
            );
        }
        match check_query(cx) {
            Ok(()) => self.managed_identity_token(cx),
            Err((_, text)) => refuse(StatusCode::BAD_REQUEST, text),
        }
    }

    fn managed_identity_token(&self, cx: &RequestContext<'_>) -> Reply {
        let expires = cx.now.saturating_add(LIFETIME);
        let key = self.signing.key();
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": key.kid});
        let claims = json!({
            "aud": TOKEN_EXCHANGE,
            "iss": format!("{}/{TENANT_ID}/v2.0", self.config.origin),
            "sub": MANAGED_IDENTITY_ID,
            "oid": MANAGED_IDENTITY_ID,
            "tid": TENANT_ID,
            "nbf": cx.now,
            "iat": cx.now,
            "exp": expires,
            "idtyp": "app",
            "ver": "2.0",
        });
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("expires_on", json!(expires.to_string()));
        if cx.path.starts_with("/metadata/") {
            set("refresh_token", json!(""));
            set("expires_in", json!(LIFETIME.to_string()));
            set("not_before", json!(cx.now.to_string()));
        }
        set("client_id", json!(MANAGED_IDENTITY_CLIENT_ID));
        set("resource", json!(TOKEN_EXCHANGE));
        set("token_type", json!("Bearer"));
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        Reply::Sign(UnsignedResponse::new(
            key.pkcs8,
            message,
            "access_token",
            body,
        ))
    }
}

/// What is asked for: the audience of a federated credential, of the one identity that this machine has.
fn check_query(cx: &RequestContext<'_>) -> Result<(), (&'static str, &'static str)> {
    let one = |name| cx.query.one(name).ok().flatten();
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

//! The instance metadata service of a machine that has a managed identity: tokens of that identity.
//!
//! Source: Microsoft, "How to use managed identities for Azure resources on an Azure VM to acquire an access token".

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    DevTenant, MANAGED_IDENTITY_ID, Reply, TENANT_ID, aadsts_error,
    client_assertion::TOKEN_EXCHANGE, id_token::UnsignedResponse, request_context::RequestContext,
};

/// How long a token is good for, in seconds.
const LIFETIME: u64 = 86_400;

impl DevTenant {
    /// `GET /metadata/identity/oauth2/token`
    pub(super) fn managed_identity_token(&self, cx: &RequestContext<'_>) -> Reply {
        let refuse = |error: &str, text: &str| {
            let body = json!({"error": error, "error_description": text});
            Reply::Respond(aadsts_error::json_response(StatusCode::BAD_REQUEST, &body))
        };
        if !cx.header("metadata").eq_ignore_ascii_case("true") {
            let text = "Required metadata header not specified";
            return refuse("bad_request_102", text);
        }
        let resource = cx.query.one("resource").ok().flatten();
        if resource != Some(TOKEN_EXCHANGE) {
            let text = "This identity has tokens for api://AzureADTokenExchange only.";
            return refuse("invalid_resource", text);
        }
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
        set("refresh_token", json!(""));
        set("expires_in", json!(LIFETIME.to_string()));
        set("expires_on", json!(expires.to_string()));
        set("not_before", json!(cx.now.to_string()));
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

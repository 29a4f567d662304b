//! How the stand-in for Microsoft Graph refuses, and what it wants of a token.
//!
//! Source: Microsoft Graph, "Microsoft Graph error responses and resource types"; Microsoft identity platform, "Claims
//! challenges, claims requests, and client capabilities".

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use entra_mcp_wire::response;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{faults::ClaimsHeader, formats, request_context::RequestContext};

/// How Graph refuses.
#[derive(Clone, Debug)]
pub(super) struct GraphErrorResponse {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after: Option<u64>,
    /// A claims challenge, as JSON.
    pub(super) claims: Option<String>,
    pub(super) header: ClaimsHeader,
}

impl GraphErrorResponse {
    pub(super) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            retry_after: None,
            claims: None,
            header: ClaimsHeader::default(),
        }
    }

    pub(super) fn token(message: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        )
    }

    /// A claims challenge.
    pub(super) fn challenge(message: &str, claims: &Value) -> Self {
        Self {
            claims: Some(claims.to_string()),
            ..Self::token(message)
        }
    }

    pub(super) fn answer(&self, cx: &RequestContext<'_>, origin: &str) -> Response<Bytes> {
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": formats::graph(cx.now),
                "request-id": cx.trace_id,
                "client-request-id": cx.correlation_id,
            },
        }});
        let mut response = response::json(self.status, &body);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            for challenge in self.challenges(origin) {
                if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                    headers.append(header::WWW_AUTHENTICATE, challenge);
                }
            }
        }
        response
    }

    /// What is wanted of a token, each for a header of its own.
    fn challenges(&self, origin: &str) -> Vec<String> {
        let where_to = format!(
            "realm=\"\", authorization_uri=\"{origin}/common/oauth2/authorize\", \
             client_id=\"00000003-0000-0000-c000-000000000000\""
        );
        let Some(claims) = &self.claims else {
            return vec![format!("Bearer {where_to}")];
        };
        let encoded = match self.header {
            ClaimsHeader::Base64url => URL_SAFE_NO_PAD.encode(claims),
            ClaimsHeader::Plain => claims.replace('\\', "\\\\").replace('"', "\\\""),
            _ => STANDARD.encode(claims),
        };
        let error = match self.header {
            ClaimsHeader::InvalidToken => "invalid_token",
            _ => "insufficient_claims",
        };
        let wanted = format!("error=\"{error}\", claims=\"{encoded}\"");
        match self.header {
            ClaimsHeader::First => vec![format!("Bearer {wanted}, {where_to}")],
            ClaimsHeader::Second => {
                let other = "PoP nonce=\"of another scheme\"".to_owned();
                vec![other, format!("Bearer {where_to}, {wanted}")]
            }
            _ => vec![format!("Bearer {where_to}, {wanted}")],
        }
    }
}

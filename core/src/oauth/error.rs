//! The one table of OAuth errors: their names, their status, their JSON.
//!
//! RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, RFC 7591 section 3.2.2, RFC 7009 section 2.2.1, RFC 8707
//! section 2, OpenID Connect Core section 3.1.2.6. Descriptions are fixed sentences: nothing that
//! was sent comes back in one (threats E1, O1).

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde::Serialize;

use crate::{
    catalog::scope::ScopeError,
    http::{form::Repeated, response},
};

/// An error of OAuth, by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OAuthError {
    /// A parameter is missing, malformed or given twice.
    InvalidRequest,
    /// The client is unknown or did not prove who it is.
    InvalidClient,
    /// The code or refresh token is no good, or another client's.
    InvalidGrant,
    /// A device asks before its user has decided (RFC 8628 section 3.5).
    AuthorizationPending,
    /// A device asks too often.
    SlowDown,
    /// The time of a device code is over.
    ExpiredToken,
    /// No such grant here.
    UnsupportedGrantType,
    /// Nothing that was asked for is offered.
    InvalidScope,
    /// The `resource` is not this server's.
    InvalidTarget,
    /// No redirect URI that may be registered.
    InvalidRedirectUri,
    /// The registration is malformed or asks for what is not offered.
    InvalidClientMetadata,
    /// A user, or Entra, said no.
    AccessDenied,
    /// Only `code` is served.
    UnsupportedResponseType,
    /// `prompt=none`, but a user must be asked.
    InteractionRequired,
    /// No request objects.
    RequestNotSupported,
    /// No request objects by reference.
    RequestUriNotSupported,
    /// Entra or the store answered in a way that cannot be used.
    ServerError,
    /// Entra or the store cannot be reached now.
    TemporarilyUnavailable,
}

impl OAuthError {
    /// Its name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The status of an answer that is not a redirect.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::AccessDenied => StatusCode::FORBIDDEN,
            Self::ServerError => StatusCode::BAD_GATEWAY,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// After how many seconds a client tries again where nobody said when.
const RETRY_AFTER: u64 = 5;

/// A refusal: the error and a sentence for whoever debugs the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: OAuthError,
    /// The sentence: ASCII, without quotation marks and backslashes (RFC 6749 section 5.2).
    pub(crate) description: &'static str,
    /// Whether the client used HTTP Basic, and so must be challenged to it (RFC 6749 section 5.2).
    pub(crate) basic: bool,
    /// In how many seconds a client may try again, where that is known.
    pub(crate) retry_after: Option<u64>,
}

impl From<ScopeError> for Refusal {
    fn from(error: ScopeError) -> Self {
        Self::new(OAuthError::InvalidScope, error.as_str())
    }
}

impl Refusal {
    pub(crate) fn new(error: OAuthError, description: &'static str) -> Self {
        Self {
            error,
            description,
            basic: false,
            retry_after: None,
        }
    }

    /// The refusal as the JSON of the token, revocation and registration endpoints.
    pub(crate) fn response(self) -> Response<Bytes> {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
            error_description: &'static str,
        }
        let body = Body {
            error: self.error.as_str(),
            error_description: self.description,
        };
        let mut response = response::json(self.error.status(), &body);
        let headers = response.headers_mut();
        if self.basic {
            let challenge = HeaderValue::from_static("Basic realm=\"entra-mcp\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.error == OAuthError::TemporarilyUnavailable {
            let seconds = self.retry_after.unwrap_or(RETRY_AFTER);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What is needed cannot be had right now.
pub(crate) fn unavailable(description: &'static str) -> Refusal {
    Refusal::new(OAuthError::TemporarilyUnavailable, description)
}

impl From<Repeated> for Refusal {
    fn from(_: Repeated) -> Self {
        Self::new(
            OAuthError::InvalidRequest,
            "A parameter was given more than once.",
        )
    }
}

//! Which path is what. Routing is by equality on the raw path: nothing is decoded, folded or
//! resolved, so no other spelling of a path gets round a check (threat L12). The one exception is a
//! slash at the end of what clients are configured with or derive: some add it, and a redirect would
//! lose their POST.

use ::http::Method;
use serde::{Deserialize, Serialize};

/// A place on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The front page.
    Home,
    /// The style sheet of the pages.
    Style,
    /// Whether the process lives.
    Health,
    /// Whether this replica is to be given requests.
    Ready,
    /// Protected resource metadata of `/mcp` (RFC 9728 section 3).
    ResourceMetadata,
    /// Protected resource metadata of `/sse`.
    SseResourceMetadata,
    /// Authorization server metadata (RFC 8414 section 3).
    ServerMetadata,
    /// The keys that assertions for backends are verified with (RFC 7517 section 5).
    KeySet,
    /// Dynamic client registration (RFC 7591).
    Register,
    /// The authorization endpoint (RFC 6749 section 3.1).
    Authorize,
    /// Where the consent form is posted.
    Consent,
    /// Where Entra sends the browser back.
    Callback,
    /// What a user has connected, and its end.
    Connections,
    /// Where an administrator of another organization is sent to let the application in.
    AdminConsent,
    /// Where Entra sends that administrator back.
    AdminConsentReturn,
    /// Where a user satisfies what Entra wants of a session.
    StepUp,
    /// The token endpoint (RFC 6749 section 3.2).
    Token,
    /// The revocation endpoint (RFC 7009).
    Revoke,
    /// The device authorization endpoint (RFC 8628 section 3.1).
    DeviceAuthorization,
    /// Where the user of a device types its code.
    Device,
    /// Where the browser of such a user ends.
    DeviceReturn,
    /// Streamable HTTP.
    Mcp,
    /// The stream of HTTP+SSE (2024-11-05).
    Sse,
    /// The messages of HTTP+SSE.
    Message,
}

/// How the paths of all places begin.
const FIRST_SEGMENTS: [&str; 19] = [
    ".well-known",
    "admin-consent",
    "auth",
    "authorize",
    "consent",
    "device",
    "device_authorization",
    "healthz",
    "jwks.json",
    "mcp",
    "me",
    "message",
    "readyz",
    "register",
    "revoke",
    "sse",
    "step-up",
    "style.css",
    "token",
];

/// What is limited in rate (threat M17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RateClass {
    /// The registration of clients.
    Registration,
    /// The pages of a sign-in.
    SignIn,
    /// What clients ask of the authorization server.
    Token,
    /// The MCP endpoints.
    Tools,
}

impl RateClass {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Registration, Self::SignIn, Self::Token, Self::Tools];

    /// Its name in settings and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignIn => "sign-in",
            Self::Token => "token",
            Self::Tools => "tools",
        }
    }
}

impl Route {
    /// Whether a path is, or could be, that of a place or of something above or below one.
    pub(crate) fn takes(path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next();
        let first = first.unwrap_or_default();
        first.is_empty() || Self::exactly(path).is_some() || FIRST_SEGMENTS.contains(&first)
    }

    /// The place of a raw path.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Self::exactly(path).or_else(|| {
            let route = Self::exactly(path.strip_suffix('/')?)?;
            route.may_end_in_a_slash().then_some(route)
        })
    }

    /// Whether a slash at the end means the same place: the endpoints of MCP and the metadata.
    fn may_end_in_a_slash(self) -> bool {
        matches!(
            self,
            Self::Mcp
                | Self::Sse
                | Self::Message
                | Self::ResourceMetadata
                | Self::SseResourceMetadata
                | Self::ServerMetadata
        )
    }

    fn exactly(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Home,
            "/style.css" => Self::Style,
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/.well-known/oauth-protected-resource"
            | "/.well-known/oauth-protected-resource/mcp" => Self::ResourceMetadata,
            "/.well-known/oauth-protected-resource/sse" => Self::SseResourceMetadata,
            // Clients probe all of these (the paths differ in RFC 8414 section 3.1, RFC 9728
            // section 3.1 and OpenID Connect Discovery); the issuer in the one document is the
            // same, so it is as good at each address.
            "/.well-known/oauth-authorization-server"
            | "/.well-known/oauth-authorization-server/mcp"
            | "/.well-known/oauth-authorization-server/sse"
            | "/.well-known/openid-configuration"
            | "/.well-known/openid-configuration/mcp"
            | "/.well-known/openid-configuration/sse"
            | "/mcp/.well-known/openid-configuration"
            | "/sse/.well-known/openid-configuration" => Self::ServerMetadata,
            "/jwks.json" => Self::KeySet,
            "/register" => Self::Register,
            "/authorize" => Self::Authorize,
            "/consent" => Self::Consent,
            "/auth/callback" => Self::Callback,
            "/me" => Self::Connections,
            "/step-up" => Self::StepUp,
            "/admin-consent" => Self::AdminConsent,
            "/auth/admin-consent" => Self::AdminConsentReturn,
            "/token" => Self::Token,
            "/revoke" => Self::Revoke,
            "/device_authorization" => Self::DeviceAuthorization,
            "/device" => Self::Device,
            "/device/return" => Self::DeviceReturn,
            "/mcp" => Self::Mcp,
            "/sse" => Self::Sse,
            "/message" => Self::Message,
            _ => return None,
        })
    }

    /// Returns the path that stands for the place where places are counted.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Style => "/style.css",
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::ResourceMetadata | Self::SseResourceMetadata => {
                "/.well-known/oauth-protected-resource"
            }
            Self::ServerMetadata => "/.well-known/oauth-authorization-server",
            Self::KeySet => "/jwks.json",
            Self::Register => "/register",
            Self::Authorize => "/authorize",
            Self::Consent => "/consent",
            Self::Callback => "/auth/callback",
            Self::Connections => "/me",
            Self::StepUp => "/step-up",
            Self::AdminConsent => "/admin-consent",
            Self::AdminConsentReturn => "/auth/admin-consent",
            Self::Token => "/token",
            Self::Revoke => "/revoke",
            Self::DeviceAuthorization => "/device_authorization",
            Self::Device => "/device",
            Self::DeviceReturn => "/device/return",
            Self::Mcp => "/mcp",
            Self::Sse => "/sse",
            Self::Message => "/message",
        }
    }

    /// The methods that the place knows, `OPTIONS` apart.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Register
            | Self::Consent
            | Self::Token
            | Self::Revoke
            | Self::DeviceAuthorization
            | Self::Message => &[Method::POST],
            Self::Device | Self::Connections | Self::StepUp => &[Method::POST, Method::GET],
            Self::Mcp => &[Method::POST, Method::GET, Method::DELETE],
            Self::Authorize
            | Self::AdminConsent
            | Self::AdminConsentReturn
            | Self::Callback
            | Self::DeviceReturn
            | Self::Sse => &[Method::GET],
            Self::Home
            | Self::Style
            | Self::Health
            | Self::Ready
            | Self::ResourceMetadata
            | Self::SseResourceMetadata
            | Self::ServerMetadata
            | Self::KeySet => &[Method::GET, Method::HEAD],
        }
    }

    /// Whether it is there for each MCP endpoint.
    pub(crate) fn is_of_endpoint(self) -> bool {
        matches!(self, Self::ResourceMetadata | Self::SseResourceMetadata) || self.is_protected()
    }

    /// Whether a session token is needed.
    #[must_use]
    pub fn is_protected(self) -> bool {
        matches!(self, Self::Mcp | Self::Sse | Self::Message)
    }

    /// Under which limit of rate it is; documents are under none.
    #[must_use]
    pub fn rate_class(self) -> Option<RateClass> {
        match self {
            Self::Register => Some(RateClass::Registration),
            Self::Authorize
            | Self::Consent
            | Self::Callback
            | Self::Connections
            | Self::StepUp
            | Self::AdminConsent
            | Self::AdminConsentReturn
            | Self::Device
            | Self::DeviceReturn => Some(RateClass::SignIn),
            Self::Token | Self::Revoke | Self::DeviceAuthorization => Some(RateClass::Token),
            Self::Mcp | Self::Sse | Self::Message => Some(RateClass::Tools),
            Self::Home
            | Self::Style
            | Self::Health
            | Self::Ready
            | Self::ResourceMetadata
            | Self::SseResourceMetadata
            | Self::ServerMetadata
            | Self::KeySet => None,
        }
    }

    /// Whether any web page may read the answers: public documents and endpoints that prove who
    /// asks by what they are sent (RFC 9700 section 2.6). Never the authorization endpoint.
    #[must_use]
    pub fn is_open_to_pages(self) -> bool {
        matches!(
            self,
            Self::ResourceMetadata
                | Self::SseResourceMetadata
                | Self::ServerMetadata
                | Self::Register
                | Self::Token
                | Self::Revoke
                | Self::DeviceAuthorization
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_slash_of_an_mcp_or_metadata_endpoint_is_accepted() {
        for path in [
            "/mcp",
            "/sse",
            "/message",
            "/.well-known/oauth-protected-resource",
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-protected-resource/sse",
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-authorization-server/mcp",
            "/.well-known/openid-configuration",
            "/mcp/.well-known/openid-configuration",
        ] {
            let route = Route::of(path);
            assert!(route.is_some(), "{path}");
            assert_eq!(Route::of(&format!("{path}/")), route, "{path}");
            assert_eq!(Route::of(&format!("{path}//")), None, "{path}");
        }
    }

    // L12
    #[test]
    fn every_path_is_taken_and_what_is_above_and_below_it() {
        let source = include_str!("route.rs");
        let (_, paths) = source.split_once("Some(match path {").unwrap();
        let (paths, _) = paths.split_once("_ => return None").unwrap();
        let paths: Vec<_> = paths
            .split('"')
            .filter(|text| text.starts_with('/'))
            .collect();
        assert!(paths.len() > 20);
        for path in paths {
            assert!(Route::of(path).is_some(), "{path}");
            assert!(Route::takes(path), "{path}");
            let (above, _) = path.rsplit_once('/').unwrap();
            assert!(Route::takes(above), "{above}");
            assert!(path == "/" || path == "/style.css" || Route::takes(&format!("{path}/x")));
        }
        assert!(!Route::takes("/hooks") && !Route::takes("/mcp-server/mcp"));
    }

    // L12
    #[test]
    fn trailing_slash_of_another_path_is_not_found() {
        for path in [
            "//",
            "/authorize/",
            "/token/",
            "/auth/callback/",
            "/healthz/",
            "",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }
}

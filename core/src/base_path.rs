//! The path of the public address, below which the server lives where a host is shared.
//!
//! A proxy in front may pass the path on or strip it, so both forms of an address mean the same place, and there is
//! nothing to set. Well-known documents live at the root of the host, with the path behind their name (RFC 8414
//! section 3.1, RFC 9728 section 3.1); but for OpenID Connect Discovery, which puts it in front.

use std::borrow::Cow;

use crate::{limits, route::Route};

/// A path such as `/ai/mcp-server`; empty where the server has a host for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

/// The documents whose addresses are made by putting their name between host and path.
const WELL_KNOWN: [&str; 3] = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

impl BasePath {
    /// No path: the server has the host for itself.
    pub const NONE: Self = Self(String::new());

    /// Takes a path, with or without a slash at its end. `None` if it has empty or dot segments, other characters
    /// than letters, digits, `-`, `.`, `_` and `~`, or is the path of an endpoint, for then it would have two meanings.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Some(Self::NONE);
        }
        let may_stand_in_it = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | ".." | ".well-known")
                && segment.bytes().all(may_stand_in_it)
        };
        let is_good = path.len() <= limits::BASE_PATH_BYTES
            && path.strip_prefix('/')?.split('/').all(is_segment)
            && Route::of(path).is_none();
        is_good.then(|| Self(path.to_owned()))
    }

    /// The path, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path under which browsers send cookies back.
    pub(crate) fn for_cookies(&self) -> &str {
        match self.0.as_str() {
            "" => "/",
            path => path,
        }
    }

    /// The path of a place of the server on its host.
    pub(crate) fn join<'a>(&self, path: &'a str) -> Cow<'a, str> {
        match self.0.as_str() {
            "" => Cow::Borrowed(path),
            base => {
                let below = match path.strip_prefix("/.well-known/") {
                    Some(rest) => {
                        let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                        format!("/.well-known/{name}{base}{rest}")
                    }
                    None => format!("{base}{path}"),
                };
                Cow::Owned(below)
            }
        }
    }

    /// The place of a raw path, whether this path is in it or was stripped.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<Route> {
        if self.0.is_empty() {
            return Route::of(path);
        }
        match path.strip_prefix(&self.0) {
            Some("") => return Some(Route::Home),
            Some(below) if below.starts_with('/') => return Route::of(below),
            Some(_) | None => {}
        }
        let of_document = |name: &&str| {
            let below = path.strip_prefix(*name)?.strip_prefix(&self.0)?;
            Route::of(&format!("{name}{below}"))
        };
        let document = WELL_KNOWN.iter().find_map(of_document);
        document.or_else(|| Route::of(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/ai/mcp-server";

    fn base() -> BasePath {
        BasePath::parse(BASE).unwrap()
    }

    #[test]
    fn path_is_of_plain_segments_and_of_no_endpoint() {
        for (text, path) in [
            ("", ""),
            ("/", ""),
            ("/ai", "/ai"),
            ("/ai/mcp-server/", BASE),
            ("/a_b.c~1/mcp", "/a_b.c~1/mcp"),
            ("/mcp-server", "/mcp-server"),
        ] {
            let parsed = BasePath::parse(text);
            assert_eq!(parsed.as_ref().map(BasePath::as_str), Some(path), "{text}");
        }
        let long = "/a".repeat(limits::BASE_PATH_BYTES);
        for wrong in [
            "ai",
            "//",
            "/ai//b",
            "/ai/../b",
            "/./ai",
            "/a%20b",
            "/a;b",
            "/ä",
            "/a b",
            "/a\"b",
            "/mcp",
            "/sse/",
            "/auth/callback",
            "/.well-known",
            "/.well-known/oauth-protected-resource",
            &long,
        ] {
            assert_eq!(BasePath::parse(wrong), None, "{wrong}");
        }
    }

    /// Every path that the server knows without a base path.
    const PATHS: [&str; 26] = [
        "/",
        "/style.css",
        "/healthz",
        "/readyz",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource/sse",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/oauth-authorization-server/sse",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/openid-configuration/sse",
        "/mcp/.well-known/openid-configuration",
        "/sse/.well-known/openid-configuration",
        "/register",
        "/authorize",
        "/consent",
        "/auth/callback",
        "/me",
        "/token",
        "/revoke",
        "/mcp",
        "/mcp/",
        "/sse",
        "/message",
    ];

    // RFC 8414 section 3.1, RFC 9728 section 3.1, OpenID Connect Discovery 1.0 section 4
    #[test]
    fn every_place_is_found_with_the_path_and_without_it() {
        for path in PATHS {
            let route = Route::of(path);
            assert!(route.is_some(), "{path}");
            assert_eq!(base().route(path), route, "{path}");
            assert_eq!(base().route(&base().join(path)), route, "{path}");
            assert_eq!(base().route(&format!("{BASE}{path}")), route, "{path}");
            assert_eq!(BasePath::NONE.route(path), route, "{path}");
            assert_eq!(BasePath::NONE.join(path), path);
        }
        assert_eq!(base().route(BASE), Some(Route::Home));
        let inserted = base().join("/.well-known/oauth-protected-resource/mcp");
        assert_eq!(
            inserted,
            "/.well-known/oauth-protected-resource/ai/mcp-server/mcp"
        );
        assert_eq!(base().join("/mcp"), "/ai/mcp-server/mcp");
    }

    // L12
    #[test]
    fn path_of_a_neighbour_is_not_found() {
        for path in [
            "/ai",
            "/ai/",
            "/ai/mcp",
            "/ai/mcp-server2/mcp",
            "/ai/mcp-servermcp",
            "/ai/mcp-server//mcp",
            "/AI/mcp-server/mcp",
            "/ai%2Fmcp-server/mcp",
            "/ai/mcp-server/ai/mcp-server/mcp",
            "/.well-known/oauth-protected-resource/ai",
            "/.well-known/oauth-protected-resource/ai/mcp-server2",
            "/.well-known/oauth-authorization-server/ai/mcp-server/ai/mcp-server",
            "/.well-known/healthz/ai/mcp-server",
        ] {
            assert_eq!(base().route(path), None, "{path}");
        }
        assert_eq!(BasePath::NONE.route("/ai/mcp-server/mcp"), None);
    }
}

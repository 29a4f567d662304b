//! What is sent to Microsoft Graph: to the configured one, with the user's token.

use std::time::Duration;

use ::http::{HeaderValue, Method, Request, header, request};
use bytes::Bytes;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    ask::{Fetch, FetchTarget},
    catalog::GraphRequest,
    limits,
    secret::Secret,
    step::Cx,
};

/// The address of a path at Graph. A path that leads anywhere else would take the token there, so there
/// is none (threat P9).
fn address(graph: &Url, path: &str) -> Option<Url> {
    let url = graph.join(path).ok()?;
    let is_there = url.origin() == graph.origin() && url.path().starts_with(graph.path());
    (is_there && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// A request of a tool's.
pub(super) fn of_request(
    asked: &GraphRequest,
    kept_open: Option<Duration>,
    token: &Secret<String>,
    cx: &mut Cx<'_>,
) -> Option<Fetch> {
    let mut request = Request::builder().method(asked.method().clone());
    for (name, value) in asked.headers() {
        request = request.header(name, value);
    }
    let mut fetch = fetch(request, asked.path(), asked.content().clone(), token, cx)?;
    (fetch.body_limit, fetch.within) = asked.bounds(&cx.env.server.config.call_limits);
    fetch.kept_open = kept_open;
    Some(fetch)
}

/// What a link leads to that Graph answers with: it needs no token, so that it gets none (threat P9). Only Graph itself is
/// known to the operator; anything else is on the public internet, by HTTPS.
pub(super) fn of_link(
    link: &str,
    asked: &GraphRequest,
    kept_open: Option<Duration>,
    cx: &Cx<'_>,
) -> Option<Fetch> {
    let graph = &cx.env.server.config.entra.graph;
    let url = graph.join(link).ok()?;
    let is_graph = url.origin() == graph.origin();
    if !is_graph && url.scheme() != "https"
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return None;
    }
    let mut request = Request::builder().uri(url.as_str());
    if let Some(range) = asked.headers().get(header::RANGE) {
        request = request.header(header::RANGE, range);
    }
    let request = request.body(Bytes::new()).ok()?;
    let (body_limit, within) = asked.bounds(&cx.env.server.config.call_limits);
    Some(Fetch {
        target: match is_graph {
            true => FetchTarget::Configured(request),
            false => FetchTarget::PublicOnly(request),
        },
        body_limit,
        within,
        kept_open,
    })
}

/// A POST of JSON, of which nothing is kept.
pub(super) fn post(
    path: &str,
    body: &'static str,
    token: &Secret<String>,
    cx: &mut Cx<'_>,
) -> Option<Fetch> {
    let request = Request::builder()
        .method(Method::POST)
        .header(header::CONTENT_TYPE, "application/json");
    fetch(
        request,
        path,
        Bytes::from_static(body.as_bytes()),
        token,
        cx,
    )
}

fn fetch(
    mut request: request::Builder,
    path: &str,
    body: Bytes,
    token: &Secret<String>,
    cx: &mut Cx<'_>,
) -> Option<Fetch> {
    let url = address(&cx.env.server.config.entra.graph, path)?;
    let bearer = Zeroizing::new(["Bearer ", token.expose().as_str()].concat().into_bytes());
    let mut bearer = HeaderValue::from_maybe_shared(Bytes::from_owner(bearer)).ok()?;
    bearer.set_sensitive(true);
    if !request.headers_ref()?.contains_key(header::ACCEPT) {
        request = request.header(header::ACCEPT, "application/json");
    }
    let request = request
        .uri(url.as_str())
        .header(header::AUTHORIZATION, bearer)
        .header("client-request-id", guid(cx.entropy.bytes()))
        .body(body)
        .ok()?;
    Some(Fetch {
        target: FetchTarget::Configured(request),
        body_limit: limits::FETCH_BODY_BYTES,
        within: limits::FETCH_TIMEOUT,
        kept_open: None,
    })
}

/// A random GUID (RFC 9562 section 5.4), by which Microsoft's support finds the request.
fn guid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76) | (4 << 76);
    let number = number & !(0x3 << 62) | (2 << 62);
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // P9: the token goes to Graph and nowhere else.
    #[test]
    fn path_that_leads_away_from_graph_is_rejected() {
        let graph = Url::parse("https://graph.example/base/").unwrap();
        let good = address(&graph, "v1.0/me?$select=id").unwrap();
        assert_eq!(
            good.as_str(),
            "https://graph.example/base/v1.0/me?$select=id"
        );
        for bad in [
            "https://evil.example/v1.0/me",
            "//evil.example/v1.0/me",
            "\\\\evil.example/me",
            "http://graph.example/base/me",
            "https://alice@graph.example/base/me",
            "../other",
            "/other",
            "v1.0/../../other",
        ] {
            assert!(address(&graph, bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn guid_has_the_version_and_variant_of_random_ones() {
        assert_eq!(guid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(guid([255; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}

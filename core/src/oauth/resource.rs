//! Resource indicators (RFC 8707): which of our MCP endpoints a token is to be for.
//!
//! `resource` is consumed here and never sent to Entra, which refuses it beside `scope`
//! (AADSTS9010010). Clients serialise it as a URL, so a slash at the end and the bare origin are
//! taken too; what is kept and put into `aud` is always the one form that the metadata shows.

use super::error::{OAuthError, Refusal};
use crate::{config::PublicUrl, http::form::Form};

/// The resource that is meant; without one it is the Streamable HTTP endpoint. Several may be
/// given if each is ours; the first counts.
pub(crate) fn choose<'a>(
    requested: impl Iterator<Item = &'a str>,
    public_url: &PublicUrl,
) -> Result<&'_ str, Refusal> {
    let [streamable, _] = public_url.resources();
    let mut chosen = None;
    for resource in requested.filter(|resource| !resource.is_empty()) {
        let ours = canonical(resource, public_url).ok_or(invalid_target())?;
        chosen = chosen.or(Some(ours));
    }
    Ok(chosen.unwrap_or(streamable))
}

/// The resource that a token request names; `None` if it names none: then it is that of the
/// session (RFC 8707 section 2.2).
pub(crate) fn of_token_request(
    form: &Form,
    public_url: &PublicUrl,
) -> Result<Option<String>, Refusal> {
    let resource = choose(form.all("resource"), public_url)?;
    let is_named = form.all("resource").any(|resource| !resource.is_empty());
    Ok(is_named.then(|| resource.to_owned()))
}

/// Whether a token request names another resource than the one that was signed in for.
pub(crate) fn differs(requested: Option<&str>, granted: &str) -> bool {
    requested.is_some_and(|requested| requested != granted)
}

/// The resource is another server's, or not the one that was signed in for.
pub(crate) fn invalid_target() -> Refusal {
    Refusal::new(
        OAuthError::InvalidTarget,
        "The resource is not one of this server, or not the one of this sign-in.",
    )
}

/// The canonical form of one of our resources.
fn canonical<'a>(resource: &str, public_url: &'a PublicUrl) -> Option<&'a str> {
    let issuer = public_url.issuer();
    let (origin, path) = resource.split_at_checked(issuer.len())?;
    // Scheme and host may be in capitals (RFC 3986 section 6.2.2.1); nothing else is normalised.
    if !origin.eq_ignore_ascii_case(issuer) {
        return None;
    }
    let [streamable, sse] = public_url.resources();
    match path {
        "" | "/" | "/mcp" | "/mcp/" => Some(streamable),
        "/sse" | "/sse/" => Some(sse),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(requested: &[&str]) -> Option<String> {
        let public_url = PublicUrl::parse("https://mcp.example").unwrap();
        let resource = choose(requested.iter().copied(), &public_url).ok()?;
        Some(resource.to_owned())
    }

    // C9
    #[test]
    fn resource_of_another_server_is_refused() {
        for resource in [
            "https://mcp.example/mcp",
            "https://mcp.example/mcp/",
            "https://mcp.example/",
            "https://mcp.example",
            "HTTPS://MCP.example/mcp",
        ] {
            let chosen = chosen(&[resource]);
            assert_eq!(
                chosen.as_deref(),
                Some("https://mcp.example/mcp"),
                "{resource}"
            );
        }
        assert_eq!(chosen(&[]).as_deref(), Some("https://mcp.example/mcp"));
        let sse = chosen(&["https://mcp.example/sse/", "https://mcp.example/mcp"]);
        assert_eq!(sse.as_deref(), Some("https://mcp.example/sse"));
        for resource in [
            "https://mcp.example.evil.example/mcp",
            "https://evil.example/mcp",
            "http://mcp.example/mcp",
            "https://mcp.example:443/mcp",
            "https://mcp.example/mcp//",
            "https://mcp.example/mcp?x=1",
            "https://mcp.example/mcp#x",
            "https://mcp.example/MCP",
            "https://mcp.example/other",
            "https://user@mcp.example/mcp",
            "/mcp",
            "mcp.example",
            "é",
        ] {
            assert_eq!(chosen(&[resource]), None, "{resource}");
            assert_eq!(
                chosen(&["https://mcp.example/mcp", resource]),
                None,
                "{resource}"
            );
        }
    }
}

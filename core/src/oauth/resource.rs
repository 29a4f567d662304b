//! Resource indicators (RFC 8707): which of our MCP endpoints a token is to be for (threat C9).
//!
//! A token is for `/mcp` or for `/sse`, as the client asks. Clients of the older revisions, those of HTTP+SSE
//! among them, do not ask: their token is for the server, whose base address stands for both endpoints.
//!
//! `resource` is consumed here and never sent to Entra, which refuses it beside `scope`
//! (AADSTS9010010). Clients serialise it as a URL, so a slash at the end is taken too; what is stored and
//! put into `aud` is always the one form that the metadata shows.

use super::error::{OAuthError, Refusal};
use crate::{config::PublicUrl, http::form::Form};

/// The resource that is meant; without one it is the whole server. Several may be given if each is ours: both
/// endpoints are the whole server, too.
pub(crate) fn choose<'a>(
    requested: impl Iterator<Item = &'a str>,
    public_url: &PublicUrl,
) -> Result<&'_ str, Refusal> {
    match named(requested, public_url)? {
        Some(resource) => Ok(resource),
        None => whole(public_url),
    }
}

/// The resource that is named, if one is.
fn named<'a, 'b>(
    requested: impl Iterator<Item = &'a str>,
    public_url: &'b PublicUrl,
) -> Result<Option<&'b str>, Refusal> {
    let mut chosen = None;
    for resource in requested.filter(|resource| !resource.is_empty()) {
        let ours = canonical(resource, public_url).ok_or(invalid_target())?;
        chosen = match chosen {
            Some(other) if other != ours => Some(whole(public_url)?),
            _ => Some(ours),
        };
    }
    Ok(chosen)
}

/// The whole server, if it has one MCP endpoint: a user allows a client one of several, which it must name (threat R26).
fn whole(public_url: &PublicUrl) -> Result<&str, Refusal> {
    match public_url.stands_for_all() {
        true => Ok(public_url.issuer()),
        false => Err(Refusal::new(
            OAuthError::InvalidTarget,
            "This server has several MCP endpoints: name one of them as the resource (RFC 8707).",
        )),
    }
}

/// The endpoint that a token request names; `None` if it names none: then the token is for what the session
/// is for (RFC 8707 section 2.2).
pub(crate) fn of_token_request(
    form: &Form,
    public_url: &PublicUrl,
) -> Result<Option<String>, Refusal> {
    let resource = named(form.all("resource"), public_url)?;
    let endpoint = resource.filter(|resource| *resource != public_url.issuer());
    Ok(endpoint.map(str::to_owned))
}

/// The resource of a token: that of the session, or the endpoint that the token request names, if the session
/// is for it.
pub(crate) fn narrow(
    granted: &str,
    requested: Option<&str>,
    public_url: &PublicUrl,
) -> Result<String, Refusal> {
    let resource = requested.unwrap_or(granted);
    // An endpoint that is not there any more, or the base address that stood for the only one.
    if !public_url.is_resource(granted) {
        return Err(Refusal::new(
            OAuthError::InvalidGrant,
            "The endpoint of this sign-in is not there any more: sign in for another.",
        ));
    }
    match public_url.covers(granted, resource) {
        true => Ok(resource.to_owned()),
        false => Err(invalid_target()),
    }
}

/// The resource is another server's, or not the one that was signed in for.
fn invalid_target() -> Refusal {
    Refusal::new(
        OAuthError::InvalidTarget,
        "The resource is not one of this server, or not the one of this sign-in.",
    )
}

/// The canonical form of one of our resources.
fn canonical<'a>(resource: &str, public_url: &'a PublicUrl) -> Option<&'a str> {
    let (origin, path) = resource.split_at_checked(public_url.origin().len())?;
    // Scheme and host may be in capitals (RFC 3986 section 6.2.2.1); nothing else is normalised.
    if !origin.eq_ignore_ascii_case(public_url.origin()) {
        return None;
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut ours = public_url.all_resources();
    ours.find(|own| own.strip_prefix(public_url.origin()) == Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    // C9; RFC 8707 section 2.2
    #[test]
    fn token_request_may_narrow_the_resource_and_never_change_it() {
        let public_url = PublicUrl::parse("https://mcp.example").unwrap();
        let of = |granted, form: &str| {
            let form = Form::parse(form.as_bytes());
            let requested = of_token_request(&form, &public_url).ok()?;
            narrow(granted, requested.as_deref(), &public_url).ok()
        };
        let [mcp, sse] = public_url.resources();
        let (for_mcp, for_sse) = (format!("resource={mcp}"), format!("resource={sse}"));
        let server = public_url.issuer();
        assert_eq!(of(server, "").as_deref(), Some(server));
        assert_eq!(of(server, &for_sse).as_ref(), Some(sse));
        assert_eq!(of(mcp, "").as_ref(), Some(mcp));
        assert_eq!(of(mcp, &for_mcp).as_ref(), Some(mcp));
        assert_eq!(of(mcp, &format!("resource={server}")).as_ref(), Some(mcp));
        assert_eq!(of(mcp, &for_sse), None);
        assert_eq!(of(sse, &for_mcp), None);
    }

    // R26: what was signed in for is not there any more, so that the client signs in anew and does not refresh for ever.
    #[test]
    fn sign_in_for_what_is_not_there_any_more_is_over() {
        let mut public_url = PublicUrl::parse("https://mcp.example").unwrap();
        let orders = (crate::endpoint::Endpoint::OWN_TOOLS, "orders".to_owned());
        public_url.name_endpoints(vec![orders], false);
        let of = |granted| narrow(granted, None, &public_url);
        assert!(of("https://mcp.example/mcp/orders").is_ok());
        for gone in [
            "https://mcp.example",
            "https://mcp.example/mcp",
            "https://mcp.example/mcp/docs",
        ] {
            let refusal = of(gone).unwrap_err();
            assert_eq!(refusal.error, OAuthError::InvalidGrant, "{gone}");
        }
    }

    fn chosen(requested: &[&str]) -> Option<String> {
        let public_url = PublicUrl::parse("https://mcp.example").unwrap();
        let resource = choose(requested.iter().copied(), &public_url).ok()?;
        Some(resource.to_owned())
    }

    // C9
    #[test]
    fn resource_that_is_not_ours_modulo_a_slash_is_refused() {
        let (server, mcp, sse) = (
            "https://mcp.example",
            "https://mcp.example/mcp",
            "https://mcp.example/sse",
        );
        for (requested, resource) in [
            (&[][..], server),
            (&[server], server),
            (&["https://mcp.example/"], server),
            (&[mcp], mcp),
            (&["https://mcp.example/mcp/"], mcp),
            (&["HTTPS://MCP.example/mcp", ""], mcp),
            (&[mcp, mcp], mcp),
            (&["https://mcp.example/sse/"], sse),
            (&[sse, mcp], server),
            (&[mcp, server], server),
        ] {
            assert_eq!(
                chosen(requested).as_deref(),
                Some(resource),
                "{requested:?}"
            );
        }
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

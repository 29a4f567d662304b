//! Paths of the program that the server is part of, beside the server's own.

use ::http::Response;
use bytes::Bytes;

use super::{host, length, to_origin_form};
use crate::{base_path::BasePath, env::Server, limits, request_id::RequestId, route::Route};
use entra_mcp_http1::{Refusal, RequestHead};

/// A path below which a program serves something of its own, such as `/hooks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPath(BasePath);

impl OwnPath {
    /// Takes a path. `None` if it is the server's own, or above or below one of these, or is not made of segments of letters, digits,
    /// `-`, `.`, `_` and `~`.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parsed = BasePath::parse(path)?;
        (!Route::takes(parsed.as_str())).then_some(Self(parsed))
    }

    /// Whether what is below one of the two is below the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_above(other.0.as_str()) || other.is_above(self.0.as_str())
    }

    /// Whether the path of a request is this one or below it. The path of the public address may be in it or not.
    #[must_use]
    pub fn contains(&self, path: &str, server: &Server) -> bool {
        let base = server.config.public_url.base_path().as_str();
        let below = path
            .strip_prefix(base)
            .filter(|below| below.starts_with('/'));
        below.is_some_and(|below| self.is_above(below)) || self.is_above(path)
    }

    /// Returns the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn is_above(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Judges the head of a request to such a path as that of a stranger's: the host is one of the server's (threat J1), and the body not
/// too long. Returns the most bytes of body.
///
/// # Errors
///
/// The refusal, as a whole response.
pub fn admit_own(
    head: &mut RequestHead,
    server: &Server,
    request_id: &RequestId,
) -> Result<usize, Box<Response<Bytes>>> {
    let limit = limits::UNAUTHENTICATED_BODY_BYTES;
    let judged = to_origin_form(head).map_err(|error| Box::new(Refusal::from(error).response()));
    let judged = judged.and_then(|()| host(&head.headers, server, request_id));
    let judged = judged.and_then(|()| length(&head.headers, limit));
    judged.map(|()| limit).map_err(|mut refusal| {
        request_id.name_in(refusal.headers_mut());
        refusal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestServer;

    #[test]
    fn path_of_the_servers_own_and_what_is_above_or_below_is_none_of_the_programs() {
        for taken in [
            "/",
            "",
            "/mcp",
            "/mcp/x",
            "/auth",
            "/.well-known/x",
            "/a//b",
            "/a/../b",
            "/a b",
            "hooks",
        ] {
            assert_eq!(OwnPath::parse(taken), None, "{taken}");
        }
        let hooks = OwnPath::parse("/hooks/").unwrap();
        assert!(hooks.overlaps(&OwnPath::parse("/hooks/git").unwrap()));
        assert!(!hooks.overlaps(&OwnPath::parse("/hooks-2").unwrap()));
    }

    #[test]
    fn own_path_has_what_is_below_it_with_the_base_path_or_without() {
        let mut server = TestServer::dev().server;
        let hooks = OwnPath::parse("/hooks").unwrap();
        for (path, is_below) in [
            ("/hooks", true),
            ("/hooks/git/1", true),
            ("/hooks2", false),
            ("/a/hooks", false),
            ("/hook%73", false),
        ] {
            assert_eq!(hooks.contains(path, &server), is_below, "{path}");
        }
        let url = "https://mcp.example/a";
        server.config.public_url = crate::config::PublicUrl::parse(url).unwrap();
        assert!(hooks.contains("/a/hooks/1", &server) && hooks.contains("/hooks/1", &server));
    }

    // J1
    #[test]
    fn request_to_an_own_path_names_the_servers_host() {
        let server = TestServer::dev().server;
        let judge = |host: &str, length: &str| {
            let request = ::http::Request::post("/hooks");
            let request = request
                .header("host", host)
                .header("content-length", length);
            let mut head = RequestHead::from(request.body(()).unwrap().into_parts().0);
            let judged = admit_own(&mut head, &server, &RequestId::own(1));
            judged.map_err(|refusal| refusal.status().as_u16())
        };
        let host = server.config.public_url.host().to_owned();
        assert_eq!(judge(&host, "7"), Ok(limits::UNAUTHENTICATED_BODY_BYTES));
        assert!(judge("evil.example", "7").is_err());
        assert_eq!(judge(&host, "999999999"), Err(413));
    }
}

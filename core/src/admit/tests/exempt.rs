//! What a server that has reached its limit of connections still answers.

use super::*;

// M4: what a full server still answers must cost nothing.
#[test]
fn only_looking_at_health_and_metadata_is_exempt_from_the_limit_of_connections() {
    let base_path = TestServer::dev()
        .server
        .config
        .public_url
        .base_path()
        .clone();
    let is_exempt = |method: &str, target: &str| {
        let request = Request::builder().method(method).uri(target).body(());
        let (head, ()) = request.unwrap().into_parts();
        is_exempt_from_limit(&head.into(), &base_path)
    };
    for target in [
        "/healthz",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource/sse",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/mcp/orders",
    ] {
        assert!(
            is_exempt("GET", target) && is_exempt("HEAD", target),
            "{target}"
        );
        assert!(!is_exempt("POST", target), "{target}");
    }
    for target in ["/", "/mcp", "/sse", "/authorize", "/nowhere"] {
        assert!(!is_exempt("GET", target), "{target}");
    }
}

//! Tests of redirect URIs.

use super::*;

fn registered(text: &str) -> RedirectUri {
    RedirectUri::parse(text).unwrap_or_else(|| panic!("{text} may be registered"))
}

// B3
#[test]
fn redirect_uris_of_real_clients_are_accepted() {
    for uri in [
        "http://localhost:3334/oauth/callback",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
        "http://[::1]:8080/callback",
        "https://vscode.dev/redirect",
        "https://claude.ai/api/mcp/auth_callback",
        "https://client.example:8443/cb?tenant=1",
        "cursor://anysphere.cursor-retrieval/oauth/user-abc/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "com.example.app:/oauth2redirect",
    ] {
        assert!(RedirectUri::parse(uri).is_some(), "{uri}");
    }
}

// B3
#[test]
fn dangerous_redirect_uri_is_refused() {
    for uri in [
        "",
        "callback",
        "/callback",
        "//client.example/cb",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://client.example/1",
        "about:blank",
        "chrome-extension://abc/cb",
        "view-source:https://client.example/",
        "intent://x#Intent;end",
        "urn:ietf:wg:oauth:2.0:oob",
        "ftp://client.example/cb",
        "ws://localhost/cb",
        "http://client.example/cb",
        "http://127.0.0.2/cb",
        "http://0.0.0.0/cb",
        "http://0x7f.1/cb",
        "http://2130706433/cb",
        "http://localhost.evil.example/cb",
        "http://localhost./cb",
        "http://LOCALHOST/cb",
        "HTTP://localhost/cb",
        "http://localhost:99999/cb",
        "http://localhost:0/cb",
        "http://localhost:/cb",
        "http://localhost@evil.example/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "https://user@client.example/cb",
        "https://client.example\\@evil.example/cb",
        "https://client.example/cb#fragment",
        "https://client.example/cb#",
        "https://client.example/c b",
        "https://client.example/cb\r\nX: y",
        "https://client.example/cb\0",
        "https://*.client.example/cb",
        "https://client.example/*",
        "https://%63lient.example/cb",
        "https://0x7f.1/cb",
        "https://client。example/cb",
        "https:/client.example/cb",
        "https:client.example/cb",
        "https:///cb",
        "com.example.app:",
        "unknown-scheme://cb",
    ] {
        assert_eq!(RedirectUri::parse(uri), None, "{uri}");
    }
    let long = format!("https://client.example/{}", "x".repeat(600));
    assert_eq!(RedirectUri::parse(&long), None);
}

// B1
#[test]
fn requested_redirect_uri_must_equal_the_registered_one() {
    let web = registered("https://client.example/cb");
    assert!(web.admits("https://client.example/cb").is_some());
    for uri in [
        "https://client.example.evil.example/cb",
        "https://evil-client.example/cb",
        "https://client.example/cb/",
        "https://client.example/cb/../evil",
        "https://client.example/./cb",
        "https://client.example/CB",
        "https://client.example/%63b",
        "https://client.example//cb",
        "https://user@client.example/cb",
        "https://client.example:443/cb",
        "https://client.example:8443/cb",
        "http://client.example/cb",
        "HTTPS://client.example/cb",
        "https://CLIENT.example/cb",
        "https://client.example./cb",
        "https://client.example/cb?x=1",
        "https://client.example/cb#x",
        "https://client.example\\cb",
        " https://client.example/cb",
        "https://client.example/cb\t",
    ] {
        assert_eq!(web.admits(uri), None, "{uri}");
    }
    let app = registered("cursor://host/cb");
    assert!(app.admits("cursor://host/cb").is_some());
    assert_eq!(app.admits("cursor://host:80/cb"), None);
    assert_eq!(app.admits("CURSOR://host/cb"), None);
    assert_eq!(app.admits("cursor://host/cb2"), None);
}

// B2
#[test]
fn loopback_redirect_uri_matches_any_port() {
    for host in LOOPBACK {
        let own = registered(&format!("http://{host}:1234/callback?x=1"));
        for port in ["", ":1", ":1234", ":65535"] {
            let uri = format!("http://{host}{port}/callback?x=1");
            assert!(own.admits(&uri).is_some(), "{uri}");
        }
        for other in LOOPBACK.iter().filter(|other| **other != host) {
            assert_eq!(
                own.admits(&format!("http://{other}:1234/callback?x=1")),
                None
            );
        }
        for rest in [
            ":1234/callback",
            ":1234/callback?x=2",
            ":1234/Callback?x=1",
            ":99999/callback?x=1",
            ":0/callback?x=1",
            ":01/callback?x=1",
            ":/callback?x=1",
            ":+1/callback?x=1",
            ".evil.example/callback?x=1",
            "@evil.example/callback?x=1",
            ":1234@evil.example/callback?x=1",
        ] {
            assert_eq!(own.admits(&format!("http://{host}{rest}")), None, "{rest}");
        }
        assert_eq!(
            own.admits(&format!("https://{host}:1234/callback?x=1")),
            None
        );
    }
    let web = registered("https://client.example:8443/cb");
    assert_eq!(web.admits("https://client.example:8444/cb"), None);
}

// C8
#[test]
fn redirect_parameters_are_encoded_and_appended() {
    let added = |uri: &str| registered(uri).with(&[("state", "a b&c=d\r\n+é"), ("iss", "i")]);
    let query = "state=a%20b%26c%3Dd%0D%0A%2B%C3%A9&iss=i";
    assert_eq!(
        added("https://c.example/cb"),
        format!("https://c.example/cb?{query}")
    );
    assert_eq!(
        added("https://c.example/cb?"),
        format!("https://c.example/cb?{query}")
    );
    assert_eq!(
        added("https://c.example/cb?x=1"),
        format!("https://c.example/cb?x=1&{query}")
    );
    assert_eq!(added("cursor://a.b/cb"), format!("cursor://a.b/cb?{query}"));
    assert_eq!(added("com.example:/cb"), format!("com.example:/cb?{query}"));
}

// A7
#[test]
fn redirect_uri_to_loopback_or_app_scheme_is_recognised() {
    let is = |uri: &str| registered(uri).destination().to_string();
    assert_eq!(is("https://client.example/cb"), "client.example");
    assert_eq!(is("http://localhost:1234/cb"), "localhost:1234");
    assert_eq!(is("cursor://host/cb"), "cursor:");
    for uri in [
        "http://[::1]/",
        "https://localhost/",
        "https://127.0.0.9/",
        "https://a.localhost/",
    ] {
        let uri = registered(uri);
        assert!(
            matches!(uri.destination(), Destination::ThisComputer(_)),
            "{uri:?}"
        );
    }
}

//! Tests of remembered approvals.

use crate::{
    backend::gateway_of_tests,
    config::{BackendIdentity, BackendName, Gateway},
    limits,
    testing::{authorize, browsing::Browsing, client_id, header},
};

const CALLBACK: &str = "https://client.example/cb";

// A4
#[test]
fn approval_is_remembered_for_its_client_and_redirect_uri_in_its_browser_only() {
    let mut browsing = Browsing::new();
    browsing.approve(CALLBACK);
    let id = client_id(&browsing.server, &[CALLBACK]);
    let again = browsing.get(&authorize(&id, CALLBACK, &[]));
    assert_eq!(again.status(), 303);
    assert!(header(&again, "location").contains("prompt=select_account"));
    // A9: nobody is there to choose an account.
    let silent = browsing.get(&authorize(&id, CALLBACK, &[("prompt", "none")]));
    assert!(header(&silent, "location").starts_with("https://client.example/cb?error="));

    let other = "https://client.example/other";
    let both = client_id(&browsing.server, &[CALLBACK, other]);
    assert_eq!(browsing.get(&authorize(&both, CALLBACK, &[])).status(), 200);
    assert_eq!(browsing.get(&authorize(&both, other, &[])).status(), 200);
    let mut stranger = Browsing::new();
    assert_eq!(stranger.get(&authorize(&id, CALLBACK, &[])).status(), 200);
    // Q3: a clock that is set back does not make it last longer.
    let now = browsing.server.now.unix;
    browsing.server.now.unix.0 -= 24 * 3600;
    assert_eq!(browsing.get(&authorize(&id, CALLBACK, &[])).status(), 200);
    browsing.server.now.unix = now.after(limits::CONSENT_LIFETIME);
    assert_eq!(browsing.get(&authorize(&id, CALLBACK, &[])).status(), 200);
}

// A4
#[test]
fn forged_approvals_cookie_is_ignored() {
    let mut browsing = Browsing::new();
    browsing.approve(CALLBACK);
    let id = client_id(&browsing.server, &[CALLBACK]);
    for (name, value) in &mut browsing.cookies {
        if name.contains("approvals") {
            let (body, _) = value.split_once('.').unwrap();
            *value = format!("{body}.{}", "A".repeat(43));
        }
    }
    assert_eq!(browsing.get(&authorize(&id, CALLBACK, &[])).status(), 200);
}

// A11
#[test]
fn local_destination_is_never_remembered() {
    for uri in ["http://localhost:1234/cb", "cursor://host/cb"] {
        let mut browsing = Browsing::new();
        browsing.approve(uri);
        assert!(!browsing.has("approvals"), "{uri}");
        let id = client_id(&browsing.server, &[uri]);
        assert_eq!(browsing.get(&authorize(&id, uri, &[])).status(), 200);
    }
}

#[test]
fn approvals_over_sixteen_drop_the_oldest() {
    let mut browsing = Browsing::new();
    let uris: Vec<_> = (0..=limits::REMEMBERED_CONSENTS)
        .map(|i| format!("https://c{i}.example/cb"))
        .collect();
    for uri in &uris {
        browsing.approve(uri);
    }
    let statuses = uris.iter().map(|uri| {
        let id = client_id(&browsing.server, &[uri]);
        browsing.get(&authorize(&id, uri, &[])).status().as_u16()
    });
    let statuses: Vec<_> = statuses.collect();
    assert_eq!(statuses[0], 200);
    assert!(
        statuses[1..].iter().all(|status| *status == 303),
        "{statuses:?}"
    );
}

// R26, A4
#[test]
fn approval_at_one_endpoint_is_none_at_another() {
    let mut browsing = Browsing::new();
    let named = |name| Gateway {
        name: BackendName::parse(name),
        ..gateway_of_tests(BackendIdentity::ASSERTION)
    };
    browsing.server.server.config.backends = vec![named("orders"), named("docs")];
    browsing.server.name_endpoints();
    let issuer = browsing.server.server.config.public_url.issuer().to_owned();
    let [orders, docs, sse, main] =
        ["mcp/orders", "mcp/docs", "sse/orders", "mcp"].map(|path| format!("{issuer}/{path}"));
    browsing.resource = orders.clone();
    browsing.approve(CALLBACK);
    browsing.resource = docs.clone();
    let (page, _) = browsing.page("https://client.example/other");
    assert!(page.contains("docs (http://127.0.0.1:8000/mcp)"), "{page}");
    let id = client_id(&browsing.server, &[CALLBACK]);
    for (resource, status) in [(&orders, 303), (&sse, 303), (&docs, 200)] {
        let again = browsing.get(&authorize(&id, CALLBACK, &[("resource", resource)]));
        assert_eq!(again.status(), status, "{resource}");
    }
    // A client that names none, or two, is told to name one.
    let [none, both] = [
        vec![],
        vec![("resource", orders.as_str()), ("resource", docs.as_str())],
    ];
    for wrong in [none, both, vec![("resource", main.as_str())]] {
        let refused = browsing.get(&authorize(&id, CALLBACK, &wrong));
        let location = header(&refused, "location");
        assert!(location.contains("error=invalid_target"), "{location}");
    }
}

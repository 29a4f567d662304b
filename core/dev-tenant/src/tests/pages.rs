//! What all pages have in common, and signing out.

use super::*;

#[test]
fn every_page_is_labelled_and_has_strict_headers() {
    let mut world = World::new();
    let sign_in = world.authorize(&[]);
    let consent = world.choose(&sign_in, "carol");
    let page = world.authorize(&[("response_mode", "form_post"), ("prompt", "login")]);
    let form_post = world.choose(&page, "alice");
    let error = world.authorize(&[("client_id", "")]);
    let signed_out = world.get(&format!("/{TENANT_ID}/oauth2/v2.0/logout"));
    let home = world.get("/");
    for page in [sign_in, consent, form_post, error, signed_out, home] {
        let is = |name: &str| header_of(&page, name).to_owned();
        assert_eq!(is("x-frame-options"), "DENY");
        assert_eq!(is("x-content-type-options"), "nosniff");
        assert_eq!(is("cache-control"), "no-store");
        assert_eq!(is("referrer-policy"), "same-origin");
        let policy = is("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("form-action") && !policy.contains("unsafe"));
        let html = text(&page);
        assert!(html.contains("DEVELOPMENT TENANT"));
        assert!(!html.contains("<script") && !html.contains("style=\""));
    }
}

#[test]
fn style_sheet_supports_dark_mode_keyboard_and_phone() {
    let mut world = World::new();
    let page = text(&world.get("/"));
    assert!(page.contains("href=\"/dev-tenant.css\""));
    let sheet = world.get("/dev-tenant.css");
    assert_eq!(header_of(&sheet, "content-type"), "text/css; charset=utf-8");
    let sheet = text(&sheet);
    for part in [
        "prefers-color-scheme: dark",
        ":focus-visible",
        "max-width: 34rem",
    ] {
        assert!(sheet.contains(part), "{part}");
    }
}

#[test]
fn sign_in_page_lists_every_user_hinted_first() {
    let mut world = World::new();
    let page = text(&world.authorize(&[]));
    for user in &crate::USERS {
        let is_here = user.tenant == TENANT_ID;
        let is_listed = page.contains(user.username);
        assert_eq!(is_listed, is_here, "{}", user.username);
    }
    let place = |page: &str, name: &str| page.find(name).unwrap();
    assert!(place(&page, "value=\"alice@") < place(&page, "value=\"frank@"));
    let page = text(&world.authorize(&[("login_hint", "frank@contoso.example")]));
    assert!(place(&page, "value=\"frank@") < place(&page, "value=\"alice@"));
}

#[test]
fn request_values_are_escaped_on_pages() {
    let mut world = World::new();
    let evil = "\"><script>alert(1)</script>";
    for changes in [[("client_id", evil)], [("redirect_uri", evil)]] {
        let page = text(&world.authorize(&changes));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
    }
    let page = world.authorize(&[("state", evil)]);
    let page = text(&world.choose(&page, "dave"));
    assert!(!page.contains("<script"));
}

#[test]
fn choosing_another_account_restarts_the_request() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    let error = text(&world.choose(&page, "dave"));
    let (_, rest) = error.split_once("class=\"button\" href=\"").unwrap();
    let target = rest.split('"').next().unwrap().replace("&amp;", "&");
    let page = world.get(&target);
    let response = world.choose(&page, "alice");
    assert_eq!(parameter(&response, "state"), "a state");
}

#[test]
fn logout_ends_the_browser_session_and_redirects_to_registered_addresses() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    world.choose(&page, "alice");
    let path = format!("/{TENANT_ID}/oauth2/v2.0/logout");
    let to = |uri: &str| {
        format!(
            "{path}?{}",
            encode(&[("post_logout_redirect_uri", uri), ("state", "s")])
        )
    };
    let redirect = world.get(&to(CALLBACK));
    assert_eq!(parameter(&redirect, "state"), "s");
    let login = world.authorize(&[("prompt", "none")]);
    assert_eq!(parameter(&login, "error"), "login_required");
    let elsewhere = world.get(&to("https://evil.example/"));
    assert_eq!(elsewhere.status(), 200);
    assert!(text(&elsewhere).contains("You signed out"));
    let posted = world.post(&path, &[("post_logout_redirect_uri", CALLBACK)]);
    assert_eq!(header_of(&posted, "location"), CALLBACK);
}

#[test]
fn unknown_path_is_not_found() {
    let mut world = World::new();
    for path in [
        "/nothing",
        "/a/b/c",
        "//",
        "/common/oauth2/v2.0/devicecode",
        "/%2e%2e/x",
    ] {
        assert_eq!(world.get(path).status(), 404, "{path}");
    }
}

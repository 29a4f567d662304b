//! From the authorization request to the redirect redirect.

use super::*;

#[test]
fn sign_in_redirects_with_a_code() {
    let mut world = World::new();
    let page = world.authorize(&[("client_info", "1")]);
    assert_eq!(page.status(), 200);
    let response = world.choose(&page, "alice@contoso.example");
    let target = header_of(&response, "location");
    assert!(
        target.starts_with(&format!("{CALLBACK}?code=1.AWoA")),
        "{target}"
    );
    // "Breaking changes": an empty fragment ends every redirect.
    assert!(target.ends_with('#'), "{target}");
    assert_eq!(parameter(&response, "state"), "a state");
    assert_eq!(parameter(&response, "session_state").len(), 36);
    let info = URL_SAFE_NO_PAD
        .decode(parameter(&response, "client_info"))
        .unwrap();
    let info: Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["utid"], TENANT_ID);
    assert_eq!(parameter(&response, "iss"), "", "Entra has no RFC 9207");
}

#[test]
fn invalid_client_or_redirect_uri_is_an_error_page() {
    let mut world = World::new();
    for (changes, code) in [
        (&[("client_id", "")][..], "900144"),
        (
            &[("client_id", "99999999-0000-4000-8000-000000000001")],
            "700016",
        ),
        (
            &[("client_id", "00000000-0000-0000-0000-000000000000")],
            "700038",
        ),
        (&[("redirect_uri", "")], "900971"),
        (&[("redirect_uri", "http://localhost:3001/other")], "50011"),
        (
            &[("redirect_uri", "http://localhost:3001/auth/callback/")],
            "50011",
        ),
        (
            &[("redirect_uri", "http://localhost:3001/Auth/callback")],
            "50011",
        ),
        (
            &[("redirect_uri", "https://localhost:3001/auth/callback")],
            "50011",
        ),
        (
            &[("redirect_uri", "http://127.0.0.1:3001/auth/callback")],
            "50011",
        ),
        (
            &[(
                "redirect_uri",
                "http://localhost:1@evil.example/auth/callback",
            )],
            "50011",
        ),
    ] {
        let response = world.authorize(changes);
        assert_eq!(response.status(), 400, "{changes:?}");
        assert_eq!(header_of(&response, "location"), "");
        assert_eq!(
            header_of(&response, "content-type"),
            "text/html; charset=utf-8"
        );
        let text = text(&response);
        assert!(
            text.contains(&format!("AADSTS{code}<")),
            "{changes:?}: {text}"
        );
        assert!(text.contains("Correlation id"));
    }
}

#[test]
fn common_endpoint_rejects_a_single_tenant_application() {
    let mut world = World::new();
    let query = encode(&[("client_id", CLIENT_ID), ("redirect_uri", CALLBACK)]);
    for (tenant, code) in [("common", "50194"), ("nowhere.example", "90002")] {
        let response = world.get(&format!("/{tenant}/oauth2/v2.0/authorize?{query}"));
        assert_eq!(response.status(), 400);
        assert!(text(&response).contains(&format!("AADSTS{code}<")));
    }
}

#[test]
fn localhost_redirect_uri_matches_any_port() {
    let mut world = World::new();
    let page = world.authorize(&[("redirect_uri", "http://localhost:54321/auth/callback")]);
    let response = world.choose(&page, "alice");
    assert_eq!(location(&response).port(), Some(54321));
}

#[test]
fn redirect_uri_without_path_gets_a_slash() {
    let mut world = World::new();
    let page = world.authorize(&[("redirect_uri", "https://app.example")]);
    let response = world.choose(&page, "alice");
    assert!(header_of(&response, "location").starts_with("https://app.example/?code="));
}

// `resource` beside `scope` is AADSTS9010010
#[test]
fn invalid_parameters_redirect_with_an_error() {
    let mut world = World::new();
    for (changes, error, code) in [
        (&[("response_type", "")][..], "invalid_request", "900144"),
        (
            &[("response_type", "id_token")],
            "unsupported_response_type",
            "700054",
        ),
        (
            &[("response_mode", "web_message")],
            "invalid_request",
            "90023",
        ),
        (&[("scope", "")], "invalid_request", "900144"),
        (
            &[("scope", "openid Unknown.Read")],
            "invalid_client",
            "650053",
        ),
        (
            &[("scope", "api://other/read")],
            "invalid_resource",
            "500011",
        ),
        (
            &[("scope", "https://graph.microsoft.com/.default User.Read")],
            "invalid_scope",
            "70011",
        ),
        (&[("prompt", "maybe")], "invalid_request", "90023"),
        (&[("prompt", "none")], "login_required", "50058"),
        (&[("code_challenge", "short")], "invalid_request", "50147"),
        (
            &[("code_challenge_method", "S512")],
            "invalid_request",
            "501491",
        ),
        (
            &[("resource", "http://localhost:3001/mcp")],
            "invalid_target",
            "9010010",
        ),
    ] {
        let response = world.authorize(changes);
        assert_eq!(parameter(&response, "error"), error, "{changes:?}");
        let description = parameter(&response, "error_description");
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")),
            "{description}"
        );
        assert!(description.contains("\r\nTrace ID: "), "{description}");
        assert_eq!(parameter(&response, "state"), "a state");
        let target = header_of(&response, "location");
        assert!(target.ends_with('#') && target.contains(&format!("AADSTS{code}%3a+")));
    }
}

#[test]
fn repeated_parameter_is_an_error() {
    let mut world = World::new();
    let response = world.authorize(&[("state", "a"), ("state", "b")]);
    assert_eq!(response.status(), 400);
    assert!(text(&response).contains("AADSTS9000411<"));
    let response = world.authorize(&[("nonce", "a"), ("nonce", "b")]);
    assert!(parameter(&response, "error_description").starts_with("AADSTS9000411: "));
}

#[test]
fn unknown_parameters_are_ignored() {
    let mut world = World::new();
    let page = world.authorize(&[
        ("x-client-SKU", "msal.js.node"),
        ("clidata", "1"),
        (
            "claims",
            "{\"id_token\":{\"signin_state\":{\"essential\":false}}}",
        ),
        ("domain_hint", "organizations"),
    ]);
    assert_eq!(page.status(), 200);
}

#[test]
fn authorization_request_may_be_posted() {
    let mut world = World::new();
    let path = format!("/{TENANT_ID}/oauth2/v2.0/authorize");
    let page = world.post(
        &path,
        &[
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
        ],
    );
    let response = world.choose(&page, "bob");
    assert!(!parameter(&response, "code").is_empty());
    assert!(!header_of(&response, "location").contains("state=&"));
}

#[test]
fn consent_page_is_shown_and_can_be_declined() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    let consent = world.choose(&page, "carol");
    assert_eq!(consent.status(), 200);
    let page = text(&consent);
    assert!(page.contains("Permissions requested") && page.contains("User.Read"));
    let declined = world.decide(&consent, "cancel");
    assert_eq!(parameter(&declined, "error"), "access_denied");
    assert_eq!(parameter(&declined, "error_subcode"), "cancel");
    let description = parameter(&declined, "error_description");
    assert!(description.starts_with("AADSTS65004: "), "{description}");
    let accepted = world.decide(&consent, "accept");
    assert!(!parameter(&accepted, "code").is_empty());
    // From now on she is not asked any more.
    let page = world.authorize(&[("prompt", "select_account")]);
    assert!(!parameter(&world.choose(&page, "carol"), "code").is_empty());
}

#[test]
fn prompt_consent_shows_the_page_again() {
    let mut world = World::new();
    let page = world.authorize(&[("prompt", "consent")]);
    let consent = world.choose(&page, "alice");
    assert!(text(&consent).contains("Permissions requested"));
    assert!(!parameter(&world.decide(&consent, "accept"), "code").is_empty());
}

#[test]
fn additional_permissions_need_consent() {
    let mut world = World::new();
    let page = world.authorize(&[("scope", "openid User.Read Calendars.Read")]);
    let consent = text(&world.choose(&page, "alice"));
    assert!(consent.contains("Calendars.Read") && !consent.contains("User.Read"));
    let page = world.authorize(&[("scope", "openid User.Read.All"), ("prompt", "login")]);
    let admin = world.choose(&page, "alice");
    assert!(text(&admin).contains("AADSTS90094<"));
}

#[test]
fn user_who_may_not_sign_in_gets_an_error_page() {
    let mut world = World::new();
    for (username, code) in [
        ("dave", "50057"),
        ("erin", "53003"),
        ("nobody@contoso.example", "50034"),
    ] {
        let page = world.authorize(&[]);
        let response = world.choose(&page, username);
        assert_eq!(header_of(&response, "location"), "", "{username}");
        assert_eq!(header_of(&response, "set-cookie"), "", "{username}");
        let page = text(&response);
        assert!(page.contains(&format!("AADSTS{code}<")), "{page}");
        assert!(page.contains("Choose a different account"));
    }
    world.control(Control::Unassign {
        username: username("bob"),
    });
    let page = world.authorize(&[]);
    assert!(text(&world.choose(&page, "bob")).contains("AADSTS50105<"));
}

#[test]
fn cancelled_sign_in_redirects_with_access_denied() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    let (ctx, path) = (ctx(&page), format!("/{TENANT_ID}/login"));
    let response = world.post(&path, &[("ctx", &ctx), ("action", "cancel")]);
    assert_eq!(parameter(&response, "error"), "access_denied");
}

#[test]
fn browser_session_signs_in_silently_unless_select_account() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    world.choose(&page, "alice");
    assert!(!parameter(&world.authorize(&[]), "code").is_empty());
    assert!(!parameter(&world.authorize(&[("prompt", "none")]), "code").is_empty());
    for prompt in ["select_account", "login"] {
        assert_eq!(world.authorize(&[("prompt", prompt)]).status(), 200);
    }
    // A hint at somebody else.
    assert_eq!(
        world
            .authorize(&[("login_hint", "bob@contoso.example")])
            .status(),
        200
    );
    world.control(Control::Block {
        username: username("alice"),
    });
    let refused = world.authorize(&[("prompt", "none")]);
    assert_eq!(parameter(&refused, "error"), "interaction_required");
}

#[test]
fn prompt_none_without_consent_is_an_error() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    world.choose(&page, "alice");
    let response = world.authorize(&[("prompt", "none"), ("scope", "openid Files.Read")]);
    assert_eq!(parameter(&response, "error"), "consent_required");
}

#[test]
fn every_response_mode_carries_the_same_parameters() {
    let mut world = World::new();
    let page = world.authorize(&[("response_mode", "fragment")]);
    let response = world.choose(&page, "alice");
    let fragment = location(&response).fragment().unwrap().to_owned();
    assert!(fragment.starts_with("code=1.AWoA") && fragment.contains("state=a+state"));
    let page = world.authorize(&[("response_mode", "form_post"), ("prompt", "login")]);
    let response = world.choose(&page, "alice");
    assert_eq!(response.status(), 200);
    let form = text(&response);
    assert!(
        form.contains(&format!("method=\"post\" action=\"{CALLBACK}\"")),
        "{form}"
    );
    for field in ["code", "state", "session_state"] {
        assert!(form.contains(&format!("name=\"{field}\"")), "{form}");
    }
}

#[test]
fn forged_mixed_or_stale_forms_are_rejected() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    let login = format!("/{TENANT_ID}/login");
    let consent_path = format!("/{TENANT_ID}/consent");
    let made_up = world.post(&login, &[("ctx", "0.Qabc"), ("username", "alice")]);
    assert_eq!(made_up.status(), 400);
    let sealed = ctx(&page);
    let mixed = world.post(&consent_path, &[("ctx", &sealed), ("action", "accept")]);
    assert_eq!(mixed.status(), 400, "nobody signed in yet");
    let consent = world.choose(&page, "carol");
    let sealed = ctx(&consent);
    let mixed = world.post(&login, &[("ctx", &sealed), ("username", "alice")]);
    assert_eq!(mixed.status(), 400, "somebody signed in already");
    world.now += 3601;
    assert_eq!(world.choose(&page, "alice").status(), 400);
}

#[test]
fn cross_site_form_post_is_forbidden() {
    let mut world = World::new();
    let page = world.authorize(&[]);
    let body = encode(&[("ctx", &ctx(&page)), ("username", "alice")]);
    let request = Request::post(format!("/{TENANT_ID}/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    let response = world.ask(&request.body(body.into()).unwrap());
    assert_eq!(response.status(), 403);
}

//! The token endpoint.

use super::*;

#[test]
fn code_is_redeemed_with_exactly_the_members_of_entra() {
    let mut world = World::new();
    let code = world.code("alice");
    let response = world.redeem_with(&code, &[("client_info", "1")]);
    assert_eq!(header_of(&response, "cache-control"), "no-store, no-cache");
    assert_eq!(header_of(&response, "pragma"), "no-cache");
    assert_eq!(header_of(&response, "x-ms-request-id").len(), 36);
    let tokens = json(&response);
    let members: Vec<_> = tokens
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "access_token",
        "client_info",
        "expires_in",
        "ext_expires_in",
        "id_token",
        "refresh_token",
        "scope",
        "token_type",
    ];
    assert_eq!(members, expected);
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"]),
        (&"Bearer".into(), &3599.into())
    );
    // Nobody shall start to read Graph's tokens.
    assert!(!tokens["access_token"].as_str().unwrap().contains('.'));
}

// G2: the end-to-end suite searches what the servers say for these beginnings.
#[test]
fn issued_values_are_recognized_by_prefix() {
    let mut world = World::new();
    let code = world.code("alice");
    assert!(code.starts_with("1.AWoA"), "{code}");
    let tokens = json(&world.redeem(&code));
    for (name, beginning) in [
        ("access_token", "EwBoA8l6BAAU"),
        ("refresh_token", "1.AXEA"),
        ("id_token", "eyJhbGciOiJSUzI1NiIs"),
    ] {
        let token = tokens[name].as_str().unwrap();
        assert!(token.starts_with(beginning), "{name}: {token}");
    }
}

#[test]
fn id_token_is_signed_and_identifies_the_user() {
    let mut world = World::new();
    let tokens = world.tokens("alice");
    let id_token = tokens["id_token"].as_str().unwrap();
    let jwks = json(&world.get(&format!("/{TENANT_ID}/discovery/v2.0/keys")));
    assert!(is_signed_by(&jwks, id_token));
    assert_eq!(part(id_token, 0)["alg"], "RS256");
    let claims = claims(&tokens);
    let expected = [
        "aio",
        "aud",
        "email",
        "exp",
        "iat",
        "iss",
        "name",
        "nbf",
        "nonce",
        "oid",
        "preferred_username",
        "rh",
        "roles",
        "sid",
        "sub",
        "tid",
        "uti",
        "ver",
    ];
    let members: Vec<_> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, expected);
    assert_eq!(claims["aud"], CLIENT_ID);
    assert_eq!(claims["iss"], format!("{ORIGIN}/{TENANT_ID}/v2.0").as_str());
    assert_eq!(claims["nonce"], "a nonce");
    assert_eq!(claims["tid"], TENANT_ID);
    assert_eq!(claims["sub"].as_str().unwrap().len(), 43);
    assert_eq!(claims["exp"], world.now + 3600);
}

#[test]
fn nonce_is_absent_unless_sent_and_after_a_refresh() {
    let mut world = World::new();
    let code = world.code_with("alice", &[("nonce", "")]);
    let tokens = json(&world.redeem(&code));
    assert!(claims(&tokens).get("nonce").is_none());
    let tokens = world.tokens("alice");
    let refreshed = json(&world.refresh(tokens["refresh_token"].as_str().unwrap()));
    assert!(claims(&refreshed).get("nonce").is_none());
    assert_eq!(claims(&refreshed)["oid"], claims(&tokens)["oid"]);
}

#[test]
fn roles_and_groups_are_in_every_id_token() {
    let mut world = World::new();
    for (name, roles, groups) in [("alice", 1, 0), ("bob", 0, 1), ("grace", 0, 0)] {
        let tokens = world.tokens(name);
        let refreshed = json(&world.refresh(tokens["refresh_token"].as_str().unwrap()));
        for claims in [claims(&tokens), claims(&refreshed)] {
            let count = |name: &str| claims[name].as_array().map_or(0, Vec::len);
            assert_eq!((count("roles"), count("groups")), (roles, groups), "{name}");
        }
    }
}

#[test]
fn groups_and_roles_that_were_changed_are_in_the_next_id_token() {
    let mut world = World::new();
    let tokens = world.tokens("bob");
    for control in [
        Control::Groups {
            username: "bob".to_owned(),
            groups: Vec::new(),
        },
        Control::Roles {
            username: "bob".to_owned(),
            roles: vec!["Reports.Write".to_owned()],
        },
    ] {
        world.control(control);
    }
    let refreshed = json(&world.refresh(tokens["refresh_token"].as_str().unwrap()));
    assert_eq!(claims(&refreshed)["roles"][0], "Reports.Write");
    assert!(claims(&refreshed).get("groups").is_none());
}

// D7
#[test]
fn users_sharing_an_address_stay_distinct() {
    let mut world = World::new();
    let scope = &[("scope", "openid profile email")];
    let [alice, grace] = ["alice", "grace"].map(|name| {
        let code = world.code_with(name, scope);
        claims(&json(&world.redeem(&code)))
    });
    assert_eq!(alice["email"], grace["email"]);
    assert_ne!(alice["oid"], grace["oid"]);
    assert_ne!(alice["sub"], grace["sub"]);
}

#[test]
fn granted_scopes_keep_the_spelling_of_the_client() {
    let mut world = World::new();
    let graph = "https://graph.microsoft.com/";
    for (requested, granted) in [
        (
            "openid profile offline_access User.Read",
            "openid profile User.Read email Mail.Read",
        ),
        (
            SCOPE,
            "openid profile https://graph.microsoft.com/User.Read email \
                 https://graph.microsoft.com/Mail.Read",
        ),
        (
            "http://localhost:3002/User.Read openid",
            "http://localhost:3002/User.Read openid \
                 profile email http://localhost:3002/Mail.Read",
        ),
        ("openid profile", "openid profile email"),
    ] {
        let code = world.code_with("alice", &[("scope", requested)]);
        let tokens = json(&world.redeem(&code));
        let squeezed: Vec<_> = granted.split_ascii_whitespace().collect();
        assert_eq!(tokens["scope"], squeezed.join(" ").as_str(), "{requested}");
        assert_eq!(
            tokens.get("refresh_token").is_some(),
            requested.contains("offline_access")
        );
    }
    let code = world.code_with("alice", &[("scope", &format!("{graph}.default"))]);
    let tokens = json(&world.redeem(&code));
    assert!(
        tokens["scope"]
            .as_str()
            .unwrap()
            .contains(&format!("{graph}User.Read"))
    );
    assert!(tokens.get("id_token").is_none(), "openid was not asked for");
}

#[test]
fn code_is_valid_once_with_its_verifier_and_redirect_uri() {
    let mut world = World::new();
    let code = world.code("alice");
    let wrong = world.redeem_with(&code, &[("code_verifier", &"x".repeat(43))]);
    assert_eq!(error_of(&wrong), (400, "invalid_grant".to_owned(), 501_481));
    let wrong = world.redeem_with(&code, &[("code_verifier", "")]);
    assert_eq!(error_of(&wrong), (400, "invalid_grant".to_owned(), 501_481));
    let wrong = world.redeem_with(&code, &[("redirect_uri", "https://app.example")]);
    assert_eq!(
        error_of(&wrong),
        (400, "invalid_client".to_owned(), 500_112)
    );
    assert_eq!(world.redeem(&code).status(), 200);
    let again = world.redeem(&code);
    assert_eq!(error_of(&again), (400, "invalid_grant".to_owned(), 54_005));
    let code = world.code("alice");
    world.now += 601;
    let late = world.redeem(&code);
    assert_eq!(error_of(&late), (400, "invalid_grant".to_owned(), 70_008));
}

#[test]
fn pkce_defaults_to_plain_and_is_optional() {
    let mut world = World::new();
    let plain = [("code_challenge", VERIFIER), ("code_challenge_method", "")];
    let code = world.code_with("alice", &plain);
    assert_eq!(world.redeem(&code).status(), 200);
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = world.code_with("alice", &none);
    assert_eq!(
        world.redeem_with(&code, &[("code_verifier", "")]).status(),
        200
    );
}

#[test]
fn token_errors_come_in_the_order_and_words_of_entra() {
    let mut world = World::new();
    let refresh = ("grant_type", "refresh_token");
    let nonsense = ("refresh_token", "nonsense");
    let wrong_secret = ("client_secret", "wrong");
    for (form, expected) in [
        (&[][..], (400, "invalid_request", 900_144)),
        (
            &[("grant_type", "no_such_grant")],
            (400, "unsupported_grant_type", 70_003),
        ),
        (
            &[refresh, ("client_id", "")],
            (400, "invalid_request", 900_144),
        ),
        (
            &[
                refresh,
                ("client_id", "00000000-0000-0000-0000-000000000000"),
            ],
            (400, "unauthorized_client", 700_038),
        ),
        (
            &[refresh, ("client_id", "x")],
            (400, "unauthorized_client", 700_016),
        ),
        (&[refresh], (400, "invalid_request", 900_144)),
        // The form of the token is looked at before the secret.
        (
            &[refresh, nonsense, wrong_secret],
            (400, "invalid_grant", 9_002_313),
        ),
        (
            &[refresh, ("refresh_token", "1.AXEAabcd")],
            (400, "invalid_grant", 70_000),
        ),
        (
            &[refresh, ("refresh_token", "1.AXEAabcd"), wrong_secret],
            (401, "invalid_client", 7_000_215),
        ),
        (
            &[
                refresh,
                ("refresh_token", "1.AXEAabcd"),
                ("client_secret", ""),
            ],
            (401, "invalid_client", 7_000_218),
        ),
        (
            &[
                refresh,
                ("refresh_token", "1.AXEAabcd"),
                ("resource", "http://x/mcp"),
            ],
            (400, "invalid_target", 9_010_010),
        ),
        (&[refresh, refresh], (400, "invalid_request", 9_000_411)),
    ] {
        let response = world.token(form);
        let (status, error, code) = error_of(&response);
        assert_eq!((status, error.as_str(), code), expected, "{form:?}");
    }
}

#[test]
fn token_error_has_the_format_of_2026() {
    let mut world = World::new();
    let response = world.token(&[
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
        ("client_secret", "wrong"),
    ]);
    let body = json(&response);
    let description = body["error_description"].as_str().unwrap();
    let trailer = format!(
        " Trace ID: {} Correlation ID: {} Timestamp: {}",
        body["trace_id"].as_str().unwrap(),
        body["correlation_id"].as_str().unwrap(),
        body["timestamp"].as_str().unwrap()
    );
    assert!(description.starts_with("AADSTS7000215: ") && description.ends_with(&trailer));
    assert_eq!(
        body["error_uri"],
        format!("{ORIGIN}/error?code=7000215").as_str()
    );
    assert_eq!(
        header_of(&response, "x-ms-request-id"),
        body["trace_id"].as_str().unwrap()
    );
    let response = world.token(&[("grant_type", "no_such_grant")]);
    assert!(json(&response).get("error_uri").is_none());
}

#[test]
fn client_secret_basic_is_accepted() {
    let mut world = World::new();
    let code = world.code("alice");
    for (secret, status) in [(CLIENT_SECRET, 200), ("wrong", 401)] {
        let encode =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{CLIENT_ID}:{}", encode(secret));
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let body = super::encode(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ]);
        // MSAL for Node puts its correlation id into the query.
        let id = "3f5b2bd9-4d2a-4d0c-b6d5-6ad2d5f0a5d2";
        let path = format!("/{TENANT_ID}/oauth2/v2.0/token?client-request-id={id}");
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("return-client-request-id", "true")
            .header("authorization", format!("Basic {basic}"));
        let response = world.ask(&request.body(body.into()).unwrap());
        assert_eq!(response.status(), status);
        assert_eq!(header_of(&response, "client-request-id"), id);
    }
}

#[test]
fn browser_cannot_redeem_for_a_confidential_client() {
    let mut world = World::new();
    let code = world.code("alice");
    let body = encode(&[
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", &code),
    ]);
    let request = Request::post(format!("/{TENANT_ID}/oauth2/v2.0/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://localhost:6274");
    let response = world.ask(&request.body(body.into()).unwrap());
    assert_eq!(
        error_of(&response),
        (400, "invalid_request".to_owned(), 9_002_326)
    );
}

#[test]
fn token_endpoint_accepts_post_only() {
    let mut world = World::new();
    let response = world.get(&format!("/{TENANT_ID}/oauth2/v2.0/token"));
    assert_eq!(
        error_of(&response),
        (405, "invalid_request".to_owned(), 900_561)
    );
}

//! The stand-in for Graph.

use super::*;
use crate::GraphError;

fn access_token(world: &mut World, username: &str, changes: &Parameters<'_>) -> String {
    let code = world.code_with(username, changes);
    let tokens = json(&world.redeem(&code));
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Status and code of Graph's error.
fn refused(response: &Response<Bytes>) -> (u16, String) {
    let body = json(response);
    let inner = &body["error"]["innerError"];
    assert_eq!(inner["request-id"], header_of(response, "request-id"));
    assert!(!inner["date"].as_str().unwrap().ends_with('Z'));
    let code = body["error"]["code"].as_str().unwrap().to_owned();
    (response.status().as_u16(), code)
}

#[test]
fn me_has_eleven_properties_unless_selected() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[]);
    let me = json(&world.me("/v1.0/me", &token));
    assert_eq!(me.as_object().unwrap().len(), 12);
    assert_eq!(me["displayName"], "Alice Adams");
    let context = format!("{ORIGIN}/v1.0/$metadata#users/$entity");
    assert_eq!(me["@odata.context"], context.as_str());
    let some = json(&world.me("/v1.0/me?$select=displayName,mail,id", &token));
    assert_eq!(some.as_object().unwrap().len(), 4);
    let context = format!("{ORIGIN}/v1.0/$metadata#users(displayName,mail,id)/$entity");
    assert_eq!(some["@odata.context"], context.as_str());
    let unknown = world.me("/v1.0/me?$select=shoeSize", &token);
    assert_eq!(refused(&unknown), (400, "BadRequest".to_owned()));
}

#[test]
fn missing_mailbox_is_null() {
    let mut world = World::new();
    let token = access_token(&mut world, "bob", &[]);
    let me = json(&world.me("/v1.0/me?%24select=mail,businessPhones", &token));
    assert!(me.as_object().unwrap().contains_key("mail") && me["mail"].is_null());
    assert_eq!(me["businessPhones"], serde_json::json!([]));
}

#[test]
fn invalid_token_gets_the_error_of_graph() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[]);
    let tokens = world.tokens("alice");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let invalid = (401, "InvalidAuthenticationToken".to_owned());
    for bad in ["", "junk", "a.b.c", refresh_token] {
        let response = world.me("/v1.0/me", bad);
        assert_eq!(refused(&response), invalid, "{bad}");
        let challenge = header_of(&response, "www-authenticate");
        assert!(challenge.starts_with("Bearer realm=\"\", authorization_uri="));
    }
    world.now += 3599;
    let late = world.me("/v1.0/me", &token);
    assert_eq!(refused(&late), invalid);
    assert!(text(&late).contains("the token is expired"));
}

#[test]
fn openid_only_token_is_accepted_by_userinfo_only() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[("scope", "openid profile")]);
    let me = world.me("/v1.0/me", &token);
    assert_eq!(
        refused(&me),
        (403, "Authorization_RequestDenied".to_owned())
    );
    let info = json(&world.me("/oidc/userinfo", &token));
    assert_eq!(info["name"], "Alice Adams");
    let tokens = world.tokens("alice");
    assert_eq!(info["sub"], claims(&tokens)["sub"]);
}

#[test]
fn application_token_has_no_me() {
    let mut world = World::new();
    let tokens = json(&world.token(&[
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ]));
    let response = world.me("/v1.0/me", tokens["access_token"].as_str().unwrap());
    assert_eq!(refused(&response), (400, "BadRequest".to_owned()));
}

#[test]
fn unknown_graph_path_or_method_is_an_error() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[]);
    let response = world.me("/v1.0/me/shoes", &token);
    assert_eq!(refused(&response), (400, "BadRequest".to_owned()));
    let request = Request::delete("/v1.0/me").header("authorization", format!("Bearer {token}"));
    let response = world.ask(&request.body(Bytes::new()).unwrap());
    assert_eq!(response.status(), 405);
}

#[test]
fn revoked_user_gets_a_claims_challenge_if_declared() {
    let mut world = World::new();
    let cp1 = [(
        "claims",
        "{\"access_token\":{\"xms_cc\":{\"values\":[\"CP1\"]}}}",
    )];
    let code = world.code_with("alice", &cp1);
    let tokens = json(&world.redeem(&code));
    assert_eq!(tokens["expires_in"], 86_399);
    let able = tokens["access_token"].as_str().unwrap();
    let unable = access_token(&mut world, "alice", &[]);
    world.control(Control::Revoke {
        username: username("alice"),
    });
    assert_eq!(
        world.me("/v1.0/me", &unable).status(),
        200,
        "until it expires"
    );
    let response = world.me("/v1.0/me", able);
    assert_eq!(response.status(), 401);
    let challenge = header_of(&response, "www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_claims\", claims=\"ey"),
        "{challenge}"
    );
}

#[test]
fn configured_error_is_answered_next() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[]);
    world.control(Control::GraphError(GraphError {
        status: 429,
        retry_after: Some(7),
        ..GraphError::default()
    }));
    let response = world.me("/v1.0/me", &token);
    assert_eq!(refused(&response), (429, "TooManyRequests".to_owned()));
    assert_eq!(header_of(&response, "retry-after"), "7");
    world.control(Control::GraphError(GraphError {
        status: 401,
        claims: Some("{\"access_token\":{}}".to_owned()),
        ..GraphError::default()
    }));
    let response = world.me("/v1.0/me", &token);
    assert!(header_of(&response, "www-authenticate").contains("claims=\""));
    assert_eq!(world.me("/v1.0/me", &token).status(), 200);
}

#[test]
fn groups_that_no_token_names_are_given_by_graph() {
    let mut world = World::new();
    let code = world.code_with("heidi", &[]);
    let tokens = json(&world.redeem(&code));
    let claims = part(tokens["id_token"].as_str().unwrap(), 1);
    assert!(claims.get("groups").is_none());
    assert_eq!(claims["_claim_names"]["groups"], "src1");
    assert!(claims["_claim_sources"]["src1"]["endpoint"].is_string());
    let mut ask = |body: &str, token: &str| {
        let request = Request::post("/v1.0/me/getMemberObjects")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        world.ask(
            &request
                .body(Bytes::copy_from_slice(body.as_bytes()))
                .unwrap(),
        )
    };
    let token = tokens["access_token"].as_str().unwrap();
    let groups = json(&ask(r#"{"securityEnabledOnly": true}"#, token));
    assert_eq!(groups["value"].as_array().unwrap().len(), 251);
    assert_eq!(ask("{}", token).status(), 400);
    assert_eq!(
        ask(r#"{"securityEnabledOnly": true}"#, "junk").status(),
        401
    );
}

#[test]
fn claims_challenge_is_written_as_it_was_seen() {
    let mut world = World::new();
    let token = access_token(&mut world, "alice", &[]);
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    for (header, count, part) in [
        (
            "documented",
            1,
            "error=\"insufficient_claims\", claims=\"eyJ",
        ),
        ("base64url", 1, "claims=\"eyJ"),
        ("first", 1, "Bearer error="),
        ("second", 2, "client_id=\"00000003-"),
        ("invalid_token", 1, "error=\"invalid_token\""),
        ("plain", 1, "claims=\"{\\\"access_token"),
    ] {
        let fault = serde_json::json!({"action": "graph_error", "status": 401, "claims": claims,
            "header": header});
        world.control(serde_json::from_value(fault).unwrap());
        let refused = world.me("/v1.0/me", &token);
        let headers = refused.headers().get_all("www-authenticate");
        let headers: Vec<_> = headers
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(headers.len(), count, "{headers:?}");
        assert!(headers[count - 1].contains(part), "{headers:?}");
    }
}

//! Setting the tenant, and what it reports of itself.

use super::*;

fn post_json(world: &mut World, body: &str) -> Response<Bytes> {
    let request = Request::post("/control").header("content-type", "application/json");
    world.ask(
        &request
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap(),
    )
}

fn kids(world: &mut World) -> Vec<String> {
    let jwks = json(&world.get("/common/discovery/v2.0/keys"));
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

fn kid_in_use(world: &mut World) -> String {
    let tokens = world.tokens("alice");
    let header = part(tokens["id_token"].as_str().unwrap(), 0);
    header["kid"].as_str().unwrap().to_owned()
}

#[test]
fn every_control_can_be_sent_as_json() {
    let mut world = World::new();
    for body in [
        r#"{"action": "token_error", "code": 50173}"#,
        r#"{"action": "graph_error", "status": 503, "retry_after": 3}"#,
        r#"{"action": "id_token_fault", "fault": "unknown_key"}"#,
        r#"{"action": "latency", "milliseconds": 0}"#,
        r#"{"action": "rotate_keys", "is_emergency": true, "late_seconds": 5}"#,
        r#"{"action": "revoke", "username": "alice"}"#,
        r#"[{"action": "disable", "username": "alice"}, {"action": "enable", "username": "dave"}]"#,
        r#"{"action": "block", "username": "bob"}"#,
        r#"{"action": "unassign", "username": "bob"}"#,
        r#"{"action": "second_factor", "username": "bob", "is_needed": true}"#,
        r#"{"action": "clear_consent", "username": "bob"}"#,
        r#"{"action": "groups", "username": "bob", "groups": []}"#,
        r#"{"action": "roles", "username": "bob", "roles": ["Reports.Read"]}"#,
        r#"{"action": "clock_offset", "seconds": -300}"#,
        r#"{"action": "resource_policy", "policy": "reject-901002"}"#,
        r#"{"action": "secret_expired", "is_expired": true}"#,
        r#"{"action": "expires_in", "seconds": 60}"#,
        r#"{"action": "revoke_on_replay", "is_enabled": true}"#,
        r#"{"action": "refuse_reused_assertions", "is_enabled": true}"#,
        r#"{"action": "federated_credential", "subject": "repo:contoso/mcp:ref:refs/heads/main", "delay_seconds": 2}"#,
    ] {
        let response = post_json(&mut world, body);
        assert_eq!(response.status(), 200, "{body}: {}", text(&response));
    }
    let state = json(&world.get("/control"));
    assert_eq!(state["users"][0]["status"], "disabled");
    assert_eq!(state["users"][1]["consented"], serde_json::json!([]));
    assert_eq!(state["pending"]["token_error"], 1);
    assert_eq!(state["clock_offset"], -300);
    let reset = json(&post_json(&mut world, r#"{"action": "reset"}"#));
    assert_eq!(reset["users"][0]["status"], "active");
    assert_eq!(reset["users"][3]["status"], "disabled");
}

// `curl -d` says that it sends a form.
#[test]
fn control_is_json_whatever_its_type_says() {
    let mut world = World::new();
    let body = r#"{"action": "disable", "username": "alice"}"#;
    let request = Request::post("/control")
        .header("host", "localhost:3002")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body));
    let response = world.ask(&request.unwrap());
    assert_eq!(response.status(), 200, "{}", text(&response));
}

#[test]
fn unreadable_control_is_rejected() {
    let mut world = World::new();
    for body in [
        "",
        "{}",
        "[1]",
        r#"{"action": "explode"}"#,
        r#"{"action": "disable", "username": "nobody"}"#,
        r#"{"action": "token_error", "colour": "red"}"#,
    ] {
        assert_eq!(post_json(&mut world, body).status(), 400, "{body}");
    }
}

#[test]
fn every_button_of_the_home_page_works() {
    let mut world = World::new();
    let page = text(&world.get("/"));
    for form in page.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap();
        let named = |tag: &str| {
            let attribute = |name: &str| {
                let (_, rest) = tag.split_once(&format!("{name}=\""))?;
                Some(rest.split('"').next().unwrap().to_owned())
            };
            Some((attribute("name")?, attribute("value")?))
        };
        let hidden: Vec<_> = form.split("<input").skip(1).filter_map(named).collect();
        for button in form.split("<button").skip(1).filter_map(named) {
            let mut fields = hidden.clone();
            fields.push(button);
            let fields: Vec<_> = fields
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            let response = world.post("/control", &fields);
            assert_eq!(response.status(), 303, "{fields:?}: {}", text(&response));
        }
    }
}

// H: no page of another site may press our buttons
#[test]
fn cross_site_control_is_forbidden() {
    let mut world = World::new();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "http://localhost:3001"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = Request::post("/control").header(name, value);
        let body = r#"{"action": "disable", "username": "alice"}"#;
        let response = world.ask(&request.body(body.into()).unwrap());
        assert_eq!(response.status(), 403, "{name}: {value}");
    }
    let state = json(&world.get("/control"));
    assert_eq!(state["users"][0]["status"], "active");
}

#[test]
fn next_key_is_published_before_it_signs() {
    let mut world = World::new();
    let before = kids(&mut world);
    assert_eq!(kid_in_use(&mut world), before[0]);
    world.control(Control::RotateKeys {
        is_emergency: false,
        late_seconds: 0,
    });
    assert_eq!(kid_in_use(&mut world), before[1]);
    assert_eq!(kids(&mut world)[0], before[1]);
}

#[test]
fn emergency_rotation_signs_with_an_unpublished_key() {
    let mut world = World::new();
    let before = kids(&mut world);
    world.control(Control::RotateKeys {
        is_emergency: true,
        late_seconds: 30,
    });
    let kid = kid_in_use(&mut world);
    assert!(!before.contains(&kid));
    assert_eq!(kids(&mut world), before);
    world.now += 30;
    assert_eq!(kids(&mut world)[0], kid);
    let tokens = world.tokens("alice");
    let jwks = json(&world.get("/common/discovery/v2.0/keys"));
    assert!(is_signed_by(&jwks, tokens["id_token"].as_str().unwrap()));
}

#[test]
fn latency_delays_responses() {
    let mut world = World::new();
    world.control(Control::Latency {
        milliseconds: 1500,
        path: "keys".to_owned(),
    });
    let ask = |world: &mut World, path: &str| {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        world.reply(&request)
    };
    let Reply::Later(by, reply) = ask(&mut world, "/common/discovery/v2.0/keys") else {
        panic!("it comes at once");
    };
    assert_eq!(by.as_millis(), 1500);
    assert!(matches!(*reply, Reply::Respond(_)));
    assert!(matches!(ask(&mut world, "/"), Reply::Respond(_)));
}

#[test]
fn clock_offset_shifts_issued_times() {
    let mut world = World::new();
    world.control(Control::ClockOffset { seconds: 7200 });
    let ahead = claims(&world.tokens("alice"));
    assert_eq!(ahead["exp"], world.now + 7200 + 3600);
}

#[test]
fn replay_revokes_sessions_when_enabled() {
    let mut world = World::new();
    world.control(Control::RevokeOnReplay { is_enabled: true });
    let tokens = world.tokens("alice");
    let first = tokens["refresh_token"].as_str().unwrap();
    let next = json(&world.refresh(first));
    assert_eq!(world.refresh(first).status(), 400);
    let next = world.refresh(next["refresh_token"].as_str().unwrap());
    assert_eq!(error_of(&next).2, 50_173);
}

#[test]
fn recorded_requests_are_bounded_and_without_secrets() {
    let mut world = World::new();
    let code = world.code("alice");
    world.redeem(&code);
    let requests = world.tenant.requests();
    let token = requests.last().unwrap();
    assert!(token.path.ends_with("/token"));
    assert_eq!(token.parameter("grant_type"), Some("authorization_code"));
    assert_eq!(token.parameter("client_secret"), Some("(secret)"));
    assert_eq!(token.parameter("code"), Some("(secret)"));
    assert_eq!(token.parameter("resource"), None);
    let log = text(&world.get("/control/requests"));
    assert!(!log.contains(CLIENT_SECRET) && !log.contains(&code));
    for _ in 0..100 {
        world.get("/");
    }
    assert_eq!(world.tenant.requests().len(), 64);
}

// O3: a sign-out names an ID token, and a client may put its token where it does not belong.
#[test]
fn recorded_requests_hold_no_token_in_any_parameter() {
    let mut world = World::new();
    for name in ["access_token", "id_token", "id_token_hint", "refresh_token"] {
        world.get(&format!(
            "/common/oauth2/v2.0/logout?{name}=eyJ0eXAi.a.token"
        ));
        let requests = world.tenant.requests();
        let last = requests.last().unwrap();
        assert_eq!(last.parameter(name), Some("(secret)"), "{name}");
    }
    assert!(!text(&world.get("/control/requests")).contains("eyJ0eXAi"));
}

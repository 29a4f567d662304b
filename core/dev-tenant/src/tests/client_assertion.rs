//! Client assertions instead of the secret.

use super::*;
use crate::{FederatedCredential, IDENTITY_HEADER, MANAGED_IDENTITY_CLIENT_ID};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const JWT_HEADER: &str = r#"{"alg":"PS256","typ":"JWT","x5t#S256":"THUMBPRINT"}"#;

/// An assertion signed with the key in `keys/client.pem`.
#[expect(
    clippy::disallowed_types,
    reason = "RSASSA-PSS is salted, and nothing depends on the salt"
)]
fn signed_assertion(claims: &Value) -> String {
    use base64::engine::general_purpose::STANDARD;
    let section = |begin: &str, end: &str| {
        let pem = include_str!("../../keys/client.pem");
        let (_, rest) = pem.split_once(begin).unwrap();
        let (text, _) = rest.split_once(end).unwrap();
        STANDARD.decode(text.replace('\n', "")).unwrap()
    };
    let key = section("BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY");
    let certificate = section("BEGIN CERTIFICATE-----", "-----END CERTIFICATE");
    let thumbprint = ring::digest::digest(&ring::digest::SHA256, &certificate);
    let header = JWT_HEADER.replace("THUMBPRINT", &URL_SAFE_NO_PAD.encode(thumbprint));
    let claims = claims.to_string();
    let message = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let key = RsaKeyPair::from_pkcs8(&key).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(
        &ring::signature::RSA_PSS_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn registered() -> World {
    let mut world = World::new();
    let pem = include_str!("../../keys/client.pem");
    let (_, certificate) = pem.split_once("-----END PRIVATE KEY-----").unwrap();
    let certificate = certificate.trim().to_owned();
    world.control(Control::RegisterCertificate { certificate });
    world
}

/// Refreshes with an assertion instead of the secret; the error's number, or 0.
fn refresh_with_assertion(world: &mut World, assertion: &str) -> u64 {
    let refresh_token = world.tokens("alice")["refresh_token"].clone();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str().unwrap()),
        ("client_id", CLIENT_ID),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    let response = world.post(&format!("/{TENANT_ID}/oauth2/v2.0/token"), &form);
    if response.status() == 200 {
        return 0;
    }
    json(&response)["error_codes"][0].as_u64().unwrap()
}

#[test]
fn assertion_of_a_registered_certificate_replaces_the_secret_and_a_wrong_one_does_not() {
    let mut world = registered();
    let now = world.now;
    let endpoint = |tenant: &str| format!("{ORIGIN}/{tenant}/oauth2/v2.0/token");
    let good = serde_json::json!({
        "aud": endpoint(TENANT_ID), "iss": CLIENT_ID, "sub": CLIENT_ID, "jti": "1",
        "nbf": now, "exp": now + 600,
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed_assertion(&claims)
    };
    let cases = [
        (signed_assertion(&good), 0),
        (with("exp", serde_json::json!(now as f64 + 600.5)), 0),
        (with("aud", endpoint("contoso.example").into()), 0),
        (
            with("aud", "https://login.evil.example/token".into()),
            700_021,
        ),
        (with("iss", "another".into()), 50_048),
        (with("sub", "another".into()), 50_048),
        (with("exp", (now - 301).into()), 700_024),
        (with("nbf", (now + 301).into()), 700_024),
        ("nonsense".to_owned(), 50_027),
    ];
    for (assertion, number) in cases {
        assert_eq!(
            refresh_with_assertion(&mut world, &assertion),
            number,
            "{assertion}"
        );
    }
    let mut forged = signed_assertion(&good);
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    assert_eq!(refresh_with_assertion(&mut world, &forged), 700_027);
    let mut stranger = World::new();
    assert_eq!(
        refresh_with_assertion(&mut stranger, &signed_assertion(&good)),
        700_027
    );
}

#[test]
fn hosts_of_the_managed_identity_give_its_token_to_who_asks_as_they_want_it() {
    let mut world = World::new();
    let resource = "resource=api%3A%2F%2FAzureADTokenExchange";
    let metadata = "/metadata/identity/oauth2/token";
    let app_service = "/msi/token";
    let (flag, header) = (("metadata", "true"), ("x-identity-header", IDENTITY_HEADER));
    let own = format!("{resource}&client_id={MANAGED_IDENTITY_CLIENT_ID}");
    let other = format!("{resource}&client_id=11111111-2222-3333-4444-555555555555");
    for (path, query, header, status) in [
        (metadata, resource, Some(flag), 200),
        (metadata, own.as_str(), Some(flag), 200),
        (metadata, other.as_str(), Some(flag), 400),
        (
            metadata,
            "resource=https%3A%2F%2Fgraph.microsoft.com",
            Some(flag),
            400,
        ),
        (metadata, resource, None, 400),
        (app_service, own.as_str(), Some(header), 200),
        (
            app_service,
            own.as_str(),
            Some(("x-identity-header", "another")),
            401,
        ),
        (app_service, resource, None, 401),
        (app_service, other.as_str(), Some(header), 400),
    ] {
        let mut request =
            Request::get(format!("{ORIGIN}{path}?{query}")).header("host", "localhost:3002");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let response = world.ask(&request.body(Bytes::new()).unwrap());
        assert_eq!(response.status(), status, "{path} {query} {header:?}");
        if status != 200 {
            continue;
        }
        let body = json(&response);
        // App Service does not say how long it lasts, only until when.
        assert_eq!(body.get("expires_in").is_some(), path == metadata);
        assert!(body["expires_on"].is_string());
        let assertion = body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(refresh_with_assertion(&mut world, &assertion), 0);
    }
}

#[test]
fn agent_of_azure_arc_wants_to_see_what_its_file_holds() {
    let mut world = World::new();
    let ask = |world: &mut World, key: Option<&str>| {
        let query = "resource=api%3A%2F%2FAzureADTokenExchange";
        let path = format!("/arc/metadata/identity/oauth2/token?{query}");
        let mut request = Request::get(path).header("metadata", "true");
        if let Some(key) = key {
            request = request.header("authorization", format!("Basic {key}"));
        }
        world.ask(&request.body(Bytes::new()).unwrap())
    };
    for key in [None, Some("another")] {
        let refused = ask(&mut world, key);
        assert_eq!(refused.status(), 401);
        let realm = format!("Basic realm={}", crate::ARC_KEY_FILE);
        assert_eq!(header_of(&refused, "www-authenticate"), realm);
    }
    let answer = json(&ask(&mut world, Some(crate::ARC_KEY)));
    let assertion = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh_with_assertion(&mut world, &assertion), 0);
}

#[test]
fn token_of_a_person_at_cloud_shell_is_no_assertion_of_an_application() {
    let mut world = World::new();
    let form = "resource=api%3A%2F%2FAzureADTokenExchange";
    let request = Request::post("/cloud-shell/oauth2/token")
        .header("metadata", "true")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = json(&world.ask(&request.body(form.into()).unwrap()));
    let assertion = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh_with_assertion(&mut world, &assertion), 700_229);
}

#[test]
fn machine_that_cannot_answer_at_the_moment_answers_then() {
    let mut world = World::new();
    for (status, times) in [(410, 2), (429, 1)] {
        world.control(Control::IdentityError(crate::IdentityError {
            status,
            times,
        }));
    }
    let path = "/metadata/identity/oauth2/token?resource=api%3A%2F%2FAzureADTokenExchange";
    let statuses = [0; 4].map(|_| {
        let request = Request::get(path).header("metadata", "true");
        let response = world.ask(&request.body(Bytes::new()).unwrap());
        response.status().as_u16()
    });
    assert_eq!(statuses, [410, 410, 429, 200]);
}

/// Refreshes with a token of the issuer besides the tenant.
fn refresh_as_job(world: &mut World, query: &str) -> u64 {
    let response = world.get(&format!("/federation/token?{query}"));
    assert_eq!(response.status(), 200, "{}", text(&response));
    let token = json(&response)["value"].as_str().unwrap().to_owned();
    refresh_with_assertion(world, &token)
}

#[test]
fn token_of_another_issuer_is_taken_for_its_subject_once_entra_knows_of_it() {
    let mut world = World::new();
    let job = "subject=repo:contoso/mcp:environment:prod";
    assert_eq!(refresh_as_job(&mut world, job), 700_211);
    world.control(Control::FederatedCredential(FederatedCredential {
        issuer: None,
        subject: "repo:contoso/mcp:environment:prod".to_owned(),
        audience: None,
        delay_seconds: 10,
    }));
    assert_eq!(refresh_as_job(&mut world, job), 70_021);
    world.now += 10;
    assert_eq!(refresh_as_job(&mut world, job), 0);
    for (query, number) in [
        ("subject=repo:contoso/mcp:environment:Prod", 700_213),
        (
            "subject=repo:contoso/mcp:environment:prod&audience=api://other",
            700_212,
        ),
    ] {
        assert_eq!(refresh_as_job(&mut world, query), number, "{query}");
    }
    let metadata = json(&world.get("/federation/.well-known/openid-configuration"));
    let keys = metadata["jwks_uri"].as_str().unwrap().to_owned();
    let keys = json(&world.get(keys.strip_prefix(ORIGIN).unwrap()));
    let own = json(&world.get(&format!("/{TENANT_ID}/discovery/v2.0/keys")));
    assert_ne!(keys["keys"][0]["kid"], own["keys"][0]["kid"]);
    assert_ne!(metadata["issuer"], format!("{ORIGIN}/{TENANT_ID}/v2.0"));
    // Another issuer does not speak for the managed identity, and no key of Entra's for it.
    let subject = format!("subject={}", crate::MANAGED_IDENTITY_ID);
    assert_eq!(refresh_as_job(&mut world, &subject), 700_213);
}

#[test]
fn assertion_is_refused_a_second_time_where_that_is_asked_for() {
    let mut world = registered();
    let now = world.now;
    let with = |id: &str| {
        signed_assertion(&serde_json::json!({
            "aud": format!("{ORIGIN}/{TENANT_ID}/oauth2/v2.0/token"), "iss": CLIENT_ID,
            "sub": CLIENT_ID, "jti": id, "nbf": now, "exp": now + 600,
        }))
    };
    for _ in 0..2 {
        assert_eq!(refresh_with_assertion(&mut world, &with("1")), 0);
    }
    world.control(Control::RefuseReusedAssertions { is_enabled: true });
    for (id, number) in [("2", 0), ("2", 50_027), ("3", 0)] {
        assert_eq!(
            refresh_with_assertion(&mut world, &with(id)),
            number,
            "{id}"
        );
    }
}

#[test]
fn assertion_of_another_algorithm_or_without_a_thumbprint_is_refused() {
    let mut world = registered();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let of = |header: &str| {
        let claims = format!(r#"{{"aud":"a","iss":"{CLIENT_ID}","sub":"{CLIENT_ID}","exp":1}}"#);
        format!("{}.{}.{}", part(header), part(&claims), part("s"))
    };
    for (header, number) in [
        (r#"{"alg":"none","x5t":"AAAA"}"#, 50_027),
        (r#"{"alg":"HS256","x5t":"AAAA"}"#, 50_027),
        (r#"{"alg":"PS256"}"#, 5_002_723),
        (r#"{"alg":"PS256","x5t":"AAAA"}"#, 700_027),
    ] {
        assert_eq!(refresh_with_assertion(&mut world, &of(header)), number);
    }
}

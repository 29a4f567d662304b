//! Metadata, instance discovery and the key set.

use super::*;

const MEMBERS: [&str; 23] = [
    "authorization_endpoint",
    "claims_supported",
    "cloud_graph_host_name",
    "cloud_instance_name",
    "device_authorization_endpoint",
    "end_session_endpoint",
    "frontchannel_logout_supported",
    "http_logout_supported",
    "id_token_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "msgraph_host",
    "rbac_url",
    "request_uri_parameter_supported",
    "response_modes_supported",
    "response_types_supported",
    "scopes_supported",
    "subject_types_supported",
    "tenant_region_scope",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "userinfo_endpoint",
    "http_logout_supported",
];

fn metadata(world: &mut World, tenant: &str) -> Value {
    let response = world.get(&format!("/{tenant}/v2.0/.well-known/openid-configuration"));
    assert_eq!(response.status(), 200);
    json(&response)
}

#[test]
fn metadata_has_exactly_the_members_of_entra_that_are_served() {
    let document = metadata(&mut World::new(), TENANT_ID);
    let members: Vec<_> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = MEMBERS.to_vec();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(members, expected);
}

#[test]
fn issuer_names_the_tenant_id_for_every_alias() {
    let mut world = World::new();
    let of = |id: &str| format!("{ORIGIN}/{id}/v2.0");
    let expected = [
        (TENANT_ID, of(TENANT_ID), TENANT_ID),
        ("contoso.example", of(TENANT_ID), TENANT_ID),
        ("common", of("{tenantid}"), "common"),
        ("organizations", of("{tenantid}"), "organizations"),
        (
            "consumers",
            of("9188040d-6c67-4c5b-b112-36a304b66dad"),
            "consumers",
        ),
    ];
    for (tenant, issuer, segment) in expected {
        let document = metadata(&mut world, tenant);
        assert_eq!(document["issuer"], issuer.as_str());
        let token = format!("{ORIGIN}/{segment}/oauth2/v2.0/token");
        assert_eq!(document["token_endpoint"], token.as_str());
    }
}

#[test]
fn unknown_tenant_is_an_error() {
    let mut world = World::new();
    for path in [
        "v2.0/.well-known/openid-configuration",
        "discovery/v2.0/keys",
    ] {
        let response = world.get(&format!("/nowhere.example/{path}"));
        assert_eq!(
            error_of(&response),
            (400, "invalid_tenant".to_owned(), 90_002)
        );
    }
}

#[test]
fn metadata_is_cacheable_and_readable_across_origins() {
    let mut world = World::new();
    for path in [
        "v2.0/.well-known/openid-configuration",
        "discovery/v2.0/keys",
    ] {
        let response = world.get(&format!("/common/{path}"));
        assert_eq!(
            header_of(&response, "cache-control"),
            "max-age=86400, private"
        );
        assert_eq!(header_of(&response, "access-control-allow-origin"), "*");
        assert_eq!(header_of(&response, "x-ms-request-id").len(), 36);
    }
}

#[test]
fn key_set_has_current_and_next_key() {
    let mut world = World::new();
    for (tenant, issuer) in [(TENANT_ID, TENANT_ID), ("common", "{tenantid}")] {
        let jwks = json(&world.get(&format!("/{tenant}/discovery/v2.0/keys")));
        let keys = jwks["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0]["kid"], keys[1]["kid"]);
        for key in keys {
            assert_eq!(key["kid"], key["x5t"]);
            assert_eq!(key["kid"].as_str().unwrap().len(), 27);
            assert_eq!((&key["kty"], &key["use"]), (&"RSA".into(), &"sig".into()));
            assert_eq!(key["e"], "AQAB");
            assert_eq!(key["issuer"], format!("{ORIGIN}/{issuer}/v2.0").as_str());
            assert!(key.get("alg").is_none());
        }
    }
}

#[test]
fn instance_discovery_accepts_this_authority_only() {
    let mut world = World::new();
    let ask = |world: &mut World, version: &str, authority: &str| {
        let query = encode(&[
            ("api-version", version),
            ("authorization_endpoint", authority),
        ]);
        world.get(&format!("/common/discovery/instance?{query}"))
    };
    let here = format!("{ORIGIN}/{TENANT_ID}/oauth2/v2.0/authorize");
    let body = json(&ask(&mut world, "1.1", &here));
    let document = format!("{ORIGIN}/{TENANT_ID}/v2.0/.well-known/openid-configuration");
    assert_eq!(body["tenant_discovery_endpoint"], document.as_str());
    assert_eq!(body["metadata"][0]["preferred_network"], "localhost:3002");
    // MSAL for Python asks so.
    let without_port = "https://localhost/common/oauth2/v2.0/authorize";
    let body = json(&ask(&mut world, "1.0", without_port));
    assert_eq!(body.as_object().unwrap().len(), 1);
    let elsewhere = ask(
        &mut world,
        "1.1",
        "https://evil.example/common/oauth2/v2.0/authorize",
    );
    assert_eq!(
        error_of(&elsewhere),
        (400, "invalid_instance".to_owned(), 50_049)
    );
}

// J1
#[test]
fn foreign_host_header_is_forbidden() {
    let mut world = World::new();
    for (host, status) in [
        ("localhost:3002", 200),
        ("127.0.0.1:3002", 200),
        ("[::1]:3002", 200),
        ("evil.example:3002", 403),
    ] {
        let request = Request::get("/common/discovery/keys").header("host", host);
        let response = world.ask(&request.body(Bytes::new()).unwrap());
        assert_eq!(response.status(), status, "{host}");
    }
}

// What is announced and not there sends a client's author looking for the fault in the client.
#[test]
fn every_address_that_is_announced_is_served() {
    let mut world = World::new();
    for tenant in [TENANT_ID, "common", "organizations"] {
        for (name, address) in metadata(&mut world, tenant).as_object().unwrap() {
            if !name.ends_with("_endpoint") && name != "jwks_uri" {
                continue;
            }
            let address = address.as_str().unwrap();
            let path = address.strip_prefix(ORIGIN).unwrap();
            let statuses = [world.get(path).status(), world.post(path, &[]).status()];
            assert!(statuses.iter().any(|status| *status != 404), "{address}");
        }
    }
}

//! The well-known documents: protected resource metadata (RFC 9728) and authorization server
//! metadata (RFC 8414, with RFC 9207 and RFC 7636).
//!
//! Every address in them derives from the configured public address, never from `Host` or
//! `X-Forwarded-Host` (threat C15). `grant_types_supported` is stated because its
//! default contains `implicit`.

use ::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::token;
use crate::{
    client_keys::Algorithm,
    config::{AuthorizationServers, Gateway},
    env::Env,
    http::response,
    route::Route,
};

/// The ways to prove which client asks, at the token and the revocation endpoint. `none` comes first: clients use
/// their document only where it is listed, and some take the first method that is.
const AUTH_METHODS: [&str; 3] = ["none", "client_secret_post", "client_secret_basic"];

/// The document of a route.
pub(crate) fn respond(route: Route, env: Env<'_>) -> Response<Bytes> {
    let public_url = &env.server.config.public_url;
    let [streamable, sse] = public_url.resources_of(env.endpoint);
    let offered = env.server.scopes.all();
    let scopes: Vec<_> = offered.iter().map(|scope| &scope.name).collect();
    let (authorization_servers, resource_scopes) = authorization_servers(env);
    let resource = |resource: &str| {
        json!({
            "resource": resource,
            "authorization_servers": authorization_servers,
            "scopes_supported": resource_scopes,
            "bearer_methods_supported": ["header"],
            "resource_name": env.gateway().and_then(Gateway::title).unwrap_or(env.catalog.title()),
        })
    };
    let document = match route {
        Route::ResourceMetadata => resource(streamable),
        Route::SseResourceMetadata => resource(sse),
        _ => server_metadata(env, &scopes),
    };
    response::json(StatusCode::OK, &document)
}

/// Who gives tokens for the MCP endpoints, and the scopes as each of them names them.
fn authorization_servers(env: Env<'_>) -> (Vec<String>, Vec<String>) {
    let config = &env.server.config;
    let offered = env.server.scopes.all();
    let own = offered.to_string();
    let of_entra = config.scope_at_entra(&own);
    let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let issuer = config.public_url.issuer().to_owned();
    match config.authorization_servers {
        AuthorizationServers::Own => (vec![issuer], names(&own)),
        AuthorizationServers::Entra => (vec![entra_issuer(env)], names(&of_entra)),
        AuthorizationServers::Both => {
            let scopes = [names(&own), names(&of_entra)].concat();
            (vec![issuer, entra_issuer(env)], scopes)
        }
    }
}

/// The issuer of Entra's tokens: as its metadata says, once that is known.
fn entra_issuer(env: Env<'_>) -> String {
    let known = env.entra.metadata.as_ref();
    known.map_or_else(
        || {
            let entra = &env.server.config.entra;
            let authority = entra.authority_host.as_str().trim_end_matches('/');
            format!("{authority}/{}/v2.0", entra.tenant)
        },
        |metadata| metadata.issuer.clone(),
    )
}

/// Authorization server metadata (RFC 8414 section 2, RFC 8628 section 4).
fn server_metadata(env: Env<'_>, scopes: &[&String]) -> Value {
    let config = &env.server.config;
    let public_url = &config.public_url;
    let device = config.device_authorization;
    let admits = config.registration.is_possible();
    let grant_types = ["authorization_code", "refresh_token"];
    let device_grant = device.then_some(token::DEVICE_GRANT_TYPE);
    let grant_types: Vec<_> = grant_types.into_iter().chain(device_grant).collect();
    let mut document = json!({
            "issuer": public_url.issuer(),
            "authorization_endpoint": public_url.join("/authorize"),
            "token_endpoint": public_url.join("/token"),
            "registration_endpoint": public_url.join("/register"),
            "revocation_endpoint": public_url.join("/revoke"),
            "scopes_supported": scopes,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": grant_types,
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "authorization_response_iss_parameter_supported": config.authorization_response_iss,
            "client_id_metadata_document_supported": admits && config.client_documents.are_used(),
    });
    // The keys of clients are fetched as their documents are.
    if let (true, Some(members)) = (
        config.client_documents.are_fetched(),
        document.as_object_mut(),
    ) {
        let methods = AUTH_METHODS.iter().chain(&["private_key_jwt"]);
        let methods = methods.copied().collect();
        let algorithms = json!(Algorithm::ALL.map(Algorithm::name));
        let name = "token_endpoint_auth_signing_alg_values_supported";
        members.insert("token_endpoint_auth_methods_supported".to_owned(), methods);
        members.insert(name.to_owned(), algorithms);
    }
    let signs = config.gateways().any(|(_, gateway)| gateway.signs());
    if let (true, Some(members)) = (signs, document.as_object_mut()) {
        members.insert("jwks_uri".to_owned(), public_url.join("/jwks.json").into());
    }
    if let (true, Some(members)) = (device, document.as_object_mut()) {
        let endpoint = public_url.join("/device_authorization");
        members.insert("device_authorization_endpoint".to_owned(), endpoint.into());
    }
    if let (false, Some(members)) = (admits, document.as_object_mut()) {
        members.remove("registration_endpoint");
    }
    document
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{
        config::{AcceptedEntraTokens, AuthorizationServers},
        testing::{TestServer, json},
    };

    const SERVER: [&str; 8] = [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/oauth-authorization-server/sse",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/openid-configuration/sse",
        "/mcp/.well-known/openid-configuration",
        "/sse/.well-known/openid-configuration",
    ];

    /// The protected resource metadata, where the operator has chosen this.
    fn resource(servers: AuthorizationServers) -> serde_json::Value {
        let mut server = TestServer::https();
        let mut accepted = AcceptedEntraTokens::default();
        assert!(accepted.add_app_id_uri("https://mcp.example/mcp"));
        server.server.config.entra_tokens = Some(accepted);
        server.server.config.authorization_servers = servers;
        json(&server.get("/.well-known/oauth-protected-resource/mcp"))
    }

    // D18
    #[test]
    fn resource_metadata_names_the_authorization_servers_that_the_operator_has_chosen() {
        let entra = "https://login.example/11111111-1111-1111-1111-111111111111/v2.0";
        let (own, qualified) = ("https://mcp.example", "https://mcp.example/mcp/user.read");
        for (servers, expected, scopes) in [
            (AuthorizationServers::Own, vec![own], vec!["user.read"]),
            (AuthorizationServers::Entra, vec![entra], vec![qualified]),
            (
                AuthorizationServers::Both,
                vec![own, entra],
                vec!["user.read", qualified],
            ),
        ] {
            let document = resource(servers);
            assert_eq!(
                document["authorization_servers"],
                serde_json::json!(expected)
            );
            assert_eq!(document["scopes_supported"], serde_json::json!(scopes));
            assert_eq!(document["resource"], "https://mcp.example/mcp");
        }
    }

    // D18
    #[test]
    fn challenge_names_scopes_as_the_first_authorization_server_does() {
        for (servers, scope) in [
            (AuthorizationServers::Own, "user.read"),
            (AuthorizationServers::Both, "user.read"),
            (
                AuthorizationServers::Entra,
                "api://22222222-2222-2222-2222-222222222222/user.read",
            ),
        ] {
            let mut server = TestServer::https();
            server.server.config.entra_tokens = Some(AcceptedEntraTokens::default());
            server.server.config.authorization_servers = servers;
            let challenge = server.get("/mcp");
            let challenge = crate::testing::header(&challenge, "www-authenticate").to_owned();
            let expected = format!("scope=\"{scope}\"");
            assert!(challenge.ends_with(&expected), "{challenge}");
        }
    }

    // C6, C15
    #[test]
    fn resource_metadata_names_the_issuer_byte_for_byte() {
        let server = TestServer::https();
        for (path, resource) in [
            (
                "/.well-known/oauth-protected-resource",
                "https://mcp.example/mcp",
            ),
            (
                "/.well-known/oauth-protected-resource/mcp",
                "https://mcp.example/mcp",
            ),
            (
                "/.well-known/oauth-protected-resource/sse",
                "https://mcp.example/sse",
            ),
        ] {
            let document = json(&server.get(path));
            assert_eq!(document["resource"], resource);
            for path in SERVER {
                let metadata = json(&server.get(path));
                assert_eq!(
                    metadata["issuer"], document["authorization_servers"][0],
                    "{path}"
                );
            }
        }
    }

    // C1, C5, C6, C11, C15, E9
    #[test]
    fn server_metadata_announces_what_is_served_and_no_more() {
        let metadata = json(&TestServer::https().get(SERVER[0]));
        let is = |name: &str, value: serde_json::Value| assert_eq!(metadata[name], value, "{name}");
        is("response_types_supported", serde_json::json!(["code"]));
        let grants = serde_json::json!(["authorization_code", "refresh_token"]);
        is("grant_types_supported", grants);
        is(
            "code_challenge_methods_supported",
            serde_json::json!(["S256"]),
        );
        is(
            "authorization_response_iss_parameter_supported",
            true.into(),
        );
        is("client_id_metadata_document_supported", true.into());
        is("scopes_supported", serde_json::json!(["user.read"]));
        let methods = serde_json::json!(["none", "client_secret_post", "client_secret_basic"]);
        let signed = serde_json::json!(["RS256", "PS256", "ES256"]);
        is("token_endpoint_auth_signing_alg_values_supported", signed);
        let mut with_keys = methods.clone();
        with_keys
            .as_array_mut()
            .unwrap()
            .push("private_key_jwt".into());
        is("token_endpoint_auth_methods_supported", with_keys);
        is("revocation_endpoint_auth_methods_supported", methods);
        for (name, path) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("registration_endpoint", "/register"),
            ("revocation_endpoint", "/revoke"),
        ] {
            is(name, format!("https://mcp.example{path}").into());
        }
    }

    // C11: all scopes are listed, so that a client knows what there is to ask for.
    #[test]
    fn catalog_scopes_are_announced() {
        let server = TestServer::https().with_mail();
        for path in [SERVER[0], "/.well-known/oauth-protected-resource/mcp"] {
            let document = json(&server.get(path));
            let all = serde_json::json!(["user.read", "mail.read"]);
            assert_eq!(document["scopes_supported"], all, "{path}");
        }
    }

    // C15; any `MCP-Protocol-Version` is taken
    #[test]
    fn request_headers_do_not_change_the_metadata() {
        let server = TestServer::https();
        for path in SERVER {
            let plain = server.get(path);
            let request = server
                .request("GET", path)
                .header("x-forwarded-host", "evil.example")
                .header("x-forwarded-proto", "http")
                .header("forwarded", "host=evil.example")
                .header("mcp-protocol-version", "1999-01-01")
                .body(Bytes::new());
            let with_headers = server.response(request.unwrap());
            assert_eq!(with_headers.status(), 200, "{path}");
            assert_eq!(with_headers.body(), plain.body(), "{path}");
        }
    }

    // C15
    #[test]
    fn metadata_of_an_unknown_path_is_404() {
        for path in [
            "/.well-known/oauth-protected-resource/other",
            "/.well-known/oauth-authorization-server/other",
            "/.well-known/openid-configuration/mcp//",
        ] {
            assert_eq!(TestServer::https().get(path).status(), 404, "{path}");
        }
    }
}

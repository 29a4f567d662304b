use entra_mcp_core::config::BackendIdentity;

use super::*;

#[test]
fn backend_alone_is_a_gateway() {
    let gateway = config(&["--backend", "http://127.0.0.1:8000/mcp"], &[])
        .gateway
        .unwrap();
    assert_eq!(gateway.shown(), "http://127.0.0.1:8000/mcp");
    assert_eq!(gateway.audience, "http://127.0.0.1:8000/mcp");
    assert_eq!(gateway.identity, BackendIdentity::ASSERTION);
    assert!(gateway.header.is_none());
    assert!(config(&[], &[]).gateway.is_none());
}

#[test]
fn settings_of_a_gateway_are_read() {
    let arguments = [
        "--backend",
        "unix:/run/orders.sock:/mcp",
        "--identity",
        "bearer",
        "--backend-audience",
        "orders",
        "--backend-timeout",
        "30s",
        "--backend-answer-bytes",
        "2048",
        "--backend-ca",
        "ca.pem",
        "--backend-cert",
        "client.pem",
    ];
    let variables = [("ENTRA_MCP_BACKEND_HEADER", "X-Api-Key: s3cret")];
    let gateway = config(&arguments, &variables).gateway.unwrap();
    assert_eq!(gateway.identity, BackendIdentity::BEARER);
    assert_eq!(
        (gateway.audience.as_str(), gateway.answer_bytes),
        ("orders", 2048)
    );
    assert_eq!(gateway.call_timeout.as_secs(), 30);
    assert_eq!(gateway.authorities, Some("ca.pem".into()));
    assert_eq!(gateway.certificate, Some("client.pem".into()));
    let header = gateway.header.as_ref().unwrap();
    assert_eq!(
        (header.name().as_str(), header.value().expose().as_str()),
        ("x-api-key", "s3cret")
    );
    assert!(!format!("{gateway:?}").contains("s3cret"));
}

#[test]
fn all_that_is_wrong_with_a_gateway_is_told_at_once() {
    let arguments = [
        "--backend",
        "ftp://x",
        "--identity",
        "header",
        "--backend-timeout",
        "5",
        "--backend-answer-bytes",
        "1",
    ];
    let variables = [("ENTRA_MCP_BACKEND_HEADER", "Host: x")];
    let errors = all_errors(&arguments, &variables);
    assert_eq!(errors.len(), 5, "{errors:?}");
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|error| error.contains("http://, https:// or unix:")),
        "{said:?}"
    );
}

#[test]
fn setting_of_a_backend_that_is_not_there_is_an_error() {
    let errors = all_errors(&["--identity", "bearer"], &[]);
    let [error] = errors.as_slice() else {
        panic!("one error, not {errors:?}");
    };
    assert!(error.to_string().contains("--backend"), "{error}");
}

#[test]
fn fixed_authorization_and_a_bearer_assertion_are_an_error() {
    let arguments = [
        "--backend",
        "http://127.0.0.1:8000/mcp",
        "--identity",
        "bearer",
    ];
    let variables = [("ENTRA_MCP_BACKEND_HEADER", "Authorization: Bearer x")];
    assert_eq!(all_errors(&arguments, &variables).len(), 1);
}

// R2, R3: who calls is not said so that others can say it, too.
#[test]
fn headers_that_can_be_forged_are_for_a_backend_that_nobody_else_reaches() {
    let with = |backend: &str, identity: &str, more: &[&str]| {
        let mut arguments = vec!["--backend", backend, "--identity", identity];
        arguments.extend(more);
        match parse(&arguments, &[]) {
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
            Ok(_) => String::new(),
        }
    };
    let (near, far) = ("http://127.0.0.1:8000/mcp", "http://orders.example/mcp");
    let secure = "https://orders.example/mcp";
    let certificate = ["--backend-cert", "client.pem"];
    for identity in ["easy-auth", "forwarded", "assertion,forwarded"] {
        for backend in [near, "unix:/run/orders.sock:/mcp"] {
            assert_eq!(with(backend, identity, &[]), "", "{backend} {identity}");
        }
        assert_eq!(with(secure, identity, &certificate), "");
        for (backend, more) in [(far, &[][..]), (secure, &[]), (far, &certificate)] {
            let words = with(backend, identity, more);
            assert!(
                words.contains("others than this server may reach it"),
                "{words}"
            );
        }
    }
    let token = "entra:api://orders/Orders.Read";
    for backend in [near, secure] {
        assert_eq!(with(backend, token, &[]), "");
    }
    assert!(with(far, token, &[]).contains("could read the user's access token"));
    for identity in ["bearer,entra:api://a/b", "none,bearer", "entra:Mail.Read"] {
        assert!(
            with(near, identity, &[]).contains("--identity"),
            "{identity}"
        );
    }
}

#[test]
fn banner_says_what_the_backend_is_told_and_whether_others_could_say_it() {
    let banner = |identity: &str| {
        let config = config(
            &[
                "--backend",
                "http://127.0.0.1:8000/mcp",
                "--identity",
                identity,
            ],
            &[],
        );
        startup_banner(&config, &entra_mcp_core::tools::catalog())
    };
    assert!(banner("assertion").contains("in the header Entra-MCP-Assertion"));
    assert!(banner("bearer").contains("in the header Authorization"));
    assert!(
        banner("entra:api://orders/Orders.Read")
            .contains("access token of Entra ID for api://orders/Orders.Read")
    );
    assert!(banner("easy-auth").contains("can be anybody there"));
    assert!(banner("forwarded").contains("X-Forwarded-User"));
    assert!(banner("none").contains("not told who calls"));
}

fn all_errors(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<ConfigError> {
    match parse(arguments, variables) {
        Err(errors) => errors,
        Ok(command) => panic!("{command:?}"),
    }
}

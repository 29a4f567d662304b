use entra_mcp_core::config::{BackendIdentity, Gateway};

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
        "--backend-connect-timeout",
        "2s",
        "--backend-open-timeout",
        "3s",
        "--backend-silence",
        "4s",
        "--backend-session-idle",
        "6m",
        "--backend-messages",
        "5",
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
    let limits = gateway.limits;
    let times = [limits.connect, limits.opening, limits.silence];
    assert_eq!(times.map(|time| time.as_secs()), [2, 3, 4]);
    assert_eq!(limits.session_idle.as_secs(), 360);
    assert_eq!(limits.messages, 5);
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
    let config = config(
        &["--backend", "http://127.0.0.1:8000/mcp"],
        &[("ENTRA_MCP_BACKEND_HEADER", "X-Api-Key: s3cret")],
    );
    let banner = startup_banner(&config, &entra_mcp_core::tools::catalog());
    assert!(banner.contains("x-api-key goes with each request, the same for all users"));
    assert!(!banner.contains("s3cret"));
}

const SEVERAL: [&str; 6] = [
    "--backend",
    "orders=http://127.0.0.1:8001/mcp",
    "--backend",
    "docs=https://docs.example/mcp?a=b",
    "--backend",
    "files=stdio:npx -y files ./",
];

#[test]
fn several_servers_have_names_and_paths() {
    let config = config(&SEVERAL, &[]);
    assert!(config.gateway.is_none() && !config.with_own_tools);
    let shown: Vec<_> = config.backends.iter().map(Gateway::shown).collect();
    let expected = [
        "orders (http://127.0.0.1:8001/mcp)",
        "docs (https://docs.example/mcp)",
        "files (npx files)",
    ];
    assert_eq!(shown, expected);
    let audiences: Vec<_> = config.backends.iter().map(|one| &*one.audience).collect();
    let docs = "https://docs.example/mcp?a=b";
    assert_eq!(audiences, ["http://127.0.0.1:8001/mcp", docs, "npx files"]);
    let paths = config.backends.iter().map(|one| one.name.clone().unwrap());
    for name in paths {
        let place = config.public_url.place(&format!("/mcp/{}", name.as_str()));
        assert!(place.is_some(), "{name:?}");
    }
    assert!(config.public_url.place("/mcp").is_none());
    let banner = startup_banner(&config, &entra_mcp_core::tools::catalog());
    assert!(
        banner.contains("http://localhost:3001/mcp/orders"),
        "{banner}"
    );
    assert!(
        banner.contains("docs (https://docs.example/mcp)"),
        "{banner}"
    );
}

// R26
#[test]
fn setting_with_a_name_is_for_that_server_alone() {
    let mut arguments = SEVERAL.to_vec();
    arguments.extend(["--identity", "docs=entra:api://docs/Docs.Read"]);
    arguments.extend(["--identity", "assertion", "--backend-timeout", "30s"]);
    arguments.extend([
        "--backend-timeout",
        "orders=40s",
        "--policy",
        "orders=p.toml",
    ]);
    arguments.extend(["--backend-env", "files=A=1", "--backend-env", "files=B=2"]);
    arguments.extend(["--backend-ca", "ca.pem", "--backend-processes", "5"]);
    let header = (
        "ENTRA_MCP_BACKEND_HEADER",
        "orders=X-Api-Key: a;b;docs=X-Key: c",
    );
    let config = config(&arguments, &[header]);
    let [orders, docs, files] = config.backends.as_slice() else {
        panic!("three");
    };
    let value = |one: &Gateway| {
        let header = one.header.as_ref();
        header.map(|header| header.value().expose().clone())
    };
    assert_eq!(value(orders).as_deref(), Some("a;b"));
    assert_eq!(value(docs).as_deref(), Some("c"));
    assert_eq!(value(files), None);
    assert_eq!(orders.identity, BackendIdentity::ASSERTION);
    assert!(docs.identity.entra.is_some() && files.identity.entra.is_none());
    let seconds = config.backends.iter().map(|one| one.call_timeout.as_secs());
    assert_eq!(seconds.collect::<Vec<_>>(), [40, 30, 30]);
    let policies = config.backends.iter().map(|one| one.policy.is_some());
    assert_eq!(policies.collect::<Vec<_>>(), [true, false, false]);
    let command = files.command().unwrap();
    assert!(command.environment.contains_key("A") && command.environment.contains_key("B"));
    assert_eq!(command.processes, 5);
    assert_eq!(docs.authorities, Some("ca.pem".into()));
    assert_eq!(files.authorities, None);
}

#[test]
fn several_servers_of_variables_are_parted_by_semicolons_or_lines() {
    let backends = "orders=http://127.0.0.1:8001/mcp;\nfiles=stdio:orders --all";
    let variables = [
        ("ENTRA_MCP_BACKEND", backends),
        ("ENTRA_MCP_IDENTITY", "orders=bearer"),
        ("ENTRA_MCP_BACKEND_ENV", "files=A=1 B=2"),
        ("ENTRA_MCP_WITH_OWN_TOOLS", "on"),
    ];
    let config = config(&[], &variables);
    assert!(config.with_own_tools);
    assert_eq!(config.backends.len(), 2);
    assert_eq!(config.backends[0].identity, BackendIdentity::BEARER);
    let files = config.backends[1].command().unwrap();
    assert_eq!(files.arguments, ["--all"]);
    assert!(files.environment.contains_key("A") && files.environment.contains_key("B"));
    assert!(config.public_url.place("/mcp/own-tools").is_some());
}

// R26
#[test]
fn what_would_reach_another_server_is_an_error() {
    let with = |more: &[&str]| {
        let arguments = [&SEVERAL[..4], more].concat();
        let errors = all_errors(&arguments, &[]);
        let said = errors.iter().map(ToString::to_string);
        said.collect::<String>()
    };
    for (more, words) in [
        (
            &["--backend", "http://127.0.0.1:8003/mcp"][..],
            "has a name",
        ),
        (&["--", "npx", "files"], "has a name"),
        (
            &["--backend", "Orders=http://127.0.0.1:8003/mcp"],
            "no name",
        ),
        (
            &["--backend", "own-tools=http://127.0.0.1:8003/mcp"],
            "no name",
        ),
        (
            &["--backend", "orders=http://127.0.0.1:8003/mcp"],
            "same name",
        ),
        (&["--backend-audience", "all"], "there are several"),
        (&["--backend-env", "KEY=1"], "there are several"),
        (
            &["--backend-audience", "docs=http://127.0.0.1:8001/mcp"],
            "same audience",
        ),
        (&["--public-url", "http://localhost:3001/a/mcp"], "path"),
        (&["--backend-timeout", "docs=1ms"], ") of docs: it is not"),
        (&["--identity", "docs=nobody"], ") of docs: there is no"),
    ] {
        let said = with(more);
        assert!(said.contains(words), "{more:?}: {said}");
    }
    let header = [("ENTRA_MCP_BACKEND_HEADER", "X-Api-Key: s3cret")];
    let errors = all_errors(&SEVERAL, &header);
    let said = errors[0].to_string();
    assert!(said.contains("there are several") && !said.contains("s3cret"));
    let two = [
        "--backend",
        "http://a.example/",
        "--backend",
        "http://b.example/",
    ];
    assert!(all_errors(&two, &[])[0].to_string().contains("has a name"));
    let alone = all_errors(&["--with-own-tools"], &[]);
    assert!(alone[0].to_string().contains("--backend"));
}

fn all_errors(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<ConfigError> {
    match parse(arguments, variables) {
        Err(errors) => errors,
        Ok(command) => panic!("{command:?}"),
    }
}

use std::collections::BTreeMap;

use super::{Command, Config};

const REAL: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "9122040d-6c67-4c5b-b112-36a304b66dad"),
    ("AZURE_CLIENT_ID", "00001111-aaaa-2222-bbbb-3333cccc4444"),
    ("AZURE_CLIENT_SECRET", "abc8Q~the-value-of-a-secret"),
];
const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq82+EjRWeJA=";

fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Command, Vec<String>> {
    let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let home = [("HOME", "/home/adele")];
    let variables: BTreeMap<_, _> = home
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::parse(
        "entra-mcp-test",
        &arguments,
        &variables,
        &["ENTRA_MCP_HTTP_SERVER"],
    )
    .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Config {
    match parse(arguments, variables) {
        Ok(Command::Run(config)) => *config,
        other => panic!("{other:?}"),
    }
}

/// The one error.
fn error(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    match parse(arguments, variables) {
        Err(errors) => {
            assert_eq!(errors.len(), 1, "{errors:?}");
            errors.concat()
        }
        Ok(_) => panic!("this must be refused: {arguments:?} {variables:?}"),
    }
}

fn real(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = REAL
        .iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes).copied().collect()
}

#[test]
fn with_nothing_given_the_dev_tenant_starts_on_loopback() {
    let config = config(&[], &[]);
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:3001", "[::1]:3001"]);
    assert_eq!(config.public_url.issuer(), "http://localhost:3001");
    assert_eq!(
        config.entra.authority_host.as_str(),
        "http://localhost:3002/"
    );
    assert_eq!(config.dev_tenant.unwrap().len(), 2);
    let folder = "/home/adele/.local/share/entra-mcp/dev-tenant";
    assert_eq!(config.data_dir.to_str(), Some(folder));
}

#[test]
fn a_flag_wins_over_its_variable() {
    let config = config(
        &[
            "--listen=127.0.0.1:4001",
            "--data-dir",
            "/tmp/x",
            "--log",
            "json",
        ],
        &[
            ("ENTRA_MCP_LISTEN", "4002"),
            ("ENTRA_MCP_DEV_TENANT_LISTEN", "localhost:4003"),
        ],
    );
    assert_eq!(config.listen[0].to_string(), "127.0.0.1:4001");
    assert_eq!(config.public_url.issuer(), "http://localhost:4001");
    assert_eq!(config.entra.graph.as_str(), "http://localhost:4003/");
    assert_eq!(config.data_dir.to_str(), Some("/tmp/x"));
}

#[test]
fn a_real_tenant_needs_all_of_its_settings_and_says_which_is_missing() {
    let with_all = config(&[], &real(&[]));
    assert!(with_all.dev_tenant.is_none());
    assert_eq!(
        with_all.entra.graph.as_str(),
        "https://graph.microsoft.com/"
    );
    for (name, _) in REAL {
        let given: Vec<_> = REAL
            .iter()
            .filter(|(given, _)| *given != name)
            .copied()
            .collect();
        let words = error(&[], &given);
        assert!(
            words.starts_with(name) && words.contains("missing"),
            "{words}"
        );
    }
    assert!(config(&["--dev-tenant"], &real(&[])).dev_tenant.is_some());
}

// D8, products 20, 21
#[test]
fn a_wrong_setting_of_entra_is_told_with_a_right_one_and_no_secret() {
    let wrong = [
        ("AZURE_TENANT_ID", "common", "one tenant"),
        ("AZURE_TENANT_ID", "contoso", "neither a GUID nor a domain"),
        ("AZURE_CLIENT_ID", "my app", "not a GUID"),
        (
            "AZURE_CLIENT_SECRET",
            "11111111-2222-3333-4444-555555555555",
            "not its value",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "http://login.microsoftonline.com",
            "https",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.evil.example",
            "not known",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.com/tenant",
            "host only",
        ),
    ];
    for (name, value, words) in wrong {
        let error = error(&[], &real(&[(name, value)]));
        assert!(error.starts_with(name) && error.contains(words), "{error}");
        assert!(name != "AZURE_CLIENT_SECRET" || !error.contains(value));
    }
    let government = [("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")];
    let config = config(&[], &real(&government));
    assert_eq!(config.entra.graph.as_str(), "https://graph.microsoft.us/");
}

// Q1, products 14
#[test]
fn the_public_url_is_https_unless_it_is_loopback() {
    for wrong in [
        "http://mcp.contoso.com",
        "mcp.contoso.com",
        "https://a@b.example",
        "https://a.example/mcp",
    ] {
        let words = error(&["--public-url", wrong], &real(&[]));
        assert!(
            words.starts_with("--public-url (ENTRA_MCP_PUBLIC_URL)"),
            "{words}"
        );
    }
    let words = error(&["--listen", "0.0.0.0:3001"], &real(&[]));
    assert!(
        words.contains("missing") && words.contains("ENTRA_MCP_PUBLIC_URL"),
        "{words}"
    );
    let arguments = [
        "--listen",
        "0.0.0.0:3001",
        "--public-url",
        "https://mcp.contoso.com",
    ];
    assert_eq!(
        config(&arguments, &real(&[])).public_url.issuer(),
        "https://mcp.contoso.com"
    );
}

// Q2, J5, DNS-09
#[test]
fn the_dev_tenant_starts_only_if_everything_is_loopback() {
    let everywhere = [
        &[
            "--listen",
            "0.0.0.0:3001",
            "--public-url",
            "http://localhost:3001",
        ][..],
        &["--dev-tenant-listen", "0.0.0.0:3002"],
        &["--public-url", "https://mcp.contoso.com"],
    ];
    for arguments in everywhere {
        assert!(error(arguments, &[]).contains("this computer only"));
    }
}

// F5
#[test]
fn a_key_is_32_random_bytes() {
    let random: Vec<u8> = (0..32_u8).map(|byte| byte.wrapping_mul(37)).collect();
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &random);
    let two = format!(
        "{key}\n{}",
        key.replace('=', "").replace('+', "-").replace('/', "_")
    );
    assert_eq!(config(&[], &[("ENTRA_MCP_KEY", &two)]).keys.len(), 2);
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (wrong, words) in [
        ("c2VjcmV0", "32 bytes"),
        ("!!!", "base64"),
        (zeros, "random"),
        (KEY, "random"),
    ] {
        let error = error(&[], &[("ENTRA_MCP_KEY", wrong)]);
        assert!(error.contains(words) && !error.contains(wrong), "{error}");
    }
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_known_one() {
    assert!(error(&["--listn", "x"], &[]).contains("Did you mean --listen?"));
    let words = error(&[], &[("ENTRA_MCP_PUBLIC_URI", "x")]);
    assert!(
        words.contains("Did you mean ENTRA_MCP_PUBLIC_URL?"),
        "{words}"
    );
    assert!(parse(&[], &[("ENTRA_MCP_HTTP_SERVER", "strict")]).is_ok());
    assert!(error(&["--listen"], &[]).contains("missing"));
    assert!(error(&["localhost"], &[]).contains("--help"));
}

#[test]
fn the_demonstrations_names_are_told_their_replacements() {
    let words = error(&[], &[("FR_TENANT_ID", "x")]);
    assert!(words.contains("AZURE_TENANT_ID"), "{words}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let errors = parse(
        &["--log", "xml", "--listen", "here"],
        &[("ENTRA_MCP_KEY", "x")],
    );
    assert_eq!(errors.unwrap_err().len(), 3);
}

#[test]
fn an_origin_is_one_and_null_is_none() {
    let arguments = [
        "--allow-origin",
        "http://localhost:6274",
        "--allow-origin",
        "https://a.example",
    ];
    assert_eq!(config(&arguments, &[]).allowed_origins.len(), 2);
    for wrong in ["null", "*", "http://localhost:6274/", "localhost:6274"] {
        assert!(
            error(&["--allow-origin", wrong], &[]).contains("not an origin"),
            "{wrong}"
        );
    }
}

#[test]
fn help_names_every_setting_and_welcome_shows_no_secret() {
    let Ok(Command::Help(text)) = parse(&["--help"], &[]) else {
        panic!("help was asked for");
    };
    for name in [
        "--listen",
        "ENTRA_MCP_KEY",
        "AZURE_CLIENT_SECRET",
        "--dev-tenant\n",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
    let dev = config(&[], &[]).welcome();
    for part in [
        "http://localhost:3001/mcp",
        "/sse",
        "claude mcp add",
        "DEVELOPMENT TENANT",
    ] {
        assert!(dev.contains(part), "{part}");
    }
    let real = config(&[], &real(&[])).welcome();
    assert!(!real.contains("the-value-of-a-secret") && !real.contains("DEVELOPMENT"));
}

// A10
#[test]
fn the_clients_that_are_let_in_are_places() {
    let places = [("ENTRA_MCP_ALLOWED_CLIENTS", "vscode.dev, localhost")];
    assert_eq!(
        config(&[], &places).allowed_clients,
        ["vscode.dev", "localhost"]
    );
    assert!(error(&["--allow-client", "https://vscode.dev/"], &[]).contains("not a place"));
}

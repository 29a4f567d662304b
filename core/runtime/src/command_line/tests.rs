//! Settings: every right way to write them, and the error of each wrong one (threats Q1, Q2, F5, J5,
//! D8).

mod addresses;
mod client_documents;
mod entra;
mod entra_tokens;
mod gateway;
mod gateway_process;
mod lifetimes;
mod limits;
mod rate_limits;
mod registration;
mod sign_in;
mod store;

use std::collections::BTreeMap;

use entra_mcp_core::config::{Config, StoreLocation};

use super::{Command, ConfigError, KeyError};
use crate::startup_banner::startup_banner;

const REAL: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "9122040d-6c67-4c5b-b112-36a304b66dad"),
    ("AZURE_CLIENT_ID", "00001111-aaaa-2222-bbbb-3333cccc4444"),
    ("AZURE_CLIENT_SECRET", "abc8Q~the-value-of-a-secret"),
];
const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq82+EjRWeJA=";

fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Command, Vec<ConfigError>> {
    let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let home = [("HOME", "/home/adele")];
    let variables: BTreeMap<_, _> = home
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    super::parse(
        "entra-mcp-test",
        &arguments,
        &variables,
        &["ENTRA_MCP_HTTP_SERVER"],
    )
}

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Config {
    match parse(arguments, variables) {
        Ok(Command::Run(config)) => *config,
        other => panic!("{other:?}"),
    }
}

/// The folder in which records are kept.
fn data_dir(config: &Config) -> &str {
    match &config.store {
        StoreLocation::Folder(folder) => folder.to_str().unwrap(),
        StoreLocation::Redis(server) => panic!("{server}"),
    }
}

/// The one error.
fn error(arguments: &[&str], variables: &[(&str, &str)]) -> ConfigError {
    match parse(arguments, variables) {
        Err(mut errors) => {
            assert_eq!(errors.len(), 1, "{errors:?}");
            errors.remove(0)
        }
        Ok(_) => panic!("this must be refused: {arguments:?} {variables:?}"),
    }
}

/// The message of the one error.
fn message(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    error(arguments, variables).to_string()
}

fn real(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let unchanged = REAL
        .iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    unchanged.chain(changes).copied().collect()
}

#[test]
fn empty_settings_start_the_dev_tenant_on_loopback() {
    let config = config(&[], &[]);
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:3001", "[::1]:3001"]);
    assert_eq!(config.public_url.issuer(), "http://localhost:3001");
    assert_eq!(
        config.entra.authority_host.as_str(),
        "http://localhost:3002/"
    );
    assert_eq!(config.dev_tenant.as_ref().unwrap().len(), 2);
    let folder = "/home/adele/.local/share/entra-mcp/dev-tenant";
    assert_eq!(data_dir(&config), folder);
}

#[test]
fn flag_overrides_its_variable() {
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
    // Q2: anybody is anyone in the dev tenant, so its sessions are never those of a real one.
    assert_eq!(data_dir(&config), "/tmp/x/dev-tenant");
}

// F5
#[test]
fn master_key_that_is_not_32_bytes_is_an_error() {
    let key = "kZ0r9Q+lq0nUe3V1cT4fXw7sJb2yHmEoPdGiLaKuNvs=";
    let bare = key.replace('=', "").replace('+', "-");
    for list in [format!("{key}\n{bare}"), format!("{key}, {bare}")] {
        assert_eq!(config(&[], &[("ENTRA_MCP_KEY", &list)]).keys.len(), 2);
    }
    let base64 =
        |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let counted: Vec<_> = (0..32).collect();
    for (wrong, problem) in [
        ("c2VjcmV0", KeyError::WrongLength),
        ("!!!", KeyError::NotBase64),
        (&base64(&[0; 32]), KeyError::NotRandom),
        (&base64(&[0xab; 32]), KeyError::NotRandom),
        (&base64(&counted), KeyError::NotRandom),
        (
            &base64(b"correct horse battery staple 123"),
            KeyError::NotRandom,
        ),
        (KEY, KeyError::NotRandom),
    ] {
        let list = format!("{key} {wrong}");
        let error = error(&[], &[("ENTRA_MCP_KEY", &list)]);
        let position = 2;
        assert_eq!(error, ConfigError::InvalidKey { position, problem });
        let error = error.to_string();
        assert!(!error.contains(wrong) && !error.contains(key), "{error}");
    }
}

#[test]
fn unknown_setting_is_an_error_with_the_nearest_name() {
    assert!(message(&["--listn", "x"], &[]).contains("Did you mean --listen?"));
    let unknown = ConfigError::UnknownSetting {
        setting: "ENTRA_MCP_PUBLIC_URI".to_owned(),
        nearest: Some("ENTRA_MCP_PUBLIC_URL".to_owned()),
    };
    assert_eq!(error(&[], &[("ENTRA_MCP_PUBLIC_URI", "x")]), unknown);
    assert!(parse(&[], &[("ENTRA_MCP_HTTP_SERVER", "strict")]).is_ok());
    for arguments in [&["--listen"][..], &["--listen", "--log", "json"]] {
        let error = error(arguments, &[]);
        assert!(matches!(
            error,
            ConfigError::MissingValue { flag: "listen", .. }
        ));
    }
    assert!(message(&["--nothing-like-it"], &[]).ends_with("See --help."));
    let both = parse(&["--listn", "x", "--log=json", "--lg", "y"], &[]);
    assert_eq!(both.unwrap_err().len(), 2, "what follows is read, too");
    assert_eq!(error(&["localhost"], &[]), ConfigError::PositionalArgument);
}

// O5: other users of the computer can list the arguments of every process.
#[test]
fn secret_as_a_flag_is_an_error() {
    for (flag, variable) in [
        ("--client-secret", "AZURE_CLIENT_SECRET"),
        ("--azure-client-secret", "AZURE_CLIENT_SECRET"),
        ("--key", "ENTRA_MCP_KEY"),
    ] {
        for arguments in [&[flag, "hunter2"][..], &[&format!("{flag}=hunter2")]] {
            let message = message(arguments, &[]);
            assert!(message.contains(&format!("Set {variable}")), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}

#[test]
fn settings_of_the_demonstration_are_errors_with_their_replacements() {
    for (old, new) in [
        ("FR_TENANT_ID", "AZURE_TENANT_ID"),
        ("FR_API_CLIENT_ID", "AZURE_CLIENT_ID"),
        ("FR_API_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
        ("PORT", "--listen"),
    ] {
        let message = message(&[], &[(old, "4321")]);
        assert!(
            message.starts_with(old) && message.contains(new),
            "{message}"
        );
        assert!(!message.contains("4321"), "{message}");
    }
    let both = real(&[("FR_TENANT_ID", "x"), ("FR_API_CLIENT_SECRET", "x")]);
    assert!(parse(&["--listen", "4001"], &both).is_ok());
    let port = parse(&["--listen", "4001"], &[("PORT", "4321")]);
    assert!(port.is_ok(), "the new name is there");
}

#[test]
fn all_errors_of_the_settings_are_reported_at_once() {
    let errors = parse(
        &["--log", "xml", "--listen", "here"],
        &[("ENTRA_MCP_KEY", "x")],
    );
    assert_eq!(
        errors.unwrap_err(),
        [
            ConfigError::InvalidAddress {
                setting: "--listen (ENTRA_MCP_LISTEN)".to_owned(),
                usual: 3001
            },
            ConfigError::InvalidKey {
                position: 1,
                problem: KeyError::NotBase64
            },
            ConfigError::UnknownLogFormat,
        ]
    );
}

#[test]
fn directive_of_rust_log_that_is_not_understood_is_an_error_in_words() {
    let errors = parse(&[], &[("RUST_LOG", "info,hyper=loud")]).unwrap_err();
    let [error] = errors.as_slice() else {
        panic!("one error: {errors:?}");
    };
    let text = error.to_string();
    for part in ["RUST_LOG: directive 2 is neither", "entra_mcp=debug"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn help_lists_every_setting_and_welcome_shows_no_secret() {
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
    let catalog = entra_mcp_core::catalog::Catalog::builder().build().unwrap();
    let dev = startup_banner(&config(&[], &[]), &catalog);
    for part in [
        "http://localhost:3001/mcp",
        "/sse",
        "claude mcp add",
        "DEVELOPMENT TENANT",
        "alice@contoso.example",
        "http://localhost:3001/auth/callback",
    ] {
        assert!(dev.contains(part), "{part}");
    }
    let real = startup_banner(&config(&[], &real(&[])), &catalog);
    assert!(!real.contains("the-value-of-a-secret") && !real.contains("DEVELOPMENT"));
    assert!(real.contains("http://localhost:3001/auth/callback"));
    let Ok(Command::Version(text)) = parse(&["--version"], &[]) else {
        panic!("the version was asked for");
    };
    assert!(text.starts_with("entra-mcp-test 0."), "{text}");
}

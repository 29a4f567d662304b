use entra_mcp_core::config::{ClientPlaces, Registration};

use super::*;
use crate::command_line::AdmissionError;

const PUBLIC: [&str; 2] = ["--public-url", "https://mcp.contoso.com"];

fn registration(arguments: &[&str], variables: &[(&'static str, &'static str)]) -> Registration {
    config(arguments, &real(variables)).registration
}

fn places(changes: &[&str]) -> Registration {
    let with = |places: ClientPlaces, text: &&str| places.with(text).unwrap();
    Registration::Listed(changes.iter().fold(ClientPlaces::default(), with))
}

// A10: whoever can be reached from elsewhere lets known clients in.
#[test]
fn any_client_is_let_in_on_loopback_and_known_ones_elsewhere() {
    assert_eq!(registration(&[], &[]), Registration::Open);
    assert_eq!(registration(&PUBLIC, &[]), places(&[]));
    for (text, expected) in [
        ("open", Registration::Open),
        ("listed", places(&[])),
        ("closed", Registration::Closed),
    ] {
        assert_eq!(registration(&["--registration", text], &[]), expected);
        let variable = [("ENTRA_MCP_REGISTRATION", text)];
        assert_eq!(registration(&PUBLIC, &variable), expected);
    }
    assert_eq!(
        error(&["--registration", "all"], &[]),
        ConfigError::Admission(AdmissionError::UnknownRegistration)
    );
}

// A10: named on loopback, too, they are a list.
#[test]
fn allowed_client_extends_the_list() {
    let variable = [("ENTRA_MCP_ALLOWED_CLIENTS", "agent.contoso.com, -localhost")];
    let expected = places(&["agent.contoso.com", "-localhost"]);
    assert_eq!(registration(&[], &variable), expected);
    assert_eq!(registration(&PUBLIC, &variable), expected);
    let flags = [
        "--allow-client",
        "-all",
        "--allow-client",
        "com.contoso.agent",
    ];
    assert_eq!(
        registration(&flags, &[]),
        places(&["-all", "com.contoso.agent"])
    );
    for wrong in ["https://vscode.dev/", "*.contoso.com", "-contoso.com"] {
        assert_eq!(
            error(&["--allow-client", wrong], &[]),
            ConfigError::Admission(AdmissionError::InvalidPlace),
            "{wrong}"
        );
    }
    for other in ["open", "closed"] {
        let flags = ["--registration", other, "--allow-client", "vscode.dev"];
        assert_eq!(
            error(&flags, &[]),
            ConfigError::Admission(AdmissionError::PlacesWithoutList)
        );
    }
}

#[test]
fn tools_of_graph_are_named_by_family() {
    use entra_mcp_core::config::GraphTools;
    assert!(config(&[], &[]).graph_tools.is_empty());
    let some = config(&["--graph", "mail,search"], &[]).graph_tools;
    assert!(some.iter().eq(&[GraphTools::Mail, GraphTools::Search]));
    let wrong = error(&["--graph", "mail,sharepoint"], &[]);
    assert_eq!(wrong, ConfigError::UnknownGraphTools);
}

#[test]
fn contact_is_what_users_are_shown() {
    let contact = |text| config(&["--contact", text], &[]).contact;
    assert_eq!(contact("it@contoso.com").as_deref(), Some("it@contoso.com"));
    assert_eq!(config(&[], &[]).contact, None);
    let long = "x".repeat(201);
    for wrong in [long.as_str(), "a\u{202e}b"] {
        assert_eq!(
            error(&["--contact", wrong], &[]),
            ConfigError::Admission(AdmissionError::InvalidContact)
        );
    }
}

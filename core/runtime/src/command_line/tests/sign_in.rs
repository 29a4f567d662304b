use entra_mcp_core::config::{AllowedBy, AllowedUsers};

use super::*;
use crate::command_line::AdmissionError;

const ID: &str = "7f9c2ba4-e88f-4a5b-9d1c-0f4f6b7f7a11";

fn allowed(named: &[(AllowedBy, &str)]) -> AllowedUsers {
    let mut allowed = AllowedUsers::default();
    assert!(named.iter().all(|(by, text)| allowed.add(*by, text)));
    allowed
}

// D20
#[test]
fn allowed_users_are_named_by_four_settings() {
    assert!(config(&[], &[]).allowed_users.is_everybody());
    for (flag, variable, by, text) in [
        (
            "--allow-user",
            "ENTRA_MCP_ALLOWED_USERS",
            AllowedBy::User,
            ID,
        ),
        (
            "--allow-group",
            "ENTRA_MCP_ALLOWED_GROUPS",
            AllowedBy::Group,
            ID,
        ),
        (
            "--allow-role",
            "ENTRA_MCP_ALLOWED_ROLES",
            AllowedBy::Role,
            "Mcp.User",
        ),
        (
            "--allow-domain",
            "ENTRA_MCP_ALLOWED_DOMAINS",
            AllowedBy::Domain,
            "contoso.com",
        ),
    ] {
        let expected = allowed(&[(by, text)]);
        assert_eq!(config(&[flag, text], &[]).allowed_users, expected);
        assert_eq!(config(&[], &[(variable, text)]).allowed_users, expected);
    }
    let several = config(
        &[
            "--allow-user",
            "a@contoso.com,b@contoso.com",
            "--allow-user",
            ID,
        ],
        &[],
    );
    let expected = ["a@contoso.com", "b@contoso.com", ID].map(|text| (AllowedBy::User, text));
    assert_eq!(several.allowed_users, allowed(&expected));
}

// D20: what names nobody must not let everybody in.
#[test]
fn setting_that_names_nobody_is_an_error() {
    for (flag, by, text) in [
        ("--allow-user", AllowedBy::User, "alice"),
        ("--allow-user", AllowedBy::User, ","),
        ("--allow-group", AllowedBy::Group, "Engineering"),
        ("--allow-role", AllowedBy::Role, ", "),
        ("--allow-domain", AllowedBy::Domain, "*.contoso.com"),
    ] {
        assert_eq!(
            error(&[flag, text], &[]),
            ConfigError::Admission(AdmissionError::NoUser(by)),
            "{flag} {text}"
        );
        assert!(message(&[flag, text], &[]).contains("Write "));
    }
}

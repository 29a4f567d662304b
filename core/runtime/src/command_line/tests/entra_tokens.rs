use entra_mcp_core::config::{AcceptedEntraTokens, AuthorizationServers, TokenVersion};

use super::*;
use crate::command_line::AcceptedTokensError;

const APP: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

// D16: no access token is taken unless the operator says so.
#[test]
fn no_access_tokens_of_entra_are_taken_unless_asked_for() {
    assert_eq!(config(&[], &[]).entra_tokens, None);
    let off = config(&["--accept-entra-tokens", "off"], &[]);
    assert_eq!(off.entra_tokens, None);
    assert_eq!(off.authorization_servers, AuthorizationServers::Own);
}

#[test]
fn accepted_entra_tokens_are_named_by_flags_or_variables() {
    let mut expected = AcceptedEntraTokens::default();
    expected.add_version(TokenVersion::V1);
    expected.add_version(TokenVersion::V2);
    assert!(expected.add_app_id_uri("api://mcp") && expected.add_application(APP));
    assert!(expected.add_scope("access_as_user") && expected.add_role("Tools.Execute.All"));
    expected.refuse_agents();
    let settings = [
        (
            "--accept-entra-tokens",
            "ENTRA_MCP_ACCEPT_ENTRA_TOKENS",
            "v1,v2",
        ),
        ("--app-id-uri", "ENTRA_MCP_APP_ID_URIS", "api://mcp"),
        ("--accept-app", "ENTRA_MCP_ACCEPTED_APPS", APP),
        (
            "--accept-scope",
            "ENTRA_MCP_ACCEPTED_SCOPES",
            "access_as_user",
        ),
        (
            "--accept-role",
            "ENTRA_MCP_ACCEPTED_ROLES",
            "Tools.Execute.All",
        ),
        ("--accept-agents", "ENTRA_MCP_ACCEPT_AGENTS", "off"),
        (
            "--authorization-servers",
            "ENTRA_MCP_AUTHORIZATION_SERVERS",
            "both",
        ),
    ];
    let flags: Vec<&str> = settings
        .iter()
        .flat_map(|(flag, _, value)| [*flag, *value])
        .collect();
    let variables = settings.map(|(_, variable, value)| (variable, value));
    for config in [config(&flags, &[]), config(&[], &variables)] {
        assert_eq!(config.entra_tokens.as_ref(), Some(&expected));
        assert_eq!(config.authorization_servers, AuthorizationServers::Both);
    }
}

// D16: what has no effect is relied on by somebody.
#[test]
fn setting_of_accepted_tokens_that_is_wrong_or_has_no_effect_is_an_error() {
    let open = ["--accept-entra-tokens", "v2"];
    for (flags, problem) in [
        (
            vec!["--accept-entra-tokens", "v3"],
            AcceptedTokensError::UnknownVersion,
        ),
        (
            vec!["--accept-entra-tokens", "on"],
            AcceptedTokensError::UnknownVersion,
        ),
        (vec!["--accept-app", APP], AcceptedTokensError::NotOpen),
        (vec!["--accept-agents", "off"], AcceptedTokensError::NotOpen),
        (
            vec!["--authorization-servers", "entra"],
            AcceptedTokensError::NotOpen,
        ),
        (
            [&open[..], &["--accept-app", "Azure CLI"]].concat(),
            AcceptedTokensError::NotApplication,
        ),
        (
            [&open[..], &["--accept-scope", ","]].concat(),
            AcceptedTokensError::NotScope,
        ),
        (
            [&open[..], &["--accept-role", "a\"b"]].concat(),
            AcceptedTokensError::NotRole,
        ),
        (
            [&open[..], &["--app-id-uri", "mcp"]].concat(),
            AcceptedTokensError::NotAppIdUri,
        ),
        (
            [&open[..], &["--authorization-servers", "all"]].concat(),
            AcceptedTokensError::UnknownServers,
        ),
    ] {
        assert_eq!(
            error(&flags, &[]),
            ConfigError::AcceptedTokens(problem),
            "{flags:?}"
        );
        assert!(message(&flags, &[]).contains("Write "), "{flags:?}");
    }
}

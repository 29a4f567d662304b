//! Which access tokens of Entra ID are taken in place of a session token.

use entra_mcp_core::config::{AcceptedEntraTokens, AuthorizationServers, TokenVersion};

use super::{
    error::{AcceptedTokensError, ConfigError},
    given::{
        ACCEPT_AGENTS, ACCEPT_APP, ACCEPT_ENTRA_TOKENS, ACCEPT_ROLE, ACCEPT_SCOPE, APP_ID_URI,
        AUTHORIZATION_SERVERS, Given, Setting,
    },
    is_gap, is_on,
};

/// Adds a text to a list; whether it is one of the kind.
type Add = fn(&mut AcceptedEntraTokens, &str) -> bool;

/// The lists, how each is added to, and what is wrong with a text that cannot be.
const LISTS: [(&Setting, Add, AcceptedTokensError); 4] = [
    (
        &APP_ID_URI,
        AcceptedEntraTokens::add_app_id_uri,
        AcceptedTokensError::NotAppIdUri,
    ),
    (
        &ACCEPT_APP,
        AcceptedEntraTokens::add_application,
        AcceptedTokensError::NotApplication,
    ),
    (
        &ACCEPT_SCOPE,
        AcceptedEntraTokens::add_scope,
        AcceptedTokensError::NotScope,
    ),
    (
        &ACCEPT_ROLE,
        AcceptedEntraTokens::add_role,
        AcceptedTokensError::NotRole,
    ),
];

/// Reads all of them. A setting that is given and has no effect is an error: somebody relies on it.
pub(super) fn read(
    given: &Given,
    errors: &mut Vec<ConfigError>,
) -> (Option<AcceptedEntraTokens>, AuthorizationServers) {
    let mut accepted = AcceptedEntraTokens::default();
    let mut refuse = |error| errors.push(ConfigError::AcceptedTokens(error));
    let is_open = match given.value(&ACCEPT_ENTRA_TOKENS) {
        None | Some("off") => false,
        Some(versions) => {
            for version in versions.split(is_gap).filter(|version| !version.is_empty()) {
                match version {
                    "v1" => _ = accepted.add_version(TokenVersion::V1),
                    "v2" => _ = accepted.add_version(TokenVersion::V2),
                    _ => refuse(AcceptedTokensError::UnknownVersion),
                }
            }
            true
        }
    };
    for (setting, add, error) in LISTS {
        for value in given.values(setting) {
            let mut texts = value
                .split(is_gap)
                .filter(|text| !text.is_empty())
                .peekable();
            if texts.peek().is_none() || !texts.all(|text| add(&mut accepted, text)) {
                refuse(error);
            }
        }
    }
    let servers = match given.value(&AUTHORIZATION_SERVERS) {
        None | Some("own") => AuthorizationServers::Own,
        Some("entra") => AuthorizationServers::Entra,
        Some("both") => AuthorizationServers::Both,
        Some(_) => {
            refuse(AcceptedTokensError::UnknownServers);
            AuthorizationServers::Own
        }
    };
    if !is_open {
        let lists = LISTS.iter().map(|(setting, ..)| *setting);
        let unused = lists
            .chain([&ACCEPT_AGENTS])
            .find(|setting| given.value(setting).is_some());
        if unused.is_some() || servers != AuthorizationServers::Own {
            refuse(AcceptedTokensError::NotOpen);
        }
    }
    if !is_on(given, &ACCEPT_AGENTS, true, errors) {
        accepted.refuse_agents();
    }
    (is_open.then_some(accepted), servers)
}

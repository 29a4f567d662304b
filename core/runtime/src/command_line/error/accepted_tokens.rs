//! What is wrong with the settings that say which access tokens of Entra ID are taken.

use crate::command_line::given::{
    ACCEPT_APP, ACCEPT_ENTRA_TOKENS, ACCEPT_ROLE, ACCEPT_SCOPE, APP_ID_URI, AUTHORIZATION_SERVERS,
    Setting,
};

/// What is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptedTokensError {
    /// There are no tokens of this version.
    UnknownVersion,
    /// Other settings say which tokens are taken, but none are.
    NotOpen,
    /// It is no App ID URI.
    NotAppIdUri,
    /// It is no client id.
    NotApplication,
    /// It is no scope.
    NotScope,
    /// It is no app role.
    NotRole,
    /// There is no such choice of authorization servers.
    UnknownServers,
}

impl AcceptedTokensError {
    pub(super) fn setting(self) -> &'static Setting {
        match self {
            Self::UnknownVersion | Self::NotOpen => &ACCEPT_ENTRA_TOKENS,
            Self::NotAppIdUri => &APP_ID_URI,
            Self::NotApplication => &ACCEPT_APP,
            Self::NotScope => &ACCEPT_SCOPE,
            Self::NotRole => &ACCEPT_ROLE,
            Self::UnknownServers => &AUTHORIZATION_SERVERS,
        }
    }

    /// What is wrong.
    pub(super) fn wrong(self) -> &'static str {
        match self {
            Self::UnknownVersion => "there are no access tokens of that version",
            Self::NotOpen => "it is off, but other settings say which access tokens are taken",
            Self::NotAppIdUri => "it is no App ID URI",
            Self::NotApplication => "it is no client id",
            Self::NotScope => "it is no scope",
            Self::NotRole => "it is no app role",
            Self::UnknownServers => "there is no such choice",
        }
    }

    /// What a right value looks like.
    pub(super) fn right(self) -> &'static str {
        match self {
            Self::UnknownVersion => {
                "Write off, v1, v2 or v1,v2, as requestedAccessTokenVersion of the registration says."
            }
            Self::NotOpen => "Write --accept-entra-tokens v2, or leave the others out.",
            Self::NotAppIdUri => {
                "Write it as it is registered, such as api://22222222-2222-2222-2222-222222222222 or \
                 https://mcp.contoso.com/mcp."
            }
            Self::NotApplication => {
                "Write the application (client) id, such as 04b07795-8ddb-461a-bbee-02f9e1bf7b46."
            }
            Self::NotScope => "Write its short name, such as user.read, without the App ID URI.",
            Self::NotRole => "Write its value, such as Tools.Execute.All.",
            Self::UnknownServers => "Write own, entra or both.",
        }
    }
}

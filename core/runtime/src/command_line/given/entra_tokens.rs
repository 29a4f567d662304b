//! Which access tokens of Entra ID are taken in place of a session token.

use super::settings::{Setting, setting};

pub(in crate::command_line) const ACCEPT_ENTRA_TOKENS: Setting = setting(
    "accept-entra-tokens",
    "ENTRA_MCP_ACCEPT_ENTRA_TOKENS",
    "off|v1|v2|v1,v2",
    "[whether access tokens of Entra ID](entra-tokens.md) for this application stand in for a session token, and of which \
     version, as the registration says (default off)",
);
pub(in crate::command_line) const APP_ID_URI: Setting = setting(
    "app-id-uri",
    "ENTRA_MCP_APP_ID_URIS",
    "URI",
    "an App ID URI of the application, as registered, which tokens of version 1 may be for; the first is named to clients \
     that are sent to Entra ID; repeatable (default api:// and the client id, for naming only)",
);
pub(in crate::command_line) const ACCEPT_APP: Setting = setting(
    "accept-app",
    "ENTRA_MCP_ACCEPTED_APPS",
    "CLIENT_ID",
    "an application or agent whose tokens are taken, and then no other's; it needs no app role, unless --accept-role names \
     one; repeatable (default: any that Entra ID gives a token to)",
);
pub(in crate::command_line) const ACCEPT_SCOPE: Setting = setting(
    "accept-scope",
    "ENTRA_MCP_ACCEPTED_SCOPES",
    "SCOPE",
    "a scope of which a user's token must have one; one that is none of this server's, such as access_as_user, is worth \
     user.read; repeatable (default: one of this server's)",
);
pub(in crate::command_line) const ACCEPT_ROLE: Setting = setting(
    "accept-role",
    "ENTRA_MCP_ACCEPTED_ROLES",
    "ROLE",
    "an app role of which the token of an application without a user must have one; repeatable (default: none, so that only \
     those of --accept-app are taken)",
);
pub(in crate::command_line) const ACCEPT_AGENTS: Setting = setting(
    "accept-agents",
    "ENTRA_MCP_ACCEPT_AGENTS",
    "on|off",
    "whether tokens of agents are taken, for users or by themselves (default on)",
);
pub(in crate::command_line) const AUTHORIZATION_SERVERS: Setting = setting(
    "authorization-servers",
    "ENTRA_MCP_AUTHORIZATION_SERVERS",
    "own|entra|both",
    "whom the protected resource metadata sends clients to: this server, Entra ID, or both, this one first (default own)",
);

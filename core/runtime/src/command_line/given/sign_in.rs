//! The settings that say who may sign in.

use super::settings::{Setting, setting};

pub(in crate::command_line) const ALLOW_USER: Setting = setting(
    "allow-user",
    "ENTRA_MCP_ALLOWED_USERS",
    "ID",
    "[a user who may sign in](who-may-sign-in.md), by object id or by the name to sign in with; with any of these four settings, only whom \
     one of them names; repeatable (default: everybody in the directory)",
);
pub(in crate::command_line) const ALLOW_GROUP: Setting = setting(
    "allow-group",
    "ENTRA_MCP_ALLOWED_GROUPS",
    "ID",
    "a group whose members may sign in, by its object id; repeatable",
);
pub(in crate::command_line) const ALLOW_ROLE: Setting = setting(
    "allow-role",
    "ENTRA_MCP_ALLOWED_ROLES",
    "ROLE",
    "an app role of the application, such as Mcp.User, whose bearers may sign in; repeatable",
);
pub(in crate::command_line) const ALLOW_DOMAIN: Setting = setting(
    "allow-domain",
    "ENTRA_MCP_ALLOWED_DOMAINS",
    "DOMAIN",
    "a domain of the directory: whoever signs in with a name in it may, guests apart; repeatable",
);
pub(in crate::command_line) const GRAPH: Setting = setting(
    "graph",
    "ENTRA_MCP_GRAPH",
    "mail,calendar,files,people,teams,search",
    "[read-only tools of Microsoft Graph](graph-tools.md) that the server offers by itself (default none)",
);
pub(in crate::command_line) const ALLOW_TENANT: Setting = setting(
    "allow-tenant",
    "ENTRA_MCP_ALLOWED_TENANTS",
    "ID|any",
    "a directory [whose users may sign in](tenants.md), by its id, where AZURE_TENANT_ID is `organizations`; `any` for those of \
     every organization; repeatable",
);
pub(in crate::command_line) const ALLOW_GUESTS: Setting = setting(
    "allow-guests",
    "ENTRA_MCP_ALLOW_GUESTS",
    "on|off",
    "whether accounts that were invited to the directory may sign in (default on)",
);

//! The settings of a store that replicas share.

use super::settings::{Setting, setting};

pub(in crate::command_line) const STORE: Setting = setting(
    "store",
    "ENTRA_MCP_STORE",
    "URL",
    "a Redis or Valkey that [several replicas share](replicas.md), rediss://, redis:// or redis+unix://, in place of the file \
     in the data folder; several hosts, with commas between, are nodes of a cluster, or rediss+sentinel://HOSTS/SERVICE; a password goes into the variable (default: none)",
);
pub(in crate::command_line) const STORE_PASSWORD: Setting = setting(
    "",
    "ENTRA_MCP_STORE_PASSWORD",
    "",
    "the password of that store, if it is not in its address",
);
pub(in crate::command_line) const STORE_PASSWORD_FILE: Setting = setting(
    "",
    "ENTRA_MCP_STORE_PASSWORD_FILE",
    "",
    "a file with that password, which is read anew for each connection",
);
pub(in crate::command_line) const STORE_ENTRA_AUTH: Setting = setting(
    "store-entra-auth",
    "ENTRA_MCP_STORE_ENTRA_AUTH",
    "on|off",
    "prove to that store who this server is by a token of Entra ID, as Azure Managed Redis wants it: that of the managed identity, or of the \
     application; the user in its address is the object id of the one or of the other's service principal (default off)",
);
pub(in crate::command_line) const STORE_CA: Setting = setting(
    "store-ca",
    "ENTRA_MCP_STORE_CA",
    "FILE",
    "PEM certificates of authorities that are believed of that store in place of the public ones (default: none)",
);
pub(in crate::command_line) const STORE_PREFIX: Setting = setting(
    "store-prefix",
    "ENTRA_MCP_STORE_PREFIX",
    "TEXT",
    "what the keys in that store begin with (default {entra-mcp}:)",
);

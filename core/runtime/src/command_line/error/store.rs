//! What is wrong with the settings of a store that replicas share.

use std::borrow::Cow;

use crate::command_line::given::{KEY, STORE, STORE_ENTRA_AUTH, STORE_PASSWORD, STORE_PREFIX};

/// A shared store cannot be used as it is set. Never shows the address, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreSettingError {
    /// This build cannot use a Redis.
    NotBuilt,
    /// The address is not one of a Redis.
    NotRedis,
    /// The flag holds a password.
    PasswordInFlag,
    /// The address holds a password, and another is given.
    SeveralPasswords,
    /// It says neither on nor off.
    InvalidEntraAuth,
    /// By Entra ID, it needs a user, TLS and a tenant, and no password.
    EntraAuthIncomplete,
    /// Keys cannot begin with this.
    InvalidPrefix,
    /// A setting of a shared store is given, and no store.
    NoStore {
        /// The flag of that setting, if it has one, and its variable.
        setting: (&'static str, &'static str),
    },
    /// There is a user and no password.
    UserWithoutPassword,
    /// A cluster has no numbered databases.
    DatabaseOfCluster,
    /// The keys of a cluster need a part in braces to be on one node.
    PrefixOfCluster,
    /// There is no master key that replicas could share.
    KeyMissing,
}

impl StoreSettingError {
    pub(super) fn setting(self) -> Cow<'static, str> {
        Cow::from(match self {
            Self::NotBuilt | Self::NotRedis | Self::PasswordInFlag | Self::DatabaseOfCluster => {
                STORE.name()
            }
            Self::NoStore {
                setting: ("", variable),
            } => variable.to_owned(),
            Self::NoStore {
                setting: (flag, variable),
            } => format!("--{flag} ({variable})"),
            Self::SeveralPasswords | Self::UserWithoutPassword => STORE_PASSWORD.name(),
            Self::InvalidPrefix | Self::PrefixOfCluster => STORE_PREFIX.name(),
            Self::InvalidEntraAuth | Self::EntraAuthIncomplete => STORE_ENTRA_AUTH.name(),
            Self::KeyMissing => KEY.name(),
        })
    }

    pub(super) fn wrong(self) -> &'static str {
        match self {
            Self::NotBuilt => "this build keeps sessions in a file only",
            Self::NotRedis => "it is not the address of a Redis",
            Self::PasswordInFlag => {
                "it holds a password, and other users of the computer can see arguments"
            }
            Self::SeveralPasswords => "the address of the store holds a password, too",
            Self::InvalidEntraAuth => "it is neither on nor off",
            Self::EntraAuthIncomplete => {
                "a token of Entra ID is for a user, goes over TLS, comes from a real tenant, and stands in place of a password"
            }
            Self::NoStore { .. } => "it is of a store that replicas share, and there is none",
            Self::UserWithoutPassword => "it is missing, and the address of the store names a user",
            Self::DatabaseOfCluster => {
                "its address names a database by a number, and a cluster has none"
            }
            Self::PrefixOfCluster => {
                "it has no part in braces, without which the nodes of a cluster share the keys out among them"
            }
            Self::InvalidPrefix => "it is not at most 64 visible ASCII characters",
            Self::KeyMissing => "it is missing, and replicas that share a store need the same keys",
        }
    }

    pub(super) fn right(self) -> &'static str {
        match self {
            Self::NotBuilt => "Build the program with `--features redis`, or leave it out.",
            Self::NotRedis => "Write rediss://HOST:PORT, redis://HOST:PORT or redis+unix:///PATH.",
            Self::PasswordInFlag => {
                "Put the password into ENTRA_MCP_STORE_PASSWORD, or the whole address into ENTRA_MCP_STORE."
            }
            Self::SeveralPasswords => "Give it in one place.",
            Self::InvalidEntraAuth => "Write on or off.",
            Self::EntraAuthIncomplete => "Write rediss://OBJECT_ID@HOST:PORT, and no password.",
            Self::NoStore { .. } => {
                "Give the address of the store, --store (ENTRA_MCP_STORE), too, or leave it out."
            }
            Self::UserWithoutPassword => {
                "Put the password of that user into it, or its file into ENTRA_MCP_STORE_PASSWORD_FILE, or leave out the user."
            }
            Self::DatabaseOfCluster => {
                "Leave the number out. Deployments are kept apart by --store-prefix (ENTRA_MCP_STORE_PREFIX)."
            }
            Self::PrefixOfCluster => "Write it in braces, such as {entra-mcp-test}:.",
            Self::InvalidPrefix => "Write something such as {entra-mcp}:.",
            Self::KeyMissing => {
                "Make one with `openssl rand -base64 32` and give it to every replica."
            }
        }
    }
}

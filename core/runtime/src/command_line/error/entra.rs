//! What is wrong with a setting of Entra ID.

use crate::command_line::given::{
    CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_EXPIRES, Setting, TENANT_ID,
};

/// A setting that a real tenant needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntraSetting {
    /// `AZURE_TENANT_ID`.
    TenantId,
    /// `AZURE_CLIENT_ID`.
    ClientId,
    /// `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// `ENTRA_MCP_CLIENT_SECRET_EXPIRES`.
    ClientSecretExpires,
}

/// What is wrong with a setting that a real tenant needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntraSettingError {
    /// It is missing.
    Missing,
    /// It stands for personal accounts, too.
    NotOneTenant,
    /// It stands for many tenants, and none is named.
    NoTenantsNamed,
    /// Tenants are named, but it is one.
    TenantsOfOne,
    /// What is named is no tenant.
    TenantNotGuid,
    /// It is neither a GUID nor a domain.
    NotTenant,
    /// It is not a GUID.
    NotGuid,
    /// It is the id of a secret.
    SecretId,
    /// It is too short for a secret.
    SecretTooShort,
    /// It is not a date.
    NotDate,
    /// There is no secret that it could be about.
    NoSecret,
}

/// What is wrong with the authority host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorityHostError {
    /// It is not a URL.
    NotUrl,
    /// It has more than a scheme and a host.
    NotBare,
    /// It is of no known cloud.
    UnknownCloud,
    /// It is on this computer, but others can reach the server.
    NotLocal,
    /// It is not https.
    NotHttps,
}

impl EntraSetting {
    pub(in crate::command_line) fn setting(self) -> &'static Setting {
        match self {
            Self::TenantId => &TENANT_ID,
            Self::ClientId => &CLIENT_ID,
            Self::ClientSecret => &CLIENT_SECRET,
            Self::ClientSecretExpires => &CLIENT_SECRET_EXPIRES,
        }
    }

    pub(super) fn name(self) -> String {
        self.setting().name()
    }

    /// What a right value looks like.
    pub(super) fn right(self) -> &'static str {
        match self {
            Self::TenantId => {
                "Put the directory (tenant) id there, such as \
                 9122040d-6c67-4c5b-b112-36a304b66dad, or a domain of the tenant, such as \
                 contoso.onmicrosoft.com."
            }
            Self::ClientId => {
                "Put the application (client) id there, such as \
                 00001111-aaaa-2222-bbbb-3333cccc4444."
            }
            Self::ClientSecret => {
                "Put the value of a client secret there: the portal shows it once, when it is made. Without a \
                 secret, set AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE or ENTRA_MCP_MANAGED_IDENTITY."
            }
            Self::ClientSecretExpires => {
                "Put the day there on which the client secret ends, such as 2027-05-31, or leave it out."
            }
        }
    }
}

impl EntraSettingError {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "it is missing, though other settings of Entra ID are there",
            Self::NotOneTenant => {
                "it must name one tenant, or be `organizations`: personal accounts do not sign in here"
            }
            Self::NoTenantsNamed => {
                "it stands for every organization, and ENTRA_MCP_ALLOWED_TENANTS does not say which of them may sign in, or `any`"
            }
            Self::TenantsOfOne => {
                "ENTRA_MCP_ALLOWED_TENANTS counts only where it is `organizations`"
            }
            Self::TenantNotGuid => {
                "ENTRA_MCP_ALLOWED_TENANTS must hold the ids of directories, or `any` alone"
            }
            Self::NotTenant => "it is neither a GUID nor a domain",
            Self::NotGuid => "it is not a GUID",
            Self::SecretId => "it looks like the id of a secret, not its value",
            Self::SecretTooShort => "it is too short to be a secret",
            Self::NotDate => "it is not a date",
            Self::NoSecret => "it counts only with a client secret",
        }
    }
}

impl AuthorityHostError {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotUrl => "it is not a URL",
            Self::NotBare => "it must be a scheme and a host only",
            Self::UnknownCloud => "its cloud is not known here",
            Self::NotLocal => {
                "a stand-in for Entra ID is only for a server that stays on this computer"
            }
            Self::NotHttps => "it must be https",
        }
    }
}

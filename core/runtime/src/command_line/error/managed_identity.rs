//! What is wrong with the managed identity.

use std::borrow::Cow;

use crate::command_line::given::MANAGED_IDENTITY;

/// Why the managed identity cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagedIdentityError {
    /// It is not named by a GUID.
    NotGuid,
    /// The address that a variable names is neither on this computer nor on its own link.
    NotNear {
        /// The variable.
        variable: &'static str,
    },
    /// This is Service Fabric, whose endpoint needs a pinned certificate.
    ServiceFabric,
    /// This is Cloud Shell or Azure Machine Learning, which give out tokens of users or of an older kind.
    SignedInUser,
}

impl ManagedIdentityError {
    pub(super) fn setting(self) -> Cow<'static, str> {
        match self {
            Self::NotGuid => Cow::from(MANAGED_IDENTITY.name()),
            Self::NotNear { variable } => Cow::from(variable),
            Self::ServiceFabric => Cow::from("IDENTITY_SERVER_THUMBPRINT"),
            Self::SignedInUser => Cow::from("MSI_ENDPOINT"),
        }
    }

    pub(super) fn wrong(self) -> &'static str {
        match self {
            Self::NotGuid => "it is not a GUID",
            Self::NotNear { .. } => {
                "it is not a plain http address of this computer or its own link"
            }
            Self::ServiceFabric => "managed identities of Service Fabric are not supported",
            Self::SignedInUser => {
                "managed identities of Cloud Shell and Azure Machine Learning cannot stand for an application"
            }
        }
    }

    pub(super) fn right(self) -> &'static str {
        match self {
            Self::NotGuid => {
                "Write the client id of the user-assigned identity, which `az identity show -g GROUP -n NAME --query \
                 clientId` says."
            }
            Self::NotNear { .. } => "Leave it as the host sets it.",
            Self::ServiceFabric | Self::SignedInUser => {
                "Use a certificate: AZURE_CLIENT_CERTIFICATE_PATH."
            }
        }
    }
}

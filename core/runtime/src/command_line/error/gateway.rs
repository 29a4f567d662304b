//! What is wrong with the settings of the gateway.

use std::borrow::Cow;

use entra_mcp_core::config::BackendAddressError;

use crate::command_line::given::{
    BACKEND, BACKEND_ANSWER_BYTES, BACKEND_HEADER, BACKEND_TIMEOUT, IDENTITY,
};

/// What is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatewayError {
    /// This setting is about a backend, and there is none.
    NoBackend(String),
    /// The address of the backend is none.
    Address(BackendAddressError),
    /// There is no such way to tell who calls.
    UnknownIdentity,
    /// It is no header, or one that this server writes itself.
    Header,
    /// The fixed header and the assertion would be in the same place.
    TwoAuthorizations,
    /// It is not how long a request may take.
    Timeout,
    /// It is not how many bytes a message may have.
    AnswerBytes,
}

impl GatewayError {
    pub(super) fn setting(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::NoBackend(setting) => return Cow::from(setting.as_str()),
            Self::Address(_) => BACKEND.name(),
            Self::UnknownIdentity => IDENTITY.name(),
            Self::Header | Self::TwoAuthorizations => BACKEND_HEADER.name(),
            Self::Timeout => BACKEND_TIMEOUT.name(),
            Self::AnswerBytes => BACKEND_ANSWER_BYTES.name(),
        })
    }

    /// What is wrong.
    pub(super) fn wrong(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::NoBackend(_) => "it is about the backend of a gateway, and there is none",
            Self::Address(error) => return Cow::from(error.to_string()),
            Self::UnknownIdentity => "there is no such choice",
            Self::Header => "it is no header, or one that this server writes itself",
            Self::TwoAuthorizations => {
                "it is Authorization, and so is the assertion with --identity bearer"
            }
            Self::Timeout => "it is not a time from 1s to 50m",
            Self::AnswerBytes => "it is not a number of bytes from 1024 to 67108864",
        })
    }

    /// What a right value looks like.
    pub(super) fn right(&self) -> &'static str {
        match self {
            Self::NoBackend(_) => {
                "Add --backend with the address of the server, or leave this out."
            }
            Self::Address(_) => {
                "Write the address of its MCP endpoint, such as http://127.0.0.1:8000/mcp."
            }
            Self::UnknownIdentity => "Write assertion, bearer or none.",
            Self::Header => "Write a name and a value, such as X-Api-Key: KEY.",
            Self::TwoAuthorizations => "Use --identity assertion, or another header.",
            Self::Timeout => "Write a number and s, m or h, such as 10m.",
            Self::AnswerBytes => "Write a number, such as 16777216.",
        }
    }
}

//! What is wrong with the settings that say which clients and users come in.

use std::borrow::Cow;

use entra_mcp_core::config::AllowedBy;

use crate::command_line::{
    given::{ALLOW_CLIENT, CONTACT, REGISTRATION, Setting},
    sign_in,
};

/// What is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmissionError {
    /// A place is none that clients return to, or none that could be taken away.
    InvalidPlace,
    /// Places are named although clients come in by no list.
    PlacesWithoutList,
    /// Nobody knows who comes in like this.
    UnknownRegistration,
    /// Something names nobody who could sign in.
    NoUser(AllowedBy),
    /// Whom to ask cannot be shown to users.
    InvalidContact,
}

impl AdmissionError {
    pub(super) fn setting(self) -> &'static Setting {
        match self {
            Self::InvalidPlace | Self::PlacesWithoutList => &ALLOW_CLIENT,
            Self::UnknownRegistration => &REGISTRATION,
            Self::NoUser(by) => sign_in::setting(by),
            Self::InvalidContact => &CONTACT,
        }
    }

    /// What is wrong.
    pub(super) fn wrong(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoUser(by) => return format!("it is no {}", by.noun()).into(),
            Self::InvalidPlace => {
                "it is neither a place that clients return to nor one that could be taken away"
            }
            Self::PlacesWithoutList => "it counts only where clients come in by a list",
            Self::UnknownRegistration => "there is no such choice",
            Self::InvalidContact => "users cannot be shown that",
        })
    }

    /// What a right value looks like.
    pub(super) fn right(self) -> &'static str {
        match self {
            Self::InvalidPlace => {
                "Write a host such as agent.contoso.com, or a scheme such as com.contoso.agent; or -localhost, to \
                 take that away."
            }
            Self::PlacesWithoutList => "Write --registration listed, or leave it out.",
            Self::UnknownRegistration => "Write open, listed or closed.",
            Self::NoUser(by) => by.right(),
            Self::InvalidContact => "Write 200 visible characters at most, such as it@contoso.com.",
        }
    }
}

//! What is wrong with the settings of the gateway.

use std::borrow::Cow;

use entra_mcp_core::config::{BackendAddressError, BackendIdentityError};

use crate::command_line::given::{
    BACKEND, BACKEND_ANSWER_BYTES, BACKEND_AUDIENCE, BACKEND_COMMAND, BACKEND_ENV, BACKEND_HEADER,
    BACKEND_HELD_BYTES, BACKEND_IDLE, BACKEND_PROCESSES, BACKEND_SHARE, BACKEND_TIMEOUT,
    BACKEND_USER, IDENTITY,
};

/// What is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatewayError {
    /// This setting is about a backend, and there is none.
    NoBackend(String),
    /// The address of the backend is none.
    Address(BackendAddressError),
    /// It is no way to tell who calls.
    Identity(BackendIdentityError),
    /// Others can reach the backend, and could say that they are anybody.
    Forgeable,
    /// Others can read the user's access token on the way.
    TokenInTheClear,
    /// It is no header, or one that this server writes itself.
    Header,
    /// The fixed header and the assertion would be in the same place.
    TwoAuthorizations,
    /// It is not how long a request may take.
    Timeout,
    /// It is not how many bytes a message may have.
    AnswerBytes,
    /// It is no number of bytes that all calls may hold.
    HeldBytes,
    /// It is no command.
    Command,
    /// There are an address and a command.
    TwoBackends,
    /// This setting is about a process, and the backend is none.
    NoCommand(String),
    /// This setting is about an address, and the backend is a process.
    NoAddress(String),
    /// A process is sent no header.
    BearerOfProcess,
    /// It is no user and group.
    User,
    /// Nobody has a process together in this way.
    Share,
    /// Users would not be told apart.
    ShareOfNobody,
    /// It is not how many processes there may be.
    Processes,
    /// It is not how long a process lives without anything to do.
    Idle,
    /// It is no name of a variable, or one of this server's own.
    EnvironmentName,
    /// There is no such variable to be handed on.
    NoVariable,
    /// There are several backends, and not each has a name.
    Unnamed,
    /// It is no name of a backend.
    Name,
    /// Two backends have the same name.
    SameName,
    /// There are more backends than there may be.
    TooMany,
    /// This setting is of one backend, and there are several.
    ForWhich(String),
    /// What is signed for one backend would be good at another.
    SameAudience,
    /// This is wrong with the settings of the backend of this name.
    Of(String, Box<Self>),
}

impl GatewayError {
    pub(super) fn setting(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::NoBackend(setting)
            | Self::NoCommand(setting)
            | Self::NoAddress(setting)
            | Self::ForWhich(setting) => {
                return Cow::from(setting.as_str());
            }
            Self::Of(name, error) => return Cow::from(format!("{} of {name}", error.setting())),
            Self::Command => BACKEND_COMMAND.name(),
            Self::TwoBackends | Self::Unnamed | Self::Name | Self::SameName | Self::TooMany => {
                BACKEND.name()
            }
            Self::SameAudience => BACKEND_AUDIENCE.name(),
            Self::BearerOfProcess => IDENTITY.name(),
            Self::User => BACKEND_USER.name(),
            Self::Share | Self::ShareOfNobody => BACKEND_SHARE.name(),
            Self::Processes => BACKEND_PROCESSES.name(),
            Self::Idle => BACKEND_IDLE.name(),
            Self::EnvironmentName | Self::NoVariable => BACKEND_ENV.name(),
            Self::Address(_) => BACKEND.name(),
            Self::Identity(_) | Self::Forgeable | Self::TokenInTheClear => IDENTITY.name(),
            Self::Header | Self::TwoAuthorizations => BACKEND_HEADER.name(),
            Self::Timeout => BACKEND_TIMEOUT.name(),
            Self::AnswerBytes => BACKEND_ANSWER_BYTES.name(),
            Self::HeldBytes => BACKEND_HELD_BYTES.name(),
        })
    }

    /// What is wrong.
    pub(super) fn wrong(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::NoBackend(_) => "it is about the backend of a gateway, and there is none",
            Self::Address(error) => return Cow::from(error.to_string()),
            Self::Identity(error) => match error {
                BackendIdentityError::Unknown => "there is no such choice",
                BackendIdentityError::Contradicts => "its parts contradict each other",
                BackendIdentityError::TwoBearers => {
                    "bearer and entra would both be in the header Authorization"
                }
                BackendIdentityError::Scopes => {
                    "they are no scopes of one application, and of another than Microsoft Graph"
                }
            },
            Self::Forgeable => {
                "these headers are believed from whoever reaches the backend, and others than this server may reach it"
            }
            Self::TokenInTheClear => {
                "others could read the user's access token on the way to the backend"
            }
            Self::Header => "it is no header, or one that this server writes itself",
            Self::TwoAuthorizations => {
                "it is Authorization, and so is what --identity bearer or entra sends"
            }
            Self::Timeout => "it is not a time from 1s to 50m",
            Self::AnswerBytes => "it is not a number of bytes from 1024 to 67108864",
            Self::HeldBytes => "it is not a number of bytes from 16777216 to 17179869184",
            Self::Command => "it is no program with its arguments",
            Self::TwoBackends => "there is a command, too",
            Self::NoCommand(_) => "it is about a process, and the backend has an address",
            Self::NoAddress(_) => "it is about an address, and the backend is a process",
            Self::BearerOfProcess => "a process is sent no headers",
            Self::User => "it is no user and group, as numbers",
            Self::Share => "there is no such choice",
            Self::ShareOfNobody => {
                "all users would have one process, and --identity none tells it of none of them"
            }
            Self::Processes => "it is not a number from 1 to 1024",
            Self::Idle => "it is not a time from 1s to 24h",
            Self::EnvironmentName => "it names no variable, or one of this server's own",
            Self::NoVariable => "it names a variable that this server has not",
            Self::Unnamed => "there are several servers, and not each has a name",
            Self::Name => "it begins with what is no name",
            Self::SameName => "two servers have the same name",
            Self::TooMany => "there are more than 32 servers",
            Self::ForWhich(_) => "it is for one server, and there are several",
            Self::SameAudience => "two servers have the same audience",
            Self::Of(_, error) => return error.wrong(),
        })
    }

    /// What a right value looks like.
    pub(super) fn right(&self) -> &'static str {
        match self {
            Self::NoBackend(_) => {
                "Add --backend with the address of the server, or a command after --, or leave this out."
            }
            Self::Address(_) => {
                "Write the address of its MCP endpoint, such as http://127.0.0.1:8000/mcp."
            }
            Self::Identity(BackendIdentityError::Scopes) => {
                "Write entra: and scopes of the application that the backend is, such as entra:api://orders/Orders.Read."
            }
            Self::Identity(_) => {
                "Write none, or one or more of assertion, bearer, entra:SCOPES, easy-auth and forwarded, with commas between them."
            }
            Self::Forgeable => {
                "Use a loopback address, a Unix socket, or https with --backend-cert and a backend that asks for it; or --identity assertion."
            }
            Self::TokenInTheClear => "Use https, a loopback address or a Unix socket.",
            Self::Header => "Write a name and a value, such as X-Api-Key: KEY.",
            Self::TwoAuthorizations => "Use --identity assertion, or another header.",
            Self::Timeout => "Write a number and s, m or h, such as 10m.",
            Self::AnswerBytes => "Write a number, such as 16777216.",
            Self::HeldBytes => "Write a number, such as 268435456.",
            Self::Command => {
                "Write words, or a JSON array such as [\"npx\", \"-y\", \"@modelcontextprotocol/server-everything\"]. No shell reads it."
            }
            Self::TwoBackends => "Leave one of them out.",
            Self::NoCommand(_) => "Leave it out, or --backend, and write the command after --.",
            Self::NoAddress(_) => "Leave it out: a process is told of its user by its environment.",
            Self::BearerOfProcess => {
                "Leave it out, or write none: its environment says who the user is."
            }
            Self::User => "Write them as 1001:1001.",
            Self::Share => "Write session, user or all.",
            Self::ShareOfNobody => "Leave --identity out.",
            Self::Processes => "Write a number, such as 32.",
            Self::Idle => "Write a number and s, m or h, such as 15m.",
            Self::EnvironmentName => {
                "Write NAME=VALUE, with a name that is none of this server's settings."
            }
            Self::NoVariable => "Set it, or write NAME=VALUE.",
            Self::Unnamed => {
                "Write each as NAME=ADDRESS, and a command as NAME=stdio:COMMAND in place of what stands after --: it is then at /mcp/NAME."
            }
            Self::Name => {
                "A name has up to 32 small letters, digits and -, begins with a letter and is not own-tools, such as orders in \
                 orders=http://127.0.0.1:8000/mcp."
            }
            Self::SameName => "Give each a name of its own.",
            Self::TooMany => "Start another gateway for the rest.",
            Self::ForWhich(_) => {
                "Write NAME= before it, with the name of the server that it is for."
            }
            Self::SameAudience => {
                "Give each its own, or leave it out: what is signed for one server must not be good at another."
            }
            Self::Of(_, error) => error.right(),
        }
    }
}

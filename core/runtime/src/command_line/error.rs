//! What is wrong with a setting, and what to change.

mod accepted_tokens;
mod admission;
mod entra;
mod gateway;
mod lifetime;
mod log_filter;
mod managed_identity;
mod rate_limit;
mod store;

use std::{
    borrow::Cow,
    fmt::{self, Display},
};

use entra_mcp_core::config::{LogFilterError, PublicUrlError};

pub use self::{
    accepted_tokens::AcceptedTokensError,
    admission::AdmissionError,
    entra::{AuthorityHostError, EntraSetting, EntraSettingError},
    gateway::GatewayError,
    lifetime::LifetimeError,
    managed_identity::ManagedIdentityError,
    rate_limit::RateLimitError,
    store::StoreSettingError,
};
use super::given::{
    ALLOW_HOST, ALLOW_ORIGIN, AUTHORITY_HOST, CLIENT_CERTIFICATE_PATH, CLIENT_DOCUMENTS,
    CLIENT_SECRET, DATA_DIR, DEV_TENANT_LISTEN, FEDERATED_TOKEN_FILE, GRAPH, KEY, LOG,
    MANAGED_IDENTITY, PINNED_CLIENT, PUBLIC_URL, RATE_LIMIT, RUST_LOG, SESSIONS_PER_USER,
    TENANT_ID, TRUSTED_PROXY,
};

/// A wrong or missing setting. Never shows the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no such flag or variable.
    UnknownSetting {
        /// The flag or variable.
        setting: String,
        /// The known one that differs least, if one is near.
        nearest: Option<String>,
    },
    /// A family of Graph's tools has another name.
    UnknownGraphTools,
    /// An argument is no flag.
    PositionalArgument,
    /// The arguments cannot be read.
    InvalidArguments {
        /// The cause.
        message: String,
    },
    /// A setting that is a variable only was given as a flag.
    VariableAsFlag {
        /// The flag.
        flag: String,
        /// The variable.
        variable: &'static str,
    },
    /// A flag has no value.
    MissingValue {
        /// The flag, without its dashes.
        flag: &'static str,
        /// What stands for its value in the help.
        value: &'static str,
    },
    /// A variable of the demonstration was given, which has another name here.
    RenamedVariable {
        /// The variable.
        variable: &'static str,
        /// Its name here.
        new: &'static str,
    },
    /// The variable `PORT` was given, which is not read.
    PortVariable,
    /// An address to listen on cannot be understood.
    InvalidAddress {
        /// The setting.
        setting: String,
        /// The port that is usual for it.
        usual: u16,
    },
    /// An address to listen on has port 0.
    PortZero {
        /// The setting.
        setting: String,
        /// The port that is usual for it.
        usual: u16,
    },
    /// No tenant is given, and this build has no development tenant.
    NoDevTenant,
    /// The development tenant is to listen on the server's own port.
    DevTenantPortTaken,
    /// The development tenant would run, but others than this computer could reach it.
    DevTenantNotLocal {
        /// The setting that opens it to others.
        setting: String,
    },
    /// The public URL is missing, and it does not follow from the addresses.
    MissingPublicUrl,
    /// The public URL is not one that can be.
    InvalidPublicUrl {
        /// What is wrong with it.
        problem: PublicUrlError,
    },
    /// The data folder is missing, and there is no home folder.
    MissingDataDir,
    /// What is allowed as an origin is none.
    InvalidOrigin,
    /// What says which clients come in is wrong.
    Admission(AdmissionError),
    /// The settings of which access tokens of Entra ID are taken.
    AcceptedTokens(AcceptedTokensError),
    /// The settings of the gateway.
    Gateway(GatewayError),
    /// What is trusted as a proxy is neither an IP address nor a range of them.
    InvalidProxy,
    /// The PROXY protocol is on, and no proxy is trusted.
    NoProxyForProtocol,
    /// Nobody knows where these documents of clients are.
    UnknownClientDocuments,
    /// Documents on this computer are for the development tenant.
    LoopbackClientDocuments,
    /// A pinned client is not a URL and redirect URIs, or none is pinned that could be taken away.
    InvalidPinnedClient,
    /// What is allowed as a host is none.
    InvalidHost,
    /// A setting is neither on nor off.
    NeitherOnNorOff {
        /// The setting.
        setting: String,
    },
    /// It is not how many sessions a user may have.
    InvalidSessionsPerUser,
    /// A lifetime is not one that can be.
    Lifetime(LifetimeError),
    /// A limit of rate is not one that can be.
    RateLimit(RateLimitError),
    /// A shared store cannot be used as it is set.
    Store(StoreSettingError),
    /// There is no such format of the log.
    UnknownLogFormat,
    /// A directive of `RUST_LOG` is none.
    LogFilter {
        /// Its place in the list, from 1.
        position: usize,
        /// What is wrong with it.
        error: LogFilterError,
    },
    /// A master key cannot be one.
    InvalidKey {
        /// Its place in the list, from 1.
        position: usize,
        /// What is wrong with it.
        problem: KeyError,
    },
    /// A setting of Entra ID is missing or wrong.
    Entra {
        /// The setting.
        setting: EntraSetting,
        /// What is wrong with it.
        problem: EntraSettingError,
    },
    /// More than one of a client secret, a client certificate, a federated token and a managed identity is given.
    SeveralCredentials,
    /// The managed identity cannot be used.
    ManagedIdentity(ManagedIdentityError),
    /// The authority host is not one that can be.
    InvalidAuthorityHost {
        /// What is wrong with it.
        problem: AuthorityHostError,
    },
}

/// What is wrong with a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not base64.
    NotBase64,
    /// It has not 32 bytes.
    WrongLength,
    /// Somebody could guess it.
    NotRandom,
}

impl ConfigError {
    /// Returns the setting, as its flag or variable is written.
    #[must_use]
    pub fn setting(&self) -> Cow<'_, str> {
        match self {
            Self::UnknownSetting { setting, .. }
            | Self::InvalidAddress { setting, .. }
            | Self::PortZero { setting, .. }
            | Self::DevTenantNotLocal { setting } => Cow::from(setting),
            Self::PositionalArgument | Self::InvalidArguments { .. } => Cow::from("arguments"),
            Self::VariableAsFlag { flag, .. } => Cow::from(flag),
            Self::MissingValue { flag, .. } => Cow::from(format!("--{flag}")),
            Self::RenamedVariable { variable, .. } => Cow::from(*variable),
            Self::PortVariable => Cow::from("PORT"),
            Self::NoDevTenant => Cow::from(TENANT_ID.name()),
            Self::DevTenantPortTaken => Cow::from(DEV_TENANT_LISTEN.name()),
            Self::MissingPublicUrl | Self::InvalidPublicUrl { .. } => Cow::from(PUBLIC_URL.name()),
            Self::MissingDataDir => Cow::from(DATA_DIR.name()),
            Self::InvalidOrigin => Cow::from(ALLOW_ORIGIN.name()),
            Self::Admission(error) => Cow::from(error.setting().name()),
            Self::AcceptedTokens(error) => Cow::from(error.setting().name()),
            Self::Gateway(error) => error.setting(),
            Self::InvalidProxy | Self::NoProxyForProtocol => Cow::from(TRUSTED_PROXY.name()),
            Self::UnknownClientDocuments | Self::LoopbackClientDocuments => {
                Cow::from(CLIENT_DOCUMENTS.name())
            }
            Self::InvalidPinnedClient => Cow::from(PINNED_CLIENT.name()),
            Self::InvalidHost => Cow::from(ALLOW_HOST.name()),
            Self::NeitherOnNorOff { setting } => Cow::from(setting.as_str()),
            Self::InvalidSessionsPerUser => Cow::from(SESSIONS_PER_USER.name()),
            Self::Lifetime(error) => error.setting(),
            Self::RateLimit(_) => Cow::from(RATE_LIMIT.name()),
            Self::Store(error) => error.setting(),
            Self::UnknownLogFormat => Cow::from(LOG.name()),
            Self::UnknownGraphTools => Cow::from(GRAPH.name()),
            Self::LogFilter { .. } => Cow::from(RUST_LOG.name()),
            Self::InvalidKey { .. } => Cow::from(KEY.name()),
            Self::Entra { setting, .. } => Cow::from(setting.name()),
            Self::SeveralCredentials => Cow::from(format!(
                "{}, {}, {}, {}",
                CLIENT_SECRET.variable,
                CLIENT_CERTIFICATE_PATH.variable,
                FEDERATED_TOKEN_FILE.variable,
                MANAGED_IDENTITY.name()
            )),
            Self::ManagedIdentity(error) => error.setting(),
            Self::InvalidAuthorityHost { .. } => Cow::from(AUTHORITY_HOST.name()),
        }
    }

    /// What is wrong.
    fn wrong(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::UnknownSetting { .. } => "there is no such setting",
            Self::PositionalArgument => "only flags that begin with -- are taken",
            Self::InvalidArguments { message } => message,
            Self::VariableAsFlag { .. } => {
                "it is a variable, because other users of the computer can see arguments"
            }
            Self::MissingValue { .. } => "its value is missing",
            Self::RenamedVariable { .. } | Self::PortVariable => {
                "it is a name of the demonstration, which is not read here"
            }
            Self::InvalidAddress { .. } => "it is not an address and a port",
            Self::PortZero { .. } => "port 0 is any port, and clients have to know which",
            Self::NoDevTenant => "it is missing, and this build has no development tenant",
            Self::DevTenantPortTaken => "the server itself listens on this port",
            Self::DevTenantNotLocal { .. } => {
                "the development tenant lets anybody in, so it runs on this computer only"
            }
            Self::MissingPublicUrl => {
                "it is missing, and the server is to listen on more than this computer"
            }
            Self::InvalidPublicUrl { problem } => return Cow::from(problem.to_string()),
            Self::MissingDataDir => "it is missing, and there is no HOME to find a place in",
            Self::InvalidOrigin => "it is not an origin",
            Self::Admission(error) => return error.wrong(),
            Self::AcceptedTokens(error) => error.wrong(),
            Self::Gateway(error) => return error.wrong(),
            Self::InvalidProxy => "it is neither an IP address nor a range of them",
            Self::NoProxyForProtocol => "it is missing, and --proxy-protocol is on",
            Self::UnknownClientDocuments | Self::UnknownGraphTools => "there is no such choice",
            Self::LoopbackClientDocuments => {
                "strangers could have the server connect to this computer"
            }
            Self::InvalidPinnedClient => {
                "it is neither a client_id with redirect URIs nor one that is pinned"
            }
            Self::InvalidHost => "it is not a host with or without a port",
            Self::NeitherOnNorOff { .. } => "there is no such choice",
            Self::InvalidSessionsPerUser => "it is not a number of sessions that a user may have",
            Self::Lifetime(error) => return error.wrong(),
            Self::RateLimit(error) => error.wrong(),
            Self::Store(error) => error.wrong(),
            Self::UnknownLogFormat => "there is no such format",
            Self::LogFilter { position, error } => {
                return Cow::from(log_filter::wrong(*position, *error));
            }
            Self::InvalidKey { position, problem } => {
                return Cow::from(format!("key {position} {problem}"));
            }
            Self::SeveralCredentials => "more than one of them is set",
            Self::ManagedIdentity(error) => error.wrong(),
            Self::Entra { problem, .. } => problem.as_str(),
            Self::InvalidAuthorityHost { problem } => problem.as_str(),
        })
    }

    /// What a right value looks like.
    fn right(&self) -> Cow<'_, str> {
        Cow::from(match self {
            Self::UnknownSetting {
                nearest: Some(nearest),
                ..
            } => return Cow::from(format!("Did you mean {nearest}?")),
            Self::UnknownSetting { nearest: None, .. }
            | Self::PositionalArgument
            | Self::InvalidArguments { .. } => "See --help.",
            Self::VariableAsFlag { variable, .. } => {
                return Cow::from(format!("Set {variable} in the environment or in .env."));
            }
            Self::MissingValue { flag, value } => {
                return Cow::from(format!("Write --{flag} {value}."));
            }
            Self::RenamedVariable { new, .. } => {
                return Cow::from(format!("Set {new} to the same value."));
            }
            Self::PortVariable => {
                "Say --listen localhost:PORT, or --listen 0.0.0.0:PORT to be reached from \
                 elsewhere (ENTRA_MCP_LISTEN)."
            }
            Self::InvalidAddress { usual, .. } | Self::PortZero { usual, .. } => {
                return right_address(*usual).into();
            }
            Self::NoDevTenant => "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
            Self::DevTenantPortTaken => "Write another, such as localhost:3002.",
            Self::DevTenantNotLocal { .. } => {
                "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET to use a real \
                 tenant, or stay on localhost."
            }
            Self::MissingPublicUrl | Self::InvalidPublicUrl { .. } => {
                "Write the address that clients use, such as https://mcp.contoso.com."
            }
            Self::MissingDataDir => {
                "Write the folder to keep sessions in, such as /var/lib/entra-mcp."
            }
            Self::InvalidOrigin => "Write scheme, host and port, such as http://localhost:6274.",
            Self::Admission(error) => error.right(),
            Self::AcceptedTokens(error) => error.right(),
            Self::Gateway(error) => error.right(),
            Self::InvalidProxy | Self::NoProxyForProtocol => {
                "Write an IP address such as 10.0.0.7, or a range such as 10.0.0.0/8."
            }
            Self::UnknownClientDocuments => "Write public, pinned or off.",
            Self::LoopbackClientDocuments => {
                "Write public, or use the development tenant, which is reached from this computer only."
            }
            Self::InvalidPinnedClient => {
                "Write the URL, a space and where the client returns to, such as \
                 https://agent.contoso.com/client.json https://agent.contoso.com/callback."
            }
            Self::InvalidHost => "Write a host such as mcp.contoso.com or 10.0.0.7:3001.",
            Self::NeitherOnNorOff { .. } => "Write on or off.",
            Self::InvalidSessionsPerUser => "Write a whole number from 1 to 256.",
            Self::Lifetime(error) => error.right(),
            Self::RateLimit(_) => RateLimitError::RIGHT,
            Self::Store(error) => error.right(),
            Self::UnknownLogFormat => "Write text or json.",
            Self::UnknownGraphTools => "Write some of mail,calendar,files,people,teams,search.",
            Self::LogFilter { .. } => log_filter::RIGHT,
            Self::InvalidKey { .. } => "Make one with `openssl rand -base64 32`.",
            Self::SeveralCredentials => "Set the one that this server is to use, and no other.",
            Self::ManagedIdentity(error) => error.right(),
            Self::Entra { setting, .. } => setting.right(),
            Self::InvalidAuthorityHost { .. } => {
                "Leave it out for the global cloud, or put the authority of yours there, such as \
                 https://login.microsoftonline.us."
            }
        })
    }
}

fn right_address(port: u16) -> String {
    format!("Write localhost:{port}, 127.0.0.1:{port} or 0.0.0.0:{port}.")
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.setting(), self.wrong(), self.right())
    }
}

impl std::error::Error for ConfigError {}

impl Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBase64 => "is not base64",
            Self::WrongLength => "has not 32 bytes",
            Self::NotRandom => "is not random",
        })
    }
}

impl std::error::Error for KeyError {}

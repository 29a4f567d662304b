//! Why a server does not run, and what to change.

use std::{
    error::Error,
    ffi::OsString,
    fmt::{self, Display},
    io,
    path::PathBuf,
};

use entra_mcp_core::catalog::CatalogErrors;

use crate::{
    backend_process::BackendProcessError, backend_tls::BackendTlsError,
    client_credential::ClientCredentialError, clients_file::ClientsFileError,
    command_line::ConfigError, data_dir_error::DataDirError, egress::EgressError,
    listen::ListenError, policy_file::PolicyFileError, shared_store_error::SharedStoreError,
};

/// Why a server does not run.
///
/// `Debug` is the same text as `Display`: what `main` returns is printed so.
#[non_exhaustive]
pub enum StartError {
    /// An argument is not UTF-8.
    ArgumentNotUtf8 {
        /// The argument.
        argument: OsString,
    },
    /// The file `.env` cannot be read.
    DotenvUnreadable {
        /// The cause.
        error: io::Error,
    },
    /// A flag of the runtime has no value.
    FlagWithoutValue {
        /// The flag, such as `--http-server`.
        flag: &'static str,
    },
    /// A flag of the runtime has a value that there is not.
    InvalidFlagValue {
        /// The flag, such as `--http-server`.
        flag: &'static str,
        /// The environment variable that stands for it.
        variable: &'static str,
        /// The values that there are.
        values: &'static [&'static str],
    },
    /// A setting asks for what the chosen HTTP server does not know.
    NotWithHttpServer {
        /// The setting, such as `--proxy-protocol`.
        flag: &'static str,
        /// The HTTP server.
        server: &'static str,
    },
    /// The command that adds a client is not complete.
    InvalidClientCommand {
        /// The platforms that a client may be for.
        platforms: Vec<&'static str>,
    },
    /// The command about sessions is not complete, or says two things.
    InvalidSessionsCommand,
    /// Not all sessions could be read or ended.
    SessionsIncomplete {
        /// What was.
        text: String,
    },
    /// The process that serves does not answer the command about sessions.
    SessionsUnanswered {
        /// The cause.
        error: io::Error,
    },
    /// The command about keys is not complete.
    InvalidKeyCommand,
    /// The master keys are those of the configuration, which no command changes.
    KeyOfConfiguration,
    /// A former key is still needed.
    KeyStillNeeded {
        /// By what.
        text: String,
    },
    /// Settings are wrong: all that are.
    Config(Vec<ConfigError>),
    /// What the environment says of outbound connections is wrong.
    Egress(EgressError),
    /// A file that says how the backend is reached by TLS is wrong.
    BackendTls(BackendTlsError),
    /// The process that is the server behind this one cannot be run, or not safely.
    BackendProcess(BackendProcessError),
    /// What is offered is wrong.
    Catalog(CatalogErrors),
    /// The audit log cannot be written.
    AuditLogUnopened {
        /// The file.
        path: String,
        /// The cause.
        error: io::Error,
    },
    /// Another server of this process writes another audit log, and there is one for all.
    AnotherAuditLog {
        /// The file that is written.
        path: String,
    },
    /// The data folder, its sessions or its key cannot be used.
    DataDir(DataDirError),
    /// The store that replicas share cannot be used.
    Store(SharedStoreError),
    /// What this server proves its identity to Entra ID with cannot be used.
    ClientCredential(ClientCredentialError),
    /// The file of the development tenant cannot be used.
    DevTenantFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A path of the program's own is one of the server's, is given twice, or is no path.
    RouteTaken {
        /// The path.
        path: String,
    },
    /// Nobody has said at which port a server is asked that does not listen itself.
    PortUnknown,
    /// The file of the policy is wrong.
    Policy(PolicyFileError),
    /// The file of registered clients is wrong.
    Clients(ClientsFileError),
    /// An address cannot be listened on.
    Listen(ListenError),
    /// A listening socket cannot be used by the runtime.
    Socket {
        /// The cause.
        error: io::Error,
    },
    /// A thread cannot be started.
    Thread {
        /// The cause.
        error: io::Error,
    },
}

impl Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArgumentNotUtf8 { argument } => {
                write!(f, "The argument {} is not UTF-8.", argument.display())
            }
            Self::DotenvUnreadable { error } => {
                write!(f, "The file .env cannot be read: {error}.")
            }
            Self::FlagWithoutValue { flag } => write!(f, "{flag} needs a value."),
            Self::InvalidFlagValue {
                flag,
                variable,
                values,
            } => write!(f, "{flag} ({variable}) must be {}.", values.join(" or ")),
            Self::NotWithHttpServer { flag, server } => write!(
                f,
                "{flag} does not work with --http-server {server}. Leave one of them out."
            ),
            Self::InvalidClientCommand { platforms } => write!(
                f,
                "Write client add --for, and one of {}.",
                platforms.join(", ")
            ),
            Self::InvalidSessionsCommand => f.write_str(
                "Write sessions list or sessions end, and which: --session NAME, --user OBJECT_ID or --client NAME, or \
                 --all.",
            ),
            Self::SessionsIncomplete { text } | Self::KeyStillNeeded { text } => f.write_str(text),
            Self::InvalidKeyCommand => {
                f.write_str("Write key status, key rotate or key drop-old, the last one with --sign-out to drop what is needed.")
            }
            Self::KeyOfConfiguration => f.write_str(
                "The master keys are those of ENTRA_MCP_KEY, so change them there, and restart: a new one in front, which seals, and \
                 the former one behind it, which still opens. head -c 32 /dev/urandom | base64 makes one. With several replicas, \
                 give all of them both keys first, the new one second. key status says when the former one can go.",
            ),
            Self::SessionsUnanswered { error } => {
                write!(f, "The server that runs does not answer: {error}. Try again.")
            }
            Self::Config(errors) => {
                f.write_str("some settings are wrong:")?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
            Self::Catalog(errors) => write!(f, "what is offered is wrong:\n{errors}"),
            Self::RouteTaken { path } => route_taken(path, f),
            Self::PortUnknown => f.write_str(
                "A service listens nowhere itself: say with Config::listen at which address and port the program does.",
            ),
            Self::Egress(error) => error.fmt(f),
            Self::BackendTls(error) => error.fmt(f),
            Self::BackendProcess(error) => error.fmt(f),
            Self::AuditLogUnopened { path, error } => write!(
                f,
                "The audit log {path} cannot be opened: {error}. Its folder must be there, and writable."
            ),
            Self::AnotherAuditLog { path } => write!(
                f,
                "Another server of this process writes the audit log {path}: set ENTRA_MCP_AUDIT_LOG to the same."
            ),
            Self::DataDir(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::ClientCredential(error) => error.fmt(f),
            Self::DevTenantFile { path, problem } => {
                write!(f, "{} is wrong: {problem}.", path.display())
            }
            Self::Clients(error) => error.fmt(f),
            Self::Policy(error) => error.fmt(f),
            Self::Listen(error) => error.fmt(f),
            Self::Socket { error } => write!(f, "A socket cannot be listened on: {error}."),
            Self::Thread { error } => write!(f, "No thread can be started: {error}."),
        }
    }
}

fn route_taken(path: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "The path {path} cannot be one of your own: it begins as one of the server's or of yours does, or has other \
         characters than letters, digits, -, ., _ and ~. Choose another, such as /hooks."
    )
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::DotenvUnreadable { error }
            | Self::SessionsUnanswered { error }
            | Self::AuditLogUnopened { error, .. }
            | Self::Socket { error }
            | Self::Thread { error } => Some(error),
            // These are shown as they are, so what comes next is what they come from.
            Self::DataDir(error) => error.source(),
            Self::ClientCredential(error) => error.source(),
            Self::Listen(error) => error.source(),
            Self::Catalog(error) => error.source(),
            Self::Egress(error) => error.source(),
            Self::BackendTls(error) => error.source(),
            Self::ArgumentNotUtf8 { .. }
            | Self::FlagWithoutValue { .. }
            | Self::InvalidFlagValue { .. }
            | Self::NotWithHttpServer { .. }
            | Self::InvalidSessionsCommand
            | Self::SessionsIncomplete { .. }
            | Self::InvalidKeyCommand
            | Self::KeyOfConfiguration
            | Self::KeyStillNeeded { .. }
            | Self::InvalidClientCommand { .. }
            | Self::BackendProcess(_)
            | Self::DevTenantFile { .. }
            | Self::RouteTaken { .. }
            | Self::PortUnknown
            | Self::Clients(_)
            | Self::Policy(_)
            | Self::Store(_)
            | Self::AnotherAuditLog { .. }
            | Self::Config(_) => None,
        }
    }
}

impl From<CatalogErrors> for StartError {
    fn from(errors: CatalogErrors) -> Self {
        Self::Catalog(errors)
    }
}

impl From<BackendTlsError> for StartError {
    fn from(error: BackendTlsError) -> Self {
        Self::BackendTls(error)
    }
}

impl From<BackendProcessError> for StartError {
    fn from(error: BackendProcessError) -> Self {
        Self::BackendProcess(error)
    }
}

impl From<EgressError> for StartError {
    fn from(error: EgressError) -> Self {
        Self::Egress(error)
    }
}

impl From<DataDirError> for StartError {
    fn from(error: DataDirError) -> Self {
        Self::DataDir(error)
    }
}

impl From<SharedStoreError> for StartError {
    fn from(error: SharedStoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ClientCredentialError> for StartError {
    fn from(error: ClientCredentialError) -> Self {
        Self::ClientCredential(error)
    }
}

impl From<ClientsFileError> for StartError {
    fn from(error: ClientsFileError) -> Self {
        Self::Clients(error)
    }
}

impl From<PolicyFileError> for StartError {
    fn from(error: PolicyFileError) -> Self {
        Self::Policy(error)
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_error_has_the_error_of_the_operating_system_as_its_source() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let data_dir = DataDirError::Unusable {
            path: "/nowhere".into(),
            error: denied(),
        };
        let errors = [
            StartError::from(data_dir),
            StartError::Socket { error: denied() },
        ];
        for error in errors {
            let source = error.source().and_then(|source| source.downcast_ref());
            let kind = source.map(io::Error::kind);
            assert_eq!(kind, Some(io::ErrorKind::PermissionDenied), "{error}");
        }
    }
}

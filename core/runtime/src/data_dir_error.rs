//! Why the data folder, its sessions or its key cannot be used, for the operator.

use std::{
    error::Error,
    fmt::{self, Display},
    io,
    path::PathBuf,
};

/// Why the data folder, its sessions or its key cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataDirError {
    /// The folder cannot be made or written to.
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// Another server uses the folder.
    InUse {
        /// The file of the sessions.
        sessions: PathBuf,
    },
    /// The sessions cannot be opened.
    SessionsUnusable {
        /// Their file.
        sessions: PathBuf,
        /// The cause.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The sessions cannot be read.
    SessionsUnreadable {
        /// Their file.
        sessions: PathBuf,
        /// The cause.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The sessions were sealed with another key.
    WrongKey {
        /// The file of the sessions.
        sessions: PathBuf,
        /// The file of the key; `None` if the keys are those of `ENTRA_MCP_KEY`.
        key_file: Option<PathBuf>,
    },
    /// There are sessions, but not the file of their key.
    KeyMissing {
        /// The file of the key.
        path: PathBuf,
        /// The file of the sessions.
        sessions: PathBuf,
    },
    /// Others than the owner can read the file of the key.
    KeyOpenToOthers {
        /// The file of the key.
        path: PathBuf,
    },
    /// The file of the key does not hold one.
    KeyDamaged {
        /// The file of the key.
        path: PathBuf,
    },
    /// The file holds as many keys as it may.
    TooManyKeys {
        /// The file of the key.
        path: PathBuf,
    },
    /// The file of the key cannot be read.
    KeyUnreadable {
        /// The file of the key.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
    /// The file of the key cannot be written.
    KeyNotWritten {
        /// The file of the key.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
}

impl Display for DataDirError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { path, error } => write!(
                f,
                "The data folder {} cannot be used: {error}.\n\
                 Choose another with --data-dir or ENTRA_MCP_DATA_DIR, or make this one writable.",
                path.display()
            ),
            Self::InUse { sessions } => write!(
                f,
                "Another server is using the data folder: {} is open.\n\
                 Stop it, or give this one a folder of its own with --data-dir.",
                sessions.display()
            ),
            Self::SessionsUnusable { sessions, error } => {
                let sessions = sessions.display();
                write!(f, "The sessions in {sessions} cannot be used: {error}.")
            }
            Self::SessionsUnreadable { sessions, error } => {
                let sessions = sessions.display();
                write!(f, "The sessions in {sessions} cannot be read: {error}.")
            }
            Self::WrongKey { sessions, key_file } => {
                let sessions = sessions.display();
                let given = key_file.as_ref().map_or_else(
                    || "a key in ENTRA_MCP_KEY".to_owned(),
                    |path| format!("the key in {}", path.display()),
                );
                write!(
                    f,
                    "The sessions in {sessions} were sealed with a key that is not {given}.\n\
                     Give the key that was used until now in ENTRA_MCP_KEY, after the new one if \
                     you are changing keys.\nIf it is lost, delete that file: everybody has to \
                     sign in again."
                )
            }
            Self::KeyMissing { path, sessions } => write!(
                f,
                "The key file {} is gone, and the sessions in {} cannot be opened without it.\n\
                 Put it back, or give its key in ENTRA_MCP_KEY. If it is lost, delete the \
                 sessions: everybody has to sign in again.",
                path.display(),
                sessions.display()
            ),
            Self::KeyOpenToOthers { path } => {
                let path = path.display();
                write!(
                    f,
                    "The key file {path} can be read by others. Say `chmod 600 {path}`, and if \
                     others may have read it, put a new key first in ENTRA_MCP_KEY."
                )
            }
            Self::KeyDamaged { path } => write!(
                f,
                "The key file {} is damaged: it must hold 32 bytes as base64url, or a few such lines.",
                path.display()
            ),
            Self::TooManyKeys { path } => write!(
                f,
                "The key file {} holds as many keys as it may. Leave the former ones out first: key drop-old.",
                path.display()
            ),
            Self::KeyUnreadable { path, error } => {
                let path = path.display();
                write!(f, "The key file {path} cannot be read: {error}.")
            }
            Self::KeyNotWritten { path, error } => {
                let path = path.display();
                write!(f, "The key file {path} cannot be written: {error}.")
            }
        }
    }
}

impl Error for DataDirError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unusable { error, .. }
            | Self::KeyUnreadable { error, .. }
            | Self::KeyNotWritten { error, .. } => Some(error),
            Self::SessionsUnusable { error, .. } | Self::SessionsUnreadable { error, .. } => {
                Some(&**error)
            }
            Self::InUse { .. }
            | Self::WrongKey { .. }
            | Self::KeyMissing { .. }
            | Self::KeyOpenToOthers { .. }
            | Self::TooManyKeys { .. }
            | Self::KeyDamaged { .. } => None,
        }
    }
}

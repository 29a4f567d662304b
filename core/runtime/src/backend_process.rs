//! Whether the server behind this one can be run as a process, and without a way to this server's keys (threat R15).
//!
//! A process of the same user can open what this server can: a master key in the data folder, secrets in `.env`. So it has to be of
//! another user, or the keys may not be in files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use entra_mcp_core::{
    config::{BackendCommand, Config, StoreLocation},
    log_event::{Field, LogEvent, LogEventId},
};

use crate::{
    log,
    unix::{files, user},
};

/// Why it is not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackendProcessError {
    /// There is no such program.
    NoProgram {
        /// Its name.
        program: String,
    },
    /// There is no such folder.
    NoFolder {
        /// The folder.
        folder: String,
        /// Why it cannot be used.
        error: io::Error,
    },
    /// It is to be another user's, and only root can do that.
    NotRoot,
    /// It could read this, which holds secrets.
    CanRead {
        /// The folder or file.
        path: PathBuf,
    },
}

impl fmt::Display for BackendProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram { program } => write!(
                f,
                "There is no program {program} in PATH. What stands after -- is run without a shell: write the program first, and its \
                 arguments after it."
            ),
            Self::NoFolder { folder, error } => {
                write!(f, "--backend-dir {folder} cannot be used: {error}.")
            }
            Self::NotRoot => f.write_str(
                "--backend-user needs this server to be started as root: nobody else can run a process as another user.",
            ),
            Self::CanRead { path } => write!(
                f,
                "The server behind this gateway would run as the user who owns {}, and could read the keys in it. There are two ways out: \
                 start this server as root and add --backend-user UID:GID with a user who owns nothing of it; or keep keys out of \
                 files, with ENTRA_MCP_KEY and all other secrets in the environment, which that server does not inherit.",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BackendProcessError {}

/// Checks it before anything is served.
///
/// # Errors
///
/// What is wrong.
pub(crate) fn check(config: &Config) -> Result<(), BackendProcessError> {
    let mut commands = config
        .gateways()
        .filter_map(|(_, gateway)| gateway.command());
    commands.try_for_each(|command| check_one(command, config))
}

fn check_one(command: &BackendCommand, config: &Config) -> Result<(), BackendProcessError> {
    check_program(command)?;
    let own = user::own();
    if let Some(user) = command.user
        && own != 0
        && user.uid != own
    {
        return Err(BackendProcessError::NotRoot);
    }
    let uid = command.user.map_or(own, |user| user.uid);
    let Some(path) = readable(config, uid) else {
        return Ok(());
    };
    if config.dev_tenant.is_none() {
        return Err(BackendProcessError::CanRead { path });
    }
    // Nothing of the development tenant is anybody's: the users are made up, and all is on this computer.
    let event = LogEvent::new(LogEventId::GatewayProcessCanRead);
    log(&event.with(Field::Path, path.display().to_string()));
    Ok(())
}

/// What holds secrets and can be read by this user.
fn readable(config: &Config, uid: u32) -> Option<PathBuf> {
    let folder = match &config.store {
        StoreLocation::Folder(folder) if config.keys.is_empty() => Some(folder.clone()),
        StoreLocation::Folder(_) | StoreLocation::Redis(_) => None,
    };
    // A folder that is not there yet will be this server's.
    let owns = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => files::belongs_to(&metadata, uid),
        Err(_) => user::own() == uid,
    };
    let folder = folder.filter(|folder| owns(folder));
    let dotenv = PathBuf::from(".env");
    let can_read = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|file| files::belongs_to(&file, uid) || files::is_open_to_all(&file))
    };
    folder.or_else(|| Some(dotenv).filter(can_read))
}

fn check_program(command: &BackendCommand) -> Result<(), BackendProcessError> {
    if let Some(folder) = &command.folder {
        std::fs::read_dir(folder).map_err(|error| BackendProcessError::NoFolder {
            folder: folder.clone(),
            error,
        })?;
    }
    let program = Path::new(&command.program);
    let folder = Path::new(command.folder.as_deref().unwrap_or("."));
    let path = command.environment.get("PATH");
    let path = path.map(|path| path.expose().as_str()).unwrap_or_default();
    let is_there = match command.program.contains('/') {
        true => folder.join(program).exists(),
        false => path
            .split(':')
            .any(|folder| Path::new(folder).join(program).exists()),
    };
    match is_there {
        true => Ok(()),
        false => Err(BackendProcessError::NoProgram {
            program: command.program.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;

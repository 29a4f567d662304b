//! Sockets of this machine, which have a file for their name.

use std::{io, path::Path};

use super::files;

/// One that accepts connections.
pub(crate) type LocalListener = std::os::unix::net::UnixListener;

/// A connection.
pub(crate) type LocalStream = std::os::unix::net::UnixStream;

/// Listens, for the user of this process only. It has its name once nobody else can open it.
pub(crate) fn listen(path: &Path) -> io::Result<LocalListener> {
    let unfinished = path.with_extension(std::process::id().to_string());
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = LocalListener::bind(&unfinished)?;
    files::keep_path_from_others(&unfinished)?;
    std::fs::rename(&unfinished, path)?;
    Ok(listener)
}

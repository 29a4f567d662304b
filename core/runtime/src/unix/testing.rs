//! What tests look at and do.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

pub(crate) use std::os::unix::fs::symlink;

#[cfg(feature = "redis")]
pub(crate) use self::signal::{Signal, signal};

/// Who may do what with a file.
pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Changes that.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).unwrap();
}

#[cfg(feature = "redis")]
mod signal {
    pub(crate) use rustix::process::Signal;
    use rustix::process::{Pid, kill_process};

    /// Sends a signal to a child.
    pub(crate) fn signal(child: &std::process::Child, signal: Signal) {
        kill_process(Pid::from_child(child), signal).unwrap();
    }
}

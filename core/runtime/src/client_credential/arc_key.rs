//! The files by which the agent of Azure Arc has its callers prove that they may read what only its group may (Microsoft,
//! "Authenticate against Azure resources with Azure Arc-enabled servers").

use std::path::{Path, PathBuf};

use entra_mcp_core::{limits, secret::Secret};

use super::error::{CredentialProblem, read_file};

/// The agent's folder. Whoever answers in the agent's place cannot have any other file sent to them.
#[cfg(not(windows))]
pub(super) fn folder() -> PathBuf {
    PathBuf::from("/var/opt/azcmagent/tokens")
}

/// The agent's folder.
#[cfg(windows)]
pub(super) fn folder() -> PathBuf {
    let data = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
    Path::new(&data)
        .join("AzureConnectedMachineAgent")
        .join("Tokens")
}

/// Reads a file that the agent named.
pub(super) fn read(path: &Path, folder: &Path) -> Result<Secret<String>, CredentialProblem> {
    let is_key = path.extension().is_some_and(|extension| extension == "key");
    let is_link = std::fs::symlink_metadata(path)
        .map_err(CredentialProblem::Unreadable)?
        .is_symlink();
    if path.parent() != Some(folder) || !is_key || is_link {
        return Err(CredentialProblem::NotOfTheAgent);
    }
    let bytes = read_file(path)?;
    if bytes.len() as u64 > limits::ARC_KEY_BYTES {
        return Err(CredentialProblem::NoKey);
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    // It becomes the value of a header.
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Secret::new(text.to_owned())),
        false => Err(CredentialProblem::NoKey),
    }
}

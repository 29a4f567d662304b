//! The master key: from the configuration, or generated once into the data folder; and never, ever,
//! a new one silently for a store that another key sealed (threat Q7).

use std::{io, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::keys::{Keyring, MasterKey};

use crate::{data_dir::DataDir, seed, store::FileStore};

/// The file of the generated key: 32 bytes as base64url, as `ENTRA_MCP_KEY` takes them.
const FILE: &str = "master.key";

/// The keys to run with: the configured ones, or that of the data folder, made if the store is new.
///
/// # Errors
///
/// Why there is no key that fits the store, in words for the operator.
pub(crate) fn ring(
    configured: &[MasterKey],
    folder: &DataDir,
    store: &FileStore,
) -> Result<Keyring, String> {
    let ring = match configured.split_first() {
        Some((first, others)) => Keyring::new(first.clone(), others.to_vec()),
        None => Keyring::new(kept(folder, store)?, Vec::new()),
    };
    if store.fits(&ring)? {
        Ok(ring)
    } else {
        let given = if configured.is_empty() {
            format!("the key in {}", folder.file(FILE).display())
        } else {
            "a key in ENTRA_MCP_KEY".to_owned()
        };
        Err(format!(
            "The sessions in {} were sealed with a key that is not {given}.\n\
             Give the key that was used until now in ENTRA_MCP_KEY, after the new one if you are \
             changing keys.\nIf it is lost, delete that file: everybody has to sign in again.",
            store.path().display()
        ))
    }
}

/// The key of the data folder.
fn kept(folder: &DataDir, store: &FileStore) -> Result<MasterKey, String> {
    let path = folder.file(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let open_to_others = std::fs::metadata(&path)
                .map(|metadata| metadata.permissions().mode() & 0o077 != 0)
                .map_err(|error| unreadable(&path, &error))?;
            if open_to_others {
                let path = path.display();
                return Err(format!(
                    "The key file {path} can be read by others. Say `chmod 600 {path}`, and if \
                     others may have read it, put a new key first in ENTRA_MCP_KEY."
                ));
            }
            parse(&text).ok_or_else(|| {
                format!(
                    "The key file {} is damaged: it must hold 32 bytes as base64url.",
                    path.display()
                )
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if store.is_marked()? {
                return Err(format!(
                    "The key file {} is gone, and the sessions in {} cannot be opened without it.\n\
                     Put it back, or give its key in ENTRA_MCP_KEY. If it is lost, delete the \
                     sessions: everybody has to sign in again.",
                    path.display(),
                    store.path().display()
                ));
            }
            generate(folder)
        }
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn generate(folder: &DataDir) -> Result<MasterKey, String> {
    let bytes = zeroize::Zeroizing::new(seed::bytes());
    let text = zeroize::Zeroizing::new(format!("{}\n", URL_SAFE_NO_PAD.encode(*bytes)));
    folder.write_whole(FILE, text.as_bytes()).map_err(|error| {
        let path = folder.file(FILE);
        format!(
            "The key file {} cannot be written: {error}.",
            path.display()
        )
    })?;
    Ok(MasterKey::new(*bytes))
}

fn parse(text: &str) -> Option<MasterKey> {
    let bytes = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).ok()?);
    bytes.as_slice().try_into().ok().map(MasterKey::new)
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> String {
    format!("The key file {} cannot be read: {error}.", path.display())
}

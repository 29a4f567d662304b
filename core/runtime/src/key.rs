//! The master key: from the configuration, or generated once into the data folder; and never, ever,
//! a new one silently for a store that another key sealed (threat Q7).

use std::{io, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::keys::{Keyring, MasterKey};

#[cfg(feature = "redis")]
use crate::{
    command_line::{ConfigError, StoreSettingError},
    shared_store_error::SharedStoreError,
    start_error::StartError,
    store::RedisStore,
};
use crate::{data_dir::DataDir, data_dir_error::DataDirError, seed, store::FileStore};

/// The file of the generated key: 32 bytes as base64url, as `ENTRA_MCP_KEY` takes them.
const FILE: &str = "master.key";

/// More than the file holds: a text that grows would leave some of the key behind.
const FILE_BYTES: usize = 64;

/// The keys to run with on a store of this machine: the configured ones, or that of the data folder, made if the store
/// is new.
///
/// # Errors
///
/// Why there is no key that fits the store.
pub(crate) fn ring(
    configured: &[MasterKey],
    folder: &DataDir,
    store: &FileStore,
) -> Result<Keyring, DataDirError> {
    let ring = match configured.split_first() {
        Some((first, others)) => Keyring::new(first.clone(), others.to_vec()),
        None => Keyring::new(stored_key(folder, store)?, Vec::new()),
    };
    if store.fits(&ring)? {
        Ok(ring)
    } else {
        Err(DataDirError::WrongKey {
            sessions: store.path().to_owned(),
            key_file: configured.is_empty().then(|| folder.file(FILE)),
        })
    }
}

/// The keys to run with on a store that replicas share: the configured ones, which all replicas must have.
///
/// # Errors
///
/// There is none, or the other replicas have others.
#[cfg(feature = "redis")]
pub(crate) fn shared_ring(
    configured: &[MasterKey],
    store: &RedisStore,
) -> Result<Keyring, StartError> {
    let Some((first, others)) = configured.split_first() else {
        let missing = ConfigError::Store(StoreSettingError::KeyMissing);
        return Err(StartError::Config(vec![missing]));
    };
    let ring = Keyring::new(first.clone(), others.to_vec());
    match store.fits(&ring)? {
        true => Ok(ring),
        false => Err(StartError::Store(SharedStoreError::WrongKey {
            store: store.address().to_owned(),
        })),
    }
}

/// The key of the data folder.
fn stored_key(folder: &DataDir, store: &FileStore) -> Result<MasterKey, DataDirError> {
    let path = folder.file(FILE);
    match std::fs::read_to_string(&path).map(zeroize::Zeroizing::new) {
        Ok(text) => match std::fs::metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                Err(DataDirError::KeyOpenToOthers { path })
            }
            Ok(_) => parse(&text).ok_or(DataDirError::KeyDamaged { path }),
            Err(error) => Err(DataDirError::KeyUnreadable { path, error }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if store.is_marked()? {
                let sessions = store.path().to_owned();
                return Err(DataDirError::KeyMissing { path, sessions });
            }
            generate(folder)
        }
        Err(error) => Err(DataDirError::KeyUnreadable { path, error }),
    }
}

fn generate(folder: &DataDir) -> Result<MasterKey, DataDirError> {
    let bytes = zeroize::Zeroizing::new(seed::bytes());
    let mut text = zeroize::Zeroizing::new(String::with_capacity(FILE_BYTES));
    URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
    text.push('\n');
    folder
        .write_whole(FILE, text.as_bytes())
        .map_err(|error| DataDirError::KeyNotWritten {
            path: folder.file(FILE),
            error,
        })?;
    Ok(MasterKey::new(*bytes))
}

fn parse(text: &str) -> Option<MasterKey> {
    let bytes = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).ok()?);
    bytes.as_slice().try_into().ok().map(MasterKey::new)
}

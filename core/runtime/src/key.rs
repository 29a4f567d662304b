//! The master key: from the configuration, or generated once into the data folder; and never, ever,
//! a new one silently for a store that another key sealed (threat Q7).

mod file;

use entra_mcp_core::keys::{Keyring, MasterKey};

pub(crate) use self::file::KeyFile;
use crate::{
    command_line::{ConfigError, StoreSettingError},
    data_dir::DataDir,
    data_dir_error::DataDirError,
    start_error::StartError,
    store::FileStore,
};
#[cfg(feature = "redis")]
use crate::{shared_store_error::SharedStoreError, store::RedisStore};

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
        None => stored_ring(folder, store)?,
    };
    if store.fits(&ring)? {
        Ok(ring)
    } else {
        Err(DataDirError::WrongKey {
            sessions: store.path().to_owned(),
            key_file: configured.is_empty().then(|| KeyFile::of(folder).path()),
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
    let ring = given(configured)?;
    match store.fits(&ring)? {
        true => Ok(ring),
        false => Err(StartError::Store(SharedStoreError::WrongKey {
            store: store.address().to_owned(),
        })),
    }
}

/// The keys that are configured, for a store that has no folder beside it.
///
/// # Errors
///
/// There is none.
pub(crate) fn given(configured: &[MasterKey]) -> Result<Keyring, StartError> {
    let Some((first, others)) = configured.split_first() else {
        let missing = ConfigError::Store(StoreSettingError::KeyMissing);
        return Err(StartError::Config(vec![missing]));
    };
    Ok(Keyring::new(first.clone(), others.to_vec()))
}

/// The keys of the data folder; one is made for a store that was never used.
fn stored_ring(folder: &DataDir, store: &FileStore) -> Result<Keyring, DataDirError> {
    let file = KeyFile::of(folder);
    if let Some(ring) = file.ring()? {
        return Ok(ring);
    }
    if store.is_marked()? {
        let sessions = store.path().to_owned();
        return Err(DataDirError::KeyMissing {
            path: file.path(),
            sessions,
        });
    }
    file.add_new()?;
    file.ring()?
        .ok_or_else(|| DataDirError::KeyDamaged { path: file.path() })
}

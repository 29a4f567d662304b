//! The master key: from the configuration, or generated once into the data folder; and never, ever,
//! a new one silently for a store that another key sealed (threat Q7).

mod file;

use entra_mcp_core::keys::{Keyring, MasterKey};

pub(crate) use self::file::KeyFile;
#[cfg(feature = "redis")]
use crate::{
    command_line::{ConfigError, StoreSettingError},
    shared_store_error::SharedStoreError,
    start_error::StartError,
    store::RedisStore,
};
use crate::{data_dir::DataDir, data_dir_error::DataDirError, store::FileStore};

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

//! The file of the master keys in the data folder: one a line, 32 bytes as base64url, the newest first. It is replaced whole or
//! not at all, and readable by its owner only (threat G3).

use std::{io, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::keys::{Keyring, MasterKey};
use zeroize::Zeroizing;

use crate::{data_dir::DataDir, data_dir_error::DataDirError, seed, unix::files};

/// Its name.
const FILE: &str = "master.key";

/// The most keys in it. Each is tried at every record that the newest does not open.
pub(super) const MOST_KEYS: usize = 4;

/// More than a line takes: a text that grows would leave some of a key behind.
const LINE_BYTES: usize = 64;

type KeyBytes = Zeroizing<[u8; 32]>;

/// The file of the master keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyFile<'a> {
    folder: &'a DataDir,
}

impl<'a> KeyFile<'a> {
    /// That of a data folder.
    pub(crate) fn of(folder: &'a DataDir) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.file(FILE)
    }

    /// The keys in it; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is damaged, or others can read it.
    pub(crate) fn ring(&self) -> Result<Option<Keyring>, DataDirError> {
        let keys = self.read()?;
        let mut keys = keys.iter().map(|key| MasterKey::new(**key));
        let first = keys.next();
        Ok(first.map(|first| Keyring::new(first, keys.collect())))
    }

    /// Writes a new key in front of those that are there.
    ///
    /// # Errors
    ///
    /// It cannot be read or written, or there are too many.
    pub(crate) fn add_new(&self) -> Result<(), DataDirError> {
        let mut keys = self.read()?;
        if keys.len() >= MOST_KEYS {
            return Err(DataDirError::TooManyKeys { path: self.path() });
        }
        keys.insert(0, Zeroizing::new(seed::bytes()));
        self.write(&keys)
    }

    /// Leaves the newest key alone.
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub(crate) fn keep_newest(&self) -> Result<(), DataDirError> {
        let mut keys = self.read()?;
        keys.truncate(1);
        self.write(&keys)
    }

    fn read(&self) -> Result<Vec<KeyBytes>, DataDirError> {
        let path = self.path();
        match std::fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => match std::fs::metadata(&path) {
                Ok(metadata) if files::is_open_to_others(&metadata) => {
                    Err(DataDirError::KeyOpenToOthers { path })
                }
                Ok(_) => parse(&text).ok_or(DataDirError::KeyDamaged { path }),
                Err(error) => Err(DataDirError::KeyUnreadable { path, error }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(DataDirError::KeyUnreadable { path, error }),
        }
    }

    fn write(&self, keys: &[KeyBytes]) -> Result<(), DataDirError> {
        let mut text = Zeroizing::new(String::with_capacity(keys.len() * LINE_BYTES));
        for key in keys {
            URL_SAFE_NO_PAD.encode_string(**key, &mut text);
            text.push('\n');
        }
        let written = self.folder.write_whole(FILE, text.as_bytes());
        written.map_err(|error| DataDirError::KeyNotWritten {
            path: self.path(),
            error,
        })
    }
}

/// The keys of the file, of which there is at least one.
fn parse(text: &str) -> Option<Vec<KeyBytes>> {
    let key = |line: &str| {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(line).ok()?);
        Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
    };
    let keys: Option<Vec<KeyBytes>> = text.split_ascii_whitespace().map(key).collect();
    keys.filter(|keys| (1..=MOST_KEYS).contains(&keys.len()))
}

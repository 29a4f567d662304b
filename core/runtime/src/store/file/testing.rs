//! Folders for tests.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use super::FileStore;
use crate::data_dir::DataDir;

/// A folder that goes away with the test.
pub(in crate::store) struct Place(pub(in crate::store) PathBuf);

impl Place {
    pub(in crate::store) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("entra-mcp-store-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(in crate::store) fn folder(&self) -> DataDir {
        DataDir::open(&self.0).unwrap()
    }

    pub(in crate::store) fn store(&self) -> FileStore {
        FileStore::open(&self.folder()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

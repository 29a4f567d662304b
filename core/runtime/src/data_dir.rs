//! The data folder: where the sessions and the generated key are kept (threat G3).

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    data_dir_error::DataDirError,
    unix::{files, owner},
};

/// A folder that exists, in which this process can write.
#[derive(Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder, for the owner only, if it is not there.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let cannot = |error: io::Error| DataDirError::Unusable {
            path: path.to_owned(),
            error,
        };
        files::owner_only_folder(DirBuilder::new().recursive(true))
            .create(path)
            .map_err(cannot)?;
        // A folder can be there and be somebody else's, full or read-only: try it now, not at the
        // first sign-in.
        let probe = path.join(format!(".writable.{}", std::process::id()));
        new_file(&probe).map_err(cannot)?;
        std::fs::remove_file(&probe).map_err(cannot)?;
        Ok(Self(path.to_owned()))
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that is either there whole or not at all, readable by the owner only.
    pub(crate) fn write_whole(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.file(&format!(".{name}.{}", std::process::id()));
        let mut file = new_file(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, self.file(name))?;
        // The name is safe only when the folder is on the disk, too.
        std::fs::File::open(&self.0)?.sync_all()
    }
}

fn new_file(path: &Path) -> io::Result<std::fs::File> {
    // Left over from a process of the same number that was killed.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    owner::new_file(files::owner_only(OpenOptions::new().write(true)), path)
}

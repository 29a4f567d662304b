//! Who may open the files of this server, and how one is known again.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::Path,
};

/// What only its owner may read and write.
const OWNER_ONLY: u32 = 0o600;

/// A file that is made is its owner's only.
pub(crate) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(OWNER_ONLY)
}

/// A folder that is made is its owner's only.
pub(crate) fn owner_only_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder.mode(0o700)
}

/// Keeps a file that is there from others.
pub(crate) fn keep_from_others(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))
}

/// The same, by its name.
pub(crate) fn keep_path_from_others(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))
}

/// Whether others than its owner may do anything with a file.
pub(crate) fn is_open_to_others(file: &Metadata) -> bool {
    file.mode() & 0o077 != 0
}

/// Whether it is this user's, or the user may do whatever they like.
pub(crate) fn belongs_to(file: &Metadata, user: u32) -> bool {
    file.uid() == user || user == 0
}

/// Whether everybody may read it.
pub(crate) fn is_open_to_all(file: &Metadata) -> bool {
    file.mode() & 0o004 != 0
}

/// What changes when a file is replaced, or written to.
pub(crate) type Stamp = (u64, u64, i64, i64);

/// The stamp of a file.
pub(crate) fn stamp(file: &Metadata) -> Stamp {
    (file.ino(), file.len(), file.mtime(), file.mtime_nsec())
}

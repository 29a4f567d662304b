//! Whose the files are that a command makes. An operator runs it as root, in a folder of the user that the server runs as: what is
//! new there is given to that user, or the server could not open it afterwards.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use rustix::{
    fs::{Gid, Uid, fchown},
    process::geteuid,
};

/// Makes a file, which is its folder's owner's.
pub(crate) fn new_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.create_new(true).open(path)?;
    give_to_owner_of_folder(&file, path)?;
    Ok(file)
}

/// Opens a file, or makes it for its folder's owner. What is there already is never given away: the owner of the folder may
/// have linked it there, and it may be a file of others.
pub(crate) fn open_or_make(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    match new_file(&mut options.clone(), path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).truncate(false).open(path)
        }
        made => made,
    }
}

fn give_to_owner_of_folder(file: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")))?;
    if folder.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(folder.uid()), Gid::from_raw(folder.gid()));
    match fchown(file, Some(user), Some(group)) {
        // The root of a container may not, and then runs the server, too.
        Err(rustix::io::Errno::PERM | rustix::io::Errno::INVAL) => Ok(()),
        given => Ok(given?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    const OTHER: u32 = 65_531;

    fn owner(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().uid()
    }

    // G3, for whoever runs tests as root: nobody else can give a file away.
    #[test]
    fn file_that_root_makes_is_the_owners_of_its_folder_and_one_that_is_there_stays_whose_it_is() {
        if !geteuid().is_root() {
            return;
        }
        let folder = std::env::temp_dir().join(format!("entra-mcp-owner-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (others, roots) = (folder.join("others"), folder.join("roots"));
        std::fs::create_dir(&others).unwrap();
        std::fs::write(&roots, "of root").unwrap();
        chown(&others, Some(OTHER), Some(OTHER)).unwrap();
        let options = || OpenOptions::new().append(true).clone();
        let [made, new, linked] = ["made", "new", "linked"].map(|name| others.join(name));
        new_file(&mut options(), &new).unwrap();
        open_or_make(&mut options(), &made).unwrap();
        symlink(&roots, &linked).unwrap();
        open_or_make(&mut options(), &linked).unwrap();
        assert_eq!(
            (owner(&new), owner(&made), owner(&roots)),
            (OTHER, OTHER, 0)
        );
        new_file(&mut options(), &folder.join("root")).unwrap();
        assert_eq!(owner(&folder.join("root")), 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

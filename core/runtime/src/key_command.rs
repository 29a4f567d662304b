//! `key status`, `key rotate` and `key drop-old`: a change of the master key, for the operator (threat F15).
//!
//! ```text
//! rotate: a new key is written in front of those that there are; it seals from then on, and all of them open
//! status: how many records still need each of them
//! drop-old: the newest is left alone in the file
//! ```
//!
//! The file of the keys is replaced at once or not at all, and the sessions remember a key that is in it both before and after:
//! so whenever the process is killed, what is there opens. Nobody can seal a session anew but who holds a token of it; it
//! follows the newest key when it is refreshed, and what is stored of its user with it.

mod status;
mod text;

use std::path::Path;

use entra_mcp_core::{
    config::{Config, StoreLocation},
    time::UnixTime,
};

pub(crate) use self::status::KeyStatus;
use crate::{
    data_dir::DataDir,
    key::{self, KeyFile},
    settings::Given,
    start_error::StartError,
    store::{FileStore, RecordStore},
};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    /// Say how many records need each key.
    Status,
    /// Put a new key in front.
    Rotate,
    /// Leave the newest alone; if others are still needed, only if that `signs_out` users.
    DropOld { signs_out: bool },
}

/// Takes the command out of the arguments; `None` if it is not there.
///
/// # Errors
///
/// It is not complete.
pub(crate) fn take(given: &mut Given) -> Result<Option<KeyCommand>, StartError> {
    if given.arguments.first().map(String::as_str) != Some("key") {
        return Ok(None);
    }
    given.arguments.remove(0);
    let command = match given.arguments.first().map(String::as_str) {
        Some("status") => KeyCommand::Status,
        Some("rotate") => KeyCommand::Rotate,
        Some("drop-old") => KeyCommand::DropOld { signs_out: false },
        _ => return Err(StartError::InvalidKeyCommand),
    };
    given.arguments.remove(0);
    if command != (KeyCommand::DropOld { signs_out: false }) {
        return Ok(Some(command));
    }
    let before = given.arguments.len();
    given.arguments.retain(|argument| argument != "--sign-out");
    let signs_out = given.arguments.len() < before;
    Ok(Some(KeyCommand::DropOld { signs_out }))
}

/// Puts a new key in front of those of the data folder, which no process may be using.
///
/// # Errors
///
/// The keys are not there but in the configuration, are in use, or cannot be written.
pub(crate) fn rotate(config: &Config) -> Result<String, StartError> {
    let folder = DataDir::open(folder_of_keys(config)?)?;
    // Whoever has it open has the folder.
    let store = FileStore::open(&folder)?;
    key::ring(&[], &folder, &store)?;
    KeyFile::of(&folder).add_new()?;
    // From now on the sessions remember the new one, which the next start would see to as well.
    let keys = key::ring(&[], &folder, &store)?;
    Ok(text::rotated(keys.numbers().count()))
}

/// Leaves the newest key of the data folder alone, which no process may be using. If others are still needed, only if that
/// `signs_out` users.
///
/// # Errors
///
/// The keys are not there but in the configuration, are in use, or cannot be written; or a former one is still needed.
pub(crate) fn drop_old(
    signs_out: bool,
    config: &Config,
    now: UnixTime,
) -> Result<String, StartError> {
    let folder = DataDir::open(folder_of_keys(config)?)?;
    let store = FileStore::open(&folder)?;
    // The sessions remember the newest one.
    let keys = key::ring(&[], &folder, &store)?;
    let store = RecordStore::File(Box::new(store));
    let status = KeyStatus::of(&store, &keys, now);
    if status.is_incomplete() || (status.left_behind() > 0 && !signs_out) {
        let text = text::still_needed(&status);
        return Err(StartError::KeyStillNeeded { text });
    }
    KeyFile::of(&folder).keep_newest()?;
    Ok(text::dropped(&status))
}

fn folder_of_keys(config: &Config) -> Result<&Path, StartError> {
    match (&config.store, config.keys.is_empty()) {
        (StoreLocation::Folder(folder), true) => Ok(folder),
        _ => Err(StartError::KeyOfConfiguration),
    }
}

/// What is told of the keys.
///
/// # Errors
///
/// The same, if not everything could be read: a script sees by the status that it is not the whole.
pub(crate) fn told(status: &KeyStatus) -> Result<String, StartError> {
    let text = text::status(status);
    match status.is_incomplete() {
        true => Err(StartError::SessionsIncomplete { text }),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests;

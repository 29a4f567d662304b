//! Which master key a record needs, as far as a master key alone tells it: so the operator knows when a former one can go.
//!
//! Of tasks and approvals it tells nothing, for they are sealed under something of their session or user, too.

use crate::{
    ask::{Key, Stored},
    id::SessionId,
    keys::{KeyNumber, Keyring},
    session::{sealed, user_sessions},
};

/// What the keys of sessions begin with.
pub const SESSIONS: &str = "session/";

/// What the keys of the tasks of tools begin with.
pub const TASKS: &str = "task/";

/// Which master key this session needs, or this list of a user's sessions; `None` if none of these keys opens it, or it is
/// something else.
#[must_use]
pub fn key_of(key: &Key, stored: &Stored, keys: &Keyring) -> Option<KeyNumber> {
    if let Some(name) = key.0.strip_prefix(SESSIONS) {
        return sealed::key_of(SessionId::parse(name)?, stored, keys);
    }
    key.0.strip_prefix(super::LISTS)?;
    user_sessions::key_of(key, stored, keys)
}

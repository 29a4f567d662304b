//! Where records are kept: in a file of this machine, or in a Redis that replicas share.
//!
//! Both do the same, and one suite of tests says what. They differ in who else writes. A file is this process's alone,
//! so what was just read or written is kept in memory, and a look-up mostly answers at once. A shared store is asked at
//! every look-up, for another replica may have ended the session a moment ago.

mod custom;
mod file;
mod guarded;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(test)]
mod suite;

use std::{
    convert::Infallible,
    sync::mpsc::{Receiver, channel},
};

use entra_mcp_core::{
    ask::{Ask, Key, Store, StoreFault},
    config::Config,
    keys::Keyring,
    time::UnixTime,
};

use crate::shared_store_error::SharedStoreError;

pub(crate) use self::guarded::GuardedStore;
pub(crate) use self::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
#[cfg(feature = "redis")]
pub(crate) use self::redis::StoreTokens;
pub use self::{custom::CustomStore, file::FileStore};

/// What the mark is a MAC of by which a store knows the master key that it was used with.
const MARK: &[u8] = b"entra-mcp sessions";

/// Where records are kept.
#[derive(Debug)]
pub enum RecordStore {
    /// In a file of the data folder.
    File(Box<FileStore>),
    /// In a Redis.
    #[cfg(feature = "redis")]
    Redis(Box<RedisStore>),
    /// Where the program keeps them.
    Custom(GuardedStore),
}

impl RecordStore {
    /// Whether it answers without waiting.
    #[must_use]
    pub fn answers_at_once(&self, ask: &Store) -> bool {
        match self {
            Self::File(store) => store.answers_at_once(ask),
            #[cfg(feature = "redis")]
            Self::Redis(_) => false,
            Self::Custom(_) => false,
        }
    }

    /// Answers an ask. It may wait for the disk or the network, if it does not answer at once.
    pub fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        match self {
            Self::File(store) => store.answer(ask, now),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.answer(ask, now),
            Self::Custom(store) => store.answer(ask, now),
        }
    }

    /// The keys of all records that begin like this, those that have expired with them. It may wait for the disk or the network.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub(crate) fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        match self {
            Self::File(store) => store.keys(prefix),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.keys(prefix),
            Self::Custom(store) => store.keys(prefix),
        }
    }

    /// Remembers that it is used with these keys from now on. It may wait for the network.
    ///
    /// # Errors
    ///
    /// Other replicas use it with others.
    pub(crate) fn renew_mark(&self, keys: &Keyring) -> Result<(), SharedStoreError> {
        match self {
            // Its folder holds one process, and it did so when it was opened.
            Self::File(_) | Self::Custom(_) => {
                let _ = keys;
                Ok(())
            }
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.renew_mark(keys),
        }
    }

    /// Says what of these settings all replicas that share the store must have, as one that runs does. It may wait for the
    /// network.
    ///
    /// # Errors
    ///
    /// Others that run have set something else.
    pub(crate) fn agree(&self, config: &Config) -> Result<(), SharedStoreError> {
        match self {
            Self::File(_) | Self::Custom(_) => {
                let _ = config;
                Ok(())
            }
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.agree(config),
        }
    }

    /// Looks whether the replicas that share the store still have these keys, and leaves a mark of them if it has lost
    /// all; says anew which settings this one has. It may wait for the network.
    pub(crate) fn keep_marks(&self, keys: &Keyring, config: &Config) {
        match self {
            Self::File(_) | Self::Custom(_) => {
                let _ = (keys, config);
            }
            // What went wrong is in the log.
            #[cfg(feature = "redis")]
            Self::Redis(store) => {
                if let Ok(true) = store.keep_mark(keys) {
                    drop(store.agree(config));
                }
            }
        }
    }

    /// Hands a message to the other replicas, if there are any. It may wait for the network, and may be lost.
    pub fn publish(&self, message: &[u8]) {
        match self {
            // Nobody else has it.
            Self::File(_) | Self::Custom(_) => {
                let _ = message;
            }
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.publish(message),
        }
    }

    /// Hands on the messages of other replicas until `deliver` says that it wants no more, on the thread of the caller;
    /// returns at once if there are no others. An empty message asks whether it still wants any.
    pub(crate) fn receive(&self, deliver: impl FnMut(&[u8]) -> bool) {
        match self {
            Self::File(_) | Self::Custom(_) => drop(deliver),
            #[cfg(feature = "redis")]
            Self::Redis(store) => {
                store.receive(entra_mcp_core::limits::REPLICA_MESSAGE_BYTES, deliver)
            }
        }
    }

    /// Returns what ends when nothing of the store is open any more.
    pub(crate) fn closed(&self) -> Receiver<Infallible> {
        match self {
            Self::File(store) => store.closed(),
            // Another may use it meanwhile.
            #[cfg(feature = "redis")]
            Self::Redis(_) => channel().1,
            // The program's own to close.
            Self::Custom(_) => channel().1,
        }
    }

    /// Whether others may write to it, too.
    pub(crate) fn is_shared(&self) -> bool {
        match self {
            Self::File(_) | Self::Custom(_) => false,
            #[cfg(feature = "redis")]
            Self::Redis(_) => true,
        }
    }

    /// Deletes what has expired (threat M16); Redis does so by itself. Call it every few minutes.
    pub fn purge_expired(&self, now: UnixTime) {
        match self {
            Self::File(store) => store.purge_expired(now),
            #[cfg(feature = "redis")]
            Self::Redis(_) => {}
            Self::Custom(store) => store.purge_expired(now),
        }
    }
}

//! Why a store that replicas share cannot be used.

use std::fmt::{self, Display};

/// Why a store that replicas share cannot be used. It shows no password.
#[derive(Debug)]
#[non_exhaustive]
pub enum SharedStoreError {
    /// It cannot be reached, or does not let this server do what it has to.
    Unusable {
        /// Its address.
        store: String,
        /// The cause.
        error: String,
        /// What to change.
        cure: &'static str,
    },
    /// The certificates that are to be believed of it cannot be had.
    Authorities {
        /// Their file.
        file: String,
        /// Why.
        error: String,
    },
    /// The replicas that use it have other master keys.
    WrongKey {
        /// Its address.
        store: String,
    },
    /// The replicas that use it have settings that must be the same on all of them, and are not here.
    OtherSettings {
        /// Its address.
        store: String,
        /// Those of this one.
        ours: String,
        /// Those of the others.
        theirs: String,
    },
}

impl Display for SharedStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { store, error, cure } => {
                write!(f, "The store {store} cannot be used: {error}.\n{cure}")
            }
            Self::Authorities { file, error } => write!(
                f,
                "--store-ca (ENTRA_MCP_STORE_CA): {file} {error}. Write the certificates of the store's authorities into it as PEM."
            ),
            Self::WrongKey { store } => write!(
                f,
                "The records in {store} were sealed with a master key that is not in ENTRA_MCP_KEY.\n\
                 Give all replicas the same keys; to change the key, give all of them the old one and the new one \
                 first. Another deployment takes another --store-prefix or database."
            ),
            Self::OtherSettings {
                store,
                ours,
                theirs,
            } => write!(
                f,
                "The replicas that use {store} have other settings.\nTheirs: {theirs}\nHere:   {ours}\n\
                 Give all replicas the same. To change them for all, end all replicas and wait for half a minute. Another \
                 deployment takes another --store-prefix or database."
            ),
        }
    }
}

impl std::error::Error for SharedStoreError {}

//! A store of the program's own behind a barrier: if it panics, it has failed.
//!
//! Threat O2.

use std::sync::Arc;

use entra_mcp_core::{
    ask::{Key, Store, StoreFault, Stored},
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};

use super::CustomStore;
use crate::{caught::caught, log::log};

/// A store of the program's own.
#[derive(Clone, Debug)]
pub struct GuardedStore(Arc<dyn CustomStore>);

impl GuardedStore {
    pub(crate) fn new(store: Arc<dyn CustomStore>) -> Self {
        Self(store)
    }

    pub(super) fn answer(&self, ask: Store, now: UnixTime) -> Result<Option<Stored>, StoreFault> {
        caught(|| self.0.answer(ask, now)).unwrap_or_else(failed)
    }

    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        caught(|| self.0.keys(prefix)).unwrap_or_else(failed)
    }

    pub(super) fn purge_expired(&self, now: UnixTime) {
        if let Err(error) = caught(|| self.0.purge_expired(now)) {
            log(&LogEvent::new(LogEventId::StoreNotPurged).with_text(Field::Error, error));
        }
    }
}

/// Whether it has written is not known.
fn failed<T>(error: String) -> Result<T, StoreFault> {
    log(&LogEvent::new(LogEventId::StoreFailed).with_text(Field::Error, error));
    Err(StoreFault::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken;

    impl CustomStore for Broken {
        fn answer(&self, _: Store, _: UnixTime) -> Result<Option<Stored>, StoreFault> {
            panic!("a bug of the store")
        }

        fn keys(&self, _: &str) -> Result<Vec<Key>, StoreFault> {
            panic!("a bug of the store")
        }

        fn purge_expired(&self, _: UnixTime) {
            panic!("a bug of the store")
        }
    }

    // O2
    #[test]
    fn store_that_panics_has_failed_and_ends_nothing_else() {
        let store = GuardedStore::new(Arc::new(Broken));
        let ask = Store::Get(Key("a".to_owned()));
        let answer = store.answer(ask, UnixTime(0));
        assert!(matches!(answer, Err(StoreFault::Unavailable)));
        assert!(matches!(store.keys(""), Err(StoreFault::Unavailable)));
        store.purge_expired(UnixTime(0));
    }
}

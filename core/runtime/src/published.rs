//! What is seldom replaced and read all the time. Who has read it sees without a lock whether there is something newer.

use std::{
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The newest of something.
#[derive(Debug, Default)]
pub(crate) struct Published<T> {
    newest: RwLock<Arc<T>>,
    /// How often it was replaced.
    replaced: AtomicU64,
}

/// What was the newest when it was read.
#[derive(Debug)]
pub struct Held<T> {
    value: Arc<T>,
    replaced: u64,
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Published<T> {
    /// Returns the newest.
    pub(crate) fn current(&self) -> Held<T> {
        // Counted first: what is replaced in between is read once too often, not once too seldom.
        let replaced = self.replaced.load(Ordering::Acquire);
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(&newest);
        Held { value, replaced }
    }

    /// Makes what was read the newest.
    pub(crate) fn renew(&self, held: &mut Held<T>) {
        if self.replaced.load(Ordering::Acquire) != held.replaced {
            *held = self.current();
        }
    }

    /// Replaces it. Whoever is told of that afterwards reads the new one.
    pub(crate) fn replace(&self, value: Arc<T>) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = value;
        self.replaced.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_renewed_once_it_is_replaced() {
        let published = Published::default();
        published.replace(Arc::new(1));
        let (mut renewed, kept) = (published.current(), published.current());
        published.renew(&mut renewed);
        assert_eq!(*renewed, 1);
        published.replace(Arc::new(2));
        published.renew(&mut renewed);
        assert_eq!((*renewed, *kept, *published.current()), (2, 1, 2));
    }
}

//! How many things a thread may let come.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A number of things that may come, which one thread waits for and another raises.
#[derive(Debug)]
pub(super) struct Credit {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    left: u32,
    is_closed: bool,
}

impl Credit {
    pub(super) fn new(left: u32) -> Self {
        let is_closed = false;
        Self {
            state: Mutex::new(State { left, is_closed }),
            changed: Condvar::new(),
        }
    }

    /// Lets one more come.
    pub(super) fn add(&self) {
        let mut state = self.state();
        state.left = state.left.saturating_add(1);
        self.changed.notify_one();
    }

    /// Waits until one may come; `false` if none ever will.
    pub(super) fn take(&self) -> bool {
        let mut state = self.state();
        while state.left == 0 && !state.is_closed {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.left = state.left.saturating_sub(1);
        !state.is_closed
    }

    /// Nothing may come any more.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

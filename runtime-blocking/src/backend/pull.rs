//! A request to a backend, whose answer a thread reads as the exchange lets it come.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use entra_mcp_core::{
    ask::{Pull, PullFault},
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::PullMessage;

use super::{Backends, Connection, Stop, connection::Closer};

/// A request under way. To drop it closes its connection.
#[derive(Debug)]
pub(crate) struct RunningPull(Arc<Control>);

/// What the exchange says to the thread that reads.
#[derive(Debug, Default)]
pub(super) struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many pieces may come.
    credit: u32,
    is_cancelled: bool,
    /// Closes the connection that is read.
    closer: Option<Closer>,
}

impl RunningPull {
    /// Sends a request. What comes of it is said, until nobody hears it any more.
    pub(crate) fn start(
        backends: &Arc<Backends>,
        pull: Pull,
        say: impl Fn(PullMessage) -> bool + Send + Sync + 'static,
    ) -> Self {
        let control = Arc::new(Control::default());
        let (say, kept) = (Arc::new(say), Arc::clone(&control));
        let heard = Arc::clone(&say);
        let read = Arc::clone(backends);
        let started = backends.threads.run(move || {
            // The panic barrier: the exchange would wait.
            let read = AssertUnwindSafe(|| read.read(&pull, &control, &*say));
            let read = catch_unwind(read).unwrap_or(Err(Stop::Fault(PullFault::Broken)));
            let end = match read {
                Ok(()) => Ok(()),
                Err(Stop::Fault(fault)) => Err(fault),
                Err(Stop::Cancelled) => return,
            };
            // If nobody hears it, nobody waits.
            let _ = say(PullMessage::Ended(end));
        });
        if let Err(error) = started {
            let event = LogEvent::new(LogEventId::ThreadNotStarted);
            entra_mcp_runtime::log(&event.with_text(Field::Error, error.to_string()));
            let _ = heard(PullMessage::Ended(Err(PullFault::Unreachable)));
        }
        Self(kept)
    }

    /// Lets one more piece come.
    pub(crate) fn more(&self) {
        let mut state = self.0.state();
        state.credit = state.credit.saturating_add(1);
        self.0.changed.notify_one();
    }
}

impl Drop for RunningPull {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_cancelled = true;
        if let Some(closer) = state.closer.take() {
            closer.close();
        }
        self.0.changed.notify_one();
    }
}

impl Control {
    /// This connection is read from now on.
    pub(super) fn attach(&self, connection: &Connection) -> Result<(), Stop> {
        let closer = connection.closer();
        let mut state = self.state();
        if state.is_cancelled {
            return Err(Stop::Cancelled);
        }
        state.closer = Some(closer.map_err(|_| PullFault::Unreachable)?);
        Ok(())
    }

    /// It is read no more.
    fn detach(&self) -> Result<(), Stop> {
        let mut state = self.state();
        match state.is_cancelled {
            true => Err(Stop::Cancelled),
            false => {
                state.closer = None;
                Ok(())
            }
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.state().is_cancelled
    }

    /// Waits until a piece may come.
    fn wait_for_credit(&self, until: Option<Instant>) -> Result<(), Stop> {
        let mut state = self.state();
        loop {
            if state.is_cancelled {
                return Err(Stop::Cancelled);
            }
            if state.credit > 0 {
                state.credit -= 1;
                return Ok(());
            }
            state = match until {
                None => {
                    let waited = self.changed.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(PullFault::TimedOut.into());
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backends {
    /// Sends a request and says what comes of it, but for the end.
    fn read(
        &self,
        pull: &Pull,
        control: &Control,
        say: &dyn Fn(PullMessage) -> bool,
    ) -> Result<(), Stop> {
        let limits = pull.limits;
        let after = |time| Instant::now().checked_add(time);
        let whole = limits.whole.and_then(after);
        let say = |message| say(message).then_some(()).ok_or(Stop::Cancelled);
        let (head, mut answer) = self.send(pull, whole, control)?;
        say(PullMessage::Head(head))?;
        loop {
            control.wait_for_credit(whole)?;
            let idle = limits.idle.and_then(after);
            let until = match (whole, idle) {
                (Some(whole), Some(idle)) => Some(whole.min(idle)),
                (one, other) => one.or(other),
            };
            match answer.next(until)? {
                Some(piece) => say(PullMessage::Piece(piece))?,
                None => break,
            }
        }
        control.detach()?;
        if let Some(connection) = answer.into_connection() {
            self.keep(pull, connection);
        }
        Ok(())
    }
}

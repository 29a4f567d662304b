//! Calls are performed on the thread of their connection. While a function runs, nobody else works on its
//! exchange, and mostly nobody has to: it is over soon. If it is not, or if it has an effect, another thread
//! takes the exchange over, with its connection, and the function has this thread to itself.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use crate::threads::Threads;

/// How long a function runs at least before its exchange is taken over; at most twice as long. So late it is
/// noticed that the call was cancelled, its peer has left, or its time is up.
const PATIENCE: Duration = Duration::from_millis(20);

/// What was left aside to perform a call, and can go on on any thread.
pub(crate) trait Suspended: Send + 'static {
    /// Goes on.
    fn resume(self);
}

/// What another thread can take over.
pub(crate) trait HandOver: Send + Sync {
    /// Lets another thread go on, unless one does already.
    ///
    /// # Errors
    ///
    /// There is no thread.
    fn hand_over(self: Arc<Self>) -> io::Result<()>;
}

impl std::fmt::Debug for dyn HandOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandOver")
    }
}

/// Where it is left aside.
pub(crate) struct Slot<S> {
    suspended: Mutex<Option<S>>,
    threads: Threads,
}

impl<S: Suspended> Slot<S> {
    pub(crate) fn new(suspended: S, threads: Threads) -> Arc<Self> {
        let suspended = Mutex::new(Some(suspended));
        Arc::new(Self { suspended, threads })
    }

    /// Takes it back; `None` if another thread goes on with it.
    pub(crate) fn take(&self) -> Option<S> {
        self.suspended().take()
    }

    /// Lets a new thread go on, unless one does already.
    ///
    /// # Errors
    ///
    /// There is no thread.
    pub(crate) fn hand_to_new(self: Arc<Self>) -> io::Result<()> {
        let threads = self.threads.clone();
        threads.start(move || self.go_on())
    }

    fn go_on(self: Arc<Self>) {
        let suspended = self.take();
        drop(self);
        if let Some(suspended) = suspended {
            suspended.resume();
        }
    }

    fn suspended(&self) -> MutexGuard<'_, Option<S>> {
        let suspended = self.suspended.lock();
        suspended.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Suspended> HandOver for Slot<S> {
    fn hand_over(self: Arc<Self>) -> io::Result<()> {
        if self.suspended().is_none() {
            return Ok(());
        }
        let threads = self.threads.clone();
        // It is taken on the other thread: if there is none, nothing is lost.
        threads.run(move || self.go_on())
    }
}

/// Watches over functions that run on the threads of their connections.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
    added: Condvar,
}

#[derive(Default)]
struct State {
    /// The oldest first, from this number on. Those that are over and not the oldest leave a gap.
    running: VecDeque<(Instant, Option<Weak<dyn HandOver>>)>,
    first: u64,
    is_asleep: bool,
    is_over: bool,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// What is watched over, until this is dropped.
pub(crate) struct Watched<'a> {
    watch: &'a Watch,
    number: u64,
}

impl Watch {
    /// Watches over one more.
    pub(crate) fn add(&self, running: Weak<dyn HandOver>) -> Watched<'_> {
        let number = self.push(running);
        Watched {
            watch: self,
            number,
        }
    }

    fn push(&self, running: Weak<dyn HandOver>) -> u64 {
        let mut state = self.state();
        let number = state.first + state.running.len() as u64;
        state.running.push_back((Instant::now(), Some(running)));
        let is_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if is_asleep {
            self.added.notify_one();
        }
        number
    }

    fn remove(&self, number: u64) {
        let mut state = self.state();
        // Before the first one: it was due.
        let place = number.checked_sub(state.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let removed = place.and_then(|place| state.running.get_mut(place)?.1.take());
        while let Some((_, None)) = state.running.front() {
            state.running.pop_front();
            state.first += 1;
        }
        drop(state);
        drop(removed);
    }

    /// Watches until [`Watch::end`], on a thread of its own, which sleeps while nothing runs.
    pub(crate) fn run(&self) {
        while self.until_added() {
            std::thread::sleep(PATIENCE);
            for running in self.due(Instant::now()) {
                if let Some(still) = running.upgrade()
                    && still.hand_over().is_err()
                {
                    // There may be a thread the next time.
                    self.push(running);
                }
            }
        }
    }

    /// The server ends, and with it the thread that watches.
    pub(crate) fn end(&self) {
        self.state().is_over = true;
        self.added.notify_one();
    }

    /// Waits until something runs, or did since; false if the server ends. Most of what runs is over before this
    /// thread has its turn: if it slept again at once, everything that is added would wake it.
    fn until_added(&self) -> bool {
        let mut state = self.state();
        state.is_asleep = state.running.is_empty();
        while state.is_asleep && !state.is_over {
            let waited = self.added.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        !state.is_over
    }

    /// Those that were begun long enough ago.
    fn due(&self, now: Instant) -> Vec<Weak<dyn HandOver>> {
        let mut state = self.state();
        let is_due = |(begun, _): &(Instant, _)| now.saturating_duration_since(*begun) >= PATIENCE;
        let count = state.running.iter().take_while(|one| is_due(one)).count();
        state.first += count as u64;
        let due = state.running.drain(..count);
        due.filter_map(|(_, running)| running).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.watch.remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    struct Tell(Sender<()>);

    impl Suspended for Tell {
        fn resume(self) {
            self.0.send(()).unwrap();
        }
    }

    #[test]
    fn suspended_work_goes_on_once() {
        let (sender, resumed) = channel();
        let slot = Slot::new(Tell(sender), Threads::default());
        Arc::clone(&slot).hand_over().unwrap();
        resumed.recv().unwrap();
        assert!(slot.take().is_none());
        slot.hand_over().unwrap();
        assert!(resumed.recv().is_err());
    }

    #[test]
    fn watched_work_is_handed_over_only_if_it_takes_long() {
        let watch = Arc::new(Watch::default());
        let watching = Arc::clone(&watch);
        std::thread::spawn(move || watching.run());
        let (sender, resumed) = channel();
        let quick = Slot::new(Tell(sender.clone()), Threads::default());
        let quick_watched = watch.add(Arc::downgrade(&quick) as Weak<dyn HandOver>);
        assert!(quick.take().is_some());
        let slow = Slot::new(Tell(sender), Threads::default());
        let _slow_watched = watch.add(Arc::downgrade(&slow) as Weak<dyn HandOver>);
        drop(quick_watched);
        resumed.recv().unwrap();
        assert!(slow.take().is_none());
        assert!(resumed.recv().is_err(), "the quick one was not handed over");
    }

    #[test]
    fn what_is_over_is_no_longer_watched() {
        let watch = Watch::default();
        let (sender, _) = channel();
        let slots = [(), (), ()].map(|()| Slot::new(Tell(sender.clone()), Threads::default()));
        let add = |slot: &Arc<Slot<Tell>>| watch.add(Arc::downgrade(slot) as Weak<dyn HandOver>);
        let [first, second, third] = slots.each_ref().map(add);
        drop(second);
        assert_eq!(watch.state().running.len(), 3);
        drop(first);
        assert_eq!(watch.state().running.len(), 1);
        assert_eq!(watch.due(Instant::now() + PATIENCE).len(), 1);
        let fourth = add(&slots[0]);
        // It was due: the place of another is left alone.
        drop(third);
        assert_eq!(watch.state().running.len(), 1);
        drop(fourth);
        assert_eq!(watch.state().running.len(), 0);
    }
}

//! Threads that are kept: connections, and calls that cannot be performed on the thread of theirs, take one
//! that is idle, so that no request starts a thread.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a thread waits for its next work.
const IDLE: Duration = Duration::from_secs(5);

/// How many threads wait for work at most.
const IDLE_THREADS: usize = 512;

/// The stack of a thread. Only what is touched of it costs memory.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// What a thread does.
type Closure = Box<dyn FnOnce() + Send>;

/// The threads. Clones are the same ones. How many there are is bounded by what is done on them:
/// connections, calls, and requests that are worked on after their response.
#[derive(Clone, Debug)]
pub(crate) struct Threads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The last one to wait is the first to go on: its stack is in the caches, and those that are too many end.
    idle: Mutex<Vec<Arc<Seat>>>,
    patience: Duration,
}

/// Where a thread waits for work.
#[derive(Default)]
struct Seat {
    work: Mutex<Option<Closure>>,
    arrived: Condvar,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seat")
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::patient(IDLE)
    }
}

impl Threads {
    fn patient(patience: Duration) -> Self {
        let idle = Mutex::default();
        Self(Arc::new(Shared { idle, patience }))
    }

    /// Does this on a thread that is idle, or on a new one.
    ///
    /// # Errors
    ///
    /// None is idle, and none can be started. What was to be done is dropped.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let seat = self.0.idle().pop();
        match seat {
            Some(seat) => {
                seat.give(Box::new(work));
                Ok(())
            }
            None => {
                let shared = Arc::clone(&self.0);
                self.start(move || {
                    work();
                    shared.serve();
                })
            }
        }
    }

    /// Does this on a new thread, which holds no more memory than this needs, and ends with it.
    ///
    /// # Errors
    ///
    /// None can be started. What was to be done is dropped.
    pub(crate) fn start(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let builder = std::thread::Builder::new().name("worker".to_owned());
        builder.stack_size(STACK_BYTES).spawn(work).map(drop)
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work and does it, until there is none for too long.
    fn serve(&self) {
        let seat = Arc::new(Seat::default());
        loop {
            {
                let mut idle = self.idle();
                if idle.len() >= IDLE_THREADS {
                    return;
                }
                idle.push(Arc::clone(&seat));
            }
            let work = match seat.wait(Some(Instant::now() + self.patience)) {
                Some(work) => work,
                None => {
                    let mut idle = self.idle();
                    let place = idle.iter().position(|other| Arc::ptr_eq(other, &seat));
                    if let Some(place) = place {
                        idle.remove(place);
                        return;
                    }
                    drop(idle);
                    // Somebody has taken the seat just now, and the work is on its way.
                    match seat.wait(None) {
                        Some(work) => work,
                        None => return,
                    }
                }
            };
            work();
        }
    }
}

impl Seat {
    fn give(&self, work: Closure) {
        *self.work() = Some(work);
        self.arrived.notify_one();
    }

    /// Waits for work; `None` if there is none by then.
    fn wait(&self, until: Option<Instant>) -> Option<Closure> {
        let mut work = self.work();
        loop {
            if let Some(work) = work.take() {
                return Some(work);
            }
            work = match until {
                None => {
                    let waited = self.arrived.wait(work);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let waited = self.arrived.wait_timeout(work, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn work(&self) -> MutexGuard<'_, Option<Closure>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, channel},
        thread::{self, ThreadId},
    };

    use super::*;

    /// Runs something, and tells on which thread.
    fn ran(threads: &Threads) -> Receiver<ThreadId> {
        let (sender, receiver) = channel();
        threads
            .run(move || sender.send(thread::current().id()).unwrap())
            .unwrap();
        receiver
    }

    fn until_idle(threads: &Threads, count: usize) {
        while threads.0.idle().len() != count {
            thread::yield_now();
        }
    }

    #[test]
    fn idle_thread_does_the_next_work() {
        let threads = Threads::patient(Duration::from_secs(60));
        let first = ran(&threads).recv().unwrap();
        until_idle(&threads, 1);
        assert_eq!(ran(&threads).recv().unwrap(), first);
    }

    #[test]
    fn work_for_a_new_thread_leaves_the_idle_one() {
        let threads = Threads::patient(Duration::from_secs(60));
        let first = ran(&threads).recv().unwrap();
        until_idle(&threads, 1);
        let (sender, receiver) = channel();
        threads
            .start(move || sender.send(thread::current().id()).unwrap())
            .unwrap();
        assert_ne!(receiver.recv().unwrap(), first);
        assert_eq!(ran(&threads).recv().unwrap(), first);
    }

    #[test]
    fn busy_thread_is_not_waited_for() {
        let threads = Threads::patient(Duration::from_secs(60));
        let (go, going) = channel::<()>();
        threads.run(move || going.recv().unwrap()).unwrap();
        ran(&threads).recv().unwrap();
        go.send(()).unwrap();
        until_idle(&threads, 2);
    }

    #[test]
    fn thread_without_work_ends() {
        let threads = Threads::patient(Duration::from_millis(1));
        ran(&threads).recv().unwrap();
        until_idle(&threads, 0);
        while Arc::strong_count(&threads.0) > 1 {
            thread::yield_now();
        }
    }
}

//! The world: one clock, one queue of what will happen, and the actors in it.
//!
//! Actors (clients, browsers, attackers) are futures that this world polls itself: no executor, no
//! thread, no waker. A future waits for an answer of the network or for a moment; the world wakes
//! it when that has come. Everything happens in the order of the queue, so a run follows from its
//! choices alone.

mod schedule;
mod state;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use entra_mcp_core::time::Now;
use entra_mcp_dev_tenant::Control;

pub(crate) use self::{schedule::SimEvent, state::State};
use crate::{
    checks::Failure,
    choice::Choice,
    clock::SimInstant,
    entra::Entra,
    ids::{Role, TaskId},
    net::Peer,
    options::Options,
    partition::Cut,
    replica::Replica,
    store::MemoryStore,
};

type Task = Pin<Box<dyn Future<Output = ()>>>;

const MAIN: TaskId = TaskId(0);

/// The most steps of one run: more means that something spins.
const STEPS: u64 = 5_000_000;

/// A handle to a world. Cloning it gives another handle to the same world.
#[derive(Clone)]
pub struct World {
    shared: Rc<Shared>,
}

struct Shared {
    state: RefCell<State>,
    tasks: RefCell<BTreeMap<TaskId, Task>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({:?})", self.moment())
    }
}

impl World {
    /// A world with these options, whose decisions come from `choice`.
    #[must_use]
    pub fn new(options: Options, choice: Choice) -> Self {
        Self {
            shared: Rc::new(Shared {
                state: RefCell::new(State::new(options, choice)),
                tasks: RefCell::new(BTreeMap::new()),
            }),
        }
    }

    /// A world in which nothing goes wrong by itself: one replica, no faults.
    #[must_use]
    pub fn faultless() -> Self {
        Self::new(Options::faultless(), Choice::of_bytes(&[]))
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.shared.state.borrow_mut())
    }

    /// The same where a value is dropped, which may be while the world itself is dropped.
    pub(crate) fn if_not_borrowed(&self, act: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.shared.state.try_borrow_mut() {
            act(&mut state);
        }
    }

    /// Ends the world: its actors hold handles to it, so nothing of it would be freed otherwise.
    pub fn end(&self) {
        loop {
            let actors = std::mem::take(&mut *self.shared.tasks.borrow_mut());
            if actors.is_empty() {
                return;
            }
            drop(actors);
        }
    }

    /// What the world's clock says.
    #[must_use]
    pub fn moment(&self) -> SimInstant {
        self.with(|state| state.moment)
    }

    /// Both clocks as a process without skew that started with the world reads them.
    #[must_use]
    pub fn now(&self) -> Now {
        crate::clock::read(self.moment(), SimInstant::default(), 0)
    }

    /// Somebody who can send requests.
    #[must_use]
    pub fn peer(&self, name: &str, role: Role) -> Peer {
        Peer::new(self, name, role)
    }

    /// Draws a decision.
    pub fn choose<T>(&self, draw: impl FnOnce(&mut Choice) -> T) -> T {
        self.with(|state| draw(&mut state.choice))
    }

    /// Entra and Graph, to be controlled.
    pub fn entra<T>(&self, tell: impl FnOnce(&mut Entra) -> T) -> T {
        self.with(|state| tell(&mut state.entra))
    }

    /// Tells the dev tenant what to do wrong.
    pub fn control(&self, control: Control) {
        let now = self.now().unix;
        self.note("faults", &format!("= {control:?}"));
        self.with(|state| {
            let moment = state.moment;
            let ledger = state.checks.ledger_mut();
            ledger.roles.change(&control, moment);
            let disabled = &mut ledger.disabled;
            match &control {
                Control::Disable { username } => {
                    disabled.entry(username.clone()).or_insert(moment);
                }
                Control::Enable { username } => {
                    disabled.remove(username);
                }
                _ => {}
            }
        });
        self.entra(|entra| entra.control(control, now));
    }

    /// The store, to be looked at or broken.
    pub fn store<T>(&self, look: impl FnOnce(&mut MemoryStore) -> T) -> T {
        self.with(|state| look(&mut state.store))
    }

    /// Changes what may go wrong from now on.
    pub fn options<T>(&self, change: impl FnOnce(&mut Options) -> T) -> T {
        self.with(|state| change(&mut state.options))
    }

    /// Spawns an actor.
    pub fn spawn(&self, actor: impl Future<Output = ()> + 'static) {
        let id = self.with(State::new_task);
        self.shared.tasks.borrow_mut().insert(id, Box::pin(actor));
    }

    /// How many spawned actors have not finished.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.shared.tasks.borrow().len()
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.moment().after(duration);
        // Once: an actor that is polled for other reasons meanwhile would be woken once more each time.
        let mut is_scheduled = false;
        std::future::poll_fn(|_| {
            self.with(|state| {
                if state.moment >= until {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut is_scheduled, true) {
                    state.wake_at(until);
                }
                Poll::Pending
            })
        })
        .await;
    }

    /// Waits for something, but not longer than that: then it is dropped where it is.
    pub async fn within<T>(&self, most: Duration, wanted: impl Future<Output = T>) -> Option<T> {
        let mut wanted = pin!(wanted);
        let mut over = pin!(self.sleep(most));
        std::future::poll_fn(|context| {
            if let Poll::Ready(value) = wanted.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            over.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// Waits for two things at once.
    pub async fn both<A, B>(
        &self,
        a: impl Future<Output = A>,
        b: impl Future<Output = B>,
    ) -> (A, B) {
        let (mut a, mut b) = (pin!(a), pin!(b));
        let (mut of_a, mut of_b) = (None, None);
        std::future::poll_fn(|context| {
            if of_a.is_none()
                && let Poll::Ready(value) = a.as_mut().poll(context)
            {
                of_a = Some(value);
            }
            if of_b.is_none()
                && let Poll::Ready(value) = b.as_mut().poll(context)
            {
                of_b = Some(value);
            }
            match (of_a.take(), of_b.take()) {
                (Some(a), Some(b)) => Poll::Ready((a, b)),
                (a, b) => {
                    (of_a, of_b) = (a, b);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Lets the world go on until an actor of the caller's own is done.
    ///
    /// # Errors
    ///
    /// The check that failed, or that the world came to a standstill.
    pub fn try_run<T>(&self, actor: impl Future<Output = T>) -> Result<T, Failure> {
        let mut actor = pin!(actor);
        self.with(|state| state.woken.insert(MAIN));
        for _ in 0..STEPS {
            self.with(State::verdict)?;
            match self.with(State::next_task) {
                Some(MAIN) => {
                    let mut context = Context::from_waker(Waker::noop());
                    if let Poll::Ready(value) = actor.as_mut().poll(&mut context) {
                        self.with(State::verdict)?;
                        return Ok(value);
                    }
                }
                Some(id) => self.poll_task(id),
                None => {
                    if !self.with(State::advance) {
                        return Err(Failure::new("standstill", "nothing more can happen"));
                    }
                }
            }
        }
        Err(Failure::new("spin", "the world goes on without an end"))
    }

    fn poll_task(&self, id: TaskId) {
        // Taken out while it is polled: it may spawn others.
        let Some(mut task) = self.shared.tasks.borrow_mut().remove(&id) else {
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        if task.as_mut().poll(&mut context).is_pending() {
            self.shared.tasks.borrow_mut().insert(id, task);
        }
    }

    /// The same as [`World::try_run`] for tests.
    ///
    /// # Panics
    ///
    /// With the trace, if a check failed.
    pub fn run<T>(&self, actor: impl Future<Output = T>) -> T {
        match self.try_run(actor) {
            Ok(value) => value,
            Err(failure) => panic!("{failure}\n{}", self.tail(60)),
        }
    }

    /// The last lines of the trace.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.with(|state| {
            let lines = state.trace.lines();
            let from = lines.len().saturating_sub(count);
            lines.get(from..).unwrap_or_default().join("\n")
        })
    }

    /// The whole trace.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.with(|state| state.trace.lines().to_vec())
    }

    /// The hash of the trace.
    #[must_use]
    pub fn trace_hash(&self) -> String {
        self.with(|state| state.trace.hash())
    }

    /// Writes a line of an actor's own into the trace.
    pub fn note(&self, who: &str, what: &str) {
        self.with(|state| state.note(who, what));
    }

    /// An actor saw something that must not be.
    pub fn fail(&self, check: &'static str, what: impl Into<String>) {
        let failure = Failure::new(check, what);
        self.with(|state| state.fail(failure));
    }

    /// Ends a replica's process at once, without a word to anybody.
    pub fn kill(&self, replica: usize) {
        self.with(|state| state.kill(replica));
    }

    /// Starts a replica that was killed.
    pub fn start(&self, replica: usize) {
        self.with(|state| state.start(replica));
    }

    /// The next step in changing the master key: to open with a new one, or to seal with it. Replicas
    /// that start from now on take it.
    pub fn change_keys(&self) {
        self.with(|state| state.keys.change());
    }

    /// How many replicas there are.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.with(|state| state.replicas.len())
    }

    /// Sets a replica's wall clock off by so many seconds.
    pub fn skew(&self, replica: usize, seconds: i64) {
        self.with(|state| {
            if let Some(replica) = state.replicas.get_mut(replica) {
                replica.skew = seconds;
            }
        });
    }

    /// Cuts a replica off.
    pub fn cut_off(&self, replica: usize, cut: Cut) {
        self.with(|state| {
            state.note(&format!("r{replica}"), &format!("= is cut off: {cut:?}"));
            let moment = state.moment;
            let ledger = state.checks.ledger_mut();
            ledger.partitions.begin(replica, cut, moment);
        });
    }

    /// A replica is cut off no more.
    pub fn join(&self, replica: usize) {
        self.with(|state| {
            let moment = state.moment;
            let ledger = state.checks.ledger_mut();
            ledger.partitions.end(replica, moment);
        });
    }

    /// The lines of the log so far, as `level event name=value ...`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.with(|state| state.log.clone())
    }

    /// How many exchanges are under way, on all replicas.
    #[must_use]
    pub fn exchanges(&self) -> usize {
        self.with(|state| state.replicas.iter().map(Replica::exchanges).sum())
    }

    /// How often something was counted.
    #[must_use]
    pub fn count(&self, what: &'static str) -> u64 {
        self.with(|state| state.checks.ledger().counts.get(what).copied().unwrap_or(0))
    }

    /// The address of the server.
    #[must_use]
    pub fn server_url(&self) -> String {
        self.with(|state| state.options.public_url.clone())
    }
}

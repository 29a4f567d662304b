//! The executor: our own, with as many threads as there are cores, never a global one.

use std::{
    convert::Infallible,
    future::Future,
    io,
    num::NonZero,
    sync::{Arc, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

use async_channel::bounded;
use smol::{Task, future};

/// How many tasks a thread runs before it looks which sockets have become ready. The thread of `async-io` looks
/// itself when nobody has for ten milliseconds, and then the two hand the sockets to each other at every turn.
const TASKS: u32 = 32;

/// How long it is waited for threads that are at work when `main` ends: a tool that computes may go on for long.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Where tasks are spawned. Clones are the same executor. It does not keep the executor: what the tasks have is free
/// when its threads have ended.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    tasks: Weak<smol::Executor<'static>>,
}

impl Executor {
    /// Runs a task to its end, whoever waits for it; drops it, if the executor has ended.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = self.tasks.upgrade() {
            tasks.spawn(work).detach();
        }
    }

    /// Runs a task until it ends or what is returned is dropped. `None` if the executor has ended.
    pub(crate) fn spawn_scoped<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<Task<T>> {
        Some(self.tasks.upgrade()?.spawn(work))
    }
}

/// The executor itself.
#[derive(Debug, Default)]
pub(crate) struct ExecutorThreads {
    tasks: Arc<smol::Executor<'static>>,
}

impl ExecutorThreads {
    /// An executor without threads: [`ExecutorThreads::run`] starts them.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns where tasks are spawned.
    pub(crate) fn handle(&self) -> Executor {
        Executor {
            tasks: Arc::downgrade(&self.tasks),
        }
    }

    /// Runs `main` on this thread, and all tasks on this one and the others until `main` ends. What has not ended by then is dropped.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> io::Result<T> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let (running, end) = bounded::<Infallible>(1);
        let (at_work, ended) = mpsc::channel::<Infallible>();
        for _ in 1..threads {
            let (executor, end, at_work) = (Arc::clone(&self.tasks), end.clone(), at_work.clone());
            thread::Builder::new()
                .name("executor".to_owned())
                .spawn(move || {
                    let _ = smol::block_on(future::or(end.recv(), run_tasks(&executor)));
                    drop(executor);
                    drop(at_work);
                })?;
        }
        let result = self.block_on(main);
        drop((running, at_work));
        let until = Instant::now() + END_TIMEOUT;
        while let Err(mpsc::RecvTimeoutError::Timeout) =
            ended.recv_timeout(until.saturating_duration_since(Instant::now()))
            && Instant::now() < until
        {}
        Ok(result)
    }

    /// Runs `main` and all tasks on this thread until `main` ends.
    pub(crate) fn block_on<T>(&self, main: impl Future<Output = T>) -> T {
        smol::block_on(future::or(main, run_tasks(&self.tasks)))
    }
}

/// Runs tasks for ever.
async fn run_tasks<T>(executor: &smol::Executor<'_>) -> T {
    loop {
        for _ in 0..TASKS {
            executor.tick().await;
        }
        // `block_on` looks at the sockets.
        future::yield_now().await;
    }
}

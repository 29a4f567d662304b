//! The executor: our own, with as many threads as there are cores, never a global one.

use std::{future::Future, io, num::NonZero, sync::Arc, thread};

use smol::{Task, future};

/// Runs tasks on all cores. Clones are the same executor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Executor {
    tasks: Arc<smol::Executor<'static>>,
}

impl Executor {
    /// An executor without threads: [`Executor::run`] starts them.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Runs a task to its end, whoever waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work).detach();
    }

    /// Runs a task until it ends or what is returned is dropped.
    pub(crate) fn spawn_scoped<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        self.tasks.spawn(work)
    }

    /// Runs `main` on this thread, and all tasks on this one and the others until `main` ends.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> io::Result<T> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 1..threads {
            let executor = Arc::clone(&self.tasks);
            thread::Builder::new()
                .name("executor".to_owned())
                .spawn(move || smol::block_on(executor.run(future::pending::<()>())))?;
        }
        Ok(smol::block_on(self.tasks.run(main)))
    }
}

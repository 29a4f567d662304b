//! The executor: our own, with as many threads as there are cores, never a global one.

use std::{
    future::Future,
    io,
    num::NonZero,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
};

use entra_mcp_runtime::Remainder;
use smol::{Task, future};

/// Work whose end is all that matters.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

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

/// Work that is done where it is awaited, and is finished on the executor if it is dropped before
/// its end. So a request costs no task of its own, and what changes the store is not left half
/// done when the client goes away.
pub(crate) struct DetachOnDrop {
    work: Option<Work>,
    executor: Executor,
}

impl DetachOnDrop {
    pub(crate) fn new(executor: Executor, work: Work) -> Self {
        let work = Some(work);
        Self { work, executor }
    }

    /// Goes on as a task of its own after the response, and is counted if it is a user's. A stranger's is bounded
    /// by its time.
    pub(crate) fn remain(mut self, mut remainder: Remainder) {
        if let Some(work) = self.work.take() {
            let _ = remainder.begin();
            self.executor.spawn(async move {
                work.await;
                drop(remainder);
            });
        }
    }
}

impl Future for DetachOnDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(work) = &mut self.work {
            std::task::ready!(work.as_mut().poll(cx));
            self.work = None;
        }
        Poll::Ready(())
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.executor.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_channel::bounded;

    use super::*;

    #[test]
    fn dropped_work_is_finished_elsewhere() {
        let executor = Executor::new();
        let (go, going) = bounded::<()>(1);
        let (done, finished) = bounded(1);
        let work = Box::pin(async move {
            going.recv().await.unwrap();
            done.send(()).await.unwrap();
        });
        let mut work = DetachOnDrop::new(executor.clone(), work);
        let begun = smol::block_on(future::poll_once(&mut work));
        assert!(begun.is_none());
        drop(work);
        go.try_send(()).unwrap();
        executor
            .run(async { finished.recv().await.unwrap() })
            .unwrap();
    }
}

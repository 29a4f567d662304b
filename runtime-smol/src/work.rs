//! Work that is done where it is polled, step by step: an exchange, with its one deadline at a time. Whoever
//! polls it keeps the timer, so that a connection has one for all its requests, and a quick request none.

use std::{
    future::Future,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use async_io::Timer;
use entra_mcp_core::time::Now;
use entra_mcp_runtime::{Clock, Remainder, RequestPermit};

use crate::executor::Executor;

/// Something that is done step by step.
pub(crate) trait Work: Send {
    /// Goes on as far as it can, at this time; ready when all is done. May panic, and is then not polled again.
    fn poll(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()>;

    /// When it is to be polled again at the latest, once it waits.
    fn deadline(&self) -> Option<Instant>;
}

/// The panic barrier: what a panic left half done is dropped with the work, and its peer, which has then had
/// no end of its answer. What is shared is behind locks that are held for table operations only.
fn poll_guarded(work: &mut dyn Work, cx: &mut Context<'_>, now: Now) -> Poll<()> {
    let polled = catch_unwind(AssertUnwindSafe(|| work.poll(cx, now)));
    polled.unwrap_or(Poll::Ready(()))
}

/// A future as work; it has timers of its own: what serves no exchange.
pub(crate) struct FutureWork {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    _permit: Option<RequestPermit>,
}

impl FutureWork {
    /// Holds the permit of the request until the work is over.
    pub(crate) fn new(
        permit: impl Into<Option<RequestPermit>>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self {
            future: Box::pin(future),
            _permit: permit.into(),
        }
    }
}

impl Work for FutureWork {
    fn poll(&mut self, cx: &mut Context<'_>, _now: Now) -> Poll<()> {
        self.future.as_mut().poll(cx)
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// How many steps of one piece of work are taken before it is the turn of others.
const STEPS: u32 = 64;

/// Goes on step by step until one waits or is the last. Where none ever waits, as while a backend has always more to say, the
/// others have their turn in between: the thread is theirs, too.
pub(crate) fn turn(
    cx: &mut Context<'_>,
    mut step: impl FnMut(&mut Context<'_>) -> Poll<ControlFlow<()>>,
) -> Poll<()> {
    for _ in 0..STEPS {
        if ready!(step(cx)).is_break() {
            return Poll::Ready(());
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Work as a task of its own, with a timer of its own.
pub(crate) struct Detached {
    work: Box<dyn Work>,
    timer: LazyTimer,
}

impl Detached {
    pub(crate) fn new(work: Box<dyn Work>) -> Self {
        let timer = LazyTimer::new();
        Self { work, timer }
    }
}

impl Future for Detached {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { work, timer } = &mut *self;
        let clock = Clock::start();
        while poll_guarded(&mut **work, cx, clock.now()).is_pending() {
            match work.deadline() {
                Some(deadline) => ready!(timer.poll(cx, deadline)),
                None => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

/// Work that is done where it is polled, and is finished on the executor if it is dropped before
/// its end. So a request costs no task of its own, and what changes the store is not left half
/// done when the client goes away.
pub(crate) struct DetachOnDrop {
    work: Option<Box<dyn Work>>,
    executor: Executor,
}

impl DetachOnDrop {
    pub(crate) fn new(executor: Executor, work: Box<dyn Work>) -> Self {
        let work = Some(work);
        Self { work, executor }
    }

    /// Goes on as far as it can, at this time; ready when all is done.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, now: Now) -> Poll<()> {
        if let Some(work) = &mut self.work {
            ready!(poll_guarded(&mut **work, cx, now));
            self.work = None;
        }
        Poll::Ready(())
    }

    /// When it is to be polled again at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.work.as_ref()?.deadline()
    }

    /// Goes on as a task of its own after the response, and is counted if it is a user's. A stranger's is bounded
    /// by its time.
    pub(crate) fn remain(mut self, mut remainder: Remainder) {
        if let Some(work) = self.work.take() {
            let _ = remainder.begin();
            self.executor.spawn(async move {
                Detached::new(work).await;
                drop(remainder);
            });
        }
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.executor.spawn(Detached::new(work));
        }
    }
}

/// A timer that is set when somebody really waits, and moved as seldom as possible: a deadline that was put
/// off costs nothing until the timer goes off at the old one. Setting one wakes the reactor.
pub(crate) struct LazyTimer {
    timer: Timer,
    set: Option<Instant>,
}

impl LazyTimer {
    pub(crate) fn new() -> Self {
        Self {
            timer: Timer::never(),
            set: None,
        }
    }

    /// Ready when the deadline has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if self.set.is_none_or(|set| set > deadline) {
                self.timer.set_at(deadline);
                self.set = Some(deadline);
            }
            ready!(Pin::new(&mut self.timer).poll(cx));
            self.set = None;
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_channel::bounded;
    use smol::future;

    use super::*;
    use crate::executor::ExecutorThreads;

    // R17
    #[test]
    fn work_that_never_waits_leaves_others_their_turn() {
        let (done, finished) = bounded::<()>(1);
        let mut steps = 0;
        let endless = future::poll_fn(|cx| {
            turn(cx, |_| {
                steps += 1;
                assert!(steps < 100 * STEPS, "nobody else has had a turn");
                Poll::Ready(ControlFlow::Continue(()))
            })
        });
        let other = async {
            future::yield_now().await;
            drop(done);
        };
        smol::block_on(future::or(future::or(endless, other), async {
            let _ = finished.recv().await;
        }));
    }

    #[test]
    fn dropped_work_is_finished_elsewhere() {
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let (go, going) = bounded::<()>(1);
        let (done, finished) = bounded(1);
        let work = FutureWork::new(None, async move {
            going.recv().await.unwrap();
            done.send(()).await.unwrap();
        });
        let mut work = DetachOnDrop::new(executor, Box::new(work));
        let now = Clock::start().now();
        let begun = future::poll_fn(|cx| Poll::Ready(work.poll(cx, now)));
        assert!(smol::block_on(begun).is_pending());
        drop(work);
        go.try_send(()).unwrap();
        threads
            .run(async { finished.recv().await.unwrap() })
            .unwrap();
    }

    /// Over when it is polled at its deadline.
    struct UntilDeadline(Instant);

    impl Work for UntilDeadline {
        fn poll(&mut self, _cx: &mut Context<'_>, _now: Now) -> Poll<()> {
            match Instant::now() >= self.0 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }

        fn deadline(&self) -> Option<Instant> {
            Some(self.0)
        }
    }

    #[test]
    fn detached_work_is_polled_at_its_deadline() {
        let deadline = Instant::now() + Duration::from_millis(20);
        smol::block_on(Detached::new(Box::new(UntilDeadline(deadline))));
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn timer_waits_for_a_deadline_that_was_put_off_and_for_one_that_was_moved_forward() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut timer = LazyTimer::new();
        for (first, then) in [(20, 60), (10_000, 80)] {
            smol::block_on(future::poll_fn(|cx| {
                Poll::Ready(timer.poll(cx, at(first)).is_pending())
            }));
            smol::block_on(future::poll_fn(|cx| timer.poll(cx, at(then))));
            assert!(Instant::now() >= at(then));
        }
        assert!(Instant::now() < at(10_000));
    }
}

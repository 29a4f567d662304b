//! Writes that come together share one transaction, and one wait for the disk (group commit).
//!
//! Whoever comes first writes for all that have come by then; who comes while that one waits for the disk is
//! written by the next. Each is judged in the order in which they came, on what those before it have written, and is
//! answered when all of it is on the disk. So it is as if they had come one after the other (threat Q5).

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    mpsc::{self, SyncSender, TryRecvError},
};

use entra_mcp_core::{
    ask::{Store, StoreFault, Stored},
    time::UnixTime,
};

/// The most writes of one transaction: a bound on how long the first of them waits.
const TOGETHER: usize = 256;

/// The answer to a write.
pub(super) type Answer = Result<Option<Stored>, StoreFault>;

/// A write that waits for its transaction.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) ask: Store,
    pub(super) now: UnixTime,
    answer: SyncSender<Answer>,
}

impl Write {
    /// Answers it.
    pub(super) fn answer(self, answer: Answer) {
        // Its writer waits until then.
        let _ = self.answer.send(answer);
    }
}

/// The writes that wait.
#[derive(Debug, Default)]
pub(super) struct Writes {
    queue: Mutex<Queue>,
    /// Told when a transaction is over. Whoever was answered by it must not wait for the next one.
    over: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Write>,
    /// Whether somebody writes.
    is_writing: bool,
}

/// Ends the turn of who writes, also if that one panics.
struct Turn<'a>(&'a Writes);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.queue().is_writing = false;
        self.0.over.notify_all();
    }
}

impl Writes {
    /// Has `together` write this, alone or with others: it must answer each write that it is given. Waits for the
    /// answer.
    pub(super) fn write(&self, ask: Store, now: UnixTime, together: impl Fn(Vec<Write>)) -> Answer {
        let (answer, answered) = mpsc::sync_channel(1);
        let mut queue = self.queue();
        queue.waiting.push(Write { ask, now, answer });
        loop {
            match answered.try_recv() {
                Ok(answer) => return answer,
                // Who wrote for this one has panicked.
                Err(TryRecvError::Disconnected) => return Err(StoreFault::Unavailable),
                Err(TryRecvError::Empty) => {}
            }
            if queue.is_writing {
                let woken = self.over.wait(queue);
                queue = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.is_writing = true;
            let count = queue.waiting.len().min(TOGETHER);
            let writes = queue.waiting.drain(..count).collect();
            drop(queue);
            let turn = Turn(self);
            together(writes);
            drop(turn);
            queue = self.queue();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nobody panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use entra_mcp_core::ask::Key;

    use super::*;

    fn ask(number: usize) -> Store {
        Store::Delete(Key(number.to_string()))
    }

    fn answer_all(writes: Vec<Write>) {
        for write in writes {
            write.answer(Ok(None));
        }
    }

    // Q5
    #[test]
    fn writes_that_come_while_one_waits_for_the_disk_are_written_together_in_their_order() {
        const OTHERS: usize = 20;
        let writes = Arc::new(Writes::default());
        let transactions = Arc::new(Mutex::new(Vec::new()));
        let together = {
            let (writes, transactions) = (Arc::clone(&writes), Arc::clone(&transactions));
            move |own: Vec<Write>| {
                // The disk takes until all the others have come.
                let is_first = transactions.lock().unwrap().is_empty();
                let keys: Vec<Store> = own.iter().map(|write| write.ask.clone()).collect();
                transactions.lock().unwrap().push(keys);
                while is_first && writes.queue().waiting.len() < OTHERS {
                    std::thread::yield_now();
                }
                answer_all(own);
            }
        };
        std::thread::scope(|scope| {
            for number in 0..=OTHERS {
                let (writes, together) = (&writes, together.clone());
                scope.spawn(move || {
                    assert_eq!(writes.write(ask(number), UnixTime(1), together), Ok(None));
                });
            }
        });
        let transactions = transactions.lock().unwrap();
        let sizes: Vec<usize> = transactions.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, OTHERS], "{transactions:?}");
    }

    #[test]
    fn write_whose_writer_panics_is_answered_and_the_next_one_is_written() {
        let writes = Writes::default();
        let panics = |_: Vec<Write>| panic!("the disk is full");
        let unwound = std::panic::AssertUnwindSafe(|| writes.write(ask(1), UnixTime(1), panics));
        assert!(std::panic::catch_unwind(unwound).is_err());
        assert_eq!(writes.write(ask(2), UnixTime(1), answer_all), Ok(None));
        let dropped = writes.write(ask(3), UnixTime(1), drop);
        assert_eq!(dropped, Err(StoreFault::Unavailable));
    }
}

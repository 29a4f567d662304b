//! A queue from one task to another, of which each can wait for the other.
//!
//! Most of what is sent is received in the same turn of the same task. Then nobody is woken, and nothing
//! is allocated but the queue.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Makes a queue without a bound of its own; see [`Sender::poll_room`].
pub(crate) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared(Mutex::new(State {
        items: Items::default(),
        sender: Waiting::default(),
        receiver: Waiting::default(),
        wants_room: false,
    })));
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The end into which items go.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The end from which they come.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

/// What was sent and not received. Mostly it is one: that needs no memory of its own.
#[derive(Debug)]
struct Items<T> {
    first: Option<T>,
    others: VecDeque<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self {
            first: None,
            others: VecDeque::new(),
        }
    }
}

impl<T> Items<T> {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    fn push_back(&mut self, item: T) {
        match (&self.first, self.others.is_empty()) {
            (None, true) => self.first = Some(item),
            _ => self.others.push_back(item),
        }
    }

    fn pop_front(&mut self) -> Option<T> {
        self.first.take().or_else(|| self.others.pop_front())
    }
}

#[derive(Debug)]
struct State<T> {
    items: Items<T>,
    sender: Waiting,
    receiver: Waiting,
    /// Whether the sender waits for room.
    wants_room: bool,
}

/// One of the two ends, as the other sees it.
#[derive(Debug, Default)]
struct Waiting {
    waker: Option<Waker>,
    is_gone: bool,
}

impl Waiting {
    fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Under the lock an item is moved and nothing else is done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes who waits, outside of the lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> Sender<T> {
    /// Sends an item. It is dropped if the receiver is gone.
    pub(crate) fn send(&self, item: T) {
        let mut state = self.0.state();
        if !state.receiver.is_gone {
            state.items.push_back(item);
            let waker = state.receiver.waker.take();
            drop(state);
            wake(waker);
        }
    }

    /// Ready when fewer than so many items wait, or the receiver is gone.
    pub(crate) fn poll_room(&self, cx: &Context<'_>, most: usize) -> Poll<()> {
        let mut state = self.0.state();
        if state.receiver.is_gone || state.items.len() < most {
            return Poll::Ready(());
        }
        state.wants_room = true;
        state.sender.wait(cx);
        Poll::Pending
    }

    /// Ready when the receiver is gone.
    pub(crate) fn poll_disconnected(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.receiver.is_gone {
            return Poll::Ready(());
        }
        state.sender.wait(cx);
        Poll::Pending
    }
}

impl<T> Receiver<T> {
    /// The next item; `None` after the last one, if the sender is gone.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.state();
        if let Some(item) = state.items.pop_front() {
            let waker = match std::mem::take(&mut state.wants_room) {
                true => state.sender.waker.take(),
                false => None,
            };
            drop(state);
            wake(waker);
            return Poll::Ready(Some(item));
        }
        if state.sender.is_gone {
            return Poll::Ready(None);
        }
        // Whoever waits long keeps no memory for what may come.
        state.items = Items::default();
        state.receiver.wait(cx);
        Poll::Pending
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sender.is_gone = true;
        let waker = state.receiver.waker.take();
        drop(state);
        wake(waker);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.receiver.is_gone = true;
        let (waker, items) = (state.sender.waker.take(), std::mem::take(&mut state.items));
        drop(state);
        drop(items);
        wake(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waker() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), woken.into())
    }

    fn count(woken: &Woken) -> usize {
        woken.0.load(Ordering::Relaxed)
    }

    #[test]
    fn items_come_in_the_order_in_which_they_were_sent() {
        let (_woken, waker) = waker();
        let cx = Context::from_waker(&waker);
        let (sender, receiver) = queue();
        let mut received = Vec::new();
        for (sent, taken) in [(0..1, 1), (1..4, 2), (4..6, 3)] {
            sent.for_each(|item| sender.send(item));
            received.extend((0..taken).map(|_| receiver.poll_next(&cx)));
        }
        let expected = (0..6).map(|item| Poll::Ready(Some(item)));
        assert!(expected.eq(received));
        assert_eq!(receiver.poll_next(&cx), Poll::Pending);
    }

    #[test]
    fn receiver_that_waits_is_woken_by_an_item_and_by_the_end() {
        let (woken, waker) = waker();
        let cx = Context::from_waker(&waker);
        let (sender, receiver) = queue();
        assert_eq!(receiver.poll_next(&cx), Poll::Pending);
        sender.send(1);
        sender.send(2);
        assert_eq!(count(&woken), 1);
        assert_eq!(receiver.poll_next(&cx), Poll::Ready(Some(1)));
        assert_eq!(receiver.poll_next(&cx), Poll::Ready(Some(2)));
        assert_eq!(receiver.poll_next(&cx), Poll::Pending);
        drop(sender);
        assert_eq!(count(&woken), 2);
        assert_eq!(receiver.poll_next(&cx), Poll::Ready(None));
    }

    #[test]
    fn sender_is_woken_by_room_only_if_it_waits_for_room() {
        let (woken, waker) = waker();
        let cx = Context::from_waker(&waker);
        let (sender, receiver) = queue();
        sender.send(1);
        assert_eq!(sender.poll_disconnected(&cx), Poll::Pending);
        assert_eq!(receiver.poll_next(&cx), Poll::Ready(Some(1)));
        assert_eq!(count(&woken), 0, "it waits for the receiver to go");
        sender.send(2);
        assert_eq!(sender.poll_room(&cx, 2), Poll::Ready(()));
        assert_eq!(sender.poll_room(&cx, 1), Poll::Pending);
        assert_eq!(receiver.poll_next(&cx), Poll::Ready(Some(2)));
        assert_eq!(count(&woken), 1);
        assert_eq!(sender.poll_room(&cx, 1), Poll::Ready(()));
    }

    #[test]
    fn sender_is_told_that_the_receiver_is_gone_and_what_it_sends_is_dropped() {
        let (woken, waker) = waker();
        let cx = Context::from_waker(&waker);
        let (sender, receiver) = queue();
        let item = Arc::new(());
        sender.send(Arc::clone(&item));
        assert_eq!(sender.poll_room(&cx, 1), Poll::Pending);
        drop(receiver);
        assert_eq!(count(&woken), 1);
        sender.send(Arc::clone(&item));
        assert_eq!(Arc::strong_count(&item), 1);
        assert_eq!(sender.poll_room(&cx, 1), Poll::Ready(()));
        assert_eq!(sender.poll_disconnected(&cx), Poll::Ready(()));
    }
}

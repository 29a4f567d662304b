//! A request that is worked on, together with its peer: both are owned, so that another thread can go on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use entra_mcp_core::error_responses;

use crate::{
    hand_over::{HandOver, Slot, Suspended, Watch},
    inbound::{NullWriter, ResponseWriter},
    invoke::PendingCall,
    threads::Threads,
};

/// What is done for a request.
pub(crate) trait Work: Send + 'static {
    /// Goes on until it is over, or until something else is to be done first. May panic.
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step;

    /// Goes on without a peer, elsewhere if it may.
    fn detach(self: Box<Self>);
}

/// Why the work stopped.
pub(crate) enum Step {
    /// It is over.
    Over,
    /// It waits for this call only: perform it on this thread.
    Perform(PendingCall, Place),
    /// It is a stream that waits, and that mostly for long: it goes on on a new thread, for the stack and the heap of
    /// this one have grown with the request, and do not shrink.
    Rest(Threads),
    /// The peer has its response, and the work goes on without it: [`Work::detach`].
    Detach,
}

/// Where calls are performed beside their exchanges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) threads: Threads,
    pub(crate) watch: Arc<Watch>,
}

/// Whom a request came from.
pub(crate) trait Peer: ResponseWriter + Send + Sized + 'static {
    /// The request is over: goes on with the next one, if there can be one.
    fn go_on(self);
}

/// A request that is worked on.
pub(crate) struct ActiveRequest<P> {
    work: Box<dyn Work>,
    peer: P,
}

impl<P: Peer> ActiveRequest<P> {
    /// Works on a request to its end. Returns the peer; `None` if another thread has taken it over.
    pub(crate) fn run(work: Box<dyn Work>, peer: P) -> Option<P> {
        Self { work, peer }.drive()
    }

    fn drive(mut self) -> Option<P> {
        loop {
            // The panic barrier: what a panic left half done is dropped with the work. What is shared is behind locks
            // that are held for table operations only.
            let driven = AssertUnwindSafe(|| self.work.drive(&mut self.peer));
            match catch_unwind(driven) {
                Ok(Step::Over) => return Some(self.peer),
                Ok(Step::Perform(call, place)) => self = self.perform(call, place)?,
                Ok(Step::Rest(threads)) => self = self.rest(threads)?,
                Ok(Step::Detach) => {
                    self.work.detach();
                    return Some(self.peer);
                }
                Err(_) => {
                    if !self.peer.has_started() {
                        self.peer.respond(error_responses::internal_error());
                    }
                    return Some(self.peer);
                }
            }
        }
    }

    /// Performs a call. Whoever takes the request over meanwhile keeps it.
    fn perform(self, call: PendingCall, place: Place) -> Option<Self> {
        let slot = Slot::new(self, place.threads);
        let hand_over: Arc<dyn HandOver> = slot.clone();
        let watched = place.watch.add(Arc::downgrade(&hand_over));
        call.perform(Some(hand_over));
        drop(watched);
        slot.take()
    }

    /// Goes on on a new thread; on this one, if there is none.
    fn rest(self, threads: Threads) -> Option<Self> {
        let slot = Slot::new(self, threads);
        match Arc::clone(&slot).hand_to_new() {
            Ok(()) => None,
            Err(_) => slot.take(),
        }
    }
}

impl<P: Peer> Suspended for ActiveRequest<P> {
    fn resume(self) {
        if let Some(peer) = self.drive() {
            peer.go_on();
        }
    }
}

impl Peer for NullWriter {
    fn go_on(self) {}
}

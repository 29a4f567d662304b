//! The calls that an exchange performs, on its own thread or on others; their effects go to the exchange.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
};

use entra_mcp_core::{
    ask::{AskId, Invoke, InvokeOutput, Ticket},
    catalog::{CallError, Effect, EffectResult, GraphResponse},
    event::Event,
    limits,
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::handlers::{CallContext, Handlers, too_many_streams};

use crate::{
    context::Context,
    graph_stream::{GraphStream, SharedStream},
    hand_over::HandOver,
    mailbox::Mailbox,
    outbound::OpenBody,
    threads::Threads,
};

/// How many calls are performed at once. A thread that waits costs little, but not nothing.
const CALLS: usize = 512;

/// A function that performs calls.
pub(crate) type BoxedHandler =
    Arc<dyn Fn(&Context) -> Result<InvokeOutput, CallError> + Send + Sync>;

/// Where calls are performed: how many threads run them.
#[derive(Debug, Default)]
pub(crate) struct HandlerPool {
    busy: Arc<AtomicUsize>,
}

impl HandlerPool {
    fn permit(&self) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.busy));
        (self.busy.fetch_add(1, Ordering::AcqRel) < CALLS).then_some(permit)
    }
}

/// A permit on the pool, until it is dropped.
#[derive(Debug)]
struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Which call of an exchange.
pub(crate) type CallNumber = u64;

/// What a call did.
#[derive(Debug)]
pub(crate) enum HandlerMessage {
    /// It wants this effect and waits for its result.
    Effect(Effect, SyncSender<Resumed>),
    /// It is over.
    Finished(Result<InvokeOutput, CallError>),
}

/// What a function goes on with.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// What came of its effect.
    Done(EffectResult),
    /// An answer of Graph's to read.
    Stream(GraphStream),
}

/// The calls of one exchange. Dropping a call interrupts it.
#[derive(Default)]
pub(crate) struct Calls {
    last: CallNumber,
    calls: Vec<(CallNumber, Ticket<Invoke>, RunningCall)>,
    /// Those that nobody performs yet.
    pending: Vec<PendingCall>,
}

impl Calls {
    /// Takes a call, to be performed with the next [`Calls::begin`]. What it does arrives in the mailbox.
    pub(crate) fn push(
        &mut self,
        ticket: Ticket<Invoke>,
        perform: Invoke,
        handlers: (&Handlers<BoxedHandler>, &HandlerPool),
        mailbox: &Mailbox,
    ) {
        self.last += 1;
        let (running, pending) = RunningCall::new(perform, handlers, mailbox, self.last);
        self.pending.extend(pending);
        self.calls.push((self.last, ticket, running));
    }

    /// Begins what is not begun, on other threads. A call that is alone is returned, to be performed on this one.
    pub(crate) fn begin(&mut self, threads: &Threads) -> Option<PendingCall> {
        if self.calls.len() == 1
            && let Some(call) = self.pending.pop()
        {
            return Some(call);
        }
        self.begin_elsewhere(threads);
        None
    }

    /// Begins what is not begun, on other threads.
    pub(crate) fn begin_elsewhere(&mut self, threads: &Threads) {
        for call in self.pending.drain(..) {
            call.perform_elsewhere(threads);
        }
    }

    /// The oldest open effect of a call was granted.
    pub(crate) fn resume(&mut self, id: AskId, result: EffectResult, body: Option<OpenBody>) {
        let mut calls = self.calls.iter_mut();
        if let Some((_, _, running)) = calls.find(|(_, ticket, _)| ticket.id() == id) {
            running.resume(result, body);
        }
    }

    /// A call matters no more.
    pub(crate) fn cancel(&mut self, id: AskId) {
        self.calls.retain(|(_, ticket, _)| ticket.id() != id);
        let calls = &self.calls;
        self.pending
            .retain(|call| calls.iter().any(|(number, _, _)| *number == call.number));
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn place(&self, number: CallNumber) -> Option<usize> {
        self.calls.iter().position(|(other, _, _)| *other == number)
    }

    /// What a call did, as the exchange gets it; nothing, if the call matters no more.
    pub(crate) fn handle(&mut self, number: CallNumber, message: HandlerMessage) -> Option<Event> {
        match message {
            HandlerMessage::Effect(effect, waiting) => {
                let place = self.place(number)?;
                let (_, ticket, running) = self.calls.get_mut(place)?;
                running.open.push_back(waiting);
                Some(ticket.effect(effect))
            }
            HandlerMessage::Finished(result) => {
                let (_, ticket, _) = self.calls.remove(self.place(number)?);
                Some(ticket.answer(result))
            }
        }
    }
}

/// A call under way.
struct RunningCall {
    call: Arc<CallContext>,
    /// Who waits for its effects, the oldest first.
    open: VecDeque<SyncSender<Resumed>>,
    /// The answers that it reads piece by piece.
    streams: Vec<Weak<SharedStream>>,
}

impl RunningCall {
    /// A call that is to be performed; or that is over already, because that is impossible.
    fn new(
        perform: Invoke,
        (handlers, pool): (&Handlers<BoxedHandler>, &HandlerPool),
        mailbox: &Mailbox,
        number: CallNumber,
    ) -> (Self, Option<PendingCall>) {
        let handler = handlers.find(&perform.target).cloned();
        let call = Arc::new(CallContext::new(perform, handlers.state()));
        let pending = match (handler, pool.permit()) {
            (None, _) => Err(CallContext::unknown(&call)),
            (_, None) => Err(busy()),
            (Some(handler), Some(permit)) => Ok(PendingCall {
                handler,
                call: Arc::clone(&call),
                mailbox: mailbox.clone(),
                number,
                permit,
            }),
        };
        let pending = pending
            .map_err(|error| fail_call(mailbox, number, error))
            .ok();
        let running = Self {
            call,
            open: VecDeque::new(),
            streams: Vec::new(),
        };
        (running, pending)
    }

    fn resume(&mut self, result: EffectResult, body: Option<OpenBody>) {
        let resumed = match (result, body) {
            (EffectResult::GraphStream(head, _), Some(body)) => self.stream(head, body),
            (result, _) => Resumed::Done(result),
        };
        if let Some(waiting) = self.open.pop_front() {
            // Who waits no more does not need it.
            let _ = waiting.try_send(resumed);
        }
    }

    /// Gives the function an answer to read, unless it has as many as it may.
    fn stream(&mut self, head: GraphResponse, body: OpenBody) -> Resumed {
        let is_open = |stream: &Weak<SharedStream>| {
            let stream = stream.upgrade();
            stream.is_some_and(|stream| stream.is_open())
        };
        self.streams.retain(is_open);
        if self.streams.len() >= limits::GRAPH_STREAMS {
            return Resumed::Done(EffectResult::Graph(Err(too_many_streams())));
        }
        let shared = Arc::new(SharedStream::new(body));
        self.streams.push(Arc::downgrade(&shared));
        Resumed::Stream(GraphStream::new(head, shared))
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        // Its function cannot be stopped: it can ask, and whatever it waits for ends.
        CallContext::end(&self.call);
        for stream in self.streams.iter().filter_map(Weak::upgrade) {
            stream.end();
        }
    }
}

/// A call that is to be performed.
pub(crate) struct PendingCall {
    handler: BoxedHandler,
    call: Arc<CallContext>,
    mailbox: Mailbox,
    number: CallNumber,
    permit: Permit,
}

impl PendingCall {
    /// Performs it to its end. Whoever works on its exchange is asked to hand that over if need be.
    pub(crate) fn perform(self, hand_over: Option<Arc<dyn HandOver>>) {
        let context = Context::new(self.call, self.mailbox, self.number, hand_over);
        context.perform(&self.handler);
        drop(self.permit);
    }

    /// Performs it on another thread.
    fn perform_elsewhere(self, threads: &Threads) {
        let (mailbox, number) = (self.mailbox.clone(), self.number);
        if let Err(error) = threads.run(move || self.perform(None)) {
            let event = LogEvent::new(LogEventId::ThreadNotStarted);
            entra_mcp_runtime::log(&event.with_text(Field::Error, error.to_string()));
            fail_call(&mailbox, number, busy());
        }
    }
}

/// Ends a call that was not performed, with an error.
fn fail_call(mailbox: &Mailbox, number: CallNumber, error: CallError) {
    // If nobody reads it, the call matters no more.
    let _ = mailbox.call(number, HandlerMessage::Finished(Err(error)));
}

/// The panic barrier. What the function shares with others is its own to keep whole.
pub(crate) fn guarded(
    handler: &BoxedHandler,
    context: &Context,
) -> Result<InvokeOutput, CallError> {
    let invoked = catch_unwind(AssertUnwindSafe(|| handler(context)));
    invoked.unwrap_or_else(|panic| Err(CallContext::panicked(&context.call, &*panic)))
}

fn busy() -> CallError {
    "The server is busy with other calls. Try again in a moment.".into()
}

#[cfg(test)]
mod tests;

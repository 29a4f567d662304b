//! The calls that an exchange performs. Most are over when they were polled once, by their exchange; the others
//! become tasks of their own. Their effects go to the exchange.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context as Waker, Poll},
};

use async_channel::{Receiver, Sender};
use entra_mcp_core::{
    ask::{AskId, Invoke, InvokeOutput, Ticket},
    catalog::{CallError, Effect, EffectResult, GraphResponse},
    event::Event,
    limits,
};
use entra_mcp_runtime::handlers::{CallContext, Handlers, too_many_streams};
use smol::{Task, future::FutureExt as _, stream::Stream as _};

use crate::{
    context::{Context, EffectRequest, Effects, Resumed},
    executor::Executor,
    graph_stream::{GraphStream, SharedStream},
    outbound::OpenBody,
    traced::traced,
};

/// A function that performs calls.
pub(crate) type BoxedHandler = Arc<dyn Fn(Context) -> HandlerFuture + Send + Sync>;

/// A call that is being performed.
pub(crate) type HandlerFuture =
    Pin<Box<dyn Future<Output = Result<InvokeOutput, CallError>> + Send>>;

/// The calls of one exchange. Dropping a call stops it.
#[derive(Default)]
pub(crate) struct Calls(Vec<(Ticket<Invoke>, RunningCall)>);

impl Calls {
    /// Performs a call.
    pub(crate) fn start(
        &mut self,
        ticket: Ticket<Invoke>,
        perform: Invoke,
        handlers: &Handlers<BoxedHandler>,
    ) {
        let handler = handlers.find(&perform.target);
        let running = RunningCall::start(handler, CallContext::new(perform, handlers.state()));
        self.0.push((ticket, running));
    }

    /// The oldest open effect of a call was granted.
    pub(crate) fn resume(&mut self, id: AskId, result: EffectResult, body: Option<OpenBody>) {
        let call = self.0.iter_mut().find(|(ticket, _)| ticket.id() == id);
        if let Some((_, running)) = call {
            running.resume(result, body);
        }
    }

    /// A call matters no more.
    pub(crate) fn cancel(&mut self, id: AskId) {
        self.0.retain(|(ticket, _)| ticket.id() != id);
    }

    /// The next effect or end of a call; never, if there is none.
    pub(crate) fn poll(&mut self, waker: &mut Waker<'_>, executor: &Executor) -> Poll<Event> {
        for (place, (ticket, running)) in self.0.iter_mut().enumerate() {
            match running.poll(waker, executor) {
                Poll::Ready(HandlerMessage::Effect(effect)) => {
                    return Poll::Ready(ticket.effect(effect));
                }
                Poll::Ready(HandlerMessage::Finished(result)) => {
                    let (ticket, _) = self.0.remove(place);
                    return Poll::Ready(ticket.answer(result));
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}

/// A call under way.
struct RunningCall {
    call: Arc<CallContext>,
    state: State,
    effects: Effects,
    /// Where they arrive, once it was waited for.
    requested: Option<Pin<Box<Receiver<EffectRequest>>>>,
    /// Who waits for its effects, the oldest first.
    open: VecDeque<Sender<Resumed>>,
    /// The answers that it reads piece by piece.
    streams: Vec<Weak<SharedStream>>,
}

/// Who performs a call.
enum State {
    /// The exchange, which has not polled it yet.
    Begun(HandlerFuture),
    /// A task.
    Task(Task<Result<InvokeOutput, CallError>>),
    /// Nobody any more.
    Finished(Result<InvokeOutput, CallError>),
    /// The result was taken.
    Over,
}

/// What a call did.
#[derive(Debug)]
enum HandlerMessage {
    Effect(Effect),
    Finished(Result<InvokeOutput, CallError>),
}

impl RunningCall {
    fn start(handler: Option<&BoxedHandler>, call: CallContext) -> Self {
        let call = Arc::new(call);
        let effects = Effects::default();
        let context = Context::new(Arc::clone(&call), effects.clone());
        let state = match handler {
            None => State::Finished(Err(CallContext::unknown(&call))),
            // The panic barrier. What the function shares with others is its own to keep whole.
            Some(handler) => match catch_unwind(AssertUnwindSafe(|| traced(handler, context))) {
                Ok(future) => State::Begun(future),
                Err(panic) => State::Finished(Err(CallContext::panicked(&call, &*panic))),
            },
        };
        Self {
            call,
            state,
            effects,
            requested: None,
            open: VecDeque::new(),
            streams: Vec::new(),
        }
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

    fn poll(&mut self, waker: &mut Waker<'_>, executor: &Executor) -> Poll<HandlerMessage> {
        self.perform(waker, executor);
        // What was requested before the end comes before it.
        let is_over = matches!(self.state, State::Finished(_) | State::Over);
        let requested = match is_over {
            true => self.effects.requested(),
            false => self.poll_requested(waker),
        };
        if let Some(requested) = requested {
            self.open.push_back(requested.result);
            return Poll::Ready(HandlerMessage::Effect(requested.effect));
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Finished(result) => Poll::Ready(HandlerMessage::Finished(result)),
            state => {
                self.state = state;
                Poll::Pending
            }
        }
    }

    fn poll_requested(&mut self, waker: &mut Waker<'_>) -> Option<EffectRequest> {
        let receiver = || Box::pin(self.effects.receiver());
        let requested = self.requested.get_or_insert_with(receiver);
        match requested.as_mut().poll_next(waker) {
            Poll::Ready(requested) => requested,
            Poll::Pending => None,
        }
    }

    /// Goes on with the function, as far as that is done here.
    fn perform(&mut self, waker: &mut Waker<'_>, executor: &Executor) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Begun(mut future) => {
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(waker)));
                match polled {
                    Ok(Poll::Ready(result)) => State::Finished(result),
                    Ok(Poll::Pending) => self.detach(future, executor),
                    Err(panic) => State::Finished(Err(CallContext::panicked(&self.call, &*panic))),
                }
            }
            state @ (State::Task(_) | State::Finished(_) | State::Over) => state,
        };
        if let State::Task(task) = &mut self.state
            && let Poll::Ready(result) = Pin::new(task).poll(waker)
        {
            self.state = State::Finished(result);
        }
    }

    /// What waits goes on as a task: beside its exchange, and beside the other calls.
    fn detach(&self, future: HandlerFuture, executor: &Executor) -> State {
        let call = Arc::clone(&self.call);
        let task = executor.spawn_scoped(async move {
            let invoked = AssertUnwindSafe(future).catch_unwind().await;
            invoked.unwrap_or_else(|panic| Err(CallContext::panicked(&call, &*panic)))
        });
        // Without an executor nobody polls this call either.
        task.map_or(State::Over, State::Task)
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        // A clone of its context may live on in a task of the function's own: whatever that waits for
        // ends, read or not.
        CallContext::end(&self.call);
        self.effects.end();
        for stream in self.streams.iter().filter_map(Weak::upgrade) {
            stream.end();
        }
    }
}

#[cfg(test)]
mod tests;

//! The calls that an exchange performs. Most are over when they were polled once, by their exchange; the others
//! become tasks of their own. Their effects go to the exchange.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Waker, Poll},
};

use async_channel::{Receiver, Sender};
use entra_mcp_core::{
    ask::{AskId, Invoke, InvokeOutput, Ticket},
    catalog::{CallError, Effect, EffectResult},
    event::Event,
};
use entra_mcp_runtime::handlers::{CallContext, Handlers};
use smol::{Task, future::FutureExt as _, stream::Stream as _};

use crate::{
    context::{Context, EffectRequest, Effects},
    executor::Executor,
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
    pub(crate) fn resume(&mut self, id: AskId, result: EffectResult) {
        let call = self.0.iter_mut().find(|(ticket, _)| ticket.id() == id);
        if let Some((_, running)) = call {
            running.resume(result);
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
    open: VecDeque<Sender<EffectResult>>,
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
        }
    }

    fn resume(&mut self, result: EffectResult) {
        if let Some(waiting) = self.open.pop_front() {
            // Who waits no more does not need it.
            let _ = waiting.try_send(result);
        }
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
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entra_mcp_core::{
        ask::Target,
        catalog::{Call, InputRequest, InputResponse, ToolResult},
        secret::Secret,
    };
    use smol::future;

    use entra_mcp_runtime::handlers::SharedState;

    use super::*;
    use crate::executor::ExecutorThreads;

    /// Runs a function as a tool; `grant` plays the machine. Returns what the tool returned.
    fn invoked<F, Fut>(
        function: F,
        call: Call,
        mut resume: impl FnMut(Effect) -> EffectResult,
    ) -> Result<InvokeOutput, CallError>
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<InvokeOutput, CallError>> + Send + 'static,
    {
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let handler: BoxedHandler = Arc::new(move |cx| Box::pin(function(cx)));
        let mut running = RunningCall::start(Some(&handler), perform(call));
        let played = async {
            loop {
                match future::poll_fn(|waker| running.poll(waker, &executor)).await {
                    HandlerMessage::Effect(effect) => running.resume(resume(effect)),
                    HandlerMessage::Finished(result) => return result,
                }
            }
        };
        threads.run(played).unwrap()
    }

    fn perform(call: Call) -> CallContext {
        let invoke = Invoke {
            target: Target::Tool("x".to_owned()),
            call,
            within: Duration::from_mins(1),
        };
        CallContext::new(invoke, &SharedState::default())
    }

    fn done(message: impl Into<ToolResult>) -> Result<InvokeOutput, CallError> {
        Ok(InvokeOutput::Tool(message.into()))
    }

    #[test]
    fn effects_are_performed_in_order() {
        let function = |cx: Context| async move {
            cx.progress(1.0, 2.0).await?;
            let token = cx.token("https://graph.microsoft.com/User.Read").await?;
            done(token.expose().clone())
        };
        let mut effects = Vec::new();
        let result = invoked(function, Call::new("x"), |effect| {
            effects.push(format!("{effect:?}"));
            match effect {
                Effect::Token(_) => EffectResult::Token(Ok(Secret::new("entra token".to_owned()))),
                _ => EffectResult::Done,
            }
        });
        assert_eq!(result, done("entra token"));
        assert_eq!(effects.len(), 2, "{effects:?}");
    }

    #[test]
    fn concurrent_effects_each_get_their_result() {
        let function = |cx: Context| async move {
            let (one, other) = future::zip(cx.token("one"), cx.token("other")).await;
            done(format!("{}, {}", one?.expose(), other?.expose()))
        };
        let result = invoked(function, Call::new("x"), |effect| match effect {
            Effect::Token(scope) => EffectResult::Token(Ok(Secret::new(scope))),
            _ => EffectResult::Done,
        });
        assert_eq!(result, done("one, other"));
    }

    #[test]
    fn pending_effect_is_interrupted_with_its_call() {
        let threads = ExecutorThreads::new();
        let (sender, receiver) = async_channel::bounded(1);
        let handler: BoxedHandler = Arc::new(move |cx: Context| {
            let sent = sender.try_send(cx);
            Box::pin(async move { sent.map_err(CallError::internal).and_then(|()| done("")) })
        });
        let running = RunningCall::start(Some(&handler), perform(Call::new("x")));
        let result = threads.run(async {
            let clone = receiver.recv().await.unwrap();
            let mut effect = Box::pin(clone.effect(Effect::progress(1.0, None)));
            assert!(future::poll_once(&mut effect).await.is_none());
            drop(running);
            effect.await.map(drop)
        });
        assert!(result.unwrap().is_err());
    }

    #[test]
    fn entra_refusal_is_a_tool_error() {
        let function = |cx: Context| async move { done(cx.token("x").await?.expose().clone()) };
        let refuse = |_| EffectResult::Token(Err("Sign in again.".to_owned()));
        let result = invoked(function, Call::new("x"), refuse);
        assert_eq!(result, Err(CallError::Message("Sign in again.".to_owned())));
    }

    #[test]
    fn input_request_answered_in_an_earlier_round_is_not_sent() {
        let function = |cx: Context| async move {
            let answer = cx.request_input("sure", InputRequest::roots()).await?;
            done(answer.action())
        };
        let call = Call::new("x").with_answer("sure", InputResponse::Declined);
        let result = invoked(function, call, |effect| panic!("requested for {effect:?}"));
        assert_eq!(result, done("decline"));
    }

    #[test]
    fn panic_fails_its_call_only() {
        let result = invoked(
            |_| async { panic!("a bug of the tool") },
            Call::new("x"),
            |_| EffectResult::Done,
        );
        assert!(matches!(result, Err(CallError::Internal(_))), "{result:?}");
    }

    #[test]
    fn cancelled_call_is_dropped_where_it_waits() {
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let (sender, receiver) = async_channel::bounded(1);
        let handler: BoxedHandler = Arc::new(move |cx: Context| {
            let sender = sender.clone();
            Box::pin(async move {
                sender.try_send(cx.clone()).unwrap();
                let dropped = sender;
                cx.effect(Effect::progress(1.0, None)).await?;
                drop(dropped);
                done("never")
            })
        });
        let mut running = RunningCall::start(Some(&handler), perform(Call::new("x")));
        let result = threads.run(async {
            let requested = future::poll_fn(|waker| running.poll(waker, &executor)).await;
            assert!(
                matches!(requested, HandlerMessage::Effect(_)),
                "{requested:?}"
            );
            drop((running, handler));
            let clone = receiver.recv().await.unwrap();
            assert!(clone.is_cancelled());
            // Ends only once the future is dropped and with it the other sender.
            assert!(receiver.recv().await.is_err());
            clone.effect(Effect::progress(2.0, None)).await.map(drop)
        });
        assert!(result.unwrap().is_err());
    }

    #[test]
    fn unknown_handler_is_an_error() {
        let threads = ExecutorThreads::new();
        let executor = threads.handle();
        let mut running = RunningCall::start(None, perform(Call::new("x")));
        let message = threads.run(future::poll_fn(|waker| running.poll(waker, &executor)));
        assert!(matches!(
            message.unwrap(),
            HandlerMessage::Finished(Err(CallError::Internal(_)))
        ));
    }
}

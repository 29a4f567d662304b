//! The calls that an exchange performs: each on a thread of its own, whose effects go to the exchange.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
};

use entra_mcp_core::{
    ask::{AskId, Invoke, InvokeOutput, Ticket},
    catalog::{CallError, Effect, EffectResult},
    event::Event,
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::handlers::{CallContext, Handlers};

use crate::{context::Context, mailbox::Mailbox};

/// How many calls are performed at once. A thread that waits costs little, but not nothing.
const CALLS: usize = 512;

/// A function that performs calls.
pub(crate) type BoxedHandler =
    Arc<dyn Fn(&Context) -> Result<InvokeOutput, CallError> + Send + Sync>;

/// Where calls are performed: the functions, and how many threads run them.
#[derive(Debug)]
pub(crate) struct HandlerPool {
    handlers: Handlers<BoxedHandler>,
    busy: Arc<AtomicUsize>,
}

impl HandlerPool {
    /// A pool for these functions.
    pub(crate) fn new(handlers: Handlers<BoxedHandler>) -> Self {
        let busy = Arc::default();
        Self { handlers, busy }
    }

    fn permit(&self) -> Option<Permit> {
        let permit = Permit(Arc::clone(&self.busy));
        (self.busy.fetch_add(1, Ordering::AcqRel) < CALLS).then_some(permit)
    }
}

/// A permit on the pool, until it is dropped.
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
    Effect(Effect, SyncSender<EffectResult>),
    /// It is over.
    Finished(Result<InvokeOutput, CallError>),
}

/// The calls of one exchange. Dropping a call interrupts it.
#[derive(Default)]
pub(crate) struct Calls {
    last: CallNumber,
    calls: BTreeMap<CallNumber, (Ticket<Invoke>, RunningCall)>,
}

impl Calls {
    /// Performs a call. What it does arrives in the mailbox.
    pub(crate) fn start(
        &mut self,
        ticket: Ticket<Invoke>,
        perform: Invoke,
        pool: &HandlerPool,
        mailbox: &Mailbox,
    ) {
        self.last += 1;
        let running = RunningCall::start(perform, pool, mailbox, self.last);
        self.calls.insert(self.last, (ticket, running));
    }

    /// The oldest open effect of a call was granted.
    pub(crate) fn resume(&mut self, id: AskId, result: EffectResult) {
        let mut calls = self.calls.values_mut();
        if let Some((_, running)) = calls.find(|(ticket, _)| ticket.id() == id) {
            running.resume(result);
        }
    }

    /// A call matters no more.
    pub(crate) fn cancel(&mut self, id: AskId) {
        self.calls.retain(|_, (ticket, _)| ticket.id() != id);
    }

    /// What a call did, as the exchange is told; nothing, if the call matters no more.
    pub(crate) fn handle(&mut self, number: CallNumber, message: HandlerMessage) -> Option<Event> {
        match message {
            HandlerMessage::Effect(effect, waiting) => {
                let (ticket, running) = self.calls.get_mut(&number)?;
                running.open.push_back(waiting);
                Some(ticket.effect(effect))
            }
            HandlerMessage::Finished(result) => {
                let (ticket, _) = self.calls.remove(&number)?;
                Some(ticket.answer(result))
            }
        }
    }
}

/// A call under way.
struct RunningCall {
    call: Arc<CallContext>,
    /// Who waits for its effects, the oldest first.
    open: VecDeque<SyncSender<EffectResult>>,
}

impl RunningCall {
    fn start(perform: Invoke, pool: &HandlerPool, mailbox: &Mailbox, number: CallNumber) -> Self {
        let handler = pool.handlers.find(&perform.target).cloned();
        let call = Arc::new(CallContext::new(perform));
        let over = |result| {
            // If nobody reads it, the call matters no more.
            let _ = mailbox.call(number, HandlerMessage::Finished(result));
        };
        match (handler, pool.permit()) {
            (None, _) => over(Err(CallContext::unknown(&call))),
            (_, None) => over(Err(busy())),
            (Some(handler), Some(permit)) => {
                let context = Context::new(Arc::clone(&call), mailbox.clone(), number);
                if let Err(error) = crate::spawn("call", move || {
                    context.perform(&handler);
                    drop(permit);
                }) {
                    let event = LogEvent::new(LogEventId::ThreadNotStarted);
                    entra_mcp_runtime::log(&event.with_words(Field::Error, error.to_string()));
                    over(Err(busy()));
                }
            }
        }
        Self {
            call,
            open: VecDeque::new(),
        }
    }

    fn resume(&mut self, result: EffectResult) {
        if let Some(waiting) = self.open.pop_front() {
            // Who waits no more does not need it.
            let _ = waiting.try_send(result);
        }
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        // Its function cannot be stopped: it can ask, and whatever it waits for ends.
        CallContext::end(&self.call);
    }
}

/// The panic barrier. What the function shares with others is its own to keep whole.
pub(crate) fn guarded(
    handler: &BoxedHandler,
    context: &Context,
) -> Result<InvokeOutput, CallError> {
    let invoked = catch_unwind(AssertUnwindSafe(|| handler(context)));
    invoked.unwrap_or_else(|_| Err(CallContext::panicked(&context.call)))
}

fn busy() -> CallError {
    "The server is busy with other calls. Try again in a moment.".into()
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use entra_mcp_core::{
        ask::Target,
        catalog::{Call, InputRequest, InputResponse, Tool, ToolResult},
        secret::Secret,
    };
    use entra_mcp_runtime::handlers::ServerBuilder;

    use super::*;
    use crate::mailbox::MailboxMessage;

    /// Longer than anything takes here.
    const LONG: Duration = Duration::from_mins(1);

    fn pool(
        function: impl Fn(&Context) -> Result<InvokeOutput, CallError> + Send + Sync + 'static,
    ) -> HandlerPool {
        let handler: BoxedHandler = Arc::new(function);
        let builder = ServerBuilder::new().tool::<()>(Tool::new("x", "x"), handler);
        HandlerPool::new(builder.build().unwrap().1)
    }

    fn perform(call: Call) -> Invoke {
        Invoke {
            target: Target::Tool("x".to_owned()),
            call,
            within: LONG,
        }
    }

    fn done(words: impl Into<ToolResult>) -> Result<InvokeOutput, CallError> {
        Ok(InvokeOutput::Tool(words.into()))
    }

    fn next(mailbox: &Mailbox) -> HandlerMessage {
        match mailbox.wait(LONG) {
            MailboxMessage::Called(1, message) => message,
            _ => panic!("nothing but the call speaks here"),
        }
    }

    /// Runs a function as a tool; `grant` plays the machine. Returns what the tool returned.
    fn invoked(
        function: impl Fn(&Context) -> Result<InvokeOutput, CallError> + Send + Sync + 'static,
        call: Call,
        mut resume: impl FnMut(Effect) -> EffectResult,
    ) -> Result<InvokeOutput, CallError> {
        let mailbox = Mailbox::default();
        let mut running = RunningCall::start(perform(call), &pool(function), &mailbox, 1);
        loop {
            match next(&mailbox) {
                HandlerMessage::Effect(effect, waiting) => {
                    running.open.push_back(waiting);
                    running.resume(resume(effect));
                }
                HandlerMessage::Finished(result) => return result,
            }
        }
    }

    #[test]
    fn effects_are_performed_in_order() {
        let function = |cx: &Context| {
            cx.progress(1.0, 2.0)?;
            let token = cx.token("https://graph.microsoft.com/User.Read")?;
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
        let function = |cx: &Context| {
            let token = |scope| Ok::<_, CallError>(cx.token(scope)?.expose().clone());
            let (one, other) = std::thread::scope(|threads| {
                let one = threads.spawn(|| token("one"));
                let other = token("other");
                (one.join().unwrap(), other)
            });
            done(format!("{}, {}", one?, other?))
        };
        let result = invoked(function, Call::new("x"), |effect| match effect {
            Effect::Token(scope) => EffectResult::Token(Ok(Secret::new(scope))),
            _ => EffectResult::Done,
        });
        assert_eq!(result, done("one, other"));
    }

    #[test]
    fn entra_refusal_is_a_tool_error() {
        let function = |cx: &Context| done(cx.token("x")?.expose().clone());
        let refuse = |_| EffectResult::Token(Err("Sign in again.".to_owned()));
        let result = invoked(function, Call::new("x"), refuse);
        assert_eq!(result, Err(CallError::Message("Sign in again.".to_owned())));
    }

    #[test]
    fn input_request_answered_in_an_earlier_round_is_not_sent() {
        let function =
            |cx: &Context| done(cx.request_input("sure", InputRequest::roots())?.action());
        let call = Call::new("x").with_answer("sure", InputResponse::Declined);
        let result = invoked(function, call, |effect| panic!("requested for {effect:?}"));
        assert_eq!(result, done("decline"));
    }

    #[test]
    fn panic_fails_its_call_only() {
        let function = |_: &Context| panic!("a bug of the tool");
        let result = invoked(function, Call::new("x"), |_| EffectResult::Done);
        assert!(matches!(result, Err(CallError::Internal(_))), "{result:?}");
    }

    #[test]
    fn cancelled_call_is_interrupted_where_it_waits() {
        for is_cancelled in [true, false] {
            let (sender, ended) = mpsc::channel();
            let function = move |cx: &Context| {
                let waited = cx.effect(Effect::progress(1.0, None));
                let again = cx.effect(Effect::progress(2.0, None));
                sender.send((waited.is_err(), again.is_err())).unwrap();
                done("never")
            };
            let (pool, mailbox) = (pool(function), Mailbox::default());
            let running = RunningCall::start(perform(Call::new("x")), &pool, &mailbox, 1);
            if is_cancelled {
                let requested = next(&mailbox);
                assert!(
                    matches!(requested, HandlerMessage::Effect(..)),
                    "{requested:?}"
                );
                drop((running, requested));
            } else {
                drop(running);
                mailbox.close();
            }
            assert_eq!(ended.recv(), Ok((true, true)));
        }
    }

    #[test]
    fn full_thread_pool_or_unknown_handler_is_an_error() {
        let full = pool(|_| done("never"));
        let permits: Vec<_> = (0..CALLS).map(|_| full.permit().unwrap()).collect();
        let mailbox = Mailbox::default();
        let _running = RunningCall::start(perform(Call::new("x")), &full, &mailbox, 1);
        let refused = next(&mailbox);
        assert!(matches!(
            refused,
            HandlerMessage::Finished(Err(CallError::Message(_)))
        ));
        drop(permits);
        assert!(full.permit().is_some());
        let empty = HandlerPool::new(Handlers::default());
        let _running = RunningCall::start(perform(Call::new("x")), &empty, &mailbox, 1);
        let unknown = next(&mailbox);
        assert!(matches!(
            unknown,
            HandlerMessage::Finished(Err(CallError::Internal(_)))
        ));
    }
}

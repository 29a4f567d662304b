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
) -> (Handlers<BoxedHandler>, HandlerPool) {
    let handler: BoxedHandler = Arc::new(function);
    let builder = ServerBuilder::new().tool::<()>(Tool::new("x", "x"), handler);
    (builder.build().unwrap().1, HandlerPool::default())
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

/// Starts a call on another thread.
fn started(
    call: Call,
    (handlers, pool): &(Handlers<BoxedHandler>, HandlerPool),
    mailbox: &Mailbox,
) -> RunningCall {
    let (running, pending) = RunningCall::new(perform(call), (handlers, pool), mailbox, 1);
    if let Some(pending) = pending {
        pending.perform_elsewhere(&Threads::default());
    }
    running
}

/// Runs a function as a tool; `grant` plays the machine. Returns what the tool returned.
fn invoked(
    function: impl Fn(&Context) -> Result<InvokeOutput, CallError> + Send + Sync + 'static,
    call: Call,
    mut resume: impl FnMut(Effect) -> EffectResult,
) -> Result<InvokeOutput, CallError> {
    let mailbox = Mailbox::default();
    let mut running = started(call, &pool(function), &mailbox);
    loop {
        match next(&mailbox) {
            HandlerMessage::Effect(effect, waiting) => {
                running.open.push_back(waiting);
                running.resume(resume(effect), None);
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
    let function = |cx: &Context| done(cx.request_input("sure", InputRequest::roots())?.action());
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
        let running = started(Call::new("x"), &pool, &mailbox);
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
    let permits: Vec<_> = (0..CALLS).map(|_| full.1.permit().unwrap()).collect();
    let mailbox = Mailbox::default();
    let _running = started(Call::new("x"), &full, &mailbox);
    let refused = next(&mailbox);
    assert!(matches!(
        refused,
        HandlerMessage::Finished(Err(CallError::Message(_)))
    ));
    drop(permits);
    assert!(full.1.permit().is_some());
    let empty = (Handlers::default(), HandlerPool::default());
    let _running = started(Call::new("x"), &empty, &mailbox);
    let unknown = next(&mailbox);
    assert!(matches!(
        unknown,
        HandlerMessage::Finished(Err(CallError::Internal(_)))
    ));
}

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
                HandlerMessage::Effect(effect) => running.resume(resume(effect), None),
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

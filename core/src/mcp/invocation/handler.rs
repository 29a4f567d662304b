//! What handles an invocation: a step function, or the runtime.

use crate::{
    ask::{Ask, Awaiting, Invoke, InvokeOutput},
    catalog::{
        Call, CompleteResult, Effect, Handler, PromptMessages, ReadResult, ResourcePage, Step,
        ToolResult,
    },
    event::Answer,
};

/// The handler of an invocation under way.
#[derive(Debug)]
pub(super) enum RunningHandler {
    Step(StepFunction),
    /// The runtime is to begin it once the call is registered.
    NotBegun,
    Runtime(Awaiting<Invoke>),
    /// The runtime's was.
    Over,
}

/// What an answer is to a handler.
pub(super) enum HandlerStep {
    /// It has an effect.
    Effect(Effect),
    /// It is over.
    Over(<Invoke as Ask>::Answer),
    /// Something else waits for the answer.
    Other(Answer),
}

/// A step function of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum StepFunction {
    Tool(fn(&Call) -> Step<ToolResult>),
    Contents(fn(&Call) -> Step<ReadResult>),
    ResourcePage(fn(&Call) -> Step<ResourcePage>),
    PromptMessages(fn(&Call) -> Step<PromptMessages>),
    Values(fn(&Call) -> Step<CompleteResult>),
}

impl RunningHandler {
    pub(super) fn of(handler: HandlerRef) -> Self {
        handler.0.map_or(Self::NotBegun, Self::Step)
    }

    /// Takes an answer, if it is the handler's.
    pub(super) fn answered(&mut self, answer: Answer) -> HandlerStep {
        match std::mem::replace(self, Self::Over) {
            Self::Runtime(awaiting) if awaiting.id() == answer.ask() => match answer {
                Answer::Effect(request) => {
                    *self = Self::Runtime(awaiting);
                    HandlerStep::Effect(request.effect)
                }
                answer => HandlerStep::Over(awaiting.into_answer(answer)),
            },
            handler => {
                *self = handler;
                HandlerStep::Other(answer)
            }
        }
    }
}

impl StepFunction {
    pub(super) fn step(self, call: &Call) -> Step<InvokeOutput> {
        match self {
            Self::Tool(step) => step(call).map(InvokeOutput::Tool),
            Self::Contents(step) => step(call).map(InvokeOutput::Contents),
            Self::ResourcePage(step) => step(call).map(InvokeOutput::ResourcePage),
            Self::PromptMessages(step) => step(call).map(InvokeOutput::PromptMessages),
            Self::Values(step) => step(call).map(InvokeOutput::Values),
        }
    }
}

/// How a target is handled, of whatever kind it is: by a step function, or else by the runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerRef(Option<StepFunction>);

macro_rules! handler_ref {
    ($($result:ty => $kind:ident),*) => {$(
        impl From<Handler<$result>> for HandlerRef {
            fn from(handler: Handler<$result>) -> Self {
                match handler {
                    Handler::Step(step) => Self(Some(StepFunction::$kind(step))),
                    Handler::Runtime => Self(None),
                }
            }
        }
    )*};
}

handler_ref!(ToolResult => Tool, ReadResult => Contents,
    ResourcePage => ResourcePage, PromptMessages => PromptMessages,
    CompleteResult => Values);

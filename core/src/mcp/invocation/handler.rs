//! What handles an invocation: a step function, or the runtime.

use crate::{
    ask::{Awaiting, Invoke, InvokeOutput},
    catalog::{Call, Handler, PromptMessages, ResourceContents, Step, ToolResult},
};

/// The handler of an invocation under way.
#[derive(Debug)]
pub(super) enum RunningHandler {
    Step(StepFunction),
    /// The runtime is to begin it once the call is registered.
    NotBegun,
    Runtime(Awaiting<Invoke>),
}

/// A step function of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum StepFunction {
    Tool(fn(&Call) -> Step<ToolResult>),
    Contents(fn(&Call) -> Step<Vec<ResourceContents>>),
    PromptMessages(fn(&Call) -> Step<PromptMessages>),
    Values(fn(&Call) -> Step<Vec<String>>),
}

impl RunningHandler {
    pub(super) fn of(handler: HandlerRef) -> Self {
        handler.0.map_or(Self::NotBegun, Self::Step)
    }
}

impl StepFunction {
    pub(super) fn step(self, call: &Call) -> Step<InvokeOutput> {
        match self {
            Self::Tool(step) => step(call).map(InvokeOutput::Tool),
            Self::Contents(step) => step(call).map(InvokeOutput::Contents),
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

handler_ref!(ToolResult => Tool, Vec<ResourceContents> => Contents, PromptMessages => PromptMessages,
    Vec<String> => Values);

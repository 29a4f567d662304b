//! The ask that invokes a function of the runtime's own: a tool, resource, prompt or completion.

use std::time::Duration;

use crate::{
    catalog::{Call, CompleteResult, Effect, PromptMessages, ReadResult, ResourcePage, ToolResult},
    ticket::AskId,
};

/// Invoke a function of the runtime ([`crate::catalog::Handler::Runtime`]).
///
/// While it runs it may have effects, one after the other: [`effect`](super::Ticket::effect). The result of each comes by an
/// [`crate::action::Action::Resume`], in order. [`crate::action::Action::Cancel`] ends it early: whatever it
/// still does is ignored.
#[derive(Debug)]
pub struct Invoke {
    /// What is called.
    pub target: Target,
    /// With what, and by whom.
    pub call: Call,
    /// How long it may take.
    pub within: Duration,
}

/// What is called, by the name under which it was offered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The tool of this name.
    Tool(String),
    /// The resource of this URI.
    Resource(String),
    /// A resource of the template with this URI template; the call is named by the URI.
    Template(String),
    /// The resource of this URI, of which the function that lists resources may know.
    Listed(String),
    /// The list of resources for who calls.
    ListResources,
    /// The prompt of this name.
    Prompt(String),
    /// The completion of this argument of the prompt of this name.
    CompletePrompt(String, String),
    /// The completion of this variable of the template with this URI template.
    CompleteTemplate(String, String),
}

impl Target {
    /// The target for who performs the call. What is left says of which kind it is.
    pub(crate) fn hand_over(&mut self) -> Self {
        let none = String::new;
        let kind = match self {
            Self::Tool(_) => Self::Tool(none()),
            Self::Resource(_) => Self::Resource(none()),
            Self::Template(_) => Self::Template(none()),
            Self::Listed(_) => Self::Listed(none()),
            Self::ListResources => Self::ListResources,
            Self::Prompt(_) => Self::Prompt(none()),
            Self::CompletePrompt(..) => Self::CompletePrompt(none(), none()),
            Self::CompleteTemplate(..) => Self::CompleteTemplate(none(), none()),
        };
        std::mem::replace(self, kind)
    }
}

/// What a call results in; of the kind that its target has.
#[derive(Clone, Debug, PartialEq)]
pub enum InvokeOutput {
    /// Of a tool.
    Tool(ToolResult),
    /// Of a resource or template.
    Contents(ReadResult),
    /// Of a list of resources.
    ResourcePage(ResourcePage),
    /// Of a prompt.
    PromptMessages(PromptMessages),
    /// Of a completion.
    Values(CompleteResult),
}

/// An effect of an invoked function, on its way to the exchange.
#[derive(Debug)]
pub struct EffectRequest {
    pub(crate) id: AskId,
    pub(crate) effect: Effect,
}

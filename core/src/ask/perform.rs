//! The ask that performs a call of the runtime's own: a tool, resource, prompt or completion that is an
//! ordinary function there.

use std::time::Duration;

use super::{Answered, Ask, AskId, Ticket};
use crate::{
    catalog::{Call, Failure, Messages, ResourceContents, ToolResult, Wish},
    event::Event,
};

/// Perform a call of something that the runtime itself offers ([`crate::catalog::Performer::Native`]).
///
/// While it runs it may wish for things, one after the other: [`Ticket::wish`]. Each wish is granted by an
/// [`crate::action::Action::Grant`], in order. [`crate::action::Action::Cancel`] ends it early: whatever it
/// still does is ignored.
#[derive(Debug)]
pub struct Perform {
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
    /// The prompt of this name.
    Prompt(String),
    /// The completion of this argument of the prompt of this name.
    CompletePrompt(String, String),
    /// The completion of this variable of the template with this URI template.
    CompleteTemplate(String, String),
}

/// What a call results in; of the kind that its target has.
#[derive(Clone, Debug, PartialEq)]
pub enum Performed {
    /// Of a tool.
    Tool(ToolResult),
    /// Of a resource or template.
    Contents(Vec<ResourceContents>),
    /// Of a prompt.
    Messages(Messages),
    /// Of a completion.
    Values(Vec<String>),
}

impl Ask for Perform {
    type Answer = Result<Performed, Failure>;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Performed(answered)
    }
}

impl Ticket<Perform> {
    /// The call wishes for this.
    #[must_use]
    pub fn wish(&self, wish: Wish) -> Event {
        Event::Wished(Wished { id: self.id, wish })
    }
}

/// A wish of a call, on its way to the exchange.
#[derive(Debug)]
pub struct Wished {
    pub(crate) id: AskId,
    pub(crate) wish: Wish,
}

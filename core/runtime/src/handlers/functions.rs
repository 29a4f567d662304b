//! The functions that perform calls, by what is called.

use std::{collections::BTreeMap, sync::Arc};

use entra_mcp_core::ask::Target;

use super::SharedState;
use crate::Offer;

/// Makes of a handler one that has something around it.
pub type Middleware<H> = Box<dyn Fn(H) -> H + Send + Sync>;

/// The functions that perform calls.
#[derive(Clone)]
pub struct Handlers<H> {
    handlers: BTreeMap<Target, H>,
    middleware: Arc<Vec<Middleware<H>>>,
    state: SharedState,
}

impl<H> Default for Handlers<H> {
    fn default() -> Self {
        Self {
            handlers: BTreeMap::new(),
            middleware: Arc::default(),
            state: SharedState::default(),
        }
    }
}

impl<H: Clone> Offer<H> {
    /// What is offered without this; `None` if it is not offered.
    pub(crate) fn without(&self, target: &Target) -> Option<Self> {
        let mut edited = self.catalog.edit();
        let was_there = match target {
            Target::Tool(name) => edited.remove_tool(name),
            Target::Resource(uri) => edited.remove_resource(uri),
            Target::Template(uri_template) => edited.remove_template(uri_template),
            Target::Prompt(name) => edited.remove_prompt(name),
            _ => false,
        };
        let mut handlers = self.handlers.clone();
        handlers.remove(target);
        // Less of what was well formed is that, too.
        let catalog = edited.build().ok().filter(|_| was_there)?;
        Some(Self { catalog, handlers })
    }
}

impl<H> Handlers<H> {
    /// No functions yet, with what is put around each.
    pub(super) fn new(middleware: Vec<Middleware<H>>, state: SharedState) -> Self {
        Self {
            handlers: BTreeMap::new(),
            middleware: Arc::new(middleware),
            state,
        }
    }

    /// Adds functions, with what is put around each.
    pub(super) fn add(&mut self, handlers: BTreeMap<Target, H>) {
        let middleware = &self.middleware;
        let wrap = |handler| {
            let inside_out = middleware.iter().rev();
            inside_out.fold(handler, |inner, around| around(inner))
        };
        let wrapped = handlers.into_iter();
        let wrapped = wrapped.map(|(target, handler)| (target, wrap(handler)));
        self.handlers.extend(wrapped);
    }

    /// Forgets a function, and what completes its arguments.
    fn remove(&mut self, target: &Target) {
        self.handlers.remove(target);
        let all = String::new;
        let completion = match target {
            Target::Prompt(name) => Target::CompletePrompt(name.clone(), all()),
            Target::Template(name) => Target::CompleteTemplate(name.clone(), all()),
            _ => return,
        };
        self.handlers.remove(&completion);
    }

    /// The function that performs this.
    #[must_use]
    pub fn find(&self, target: &Target) -> Option<&H> {
        // One function completes all arguments.
        let all = String::new;
        match target {
            Target::CompletePrompt(prompt, _) => {
                let target = Target::CompletePrompt(prompt.clone(), all());
                self.handlers.get(&target)
            }
            Target::CompleteTemplate(uri_template, _) => {
                let target = Target::CompleteTemplate(uri_template.clone(), all());
                self.handlers.get(&target)
            }
            Target::Listed(_) => self.handlers.get(&Target::Listed(all())),
            other => self.handlers.get(other),
        }
    }

    /// What the functions share.
    #[must_use]
    pub fn state(&self) -> &SharedState {
        &self.state
    }
}

impl<H> std::fmt::Debug for Handlers<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

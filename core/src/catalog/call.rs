//! A call of a tool, a resource, a prompt or a completion: what it may know, and the effects that it has.
//!
//! A *step function* is pure: it goes from what has happened so far to the next effect, or to the result.
//! It is called again each time an effect was performed, and holds no state of its own, so it can be
//! stopped, replayed and run on any runtime.
//!
//! ```
//! use std::time::Duration;
//! use entra_mcp_core::catalog::{Call, Step, ToolResult, Effect};
//!
//! fn steep(call: &Call) -> Step<ToolResult> {
//!     match call.results().len() {
//!         0 => Step::effect(Effect::progress(0.0, Some(1.0))),
//!         1 => Step::effect(Effect::Sleep(Duration::from_secs(180))),
//!         _ => Step::done("The tea is ready."),
//!     }
//! }
//! ```

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{CallError, Client, Effect, EffectResult, InputResponse, InputResult, Names};
use crate::request_id::RequestId;

/// What kind of caller a principal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A user who has signed in, with an application or agent that is not Entra's to name.
    #[default]
    User,
    /// An application by itself: there is no user, and nothing can be asked on behalf of one.
    Application,
    /// An agent, which [`Principal::application`] names.
    Agent(AgentFor),
}

/// Whom an agent acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentFor {
    /// A user who has signed in: [`Principal::oid`] is theirs.
    User,
    /// Itself: there is no user.
    Itself,
    /// Its own account in the directory, which is like a user's.
    AgentUser,
}

impl PrincipalKind {
    /// Whether there is a user, on behalf of whom other services can be asked.
    #[must_use]
    pub fn has_user(self) -> bool {
        !matches!(self, Self::Application | Self::Agent(AgentFor::Itself))
    }

    /// Returns the name, as the log writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Application => "application",
            Self::Agent(AgentFor::User) => "agent_for_user",
            Self::Agent(AgentFor::Itself) => "agent",
            Self::Agent(AgentFor::AgentUser) => "agent_user",
        }
    }
}

/// Who calls: the signed-in user, from the session token alone; or whom an access token of Entra ID is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The tenant, `tid`.
    pub tenant_id: String,
    /// The object id, `oid`: of the user, or of the service principal of an application without one.
    pub oid: String,
    /// What kind of caller it is.
    pub kind: PrincipalKind,
    /// The client id of the application or agent, if an access token of Entra ID names it. Clients with a session token
    /// have none.
    pub application: Option<String>,
    /// What clients know the user as, `sub`.
    pub subject: String,
    /// The name as it is shown, if Entra gave one. Not an identity: it may change and repeat.
    pub name: Option<String>,
    /// The name to sign in with, if Entra gave one. Not an identity either.
    pub username: Option<String>,
    /// The app roles.
    pub roles: Names,
    /// The object ids of the groups that Entra named.
    pub groups: Names,
    /// The scopes that the client was granted.
    pub scopes: Vec<String>,
}

/// What the client can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// It shows forms to the user.
    pub elicitation_form: bool,
    /// It sends the user to a web page.
    pub elicitation_url: bool,
    /// It asks its model.
    pub sampling: bool,
    /// It lists its roots.
    pub roots: bool,
}

/// What is called and what has happened so far.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) client: Client,
    pub(crate) meta: Map<String, Value>,
    pub(crate) request_id: RequestId,
    pub(crate) answers: BTreeMap<String, InputResult>,
    pub(crate) results: Vec<EffectResult>,
}

impl Call {
    /// A call of nothing in particular.
    #[cfg(test)]
    pub(crate) fn for_tests(arguments: Map<String, Value>, principal: Principal) -> Self {
        Self {
            name: String::new(),
            arguments,
            principal: Arc::new(principal),
            client: Client::default(),
            meta: Map::new(),
            request_id: RequestId::own(1),
            answers: BTreeMap::new(),
            results: Vec::new(),
        }
    }

    /// The call for a handler of the runtime. What only the handler needs goes with it.
    pub(crate) fn hand_over(&mut self) -> Self {
        Self {
            name: self.name.clone(),
            arguments: std::mem::take(&mut self.arguments),
            principal: Arc::clone(&self.principal),
            client: std::mem::take(&mut self.client),
            meta: std::mem::take(&mut self.meta),
            request_id: self.request_id.clone(),
            answers: self.answers.clone(),
            results: Vec::new(),
        }
    }

    /// The name of the tool or prompt, or the URI of the resource.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments, which fit the tool's schema; of a prompt, text each; of a template, its variables;
    /// of a completion, what was entered so far: the argument that is completed among them.
    #[must_use]
    pub fn arguments(&self) -> &Map<String, Value> {
        &self.arguments
    }

    /// An argument, if it is text; otherwise the empty text.
    #[must_use]
    pub fn text(&self, argument: &str) -> &str {
        let value = self.arguments.get(argument);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns who calls.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns what the client can be asked for. Asking for anything else fails the call.
    #[must_use]
    pub fn client_capabilities(&self) -> ClientCapabilities {
        self.client.capabilities
    }

    /// Returns the client through which the call comes.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns what the request says in `_meta` without what is MCP's own: members of extensions, `traceparent` of a trace.
    /// A client may say there what it likes: it proves nothing.
    #[must_use]
    pub fn meta(&self) -> &Map<String, Value> {
        &self.meta
    }

    /// Returns the id of the request, which the log, the audit log and the header `X-Request-ID` of the response carry, too.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Returns the results of the effects so far, in order.
    #[must_use]
    pub fn results(&self) -> &[EffectResult] {
        &self.results
    }

    /// Returns the response to the input request of this key, if there was one.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<&InputResponse> {
        self.answers.get(key).map(InputResult::response)
    }

    /// Returns what the client says in `_meta` of that response, if there was one ([`InputResult::meta_members`]).
    #[must_use]
    pub fn answer_meta(&self, key: &str) -> Option<&Map<String, Value>> {
        self.answers.get(key).map(InputResult::meta_members)
    }
}

/// What a step function does next.
#[derive(Debug)]
pub enum Step<R> {
    /// It has an effect, and is called again once that was performed.
    Effect(Effect),
    /// It is over.
    Done(Result<R, CallError>),
}

impl<R> Step<R> {
    /// Returns a step that has an effect.
    #[must_use]
    pub fn effect(effect: Effect) -> Self {
        Self::Effect(effect)
    }

    /// Returns a step that ends with this result.
    #[must_use]
    pub fn done(result: impl Into<R>) -> Self {
        Self::Done(Ok(result.into()))
    }

    /// Returns a step that ends with this error.
    #[must_use]
    pub fn failed(failure: impl Into<CallError>) -> Self {
        Self::Done(Err(failure.into()))
    }

    /// The same with another result.
    pub(crate) fn map<S>(self, wrap: impl FnOnce(R) -> S) -> Step<S> {
        match self {
            Self::Effect(effect) => Step::Effect(effect),
            Self::Done(result) => Step::Done(result.map(wrap)),
        }
    }
}

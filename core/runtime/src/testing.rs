//! Contexts for tests of one's own functions: without a server, a client, Entra or the network.
//!
//! A [`Script`] says who calls and what effects result in. A context made of it is given to the function under test, and
//! [`Seen`] tells afterwards what the function did.

mod client;
mod performer;

use std::time::Duration;

use entra_mcp_core::{
    ask::{Invoke, Target},
    catalog::{
        Call, Client as CallingClient, ClientCapabilities, ClientInfo, GraphError, GraphResponse,
        InputResponse, InputResult, Names, Principal, VerifiedBy,
    },
    secret::Secret,
};
use http::Method;
use serde_json::{Map, Value};

use self::performer::Outcomes;
pub(crate) use self::performer::Performer;
pub use self::{
    client::{CallResult, Client, ClientError, Listening, REVISIONS, SignIn},
    performer::Seen,
};
use crate::handlers::{CallContext, SharedState};

/// The tenant of users that a script names.
const TENANT: &str = "00000000-0000-0000-0000-000000000001";

/// How long a scripted call may take.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Who calls, and what comes of the effects of the call.
///
/// Without another word the user is called `alice`, has no roles and the scope `user.read`; the client can be asked
/// everything, and whatever is not scripted fails: a question is dismissed, a request to Graph or for a token has no answer.
#[derive(Clone, Debug)]
pub struct Script {
    principal: Principal,
    client: CallingClient,
    meta: Map<String, Value>,
    state: SharedState,
    outcomes: Outcomes,
}

impl Default for Script {
    fn default() -> Self {
        let user = |name: &str| Principal {
            tenant_id: TENANT.to_owned(),
            oid: name.to_owned(),
            subject: name.to_owned(),
            name: Some(name.to_owned()),
            username: Some(format!("{name}@contoso.example")),
            scopes: vec!["user.read".to_owned()],
            ..Principal::default()
        };
        let mut client = Call::new("test").client().clone();
        client.capabilities = ClientCapabilities {
            elicitation_form: true,
            elicitation_url: true,
            sampling: true,
            roots: true,
        };
        Self {
            principal: user("alice"),
            client,
            meta: Map::new(),
            state: SharedState::default(),
            outcomes: Outcomes::default(),
        }
    }
}

impl Script {
    /// A call by Alice of which nothing else is said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The call is by this user, who has these app roles.
    #[must_use]
    pub fn user(mut self, name: &str, roles: &[&str]) -> Self {
        name.clone_into(&mut self.principal.oid);
        name.clone_into(&mut self.principal.subject);
        self.principal.name = Some(name.to_owned());
        self.principal.username = Some(format!("{name}@contoso.example"));
        self.principal.roles = Names::from_iter(roles.iter().map(|role| (*role).to_owned()));
        self
    }

    /// The call is by this user.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// The client can be asked this.
    #[must_use]
    pub fn client_capabilities(mut self, capabilities: ClientCapabilities) -> Self {
        self.client.capabilities = capabilities;
        self
    }

    /// The call comes through this client: what `cx.client()` gives. Its id is `test`.
    #[must_use]
    pub fn client(mut self, name: &str, verified_by: VerifiedBy) -> Self {
        "test".clone_into(&mut self.client.id);
        self.client.info = ClientInfo {
            name: Some(name.to_owned()),
            version: Some("1".to_owned()),
        };
        self.client.approved_as = Some(name.to_owned());
        self.client.verified_by = verified_by;
        self
    }

    /// The request says this in `_meta`.
    #[must_use]
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }

    /// The server has this state: `cx.state::<S>()` gives it.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.state.insert(state);
        self
    }

    /// The question of this key is answered so.
    #[must_use]
    pub fn answer(mut self, key: impl Into<String>, response: impl Into<InputResult>) -> Self {
        self.outcomes.answers.insert(key.into(), response.into());
        self
    }

    /// The user fills in the form of this key with these values, a JSON object.
    #[must_use]
    pub fn accepts(self, key: impl Into<String>, values: Value) -> Self {
        let values = match values {
            Value::Object(values) => values,
            _ => Map::new(),
        };
        self.answer(key, InputResponse::Accepted(values))
    }

    /// Graph answers a GET of this path and query, encoded as in `GraphRequest::path`, with this JSON. Said again, it is the answer
    /// to the next such request; the last answer is given to all that follow.
    #[must_use]
    pub fn graph(self, path: impl Into<String>, body: &Value) -> Self {
        let answer = GraphResponse::new(body.to_string());
        self.graph_answers(Method::GET, path, Ok(answer))
    }

    /// Graph refuses such a request with this status, `error.code` and `error.message`.
    #[must_use]
    pub fn graph_refuses(
        self,
        path: impl Into<String>,
        status: u16,
        code: &str,
        message: &str,
    ) -> Self {
        self.graph_answers(
            Method::GET,
            path,
            Err(GraphError::new(status, code, message)),
        )
    }

    /// Graph gives no answer to such a request; this is what the function is told.
    #[must_use]
    pub fn graph_fails(self, path: impl Into<String>, message: impl Into<String>) -> Self {
        let error = GraphError::no_answer(message.into());
        self.graph_answers(Method::GET, path, Err(error))
    }

    /// The same for a request of any method.
    #[must_use]
    pub fn graph_answers(
        mut self,
        method: Method,
        path: impl Into<String>,
        answer: Result<GraphResponse, GraphError>,
    ) -> Self {
        let outcomes = self.outcomes.graph.entry((method, path.into()));
        outcomes.or_default().push_back(answer);
        self
    }

    /// There is this Entra token for these scopes.
    #[must_use]
    pub fn token(mut self, scopes: impl Into<String>, token: impl Into<String>) -> Self {
        let token = Secret::new(token.into());
        self.outcomes.tokens.insert(scopes.into(), Ok(token));
        self
    }

    /// The context of such a call, of whichever runtime, and what will be seen of its effects.
    #[must_use]
    pub fn context<C: From<ScriptedCall>>(self) -> (C, Seen) {
        let mut call = Call::new("test")
            .with_principal(self.principal)
            .with_client(self.client);
        for (key, value) in self.meta {
            call = call.with_meta(key, value);
        }
        let invoke = Invoke {
            target: Target::Tool("test".to_owned()),
            call,
            within: TIMEOUT,
        };
        let performer = Performer::new(self.outcomes);
        let seen = Seen(performer.clone());
        let context = CallContext::scripted(invoke, &self.state, performer);
        (C::from(ScriptedCall(context)), seen)
    }
}

/// A call that a script performs the effects of, before it is a context of a runtime.
#[derive(Debug)]
pub struct ScriptedCall(pub(crate) CallContext);

impl ScriptedCall {
    /// What a context of a runtime is made of.
    #[must_use]
    pub fn into_call(self) -> CallContext {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::catalog::{Effect, EffectResult, InputRequest};
    use serde_json::json;

    use super::*;

    fn performer(script: Script) -> (Performer, Seen) {
        let (ScriptedCall(context), seen) = script.context::<ScriptedCall>();
        drop(context);
        (seen.0.clone(), seen)
    }

    #[test]
    fn graph_answers_in_the_order_of_the_script_and_then_as_last() {
        let script = Script::new()
            .graph_fails("v1.0/me", "throttled")
            .graph("v1.0/me", &json!({"id": 1}));
        let (performer, seen) = performer(script);
        let ask = |path: &str| match performer.perform(Effect::graph(path)) {
            EffectResult::Graph(outcome) => outcome,
            other => panic!("{other:?}"),
        };
        assert_eq!(ask("v1.0/me"), Err(GraphError::no_answer("throttled")));
        let answer = GraphResponse::new(r#"{"id":1}"#);
        assert_eq!(ask("v1.0/me"), Ok(answer.clone()));
        assert_eq!(ask("v1.0/me"), Ok(answer));
        let unknown = ask("v1.0/users").unwrap_err().to_string();
        assert!(unknown.contains("v1.0/users"), "{unknown}");
        assert_eq!(seen.graph().len(), 4);
    }

    #[test]
    fn question_without_an_answer_is_dismissed_and_seen() {
        let script = Script::new().accepts("name", json!({"name": "Al"}));
        let (performer, seen) = performer(script);
        let requests = ["name", "sure"].map(|key| (key.to_owned(), InputRequest::roots()));
        let EffectResult::Input(answers) = performer.perform(Effect::RequestInput(requests.into()))
        else {
            panic!("they are answered");
        };
        assert_eq!(answers["name"].response().get("name"), Some(&json!("Al")));
        assert_eq!(answers["sure"].response(), &InputResponse::Cancelled);
        let keys: Vec<_> = seen.questions().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["name", "sure"]);
    }

    #[test]
    fn context_of_a_script_knows_its_user_meta_and_state() {
        let script = Script::new()
            .user("bob", &["Tickets.Admin"])
            .client("editor", VerifiedBy::Operator)
            .meta("com.example/a", 1)
            .state(7_u8);
        let (ScriptedCall(context), _) = script.context::<ScriptedCall>();
        assert_eq!(context.principal().oid, "bob");
        assert!(context.principal().roles.contains("Tickets.Admin"));
        assert_eq!(context.client().info.name.as_deref(), Some("editor"));
        assert_eq!(context.client().verified_by, VerifiedBy::Operator);
        assert_eq!(context.meta()["com.example/a"], 1);
        assert_eq!(context.state().get::<u8>(), Ok(&7));
    }
}

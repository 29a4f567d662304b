//! What users may know of and call behind the gateway, and that nobody can tell what is hidden from what does not exist.

use serde_json::{Value, json};

use super::{Client, ClientError, Dialect, features::expect};
use crate::backend::{
    GUARDED,
    policy::{HIDDEN, OF_GROUP, OF_ROLE, OF_SCOPE, ONLY, SCOPE},
};

/// What the user is told to do where Entra gives no token for a backend.
pub(crate) const SIGN_IN: &str = "then sign in again";

/// A tool that there is not.
const UNKNOWN: &str = "no such tool";

/// What there is no such thing of (JSON-RPC, invalid parameters).
const NO_SUCH: i64 = -32602;

impl Client {
    /// The `oid` of the user whose token it has.
    fn owner(&self) -> Option<String> {
        let token = &self.tokens.as_ref()?.access_token;
        let world = self.peer.world();
        world.with(|state| {
            let secrets = &state.checks.ledger().secrets;
            secrets.get(token.as_bytes())?.user.clone()
        })
    }

    /// Whether its user may know of a tool as its token stands for them; `None`: either may be.
    fn may_know(&self, tool: &str, owner: &str) -> Option<bool> {
        let token = self.tokens.as_ref().map(|tokens| &*tokens.access_token);
        self.peer.world().with(|state| {
            let roles = &state.checks.ledger().roles;
            roles.may_know((tool, self.endpoint), owner, token, state.moment)
        })
    }

    /// Whether each tool is in the list for whom it is there, and for nobody else.
    pub(super) fn check_list(&self, tools: &[String]) {
        let owner = self.owner().unwrap_or_default();
        let named = self.endpoint.map(|_| ONLY).into_iter().flatten();
        for tool in [HIDDEN, OF_ROLE, OF_GROUP, OF_SCOPE]
            .into_iter()
            .chain(named)
        {
            let is_there = tools.iter().any(|listed| listed == tool);
            if self
                .may_know(tool, &owner)
                .is_some_and(|may| may != is_there)
            {
                let what = format!("{tool} is listed for {owner}: {is_there}");
                self.peer.world().fail("hidden stays hidden", what);
            }
        }
    }

    /// Calls what takes a role, a group or a scope.
    pub(super) async fn use_permissions(&mut self) -> Result<(), ClientError> {
        let tools = self.list_tools().await?;
        self.check_list(&tools);
        let owner = self.owner().unwrap_or_default();
        let unknown = self.refusal_of(UNKNOWN).await?;
        let named = self.endpoint.map(|_| ONLY).into_iter().flatten();
        for tool in [HIDDEN, OF_ROLE, OF_GROUP].into_iter().chain(named) {
            let hidden = match self.call_named(tool, json!({})).await {
                Err(ClientError::Broken) => return Err(ClientError::Broken),
                // Its token has ended just now: whoever holds none hears nothing of any tool.
                Err(refused) if refused.status() == Some(401) => return Err(refused),
                // Its user has to do something first.
                Err(refused) if self.is_for_user(&refused) => return Err(refused),
                called => called,
            };
            let hidden = match (self.may_know(tool, &owner), hidden) {
                (Some(false), Ok(())) => {
                    let what = format!("{tool} is called by {owner}");
                    self.peer.world().fail("hidden stays hidden", what);
                    continue;
                }
                (_, Ok(())) => continue,
                (Some(true), Err(refused)) => return Err(refused),
                (_, Err(refused)) => refused,
            };
            let is_told_apart = match (&hidden, &unknown) {
                _ if self.expects_no_faults => hidden != unknown,
                // What breaks on the way is told in other words.
                (
                    ClientError::Rpc { code: NO_SUCH, .. },
                    ClientError::Rpc { code: NO_SUCH, .. },
                ) => hidden != unknown,
                _ => false,
            };
            if is_told_apart {
                let what = format!("{tool} is {hidden}, and what does not exist {unknown}");
                self.peer.world().fail("hidden is as unknown", what);
            }
        }
        self.lacks_scope().await.map(drop)
    }

    /// The scopes that it was granted.
    pub(crate) fn granted(&self) -> Vec<String> {
        let scope = self.tokens.as_ref().and_then(|tokens| tokens.scope.clone());
        let scope = scope.unwrap_or_default();
        scope.split(' ').map(str::to_owned).collect()
    }

    /// Calls what takes a scope; if the client lacks it, what the challenge names.
    pub(crate) async fn lacks_scope(&mut self) -> Result<Option<String>, ClientError> {
        let granted = self.granted();
        let has_scope = granted.iter().any(|one| one == SCOPE);
        match self.call_named(OF_SCOPE, json!({})).await {
            Err(ClientError::Status {
                status: 403,
                error,
                scope,
                ..
            }) if !has_scope => {
                expect(
                    error.as_deref() == Some("insufficient_scope"),
                    "a 403 that does not say why",
                )?;
                Ok(Some(scope.unwrap_or_default()))
            }
            Ok(()) if !has_scope => {
                let what = format!("{granted:?}");
                self.peer.world().fail("scopes are needed", what);
                Ok(None)
            }
            other => other.map(|()| None),
        }
    }

    /// Calls what the backend wants more of the user for.
    pub(crate) async fn use_guarded(&mut self) -> Result<(), ClientError> {
        self.call_named(GUARDED, json!({})).await
    }

    /// Its token and its session are worth nothing at another endpoint.
    pub(super) async fn try_elsewhere(&mut self) -> Result<(), ClientError> {
        let all = self.peer.world().options(|options| options.backends());
        let mut names = all.iter().filter_map(|(place, _)| place.name);
        let Some(other) = names.find(|name| Some(*name) != self.endpoint) else {
            return Ok(());
        };
        if self.dialect == Dialect::Sse {
            return Ok(());
        }
        let params = json!({"name": "echo", "arguments": {"nonce": self.nonce()}});
        let own = self.endpoint.replace(other);
        let (_, request) = self.request_of("tools/call", params);
        self.endpoint = own;
        let answer = self.peer.fetch(request).await?;
        if answer.status().is_success() {
            let what = format!("a token for {own:?} is good at {other}");
            self.peer.world().fail("tokens of their endpoints", what);
        }
        Ok(())
    }

    /// Whether an error is about a token for the backend, which only the user can do something about.
    fn is_for_user(&self, error: &ClientError) -> bool {
        let link = format!("{}/step-up?", self.peer.world().server_url());
        matches!(error, ClientError::Tool(said) if said.contains(SIGN_IN) || said.contains(&link))
    }

    /// How a call is refused that must be.
    async fn refusal_of(&mut self, tool: &str) -> Result<ClientError, ClientError> {
        let arguments = json!({"nonce": self.nonce()});
        let params = json!({"name": tool, "arguments": arguments});
        match self.ask("tools/call", params).await {
            Ok(result) if result.get("isError") == Some(&Value::Bool(true)) => {
                let said = result.pointer("/content/0/text").and_then(Value::as_str);
                let refused = ClientError::Tool(said.unwrap_or_default().to_owned());
                // Its user has to do something first.
                match self.is_for_user(&refused) {
                    true => Err(refused),
                    false => Ok(refused),
                }
            }
            Ok(result) => {
                let what = format!("{tool} gives {result}");
                self.peer.world().fail("mistakes are errors", what);
                Err(ClientError::Broken)
            }
            Err(ClientError::Broken) => Err(ClientError::Broken),
            // Its token has ended just now: whoever holds none hears nothing of any tool.
            Err(refused) if refused.status() == Some(401) => Err(refused),
            Err(refused) => Ok(refused),
        }
    }
}

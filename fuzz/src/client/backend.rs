//! What clients use in worlds with a gateway: the tools of the server behind it. Each call has a name of its own, which its answer has
//! to hold, and what is said on the way to it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, ClientError, Dialect, Feature, features::expect};
use crate::backend::policy::{FIXED, HIDDEN, SAFE};

/// How long the backend may take over the end of a session.
const SOON: Duration = Duration::from_secs(60);

impl Client {
    /// Uses something of the backend, for each thing that a server has itself.
    pub(super) async fn use_backend(&mut self, what: Feature) -> Result<(), ClientError> {
        match what {
            Feature::Prompts | Feature::Resources => self.use_list().await,
            Feature::Progress | Feature::Logging => self.use_report().await,
            Feature::Questions => self.call_named("ask", json!({})).await,
            Feature::Bursts | Feature::Reconnection => self.call_named("big", json!({})).await,
            Feature::Cancellation => self.use_end_of_wait().await,
            Feature::Failures => self.use_policy().await,
            Feature::Subscription => self.use_stream().await,
            Feature::Tasks => self.use_end_of_session().await,
            Feature::Completion => self.use_confirmed().await,
            Feature::Patience => self.use_permissions().await,
        }
    }

    /// A name that no other call has.
    pub(super) fn nonce(&self) -> String {
        let number = self.peer.world().with(|state| {
            state.sequence += 1;
            state.sequence
        });
        let endpoint = self.endpoint.map(|name| format!(" at {name}"));
        let endpoint = endpoint.unwrap_or_default();
        format!("call {number} of {}{endpoint}", self.peer.name())
    }

    pub(super) async fn call_named(
        &mut self,
        tool: &str,
        arguments: Value,
    ) -> Result<(), ClientError> {
        let nonce = self.nonce();
        self.call_as(&nonce, tool, arguments).await
    }

    pub(super) async fn call_as(
        &mut self,
        nonce: &str,
        tool: &str,
        arguments: Value,
    ) -> Result<(), ClientError> {
        let mut arguments = arguments;
        if let Some(arguments) = arguments.as_object_mut() {
            arguments.insert("nonce".to_owned(), nonce.into());
        }
        let params = json!({"name": tool, "arguments": arguments,
            "_meta": {"progressToken": nonce}});
        let result = self.ask("tools/call", params).await?;
        self.is_answer_to(nonce, &result)
    }

    /// Whether a result is that of this call.
    pub(super) fn is_answer_to(&self, nonce: &str, result: &Value) -> Result<(), ClientError> {
        let said = result.pointer("/content/0/text").and_then(Value::as_str);
        let said = said.unwrap_or_default();
        if result.get("isError") == Some(&Value::Bool(true)) {
            return Err(ClientError::Tool(said.to_owned()));
        }
        if !said.starts_with(&format!("{nonce} of ")) {
            let what = format!("{nonce} is answered with {said:.80}");
            self.peer.world().fail("answers to who asked", what);
        }
        Ok(())
    }

    async fn use_list(&mut self) -> Result<(), ClientError> {
        let tools = self.list_tools().await?;
        self.check_list(&tools);
        expect(
            tools.iter().any(|tool| tool == "echo"),
            "a list without its tools",
        )
    }

    async fn use_report(&mut self) -> Result<(), ClientError> {
        self.notifications.clear();
        let nonce = self.nonce();
        self.call_as(&nonce, "report", json!({})).await?;
        for notification in &self.notifications {
            if notification.get("method") != Some(&json!("notifications/progress")) {
                continue;
            }
            let token = notification.pointer("/params/progressToken");
            let number = notification.pointer("/params/progress");
            let number = number.and_then(Value::as_u64).unwrap_or_default();
            let told = format!("call {number} of ");
            if !nonce.starts_with(&told) || token != Some(&json!(nonce)) {
                let what = format!("{nonce} with {token:?} is told of {told}");
                self.peer.world().fail("answers to who asked", what);
            }
        }
        Ok(())
    }

    /// A call that nobody waits for to its end.
    async fn use_end_of_wait(&mut self) -> Result<(), ClientError> {
        let world = self.peer.world().clone();
        let nonce = self.nonce();
        let params = json!({"name": "wait", "arguments": {"nonce": nonce}});
        let (id, request) = self.request_of("tools/call", params);
        let mut call = self.peer.send(request);
        // Where nothing breaks, what cancels it comes after it.
        let least = match self.expects_no_faults {
            true => world.options(|options| options.latency.1) * 3,
            false => Duration::ZERO,
        };
        let wait = world.choose(|choice| choice.between(least, least + SOON / 6));
        world.sleep(wait).await;
        if self.dialect == Dialect::Modern {
            return Ok(());
        }
        self.cancel(id).await?;
        let end = async {
            call.head().await?;
            call.rest().await
        };
        match world.within(SOON, end).await {
            None if self.expects_no_faults => {
                Err(ClientError::violation("a cancelled call goes on"))
            }
            _ => Ok(()),
        }
    }

    /// What the policy refuses, and what it lets through.
    async fn use_policy(&mut self) -> Result<(), ClientError> {
        for (tool, mode) in [(HIDDEN, SAFE), (FIXED, "unsafe"), ("no such tool", SAFE)] {
            let nonce = self.nonce();
            let arguments = json!({"nonce": nonce, "mode": mode});
            let params = json!({"name": tool, "arguments": arguments});
            let refused = self.ask("tools/call", params).await;
            if refused.is_ok_and(|result| result.get("isError") != Some(&Value::Bool(true))) {
                let what = format!("{tool} is called");
                self.peer.world().fail("mistakes are errors", what);
            }
        }
        self.call_named(FIXED, json!({"mode": SAFE})).await?;
        self.try_elsewhere().await
    }

    /// The stream on which the backend speaks of its own accord.
    async fn use_stream(&mut self) -> Result<(), ClientError> {
        let Dialect::Streamable(_) = self.dialect else {
            return self.call_named("echo", json!({})).await;
        };
        let mut stream = self.listen().await?;
        self.call_named("echo", json!({})).await?;
        let world = self.peer.world().clone();
        let pieces = async { while let Ok(Some(_)) = stream.piece().await {} };
        world.within(SOON / 2, pieces).await;
        Ok(())
    }

    /// With the session of a client that of the backend ends.
    async fn use_end_of_session(&mut self) -> Result<(), ClientError> {
        let nonce = self.nonce();
        self.call_as(&nonce, "echo", json!({})).await?;
        if self.dialect == Dialect::Modern || self.session().is_none() {
            return Ok(());
        }
        let Dialect::Streamable(_) = self.dialect else {
            return Ok(());
        };
        self.end_session().await?;
        self.disconnect();
        let world = self.peer.world().clone();
        world.sleep(SOON).await;
        let goes_on = world.with(|state| state.backends.has_session_of(&nonce));
        let all = world.options(|options| options.backends());
        let own = all.iter().find(|(place, _)| place.name == self.endpoint);
        let is_shared = own.is_some_and(|(_, kind)| kind.is_shared());
        if goes_on && !is_shared && self.expects_no_faults {
            let what = format!("the session of {nonce} goes on at the backend");
            world.fail("what was opened is ended", what);
        }
        Ok(())
    }
}

//! What users are asked before a call of the backend is made, what they say to it, and that their client says it twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, ClientError, Dialect};
use crate::backend::policy::{self, CONFIRMED};

/// How long a user thinks before an answer, at most.
const THOUGHT: Duration = Duration::from_secs(8);

/// The call that a question is about, if it is the question whether that may be made.
fn asked_about(params: &Value) -> Option<&str> {
    policy::asked_about(params.get("message")?.as_str()?)
}

impl Client {
    /// How long the user thinks about a question, and whether the call that it is about waits for so long.
    pub(super) fn thinks(&self, params: &Value) -> (Duration, bool) {
        let world = self.peer.world();
        let kinds = world.options(|options| options.backends());
        let calls = kinds.into_iter().map(|(_, kind)| kind.longest_call());
        let longest = asked_about(params).and_then(|_| calls.max());
        let is_slow = longest.is_some() && world.choose(|choice| choice.chance(200));
        let late = longest.filter(|_| is_slow);
        let most = late.map_or(THOUGHT, |late| late * 2);
        let thinks = world.choose(|choice| choice.between(Duration::ZERO, most));
        (thinks, late.is_none_or(|late| thinks < late))
    }

    /// The user says this to a question.
    pub(super) fn says(&self, params: &Value, result: Option<&Value>, is_in_time: bool) {
        let Some(nonce) = asked_about(params) else {
            return;
        };
        let action = result.and_then(|result| result.get("action"));
        let is_yes = action.is_some_and(|action| action == "accept");
        let says_yes = is_yes && is_in_time;
        let world = self.peer.world();
        world.with(|state| state.backends.user_says(nonce, says_yes));
    }

    /// Whether an answer is sent twice.
    pub(super) fn repeats(&self, params: &Value) -> bool {
        let world = self.peer.world();
        asked_about(params).is_some() && world.choose(|choice| choice.chance(300))
    }

    /// Calls what its user is asked about first.
    pub(super) async fn use_confirmed(&mut self) -> Result<(), ClientError> {
        let nonce = self.nonce();
        let called = match self.dialect {
            Dialect::Modern => self.call_in_rounds(&nonce).await,
            _ => self.call_as(&nonce, CONFIRMED, json!({})).await,
        };
        let world = self.peer.world();
        let was_called = world.with(|state| state.backends.was_called(&nonce));
        match called {
            // It was made once, and this is what the other answer says; or the user did not want it, or cannot be asked.
            Err(ClientError::Tool(_)) => Ok(()),
            Ok(()) if !was_called => {
                let what = format!("{nonce} was not made, and has a result");
                self.peer.world().fail("confirmed first", what);
                Ok(())
            }
            other => other,
        }
    }

    /// The same without a session: the client says what its user has said in a request of its own, which it may send twice.
    async fn call_in_rounds(&mut self, nonce: &str) -> Result<(), ClientError> {
        let mut params = json!({"name": CONFIRMED, "arguments": {"nonce": nonce}});
        let asked = self.ask_once("tools/call", params.clone()).await?;
        if asked.get("resultType") != Some(&json!("input_required")) {
            return self.is_answer_to(nonce, &asked);
        }
        let responses = self.responses(asked.get("inputRequests"));
        if let Some(members) = params.as_object_mut() {
            members.insert("inputResponses".to_owned(), responses);
            let state = asked.get("requestState").cloned();
            members.extend(state.map(|state| ("requestState".to_owned(), state)));
        }
        let world = self.peer.world().clone();
        let twice = world.choose(|choice| choice.chance(300));
        let (_, again) = self.request_of("tools/call", params.clone());
        let mut other = twice.then(|| self.peer.send(again));
        let answered = self.ask_once("tools/call", params).await;
        if let Some(other) = &mut other {
            let end = async {
                other.head().await?;
                other.rest().await
            };
            let _end = world.within(THOUGHT * 10, end).await;
        }
        self.is_answer_to(nonce, &answered?)
    }
}

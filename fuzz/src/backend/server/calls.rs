//! The tools of the backend.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Question, Reply, Says, Sent, Server, check_answer, error, of};
use crate::{
    backend::{
        GUARDED,
        identity::Caller,
        policy::{self, CONFIRMED, FIXED, OF_GROUP, OF_ROLE, OF_SCOPE, SAFE, SCOPE},
        weather,
    },
    checks::Failure,
    choice::Choice,
};

/// How long the text of the tool `big` is.
const BIG: usize = 300_000;

impl Server {
    pub(super) fn call(
        &mut self,
        sent: &Sent<'_>,
        caller: &Caller,
        choice: &mut Choice,
    ) -> Result<Reply, Failure> {
        let message = sent.message;
        let id = message.get("id").unwrap_or(&Value::Null);
        let at = |path: &str| message.pointer(path).and_then(Value::as_str);
        let name = at("/params/name").unwrap_or_default();
        let nonce = at("/params/arguments/nonce");
        let goes_on = message.pointer("/params/inputResponses").is_some();
        self.check_policy(sent, caller, name, nonce)?;
        self.check_call(sent, nonce.filter(|_| !goes_on))?;
        let nonce = nonce.unwrap_or("nothing");
        let text = format!("{nonce} of {}", caller.oid);
        let mut said = Vec::new();
        match name {
            "getUserDetails" => return Ok(self.user_details(sent, caller)),
            "echo" | FIXED | OF_ROLE | OF_GROUP | OF_SCOPE | CONFIRMED => {}
            GUARDED if self.kind.takes_tokens() => {}
            name if policy::ONLY.contains(&name) && self.place.name.is_some() => {}
            "big" => {
                let text = format!("{text} {}", "x".repeat(BIG));
                return Ok(of(id, &self.result(&text)));
            }
            "report" => said = self.report(sent, nonce, choice),
            "ask" | "world_asking" if self.asks() => {
                return self.ask(sent, caller, nonce);
            }
            "ask" | "world_asking" => {}
            "wait" | "world_endless" | "world_graph" => {
                let session = sent.session.unwrap_or_default().to_owned();
                self.waiting.insert((session, id.to_string()), sent.key);
                return Ok(Reply::Says(Says {
                    status: 200,
                    goes_on: true,
                    ..Says::default()
                }));
            }
            _ => return Ok(error(id, 200, -32602, "Unknown tool")),
        }
        let told: Vec<_> = [sent.assertion, sent.token].into_iter().flatten().collect();
        let text = match told.as_slice() {
            [one] if choice.chance(sent.weather.leaks) => format!("{text} {one}"),
            [_, _] if choice.chance(sent.weather.leaks) => {
                format!("{text} {}", choice.pick(&told))
            }
            _ => text,
        };
        let response = json!({"jsonrpc": "2.0", "id": id, "result": self.result(&text)});
        if choice.chance(sent.weather.strange_ids) {
            let ids = [json!(1), json!("1"), json!(2), json!(4_000_000_000_u64)];
            let id = choice.pick(&ids).clone();
            let result = self.result("for somebody else: strange-17ad02");
            said.push((
                Duration::ZERO,
                json!({"jsonrpc": "2.0", "id": id, "result": result}),
            ));
        }
        if !self.kind.is_stateless && choice.chance(sent.weather.changes) {
            let method = "notifications/tools/list_changed";
            said.push((Duration::ZERO, json!({"jsonrpc": "2.0", "method": method})));
        }
        let pause = weather::moment(sent.weather, choice);
        said.push((pause, response.clone()));
        if choice.chance(sent.weather.twice) {
            said.push((Duration::ZERO, response));
        }
        Ok(Reply::Says(Says {
            status: 200,
            messages: said,
            ..Says::default()
        }))
    }

    /// What the policy does not let through does not come here.
    fn check_policy(
        &self,
        sent: &Sent<'_>,
        caller: &Caller,
        name: &str,
        nonce: Option<&str>,
    ) -> Result<(), Failure> {
        let mode = sent.message.pointer("/params/arguments/mode");
        if name == FIXED && mode.and_then(Value::as_str) != Some(SAFE) {
            let what = format!("the backend is called with {mode:?}");
            return Err(Failure::new("arguments are judged", what));
        }
        if name == OF_SCOPE && !caller.has_scope(SCOPE) {
            let what = format!("the backend is called by {caller:?}");
            return Err(Failure::new("scopes are needed", what));
        }
        let has_said_yes = nonce.is_some_and(|nonce| self.confirmed.contains(nonce));
        if name == CONFIRMED && !has_said_yes {
            let what = format!("{nonce:?} is called, and nobody has said yes");
            return Err(Failure::new("confirmed first", what));
        }
        Ok(())
    }

    fn check_call(&mut self, sent: &Sent<'_>, nonce: Option<&str>) -> Result<(), Failure> {
        let Some(nonce) = nonce else {
            return Ok(());
        };
        let endpoint = nonce.split_once(" at ").map(|(_, name)| name);
        if endpoint != self.place.name {
            let what = format!("{nonce} comes to {:?}", self.place);
            return Err(Failure::new("backends apart", what));
        }
        if !self.nonces.insert(nonce.to_owned()) {
            let what = format!("the backend is called once more with {nonce}");
            return Err(Failure::new("called once", what));
        }
        let session = sent.session.and_then(|name| self.sessions.get_mut(name));
        if let Some(session) = session {
            session.nonces.insert(nonce.to_owned());
        }
        Ok(())
    }

    /// As the tool of that name does that servers have themselves.
    fn user_details(&self, sent: &Sent<'_>, caller: &Caller) -> Reply {
        let id = sent.message.get("id").unwrap_or(&Value::Null);
        let arguments = sent.message.pointer("/params/arguments");
        let arguments = arguments.and_then(Value::as_object);
        if arguments.is_some_and(|arguments| !arguments.is_empty()) {
            return error(id, 200, -32602, "There are no arguments");
        }
        let details = json!({"userPrincipalName": caller.name, "id": caller.oid});
        of(id, &self.result(&details.to_string()))
    }

    /// Progress and lines of the log.
    fn report(&self, sent: &Sent<'_>, nonce: &str, choice: &mut Choice) -> Vec<(Duration, Value)> {
        let token = sent.message.pointer("/params/_meta/progressToken");
        let mut said = Vec::new();
        let number = nonce
            .split(' ')
            .nth(1)
            .and_then(|number| number.parse::<u64>().ok());
        for _ in 0..1 + choice.below(4) {
            let pause = weather::moment(sent.weather, choice);
            if let Some(token) = token {
                let params = json!({"progressToken": token, "progress": number.unwrap_or(0)});
                let method = "notifications/progress";
                said.push((
                    pause,
                    json!({"jsonrpc": "2.0", "method": method, "params": params}),
                ));
            }
            if !self.kind.is_stateless {
                let params = json!({"level": "info", "data": nonce});
                let method = "notifications/message";
                said.push((
                    pause,
                    json!({"jsonrpc": "2.0", "method": method, "params": params}),
                ));
            }
        }
        said
    }

    /// Whether its questions can find whom they are for: of several users none can.
    fn asks(&self) -> bool {
        !self.kind.is_shared()
    }

    /// The call asks its user before it answers.
    fn ask(&mut self, sent: &Sent<'_>, caller: &Caller, nonce: &str) -> Result<Reply, Failure> {
        let id = sent.message.get("id").unwrap_or(&Value::Null);
        let fields = json!({"nonce": {"type": "string", "enum": [nonce]}});
        let schema = json!({"type": "object", "properties": fields, "required": ["nonce"]});
        let form = json!({"method": "elicitation/create",
            "params": {"message": nonce, "requestedSchema": schema}});
        if self.kind.is_stateless {
            let params = sent.message.get("params").unwrap_or(&Value::Null);
            let Some(answers) = params.get("inputResponses") else {
                let declared = "/_meta/io.modelcontextprotocol~1clientCapabilities/elicitation";
                let question = match params.pointer(declared) {
                    Some(_) => form,
                    None => json!({"method": "roots/list", "params": {}}),
                };
                let result = json!({"resultType": "input_required",
                    "inputRequests": {"sure": question}, "requestState": nonce});
                return Ok(of(id, &result));
            };
            if params.get("requestState").and_then(Value::as_str) != Some(nonce) {
                let what = format!("the answer to {nonce} has another state");
                return Err(Failure::new("answers to their questions", what));
            }
            check_answer(answers.get("sure"), nonce)?;
            return Ok(of(id, &self.result(&format!("{nonce} of {}", caller.oid))));
        }
        let name = sent.session.unwrap_or_default().to_owned();
        let Some(session) = self.sessions.get_mut(&name) else {
            return Ok(Reply::Status(404));
        };
        session.questions += 1;
        let own = json!(session.questions);
        let mut question = match session.has_forms {
            true => form,
            false => json!({"method": "roots/list"}),
        };
        if let Some(members) = question.as_object_mut() {
            members.insert("jsonrpc".to_owned(), json!("2.0"));
            members.insert("id".to_owned(), own.clone());
        }
        let waiting = Question {
            key: sent.key,
            call: id.clone(),
            nonce: nonce.to_owned(),
            caller: caller.clone(),
        };
        self.questions.insert((name, own.to_string()), waiting);
        Ok(Reply::Says(Says {
            status: 200,
            messages: vec![(Duration::ZERO, question)],
            goes_on: true,
            ..Says::default()
        }))
    }
}

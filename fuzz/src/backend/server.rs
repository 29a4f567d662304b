//! What the backend does with a message: the tools that it has, its sessions, its questions. It fails the run where it is asked what it
//! must not be asked.

mod calls;
mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};

use self::sessions::Session;
use super::{BackendKind, GUARDED, Key, Place, identity::Caller, policy, weather::Weather};
use crate::{checks::Failure, choice::Choice};

/// A message, and what came with it.
pub(super) struct Sent<'a> {
    pub(super) key: Key,
    pub(super) message: &'a Value,
    /// The session that it names, or that of its process.
    pub(super) session: Option<&'a str>,
    pub(super) caller: Option<Caller>,
    /// The assertion, to be told on.
    pub(super) assertion: Option<&'a str>,
    /// The access token, likewise.
    pub(super) token: Option<&'a str>,
    pub(super) weather: Weather,
}

/// What is answered.
pub(super) enum Reply {
    /// An HTTP status; a process says nothing.
    Status(u16),
    /// Messages.
    Says(Says),
}

/// Messages that are said one after the other.
#[derive(Debug, Default)]
pub(crate) struct Says {
    /// The session that begins.
    pub(super) session: Option<String>,
    pub(super) status: u16,
    /// Each after a pause.
    pub(super) messages: Vec<(Duration, Value)>,
    /// More is said later.
    pub(super) goes_on: bool,
}

/// A question that the client has not answered.
#[derive(Debug)]
struct Question {
    key: Key,
    /// The id of the call that waits.
    call: Value,
    nonce: String,
    caller: Caller,
}

/// The ids of a client's requests in this world are less than this.
const SMALL: u64 = 100_000;

/// The server.
#[derive(Debug)]
pub(super) struct Server {
    kind: BackendKind,
    place: Place,
    sessions: BTreeMap<String, Session>,
    /// The ids of all requests.
    ids: BTreeSet<String>,
    /// Those of requests that were not refused for their session.
    taken: BTreeSet<String>,
    /// What every call was made with, once.
    nonces: BTreeSet<String>,
    /// The calls to which their users have said yes.
    confirmed: BTreeSet<String>,
    questions: BTreeMap<(String, String), Question>,
    /// The calls that wait for their end, by session and id.
    waiting: BTreeMap<(String, String), Key>,
    /// What is said on the answers of others, because of a message.
    resumed: Vec<(Key, Says)>,
    count: u64,
}

impl Server {
    pub(super) fn new(kind: BackendKind, place: Place) -> Self {
        Self {
            kind,
            place,
            sessions: BTreeMap::new(),
            ids: BTreeSet::new(),
            taken: BTreeSet::new(),
            nonces: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            questions: BTreeMap::new(),
            waiting: BTreeMap::new(),
            resumed: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn take_resumed(&mut self) -> Vec<(Key, Says)> {
        std::mem::take(&mut self.resumed)
    }

    /// A user has said whether a call may be made: the last word counts.
    pub(super) fn user_says(&mut self, nonce: &str, is_yes: bool) {
        match is_yes {
            true => self.confirmed.insert(nonce.to_owned()),
            false => self.confirmed.remove(nonce),
        };
    }

    pub(super) fn was_called(&self, nonce: &str) -> bool {
        self.nonces.contains(nonce)
    }

    /// Answers a message.
    pub(super) fn receive(
        &mut self,
        sent: &Sent<'_>,
        choice: &mut Choice,
    ) -> Result<Reply, Failure> {
        let message = sent.message;
        let id = message.get("id");
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            return self.answered(sent);
        };
        self.check_name(sent)?;
        self.check_session(sent)?;
        let Some(id) = id else {
            return self.notified(sent, method);
        };
        // With which a session is begun, before there is another.
        let begins = matches!(method, "initialize" | "server/discover") && *id == json!(0);
        let is_begun = method == "initialize" || self.kind.is_stateless;
        let is_taken = is_begun || self.is_known(sent.session);
        self.ids.insert(id.to_string());
        // What was refused for its session is sent again in another one.
        if is_taken && !begins && !self.taken.insert(id.to_string()) {
            return Err(Failure::new(
                "ids of its own",
                format!("the backend is sent {id} twice"),
            ));
        }
        let Some(caller) = sent.caller.clone() else {
            let what = format!("{method} without who calls");
            return Err(Failure::new("calls are signed", what));
        };
        if !is_taken {
            if self.kind.share.is_some() {
                return Ok(error(
                    id,
                    200,
                    -32602,
                    "Received request before initialization",
                ));
            }
            // Real servers say either.
            let status = *choice.pick(&[404, 400]);
            let error = json!({"code": -32600, "message": "Session not found"});
            return Ok(says(
                status,
                json!({"jsonrpc": "2.0", "id": null, "error": error}),
            ));
        }
        match method {
            "initialize" => Ok(self.initialize(sent, &caller)),
            "server/discover" if self.kind.is_stateless => Ok(of(id, &discovered())),
            "tools/list" => Ok(of(id, &self.list())),
            "tools/call" => self.call(sent, &caller, choice),
            "logging/setLevel" if !self.kind.is_stateless => Ok(of(id, &json!({}))),
            "resources/list" => Ok(of(id, &self.whole(&json!({"resources": []})))),
            "prompts/list" => Ok(of(id, &self.whole(&json!({"prompts": []})))),
            _ => Ok(error(id, 200, -32601, "Method not found")),
        }
    }

    fn notified(&mut self, sent: &Sent<'_>, method: &str) -> Result<Reply, Failure> {
        if method != "notifications/cancelled" {
            return Ok(Reply::Status(202));
        }
        let id = sent.message.pointer("/params/requestId");
        // It may not have arrived; but the ids of clients are small.
        let is_of_client = id.is_none_or(|id| id.as_u64().is_none_or(|id| id < SMALL));
        let id = id.unwrap_or(&Value::Null).to_string();
        if is_of_client && !self.ids.contains(&id) {
            let what = format!("the backend is to cancel {id}, which it was not sent");
            return Err(Failure::new("ids of its own", what));
        }
        let session = sent.session.unwrap_or_default().to_owned();
        if let Some(key) = self.waiting.remove(&(session, id)) {
            self.resumed.push((key, Says::default()));
        }
        Ok(Reply::Status(202))
    }

    /// The client has answered a question.
    fn answered(&mut self, sent: &Sent<'_>) -> Result<Reply, Failure> {
        let session = sent.session.unwrap_or_default().to_owned();
        let id = sent.message.get("id").unwrap_or(&Value::Null).to_string();
        // One that nobody waits for any more.
        let Some(question) = self.questions.remove(&(session, id)) else {
            return Ok(Reply::Status(202));
        };
        check_answer(sent.message.get("result"), &question.nonce)?;
        let text = format!("{} of {}", question.nonce, question.caller.oid);
        let result = self.result(&text);
        let response = json!({"jsonrpc": "2.0", "id": question.call, "result": result});
        let messages = vec![(Duration::ZERO, response)];
        let said = Says {
            messages,
            ..Says::default()
        };
        self.resumed.push((question.key, said));
        Ok(Reply::Status(202))
    }

    fn list(&self) -> Value {
        let names = [
            "getUserDetails",
            "echo",
            "report",
            "ask",
            "wait",
            "big",
            policy::HIDDEN,
            policy::FIXED,
            policy::OF_ROLE,
            policy::OF_GROUP,
            policy::OF_SCOPE,
            policy::CONFIRMED,
        ];
        let named = self.place.name.map(|_| policy::ONLY);
        let guarded = self.kind.takes_tokens().then_some(GUARDED);
        let names = names.into_iter().chain(named.into_iter().flatten());
        let names = names.chain(guarded);
        let tools = names.map(|name| json!({"name": name, "inputSchema": {"type": "object"}}));
        self.whole(&json!({"tools": tools.collect::<Value>()}))
    }

    /// A result, with what 2026-07-28 adds to those that may be kept.
    fn whole(&self, result: &Value) -> Value {
        let mut result = result.clone();
        if let (true, Some(members)) = (self.kind.is_stateless, result.as_object_mut()) {
            members.insert("resultType".to_owned(), json!("complete"));
            members.insert("ttlMs".to_owned(), json!(0));
            members.insert("cacheScope".to_owned(), json!("public"));
        }
        result
    }

    fn result(&self, text: &str) -> Value {
        let content = json!([{"type": "text", "text": text}]);
        match self.kind.is_stateless {
            true => json!({"content": content, "resultType": "complete"}),
            false => json!({"content": content}),
        }
    }
}

/// What a user has answered is what this call asked them.
fn check_answer(result: Option<&Value>, nonce: &str) -> Result<(), Failure> {
    let given = result.and_then(|result| result.pointer("/content/nonce"));
    if given.is_some_and(|given| given != nonce) {
        let what = format!("the answer to {nonce} is {given:?}");
        return Err(Failure::new("answers to their questions", what));
    }
    Ok(())
}

fn says(status: u16, message: Value) -> Reply {
    Reply::Says(Says {
        status,
        messages: vec![(Duration::ZERO, message)],
        ..Says::default()
    })
}

fn of(id: &Value, result: &Value) -> Reply {
    says(200, json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn error(id: &Value, status: u16, code: i32, words: &str) -> Reply {
    let error = json!({"code": code, "message": words});
    says(status, json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

fn discovered() -> Value {
    json!({
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "resultType": "complete", "ttlMs": 0, "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "orders", "version": "1"}},
    })
}

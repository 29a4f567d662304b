//! A request of the client's, to its answer: the stream that it comes on, what is said before it, the
//! questions of the server, the way back to a stream that was cut, the rounds of 2026-07-28.
//!
//! Source: MCP specification 2025-11-25, basic/transports; 2026-07-28, basic/patterns.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::{Map, Value, json};

use super::{
    Client, ClientError, Dialect, capabilities,
    events::{self, Event, Events},
    mcp::Connection,
    value,
};
use crate::net::Call;

/// What others may overhear: names, none of which is a credential.
#[derive(Clone, Debug, PartialEq)]
pub enum LeakedName {
    /// The `requestState` of this request.
    State {
        /// Its method.
        method: String,
        /// Its parameters.
        params: Value,
        /// The `state` that the client sent along (RFC 6749 section 4.1.1).
        state: String,
    },
    /// A task.
    Task(String),
    /// An event of a stream.
    Event(String),
    /// A question of the server's, by its id.
    InputRequest(Value),
    /// A request of the client's, by its id.
    Request(u64),
}

/// How often a client answers the questions of one request, or comes back for one answer.
const ROUNDS: usize = 8;

impl Client {
    /// Sends a request and waits for its result, whatever is asked before it.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value, ClientError> {
        let mut params = params;
        for _ in 0..ROUNDS {
            let result = self.ask_once(method, params.clone()).await?;
            if result.get("resultType") != Some(&json!("input_required")) {
                return Ok(result);
            }
            let state = result.get("requestState").cloned().unwrap_or_default();
            self.leak_name(LeakedName::State {
                method: method.to_owned(),
                params: params.clone(),
                state: state.as_str().unwrap_or_default().to_owned(),
            });
            let responses = self.responses(result.get("inputRequests"));
            if let Some(members) = params.as_object_mut() {
                members.insert("inputResponses".to_owned(), responses);
                members.insert("requestState".to_owned(), state);
            }
        }
        Err(ClientError::violation("the server asks for ever"))
    }

    /// The answers to the questions in a result.
    pub(super) fn responses(&self, requests: Option<&Value>) -> Value {
        let requests = requests.and_then(Value::as_object);
        let responses = requests.into_iter().flatten().map(|(key, request)| {
            let method = request.get("method").and_then(Value::as_str);
            let params = request.get("params").unwrap_or(&Value::Null);
            let world = self.peer.world();
            let answer = world
                .choose(|choice| capabilities::answer(method.unwrap_or_default(), params, choice));
            self.says(params, Some(&answer), true);
            (key.clone(), answer)
        });
        Value::Object(responses.collect::<Map<_, _>>())
    }

    /// The number and the HTTP request of a request of the client's.
    pub(crate) fn request_of(&mut self, method: &str, params: Value) -> (u64, Request<Bytes>) {
        self.requests += 1;
        let id = self.requests;
        let mut params = params;
        let named_by = match method {
            "resources/read" => "uri",
            "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
            _ => "name",
        };
        let name = params.get(named_by).and_then(Value::as_str);
        let name = name.map(str::to_owned);
        if self.dialect == Dialect::Modern
            && let Some(members) = params.as_object_mut()
        {
            let own = json!({
                "io.modelcontextprotocol/protocolVersion": self.dialect.version(),
                "io.modelcontextprotocol/clientInfo": {"name": "world", "version": "1.0.0"},
                "io.modelcontextprotocol/clientCapabilities":
                    capabilities::of(self.dialect, self.knows_tasks),
            });
            let meta = members.entry("_meta").or_insert_with(|| json!({}));
            if let (Value::Object(meta), Value::Object(own)) = (meta, own) {
                meta.extend(own);
            }
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.leak_name(LeakedName::Request(id));
        (id, self.message(&message, method, name.as_deref()))
    }

    pub(super) async fn ask_once(
        &mut self,
        method: &str,
        params: Value,
    ) -> Result<Value, ClientError> {
        let (id, request) = self.request_of(method, params);
        if self.dialect == Dialect::Sse {
            let response = self.peer.fetch(request).await?;
            if response.status() != 202 {
                return Err(ClientError::of(&response));
            }
            return self.await_message(id).await;
        }
        let mut call = self.peer.send(request);
        let head = call.head().await?;
        // A balancer that knows its clients knows those without sessions, too: what asks them waits at one replica.
        if self.dialect == Dialect::Modern && self.is_sticky && self.expects_no_faults {
            self.peer.stick_to(call.replica());
        }
        if method == "initialize" && head.status().is_success() {
            let session = head.headers().get("mcp-session-id");
            let session = session.and_then(|session| session.to_str().ok());
            self.connection = Some(Connection::Session(session.map(str::to_owned)));
            if self.is_sticky {
                self.peer.stick_to(call.replica());
            }
        }
        if events::is_stream(&head) {
            return self.follow(id, Events::new(call)).await;
        }
        let body = call.rest().await?;
        events::result_of(&Response::from_parts(head.into_parts().0, body))
    }

    /// Reads the stream that ends with an answer, and comes back for the rest if it was cut.
    pub(super) async fn follow(&mut self, id: u64, events: Events) -> Result<Value, ClientError> {
        let mut events = events;
        let mut seen = BTreeSet::new();
        let mut answered = None;
        let mut in_vain = 0;
        for round in 0..ROUNDS {
            let before = seen.len();
            let is_cut = loop {
                let event = match events.next().await {
                    Ok(Some(event)) => event,
                    Ok(None) => break false,
                    Err(_) => break true,
                };
                if let Some(event_id) = &event.id {
                    self.leak_name(LeakedName::Event(event_id.clone()));
                    if !seen.insert(event_id.clone()) {
                        let what = format!("{event_id} came twice");
                        self.peer.world().fail("an event once", what);
                    }
                }
                let answer = self.handle_message(&event, id).await?;
                if answer.is_some() && answered.is_some() {
                    let what = format!("request {id} is answered twice");
                    self.peer.world().fail("one answer", what);
                }
                answered = answer.or(answered);
            };
            // Who comes back twice, and gets nothing, is never answered.
            let is_empty = round > 0 && !is_cut && seen.len() == before;
            in_vain += usize::from(is_empty && answered.is_none());
            if in_vain > 1 {
                return Err(ClientError::violation("a stream ended without its answer"));
            }
            if let Some(answer) = &answered {
                return events::result(answer);
            }
            let last = events.last_id.clone().ok_or(ClientError::Broken)?;
            let away = Duration::from_millis(events.retry.unwrap_or(100));
            self.peer.world().clone().sleep(away).await;
            events = match self.come_back(&last).await {
                Ok(events) => events,
                Err(ClientError::Broken) => continue,
                Err(error) => return Err(error),
            };
        }
        Err(ClientError::Broken)
    }

    /// Comes back for what followed an event.
    async fn come_back(&self, last: &str) -> Result<Events, ClientError> {
        let call = self.open(Some(last)).await?;
        let mut events = Events::new(call);
        events.last_id = Some(last.to_owned());
        Ok(events)
    }

    /// A GET of a stream of events.
    pub(crate) fn request_for_events(&self) -> Request<Bytes> {
        let mut request = self.request(Method::GET, &self.address());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, value("text/event-stream"));
        headers.insert("mcp-protocol-version", value(self.dialect.version()));
        if let Some(Connection::Session(Some(session))) = &self.connection {
            headers.insert("mcp-session-id", value(session));
        }
        request
    }

    /// Opens a stream with GET, to listen, or for what followed an event.
    pub(crate) async fn open(&self, last: Option<&str>) -> Result<Call, ClientError> {
        let mut request = self.request_for_events();
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", value(last));
        }
        let mut stream = self.peer.send(request);
        let head = stream.head().await?;
        if head.status() == 200 {
            return Ok(stream);
        }
        let body = stream.rest().await?;
        let response = Response::from_parts(head.into_parts().0, body);
        Err(ClientError::of(&response))
    }

    /// The answer on the stream of HTTP+SSE.
    async fn await_message(&mut self, id: u64) -> Result<Value, ClientError> {
        let Some(Connection::Sse { events, .. }) = &mut self.connection else {
            return Err(ClientError::violation("there is no stream"));
        };
        let mut events = events.take().ok_or(ClientError::Broken)?;
        while let Some(event) = events.next().await? {
            if let Some(answer) = self.handle_message(&event, id).await? {
                if let Some(Connection::Sse { events: place, .. }) = &mut self.connection {
                    *place = Some(events);
                }
                return events::result(&answer);
            }
        }
        Err(ClientError::Broken)
    }

    /// Handles a message: the response to this request is returned, a request is answered, a notification is remembered.
    pub(super) async fn handle_message(
        &mut self,
        event: &Event,
        id: u64,
    ) -> Result<Option<Value>, ClientError> {
        let Some(message) = event.message()? else {
            return Ok(None);
        };
        let method = message.get("method").and_then(Value::as_str);
        match (method, message.get("id")) {
            (None, Some(answers)) if answers.as_u64() == Some(id) => return Ok(Some(message)),
            (None, _) => {}
            (Some(method), Some(question)) => {
                self.leak_name(LeakedName::InputRequest(question.clone()));
                let params = message.get("params").unwrap_or(&Value::Null);
                let world = self.peer.world().clone();
                let (thinks, is_in_time) = self.thinks(params);
                world.sleep(thinks).await;
                let answer = self.reply(question, method, params);
                self.says(params, answer.get("result"), is_in_time);
                // If it does not arrive, the server asks in vain.
                let _taken = self.post(&answer, "", None).await;
                if self.repeats(params) {
                    let _taken = self.post(&answer, "", None).await;
                }
            }
            (Some(_), None) => self.notifications.push(message),
        }
        Ok(None)
    }

    /// Somebody may overhear it.
    pub(super) fn leak_name(&self, name: LeakedName) {
        self.leaked_names.borrow_mut().push(name);
    }

    fn reply(&self, question: &Value, method: &str, params: &Value) -> Value {
        self.peer.world().choose(|choice| {
            if choice.chance(100) {
                let error = json!({"code": -1, "message": "The user does not want to."});
                return json!({"jsonrpc": "2.0", "id": question, "error": error});
            }
            let result = capabilities::answer(method, params, choice);
            json!({"jsonrpc": "2.0", "id": question, "result": result})
        })
    }
}

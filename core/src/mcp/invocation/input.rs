//! Requests for input of the client: requests of the server in the older revisions, results since 2026-07-28.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots;
//! 2026-07-28, basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Invocation, InvocationCx, InvocationEnd, InvocationProgress, ServerMessage, State,
    effects::EffectStep,
};
use crate::{
    catalog::{
        CallError, ClientCapabilities, ClientCapability, EffectResult, InputRequest, InputResponse,
    },
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    limits,
    mcp::server_messages,
    step::Progress,
    time::Instant,
};

/// The requests for input that wait for a response.
#[derive(Debug, Default)]
pub(super) struct AwaitedInput {
    /// By the id of the request that was sent, the key; nothing is sent for a task.
    sent: BTreeMap<ServerRequestId, String>,
    /// By the key, the request.
    requests: BTreeMap<String, InputRequest>,
    /// When the client has taken too long; a task waits as long as it may run.
    deadline: Option<Instant>,
}

impl AwaitedInput {
    pub(super) fn requests(&self) -> &BTreeMap<String, InputRequest> {
        &self.requests
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl Invocation {
    /// The requests that were sent and wait for a response.
    pub(crate) fn awaited_responses(&self) -> impl Iterator<Item = ServerRequestId> {
        let input = match &self.state {
            State::AwaitingInput(input) => Some(input),
            State::AwaitingAdmission
            | State::AwaitingHandler
            | State::Sleeping(_)
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingRoom(_) => None,
        };
        input
            .into_iter()
            .flat_map(|input| input.sent.keys().copied())
    }

    /// Requests input, but for what was given before.
    pub(super) fn request_input(
        &mut self,
        mut requests: BTreeMap<String, InputRequest>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        for (key, request) in &requests {
            let response = self.meta.responses.remove(key);
            if let Some(response) = response.and_then(|response| request.read(&response)) {
                self.call.answers.insert(key.clone(), response);
            }
        }
        requests.retain(|key, _| !self.call.answers.contains_key(key));
        if requests.is_empty() {
            return self.all_input();
        }
        if requests.len() > limits::INPUT_REQUESTS {
            let message = "a call requests too much input at once".to_owned();
            return Err(InvocationEnd::Done(Err(CallError::Internal(message))));
        }
        let is_missing = |needed: &ClientCapability| !has(self.client.client_capabilities, *needed);
        if let Some(missing) = requests.values().map(InputRequest::needs).find(is_missing) {
            return Err(self.missing_capability(missing));
        }
        if !self.client.revision.features().rich_forms {
            let plain = requests
                .iter()
                .map(|(key, one)| Some((key.clone(), one.plain()?)));
            let Some(plain) = plain.collect() else {
                let message = "This has to let the user choose several values, which this client's \
                             revision of MCP does not know.";
                return Err(InvocationEnd::Done(Err(message.into())));
            };
            requests = plain;
        }
        match self.client.mcp_session {
            _ if self.is_task => Ok(Progress::Pending(State::AwaitingInput(AwaitedInput {
                requests,
                ..AwaitedInput::default()
            }))),
            None => Err(InvocationEnd::InputRequired {
                requests,
                responses: std::mem::take(&mut self.call.answers),
            }),
            Some(_) if !self.client.streams => {
                let message = "This has to ask something, but the client does not accept a stream.";
                Err(InvocationEnd::Done(Err(message.into())))
            }
            Some(_) => Ok(Progress::Pending(self.send(requests, icx))),
        }
    }

    fn missing_capability(&self, capability: ClientCapability) -> InvocationEnd {
        if self.client.mcp_session.is_none() {
            return InvocationEnd::MissingCapability(capability);
        }
        let message = match capability {
            ClientCapability::ElicitationForm => {
                "This has to ask the user, which this client cannot do."
            }
            ClientCapability::ElicitationUrl => {
                "This has to send the user to a web page, which this client cannot do."
            }
            ClientCapability::Sampling => "This needs the client's model, which it does not offer.",
            ClientCapability::Roots => "This needs the client's roots, which it does not tell.",
        };
        InvocationEnd::Done(Err(message.into()))
    }

    fn send(
        &self,
        requests: BTreeMap<String, InputRequest>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> State {
        let mut sent = BTreeMap::new();
        for (key, request) in &requests {
            // Guessed by nobody, so that a response comes from whom the request was sent to.
            let id = ServerRequestId(icx.cx.entropy.bytes());
            let name = id.to_string();
            let params = request.params(self.client.revision, Some(&name));
            let json = server_messages::request(&name, request.method(), params);
            icx.cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(id)));
            icx.messages.push(ServerMessage::Json(json));
            sent.insert(id, key.clone());
        }
        let timeout = icx.cx.env.server.config.call_limits.input;
        let deadline = icx.cx.env.now.instant.after(timeout);
        State::AwaitingInput(AwaitedInput {
            sent,
            requests,
            deadline: Some(deadline),
        })
    }

    /// Takes input responses of a task's client. What answers no request, or does not fit, is not taken.
    pub(crate) fn update_input(
        mut self: Box<Self>,
        responses: &Map<String, Value>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        let State::AwaitingInput(input) = &mut self.state else {
            return Progress::Pending(self);
        };
        let mut taken = Vec::new();
        input.requests.retain(|key, request| {
            let response = responses.get(key).and_then(|result| request.read(result));
            let is_open = response.is_none();
            taken.extend(response.map(|response| (key.clone(), response)));
            is_open
        });
        let is_done = input.requests.is_empty();
        self.call.answers.extend(taken);
        if !is_done {
            return Progress::Pending(self);
        }
        self.state = State::AwaitingHandler;
        let step = self.all_input();
        self.apply(step, icx)
    }

    /// Takes the client's response to a request: a result, or the message of an error. One that comes after the
    /// request was withdrawn answers nothing.
    pub(crate) fn client_response(
        mut self: Box<Self>,
        id: ServerRequestId,
        result: Result<Box<Value>, String>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        match std::mem::replace(&mut self.state, State::AwaitingHandler) {
            State::AwaitingInput(input) => {
                let step = self.input_response(input, id, result);
                self.apply(step, icx)
            }
            state @ (State::AwaitingAdmission
            | State::AwaitingHandler
            | State::Sleeping(_)
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingRoom(_)) => {
                self.state = state;
                Progress::Pending(self)
            }
        }
    }

    fn input_response(
        &mut self,
        mut input: AwaitedInput,
        id: ServerRequestId,
        result: Result<Box<Value>, String>,
    ) -> EffectStep {
        let Some(key) = input.sent.remove(&id) else {
            return Ok(Progress::Pending(State::AwaitingInput(input)));
        };
        let response = match (input.requests.remove(&key), result) {
            (Some(request), Ok(result)) => request.read(&result).unwrap_or_else(|| {
                let message = "The client's response does not fit the request.";
                InputResponse::Refused(message.to_owned()).into()
            }),
            (_, Err(message)) => InputResponse::Refused(message).into(),
            (None, Ok(_)) => return Ok(Progress::Pending(State::AwaitingInput(input))),
        };
        self.call.answers.insert(key, response);
        if input.sent.is_empty() {
            return self.all_input();
        }
        Ok(Progress::Pending(State::AwaitingInput(input)))
    }

    /// After a while the client is asked no longer, and the handler finds out what was not answered.
    pub(super) fn input_tick(
        &mut self,
        input: AwaitedInput,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        let now = icx.cx.env.now.instant;
        if input.deadline.is_none_or(|deadline| now < deadline) {
            return Ok(Progress::Pending(State::AwaitingInput(input)));
        }
        withdraw(&input, "There was no response in time.", icx);
        let unanswered = input.requests.into_keys();
        let timed_out = unanswered.map(|key| (key, InputResponse::TimedOut.into()));
        self.call.answers.extend(timed_out);
        self.all_input()
    }

    /// The invocation ends: the client need not answer any more.
    pub(super) fn withdraw_input_requests(&mut self, icx: &mut InvocationCx<'_, '_>) {
        let state = std::mem::replace(&mut self.state, State::AwaitingHandler);
        match state {
            State::AwaitingInput(input) => withdraw(&input, "The call has ended.", icx),
            state => self.state = state,
        }
    }

    fn all_input(&self) -> EffectStep {
        let responses = self.call.answers.clone();
        Ok(Progress::Ready(EffectResult::Input(responses)))
    }
}

/// Cancels the requests that wait for a response (basic/utilities/cancellation).
fn withdraw(input: &AwaitedInput, reason: &str, icx: &mut InvocationCx<'_, '_>) {
    for id in input.sent.keys() {
        let json = server_messages::cancelled(&id.to_string(), reason);
        icx.messages.push(ServerMessage::Json(json));
        icx.cx.to_hub(ToHub(ToHubKind::WithdrawServerRequest(*id)));
    }
}

fn has(client_capabilities: ClientCapabilities, needed: ClientCapability) -> bool {
    match needed {
        ClientCapability::ElicitationForm => client_capabilities.elicitation_form,
        ClientCapability::ElicitationUrl => client_capabilities.elicitation_url,
        ClientCapability::Sampling => client_capabilities.sampling,
        ClientCapability::Roots => client_capabilities.roots,
    }
}

//! Questions to the client: requests in the older revisions, results since 2026-07-28.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots;
//! 2026-07-28, basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Called, Invocation, InvocationCx, ServerMessage, State, effects::Begun};
use crate::{
    catalog::{
        CallError, ClientCapabilities, ClientCapability, EffectResult, InputRequest, InputResponse,
    },
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    limits,
    mcp::server_messages,
};

/// The questions that wait for an answer: by the id of the request, the key; by the key, the input_request.
type Open = (
    BTreeMap<ServerRequestId, String>,
    BTreeMap<String, InputRequest>,
);

impl Invocation {
    /// What was answered before is not asked again.
    pub(super) fn ask(
        &mut self,
        questions: BTreeMap<String, InputRequest>,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Begun {
        for (key, input_request) in &questions {
            let response = self.wanted.responses.remove(key);
            if let Some(answer) = response.and_then(|response| input_request.read(&response)) {
                self.call.answers.insert(key.clone(), answer);
            }
        }
        let mut questions = questions;
        questions.retain(|key, _| !self.call.answers.contains_key(key));
        if questions.is_empty() {
            return self.all_answered();
        }
        if questions.len() > limits::INPUT_REQUESTS {
            let words = "a call asks too many questions at once".to_owned();
            return Begun::Over(Called::Done(Err(CallError::Internal(words))));
        }
        let lacks = |input_request: &InputRequest| {
            !has(self.peer.client_capabilities, input_request.needs())
        };
        let lacking = questions
            .values()
            .find(|input_request| lacks(input_request));
        if let Some(input_request) = lacking {
            return self.lacks(input_request.needs());
        }
        if !self.peer.revision.features().rich_forms {
            let plain = questions
                .iter()
                .map(|(key, one)| Some((key.clone(), one.plain()?)));
            let Some(plain) = plain.collect() else {
                let words = "This has to let the user choose several values, which this client's \
                             revision of MCP does not know.";
                return Begun::Over(Called::Done(Err(words.into())));
            };
            questions = plain;
        }
        match self.peer.mcp_session {
            _ if self.is_task => Begun::Waits(State::Asking {
                open: BTreeMap::new(),
                questions,
            }),
            None => {
                let answers = std::mem::take(&mut self.call.answers);
                Begun::Over(Called::InputRequired(questions, answers))
            }
            Some(_) if !self.peer.streams => {
                let words = "This has to ask something, but the client does not accept a stream.";
                Begun::Over(Called::Done(Err(words.into())))
            }
            Some(_) => self.send(questions, doing),
        }
    }

    fn lacks(&self, ability: ClientCapability) -> Begun {
        Begun::Over(match self.peer.mcp_session {
            None => Called::Lacks(ability),
            Some(_) => Called::Done(Err(CallError::Message(
                match ability {
                    ClientCapability::ElicitationForm => {
                        "This has to ask the user, which this client cannot do."
                    }
                    ClientCapability::ElicitationUrl => {
                        "This has to send the user to a web page, which this client cannot do."
                    }
                    ClientCapability::Sampling => {
                        "This needs the client's model, which it does not offer."
                    }
                    ClientCapability::Roots => {
                        "This needs the client's roots, which it does not tell."
                    }
                }
                .to_owned(),
            ))),
        })
    }

    fn send(
        &mut self,
        questions: BTreeMap<String, InputRequest>,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Begun {
        self.register_in_flight(doing);
        let mut open = BTreeMap::new();
        for (key, input_request) in &questions {
            // Guessed by nobody, so that an answer comes from whom was asked.
            let id = ServerRequestId(doing.cx.entropy.bytes());
            let name = id.to_string();
            let params = input_request.params(Some(&name));
            let json = server_messages::request(&name, input_request.method(), params);
            doing.cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(id)));
            doing.out.push(ServerMessage::Json(json));
            open.insert(id, key.clone());
        }
        Begun::Waits(State::Asking { open, questions })
    }

    /// The client of a task answers questions. What answers none, or does not fit, is not taken.
    pub(crate) fn answer(
        mut self: Box<Self>,
        responses: &Map<String, Value>,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Called {
        let State::Asking { questions, .. } = &mut self.state else {
            return Called::Waiting(self);
        };
        let mut answers = Vec::new();
        questions.retain(|key, input_request| {
            let answer = responses
                .get(key)
                .and_then(|result| input_request.read(result));
            let is_open = answer.is_none();
            answers.extend(answer.map(|answer| (key.clone(), answer)));
            is_open
        });
        let is_done = questions.is_empty();
        self.call.answers.extend(answers);
        if !is_done {
            return Called::Waiting(self);
        }
        self.state = State::Running;
        let begun = self.all_answered();
        self.begun(begun, doing)
    }

    /// The client answered one input_request: with a result, or with an error.
    pub(super) fn answered(
        &mut self,
        (mut open, mut questions): Open,
        request: ServerRequestId,
        result: Option<Value>,
    ) -> Begun {
        let Some(key) = open.remove(&request) else {
            return Begun::Waits(State::Asking { open, questions });
        };
        let asked = questions.remove(&key);
        let answer = asked
            .zip(result)
            .and_then(|(asked, result)| asked.read(&result));
        let Some(answer) = answer else {
            let words =
                "The client did not answer a request for input, or its answer does not fit.";
            return Begun::Over(Called::Done(Err(words.into())));
        };
        self.call.answers.insert(key, answer);
        if open.is_empty() {
            return self.all_answered();
        }
        Begun::Waits(State::Asking { open, questions })
    }

    fn all_answered(&self) -> Begun {
        let answers: BTreeMap<String, InputResponse> = self.call.answers.clone();
        Begun::Granted(EffectResult::Input(answers))
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

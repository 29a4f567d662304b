//! The output of a call that has answered its client with questions: what it says from then on goes to the exchange that brings the answers
//! (a gateway only).

use std::ops::ControlFlow;

use crate::{
    ask::Awaiting,
    event::Answer,
    gateway::ParkedEnd,
    hub::{ParkedMessage, SayParked, ToHubKind},
    json_rpc::Response,
    mcp::invocation::ServerMessage,
    step::Cx,
};

/// The place that another exchange has taken, or will take.
#[derive(Debug, Default)]
pub(crate) struct ParkedOutput {
    /// The answer once what was said was taken.
    saying: Option<Awaiting<SayParked>>,
}

impl ParkedOutput {
    pub(super) fn send(&mut self, messages: Vec<ServerMessage>, cx: &mut Cx<'_>) {
        let mut said = Vec::new();
        let mut end = None;
        for message in messages {
            match message {
                ServerMessage::Json(json) => said.push(json),
                ServerMessage::InputRequired(_, response) => {
                    end = Some(ParkedEnd {
                        response,
                        error_code: None,
                        is_parked: true,
                    });
                }
                ServerMessage::CloseStream(_) => {}
            }
        }
        if !said.is_empty() || end.is_some() {
            self.say(said, end, cx);
        }
    }

    /// Says the response, and nothing after it.
    pub(super) fn finish(mut self, responses: &[Response], cx: &mut Cx<'_>) {
        if let Some(response) = responses.first() {
            let end = ParkedEnd {
                response: response.to_json(),
                error_code: response.error_code(),
                is_parked: false,
            };
            self.say(Vec::new(), Some(end), cx);
        }
    }

    /// Takes the hub's answer: what was said was taken. Another answer is given back.
    pub(super) fn answered(&mut self, answer: Answer) -> ControlFlow<(), Answer> {
        let saying = &mut self.saying;
        match saying.take_if(|saying| saying.id() == answer.ask()) {
            Some(saying) => {
                let () = saying.into_answer(answer);
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(answer),
        }
    }

    fn say(&mut self, said: Vec<String>, end: Option<ParkedEnd>, cx: &mut Cx<'_>) {
        let say = |ticket| ToHubKind::Parked(ParkedMessage::Say(ticket, said, end));
        self.saying = Some(cx.ask_hub(say));
    }
}

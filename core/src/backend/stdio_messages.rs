//! The answer to a message for a process (stdio): what the exchange that runs it hands on.
//!
//! A process has neither statuses nor names of sessions, so they are put in its place here: a process that is no more is a
//! session that is not known, and its name is that of the session.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{Arrived, BackendFault};
use crate::{
    ask::Awaiting,
    config::{BackendCommand, Gateway},
    event::Answer,
    gateway::{
        BackendRequest, Credentials, MessageKind, OfProcess, ProcessFault, ProcessName,
        ProcessOutput, RawMessage, ToServer, assertion,
    },
    hub::{MostProcesses, ProcessMessage, ReadProcess, ToHub, ToHubKind},
    step::Cx,
    ticket::AskId,
};

/// A message that was sent.
#[derive(Debug)]
pub(crate) struct StdioMessages {
    /// By which ask it was sent.
    sent: AskId,
    /// What is waited for; nothing while nobody wants more.
    reading: Option<Awaiting<ReadProcess>>,
    status: Option<StatusCode>,
    /// The process of the session that it is for, or begins.
    process: Option<ProcessName>,
    messages: usize,
    most_messages: usize,
}

impl StdioMessages {
    pub(super) fn send(
        request: BackendRequest,
        command: &BackendCommand,
        gateway: &Gateway,
        credentials: &Credentials,
        cx: &mut Cx<'_>,
    ) -> Self {
        let mut name =
            || -> ProcessName { Arc::from(URL_SAFE_NO_PAD.encode(cx.entropy.bytes::<16>())) };
        let to = match (&request.session, request.begins) {
            (Some(name), _) => OfProcess::Session(Arc::clone(name)),
            (None, true) => OfProcess::New(name()),
            (None, false) => OfProcess::Stateless(name()),
        };
        let process = match &to {
            OfProcess::New(name) | OfProcess::Session(name) => Some(Arc::clone(name)),
            OfProcess::Stateless(_) => None,
        };
        let is_end = request.method == Method::DELETE;
        let message = RawMessage::read(&request.body).ok();
        let assertion = credentials.assertion().cloned();
        let message = match (message, &assertion) {
            (Some(message), Some(assertion)) => told_who_calls(&message, assertion.expose()),
            (message, _) => message,
        };
        let reading = cx.ask_hub(|ticket| {
            ToHubKind::Process(match (to, message, credentials.owner()) {
                (OfProcess::Session(name), _, _) if is_end => ProcessMessage::End(ticket, name),
                (OfProcess::Session(name), None, Some(owner)) if request.listens => {
                    ProcessMessage::Listen(ticket, name, owner.principal)
                }
                (to, Some(message), Some(owner)) => ProcessMessage::Send {
                    ticket,
                    to,
                    owner: Arc::clone(owner),
                    most: MostProcesses {
                        in_all: command.processes,
                        of_user: gateway.limits.processes_per_user,
                    },
                    message: Box::new(ToServer {
                        call: None,
                        message,
                        assertion,
                        listens: request.listens,
                        within: request.within.unwrap_or(gateway.call_timeout),
                    }),
                },
                // There is nothing to be sent, or nobody to send it: the hub knows of no such message.
                _ => ProcessMessage::Read(ticket, AskId(u64::MAX)),
            })
        });
        Self {
            sent: reading.id(),
            reading: Some(reading),
            status: None,
            process,
            messages: 0,
            most_messages: gateway.limits.messages,
        }
    }

    pub(super) fn id(&self) -> AskId {
        self.sent
    }

    pub(super) fn awaits(&self, answer: &Answer) -> bool {
        let reading = self.reading.as_ref();
        reading.is_some_and(|reading| reading.id() == answer.ask())
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    pub(super) fn process(&self) -> Option<&str> {
        self.process.as_deref()
    }

    pub(super) fn more(&mut self, cx: &mut Cx<'_>) {
        if self.reading.is_none() && self.status.is_none() {
            let sent = self.sent;
            let read = |ticket| ToHubKind::Process(ProcessMessage::Read(ticket, sent));
            self.reading = Some(cx.ask_hub(read));
        }
    }

    pub(super) fn cancel(&self, cx: &mut Cx<'_>) {
        let leave = ProcessMessage::Leave(self.sent);
        cx.to_hub(ToHub(ToHubKind::Process(leave)));
    }

    pub(super) fn handle(&mut self, answer: Answer) -> Arrived {
        let Some(reading) = self.reading.take() else {
            return Arrived::Messages(Vec::new());
        };
        let (messages, end) = match reading.into_answer(answer) {
            ProcessOutput::Sent => (
                Vec::new(),
                Some((StatusCode::ACCEPTED, BackendFault::Broken)),
            ),
            ProcessOutput::Gone => {
                let gone = (StatusCode::NOT_FOUND, BackendFault::Unreachable);
                (Vec::new(), Some(gone))
            }
            ProcessOutput::Busy(seconds) => {
                let busy = BackendFault::Busy(seconds);
                (Vec::new(), Some((StatusCode::SERVICE_UNAVAILABLE, busy)))
            }
            ProcessOutput::Full(seconds, what) => {
                let full = BackendFault::Full(seconds, what);
                (Vec::new(), Some((StatusCode::SERVICE_UNAVAILABLE, full)))
            }
            ProcessOutput::Messages(messages) => (messages, None),
            ProcessOutput::Answered(messages) => {
                (messages, Some((StatusCode::OK, BackendFault::Broken)))
            }
            ProcessOutput::Failed(messages, fault) => {
                (messages, Some((StatusCode::BAD_GATEWAY, fault_of(fault))))
            }
        };
        self.messages += messages.len();
        if self.messages > self.most_messages {
            return Arrived::Fault(BackendFault::TooMany);
        }
        match end {
            None => Arrived::Messages(messages),
            Some((status, fault)) => {
                self.status = Some(status);
                Arrived::End(messages, fault)
            }
        }
    }
}

/// A request with the assertion among what MCP calls its metadata; `None` if there is no place for it. Other messages are as they were.
fn told_who_calls(message: &RawMessage, assertion: &str) -> Option<RawMessage> {
    match message.kind() {
        MessageKind::Request { .. } => {
            let assertion = Value::from(assertion).to_string();
            message.with_param(&["_meta", assertion::META], &assertion)
        }
        MessageKind::Notification { .. } | MessageKind::Response { .. } => Some(message.clone()),
    }
}

fn fault_of(fault: ProcessFault) -> BackendFault {
    match fault {
        ProcessFault::NotStarted => BackendFault::Unreachable,
        ProcessFault::Ended => BackendFault::Broken,
        ProcessFault::TooLarge => BackendFault::TooLarge,
        ProcessFault::TimedOut => BackendFault::TimedOut,
        ProcessFault::Leaked => BackendFault::Leaked,
        ProcessFault::NotUnderstood => BackendFault::NotUnderstood,
    }
}

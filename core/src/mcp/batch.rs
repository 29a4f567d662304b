//! Requests that are answered one after the other: one, or those of a batch.

mod awaited;
mod cancellation;
mod forwarded;
mod settings;

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc};

use serde_json::{Map, Value};

use super::{
    audit,
    dispatch::{self, Reply},
    forward::Forward,
    invocation::{
        Challenge, ClientProfile, InFlightRegistration, Invocation, InvocationCx, InvocationEnd,
        InvocationProgress, OverAt, ServerMessage,
    },
    reply, results,
    session_settings::ChangingSetting,
    tasks::TaskRequest,
    v2026_07_28,
};
use crate::{
    admit::caller::Caller,
    catalog::{Catalog, TaskTimes},
    event::Answer,
    hub::TableFull,
    id::ServerRequestId,
    json_rpc::{Error, Id, Request, Response, ResultBody},
    step::{Cx, Progress},
};

/// Requests that are being answered.
#[derive(Debug)]
pub(crate) struct RequestBatch {
    client: ClientProfile,
    queue: VecDeque<Request>,
    current: Option<(Request, Current)>,
    responses: Vec<Response>,
    registration: InFlightRegistration,
}

/// What answers the current request.
#[derive(Debug)]
enum Current {
    Invocation(Box<Invocation>),
    Setting(Box<ChangingSetting>),
    Task(TaskRequest),
    Forward(Box<Forward>),
}

/// How a batch ends.
#[derive(Debug)]
pub(crate) enum BatchEnd {
    /// With responses, in the order of the requests. A cancelled request has none.
    Responses(Vec<Response>),
    /// The user must sign in again: what was not answered before has this error.
    SessionOver(Vec<Response>, Challenge),
}

/// Boxed, for it is moved at every event.
pub(crate) type BatchProgress = Progress<Box<RequestBatch>, BatchEnd>;

/// What a batch has at hand: the exchange, and the messages to send to the client before the response.
pub(crate) struct BatchCx<'a, 'b> {
    pub(crate) caller: &'a Caller,
    pub(crate) cx: &'a mut Cx<'b>,
    pub(crate) messages: &'a mut Vec<ServerMessage>,
}

impl RequestBatch {
    /// Begins to answer. Whether the scopes suffice was checked: [`dispatch::missing_scopes`].
    pub(crate) fn start(
        client: ClientProfile,
        requests: Vec<Request>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        let batch = Box::new(Self {
            client,
            registration: InFlightRegistration::new(client.mcp_session, &requests),
            queue: requests.into(),
            current: None,
            responses: Vec::new(),
        });
        batch.advance(bcx)
    }

    /// The invocation that answers the current request, if one does.
    pub(crate) fn invocation(&self) -> Option<&Invocation> {
        match &self.current {
            Some((_, Current::Invocation(invocation))) => Some(invocation),
            Some((_, Current::Setting(_) | Current::Task(_) | Current::Forward(_))) | None => None,
        }
    }

    /// Turns the current request into a task, if its tool and its client want that; gives its id and what its tool says of
    /// tasks. An input request that comes before anything else was sent before.
    pub(crate) fn become_task(
        &mut self,
        caller: &Caller,
        catalog: &Catalog,
    ) -> Option<(Id, TaskTimes)> {
        let (request, Current::Invocation(invocation)) = self.current.as_mut()? else {
            return None;
        };
        let (support, times) = dispatch::task_support(request, caller, catalog);
        dispatch::may_become_task(support, self.client).then(|| {
            invocation.become_task();
            (request.id.clone(), times)
        })
    }

    /// Hands input responses of a task's client to its invocation.
    pub(crate) fn update_input(
        self: Box<Self>,
        responses: &Map<String, Value>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        self.step(bcx, |invocation, icx| {
            invocation.update_input(responses, icx)
        })
    }

    /// Hands the client's response to a request of the server to the invocation that sent it.
    pub(crate) fn client_response(
        self: Box<Self>,
        id: ServerRequestId,
        result: Result<Box<Value>, String>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        match self.forwarded() {
            true => self.forward_response(id, result, bcx),
            false => self.step(bcx, |invocation, icx| {
                invocation.client_response(id, result, icx)
            }),
        }
    }

    /// There is room for more messages on the stream.
    pub(crate) fn has_room(self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        match self.forwarded() {
            true => self.forward_step(bcx, Forward::has_room),
            false => self.step(bcx, Invocation::has_room),
        }
    }

    /// The hub has room for the task that the current request is.
    pub(crate) fn task_admitted(mut self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        self.registration.task_admitted();
        self.admitted(Ok(()), bcx)
    }

    /// The hub has room for the call, or has not: whichever request waits for that now.
    fn admitted(
        self: Box<Self>,
        admitted: Result<(), TableFull>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        match self.forwarded() {
            true => self.forward_step(bcx, |forward, icx| forward.admitted(admitted, icx)),
            false => self.step(bcx, |invocation, icx| invocation.admitted(admitted, icx)),
        }
    }

    /// Lets the invocation that answers the current request go on. What else may answer it waits for an answer
    /// only.
    fn step(
        mut self: Box<Self>,
        bcx: &mut BatchCx<'_, '_>,
        step: impl FnOnce(Box<Invocation>, &mut InvocationCx<'_, '_>) -> InvocationProgress,
    ) -> BatchProgress {
        match self.current.take() {
            Some((request, Current::Invocation(invocation))) => {
                let icx = &mut invocation_cx(&mut self.registration, bcx);
                let progress = step(invocation, icx);
                self.on_invocation(request, progress, bcx)
            }
            current @ (Some((_, Current::Setting(_) | Current::Task(_) | Current::Forward(_)))
            | None) => {
                self.current = current;
                Progress::Pending(self)
            }
        }
    }

    /// Takes an answer that the batch waits for.
    pub(crate) fn handle(
        mut self: Box<Self>,
        answer: Answer,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        let answer = match self.registration.answered(answer) {
            ControlFlow::Break(admitted) => return self.admitted(admitted, bcx),
            ControlFlow::Continue(answer) => answer,
        };
        if self.forwarded() {
            return self.forward_step(bcx, |forward, icx| forward.handle(answer, icx));
        }
        match self.current.take() {
            Some((request, Current::Invocation(invocation))) => {
                let icx = &mut invocation_cx(&mut self.registration, bcx);
                let progress = invocation.handle(answer, icx);
                self.on_invocation(request, progress, bcx)
            }
            Some((request, Current::Setting(setting))) => {
                let progress = setting.handle(answer, bcx.cx);
                match self.on_setting(request, progress, bcx) {
                    Ok(()) => self.advance(bcx),
                    Err(over) => self.session_over(over, bcx),
                }
            }
            Some((request, Current::Task(task))) => {
                let progress = task.handle(answer, bcx.cx);
                self.on_task(request, progress, bcx);
                self.advance(bcx)
            }
            Some((_, Current::Forward(_))) | None => self.advance(bcx),
        }
    }

    /// Answers requests until one has to wait.
    fn advance(mut self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        while self.current.is_none() {
            let Some(request) = self.queue.pop_front() else {
                return Progress::Ready(BatchEnd::Responses(self.responses));
            };
            let icx = &mut invocation_cx(&mut self.registration, bcx);
            match dispatch::answer(&request, self.client, icx) {
                Reply::Result(result) => self.respond(request, Ok(result), bcx),
                Reply::Error(error) => self.respond(request, Err::<ResultBody, _>(error), bcx),
                Reply::Setting(progress) => {
                    if let Err(over) = self.on_setting(request, progress, bcx) {
                        return self.session_over(over, bcx);
                    }
                }
                Reply::Task(progress) => self.on_task(request, progress, bcx),
                Reply::Forward(progress) => {
                    if let Err(over) = self.on_forward(request, progress, bcx) {
                        return self.session_over(over, bcx);
                    }
                }
                Reply::Invocation(progress) => {
                    if let Err(over) = self.apply(request, progress, bcx) {
                        return self.session_over(over, bcx);
                    }
                }
            }
        }
        Progress::Pending(self)
    }

    fn on_invocation(
        mut self: Box<Self>,
        request: Request,
        progress: Progress<Box<Invocation>, InvocationEnd>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        match self.apply(request, progress, bcx) {
            Ok(()) => self.advance(bcx),
            Err(over) => self.session_over(over, bcx),
        }
    }

    fn session_over(mut self: Box<Self>, over: OverAt, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        self.queue.push_front(over.0);
        let responses = self.end(&reply::sign_in_ended(), bcx);
        Progress::Ready(BatchEnd::SessionOver(responses, over.1))
    }

    fn on_task(
        &mut self,
        request: Request,
        progress: Progress<TaskRequest, Result<Map<String, Value>, Error>>,
        bcx: &mut BatchCx<'_, '_>,
    ) {
        match progress {
            Progress::Pending(task) => self.current = Some((request, Current::Task(task))),
            Progress::Ready(result) => self.respond(request, result, bcx),
        }
    }

    /// Takes what an invocation leaves.
    ///
    /// # Errors
    ///
    /// The request, if the user must sign in again, and what that must satisfy.
    fn apply(
        &mut self,
        request: Request,
        progress: Progress<Box<Invocation>, InvocationEnd>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> Result<(), OverAt> {
        let revision = self.client.revision;
        let end = match progress {
            Progress::Pending(invocation) => {
                self.current = Some((request, Current::Invocation(invocation)));
                return Ok(());
            }
            Progress::Ready(end) => end,
        };
        let result = match end {
            InvocationEnd::SessionOver(challenge) => return Err((request, challenge)),
            InvocationEnd::Rejected(error) => Err(error),
            InvocationEnd::Done(result) => {
                results::finished(result, &request, revision, bcx.caller, bcx.cx)
            }
            InvocationEnd::InputRequired {
                requests,
                responses,
            } => results::input_required(&requests, &responses, &request, bcx.caller, bcx.cx)
                .map(ResultBody::from),
            InvocationEnd::MissingCapability(capability) => {
                Err(v2026_07_28::missing_capability(capability.to_json()))
            }
        };
        self.respond(request, result, bcx);
        Ok(())
    }

    fn respond(
        &mut self,
        request: Request,
        result: Result<impl Into<ResultBody>, Error>,
        bcx: &mut BatchCx<'_, '_>,
    ) {
        let revision = self.client.revision;
        let result = result.map(Into::into);
        audit::called(&request, &result, bcx.caller, bcx.cx);
        self.responses.push(match result {
            Ok(result) if revision.features().stateless => {
                let server_info = Arc::clone(bcx.cx.env.catalog.server_info());
                Response::result_from(request.id, result, server_info)
            }
            Ok(result) => Response::result(request.id, result),
            Err(error) => Response::error(Some(request.id), results::of_revision(error, revision)),
        });
    }
}

fn invocation_cx<'a, 'b>(
    registration: &'a mut InFlightRegistration,
    bcx: &'a mut BatchCx<'_, 'b>,
) -> InvocationCx<'a, 'b> {
    InvocationCx {
        caller: bcx.caller,
        cx: bcx.cx,
        messages: bcx.messages,
        registration,
    }
}

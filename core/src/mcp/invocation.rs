//! An invocation: of a tool, a resource, a prompt or a completion.
//!
//! ```text
//! a step function, or a handler of the runtime --effects--> done at once, or waited for --> goes on
//!                   \--is over--> Done                        \--> InputRequired (2026-07-28)
//! ```
//!
//! Before it waits for the first time, or begins a handler of the runtime, the hub must have room for it.
//!
//! Effects are done one after the other. What they send to the client leaves as [`ServerMessage`]: the
//! output knows how it gets there.

mod effects;
mod events;
mod handler;
mod input;
mod progress;
mod registration;
mod request;
mod server_message;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Map, Value};

use self::{
    effects::EffectStep, handler::RunningHandler, input::AwaitedInput, progress::ProgressReports,
};
pub(crate) use self::{
    handler::HandlerRef,
    registration::{InFlightRegistration, too_many_calls},
    request::{ClientProfile, RequestMeta},
    server_message::ServerMessage,
};
use super::step_up::{self, StepUpEnd};
use crate::{
    admit::caller::Caller,
    ask::{Invoke, InvokeOutput, Target},
    catalog::{
        Call, CallError, ClientCapability, Effect, EffectResult, InputRequest, InputResult, Step,
    },
    claims_challenge::ClaimsChallenge,
    entra::graph::AskGraph,
    json_rpc::Error,
    limits,
    step::{Cx, Progress},
    time::Instant,
};

/// An invocation under way.
#[derive(Debug)]
pub(crate) struct Invocation {
    handler: RunningHandler,
    target: Target,
    call: Call,
    client: ClientProfile,
    meta: RequestMeta,
    state: State,
    /// When it is given up, if its tool says so.
    deadline: Option<Instant>,
    /// Effects of a handler of the runtime that came while another was not done yet.
    queue: VecDeque<Effect>,
    effects: usize,
    progress: ProgressReports,
    is_task: bool,
    /// What it said last of how far it is.
    status_message: Option<String>,
}

/// What an invocation waits for.
#[derive(Debug)]
enum State {
    /// Room for the call in the hub.
    AwaitingAdmission,
    /// The handler's next effect, or its end.
    AwaitingHandler,
    Sleeping(Instant),
    AwaitingGraph(Box<AskGraph>),
    AwaitingToken(Box<effects::Token>),
    AwaitingInput(AwaitedInput),
    /// Room for more messages on the stream; the effect that sent one is done, with this result.
    AwaitingRoom(EffectResult),
}

/// How an invocation ends, unless it is cancelled.
#[derive(Debug)]
pub(crate) enum InvocationEnd {
    Done(Result<InvokeOutput, CallError>),
    /// It is repeated with responses to these requests; these responses were given before (2026-07-28).
    InputRequired {
        requests: BTreeMap<String, InputRequest>,
        responses: BTreeMap<String, InputResult>,
    },
    /// It has to request input that this client cannot give.
    MissingCapability(ClientCapability),
    /// There is no room for it.
    Rejected(Error),
    /// The user must sign in again, and satisfy these claims if there are any.
    SessionOver(Challenge),
}

impl From<StepUpEnd> for InvocationEnd {
    fn from(end: StepUpEnd) -> Self {
        match end {
            StepUpEnd::Challenge(claims) => Self::SessionOver(Some(claims)),
            StepUpEnd::InputRequired(requests, responses) => Self::InputRequired {
                requests,
                responses,
            },
            StepUpEnd::Failed(error) => Self::Done(Err(error)),
        }
    }
}

/// What a new sign-in must satisfy, as Entra writes it.
pub(crate) type Challenge = Option<ClaimsChallenge>;

/// The request at which the user must sign in again, and what that must satisfy.
pub(crate) type OverAt = (crate::json_rpc::Request, Challenge);

/// What a step of an invocation leaves.
pub(crate) type InvocationProgress = Progress<Box<Invocation>, InvocationEnd>;

/// What an invocation has at hand: the exchange, and the messages to send to the client.
pub(crate) struct InvocationCx<'a, 'b> {
    pub(crate) caller: &'a Caller,
    pub(crate) cx: &'a mut Cx<'b>,
    pub(crate) messages: &'a mut Vec<ServerMessage>,
    pub(crate) registration: &'a mut InFlightRegistration,
}

impl Invocation {
    /// Invokes a target.
    pub(crate) fn start(
        handler: HandlerRef,
        target: Target,
        (name, arguments): (String, Map<String, Value>),
        client: ClientProfile,
        mut meta: RequestMeta,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        let context = meta.authentication_context.as_deref();
        if let Some(claims) = step_up::required(context, icx.caller, icx.cx.env.now.unix) {
            let call = client.stopped(meta.answers, &meta.responses);
            let end = step_up::end(claims, call, icx.caller, icx.cx);
            return Progress::Ready(end.into());
        }
        let (revision, capabilities) = (client.revision, client.client_capabilities);
        let mut through = icx.caller.client(revision, capabilities);
        if let Some(info) = meta.client_info.take() {
            through.info = info;
        }
        let call = Call {
            name,
            arguments,
            principal: icx.caller.principal.clone(),
            client: through,
            meta: std::mem::take(&mut meta.extensions),
            request_id: icx.cx.request().clone(),
            answers: std::mem::take(&mut meta.answers),
            results: Vec::new(),
        };
        let now = icx.cx.env.now.instant;
        Box::new(Self {
            deadline: meta.timeout.map(|timeout| now.after(timeout)),
            handler: RunningHandler::of(handler),
            target,
            call,
            client,
            meta,
            state: State::AwaitingHandler,
            queue: VecDeque::new(),
            effects: 0,
            progress: ProgressReports::new(icx.cx.env.server.config.call_limits.progress),
            is_task: false,
            status_message: None,
        })
        .advance(icx)
    }

    /// When it wants to be woken.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Sleeping(until) => Some(*until),
            State::AwaitingInput(input) => input.deadline(),
            State::AwaitingAdmission
            | State::AwaitingHandler
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingRoom(_) => None,
        };
        let wakes = [state, self.progress.wake(), self.deadline];
        wakes.into_iter().flatten().min()
    }

    /// The requests for input that wait for a response.
    pub(crate) fn input_requests(&self) -> Option<&BTreeMap<String, InputRequest>> {
        match &self.state {
            State::AwaitingInput(input) => Some(input.requests()),
            State::AwaitingAdmission
            | State::AwaitingHandler
            | State::Sleeping(_)
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingRoom(_) => None,
        }
    }

    /// Goes on as a task: nothing is sent before its result, and its requests for input wait for the client
    /// to fetch and answer them.
    pub(crate) fn become_task(&mut self) {
        self.client.streams = false;
        self.is_task = true;
    }

    /// What it said last of how far it is.
    pub(crate) fn status_message(&self) -> Option<&str> {
        self.status_message.as_deref()
    }

    /// Ends it without a result.
    pub(crate) fn cancel(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) {
        self.stop(icx);
    }

    /// Stops the handler and takes back what the client was asked.
    fn stop(&mut self, icx: &mut InvocationCx<'_, '_>) {
        if let RunningHandler::Runtime(awaiting) = &self.handler {
            icx.cx.cancel(awaiting);
        }
        self.withdraw_input_requests(icx);
    }

    /// Does effects until one has to wait or the handler is over.
    fn advance(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> InvocationProgress {
        loop {
            let effect = match &self.handler {
                RunningHandler::Step(function) => match function.step(&self.call) {
                    // The function gives the same effect again when there is room.
                    Step::Effect(effect)
                        if self.waits_for(&effect)
                            && !icx.registration.is_registered(icx.caller, icx.cx) =>
                    {
                        self.state = State::AwaitingAdmission;
                        return Progress::Pending(self);
                    }
                    Step::Effect(effect) => effect,
                    Step::Done(result) => return self.done(result, icx),
                },
                RunningHandler::NotBegun if icx.registration.is_registered(icx.caller, icx.cx) => {
                    let call = self.call.hand_over();
                    self.handler = RunningHandler::Runtime(icx.cx.invoke(Invoke {
                        target: self.target.hand_over(),
                        call,
                        within: self.meta.time_limit,
                    }));
                    return Progress::Pending(self);
                }
                RunningHandler::NotBegun => {
                    self.state = State::AwaitingAdmission;
                    return Progress::Pending(self);
                }
                // There is nothing after its end.
                RunningHandler::Over => return Progress::Pending(self),
                RunningHandler::Runtime(_) => match self.queue.pop_front() {
                    Some(effect) => effect,
                    None => return Progress::Pending(self),
                },
            };
            self.effects += usize::from(self.is_counted(&effect));
            if self.effects > limits::CALL_EFFECTS {
                return self.end(too_many_effects(), icx);
            }
            match self.start_effect(effect, icx) {
                Ok(Progress::Ready(result)) if self.waits_for_room(icx) => {
                    self.state = State::AwaitingRoom(result);
                    return Progress::Pending(self);
                }
                Ok(Progress::Ready(result)) => self.effect_done(result, icx),
                Ok(Progress::Pending(state)) => {
                    self.state = state;
                    return Progress::Pending(self);
                }
                Err(end) => return self.end(end, icx),
            }
        }
    }

    /// Whether an effect counts: not, if it costs nobody anything and there is a handler that ends by itself.
    fn is_counted(&self, effect: &Effect) -> bool {
        let is_progress = matches!(effect, Effect::Progress(_));
        !is_progress || matches!(self.handler, RunningHandler::Step(_))
    }

    fn apply(
        mut self: Box<Self>,
        step: EffectStep,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        match step {
            Ok(Progress::Ready(result)) if self.waits_for_room(icx) => {
                self.state = State::AwaitingRoom(result);
                Progress::Pending(self)
            }
            Ok(Progress::Ready(result)) => {
                self.effect_done(result, icx);
                self.advance(icx)
            }
            Ok(Progress::Pending(state)) => {
                self.state = state;
                Progress::Pending(self)
            }
            Err(end) => self.end(end, icx),
        }
    }

    /// Whether a message was sent on a stream that others share.
    fn waits_for_room(&self, icx: &InvocationCx<'_, '_>) -> bool {
        self.client.shares_stream && !icx.messages.is_empty()
    }

    fn effect_done(&mut self, result: EffectResult, icx: &mut InvocationCx<'_, '_>) {
        match &self.handler {
            RunningHandler::Step(_) | RunningHandler::NotBegun => self.call.results.push(result),
            RunningHandler::Runtime(awaiting) => icx.cx.resume(awaiting, result),
            RunningHandler::Over => {}
        }
    }

    /// Ends it though the handler is not over.
    fn end(
        mut self: Box<Self>,
        end: InvocationEnd,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        self.stop(icx);
        Progress::Ready(end)
    }

    /// The handler is over. A result of another kind than the target has is a bug of the runtime's.
    fn done(
        &mut self,
        result: Result<InvokeOutput, CallError>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        icx.messages
            .extend(self.progress.last().map(ServerMessage::Json));
        let fits = matches!(
            (&self.target, &result),
            (_, Err(_))
                | (Target::Tool(_), Ok(InvokeOutput::Tool(_)))
                | (
                    Target::Resource(_) | Target::Template(_) | Target::Listed(_),
                    Ok(InvokeOutput::Contents(_))
                )
                | (Target::ListResources, Ok(InvokeOutput::ResourcePage(_)))
                | (Target::Prompt(_), Ok(InvokeOutput::PromptMessages(_)))
                | (
                    Target::CompletePrompt(..) | Target::CompleteTemplate(..),
                    Ok(InvokeOutput::Values(_))
                )
        );
        let result = match fits {
            true => result,
            false => Err(CallError::Internal("a result of another kind".to_owned())),
        };
        Progress::Ready(InvocationEnd::Done(result))
    }
}

fn took_too_long(timeout: Duration) -> InvocationEnd {
    let message = format!(
        "The call was cancelled, for it took longer than {} s.",
        timeout.as_secs_f64()
    );
    InvocationEnd::Done(Err(CallError::Message(message)))
}

fn too_many_effects() -> InvocationEnd {
    let message = "a call had too many effects".to_owned();
    InvocationEnd::Done(Err(CallError::Internal(message)))
}

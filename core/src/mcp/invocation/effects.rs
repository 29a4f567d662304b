//! How each effect of a call is granted.

use std::time::Duration;

use super::{
    Invocation, InvocationCx, InvocationEnd, ServerMessage, State, handler::RunningHandler,
};
use crate::{
    catalog::{
        CallError, ChangeNotification, Effect, EffectResult, GraphError, LogNotification,
        ProgressNotification,
    },
    claims_challenge::ClaimsChallenge,
    entra::{
        access_token::AccessTokenError,
        caller_token::{self, CallerToken, CallerTokenProgress},
        graph::{AskGraph, GraphAnswer, GraphEnd, GraphProgress},
    },
    event::Answer,
    limits,
    mcp::{server_messages, step_up},
    step::Progress,
};

/// A token that is being got.
pub(super) type Token = CallerToken;

/// What a step of an effect leaves: a state that waits, or its result; or the end of the invocation.
pub(super) type EffectStep = Result<Progress<State, EffectResult>, InvocationEnd>;

const DONE: EffectStep = Ok(Progress::Ready(EffectResult::Done));

fn done(result: EffectResult) -> EffectStep {
    Ok(Progress::Ready(result))
}

fn wait(state: State) -> EffectStep {
    Ok(Progress::Pending(state))
}

impl Invocation {
    /// Whether the invocation has to wait for what this effect results in.
    pub(super) fn waits_for(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Sleep(_) | Effect::Graph(_) | Effect::GraphStream(_) | Effect::Token(_) => true,
            // Without a session it ends the round.
            Effect::RequestInput(_) => self.client.mcp_session.is_some(),
            Effect::Progress(_)
            | Effect::Log(_)
            | Effect::NotifyChanged(_)
            | Effect::CloseStream(_) => false,
        }
    }

    /// Begins to do an effect.
    pub(super) fn start_effect(
        &mut self,
        effect: Effect,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        match effect {
            Effect::Progress(notification) => self.progress(&notification, icx),
            Effect::Log(notification) => self.log(notification, icx),
            Effect::RequestInput(requests) => self.request_input(requests, icx),
            Effect::Sleep(duration) => {
                let duration = duration.min(self.meta.time_limit);
                wait(State::Sleeping(icx.cx.env.now.instant.after(duration)))
            }
            Effect::Graph(request) => {
                let progress = AskGraph::start(*request, None, icx.caller, icx.cx);
                self.graph(progress, icx)
            }
            Effect::GraphStream(_) if matches!(self.handler, RunningHandler::Step(_)) => {
                let error = GraphError::misuse("a step function cannot read a stream");
                done(EffectResult::Graph(Err(error)))
            }
            Effect::GraphStream(request) => {
                let kept_open = Some(self.meta.time_limit);
                let progress = AskGraph::start(*request, kept_open, icx.caller, icx.cx);
                self.graph(progress, icx)
            }
            Effect::Token(permission) => {
                let progress = CallerToken::for_scope(&permission, icx.caller, icx.cx);
                self.token(progress, icx)
            }
            Effect::NotifyChanged(change) => notify_changed(change, icx),
            Effect::CloseStream(after) => {
                // A stream that all calls share is not closed for one of them.
                let is_own = self.client.streams && !self.client.shares_stream;
                if is_own && self.client.revision.features().priming {
                    icx.messages
                        .push(ServerMessage::CloseStream(milliseconds(after)));
                }
                DONE
            }
        }
    }

    /// Progress is reported if it was asked for.
    fn progress(
        &mut self,
        notification: &ProgressNotification,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        if let Some(message) = notification.message_text()
            && self.client.tasks
        {
            let shown = message.chars().take(limits::STATUS_MESSAGE_CHARS);
            self.status_message = Some(shown.collect());
        }
        if let Some(token) = &self.meta.progress_token
            && self.client.streams
            && self.progress.grows(notification.progress())
        {
            let params = notification.to_json(token, self.client.revision);
            let json = server_messages::notification("notifications/progress", params);
            let due = self.progress.report(json, icx.cx.env.now.instant);
            icx.messages.extend(due.map(ServerMessage::Json));
        }
        DONE
    }

    /// Sessions set a level, which is that of the call's beginning; requests of 2026-07-28 say it themselves, or want
    /// nothing.
    fn log(&self, notification: LogNotification, icx: &mut InvocationCx<'_, '_>) -> EffectStep {
        let from = self.meta.level.or(self.client.level);
        if self.client.streams && from.is_some_and(|from| notification.level() >= from) {
            let params = notification.into_json(&self.call.name, self.client.revision);
            let json = server_messages::notification("notifications/message", params);
            icx.messages.push(ServerMessage::Json(json));
        }
        DONE
    }

    /// Takes the answer that an effect waits for.
    pub(super) fn effect_answered(
        &mut self,
        state: State,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        match state {
            State::AwaitingGraph(query) => {
                let progress = query.handle(answer, icx.cx);
                self.graph(progress, icx)
            }
            State::AwaitingToken(access) => {
                let progress = access.handle(answer, icx.cx);
                self.token(progress, icx)
            }
            // These wait for no answer.
            State::AwaitingAdmission
            | State::AwaitingHandler
            | State::Sleeping(_)
            | State::AwaitingInput(_)
            | State::AwaitingRoom(_) => wait(state),
        }
    }

    fn graph(&mut self, progress: GraphProgress, icx: &mut InvocationCx<'_, '_>) -> EffectStep {
        match progress {
            Progress::Pending(request) => wait(State::AwaitingGraph(Box::new(request))),
            Progress::Ready(Err(GraphEnd::SessionEnded)) => Err(InvocationEnd::SessionOver(None)),
            Progress::Ready(Err(GraphEnd::ClaimsRequired(claims))) => {
                Err(self.step_up(claims, icx))
            }
            Progress::Ready(Err(GraphEnd::Failed(error))) => done(EffectResult::Graph(Err(*error))),
            Progress::Ready(Ok(GraphAnswer::Whole(response))) => {
                done(EffectResult::Graph(Ok(response)))
            }
            Progress::Ready(Ok(GraphAnswer::Open(response, ask))) => {
                done(EffectResult::GraphStream(response, ask))
            }
        }
    }

    fn token(
        &mut self,
        progress: CallerTokenProgress,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        let result = match progress {
            Progress::Pending(access) => return wait(State::AwaitingToken(Box::new(access))),
            Progress::Ready(result) => result,
        };
        let error = match result {
            Ok(token) => return done(EffectResult::Token(Ok(token))),
            Err(AccessTokenError::SessionEnded) => return Err(InvocationEnd::SessionOver(None)),
            Err(AccessTokenError::ClaimsRequired(claims)) => return Err(self.step_up(claims, icx)),
            Err(AccessTokenError::Denied(reason)) => reason,
            Err(AccessTokenError::Unavailable(fault)) => caller_token::no_token(fault),
        };
        done(EffectResult::Token(Err(error.into_owned())))
    }

    /// The user must satisfy these claims before the call is repeated. A task's client is told so by its result.
    fn step_up(
        &mut self,
        claims: ClaimsChallenge,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationEnd {
        let answers = std::mem::take(&mut self.call.answers);
        let mut call = self.client.stopped(answers, &self.meta.responses);
        call.was_asked |= self.is_task;
        step_up::end(claims, call, icx.caller, icx.cx).into()
    }

    /// Does what it is time for.
    pub(super) fn effect_tick(
        &mut self,
        state: State,
        icx: &mut InvocationCx<'_, '_>,
    ) -> EffectStep {
        match state {
            State::Sleeping(until) if icx.cx.env.now.instant >= until => DONE,
            State::AwaitingInput(input) => self.input_tick(input, icx),
            State::Sleeping(_)
            | State::AwaitingAdmission
            | State::AwaitingHandler
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingRoom(_) => wait(state),
        }
    }
}

fn notify_changed(change: ChangeNotification, icx: &mut InvocationCx<'_, '_>) -> EffectStep {
    if let ChangeNotification::Resource(uri) = &change
        && uri.len() > limits::RESOURCE_URI_BYTES
    {
        let message = "the URI of a changed resource is too long".to_owned();
        return Err(InvocationEnd::Done(Err(CallError::Internal(message))));
    }
    icx.cx.announce(change);
    DONE
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

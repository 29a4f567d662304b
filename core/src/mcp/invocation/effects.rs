//! How each effect of a call is granted.

use std::time::Duration;

use serde_json::Value;

use super::{Called, Invocation, InvocationCx, ServerMessage, State};
use crate::{
    catalog::{CallError, ChangeNotification, Effect, EffectResult, LogLevel},
    entra::{
        access_token::{AccessStep, AcquireToken},
        graph::{Asked, GraphRequest},
    },
    event::Event,
    hub::{FromHub, FromHubKind, ToHub, ToHubKind},
    limits,
    mcp::server_messages,
};

/// From which level on a session is sent lines of the log until it says otherwise.
const DEFAULT_LEVEL: LogLevel = LogLevel::Info;

/// A token that is being got.
pub(super) type Token = AcquireToken;

/// What came of a effect so far.
pub(super) enum Begun {
    Granted(EffectResult),
    Waits(State),
    Over(Called),
}

impl Invocation {
    /// Begins to grant a effect.
    pub(super) fn begin(&mut self, effect: Effect, doing: &mut InvocationCx<'_, '_>) -> Begun {
        match effect {
            Effect::Progress {
                progress,
                total,
                message,
            } => self.progress(progress, total, message, doing),
            Effect::Log(level, data) => self.log(level, data, doing),
            Effect::RequestInput(questions) => self.ask(questions, doing),
            Effect::Sleep(duration) => {
                self.register_in_flight(doing);
                let duration = duration.min(limits::CALL_TIMEOUT);
                Begun::Waits(State::Sleeping(doing.cx.env.now.instant.after(duration)))
            }
            Effect::Graph(path) => graph(GraphRequest::start(path, doing.caller, doing.cx)),
            Effect::Token(permission) => {
                let caller = doing.caller;
                token(AcquireToken::for_scope(
                    &permission,
                    &caller.session,
                    caller.version,
                    doing.cx,
                ))
            }
            Effect::NotifyChanged(change) => announce(change, doing),
            Effect::CloseStream(after) => {
                if self.peer.streams && self.peer.revision.features().priming {
                    doing
                        .out
                        .push(ServerMessage::CloseStream(milliseconds(after)));
                }
                Begun::Granted(EffectResult::Done)
            }
        }
    }

    /// Progress is told if it was asked for, and if it is progress.
    fn progress(
        &mut self,
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Begun {
        let grows = progress.is_finite() && progress > self.progressed;
        if let (Some(token), true) = (&self.wanted.progress_token, grows && self.peer.streams) {
            self.progressed = progress;
            let total = total.filter(|total| total.is_finite());
            let has_words = self.peer.revision.features().annotations;
            let json = server_messages::progress(token, progress, total, message, has_words);
            doing.out.push(ServerMessage::Json(json));
        }
        Begun::Granted(EffectResult::Done)
    }

    /// Sessions set a level, which the hub knows; requests of 2026-07-28 say it themselves, or want
    /// nothing.
    fn log(&self, level: LogLevel, data: Value, doing: &mut InvocationCx<'_, '_>) -> Begun {
        match (self.peer.mcp_session, self.wanted.level) {
            _ if !self.peer.streams => Begun::Granted(EffectResult::Done),
            (_, Some(from)) => self.tell_log(level, data, from, doing),
            (None, None) => Begun::Granted(EffectResult::Done),
            (Some(mcp_session), None) => {
                doing.cx.to_hub(ToHub(ToHubKind::GetLogLevel {
                    principal: doing.caller.principal_id,
                    mcp_session,
                }));
                Begun::Waits(State::Level(level, data))
            }
        }
    }

    fn tell_log(
        &self,
        level: LogLevel,
        data: Value,
        from: LogLevel,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Begun {
        if level >= from {
            let json = server_messages::log(level, data, &self.call.name);
            doing.out.push(ServerMessage::Json(json));
        }
        Begun::Granted(EffectResult::Done)
    }

    /// What an event means for a effect that waits.
    pub(super) fn waited_for(
        &mut self,
        state: State,
        event: Event,
        doing: &mut InvocationCx<'_, '_>,
    ) -> Begun {
        match (state, event) {
            (State::Sleeping(until), _) if doing.cx.env.now.instant >= until => {
                Begun::Granted(EffectResult::Done)
            }
            (State::Graph(query), event) => graph(query.handle(event, doing.cx)),
            (State::Token(access), event) => token(access.handle(event, doing.cx)),
            (State::Level(level, data), Event::FromHub(FromHub(FromHubKind::LogLevel(set)))) => {
                let from = set.unwrap_or(DEFAULT_LEVEL);
                // It is set for as long as this call lasts.
                self.wanted.level = Some(from);
                self.tell_log(level, data, from, doing)
            }
            (
                State::Asking { open, questions },
                Event::FromHub(FromHub(FromHubKind::ClientResponse(input_request, result))),
            ) => self.answered((open, questions), input_request, result.map(|value| *value)),
            (state, _) => Begun::Waits(state),
        }
    }
}

fn graph(asked: Asked) -> Begun {
    match asked {
        Asked::Waiting(query) => Begun::Waits(State::Graph(Box::new(query))),
        Asked::Answered(body) => Begun::Granted(EffectResult::Graph(Ok(body))),
        Asked::Refused(refused) => {
            Begun::Granted(EffectResult::Graph(Err(refused.message().into_owned())))
        }
        Asked::SessionOver => Begun::Over(Called::SessionOver),
    }
}

fn token(step: AccessStep) -> Begun {
    match step {
        AccessStep::Waiting(access) => Begun::Waits(State::Token(access)),
        AccessStep::Ready(token) => Begun::Granted(EffectResult::Token(Ok(token))),
        AccessStep::SessionOver => Begun::Over(Called::SessionOver),
        AccessStep::Refused(words) => Begun::Granted(EffectResult::Token(Err(words.to_owned()))),
        AccessStep::Fault(_) => {
            let words = "Microsoft Entra ID gave no token at the moment. Please try again later.";
            Begun::Granted(EffectResult::Token(Err(words.to_owned())))
        }
    }
}

fn announce(change: ChangeNotification, doing: &mut InvocationCx<'_, '_>) -> Begun {
    if let ChangeNotification::Resource(uri) = &change
        && uri.len() > limits::RESOURCE_URI_BYTES
    {
        let words = "the URI of a changed resource is too long".to_owned();
        return Begun::Over(Called::Done(Err(CallError::Internal(words))));
    }
    doing.cx.to_hub(ToHub(ToHubKind::NotifyChanged(change)));
    Begun::Granted(EffectResult::Done)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! What an invocation receives while it waits.

use super::{
    Invocation, InvocationCx, InvocationEnd, InvocationProgress, ServerMessage, State,
    handler::HandlerStep, registration::too_many_calls, too_many_effects, took_too_long,
};
use crate::{catalog::Effect, event::Answer, hub::TableFull, limits, step::Progress};

impl Invocation {
    /// Takes an answer: one of the handler, or one that an effect waits for.
    pub(crate) fn handle(
        mut self: Box<Self>,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        match self.handler.answered(answer) {
            HandlerStep::Over(result) => {
                self.withdraw_input_requests(icx);
                self.done(result, icx)
            }
            HandlerStep::Effect(effect) => self.queue_effect(effect, icx),
            HandlerStep::Other(answer) => {
                let state = std::mem::replace(&mut self.state, State::AwaitingHandler);
                let step = self.effect_answered(state, answer, icx);
                self.apply(step, icx)
            }
        }
    }

    /// The handler has an effect: it is done once those before it are.
    fn queue_effect(
        mut self: Box<Self>,
        effect: Effect,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        if self.queue.len() >= limits::QUEUED_EFFECTS {
            return self.end(too_many_effects(), icx);
        }
        self.queue.push_back(effect);
        match self.state {
            State::AwaitingHandler => self.advance(icx),
            State::AwaitingAdmission
            | State::Sleeping(_)
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingInput(_)
            | State::AwaitingRoom(_) => Progress::Pending(self),
        }
    }

    /// Time has passed.
    pub(crate) fn tick(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> InvocationProgress {
        if let Some(json) = self.progress.due(icx.cx.env.now.instant) {
            icx.messages.push(ServerMessage::Json(json));
        }
        if let (Some(timeout), Some(deadline)) = (self.meta.timeout, self.deadline)
            && icx.cx.env.now.instant >= deadline
        {
            return self.end(took_too_long(timeout), icx);
        }
        let state = std::mem::replace(&mut self.state, State::AwaitingHandler);
        let step = self.effect_tick(state, icx);
        self.apply(step, icx)
    }

    /// There is room for more messages on the stream.
    pub(crate) fn has_room(
        mut self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        match std::mem::replace(&mut self.state, State::AwaitingHandler) {
            State::AwaitingRoom(result) => {
                self.effect_done(result, icx);
                self.advance(icx)
            }
            // What was sent came from elsewhere: a report of progress that was due.
            state @ (State::AwaitingAdmission
            | State::AwaitingHandler
            | State::Sleeping(_)
            | State::AwaitingGraph(_)
            | State::AwaitingToken(_)
            | State::AwaitingInput(_)) => {
                self.state = state;
                Progress::Pending(self)
            }
        }
    }

    /// The hub has room for the call, or has not.
    pub(crate) fn admitted(
        mut self: Box<Self>,
        admitted: Result<(), TableFull>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> InvocationProgress {
        match (&self.state, admitted) {
            (State::AwaitingAdmission, Ok(())) => {
                self.state = State::AwaitingHandler;
                self.advance(icx)
            }
            (State::AwaitingAdmission, Err(full)) => self.end(
                InvocationEnd::Rejected(too_many_calls(full, icx.cx.env.server)),
                icx,
            ),
            // An earlier request of the batch asked for the room, and was cancelled.
            (
                State::AwaitingHandler
                | State::Sleeping(_)
                | State::AwaitingGraph(_)
                | State::AwaitingToken(_)
                | State::AwaitingInput(_)
                | State::AwaitingRoom(_),
                _,
            ) => Progress::Pending(self),
        }
    }
}

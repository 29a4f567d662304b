//! What an exchange has asked its runtime, and the answers as they come.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use entra_mcp_core::{ask::AskId, event::Event};

/// What was asked and not yet answered. Dropping an ask stops it.
#[derive(Default)]
pub(crate) struct PendingAsks {
    /// The first that is answered already, as most are: a quick request has no other, and needs no list.
    answered: Option<(AskId, Event)>,
    others: Vec<(AskId, PendingAsk)>,
}

type BoxedAsk = Pin<Box<dyn Future<Output = Event> + Send>>;

/// The answer to an ask.
enum PendingAsk {
    /// It is there.
    Answered(Event),
    /// It is on its way, or held until the hub has nothing to say.
    Pending { answer: BoxedAsk, is_held: bool },
}

impl PendingAsks {
    pub(crate) fn answered(&mut self, id: AskId, event: Event) {
        match self.answered {
            None => self.answered = Some((id, event)),
            Some(_) => self.others.push((id, PendingAsk::Answered(event))),
        }
    }

    pub(crate) fn push(&mut self, id: AskId, ask: impl Future<Output = Event> + Send + 'static) {
        let answer = Box::pin(ask);
        let is_held = false;
        self.others
            .push((id, PendingAsk::Pending { answer, is_held }));
    }

    /// For when the hub has nothing to say.
    pub(crate) fn hold(&mut self, id: AskId, ask: impl Future<Output = Event> + Send + 'static) {
        let answer = Box::pin(ask);
        let is_held = true;
        self.others
            .push((id, PendingAsk::Pending { answer, is_held }));
    }

    /// Lets go of what was held; says whether there was anything.
    pub(crate) fn begin(&mut self) -> bool {
        let mut has_held = false;
        for (_, ask) in &mut self.others {
            if let PendingAsk::Pending { is_held, .. } = ask {
                has_held |= std::mem::take(is_held);
            }
        }
        has_held
    }

    pub(crate) fn cancel(&mut self, id: AskId) {
        self.answered.take_if(|(asked, _)| *asked == id);
        self.others.retain(|(asked, _)| *asked != id);
    }

    /// The first answer that comes; never, if nothing was asked.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some((_, event)) = self.answered.take() {
            return Poll::Ready(event);
        }
        if self.others.is_empty() {
            // Most of what waits without having asked is a stream, and keeps no memory.
            self.others = Vec::new();
            return Poll::Pending;
        }
        for (_, ask) in &mut self.others {
            if let PendingAsk::Pending { answer, is_held } = ask
                && !*is_held
                && let Poll::Ready(event) = answer.as_mut().poll(cx)
            {
                *ask = PendingAsk::Answered(event);
            }
            if matches!(ask, PendingAsk::Answered(_)) {
                break;
            }
        }
        let is_answered =
            |(_, ask): &mut (AskId, PendingAsk)| matches!(ask, PendingAsk::Answered(_));
        match self.others.extract_if(.., is_answered).next() {
            Some((_, PendingAsk::Answered(event))) => Poll::Ready(event),
            Some((_, PendingAsk::Pending { .. })) | None => Poll::Pending,
        }
    }
}

//! Tickets: who asks, who may answer, and who waits for the answer.

use std::{marker::PhantomData, sync::Arc};

/// Which ask of an exchange: counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub(crate) u64);

/// An ask of the outside and the type of its answer.
pub trait Ask: Sized {
    /// What the runtime answers.
    type Answer;
    /// What carries the answer back.
    type Event;
    /// Makes an answer what carries it back.
    fn answered(answered: Answered<Self>) -> Self::Event;
}

/// The right to answer one ask, once.
#[must_use = "an ask that is never answered leaves its exchange waiting for its deadline"]
#[derive(Debug)]
pub struct Ticket<A: Ask> {
    id: AskId,
    ask: PhantomData<fn() -> A>,
}

impl<A: Ask> Ticket<A> {
    pub(crate) fn new(id: AskId) -> Self {
        Self {
            id,
            ask: PhantomData,
        }
    }

    /// Which ask this answers; [`crate::action::Action::Cancel`] names it.
    #[must_use]
    pub fn id(&self) -> AskId {
        self.id
    }

    /// The event to hand to the exchange that asked.
    #[must_use]
    pub fn answer(self, answer: A::Answer) -> A::Event {
        A::answered(Answered {
            id: self.id,
            answer,
        })
    }
}

/// An answer, on its way back to the exchange that asked.
pub struct Answered<A: Ask> {
    pub(crate) id: AskId,
    pub(crate) answer: A::Answer,
}

impl<A: Ask> std::fmt::Debug for Answered<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Answers hold Entra's tokens and sealed records: only their number is printed.
        write!(f, "Answered({})", self.id.0)
    }
}

/// What a state holds while it waits for an answer. Once it is dropped, the answer reaches no state:
/// the outbox knows which are still held.
#[derive(Debug)]
pub(crate) struct Awaiting<A: Ask> {
    id: AskId,
    /// Nothing but its count matters.
    _held: Arc<()>,
    ask: PhantomData<fn() -> A>,
}

impl<A: Ask> Awaiting<A> {
    /// Who keeps another `held` can tell by its count whether the answer is still waited for.
    pub(crate) fn new(id: AskId, held: Arc<()>) -> Self {
        Self {
            id,
            _held: held,
            ask: PhantomData,
        }
    }

    /// Which ask is waited for.
    pub(crate) fn id(&self) -> AskId {
        self.id
    }

    /// The answer. That of an ask which nobody waits for reaches no state, and of those that wait for several
    /// asks each looks which one was answered: so it is this one.
    pub(crate) fn into_answer(self, answer: impl IsAnswer<A>) -> A::Answer {
        let answered = answer.into_answered();
        let answered = answered.filter(|answered| answered.id == self.id);
        let answered = answered.expect("an answer goes to the state that waits for it");
        answered.answer
    }
}

/// What may be the answer to an ask of this kind.
pub(crate) trait IsAnswer<A: Ask> {
    /// The answer; `None` if it is that to an ask of another kind.
    fn into_answered(self) -> Option<Answered<A>>;
}

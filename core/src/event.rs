//! Events: everything that an exchange can receive.

mod answers;

use crate::{
    ask::{
        Answered, AskId, Child, ClientAssertion, EffectRequest, Fetch, FromChild, Invoke, Pull,
        Pulled, Sign, Store,
    },
    hub::{FromHub, FromHubKind, HubAnswer, HubAsk, ToCall, ToProcess, ToTask},
    pause::Pause,
    ticket::IsAnswer,
};

/// Something happened. Hand it to [`crate::exchange::Exchange::handle`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The time that [`crate::exchange::Output::Wait`] named has come. Harmless if early.
    Tick,
    /// The peer went away, or the server is shutting down.
    Disconnected,
    /// A fetch ended. Boxed, as the largest of these: every event is moved several times.
    Fetched(Box<Answered<Fetch>>),
    /// A client assertion was made, or cannot be.
    Asserted(Answered<ClientAssertion>),
    /// A key or a signature was made, or cannot be.
    Signed(Answered<Sign>),
    /// The store answered.
    Stored(Answered<Store>),
    /// An invoked function is over.
    Invoked(Answered<Invoke>),
    /// An invoked function has an effect.
    Effect(EffectRequest),
    /// A part of the answer of a backend came.
    Pulled(Pulled),
    /// The answer of a backend is at its end.
    PullEnded(Answered<Pull>),
    /// A process did something.
    Child(FromChild),
    /// A process has ended, or was not started.
    ChildEnded(Answered<Child>),
    /// The hub has something for this exchange.
    FromHub(FromHub),
}

/// How an ask went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskOutcome {
    /// A response came, with this status.
    Status(http::StatusCode),
    /// It was done.
    Done,
    /// It was not, for this reason.
    Failed(&'static str),
}

impl Event {
    /// Returns which ask an answer belongs to and how it went, for those who count; `None` of what is no answer of
    /// the network or the store.
    #[must_use]
    pub fn outcome(&self) -> Option<(AskId, AskOutcome)> {
        Some(match self {
            Self::Fetched(answered) => {
                let outcome = match &answered.answer {
                    Ok(response) => AskOutcome::Status(response.status()),
                    Err(fault) => AskOutcome::Failed(fault.as_str()),
                };
                (answered.id, outcome)
            }
            Self::Stored(answered) => {
                let outcome = match &answered.answer {
                    Ok(_) => AskOutcome::Done,
                    Err(fault) => AskOutcome::Failed(fault.as_str()),
                };
                (answered.id, outcome)
            }
            _ => return None,
        })
    }

    /// What the event is to the state that receives it.
    pub(crate) fn into_input(self) -> Input {
        match self {
            Self::Tick => Input::Tick,
            Self::Disconnected => Input::Disconnected,
            Self::Fetched(answered) => Input::Answer(Answer::Fetched(answered)),
            Self::Asserted(answered) => Input::Answer(Answer::Asserted(answered)),
            Self::Signed(answered) => Input::Answer(Answer::Signed(answered)),
            Self::Stored(answered) => Input::Answer(Answer::Stored(answered)),
            Self::Invoked(answered) => Input::Answer(Answer::Invoked(answered)),
            Self::Effect(request) => Input::Answer(Answer::Effect(request)),
            Self::Pulled(part) => Input::Answer(Answer::Pulled(part)),
            Self::PullEnded(answered) => Input::Answer(Answer::PullEnded(answered)),
            Self::Child(message) => Input::Answer(Answer::Child(message)),
            Self::ChildEnded(answered) => Input::Answer(Answer::ChildEnded(answered)),
            Self::FromHub(FromHub(message)) => match message {
                FromHubKind::Answer(answer) => Input::Answer(Answer::Hub(answer)),
                FromHubKind::Call(message) => Input::Call(message),
                FromHubKind::Task(message) => Input::Task(message),
                FromHubKind::Process(message) => Input::Process(message),
                FromHubKind::ReplayTakenOver => Input::ReplayTakenOver,
            },
        }
    }
}

/// An event, sorted by who receives it.
#[derive(Debug)]
pub(crate) enum Input {
    Tick,
    Disconnected,
    /// It is for the state that waits for it. There is one: what nobody waits for is dropped before.
    Answer(Answer),
    /// It is for whoever answers a call.
    Call(ToCall),
    /// It is for whoever runs a task.
    Task(ToTask),
    /// It is for whoever runs a process that is a server.
    Process(ToProcess),
    /// It is for whoever sends a response whose events are kept: the client has resumed it on another stream.
    ReplayTakenOver,
}

/// An answer to an ask, of the runtime or of the hub, or what comes before it: an effect of an invoked function, a part of
/// a backend's answer, a line of a process.
#[derive(Debug)]
pub(crate) enum Answer {
    Fetched(Box<Answered<Fetch>>),
    Asserted(Answered<ClientAssertion>),
    Signed(Answered<Sign>),
    Stored(Answered<Store>),
    Invoked(Answered<Invoke>),
    Effect(EffectRequest),
    Pulled(Pulled),
    PullEnded(Answered<Pull>),
    Child(FromChild),
    ChildEnded(Answered<Child>),
    Hub(HubAnswer),
    /// A pause is over.
    Paused(Answered<Pause>),
}

impl Answer {
    /// Which ask it belongs to.
    pub(crate) fn ask(&self) -> AskId {
        match self {
            Self::Fetched(answered) => answered.id,
            Self::Asserted(answered) => answered.id,
            Self::Signed(answered) => answered.id,
            Self::Stored(answered) => answered.id,
            Self::Invoked(answered) => answered.id,
            Self::Effect(request) => request.id,
            Self::Pulled(part) => part.id,
            Self::PullEnded(answered) => answered.id,
            Self::Child(message) => message.id,
            Self::ChildEnded(answered) => answered.id,
            Self::Hub(answer) => answer.ask(),
            Self::Paused(answered) => answered.id,
        }
    }
}

/// Answers to asks of one kind are of one variant.
macro_rules! is_answer {
    ($($ask:ident => $variant:ident),* $(,)?) => {$(
        impl IsAnswer<$ask> for Answer {
            fn into_answered(self) -> Option<Answered<$ask>> {
                match self {
                    Self::$variant(answered) => Some(answered),
                    _ => None,
                }
            }
        }
    )*};
}

impl IsAnswer<Fetch> for Answer {
    fn into_answered(self) -> Option<Answered<Fetch>> {
        match self {
            Self::Fetched(answered) => Some(*answered),
            _ => None,
        }
    }
}

is_answer! {
    ClientAssertion => Asserted,
    Sign => Signed,
    Store => Stored,
    Invoke => Invoked,
    Pull => PullEnded,
    Child => ChildEnded,
    Pause => Paused,
}

impl<A: HubAsk> IsAnswer<A> for Answer {
    fn into_answered(self) -> Option<Answered<A>> {
        match self {
            Self::Hub(answer) => A::of(answer),
            _ => None,
        }
    }
}

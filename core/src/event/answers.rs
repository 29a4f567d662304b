//! How what the outside says about an ask becomes an event: the answer, and what comes before it.

use bytes::Bytes;
use http::Response;

use super::Event;
use crate::{
    ask::{
        AssertionFault, Child, ChildExit, ChildFault, ChildMessage, ClientAssertion, EffectRequest,
        Fetch, FetchFault, FromChild, Invoke, InvokeOutput, PIECE_BYTES, Pull, PullFault, Pulled,
        PulledPart, Sign, SignFault, Signed, Store, StoreFault, Stored,
    },
    catalog::{CallError, Effect},
    secret::Secret,
    ticket::{Answered, Ask, Ticket},
};

impl Ask for Fetch {
    type Answer = Result<Response<Bytes>, FetchFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Fetched(Box::new(answered))
    }
}

impl Ask for ClientAssertion {
    type Answer = Result<Secret<String>, AssertionFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Asserted(answered)
    }
}

impl Ask for Sign {
    type Answer = Result<Signed, SignFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Signed(answered)
    }
}

impl Ask for Store {
    type Answer = Result<Option<Stored>, StoreFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Stored(answered)
    }
}

impl Ask for Invoke {
    type Answer = Result<InvokeOutput, CallError>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::Invoked(answered)
    }
}

impl Ticket<Invoke> {
    /// Returns the event that says that the function has this effect.
    #[must_use]
    pub fn effect(&self, effect: Effect) -> Event {
        Event::Effect(EffectRequest {
            id: self.id(),
            effect,
        })
    }
}

impl Ask for Pull {
    type Answer = Result<(), PullFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::PullEnded(answered)
    }
}

impl Ticket<Pull> {
    /// Returns the event that says that the head of the answer came: once, before all pieces.
    #[must_use]
    pub fn head(&self, head: Response<()>) -> Event {
        let id = self.id();
        let part = PulledPart::Head(Box::new(head));
        Event::Pulled(Pulled { id, part })
    }

    /// Returns the event that says that a piece of the body came; it is not empty.
    #[must_use]
    pub fn piece(&self, piece: Bytes) -> Event {
        debug_assert!((1..=PIECE_BYTES).contains(&piece.len()), "a piece");
        let id = self.id();
        let part = PulledPart::Piece(piece);
        Event::Pulled(Pulled { id, part })
    }
}

impl Ask for Child {
    type Answer = Result<ChildExit, ChildFault>;
    type Event = Event;

    fn answered(answered: Answered<Self>) -> Event {
        Event::ChildEnded(answered)
    }
}

impl Ticket<Child> {
    fn said(&self, message: ChildMessage) -> Event {
        let id = self.id();
        Event::Child(FromChild { id, message })
    }

    /// Returns the event that says that the process runs, under this number.
    #[must_use]
    pub fn started(&self, pid: u32) -> Event {
        self.said(ChildMessage::Started(pid))
    }

    /// Returns the event that says that it wrote this line, which is without its line end (LF or CRLF).
    #[must_use]
    pub fn line(&self, line: Bytes) -> Event {
        self.said(ChildMessage::Line(line))
    }

    /// Returns the event that says that it wrote a line that is over the limit, and was skipped.
    #[must_use]
    pub fn too_long(&self) -> Event {
        self.said(ChildMessage::TooLong)
    }

    /// Returns the event that says what it wrote to its error stream: whole lines, of at most [`COMPLAINT_BYTES`](crate::ask::COMPLAINT_BYTES) together, or
    /// a part of a longer line.
    #[must_use]
    pub fn complaint(&self, text: Bytes) -> Event {
        self.said(ChildMessage::Complaint(text))
    }

    /// Returns the event that says that the oldest of what it was fed was written.
    #[must_use]
    pub fn fed(&self) -> Event {
        self.said(ChildMessage::Fed)
    }

    /// Returns the event that says that it reads its input no more: what it was fed and is fed is lost.
    #[must_use]
    pub fn input_closed(&self) -> Event {
        self.said(ChildMessage::InputClosed)
    }

    /// Returns the event that says that it will write no more lines, though it may still run.
    #[must_use]
    pub fn output_closed(&self) -> Event {
        self.said(ChildMessage::OutputClosed)
    }
}

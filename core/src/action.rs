//! Actions: everything that an exchange can want of the outside.

use bytes::Bytes;

use crate::{
    ask::{AskId, Child, ChildEnd, ClientAssertion, Fetch, Invoke, Pull, Sign, Store, Ticket},
    catalog::EffectResult,
    hub::ToHub,
    log_event::LogEvent,
    opened_session::OpenedSession,
};

/// Something to do. Do actions in the order in which they are polled.
#[non_exhaustive]
#[must_use]
pub enum Action {
    /// Send this whole response. An exchange may go on working after it.
    Respond(http::Response<Bytes>),
    /// Send this head and keep the body open.
    Open(http::Response<()>),
    /// Send this piece of the open body, and flush: one `Write` is one flush.
    Write(Bytes),
    /// End the open body.
    Close,
    /// Make an outbound request; answer the ticket.
    Fetch(Ticket<Fetch>, Box<Fetch>),
    /// Make a client assertion with the key or file that the runtime has; answer the ticket.
    Assert(Ticket<ClientAssertion>, ClientAssertion),
    /// Make a key or a signature; answer the ticket.
    Sign(Ticket<Sign>, Sign),
    /// Ask the store; answer the ticket.
    Store(Ticket<Store>, Store),
    /// Invoke a function of the runtime's own; hand in its effects, and answer the ticket when it is over.
    Invoke(Ticket<Invoke>, Box<Invoke>),
    /// Hand the result of its oldest open effect to that function.
    Resume(AskId, EffectResult),
    /// Send a request to a backend; hand in what comes of its answer, and answer the ticket at its end.
    Pull(Ticket<Pull>, Box<Pull>),
    /// Run a process; hand in what it does, and answer the ticket when it has ended.
    Spawn(Ticket<Child>, Box<Child>),
    /// Let one more piece of this answer come, or one more line of this process.
    More(AskId),
    /// Write this to the input of this process.
    Feed(AskId, Bytes),
    /// End this process.
    End(AskId, ChildEnd),
    /// The answer to this ask matters no more; it may be stopped. A connection to a backend is closed at once, and a
    /// process is killed.
    Cancel(AskId),
    /// Hand this to the hub, together with this exchange's id.
    ToHub(ToHub),
    /// Hand this to the other replicas that share the store, if there are any; each opens it with
    /// [`crate::replicas::open_message`]. It may be lost.
    Publish(Bytes),
    /// Keep this for later requests: [`crate::opened_session::OpenedSessions::insert`].
    Remember(OpenedSession),
    /// Write this to the log.
    Log(LogEvent),
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies, cookies and locations carry codes and tokens: only their kind and size is printed.
        match self {
            Self::Respond(response) => write!(
                f,
                "Respond({}, {} bytes)",
                response.status().as_u16(),
                response.body().len()
            ),
            Self::Open(head) => write!(f, "Open({})", head.status().as_u16()),
            Self::Write(bytes) => write!(f, "Write({} bytes)", bytes.len()),
            Self::Close => f.write_str("Close"),
            Self::Fetch(_, fetch) => write!(f, "{fetch:?}"),
            Self::Assert(_, assertion) => write!(f, "Assert({assertion:?})"),
            Self::Sign(_, Sign::NewKey) => f.write_str("Sign(a new key)"),
            Self::Sign(_, Sign::With { input, .. }) => write!(f, "Sign({} bytes)", input.len()),
            Self::Store(_, store) => write!(f, "Store({store:?})"),
            Self::Invoke(_, invoke) => write!(f, "Invoke({:?})", invoke.target),
            Self::Resume(id, _) => write!(f, "Resume({})", id.0),
            Self::Pull(_, pull) => write!(f, "{pull:?}"),
            Self::Spawn(_, child) => write!(f, "Spawn({child:?})"),
            Self::More(id) => write!(f, "More({})", id.0),
            Self::Feed(id, bytes) => write!(f, "Feed({}, {} bytes)", id.0, bytes.len()),
            Self::End(id, end) => write!(f, "End({}, {end:?})", id.0),
            Self::Cancel(id) => write!(f, "Cancel({})", id.0),
            Self::ToHub(_) => f.write_str("ToHub"),
            Self::Publish(bytes) => write!(f, "Publish({} bytes)", bytes.len()),
            Self::Remember(opened) => write!(f, "Remember({opened:?})"),
            Self::Log(line) => write!(f, "Log({line})"),
        }
    }
}

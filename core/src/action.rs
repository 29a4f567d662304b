//! Actions: everything that an exchange can want of the outside.

use bytes::Bytes;

use crate::{
    ask::{AskId, Fetch, Perform, Store, Ticket},
    audit::Audit,
    catalog::Granted,
    hub::ToHub,
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
    Fetch(Ticket<Fetch>, Fetch),
    /// Ask the store; answer the ticket.
    Store(Ticket<Store>, Store),
    /// Perform a call of the runtime's own; hand in its wishes, and answer the ticket when it is over.
    Call(Ticket<Perform>, Box<Perform>),
    /// Tell that call that its oldest open wish was granted.
    Grant(AskId, Granted),
    /// The answer to this ask matters no more; it may be stopped.
    Cancel(AskId),
    /// Hand this to the hub, together with this exchange's id.
    Tell(ToHub),
    /// Write this to the log.
    Audit(Audit),
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies, cookies and locations carry codes and tokens: only their kind and size is told.
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
            Self::Store(_, store) => write!(f, "Store({store:?})"),
            Self::Call(_, perform) => write!(f, "Call({:?})", perform.target),
            Self::Grant(id, _) => write!(f, "Grant({})", id.0),
            Self::Cancel(id) => write!(f, "Cancel({})", id.0),
            Self::Tell(_) => f.write_str("Tell"),
            Self::Audit(audit) => write!(f, "Audit({})", audit.event),
        }
    }
}

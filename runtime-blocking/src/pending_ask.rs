//! What an exchange wants to know, until it is its turn.

use entra_mcp_core::{
    ask::{AskId, ClientAssertion, Fetch, Sign, Store, Ticket},
    event::Event,
};
use entra_mcp_runtime::sign;

use crate::{Runtime, outbound::OpenBodies};

/// Something that the exchange wants to know.
pub(crate) enum PendingAsk {
    Fetch(Ticket<Fetch>, Box<Fetch>),
    Assert(Ticket<ClientAssertion>, ClientAssertion),
    Sign(Ticket<Sign>, Sign),
    Store(Ticket<Store>, Store),
}

impl PendingAsk {
    pub(crate) fn id(&self) -> AskId {
        match self {
            Self::Fetch(ticket, _) => ticket.id(),
            Self::Assert(ticket, _) => ticket.id(),
            Self::Sign(ticket, _) => ticket.id(),
            Self::Store(ticket, _) => ticket.id(),
        }
    }

    /// Whether it goes to others.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self, Self::Fetch(..))
    }

    /// Does it. A body that is kept open is kept there.
    pub(crate) fn answer(self, runtime: &Runtime, open: &mut OpenBodies) -> Event {
        match self {
            Self::Fetch(ticket, fetch) => match fetch.kept_open {
                None => ticket.answer(runtime.fetch(*fetch)),
                Some(kept_open) => {
                    let id = ticket.id();
                    let answer = runtime.fetch_open(*fetch, kept_open);
                    ticket.answer(answer.map(|(response, body)| {
                        if let Some(body) = body {
                            open.keep(id, body);
                        }
                        response
                    }))
                }
            },
            Self::Assert(ticket, assertion) => {
                let now = runtime.shared.clock.unix();
                ticket.answer(runtime.shared.client_assertions.answer(&assertion, now))
            }
            Self::Sign(ticket, wanted) => ticket.answer(sign(&wanted)),
            Self::Store(ticket, ask) => {
                let now = runtime.shared.clock.unix();
                ticket.answer(runtime.shared.store.answer(ask, now))
            }
        }
    }
}

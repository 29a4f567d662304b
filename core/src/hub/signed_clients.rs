//! Clients that prove by their signature who they are: their keys, and which of their assertions were used.

use std::collections::VecDeque;

use super::{
    HubOutput, ToSignedClients, asks::Waiter, client_assertions::ClientAssertions,
    client_documents::ClientFiles,
};
use crate::{client_keys::ClientKeys, id::ExchangeId, time::Now};

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct SignedClients {
    keys: ClientFiles<ClientKeys>,
    assertions: ClientAssertions,
}

impl SignedClients {
    /// Takes a message of an exchange.
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: ToSignedClients,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            ToSignedClients::NeedKeys(ticket, url, browser) => {
                let waiter = Waiter::new(from, ticket);
                self.keys.need(waiter, url, browser, now.instant, out);
            }
            ToSignedClients::KeysFetched(url, result) => {
                self.keys.fetched(url, result, now.instant, out);
            }
            ToSignedClients::UseAssertion {
                ticket,
                assertion,
                until,
            } => {
                let answer = self.assertions.take(assertion, until, now.unix);
                out.push_back(Waiter::new(from, ticket).answer(answer));
            }
        }
    }

    /// How many keys are being fetched, and how many are kept in all.
    pub(super) fn load(&self) -> (usize, usize) {
        self.keys.load()
    }

    /// How many assertions were used.
    pub(super) fn assertions(&self) -> usize {
        self.assertions.len()
    }

    /// How many exchanges wait.
    pub(super) fn waiting(&self) -> usize {
        self.keys.waiting()
    }

    /// The exchange waits no more.
    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.keys.forget(id);
    }
}

//! Calls that wait for what only their clients can answer, and what becomes of them once they are answered (a gateway only).
//!
//! ```text
//! Parked, by a name --its client brings the answers--> Resumed: what it says goes to who brought them --it asks again--> Parked
//!    \--it took too long, its backend has ended--> none              \--it is answered--> none
//! ```
//!
//! A client of 2026-07-28 is answered with questions, and asks anew with the answers; a backend with sessions waits for them within one
//! call. So the exchange that made the call lives on without its client, and another one takes its place towards the client. A name is
//! good for one of them, and only of the same user with the same client (threat R22).

use std::collections::{BTreeMap, VecDeque};

use super::{
    FromHub, FromHubKind, HubOutput, TableFull, ToCall,
    asks::{ParkCall, ReadParked, SayParked, Waiter},
};
use crate::{
    gateway::{ParkedAnswers, ParkedEnd, ParkedName, ParkedOutput},
    id::{ExchangeId, PrincipalId},
    limits,
    ticket::Ticket,
};

/// A message about a call that waits.
#[derive(Debug)]
pub(crate) enum ParkedMessage {
    /// The sender is one, for this owner.
    Park(Ticket<ParkCall>, ParkedName, PrincipalId),
    /// The sender brings the answers for that one, and waits for what it says.
    Resume(Ticket<ReadParked>, ParkedName, PrincipalId, ParkedAnswers),
    /// The sender has brought them, and waits for what else it says.
    Read(Ticket<ReadParked>),
    /// The sender is a call that has been answered, and says this; the last of it, perhaps. It is answered once that was taken.
    Say(Ticket<SayParked>, Vec<String>, Option<ParkedEnd>),
}

#[derive(Debug)]
struct Parked {
    principal: PrincipalId,
    name: Option<ParkedName>,
    /// Who has brought the answers.
    reader: Option<ExchangeId>,
    waiter: Option<Waiter<ReadParked>>,
    said: Vec<String>,
    end: Option<ParkedEnd>,
    writer: Option<Waiter<SayParked>>,
}

impl Parked {
    /// Hands on what was said, if somebody waits for it. Whether that was the end.
    fn hand_on(&mut self, out: &mut VecDeque<HubOutput>) -> Option<ParkedEnd> {
        if self.said.is_empty() && self.end.is_none() {
            return None;
        }
        let waiter = self.waiter.take()?;
        let said = std::mem::take(&mut self.said);
        let end = self.end.take();
        out.push_back(waiter.answer(match &end {
            Some(end) => ParkedOutput::Ended(said, end.clone()),
            None => ParkedOutput::Said(said),
        }));
        out.extend(self.writer.take().map(|writer| writer.answer(())));
        end
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct ParkedCalls {
    calls: BTreeMap<ExchangeId, Parked>,
    names: BTreeMap<ParkedName, ExchangeId>,
    readers: BTreeMap<ExchangeId, ExchangeId>,
}

impl ParkedCalls {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: ParkedMessage,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            ParkedMessage::Park(ticket, name, principal) => {
                let parked = self.park(from, name, principal);
                out.push_back(Waiter::new(from, ticket).answer(parked));
            }
            ParkedMessage::Resume(ticket, name, principal, answers) => {
                let waiter = Waiter::new(from, ticket);
                self.resume(waiter, name, principal, answers, out);
            }
            ParkedMessage::Read(ticket) => {
                let waiter = Waiter::new(from, ticket);
                let call = self.readers.get(&from).copied();
                let Some(call) = call.filter(|call| self.calls.contains_key(call)) else {
                    return out.push_back(waiter.answer(ParkedOutput::Gone));
                };
                if let Some(parked) = self.calls.get_mut(&call) {
                    parked.waiter = Some(waiter);
                }
                self.hand_on(call, out);
            }
            ParkedMessage::Say(ticket, said, end) => {
                let writer = Waiter::new(from, ticket);
                let Some(parked) = self.calls.get_mut(&from) else {
                    return out.push_back(writer.answer(()));
                };
                parked.said.extend(said);
                parked.end = end;
                parked.writer = Some(writer);
                self.hand_on(from, out);
            }
        }
    }

    fn park(
        &mut self,
        from: ExchangeId,
        name: ParkedName,
        principal: PrincipalId,
    ) -> Result<(), TableFull> {
        if let Some(parked) = self.calls.get_mut(&from) {
            parked.name = Some(name);
            self.names.insert(name, from);
            return Ok(());
        }
        let of_principal = self.calls.values();
        let of_principal = of_principal.filter(|call| call.principal == principal);
        if of_principal.count() >= limits::PARKED_CALLS_OF_PRINCIPAL {
            return Err(TableFull::OfPrincipal);
        }
        if self.calls.len() >= limits::PARKED_CALLS {
            return Err(TableFull::OfServer);
        }
        let parked = Parked {
            principal,
            name: Some(name),
            reader: None,
            waiter: None,
            said: Vec::new(),
            end: None,
            writer: None,
        };
        self.calls.insert(from, parked);
        self.names.insert(name, from);
        Ok(())
    }

    fn resume(
        &mut self,
        waiter: Waiter<ReadParked>,
        name: ParkedName,
        principal: PrincipalId,
        answers: ParkedAnswers,
        out: &mut VecDeque<HubOutput>,
    ) {
        let call = self.names.get(&name).copied();
        let found = call.and_then(|call| Some((call, self.calls.get_mut(&call)?)));
        let Some((call, parked)) = found.filter(|(_, parked)| parked.principal == principal) else {
            return out.push_back(waiter.answer(ParkedOutput::Gone));
        };
        parked.name = None;
        self.names.remove(&name);
        parked.reader = Some(waiter.exchange);
        self.readers.insert(waiter.exchange, call);
        parked.waiter = Some(waiter);
        let resumed = FromHub(FromHubKind::Call(ToCall::Resumed(answers)));
        out.push_back(HubOutput::Deliver(call, resumed));
    }

    fn hand_on(&mut self, call: ExchangeId, out: &mut VecDeque<HubOutput>) {
        let Some(parked) = self.calls.get_mut(&call) else {
            return;
        };
        let Some(end) = parked.hand_on(out) else {
            return;
        };
        if let Some(reader) = parked.reader.take() {
            self.readers.remove(&reader);
        }
        if !end.is_parked {
            self.calls.remove(&call);
        }
    }

    /// An exchange has ended, however it did.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        if let Some(call) = self.readers.remove(&id)
            && let Some(parked) = self.calls.get_mut(&call)
        {
            // Nobody waits for the response any more, as if the call had been made by who has left.
            parked.reader = None;
            parked.waiter = None;
            match parked.end {
                Some(_) => drop(self.calls.remove(&call)),
                None => {
                    let left = FromHub(FromHubKind::Call(ToCall::ClientLeft));
                    out.push_back(HubOutput::Deliver(call, left));
                }
            }
        }
        let Some(parked) = self.calls.get_mut(&id) else {
            return;
        };
        if let Some(name) = parked.name.take() {
            self.names.remove(&name);
        }
        // The end is for who has brought the answers, and comes once they ask for more.
        if parked.end.as_ref().is_some_and(|end| !end.is_parked) && parked.reader.is_some() {
            return;
        }
        if let Some(parked) = self.calls.remove(&id) {
            if let Some(reader) = parked.reader {
                self.readers.remove(&reader);
            }
            let gone = |waiter: Waiter<ReadParked>| waiter.answer(ParkedOutput::Gone);
            out.extend(parked.waiter.map(gone));
        }
    }
}

#[cfg(test)]
mod tests;

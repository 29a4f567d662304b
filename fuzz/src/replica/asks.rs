//! What an exchange asks of the outside, and how it is answered or not: Entra and Graph, the store,
//! the hub.

use std::time::Duration;

use bytes::Bytes;
use entra_mcp_core::{
    ask::{
        AssertionFault, ClientAssertion, Fetch, FetchFault, Guard, Sign, Store, StoreFault, Ticket,
    },
    exchange::ExchangeId,
    hub::{HubOutput, ToHub},
    time::Now,
};
use http::Response;

use crate::{
    clock::SimInstant,
    ids::{ENTRA_ORIGIN, ExchangeRef, Process},
    net::origin,
    observation::Observation,
    options::Fault,
    world::{SimEvent, State},
};

impl State {
    pub(super) fn fetch(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Fetch>,
        fetch: Fetch,
    ) {
        let who = ExchangeRef::new(process, id);
        self.see(&Observation::FetchSent {
            who,
            request: fetch.request(),
        });
        if self.injects(Fault::FetchLost) {
            let at = self.moment.after(fetch.within);
            let event = ticket.answer(Err(FetchFault::TimedOut));
            self.schedule(at, SimEvent::Deliver(process, id, event));
            return;
        }
        let at = self.moment.after(self.latency());
        self.schedule(
            at,
            SimEvent::FetchArrives(process, id, ticket, Box::new(fetch)),
        );
    }

    /// An outbound request reaches Entra or Graph.
    pub(crate) fn upstream(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Fetch>,
        fetch: Fetch,
    ) {
        if self.is_dropped(process, id) {
            return;
        }
        let mut at = self.moment.after(self.latency());
        let who = ExchangeRef::new(process, id);
        let answer = match self.host_answers(who, &fetch) {
            Err(fault) => Err(fault),
            Ok((after, response)) => {
                at = at.after(after);
                let late = after >= fetch.within;
                let lost = Observation::UpstreamReplyLost { who };
                if self.injects(Fault::FetchResponseLost) {
                    self.see(&lost);
                    Err(FetchFault::Unreachable)
                } else if late || self.injects(Fault::FetchLate) {
                    self.see(&lost);
                    at = self.moment.after(fetch.within);
                    Err(FetchFault::TimedOut)
                } else if fetch.kept_open.is_some() && response.status().is_success() {
                    // Whoever reads it is outside of the exchange.
                    Ok(response.map(|_| Bytes::new()))
                } else if response.body().len() > fetch.body_limit {
                    Err(FetchFault::TooLarge)
                } else {
                    Ok(response)
                }
            }
        };
        let event = ticket.answer(answer);
        self.schedule(at, SimEvent::Deliver(process, id, event));
    }

    /// What the host of a request answers, and how long it takes over it.
    fn host_answers(
        &mut self,
        who: ExchangeRef,
        fetch: &Fetch,
    ) -> Result<(Duration, Response<Bytes>), FetchFault> {
        if origin(fetch.request().uri()) != ENTRA_ORIGIN {
            self.site_answers(who, fetch)
        } else if self.entra.is_down() {
            Err(FetchFault::Unreachable)
        } else {
            Ok(self.entra_answers(Some(who), fetch.request()))
        }
    }

    /// Reads the file with the federated token.
    pub(super) fn make_assertion(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<ClientAssertion>,
    ) {
        let token = self.federated_token();
        let answer = token.ok_or(AssertionFault::FederatedToken);
        let at = self.moment.after(self.latency());
        self.schedule(at, SimEvent::Deliver(process, id, ticket.answer(answer)));
    }

    /// Makes a key or a signature.
    pub(super) fn sign(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Sign>,
        sign: Sign,
    ) {
        let material = self.choice.material();
        let signed = self.backends.sign(sign, material);
        let event = ticket.answer(signed);
        let at = self.moment.after(Duration::from_millis(1));
        self.schedule(at, SimEvent::Deliver(process, id, event));
    }

    pub(super) fn question(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Store>,
        store: Store,
    ) {
        if let Store::Put(key, record, _) = &store {
            let who = ExchangeRef::new(process, id);
            self.see(&Observation::RecordWritten { who, key, record });
        }
        let at = self.moment.after(self.latency());
        let guarded = matches!(store, Store::Put(_, _, Guard::Absent | Guard::Version(_)));
        let fault = if self.injects(Fault::StoreDown) {
            Some(StoreFault::Unavailable)
        } else if guarded && self.injects(Fault::StoreConflict) {
            Some(StoreFault::Conflict)
        } else {
            None
        };
        let event = match fault {
            Some(fault) => SimEvent::Deliver(process, id, ticket.answer(Err(fault))),
            None => SimEvent::StoreArrives(process, id, ticket, store),
        };
        self.schedule(at, event);
    }

    /// A request reaches the store.
    pub(crate) fn ask(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Store>,
        store: Store,
    ) {
        if self.is_dropped(process, id) {
            return;
        }
        let now = self.store_clock(process);
        let is_cut_off = |state: &Self| {
            let partitions = &state.checks.ledger().partitions;
            partitions.is_without_store(process.replica)
        };
        let mut answer = match is_cut_off(self) {
            true => Err(StoreFault::Unavailable),
            false => self.store.perform(store, now.unix),
        };
        if self.injects(Fault::StoreResponseLost) {
            answer = Err(StoreFault::Unavailable);
        }
        let at = self.moment.after(self.latency());
        let event = ticket.answer(answer);
        self.schedule(at, SimEvent::Deliver(process, id, event));
    }

    /// By which clock records expire: the process's own where the store is a file of its own, or the
    /// store's, which is right.
    fn store_clock(&mut self, process: Process) -> Now {
        let (moment, is_alone) = (self.moment, self.replicas.len() == 1);
        match self.process(process) {
            Some(replica) if is_alone => replica.now(moment),
            _ => crate::clock::read(moment, SimInstant::default(), 0),
        }
    }

    /// Whether an exchange still is.
    fn is_live(&mut self, process: Process, id: ExchangeId) -> bool {
        let replica = self.process(process);
        let running = replica.and_then(|replica| replica.running.as_ref());
        running.is_some_and(|running| running.exchanges.contains_key(&id))
    }

    /// Whether an ask on its way was dropped with its exchange: it may have got through before.
    fn is_dropped(&mut self, process: Process, id: ExchangeId) -> bool {
        !self.is_live(process, id) && self.choice.chance(500)
    }

    pub(super) fn send_to_hub(&mut self, process: Process, id: ExchangeId, message: ToHub) {
        let moment = self.moment;
        self.open_mailbox(process, id);
        let Some(replica) = self.process(process) else {
            return;
        };
        let now = replica.now(moment);
        if let Some(running) = replica.running.as_mut() {
            running.hub.handle(id, message, now);
        }
        self.poll_hub(process);
    }

    pub(super) fn poll_hub(&mut self, process: Process) {
        loop {
            let Some(running) = self
                .process(process)
                .and_then(|replica| replica.running.as_mut())
            else {
                return;
            };
            match running.hub.poll() {
                HubOutput::Deliver(id, message) => {
                    self.post(process, id, message);
                }
                HubOutput::Publish(known) => running.known = known,
                HubOutput::Spawn(job) => self.begin_job(process, job),
                HubOutput::Idle => {
                    let load = running.hub.stats();
                    let exchanges = running.exchanges.len();
                    let replica = process.replica;
                    self.see(&Observation::HubLoad {
                        replica,
                        load,
                        exchanges,
                    });
                    return;
                }
            }
        }
    }
}

//! The steps of an exchange, and what happens between them and amid them.
//!
//! In the runtimes other exchanges go on while one is amid a step: between two messages to the hub, or while
//! a peer takes its time to read. What happens to the exchange meanwhile waits. A thread of
//! `runtime-blocking` asks one thing after the other, and sees nothing else until it is answered.

use std::{collections::VecDeque, time::Duration};

use entra_mcp_core::{
    action::Action,
    ask::AskId,
    env::Env,
    event::Event,
    exchange::{ExchangeId, Output},
    time::Instant,
};

use super::Live;
use crate::{
    checks::Failure,
    clock::SimInstant,
    ids::{ConnId, ExchangeRef, Process},
    observation::Observation,
    unkindness::Unkindness,
    world::{SimEvent, State},
};

/// Where an exchange is in its work.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// It is amid a step.
    is_amid_step: bool,
    /// A thread waits for the answer to what it asked.
    is_asking: bool,
    /// The last that it saw was that a wait was over.
    is_after_tick: bool,
    /// What its clock said when it saw that.
    saw_at: Instant,
    /// A wait was over while it was busy.
    is_tick_due: bool,
    /// What it asks when it waits.
    asks: VecDeque<Action>,
    /// What is sent when it has heard what the hub has to say. If it is over then, nothing is.
    held_back: VecDeque<Action>,
    /// What has happened to it since.
    deferred: VecDeque<Event>,
}

impl Turn {
    /// Whether it sees nothing of what happens now.
    pub(super) fn is_busy(&self) -> bool {
        self.is_amid_step || self.is_asking
    }

    /// Whether an event has to wait.
    fn defers(&self, event: &Event) -> bool {
        let is_answer = matches!(
            event,
            Event::Fetched(_) | Event::Asserted(_) | Event::Signed(_) | Event::Stored(_)
        );
        self.is_amid_step || (self.is_asking && !is_answer)
    }
}

/// How often in a thousand another exchange comes between two messages to the hub.
const BETWEEN: u32 = 200;

/// How long others may have then.
const MOMENT: Duration = Duration::from_millis(3);

impl State {
    fn live(&mut self, process: Process, id: ExchangeId) -> Option<&mut Live> {
        let running = self.process(process)?.running.as_mut()?;
        running.exchanges.get_mut(&id)
    }

    /// Whether an exchange sees nothing of what happens now.
    pub(super) fn is_busy(&mut self, process: Process, id: ExchangeId) -> bool {
        self.live(process, id)
            .is_some_and(|live| live.turn.is_busy())
    }

    fn is_amid_step(&mut self, process: Process, id: ExchangeId) -> bool {
        self.live(process, id)
            .is_some_and(|live| live.turn.is_amid_step)
    }

    /// Hands an event to an exchange, if it still is; later, if it is busy.
    pub(crate) fn deliver(&mut self, process: Process, id: ExchangeId, event: Event) {
        let Some(live) = self.live(process, id) else {
            return;
        };
        if live.turn.defers(&event) {
            live.turn.deferred.push_back(event);
            return;
        }
        live.turn.is_asking = false;
        self.hand(process, id, event);
    }

    fn hand(&mut self, process: Process, id: ExchangeId, event: Event) {
        let moment = self.moment;
        let line = format!("= {event:?}");
        let Some(replica) = self.process(process) else {
            return;
        };
        let mut known = false;
        let result = replica.step(moment, |running, now| {
            let Some(live) = running.exchanges.get_mut(&id) else {
                return Ok(());
            };
            if matches!(event, Event::Disconnected) {
                if live.disconnect_sent {
                    return Ok(());
                }
                live.disconnect_sent = true;
            }
            known = true;
            live.turn.is_after_tick = matches!(event, Event::Tick);
            live.turn.saw_at = now.instant;
            let env = Env {
                server: &running.server,
                catalog: &running.server.catalog,
                entra: &running.known,
                clients: &running.clients,
                policy: &running.policy,
                endpoint: entra_mcp_core::config::Endpoint::MAIN,
                now,
            };
            let handled = live.exchange.handle(event, env);
            handled.map_err(|misuse| Failure::new("the world's own driver", misuse.to_string()))
        });
        if let Err(failure) = result {
            self.fail(failure);
        }
        if known {
            self.note(&ExchangeRef::new(process, id).to_string(), &line);
            self.pump(process, id);
        }
    }

    /// A wait is over, unless the exchange went on since.
    pub(crate) fn tick(&mut self, process: Process, id: ExchangeId, until: Instant) {
        let Some(live) = self
            .live(process, id)
            .filter(|live| live.wake == Some(until))
        else {
            return;
        };
        if live.turn.is_busy() {
            live.turn.is_tick_due = true;
            return;
        }
        live.turn.is_tick_due = false;
        self.hand(process, id, Event::Tick);
    }

    /// The step of an exchange goes on; or what happened meanwhile is handed to it, one after the other.
    pub(crate) fn step_goes_on(&mut self, process: Process, id: ExchangeId) {
        let Some(live) = self.live(process, id) else {
            return;
        };
        if std::mem::take(&mut live.turn.is_amid_step) {
            return self.pump(process, id);
        }
        if live.turn.is_asking {
            return;
        }
        // As in the runtimes: the word that its session has ended comes before whatever uses that session.
        let message = self.next_message(process, id).map(Event::FromHub);
        let event = message.or_else(|| self.live(process, id)?.turn.deferred.pop_front());
        if let Some(event) = event {
            self.hand(process, id, event);
        }
    }

    /// Polls an exchange until it waits or is over, and does what it wants. As in the runtimes, asks go
    /// out when the exchange waits for them; those of the last step are dropped with it.
    pub(super) fn pump(&mut self, process: Process, id: ExchangeId) {
        loop {
            let Some(live) = self.live(process, id) else {
                return;
            };
            let conn = live.conn;
            match live.exchange.poll() {
                Output::Do(
                    ask @ (Action::Fetch(..)
                    | Action::Assert(..)
                    | Action::Sign(..)
                    | Action::Store(..)),
                ) => {
                    live.turn.asks.push_back(ask);
                }
                Output::Do(action) => {
                    let is_to_hub = matches!(action, Action::ToHub(_));
                    self.perform(process, id, conn, action);
                    if is_to_hub && self.others_come_between() {
                        return self.pause(process, id);
                    }
                    if self.is_amid_step(process, id) {
                        return;
                    }
                }
                Output::Wait(until) => return self.wait(process, id, until),
                Output::Done(outcome) => {
                    let asks = std::mem::take(&mut live.turn.asks);
                    self.last_asks(process, id, asks);
                    let who = ExchangeRef::new(process, id);
                    self.note(&who.to_string(), &format!("= done, {outcome:?}"));
                    self.see(&Observation::ExchangeEnded { who, outcome });
                    return self.finish(process, id, conn);
                }
            }
        }
    }

    fn others_come_between(&mut self) -> bool {
        self.options.has(Unkindness::RuntimeOrders) && self.choice.chance(BETWEEN)
    }

    /// Others go on amid the step of an exchange.
    fn pause(&mut self, process: Process, id: ExchangeId) {
        let pause = self.choice.between(Duration::ZERO, MOMENT);
        let until = self.moment.after(pause);
        self.pause_until(process, id, until);
    }

    fn pause_until(&mut self, process: Process, id: ExchangeId, until: SimInstant) {
        if let Some(live) = self.live(process, id) {
            live.turn.is_amid_step = true;
            self.schedule(until, SimEvent::StepGoesOn(process, id));
        }
    }

    /// What an exchange writes is read slowly: its step goes on when that was read.
    pub(super) fn writes_slowly(&mut self, process: Process, id: ExchangeId, conn: ConnId) {
        if let Some(until) = self.slow_down(conn) {
            self.pause_until(process, id, until);
        }
    }

    /// The step is over: the exchange waits, and asks what it has to ask.
    fn wait(&mut self, process: Process, id: ExchangeId, until: Instant) {
        let moment = self.moment;
        let Some(replica) = self.process(process) else {
            return;
        };
        let now = replica.now(moment).instant;
        let Some(live) = self.live(process, id) else {
            return;
        };
        let conn = live.conn;
        if live.wake != Some(until) {
            live.wake = Some(until);
            let wait = Duration::from_millis(until.0.saturating_sub(now.0));
            self.schedule(moment.after(wait), SimEvent::Tick(process, id, until));
        }
        let is_told = self.has_message(process, id);
        self.ask_what_it_wants(process, id, conn, is_told);
        let Some(live) = self.live(process, id) else {
            return;
        };
        let (turn, is_after_tick) = (&live.turn, live.turn.is_after_tick);
        let saw_at = turn.saw_at;
        let (is_busy, is_tick_due) = (turn.is_busy(), turn.is_tick_due && until <= now);
        let sees_more = is_tick_due || is_told || !turn.deferred.is_empty();
        if !is_busy && is_tick_due {
            self.schedule(moment, SimEvent::Tick(process, id, until));
        }
        if !is_busy && sees_more {
            self.schedule(moment, SimEvent::StepGoesOn(process, id));
        }
        // While it is busy, its wait may be over without its doing; the tick that says so is on its way.
        if (is_busy || sees_more || !is_after_tick) && until <= now {
            return;
        }
        // Others may have come between since.
        let now = if is_after_tick { saw_at } else { now };
        let who = ExchangeRef::new(process, id);
        self.see(&Observation::Idle { who, now, until });
    }

    /// Others are asked when the hub has nothing to say; the store at once, as nothing written may be lost.
    fn ask_what_it_wants(
        &mut self,
        process: Process,
        id: ExchangeId,
        conn: Option<ConnId>,
        is_told: bool,
    ) {
        let is_thread = self.options.is_blocking && self.options.has(Unkindness::RuntimeOrders);
        if !is_told && let Some(live) = self.live(process, id) {
            let mut asks = std::mem::take(&mut live.turn.held_back);
            asks.append(&mut live.turn.asks);
            live.turn.asks = asks;
        }
        while let Some(live) = self.live(process, id) {
            let Some(ask) = live.turn.asks.pop_front() else {
                return;
            };
            if is_told && matches!(ask, Action::Fetch(..)) {
                live.turn.held_back.push_back(ask);
                continue;
            }
            live.turn.is_asking = is_thread;
            self.perform(process, id, conn, ask);
            if is_thread {
                return;
            }
        }
    }

    /// An ask that has not gone out does not go out.
    pub(super) fn withdraw(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        if let Some(live) = self.live(process, id) {
            let is_other = |wanted: &Action| match wanted {
                Action::Fetch(ticket, _) => ticket.id() != ask,
                Action::Assert(ticket, _) => ticket.id() != ask,
                Action::Sign(ticket, _) => ticket.id() != ask,
                Action::Store(ticket, _) => ticket.id() != ask,
                _ => true,
            };
            live.turn.asks.retain(is_other);
            live.turn.held_back.retain(is_other);
        }
    }

    /// What an exchange asked in its last step: nobody waits for the answers.
    fn last_asks(&mut self, process: Process, id: ExchangeId, asks: VecDeque<Action>) {
        for ask in asks {
            if self.options.has(Unkindness::LastAsksAreLost) {
                let what = format!(
                    "{} asks in its last step: {ask:?}",
                    ExchangeRef::new(process, id)
                );
                self.fail(Failure::new("no ask is lost", what));
            } else {
                self.perform(process, id, None, ask);
            }
        }
    }
}

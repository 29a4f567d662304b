//! The calls that a runtime performs itself: each plays its script. One that is cancelled does not
//! stop at once, as a function that waits for something else does not: nothing may come of it.

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::{
    ask::{AskId, Invoke, Target, Ticket},
    catalog::EffectResult,
    exchange::ExchangeId,
    limits,
};

use crate::{
    checks::{Failure, Label, Sort},
    ids::Process,
    tools::{self, ScriptStep},
    unkindness::Unkindness,
    world::{SimEvent, State},
};

/// The calls under way.
pub(super) type Calls = BTreeMap<(ExchangeId, AskId), Native>;

/// A call under way.
#[derive(Debug)]
pub(super) struct Native {
    ticket: Ticket<Invoke>,
    target: Target,
    /// The `oid` of who called.
    user: String,
    /// What it will do, the last first.
    steps: Vec<ScriptStep>,
    /// It does not wait for the results of its effects.
    is_hasty: bool,
    is_cancelled: bool,
    /// Effects whose results have not come yet.
    open_effects: usize,
}

/// How much later than its limit a call may end.
const LEEWAY: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn call(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Invoke>,
        perform: &Invoke,
    ) {
        let oid = perform.call.principal().oid.clone();
        let label = Label {
            sort: Sort::Personal,
            name: "oid".to_owned(),
            user: Some(oid.clone()),
            minted_by: None,
        };
        self.checks.ledger_mut().secrets.add(oid.as_bytes(), label);
        self.checks.ledger_mut().count("native calls");
        let steps = tools::script(perform, &mut self.choice);
        let is_hasty = self.choice.chance(300);
        let ask = ticket.id();
        let native = Native {
            ticket,
            target: perform.target.clone(),
            user: oid.clone(),
            steps,
            is_hasty,
            is_cancelled: false,
            open_effects: 0,
        };
        if let Some(calls) = self.calls(process) {
            calls.insert((id, ask), native);
        }
        self.check_bound(process, &oid);
        let overdue = self.moment.after(limits::TASK_TIMEOUT + LEEWAY);
        self.schedule(overdue, SimEvent::CallDeadline(process, id, ask));
        self.go_on_soon(process, id, ask);
    }

    /// One user has so many calls and tasks at once on one replica, and no more.
    fn check_bound(&mut self, process: Process, user: &str) {
        let calls = self
            .calls(process)
            .into_iter()
            .flat_map(|calls| calls.values());
        let of_user = calls.filter(|call| !call.is_cancelled && call.user == user);
        let count = of_user.count();
        let is_wanted = self.options.has(Unkindness::GreedyUsers);
        if is_wanted && count > limits::CALLS_PER_PRINCIPAL + limits::TASKS_PER_PRINCIPAL {
            let what = format!("{user} has {count} calls on {process:?}");
            self.fail(Failure::new("calls bounded", what));
        }
    }

    fn calls(&mut self, process: Process) -> Option<&mut Calls> {
        let running = self.process(process)?.running.as_mut()?;
        Some(&mut running.calls)
    }

    /// A function goes on within the process: much sooner than a message crosses the network.
    fn go_on_soon(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let within = self
            .choice
            .between(Duration::ZERO, Duration::from_millis(1));
        let at = self.moment.after(within);
        self.schedule(at, SimEvent::CallStep(process, id, ask));
    }

    /// A call does the next thing.
    pub(crate) fn call_goes_on(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let key = (id, ask);
        let Some(native) = self.calls(process).and_then(|calls| calls.get_mut(&key)) else {
            return;
        };
        let waits = !native.is_hasty && !native.is_cancelled;
        match native.steps.pop() {
            None => {}
            Some(ScriptStep::Pause(duration)) => {
                let at = self.moment.after(duration);
                self.schedule(at, SimEvent::CallStep(process, id, ask));
            }
            Some(ScriptStep::Effect(effect)) => {
                native.open_effects += 1;
                let event = native.ticket.effect(effect);
                self.deliver(process, id, event);
                if !waits {
                    self.go_on_soon(process, id, ask);
                }
            }
            Some(ScriptStep::End(result)) => {
                let native = self.calls(process).and_then(|calls| calls.remove(&key));
                if let Some(native) = native {
                    let event = native.ticket.answer(result);
                    self.deliver(process, id, event);
                }
            }
        }
    }

    pub(super) fn granted(
        &mut self,
        process: Process,
        id: ExchangeId,
        ask: AskId,
        _: EffectResult,
    ) {
        let key = (id, ask);
        let native = self.calls(process).and_then(|calls| calls.get_mut(&key));
        // It did not wait for the result, and has ended amid the step of its exchange.
        if native.is_none() {
            return;
        }
        let is_good = native
            .as_ref()
            .is_some_and(|native| native.open_effects > 0 && !native.is_cancelled);
        if !is_good {
            let what = format!("{process:?} grants what {key:?} did not have as an effect");
            self.fail(Failure::new("calls", what));
            return;
        }
        if let Some(native) = native {
            native.open_effects -= 1;
            if !native.is_hasty {
                self.go_on_soon(process, id, ask);
            }
        }
    }

    /// The exchange wants no more of a call, or of another ask.
    pub(super) fn cancelled(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let key = (id, ask);
        if let Some(native) = self.calls(process).and_then(|calls| calls.get_mut(&key)) {
            if native.is_cancelled {
                return;
            }
            native.is_cancelled = true;
            native.steps = tools::late_effects(&native.target);
            self.go_on_soon(process, id, ask);
        } else {
            self.leave_backend(process, id, ask);
            self.withdraw(process, id, ask);
        }
    }

    /// An exchange is over, and with it its calls.
    pub(super) fn leave_calls(&mut self, process: Process, id: ExchangeId) {
        let left = self
            .calls(process)
            .into_iter()
            .flat_map(|calls| calls.keys());
        let left: Vec<AskId> = left.filter(|key| key.0 == id).map(|key| key.1).collect();
        for ask in left {
            self.cancelled(process, id, ask);
        }
    }

    /// However it behaves, a call is ended in time.
    pub(crate) fn call_is_overdue(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let call = self.calls(process).and_then(|calls| calls.get(&(id, ask)));
        let is_alive = call.is_some_and(|call| !call.is_cancelled);
        if is_alive {
            let what = format!("{process:?} lets a call of {id:?} go on for ever");
            self.fail(Failure::new("calls", what));
        }
    }
}

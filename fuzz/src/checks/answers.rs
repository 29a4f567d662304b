//! Each exchange answers once, waits for something ahead, and never has to say that it is broken.

use std::collections::{BTreeMap, BTreeSet};

use entra_mcp_core::{
    exchange::Outcome,
    limits,
    log_event::{Level, LogEventId},
};

use super::{
    Check, Ledger,
    sessions::{Owner, owner},
};
use crate::ids::{ConnId, ExchangeRef};
use crate::observation::Observation;

/// Each exchange is answered at most once, and once unless its peer left; nothing is written before
/// the answer is open or after it is closed. What goes on after its peer has left, for a client that
/// comes back for the rest, has nothing to close.
#[derive(Debug, Default)]
pub(super) struct AnsweredOnce {
    exchanges: BTreeMap<ExchangeRef, Answer>,
    left: BTreeSet<ConnId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Awaited,
    Open,
    Over,
}

impl Check for AnsweredOnce {
    fn name(&self) -> &'static str {
        "answered once"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let (who, from, to) = match seen {
            Observation::PeerDisconnected { conn } => {
                self.left.insert(*conn);
                return Ok(());
            }
            Observation::RequestAdmitted { who, .. } => {
                self.exchanges.insert(*who, Answer::Awaited);
                return Ok(());
            }
            Observation::ExchangeEnded { who, outcome } => {
                let case = ledger.case(*who);
                let left = case.is_some_and(|case| self.left.remove(&case.conn));
                return match self.exchanges.remove(who) {
                    Some(Answer::Awaited) if *outcome != Outcome::Abandoned => {
                        Err(format!("{who} ended without an answer"))
                    }
                    Some(Answer::Open) if *outcome == Outcome::Answered && !left => {
                        Err(format!("{who} ended with an open answer"))
                    }
                    _ => Ok(()),
                };
            }
            Observation::ResponseStarted { who, open, .. } => {
                let to = if *open { Answer::Open } else { Answer::Over };
                (who, Answer::Awaited, to)
            }
            Observation::BodyWritten { who, .. } => (who, Answer::Open, Answer::Open),
            Observation::ResponseEnded { who } => (who, Answer::Open, Answer::Over),
            _ => return Ok(()),
        };
        let answer = self
            .exchanges
            .get_mut(who)
            .ok_or_else(|| format!("{who} is an job and answers"))?;
        if *answer != from {
            return Err(format!("{who} goes to {to:?} although it is {answer:?}"));
        }
        *answer = to;
        Ok(())
    }
}

/// After everything was polled, the next wait is in the future: nothing spins. An event may come at the
/// very moment when the wait is over, but then a tick follows, and after it the wait lies ahead.
#[derive(Debug, Default)]
pub(super) struct WaitsAhead {
    due: BTreeSet<ExchangeRef>,
}

impl Check for WaitsAhead {
    fn name(&self) -> &'static str {
        "waits ahead"
    }

    fn see(&mut self, seen: &Observation<'_>, _ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::Idle { who, now, until } if until <= now => {
                if self.due.insert(*who) {
                    return Ok(());
                }
                Err(format!("{who} waits for {until:?}, and it is {now:?}"))
            }
            Observation::Idle { who, .. } | Observation::ExchangeEnded { who, .. } => {
                self.due.remove(who);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// No line of the log says that the server itself is wrong, and no answer is 500.
#[derive(Debug)]
pub(super) struct NoErrors;

impl Check for NoErrors {
    fn name(&self) -> &'static str {
        "no errors"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            // What a backend does wrong is an error of its operator.
            Observation::Logged { line }
                if matches!(
                    line.id(),
                    LogEventId::GatewayLeaked | LogEventId::GatewayRefused
                ) =>
            {
                Ok(())
            }
            Observation::Logged { line } if line.level() == Level::Error => {
                Err(format!("logged: {line}"))
            }
            Observation::ResponseStarted { who, head, .. } if head.status().as_u16() == 500 => {
                let path = ledger.case(*who).map(|case| case.path.as_str());
                Err(format!("{who} answers 500 at {path:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// Every table of the hub stays under its limit, in all and for each owner; what is of exchanges is
/// gone with them (threats I7, M4).
#[derive(Debug, Default)]
pub(super) struct TablesBounded {
    /// Every user and client that showed a token.
    owners: BTreeSet<Owner>,
}

/// For Entra's metadata; for documents and for keys, in browsers in which somebody has signed in and in others.
const WAITERS: usize = limits::KEYS_WAITERS + 4 * limits::CLIENT_DOCUMENT_WAITERS;

impl Check for TablesBounded {
    fn name(&self) -> &'static str {
        "tables bounded"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted { who, .. } => {
                if let Some(case) = ledger.case(*who)
                    && case.bearer.is_some()
                {
                    self.owners.insert(owner(case));
                }
                Ok(())
            }
            Observation::HubLoad {
                replica,
                load,
                exchanges,
            } => {
                let owners = self.owners.len();
                let per = |most: usize| most * owners;
                let is_full = load.of_one_principal > limits::STREAMS_PER_PRINCIPAL
                    || load.streams > limits::STREAMS.min(*exchanges)
                    || load.waiting > WAITERS.min(*exchanges)
                    || load.client_documents_fetching > 2 * limits::CLIENT_DOCUMENT_FETCHES
                    || load.client_documents > limits::CLIENT_DOCUMENTS
                    || load.device_authorizations > limits::DEVICE_AUTHORIZATIONS
                    || load.redemptions > limits::CODE_REDEMPTIONS.min(*exchanges)
                    || load.spent_sign_ins > limits::SPENT_SIGN_INS
                    || load.replays
                        > limits::REPLAY_BUFFERS.min(per(limits::REPLAY_BUFFERS_PER_PRINCIPAL))
                    || load.in_flight > limits::CALLS.min(per(limits::CALLS_PER_PRINCIPAL))
                    || load.in_flight > *exchanges
                    || load.told_subscriptions > limits::TOLD_SUBSCRIPTIONS
                    || load.tasks > limits::TASKS.min(per(limits::TASKS_PER_PRINCIPAL))
                    || load.tasks > *exchanges;
                if is_full {
                    let what = format!(
                        "the hub of r{replica} holds {load:?} of {owners} owners and {exchanges} exchanges"
                    );
                    return Err(what);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

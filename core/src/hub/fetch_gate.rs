//! One fetch at a time, however many wait for what it brings (threat D9).
//!
//! ```text
//! Idle --something newer is needed--> InFlight --fetched--> Cooldown, as long as it is likely to hold
//!                                         \--failed--> Cooldown, a moment
//! ```
//!
//! Whoever asks during the cooldown learns at once that there is nothing newer.

use std::{collections::VecDeque, time::Duration};

use super::{
    HubOutput,
    asks::{HubAsk, Waiter},
};
use crate::{id::ExchangeId, limits, time::Instant};

/// Who waits, and when it was last fetched.
#[derive(Debug)]
pub(super) struct FetchGate<A: HubAsk> {
    state: State,
    waiters: Vec<Waiter<A>>,
}

#[derive(Debug, Default)]
enum State {
    /// The job may be run.
    #[default]
    Idle,
    /// It runs.
    InFlight {
        /// Since when: a job that was lost does not keep others waiting.
        since: Instant,
    },
    /// It was run a while ago.
    Cooldown { until: Instant },
}

impl<A: HubAsk> Default for FetchGate<A> {
    fn default() -> Self {
        Self {
            state: State::default(),
            waiters: Vec::new(),
        }
    }
}

impl<A: HubAsk<Answer = bool>> FetchGate<A> {
    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Somebody needs it: answers with `false` if there is nothing newer so soon, or too many wait. Returns whether the job
    /// must be started.
    pub(super) fn need(
        &mut self,
        waiter: Waiter<A>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) -> bool {
        let starts = match self.state {
            State::Idle => true,
            State::InFlight { since } => now.since(since) >= limits::EXCHANGE_TIMEOUT,
            State::Cooldown { until } => {
                if now < until {
                    out.push_back(waiter.answer(false));
                    return false;
                }
                true
            }
        };
        if self.waiters.len() >= limits::KEYS_WAITERS {
            out.push_back(waiter.answer(false));
            return false;
        }
        self.waiters.push(waiter);
        if starts {
            self.state = State::InFlight { since: now };
        }
        starts
    }

    /// The job has ended; it is not run again for so long.
    pub(super) fn fetched(
        &mut self,
        is_fetched: bool,
        rest: Duration,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.state = State::Cooldown {
            until: now.after(rest),
        };
        let waiters = std::mem::take(&mut self.waiters);
        out.extend(waiters.into_iter().map(|waiter| waiter.answer(is_fetched)));
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.waiters.retain(|waiter| waiter.exchange != id);
    }
}

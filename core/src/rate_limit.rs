//! Who has asked for something too often (threat M17), by the generic cell rate algorithm: an allowance that is taken
//! from one by one and comes back evenly.
//!
//! Strangers are counted by address, and within it by the client that they say they are: anybody can say any
//! `client_id`, so what is sent under one elsewhere must take nothing from those who use it here. Users are counted by
//! the subject of their session token, which is another for each client. The table is bounded. When it is full, who
//! is not in it is not counted, rather than refused for what others do; the connections and bytes of strangers, and what
//! they can make this server ask others, have bounds of their own.

mod told;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    config::{ClientAddress, Rate, RateLimits},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    route::RateClass,
    throttle::whole_seconds,
    time::Instant,
};

pub use self::told::{CountedElsewhere, Untold};

/// The `sub` of a session token: a user, as one client knows them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject([u8; Self::BYTES]);

impl Subject {
    /// A MAC in base64url.
    const BYTES: usize = 43;

    /// Takes the claim; of what was not issued here the first part.
    #[must_use]
    pub fn of(claim: &str) -> Self {
        let mut bytes = [0; Self::BYTES];
        for (to, from) in bytes.iter_mut().zip(claim.bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::str::from_utf8(&self.0).unwrap_or_default();
        f.write_str(text.trim_end_matches('\0'))
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({self})")
    }
}

/// The first half of the hash of the `client_id` that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatedClient(pub(crate) [u8; 16]);

/// What a stranger's request asks for.
#[derive(Clone, Copy, Debug)]
pub struct RateRequest {
    pub(crate) class: RateClass,
    /// The client that it says it is of.
    pub(crate) client: Option<StatedClient>,
}

/// Whose allowance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Address(RateClass, ClientAddress),
    Client(RateClass, ClientAddress, StatedClient),
    User(Subject),
}

/// A request that comes too soon after many others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    holder: Holder,
    wait: Duration,
}

/// Whether a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Counted {
    /// It was, or need not be.
    Yes,
    /// There was no room for another holder: it goes on uncounted.
    TableFull,
}

impl Counted {
    /// The line for the operator, if there is one.
    #[must_use]
    pub fn log_event(self) -> Option<LogEvent> {
        let event = || LogEvent::new(LogEventId::RateTableFull);
        (self == Self::TableFull).then(event)
    }
}

impl RateLimited {
    /// In how many seconds there is room for another one.
    pub(crate) fn retry_after(&self) -> u64 {
        whole_seconds(self.wait).max(1)
    }

    /// The line for the operator.
    pub(crate) fn log_event(&self) -> LogEvent {
        let event = LogEvent::new(LogEventId::RateLimited);
        let event = event.with(Field::RetryAfter, self.retry_after().to_string());
        let (class, reason) = match &self.holder {
            Holder::Address(class, _) => (*class, "the address asks too often"),
            Holder::Client(class, ..) => (*class, "a client at the address asks too often"),
            Holder::User(_) => (RateClass::Tools, "a user's client asks too often"),
        };
        let event = event.with(Field::Rate, class.as_str());
        let event = event.with(Field::Reason, reason);
        match &self.holder {
            Holder::Address(_, address) | Holder::Client(_, address, _) => {
                event.with(Field::Address, address.to_string())
            }
            Holder::User(subject) => event.with(Field::Subject, subject.to_string()),
        }
    }
}

/// What is left to whom.
#[derive(Debug, Default)]
pub struct RateTable {
    /// The allowances that are not whole, by when they will be: nanoseconds of the clock.
    whole_again: BTreeMap<Holder, u64>,
    /// How many there may be before those that are whole are looked for.
    sweep_at: usize,
    swept: Instant,
    /// What other replicas do not know yet; `None` if there are none.
    untold: Option<Untold>,
}

impl RateTable {
    /// How many are counted whose allowance is not whole.
    #[must_use]
    pub fn len(&self) -> usize {
        self.whole_again.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole_again.is_empty()
    }

    /// Counts a request of a stranger at this address: of the address, and of the client that it says it is of. Where no
    /// address stands for a client, nothing is counted: all of them would share one allowance.
    ///
    /// # Errors
    ///
    /// It comes too soon, and was not counted.
    pub fn count_request(
        &mut self,
        request: RateRequest,
        address: Option<ClientAddress>,
        limits: &RateLimits,
        now: Instant,
    ) -> Result<Counted, RateLimited> {
        let RateRequest { class, client } = request;
        let (Some(address), Some(rate)) = (address, rate_of(class, limits)) else {
            return Ok(Counted::Yes);
        };
        let of_address = (Holder::Address(class, address), rate);
        let of_client = client.map(|client| {
            let part = rate.part(limits::CLIENT_PART_OF_ADDRESS);
            (Holder::Client(class, address, client), part)
        });
        self.count(of_client.into_iter().chain([of_address]), now)
    }

    /// Counts a request of a user.
    ///
    /// # Errors
    ///
    /// It comes too soon, and was not counted.
    pub fn count_user(
        &mut self,
        subject: Subject,
        limits: &RateLimits,
        now: impl FnOnce() -> Instant,
    ) -> Result<Counted, RateLimited> {
        let Some(rate) = limits.tools else {
            return Ok(Counted::Yes);
        };
        self.count(std::iter::once((Holder::User(subject), rate)), now())
    }

    /// Takes one from each, or from none.
    fn count(
        &mut self,
        holders: impl Iterator<Item = (Holder, Rate)> + Clone,
        now: Instant,
    ) -> Result<Counted, RateLimited> {
        let clock = nanoseconds(now);
        for (holder, rate) in holders.clone() {
            let whole = self.whole_again.get(&holder).copied().unwrap_or_default();
            // With one more it would be whole at `next`, and no allowance takes longer than its window.
            let next = whole.max(clock).saturating_add(length(rate.recovery()));
            let over = next.saturating_sub(clock.saturating_add(length(rate.window())));
            if over > 0 {
                let wait = Duration::from_nanos(over);
                return Err(RateLimited { holder, wait });
            }
        }
        let mut counted = Counted::Yes;
        for (holder, rate) in holders {
            if !self.has_room_for(holder, now) {
                counted = Counted::TableFull;
                continue;
            }
            let whole = self.whole_again.entry(holder).or_default();
            *whole = (*whole).max(clock).saturating_add(length(rate.recovery()));
            if let Some(untold) = &mut self.untold {
                untold.add(holder, length(rate.recovery()));
            }
        }
        Ok(counted)
    }

    /// Whether a holder is in the table or may be. What a sweep costs is shared by as many that came since the last one,
    /// or by a while.
    fn has_room_for(&mut self, holder: Holder, now: Instant) -> bool {
        let length = self.whole_again.len();
        if length < self.sweep_at.clamp(64, limits::RATES) || self.whole_again.contains_key(&holder)
        {
            return true;
        }
        if length < limits::RATES || now.since(self.swept) >= limits::RATES_SWEEP_INTERVAL {
            let clock = nanoseconds(now);
            self.whole_again.retain(|_, whole| *whole > clock);
            self.sweep_at = self.whole_again.len() * 2;
            self.swept = now;
        }
        self.whole_again.len() < limits::RATES
    }
}

fn rate_of(class: RateClass, limits: &RateLimits) -> Option<Rate> {
    match class {
        RateClass::Registration => limits.registration,
        RateClass::SignIn => limits.sign_in,
        RateClass::Token => limits.token,
        RateClass::Tools => limits.tools,
    }
}

fn nanoseconds(instant: Instant) -> u64 {
    instant.0.saturating_mul(1_000_000)
}

fn length(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

//! The tokens that Entra has given on behalf of callers, each for one assertion, and who waits for one: of the exchanges
//! that need the same, one asks Entra (threat D17).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    HubOutput,
    asks::{GetOnBehalfOf, Waiter},
    presented_tokens::{Key, Obtained, OnBehalfOfAnswer, OnBehalfOfFailure},
};
use crate::{fault::Fault, id::ExchangeId, limits, time::Instant};

#[derive(Debug, Default)]
pub(super) struct OnBehalfOfTokens {
    known: BTreeMap<Key, Obtained>,
    /// In which order they were got.
    order: VecDeque<Key>,
    asked: BTreeMap<Key, Asked>,
}

/// Entra is asked.
#[derive(Debug)]
struct Asked {
    by: ExchangeId,
    waiters: VecDeque<Waiter<GetOnBehalfOf>>,
}

impl OnBehalfOfTokens {
    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.asked.values().map(|asked| asked.waiters.len()).sum()
    }

    pub(super) fn get(
        &mut self,
        waiter: Waiter<GetOnBehalfOf>,
        key: Key,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if let Some((token, until)) = self.known.get(&key)
            && now < *until
        {
            let token = Arc::clone(token);
            out.push_back(waiter.answer(OnBehalfOfAnswer::Token(token)));
            return;
        }
        match self.asked.get_mut(&key) {
            // Its call that asked first was cancelled.
            Some(asked) if asked.by == waiter.exchange => {
                out.push_back(waiter.answer(OnBehalfOfAnswer::AskEntra));
            }
            Some(asked) if asked.waiters.len() < limits::ON_BEHALF_OF_WAITERS => {
                asked.waiters.push_back(waiter);
            }
            Some(_) => {
                let failure = OnBehalfOfFailure::Unavailable(Fault::Entra);
                out.push_back(waiter.answer(OnBehalfOfAnswer::Failed(failure)));
            }
            None => {
                let asked = Asked {
                    by: waiter.exchange,
                    waiters: VecDeque::new(),
                };
                self.asked.insert(key, asked);
                out.push_back(waiter.answer(OnBehalfOfAnswer::AskEntra));
            }
        }
    }

    /// Entra has answered. What satisfies claims is waited for by a key of its own, and then is as good as any.
    pub(super) fn got(
        &mut self,
        key: Key,
        kept_by: Key,
        result: Result<Obtained, OnBehalfOfFailure>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let waiters = self.asked.remove(&key).map(|asked| asked.waiters);
        for waiter in waiters.unwrap_or_default() {
            out.push_back(waiter.answer(match &result {
                Ok((token, _)) => OnBehalfOfAnswer::Token(Arc::clone(token)),
                Err(failure) => OnBehalfOfAnswer::Failed(failure.clone()),
            }));
        }
        if let Ok(obtained) = result {
            self.remember(kept_by, obtained);
        }
    }

    /// Where there are too many, the one that was got first goes.
    fn remember(&mut self, key: Key, obtained: Obtained) {
        self.forget_token(key);
        while self.order.len() >= limits::ON_BEHALF_OF_TOKENS {
            let first = self.order.pop_front();
            first.and_then(|first| self.known.remove(&first));
        }
        self.known.insert(key, obtained);
        self.order.push_back(key);
    }

    /// The token was refused.
    pub(super) fn forget_token(&mut self, key: Key) {
        if self.known.remove(&key).is_some() {
            self.order.retain(|one| *one != key);
        }
    }

    /// Drops those that are over.
    pub(super) fn expire(&mut self, now: Instant) {
        let known = &mut self.known;
        known.retain(|_, (_, until)| now < *until);
        self.order.retain(|key| known.contains_key(key));
    }

    /// The exchange is over: whoever waits for what it was to get asks Entra in its place.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.asked.retain(|_, asked| {
            asked.waiters.retain(|waiter| waiter.exchange != id);
            if asked.by != id {
                return true;
            }
            match asked.waiters.pop_front() {
                Some(next) => {
                    asked.by = next.exchange;
                    out.push_back(next.answer(OnBehalfOfAnswer::AskEntra));
                    true
                }
                None => false,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::{FromHub, FromHubKind, HubAnswer},
        secret::Secret,
        ticket::{AskId, Ticket},
    };

    const NOW: Instant = Instant(1000);
    const ALICE: Key = [1; 32];
    const BOB: Key = [2; 32];

    #[derive(Default)]
    struct Table {
        tokens: OnBehalfOfTokens,
        out: VecDeque<HubOutput>,
    }

    impl Table {
        fn get(&mut self, from: u64, key: Key, now: Instant) -> Vec<String> {
            let waiter = Waiter::new(ExchangeId(from), Ticket::new(AskId(0)));
            self.tokens.get(waiter, key, now, &mut self.out);
            self.said()
        }

        fn got(&mut self, key: Key, token: &str, until: Instant) -> Vec<String> {
            let token = Arc::new(Secret::new(token.to_owned()));
            self.tokens.got(key, key, Ok((token, until)), &mut self.out);
            self.said()
        }

        fn said(&mut self) -> Vec<String> {
            let said = self.out.drain(..).map(|output| match output {
                HubOutput::Deliver(
                    to,
                    FromHub(FromHubKind::Answer(HubAnswer::GetOnBehalfOf(answered))),
                ) => match answered.answer {
                    OnBehalfOfAnswer::Token(token) => format!("{} {}", to.0, token.expose()),
                    OnBehalfOfAnswer::AskEntra => format!("{} asks", to.0),
                    OnBehalfOfAnswer::Failed(failure) => format!("{} {failure:?}", to.0),
                },
                other => panic!("{other:?}"),
            });
            said.collect()
        }
    }

    // D17
    #[test]
    fn one_exchange_asks_entra_for_each_assertion_and_the_others_get_what_it_got() {
        let mut table = Table::default();
        assert_eq!(table.get(1, ALICE, NOW), ["1 asks"]);
        assert_eq!(table.get(2, BOB, NOW), ["2 asks"]);
        assert!(table.get(3, ALICE, NOW).is_empty() && table.get(4, BOB, NOW).is_empty());
        assert_eq!(table.tokens.waiting(), 2);
        assert_eq!(table.got(ALICE, "alice's", Instant(2000)), ["3 alice's"]);
        assert_eq!(table.got(BOB, "bob's", Instant(2000)), ["4 bob's"]);
        assert_eq!(table.get(5, ALICE, NOW), ["5 alice's"]);
        assert_eq!(table.get(6, BOB, NOW), ["6 bob's"]);
        assert_eq!(table.get(7, ALICE, Instant(2000)), ["7 asks"], "it is over");
    }

    #[test]
    fn whoever_waits_for_an_exchange_that_ends_asks_in_its_place() {
        let mut table = Table::default();
        table.get(1, ALICE, NOW);
        table.get(2, ALICE, NOW);
        table.get(3, ALICE, NOW);
        assert_eq!(
            table.get(1, ALICE, NOW),
            ["1 asks"],
            "its first call was cancelled"
        );
        table.tokens.forget(ExchangeId(2), &mut table.out);
        assert!(table.said().is_empty());
        table.tokens.forget(ExchangeId(1), &mut table.out);
        assert_eq!(table.said(), ["3 asks"]);
        table.tokens.forget(ExchangeId(3), &mut table.out);
        assert_eq!(table.get(4, ALICE, NOW), ["4 asks"]);
        let failure = OnBehalfOfFailure::Denied;
        table.get(5, ALICE, NOW);
        table.tokens.got(ALICE, ALICE, Err(failure), &mut table.out);
        assert_eq!(table.said(), ["5 Denied"]);
        assert_eq!(
            table.get(6, ALICE, NOW),
            ["6 asks"],
            "a failure is not kept"
        );
    }

    // D19: whoever must satisfy claims does not get what somebody asks for who need not, nor who must satisfy others.
    #[test]
    fn token_for_claims_goes_to_who_wants_the_same_and_then_to_everybody() {
        const CLAIMS: Key = [3; 32];
        const OTHER_CLAIMS: Key = [4; 32];
        let mut table = Table::default();
        assert_eq!(table.get(1, ALICE, NOW), ["1 asks"]);
        assert_eq!(table.get(2, CLAIMS, NOW), ["2 asks"]);
        assert_eq!(table.get(3, OTHER_CLAIMS, NOW), ["3 asks"]);
        assert!(table.get(4, CLAIMS, NOW).is_empty());
        assert!(table.got(ALICE, "without them", Instant(2000)).is_empty());
        let token = Arc::new(Secret::new("with them".to_owned()));
        let result = Ok((token, Instant(2000)));
        table.tokens.got(CLAIMS, ALICE, result, &mut table.out);
        assert_eq!(table.said(), ["4 with them"]);
        assert_eq!(table.get(5, ALICE, NOW), ["5 with them"]);
        assert_eq!(
            table.get(6, CLAIMS, NOW),
            ["6 asks"],
            "it was refused: another is wanted"
        );
    }

    // D17: bounded.
    #[test]
    fn tokens_and_those_who_wait_are_bounded_and_one_that_was_refused_is_forgotten() {
        let mut table = Table::default();
        table.get(0, ALICE, NOW);
        let waiters = u64::try_from(limits::ON_BEHALF_OF_WAITERS).unwrap();
        for waiter in 1..=waiters {
            assert!(table.get(waiter, ALICE, NOW).is_empty());
        }
        let refused = table.get(waiters + 1, ALICE, NOW);
        assert_eq!(refused, [format!("{} Unavailable(Entra)", waiters + 1)]);
        table.got(ALICE, "alice's", Instant(2000));
        for number in 0..limits::ON_BEHALF_OF_TOKENS {
            let mut key = [9; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            table.got(key, "x", Instant(2000));
        }
        assert_eq!(table.tokens.known.len(), limits::ON_BEHALF_OF_TOKENS);
        assert_eq!(
            table.get(1, ALICE, NOW),
            ["1 asks"],
            "the first has made room"
        );
        table.got(ALICE, "alice's", Instant(2000));
        table.tokens.forget_token(ALICE);
        assert_eq!(table.get(1, ALICE, NOW), ["1 asks"]);
        table.tokens.expire(Instant(2000));
        assert!(table.tokens.known.is_empty() && table.tokens.order.is_empty());
    }
}

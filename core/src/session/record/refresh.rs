//! The refresh tokens of a session: the one that is good, and those before it that still lead to it.
//!
//! Clients lose answers, and several processes of one client share a refresh token and all use it. So one that was
//! replaced still gets the token that is good now: for an hour while its successor was not used, and for a short while
//! ([`crate::config::Lifetimes::refresh_reuse`]) once it was. Whoever comes later than that with a token whose
//! successor was used has a copy of it, or somebody else has (RFC 9700 section 4.14.2; threat E6).
//!
//! ```text
//! first --leads to--> second --leads to--> third, which is good
//!       its successor was used        its successor was not used
//! ```
//!
//! Each leads to its own successor only, which is sealed under what the token itself carries: so there is no more to
//! write when one of them is replaced, and the record alone gives none of them.

use std::time::Duration;

use super::Hash;
use crate::{
    limits,
    session::codec::{Reader, Writer},
    time::UnixTime,
};

/// The refresh tokens of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refresh {
    /// The hash of the one that is good.
    pub(crate) current: Hash,
    /// When `current` was made.
    pub(crate) rotated: UnixTime,
    /// Those before it that may still be repeated, the oldest first; each is followed by its successor.
    pub(crate) earlier: Vec<Predecessor>,
}

/// A refresh token that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    pub(crate) hash: Hash,
    /// The token that followed it, sealed under what only this one carries.
    pub(crate) successor: Vec<u8>,
    /// When it was: this token was used then for the first time.
    pub(crate) replaced: UnixTime,
}

/// What a refresh token of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation<'a> {
    /// The one that is good.
    Current,
    /// An earlier one that still leads to it: itself, and those between the two.
    Repeated(&'a [Predecessor]),
    /// Its time is over, though nobody has used its successor: the answer was lost long ago.
    Late,
    /// Its time is over, and its successor was used: somebody has a copy.
    Replayed,
}

impl Refresh {
    /// The first one of a session.
    pub(crate) fn first(current: Hash, now: UnixTime) -> Self {
        Self {
            current,
            rotated: now,
            earlier: Vec::new(),
        }
    }

    /// What the token of this hash is, where those before stay good for `reuse` once their successor was used. One
    /// that is not remembered was followed by two at least.
    pub(crate) fn generation(&self, hash: Hash, reuse: Duration, now: UnixTime) -> Generation<'_> {
        if hash == self.current {
            return Generation::Current;
        }
        let mut rest = self.earlier.as_slice();
        while let [presented, followers @ ..] = rest {
            if presented.hash != hash {
                rest = followers;
                continue;
            }
            return match followers.first() {
                Some(successor) if successor.lasts(reuse, now) => Generation::Repeated(rest),
                Some(_) => Generation::Replayed,
                None if presented.lasts(limits::REFRESH_UNUSED, now) => Generation::Repeated(rest),
                None => Generation::Late,
            };
        }
        Generation::Replayed
    }

    /// Replaces the token of the hash `used` by one that is sealed under it as `successor`.
    pub(crate) fn rotate(
        &mut self,
        used: Hash,
        successor: Vec<u8>,
        current: Hash,
        reuse: Duration,
        now: UnixTime,
    ) {
        self.earlier.push(Predecessor {
            hash: used,
            successor,
            replaced: now,
        });
        self.current = current;
        self.rotated = now;
        let too_many = self
            .earlier
            .len()
            .saturating_sub(limits::REFRESH_GENERATIONS);
        let followers = self.earlier.iter().skip(1);
        let over = followers.take_while(|successor| !successor.lasts(reuse, now));
        let over = over.count().max(too_many);
        self.earlier.drain(..over);
    }

    /// As bytes. With at most one token before, they are those of a record that never had more.
    pub(super) fn write(&self, to: &mut Writer) {
        to.array(&self.current.0);
        let count =
            u8::try_from(self.earlier.len()).expect("there are REFRESH_GENERATIONS at most");
        to.array(&[count]);
        for one in &self.earlier {
            to.array(&one.hash.0);
            to.bytes(&one.successor);
        }
        to.number(self.rotated.0);
        // The last one was replaced when the current one was made.
        for one in self.earlier.iter().rev().skip(1).rev() {
            to.number(one.replaced.0);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let current = Hash(from.array()?);
        let [count] = from.array()?;
        let mut earlier = Vec::new();
        for _ in 0..count {
            earlier.push(Predecessor {
                hash: Hash(from.array()?),
                successor: from.bytes()?.to_vec(),
                replaced: UnixTime::default(),
            });
        }
        let rotated = UnixTime(from.number()?);
        if let Some((last, before)) = earlier.split_last_mut() {
            last.replaced = rotated;
            for one in before {
                one.replaced = UnixTime(from.number()?);
            }
        }
        Some(Self {
            current,
            rotated,
            earlier,
        })
    }
}

impl Predecessor {
    /// Whether it was replaced less than this ago.
    fn lasts(&self, lifetime: Duration, now: UnixTime) -> bool {
        self.replaced.lasts(lifetime, now, limits::CLOCK_LEEWAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const REUSE: Duration = Duration::from_secs(120);

    fn hash(number: usize) -> Hash {
        Hash::of(&number.to_be_bytes())
    }

    /// Tokens 0 to the last, each replaced so many seconds after the one before.
    fn rotated(gaps: &[u64]) -> (Refresh, UnixTime) {
        let mut now = NOW;
        let mut refresh = Refresh::first(hash(0), now);
        for (number, gap) in gaps.iter().enumerate() {
            now = now.after(Duration::from_secs(*gap));
            refresh.rotate(hash(number), vec![1], hash(number + 1), REUSE, now);
        }
        (refresh, now)
    }

    /// How many steps each token, the oldest first, is from the one that is good; what else it is.
    fn steps(refresh: &Refresh, count: usize, now: UnixTime) -> Vec<Result<usize, &'static str>> {
        let step = |number| match refresh.generation(hash(number), REUSE, now) {
            Generation::Current => Ok(0),
            Generation::Repeated(between) => Ok(between.len()),
            Generation::Late => Err("late"),
            Generation::Replayed => Err("replayed"),
        };
        (0..count).map(step).collect()
    }

    // E6
    #[test]
    fn any_generation_in_its_time_leads_to_the_one_that_is_good() {
        let (refresh, now) = rotated(&[1, 1, 1]);
        let good = [Ok(3), Ok(2), Ok(1), Ok(0)];
        assert_eq!(steps(&refresh, 4, now), good);
        // The first one's successor was used a second before the second one's.
        let (replayed, late) = (Err("replayed"), Err("late"));
        let now = now.after(REUSE - Duration::from_secs(1));
        assert_eq!(steps(&refresh, 4, now), [replayed, Ok(2), Ok(1), Ok(0)]);
        let now = now.after(Duration::from_secs(1));
        assert_eq!(steps(&refresh, 4, now), [replayed, replayed, Ok(1), Ok(0)]);
        let now = now.after(limits::REFRESH_UNUSED);
        assert_eq!(steps(&refresh, 4, now), [replayed, replayed, late, Ok(0)]);
    }

    // E6: an hour in which nobody used the successor, then two minutes in which others may still come.
    #[test]
    fn token_is_good_for_a_while_after_its_successor_was_used_however_late_that_was() {
        let (refresh, now) = rotated(&[1, 2 * 3600]);
        assert_eq!(steps(&refresh, 3, now), [Ok(2), Ok(1), Ok(0)]);
        let (refresh, now) = rotated(&[1, 2 * 3600, 2 * 3600]);
        let expected = [Err("replayed"), Ok(2), Ok(1), Ok(0)];
        assert_eq!(steps(&refresh, 4, now), expected);
        assert_eq!(refresh.earlier.len(), 2, "the first one is forgotten");
    }

    #[test]
    fn earlier_tokens_that_are_remembered_are_bounded() {
        let (refresh, now) = rotated(&[1; limits::REFRESH_GENERATIONS + 8]);
        assert_eq!(refresh.earlier.len(), limits::REFRESH_GENERATIONS);
        let last = hash(limits::REFRESH_GENERATIONS + 7);
        assert!(matches!(
            refresh.generation(last, REUSE, now),
            Generation::Repeated([_])
        ));
    }

    // Q3
    #[test]
    fn earlier_token_leads_nowhere_while_the_clock_is_set_back() {
        let (refresh, now) = rotated(&[1, 1]);
        let before = UnixTime(now.0 - 24 * 3600);
        let expected = [Err("replayed"), Err("late"), Ok(0)];
        assert_eq!(steps(&refresh, 3, before), expected);
    }

    #[test]
    fn tokens_that_were_written_are_read() {
        for count in 0..4 {
            let (refresh, _) = rotated(&[7; 4][..count]);
            let mut to = Writer::new();
            refresh.write(&mut to);
            let bytes = to.finish();
            let mut from = Reader::new(&bytes);
            assert_eq!(Refresh::read(&mut from), Some(refresh));
            assert!(from.is_empty());
        }
    }
}

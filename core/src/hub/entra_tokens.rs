//! The access tokens of Entra's that were verified lately, so that a caller's token is verified once and not with each
//! request.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    HubOutput,
    asks::{FindEntraCaller, GetOnBehalfOf, Waiter},
    on_behalf_of::OnBehalfOfTokens,
    presented_tokens::{Key, KnownToken, Obtained, OnBehalfOfFailure},
};
use crate::{
    entra_token::{EntraCaller, TokenHash},
    id::ExchangeId,
    limits,
    ticket::Ticket,
    time::{Instant, Now},
};

/// A message about access tokens of Entra's that callers present.
#[derive(Debug)]
pub(crate) enum PresentedTokenMessage {
    /// The sender was shown a token of this hash.
    Find {
        ticket: Ticket<FindEntraCaller>,
        token: TokenHash,
    },
    /// The sender has verified the token of this hash: it says this.
    Verified {
        token: TokenHash,
        caller: Arc<EntraCaller>,
    },
    /// Graph has told the sender the groups of the caller whose token of this hash leaves them out.
    GroupsKnown {
        token: TokenHash,
        caller: Arc<EntraCaller>,
    },
    /// Entra takes the token of this hash no more.
    Revoked(TokenHash),
    /// The sender needs a token on behalf of a caller.
    GetOnBehalfOf {
        ticket: Ticket<GetOnBehalfOf>,
        key: Key,
    },
    /// Entra has answered the sender: those who wait by `key` are told, and the token is kept by the other.
    GotOnBehalfOf {
        key: Key,
        kept_by: Key,
        result: Result<Obtained, OnBehalfOfFailure>,
    },
    /// A token on behalf of a caller was refused.
    ForgetOnBehalfOf(Key),
}

/// The tokens that are known, by the hash of each; the first of `order` was verified first.
#[derive(Debug, Default)]
pub(super) struct PresentedTokens {
    known: BTreeMap<TokenHash, Known>,
    order: VecDeque<(Instant, TokenHash)>,
    on_behalf_of: OnBehalfOfTokens,
}

#[derive(Debug)]
struct Known {
    token: KnownToken,
    until: Instant,
}

impl PresentedTokens {
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: PresentedTokenMessage,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        let now = now.instant;
        match message {
            PresentedTokenMessage::Find { ticket, token } => {
                let known = self.known.get(&token).filter(|known| now < known.until);
                let known = known.map_or(KnownToken::Unknown, |known| known.token.clone());
                out.push_back(Waiter::new(from, ticket).answer(known));
            }
            PresentedTokenMessage::Verified { token, caller } => {
                self.learn(token, KnownToken::Caller(caller), now);
            }
            PresentedTokenMessage::GroupsKnown { token, caller } => {
                // No longer than the token was known before; and one that was revoked meanwhile stays that.
                if let Some(known) = self.known.get_mut(&token)
                    && matches!(known.token, KnownToken::Caller(_))
                {
                    known.token = KnownToken::Caller(caller);
                }
            }
            PresentedTokenMessage::Revoked(token) => self.learn(token, KnownToken::Revoked, now),
            PresentedTokenMessage::GetOnBehalfOf { ticket, key } => {
                let waiter = Waiter::new(from, ticket);
                self.on_behalf_of.get(waiter, key, now, out);
            }
            PresentedTokenMessage::GotOnBehalfOf {
                key,
                kept_by,
                result,
            } => self.on_behalf_of.got(key, kept_by, result, out),
            PresentedTokenMessage::ForgetOnBehalfOf(key) => self.on_behalf_of.forget_token(key),
        }
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// How many others are known that were got on behalf of them.
    pub(super) fn on_behalf_of(&self) -> usize {
        self.on_behalf_of.len()
    }

    /// How many exchanges wait.
    pub(super) fn waiting(&self) -> usize {
        self.on_behalf_of.waiting()
    }

    /// The exchange is over.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.on_behalf_of.forget(id, out);
    }

    /// Drops what is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.on_behalf_of.expire(now);
    }

    /// Remembers a token. All are known for equally long, so the first in order is the first to go; where there are too
    /// many, it goes early and is verified again.
    fn learn(&mut self, token: TokenHash, known: KnownToken, now: Instant) {
        let is_over = |until: Instant| until <= now;
        while self.order.front().is_some_and(|(until, _)| is_over(*until))
            || self.order.len() >= limits::ENTRA_TOKENS
        {
            let Some((until, token)) = self.order.pop_front() else {
                break;
            };
            let has_it = self.known.get(&token);
            if has_it.is_some_and(|known| known.until == until) {
                self.known.remove(&token);
            }
        }
        let until = now.after(limits::ENTRA_TOKEN_KNOWN);
        self.order.push_back((until, token));
        let known = Known {
            token: known,
            until,
        };
        self.known.insert(token, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Names, PrincipalKind},
        hub::{FromHub, FromHubKind, HubAnswer},
        ticket::AskId,
        time::UnixTime,
    };

    fn caller(oid: &str) -> KnownToken {
        KnownToken::Caller(Arc::new(EntraCaller {
            tenant_id: String::new(),
            oid: oid.to_owned(),
            kind: PrincipalKind::User,
            application: String::new(),
            name: None,
            username: None,
            roles: Names::default(),
            groups: Names::default(),
            has_more_groups: false,
            is_guest: false,
            contexts: Names::default(),
            scope: String::new(),
            takes_challenges: false,
            expires: UnixTime(0),
        }))
    }

    fn hash(number: usize) -> TokenHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn find(tokens: &mut PresentedTokens, number: usize, now: Instant) -> Option<String> {
        let (mut out, ticket) = (VecDeque::new(), Ticket::new(AskId(0)));
        let token = hash(number);
        let message = PresentedTokenMessage::Find { ticket, token };
        let now = Now {
            instant: now,
            unix: UnixTime(0),
        };
        tokens.handle(ExchangeId(1), message, now, &mut out);
        match out.pop_front() {
            Some(HubOutput::Deliver(
                _,
                FromHub(FromHubKind::Answer(HubAnswer::FindEntraCaller(answered))),
            )) => match answered.answer {
                KnownToken::Caller(caller) => Some(caller.oid.clone()),
                KnownToken::Unknown => None,
                KnownToken::Revoked => Some("revoked".to_owned()),
            },
            other => panic!("{other:?}"),
        }
    }

    // D16, D17
    #[test]
    fn verified_token_is_known_for_some_minutes_and_the_number_is_bounded() {
        let (mut tokens, now) = (PresentedTokens::default(), Instant(1000));
        assert_eq!(find(&mut tokens, 1, now), None);
        tokens.learn(hash(1), caller("alice"), now);
        assert_eq!(find(&mut tokens, 1, now).as_deref(), Some("alice"));
        assert_eq!(find(&mut tokens, 2, now), None);
        let over = now.after(limits::ENTRA_TOKEN_KNOWN);
        assert_eq!(find(&mut tokens, 1, over), None, "it is verified again");
        tokens.learn(hash(1), KnownToken::Revoked, over);
        assert_eq!(find(&mut tokens, 1, over).as_deref(), Some("revoked"));
        assert_eq!((tokens.known.len(), tokens.order.len()), (1, 1));
        for number in 2..=limits::ENTRA_TOKENS + 1 {
            tokens.learn(hash(number), caller("bob"), over);
        }
        assert_eq!(tokens.known.len(), limits::ENTRA_TOKENS);
        assert_eq!(find(&mut tokens, 1, over), None, "the first has made room");
        assert_eq!(find(&mut tokens, 2, over).as_deref(), Some("bob"));
    }

    #[test]
    fn token_that_two_exchanges_verify_is_known_as_long_as_the_second_says() {
        let (mut tokens, now) = (PresentedTokens::default(), Instant(1000));
        let later = Instant(2000);
        tokens.learn(hash(1), caller("alice"), now);
        tokens.learn(hash(1), caller("alice"), later);
        tokens.learn(hash(2), caller("bob"), now.after(limits::ENTRA_TOKEN_KNOWN));
        let at = now.after(limits::ENTRA_TOKEN_KNOWN);
        assert_eq!(find(&mut tokens, 1, at).as_deref(), Some("alice"));
    }

    // D21: what was asked while another exchange learnt that Entra takes the token no more opens nothing.
    #[test]
    fn groups_that_graph_said_are_known_with_the_token_and_open_none_that_was_revoked() {
        let (mut tokens, now) = (PresentedTokens::default(), Instant(1000));
        let tell = |tokens: &mut PresentedTokens, message, now: Instant| {
            let now = Now {
                unix: UnixTime(0),
                instant: now,
            };
            tokens.handle(ExchangeId(1), message, now, &mut VecDeque::new());
        };
        let of = |number: u8, oid: &str| {
            let KnownToken::Caller(caller) = caller(oid) else {
                panic!("it is a caller");
            };
            let token = [number; 32];
            PresentedTokenMessage::GroupsKnown { token, caller }
        };
        tokens.learn([1; 32], caller("left out"), now);
        tokens.learn([2; 32], KnownToken::Revoked, now);
        let later = now.after(limits::ENTRA_TOKEN_KNOWN / 2);
        for number in 1..=3 {
            tell(&mut tokens, of(number, "known"), later);
        }
        let known = |number: u8| tokens.known.get(&[number; 32]).map(|known| &known.token);
        assert_eq!(known(1), Some(&caller("known")));
        assert_eq!(known(2), Some(&KnownToken::Revoked));
        assert_eq!(known(3), None);
        let until = tokens.known.get(&[1; 32]).map(|known| known.until);
        assert_eq!(
            until,
            Some(now.after(limits::ENTRA_TOKEN_KNOWN)),
            "no longer"
        );
    }
}

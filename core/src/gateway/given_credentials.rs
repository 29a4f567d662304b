//! What a backend was given lately in one session: what it keeps of that it may send back later (threat R3).

use std::{collections::VecDeque, sync::Arc};

use super::Credentials;
use crate::{limits, secret::Secret};

type Given = VecDeque<Arc<Secret<String>>>;

/// The credentials that a backend was given, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenCredentials(Arc<(Given, Given)>);

/// What was given in it does not make a session another one.
impl PartialEq for GivenCredentials {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for GivenCredentials {}

impl GivenCredentials {
    /// These were given.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let mut given = Self::default();
        given.add(credentials);
        given
    }

    /// These are given, too: of each kind few are kept.
    pub(crate) fn add(&mut self, credentials: &Credentials) {
        let (assertions, tokens) = &*self.0;
        let is_new = |given: &Given, one: Option<&Arc<Secret<String>>>| {
            one.is_some_and(|one| !has(given, one))
        };
        let (assertion, token) = (credentials.assertion(), credentials.token());
        if is_new(assertions, assertion) || is_new(tokens, token) {
            let (assertions, tokens) = Arc::make_mut(&mut self.0);
            add(assertions, assertion, limits::GIVEN_ASSERTIONS);
            add(tokens, token, limits::GIVEN_TOKENS);
        }
    }

    /// The same with what another was given.
    pub(crate) fn merge(&mut self, later: &Self) {
        let (assertions, tokens) = Arc::make_mut(&mut self.0);
        for one in &later.0.0 {
            add(assertions, Some(one), limits::GIVEN_ASSERTIONS);
        }
        for one in &later.0.1 {
            add(tokens, Some(one), limits::GIVEN_TOKENS);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Secret<String>>> {
        self.0.0.iter().chain(&self.0.1)
    }
}

fn has(given: &Given, one: &Arc<Secret<String>>) -> bool {
    let is_it =
        |other: &Arc<Secret<String>>| Arc::ptr_eq(other, one) || other.expose() == one.expose();
    given.iter().rev().any(is_it)
}

fn add(given: &mut Given, one: Option<&Arc<Secret<String>>>, most: usize) {
    if let Some(one) = one.filter(|one| !has(given, one)) {
        if given.len() >= most {
            given.pop_front();
        }
        given.push_back(Arc::clone(one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(assertion: usize, token: usize) -> Credentials {
        let secret = |text: String| Arc::new(Secret::new(text));
        Credentials::default()
            .with_assertion(secret(format!("an assertion {assertion}")))
            .with_token(secret(format!("a token {token}")))
    }

    // R3
    #[test]
    fn few_of_each_kind_are_kept_and_the_oldest_go_first() {
        let mut given = GivenCredentials::default();
        for number in 0..100 {
            given.add(&credentials(number, number / 20));
            given.add(&credentials(number, number / 20));
        }
        let all: Vec<_> = given.all().map(|one| one.expose().as_str()).collect();
        assert_eq!(all.len(), limits::GIVEN_ASSERTIONS + limits::GIVEN_TOKENS);
        assert!(all.contains(&"an assertion 99") && all.contains(&"an assertion 95"));
        assert!(!all.contains(&"an assertion 94"));
        assert!(all.contains(&"a token 4") && all.contains(&"a token 3"));
        let mut other = GivenCredentials::of(&credentials(7, 7));
        other.merge(&given);
        assert_eq!(other.all().count(), all.len());
        assert!(!format!("{given:?}").contains("an assertion"));
    }
}

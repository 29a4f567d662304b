//! What must hold at every step, one small type each. A check sees everything that happens and
//! what the [`Ledger`] knows of it; it says what is wrong, or nothing.

mod answers;
mod assertions;
mod backend_tokens;
mod connections;
mod devices;
mod documents;
mod identifiers;
mod isolation;
mod ledger;
mod listed_users;
mod redirects;
mod registrations;
mod revocation;
mod roles;
mod schema;
mod secrets;
mod sessions;
mod tokens;
mod upstream;

pub use self::{
    ledger::{ExchangeRecord, Ledger},
    secrets::{Label, Secrets, Sort},
};
pub(crate) use self::{
    ledger::{bearer, claims},
    sessions::endpoint,
};
use crate::{clock::SimInstant, observation::Observation};

/// A check that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which check.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
}

impl Failure {
    pub(crate) fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            what: what.into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// One property.
pub(crate) trait Check: std::fmt::Debug {
    /// Returns what a failed run calls it.
    fn name(&self) -> &'static str;
    /// Whether it still holds.
    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String>;
}

/// All checks, and what they know.
#[derive(Debug)]
pub struct Checks {
    list: Vec<Box<dyn Check>>,
    ledger: Ledger,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            list: vec![
                Box::new(answers::AnsweredOnce::default()),
                Box::new(answers::WaitsAhead::default()),
                Box::new(answers::NoErrors),
                Box::new(answers::TablesBounded::default()),
                Box::new(secrets::NothingLeaks::default()),
                Box::new(devices::DevicesOfTheirUsers::default()),
                Box::new(isolation::UserIsolation),
                Box::new(isolation::NothingUnauthenticated),
                Box::new(isolation::GoodIdTokensOnly::default()),
                Box::new(sessions::OwnSessionsOnly::default()),
                Box::new(identifiers::OwnNamesOnly::default()),
                Box::new(tokens::BearerNeeded::default()),
                Box::new(tokens::SpentOnce::default()),
                Box::new(revocation::EndedStaysEnded::default()),
                Box::new(roles::HiddenIsNotTold),
                Box::new(redirects::OnlyWhereAllowed::default()),
                Box::new(schema::FitsItsSchema::default()),
                Box::new(registrations::SecretsOfTheirOwn::default()),
                Box::new(documents::FetchedForSomebody::default()),
                Box::new(documents::AsItsSiteSays::default()),
                Box::new(assertions::AssertedOnce::default()),
                Box::new(backend_tokens::TokensAreKept::default()),
                Box::new(connections::InTheirBrowser::default()),
                Box::new(listed_users::ListedUsersOnly),
                Box::new(upstream::DisabledUsersAreOut),
                Box::new(upstream::ThrottlingHolds::default()),
                Box::new(upstream::CallbacksAreSpent::default()),
                Box::new(upstream::ClaimsArePassedOn::default()),
            ],
            ledger: Ledger::default(),
        }
    }

    /// What is known.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(crate) fn see(
        &mut self,
        seen: &Observation<'_>,
        moment: SimInstant,
    ) -> Result<(), Failure> {
        self.ledger.note(seen, moment);
        self.ledger.note_token(seen);
        for check in &mut self.list {
            check
                .see(seen, &self.ledger)
                .map_err(|what| Failure::new(check.name(), what))?;
        }
        self.ledger.forget(seen);
        Ok(())
    }
}

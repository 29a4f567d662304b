//! The backends of a world: one at `/mcp`, or several at endpoints of their own, each with its own weather, sessions and key. What
//! belongs to one must never come to another (threat R26).

use entra_mcp_core::{
    ask::{AskId, Sign, SignFault, Signed},
    config::{BackendAddress, BackendHeader, Gateway},
    exchange::ExchangeId,
    limits,
};
use serde_json::Value;

use super::{
    Backend, Key,
    identity::{Caller, Keys},
    talks::Source,
    token,
};
use crate::{
    checks::{self, Failure, Ledger, Sort},
    choice::Choice,
    ids::{ExchangeRef, Process},
    options::Options,
    world::State,
};

/// What several backends are called.
pub(crate) const NAMES: [&str; 2] = ["orders", "docs"];

/// Where a backend is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What its endpoint is called, if there are several.
    pub name: Option<&'static str>,
    number: u16,
}

impl Place {
    /// The one of this number, of so many.
    pub(crate) fn of(number: usize, count: usize) -> Self {
        Self {
            name: NAMES.get(number).copied().filter(|_| count > 1),
            number: u16::try_from(number).unwrap_or_default(),
        }
    }

    pub(super) fn address(self) -> String {
        format!("http://127.0.0.1:{}/mcp", 8000 + self.number)
    }

    /// The program, where it is a process.
    pub(super) fn program(self) -> &'static str {
        NAMES
            .get(usize::from(self.number))
            .copied()
            .unwrap_or_default()
    }

    /// The key of a service, which goes with each request where there are several.
    fn key(self) -> Option<String> {
        self.name.map(|name| format!("key-5b1f90-of-{name}"))
    }

    pub(super) fn header(self) -> Option<BackendHeader> {
        BackendHeader::parse(&format!("X-Api-Key: {}", self.key()?))
    }

    /// What its key is labelled.
    fn name_of_key(self) -> String {
        format!("the key of {}", self.program())
    }

    /// What its assertions are labelled.
    fn name_of_assertions(self) -> String {
        format!("an assertion for {}", self.program())
    }
}

/// The settings of the backend of a world that has one, or of those that have names.
pub(crate) fn gateways(options: &Options) -> (Option<Gateway>, Vec<Gateway>) {
    let all = options.backends().into_iter();
    let all = all.map(|(place, kind)| kind.gateway(place));
    let (named, main): (Vec<_>, Vec<_>) = all.partition(|one| one.name.is_some());
    (main.into_iter().next(), named)
}

/// The backends, and the keys that sign for them.
#[derive(Debug, Default)]
pub(crate) struct Backends {
    each: Vec<Backend>,
    keys: Keys,
}

impl Backends {
    pub(crate) fn new(options: &Options, choice: &mut Choice) -> Self {
        let all = options.backends().into_iter();
        let each = all.map(|(place, kind)| Backend::new(kind, place, choice));
        Self {
            each: each.collect(),
            keys: Keys::default(),
        }
    }

    /// Labels what only they may see.
    pub(crate) fn label(&self, ledger: &mut Ledger) {
        for backend in &self.each {
            let place = backend.place;
            if let Some(key) = place.key() {
                ledger.know(&key, Sort::Key, &place.name_of_key());
            }
        }
    }

    /// The one that a request or process is of.
    pub(super) fn of(&mut self, key: Key) -> Option<&mut Backend> {
        self.each.get_mut(key.3)
    }

    pub(super) fn get(&self, key: Key) -> Option<&Backend> {
        self.each.get(key.3)
    }

    /// The number of the one at this address.
    pub(super) fn at(&self, address: &BackendAddress) -> Option<usize> {
        let address = address.to_string();
        let mut all = self.each.iter();
        all.position(|backend| backend.place.address() == address)
    }

    /// The number of the one that is this program.
    pub(super) fn running(&self, program: &str) -> Option<usize> {
        let mut all = self.each.iter();
        all.position(|backend| backend.place.program() == program)
    }

    /// What an ask is for.
    pub(super) fn key(&self, process: Process, id: ExchangeId, ask: AskId) -> Key {
        let keys = (0..self.each.len()).map(|number| (process, id, ask, number));
        let is_known = |key: &Key| {
            self.get(*key)
                .is_some_and(|one| one.sources.contains_key(key))
        };
        keys.into_iter()
            .find(is_known)
            .unwrap_or((process, id, ask, 0))
    }

    /// All answers that they give, and their processes.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&Key, &Source)> {
        self.each.iter().flat_map(|backend| &backend.sources)
    }

    /// Nothing goes wrong with them any more.
    pub(crate) fn calm(&mut self) {
        self.each.iter_mut().for_each(Backend::calm);
    }

    /// Makes a key or a signature, as a runtime does.
    pub(crate) fn sign(&mut self, sign: Sign, material: [u8; 32]) -> Result<Signed, SignFault> {
        match self.each.is_empty() {
            true => Err(SignFault),
            false => Ok(self.keys.sign(sign, material)),
        }
    }

    /// Who calls, if the assertion is for whoever is asked.
    pub(super) fn verify(&self, key: Key, assertion: &str) -> Option<Caller> {
        let audience = self.get(key)?.place.address();
        self.keys.verify(assertion, &audience)
    }

    /// What the assertions for whoever is asked are labelled.
    pub(super) fn name_of_assertions(&self, key: Key) -> String {
        let backend = self.get(key);
        backend.map_or_else(String::new, |backend| backend.place.name_of_assertions())
    }

    /// Whether whoever is asked may see what is labelled so.
    pub(super) fn may_see(&self, key: Key, label: &str) -> bool {
        self.get(key).is_some_and(|backend| {
            let place = backend.place;
            label == place.name_of_assertions()
                || label == place.name_of_key()
                || label == token::NAME && backend.kind.takes_tokens()
        })
    }

    /// A user has said whether a call may be made, in time or not.
    pub(crate) fn user_says(&mut self, nonce: &str, is_yes: bool) {
        for backend in &mut self.each {
            backend.server.user_says(nonce, is_yes);
        }
    }

    /// Whether a call was made.
    pub(crate) fn was_called(&self, nonce: &str) -> bool {
        self.each
            .iter()
            .any(|backend| backend.server.was_called(nonce))
    }

    /// Whether a session is open in which this call was made.
    pub(crate) fn has_session_of(&self, nonce: &str) -> bool {
        self.each
            .iter()
            .any(|backend| backend.server.has_session_of(nonce))
    }
}

impl State {
    /// One user with one client has so many calls at once of one backend by one replica, and no more.
    pub(super) fn check_bound_of_calls(
        &mut self,
        key: Key,
        message: &Value,
        caller: Option<&Caller>,
    ) {
        let is_call = message
            .get("method")
            .is_some_and(|method| method == "tools/call");
        let (true, Some(caller), Some(backend)) = (is_call, caller, self.backends.of(key)) else {
            return;
        };
        if let Some(source) = backend.sources.get_mut(&key) {
            source.caller = Some(caller.clone());
        }
        let sources = backend.sources.iter();
        let of_caller = sources.filter(|(other, source)| {
            other.0 == key.0 && source.caller.as_ref().is_some_and(|other| other.is(caller))
        });
        let count = of_caller.count();
        if count > limits::CALLS_PER_PRINCIPAL + limits::PARKED_CALLS_OF_PRINCIPAL {
            let what = format!("{caller:?} has {count} calls at once by {:?}", key.0);
            self.fail(Failure::new("calls bounded", what));
        }
    }

    /// What is for one endpoint goes to the backend of that one.
    pub(super) fn check_endpoint(&mut self, key: Key) {
        let who = ExchangeRef::new(key.0, key.1);
        let case = self.checks.ledger().case(who);
        let Some(asked) = case.and_then(|case| checks::endpoint(&case.path)) else {
            return;
        };
        let place = self.backends.get(key).map(|backend| backend.place);
        let name = place.and_then(|place| place.name).unwrap_or_default();
        if asked != name {
            let what = format!("{who} is for {asked:?}, and asks {place:?}");
            self.fail(Failure::new("backends apart", what));
        }
    }
}

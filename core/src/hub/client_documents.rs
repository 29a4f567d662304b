//! The documents of clients whose `client_id` is a URL (threats H7, M15): what was fetched is kept for as long as its
//! host allows, within bounds; whoever needs the same document waits for the same fetch.
//!
//! ```text
//! unknown --needed--> Fetching --fetched--> Known, until it is old
//!                         \----failed----> Failed, a moment
//! ```
//!
//! Anybody can name any number of URLs, and hosts that do not answer. So few are fetched at once and few within a
//! while, and few may wait; whatever a flood of them does, the browsers in which a user has signed in have an allowance
//! and places of their own.
//!
//! The keys of clients are elsewhere than their documents, and kept in the same way, in a table of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    HubAsk, HubOutput, Job, JobKind, NeedClientDocument, NeedClientKeys,
    allowances::{Allowance, Allowances, Browser, Rates},
    asks::Waiter,
};
use crate::{
    client_document::{ClientDocument, DocumentError},
    client_id_url::ClientIdUrl,
    client_keys::ClientKeys,
    id::ExchangeId,
    limits,
    time::Instant,
};

/// How many documents each may have fetched.
const RATES: Rates = Rates {
    device: Allowance {
        most: limits::CLIENT_DOCUMENTS_OF_DEVICE,
        recovery: limits::CLIENT_DOCUMENT_OF_DEVICE_RECOVERY,
    },
    address: Allowance {
        most: limits::CLIENT_DOCUMENTS_OF_ADDRESS,
        recovery: limits::CLIENT_DOCUMENT_OF_ADDRESS_RECOVERY,
    },
    strangers: Allowance {
        most: limits::CLIENT_DOCUMENTS_OF_STRANGERS,
        recovery: limits::CLIENT_DOCUMENT_OF_STRANGERS_RECOVERY,
    },
};

/// What is fetched of clients.
pub(super) trait ClientFile: std::fmt::Debug + Sized {
    /// The ask for it.
    type Need: std::fmt::Debug + HubAsk<Answer = Result<Arc<Self>, DocumentError>>;

    /// The job that fetches it.
    fn job(url: ClientIdUrl) -> JobKind;
}

impl ClientFile for ClientDocument {
    type Need = NeedClientDocument;

    fn job(url: ClientIdUrl) -> JobKind {
        JobKind::FetchClientDocument(url)
    }
}

impl ClientFile for ClientKeys {
    type Need = NeedClientKeys;

    fn job(url: ClientIdUrl) -> JobKind {
        JobKind::FetchClientKeys(url)
    }
}

/// What is known of documents, or of keys, and who waits for which.
#[derive(Debug)]
pub(super) struct ClientFiles<F: ClientFile> {
    entries: BTreeMap<ClientIdUrl, Entry<F>>,
    /// Who waits for which of those that are being fetched.
    waiting: Waiting,
    /// The same of the browsers in which nobody has signed in.
    strangers_waiting: Waiting,
    allowances: Allowances,
}

type Waiting = BTreeMap<ExchangeId, ClientIdUrl>;

impl<F: ClientFile> Default for ClientFiles<F> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            waiting: Waiting::new(),
            strangers_waiting: Waiting::new(),
            allowances: Allowances::new(RATES),
        }
    }
}

#[derive(Debug)]
enum Entry<F: ClientFile> {
    /// A job fetches it.
    Fetching {
        /// Since when: a job that was lost does not keep others waiting.
        since: Instant,
        /// For a browser in which nobody has signed in.
        for_stranger: bool,
        waiters: Vec<Waiter<F::Need>>,
    },
    /// It was fetched.
    Known { file: Arc<F>, until: Instant },
    /// It could not be fetched.
    Failed {
        error: DocumentError,
        until: Instant,
    },
}

impl<F: ClientFile> ClientFiles<F> {
    /// How many are being fetched, and how many are kept in all.
    pub(super) fn load(&self) -> (usize, usize) {
        (
            self.fetching(false) + self.fetching(true),
            self.entries.len(),
        )
    }

    /// How many exchanges wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.strangers_waiting.len()
    }

    /// The sender needs this document.
    pub(super) fn need(
        &mut self,
        waiter: Waiter<F::Need>,
        url: ClientIdUrl,
        browser: Browser,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let (answer, starts) = match self.entries.get(&url) {
            Some(Entry::Known { file, until }) if now < *until => {
                (Some(Ok(Arc::clone(file))), false)
            }
            Some(Entry::Failed { error, until }) if now < *until => (Some(Err(*error)), false),
            Some(Entry::Fetching { since, .. }) if now.since(*since) < limits::EXCHANGE_TIMEOUT => {
                (None, false)
            }
            Some(_) | None => (None, true),
        };
        let is_full = self.waiting_like(browser).len() >= limits::CLIENT_DOCUMENT_WAITERS;
        let answer = match answer {
            Some(answer) => Some(answer),
            None if is_full || (starts && !self.start(&url, browser, now)) => {
                Some(Err(DocumentError::Busy))
            }
            None => None,
        };
        if let Some(answer) = answer {
            out.push_back(waiter.answer(answer));
            return;
        }
        if let Some(Entry::Fetching { waiters, .. }) = self.entries.get_mut(&url) {
            let exchange = waiter.exchange;
            waiters.push(waiter);
            self.waiting_like(browser).insert(exchange, url.clone());
        }
        if starts {
            out.push_back(HubOutput::Spawn(Job(F::job(url))));
        }
    }

    fn waiting_like(&mut self, browser: Browser) -> &mut Waiting {
        match browser.device {
            Some(_) => &mut self.waiting,
            None => &mut self.strangers_waiting,
        }
    }

    /// Begins a fetch, if there may be one more.
    fn start(&mut self, url: &ClientIdUrl, browser: Browser, now: Instant) -> bool {
        let for_stranger = browser.device.is_none();
        if self.fetching(for_stranger) >= limits::CLIENT_DOCUMENT_FETCHES
            || self.allowances.take(browser, now).is_err()
        {
            return false;
        }
        // The waiters of a job that was lost wait for this one.
        let waiters = match self.entries.remove(url) {
            Some(Entry::Fetching { waiters, .. }) => waiters,
            Some(Entry::Known { .. } | Entry::Failed { .. }) | None => Vec::new(),
        };
        self.make_room(now);
        let entry = Entry::Fetching {
            since: now,
            for_stranger,
            waiters,
        };
        self.entries.insert(url.clone(), entry);
        true
    }

    fn fetching(&self, stranger: bool) -> usize {
        let is_it = |entry: &&Entry<F>| matches!(entry, Entry::Fetching { for_stranger, .. } if *for_stranger == stranger);
        self.entries.values().filter(is_it).count()
    }

    /// Drops what is over and, if there is still too much, what is over next, failures first.
    fn make_room(&mut self, now: Instant) {
        if self.entries.len() < limits::CLIENT_DOCUMENTS {
            return;
        }
        self.entries
            .retain(|_, entry| entry.until().is_none_or(|(_, until)| now < until));
        while self.entries.len() >= limits::CLIENT_DOCUMENTS {
            let ends = self.entries.iter();
            let ends = ends.filter_map(|(url, entry)| Some((entry.until()?, url)));
            let Some((_, first)) = ends.min() else {
                return;
            };
            let first = first.clone();
            self.entries.remove(&first);
        }
    }

    /// The job has fetched the document, which may be used for so long; or it has failed.
    pub(super) fn fetched(
        &mut self,
        url: ClientIdUrl,
        result: Result<(F, Duration), DocumentError>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(Entry::Fetching { waiters, .. }) = self.entries.remove(&url) else {
            return;
        };
        let (answer, entry) = match result {
            Ok((file, lifetime)) => {
                let file = Arc::new(file);
                let until = now.after(lifetime);
                (Ok(Arc::clone(&file)), Entry::Known { file, until })
            }
            Err(error) => {
                let until = now.after(limits::CLIENT_DOCUMENT_RETRY);
                (Err(error), Entry::Failed { error, until })
            }
        };
        self.entries.insert(url, entry);
        for waiter in waiters {
            self.forget_waiting(waiter.exchange);
            out.push_back(waiter.answer(answer.clone()));
        }
    }

    /// The exchange waits no more.
    pub(super) fn forget(&mut self, id: ExchangeId) {
        let Some(url) = self.forget_waiting(id) else {
            return;
        };
        if let Some(Entry::Fetching { waiters, .. }) = self.entries.get_mut(&url) {
            waiters.retain(|waiter| waiter.exchange != id);
        }
    }

    fn forget_waiting(&mut self, id: ExchangeId) -> Option<ClientIdUrl> {
        let url = self.waiting.remove(&id);
        url.or_else(|| self.strangers_waiting.remove(&id))
    }
}

impl<F: ClientFile> Entry<F> {
    /// Whether it is known, and until when; `None` while it is fetched.
    fn until(&self) -> Option<(bool, Instant)> {
        match self {
            Self::Fetching { .. } => None,
            Self::Known { until, .. } => Some((true, *until)),
            Self::Failed { until, .. } => Some((false, *until)),
        }
    }
}

#[cfg(test)]
mod tests;

//! What all exchanges of a server share, whichever runtime drives them.

mod snapshots;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::snapshots::Snapshots;
use crate::{
    Clock, ConnectionLimit, Offer, RecordStore, RequestOrigin, RuntimeParts, SharedOffer,
    client_credential::ClientAssertions,
    clients_file::SharedClients,
    handlers::Handlers,
    log,
    metrics::{Metrics, PendingAsks},
    policy_file::SharedPolicy,
    seed::seed,
    shared_hub::{Mailbox, SharedHub},
};
use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::{Admission, admit, log_event_of},
    config::{BackendName, ClientAddress, Config, Endpoint},
    env::{Env, Server},
    event::Event,
    exchange::{Exchange, ExchangeId, Job, Output},
    hub::ToHub,
    limits,
    log_event::{Audited, Field, LogEvent, LogEventId},
    opened_session::OpenedSessions,
    route::Route,
    time::Now,
};
use entra_mcp_http1::RequestHead;
use http::Response;

/// How often a server that shuts down looks whether its exchanges have ended.
const SHUTDOWN_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What all exchanges share.
#[derive(Debug)]
pub struct Shared<M> {
    /// The settings and keys.
    pub server: Arc<Server>,
    clients: Arc<SharedClients>,
    policy: Arc<SharedPolicy>,
    /// Where records are kept.
    pub store: Arc<RecordStore>,
    /// What makes client assertions towards Entra ID.
    pub client_assertions: Arc<ClientAssertions>,
    /// Both clocks.
    pub clock: Clock,
    hub: SharedHub<M>,
    /// Sessions that were opened a moment ago.
    opened: Mutex<OpenedSessions>,
    /// What is counted, if anybody reads it.
    metrics: Option<Metrics>,
    last_exchange: AtomicU64,
    /// How many exchanges are being driven.
    busy: AtomicUsize,
}

impl<M: Mailbox> Shared<M> {
    /// Nothing is driven yet.
    #[must_use]
    pub fn new(parts: &RuntimeParts) -> Self {
        Self {
            server: Arc::clone(&parts.server),
            clients: Arc::clone(&parts.clients),
            policy: Arc::clone(&parts.policy),
            store: Arc::clone(&parts.store),
            client_assertions: Arc::clone(&parts.client_assertions),
            clock: parts.clock,
            hub: SharedHub::new(parts.server.config.capacity),
            opened: Mutex::default(),
            metrics: parts.metrics(),
            last_exchange: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
        }
    }

    /// Judges a head, as [`admit`] does; what is refused is logged and counted here.
    ///
    /// # Errors
    ///
    /// The refusal, as a whole response.
    pub fn admit(
        &self,
        head: RequestHead,
        origin: RequestOrigin,
    ) -> Result<Admission, Box<Response<Bytes>>> {
        let began = self.metrics.as_ref().map(|metrics| {
            let place = self.server.config.public_url.place(head.uri.path());
            (metrics, place.map(|(route, _)| route), Instant::now())
        });
        let admitted = admit(head, &self.server, origin.now, origin.request_id);
        if let Err(refusal) = &admitted {
            if let Some(event) = log_event_of(refusal) {
                log_refused(event, origin.client);
            }
            if let Some((metrics, route, began)) = began {
                metrics.responded(route, refusal.status(), began.elapsed());
            }
        }
        admitted
    }

    /// Returns what monitoring reads, with the connections of this limit; empty if nothing is counted.
    #[must_use]
    pub fn metrics_text(&self, connections: &ConnectionLimit) -> String {
        let metrics = self.metrics.as_ref();
        metrics.map_or_else(String::new, |metrics| {
            metrics.text(self.hub.stats(), connections.occupancy())
        })
    }

    fn next_exchange(&self) -> ExchangeId {
        ExchangeId(self.last_exchange.fetch_add(1, Ordering::Relaxed))
    }

    fn count(&self, place: Option<(Route, Endpoint)>) -> Option<Box<Counted>> {
        self.metrics.as_ref().map(|_| {
            Box::new(Counted {
                place,
                began: Instant::now(),
                asks: PendingAsks::default(),
            })
        })
    }

    fn opened(&self) -> MutexGuard<'_, OpenedSessions> {
        // Under the lock an entry is found or put in and nothing else is done.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes what has expired from the store, drops what the hub has kept long enough, and says what expires soon. Returns the jobs to
    /// run.
    #[must_use]
    fn expire(&self) -> Vec<Job> {
        let now = self.clock.now();
        let jobs = self.hub.expire(now.instant);
        self.opened().age();
        self.store.purge_expired(now.unix);
        self.client_assertions.remind(now.unix);
        jobs
    }

    /// Returns the pauses to make, one after the other, while a server that is asked to end still accepts requests.
    pub fn pauses_until_closing(&self) -> impl Iterator<Item = Duration> {
        let delay = self.server.config.shutdown.delay;
        let end = self.clock.instant().after(delay);
        std::iter::from_fn(move || {
            let is_waiting = !self.clock.until(end).is_zero();
            is_waiting.then_some(SHUTDOWN_POLL_INTERVAL)
        })
    }

    /// Returns the pauses to make, one after the other, until no stream is open any more, or the time that they
    /// have when the server shuts down is over.
    pub fn pauses_until_streams_end(&self) -> impl Iterator<Item = Duration> {
        let end = self.clock.instant().after(limits::STREAM_END_TIMEOUT);
        std::iter::from_fn(move || {
            let is_waiting = self.hub.has_streams() && !self.clock.until(end).is_zero();
            is_waiting.then_some(SHUTDOWN_POLL_INTERVAL)
        })
    }

    /// Returns the pauses to make, one after the other, until no exchange is driven and `is_idle`, or the time
    /// for a shutdown is over.
    pub fn pauses_until_idle(&self, is_idle: impl Fn() -> bool) -> impl Iterator<Item = Duration> {
        let timeout = self.server.config.shutdown.timeout;
        let end = self.clock.instant().after(timeout);
        std::iter::from_fn(move || {
            let is_busy = self.busy.load(Ordering::Acquire) > 0 || !is_idle();
            let is_waiting = is_busy && !self.clock.until(end).is_zero();
            is_waiting.then_some(SHUTDOWN_POLL_INTERVAL)
        })
    }
}

/// Logs what was refused by its head. Nobody has looked who it is; the audit log knows where it comes from.
fn log_refused(event: &LogEvent, client: Option<ClientAddress>) {
    log(&event.clone().audited(Audited {
        address: client.map(|client| client.to_string()),
        ..Audited::default()
    }));
}

/// A runtime, as the exchanges that it drives see it.
pub trait DriveJobs: Send + Sync + 'static {
    /// Where it puts the hub's messages.
    type Mailbox: Mailbox + 'static;

    /// A function that performs calls.
    type Handler: Clone + Send + Sync + 'static;

    /// Returns what is offered.
    fn offer(&self) -> &SharedOffer<Self::Handler>;

    /// Returns what all exchanges share.
    fn shared(&self) -> &Shared<Self::Mailbox>;

    /// Drives a job that the hub started, beside everything else.
    fn spawn_job(self: &Arc<Self>, job: Job);

    /// Hands the hub a message that comes from no exchange.
    fn send_to_hub(self: &Arc<Self>, message: ToHub) {
        let shared = self.shared();
        let (from, now) = (shared.next_exchange(), shared.clock.now());
        self.spawn_jobs(shared.hub.send(from, None, message, now));
    }

    /// Hands a message to the other replicas without waiting for the network.
    fn publish(self: &Arc<Self>, message: Bytes);

    /// Deletes what has expired from the store, drops what the hub has kept long enough, and says what expires soon.
    fn purge_expired(self: &Arc<Self>) {
        self.spawn_jobs(self.shared().expire());
    }

    /// Drives several jobs: the hub starts few.
    fn spawn_jobs(self: &Arc<Self>, jobs: Vec<Job>) {
        for job in jobs {
            self.spawn_job(job);
        }
    }
}

/// An exchange that is driven: counted until it is dropped, and then forgotten by the hub.
pub struct ActiveExchange<R: DriveJobs> {
    runtime: Arc<R>,
    /// What was offered when it began.
    offer: Arc<Offer<R::Handler>>,
    exchange: Exchange,
    snapshots: Snapshots,
    /// When what happens now has happened.
    now: Now,
    counted: Option<Box<Counted>>,
    /// Whether the hub knows of this exchange.
    is_registered: bool,
}

/// What is counted of an exchange.
struct Counted {
    /// Where its request went; `None` for a job.
    place: Option<(Route, Endpoint)>,
    began: Instant,
    asks: PendingAsks,
}

impl Counted {
    fn action<M>(&mut self, action: &Action, shared: &Shared<M>) {
        let Some(metrics) = &shared.metrics else {
            return;
        };
        let status = match action {
            Action::Respond(response) => response.status(),
            Action::Open(head) => head.status(),
            Action::Log(event) if event.id() == LogEventId::GatewayCalled => {
                let endpoint = self.place.map_or(Endpoint::MAIN, |(_, endpoint)| endpoint);
                return metrics.called(backend_name(&shared.server.config, endpoint), event);
            }
            other => return self.asks.ask(other, &shared.server.config),
        };
        let route = self.place.map(|(route, _)| route);
        metrics.responded(route, status, self.began.elapsed());
    }
}

/// What the backend at an endpoint is called: as it is configured, of which there are few.
fn backend_name(config: &Config, endpoint: Endpoint) -> &str {
    let gateway = config.gateway_at(endpoint);
    let name = gateway.and_then(|gateway| gateway.name.as_ref());
    name.map_or("main", BackendName::as_str)
}

impl<R: DriveJobs> ActiveExchange<R> {
    /// Begins the exchange of a request that was admitted.
    #[must_use]
    pub fn of_request(runtime: &Arc<R>, mut admission: Admission, body: Bytes) -> Self {
        let (shared, seed) = (runtime.shared(), seed());
        admission.recognize(&mut shared.opened());
        let id = shared.next_exchange();
        let counted = shared.count(Some((admission.route(), admission.endpoint())));
        let begin = |env: Env<'_>| admission.begin(id, &seed, body, env);
        Self::new(runtime, begin, counted)
    }

    /// Begins the exchange of a job.
    #[must_use]
    pub fn of_job(runtime: &Arc<R>, job: Job) -> Self {
        let (shared, seed) = (runtime.shared(), seed());
        let id = shared.next_exchange();
        let counted = shared.count(None);
        let begin = |env: Env<'_>| Exchange::job(id, &seed, job, env);
        Self::new(runtime, begin, counted)
    }

    fn new(
        runtime: &Arc<R>,
        begin: impl FnOnce(Env<'_>) -> Exchange,
        counted: Option<Box<Counted>>,
    ) -> Self {
        let (shared, offer) = (runtime.shared(), runtime.offer().current());
        let (snapshots, now) = (Snapshots::of(shared), shared.clock.now());
        let exchange = begin(snapshots.env(shared, &offer.catalog, now));
        runtime.shared().busy.fetch_add(1, Ordering::AcqRel);
        Self {
            runtime: Arc::clone(runtime),
            offer,
            exchange,
            snapshots,
            now,
            counted,
            is_registered: false,
        }
    }

    /// Returns the functions that perform its calls.
    #[must_use]
    pub fn handlers(&self) -> &Handlers<R::Handler> {
        &self.offer.handlers
    }

    /// Returns the time of what happens now.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// What happens from now on happens at this time, until the next one is told: one for each turn of who drives it.
    pub fn at(&mut self, now: Now) {
        self.now = now;
    }

    /// The same, read now: what was waited for, or a function of others, may have taken long.
    pub fn read_clock(&mut self) {
        self.now = self.runtime.shared().clock.now();
    }

    /// Returns what the exchange wants; see [`Exchange::poll`].
    pub fn poll(&mut self) -> Output {
        let mut output = self.exchange.poll();
        while let Output::Do(Action::Remember(opened)) = output {
            self.runtime.shared().opened().insert(opened);
            output = self.exchange.poll();
        }
        if let (Some(counted), Output::Do(action)) = (&mut self.counted, &output) {
            counted.action(action, self.runtime.shared());
        }
        output
    }

    /// Hands in what happened. Returns `false` if the driver has a bug, which is in the log then: the exchange
    /// cannot go on.
    #[must_use]
    pub fn handle(&mut self, event: Event) -> bool {
        if let (Some(counted), Some(metrics)) = (&mut self.counted, &self.runtime.shared().metrics)
        {
            counted.asks.answer(&event, metrics);
        }
        let shared = self.runtime.shared();
        self.snapshots.renew(shared);
        let env = self.snapshots.env(shared, &self.offer.catalog, self.now);
        let handled = self.exchange.handle(event, env);
        if let Err(misuse) = &handled {
            let bug = LogEvent::new(LogEventId::RuntimeMisuse);
            log(&bug.with(Field::Error, misuse.to_string()));
        }
        handled.is_ok()
    }

    /// Hands the hub a message of the exchange. With the first one the hub learns of the mailbox.
    pub fn send_to_hub(&mut self, message: ToHub, mailbox: impl FnOnce() -> R::Mailbox) {
        let (shared, id) = (self.runtime.shared(), self.exchange.id());
        let is_first = !std::mem::replace(&mut self.is_registered, true);
        let mailbox = is_first.then(mailbox);
        let jobs = shared.hub.send(id, mailbox, message, self.now);
        self.runtime.spawn_jobs(jobs);
    }
}

impl<R: DriveJobs> Drop for ActiveExchange<R> {
    fn drop(&mut self) {
        let shared = self.runtime.shared();
        if self.is_registered {
            let jobs = shared.hub.forget(self.exchange.id());
            self.runtime.spawn_jobs(jobs);
        }
        shared.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

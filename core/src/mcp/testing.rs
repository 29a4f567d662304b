//! A server in a test: exchanges, the hub and a store in memory, joined by a loop.

pub(crate) mod backend;
mod entra_callers;
mod messages;
mod outside;
pub(crate) mod processes;
mod replicas;
mod sessions;
mod stalled;
mod watched;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use self::messages::{GRAPH_TOKEN, initialize, initialize_with, profile, rpc};
use crate::{
    action::Action,
    admit,
    ask::{Fetch, FetchFault, Guard, Invoke, Record, Store, StoreFault, Stored, Ticket, Version},
    catalog::{Catalog, EffectResult},
    config::ClientAddress,
    entropy::Seed,
    event::Event,
    exchange::{Exchange, ExchangeId, Job, Output},
    hub::{Hub, HubOutput},
    log_event::LogEvent,
    opened_session::OpenedSessions,
    request_id::RequestId,
    testing::{self, TestServer},
    time::UnixTime,
};

/// A server with its store, and what is outside of it.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) hub: Hub,
    pub(crate) store: BTreeMap<String, Stored>,
    /// How many of the next `Put`s lose against somebody else's, who changes nothing.
    pub(crate) conflicts: usize,
    pub(crate) store_is_down: bool,
    /// Whether the operating system gives no randomness for keys and signatures.
    pub(crate) keys_fail: bool,
    /// What Graph answers, in turn; and what it was asked.
    pub(crate) graph: VecDeque<Result<Response<Bytes>, FetchFault>>,
    pub(crate) asked: Vec<Request<Bytes>>,
    /// What Entra's token endpoint answers, in turn; without an entry, new tokens.
    pub(crate) entra: VecDeque<Result<Response<Bytes>, FetchFault>>,
    /// What Entra's metadata and key set answer, in turn; without an entry, nothing.
    pub(crate) documents: VecDeque<Result<Response<Bytes>, FetchFault>>,
    /// What Entra's token endpoint was sent.
    pub(crate) redeemed: Vec<Request<Bytes>>,
    pub(crate) logged: Vec<LogEvent>,
    /// Calls that the runtime is to perform, with the exchange that asked; what they were granted; and
    /// how many were cancelled.
    pub(crate) calls: VecDeque<(ExchangeId, Ticket<Invoke>, Invoke)>,
    pub(crate) granted: Vec<EffectResult>,
    pub(crate) cancelled: usize,
    /// Where requests come from.
    pub(crate) client: Option<ClientAddress>,
    /// Whether Entra's token endpoint takes its time; and who waits for it.
    pub(crate) entra_is_slow: bool,
    pub(crate) asking: VecDeque<(ExchangeId, Ticket<Fetch>, Fetch)>,
    /// What the other replicas were told.
    pub(crate) opened: OpenedSessions,
    pub(crate) published: Vec<Bytes>,
    pub(crate) pulls: backend::Pulls,
    pub(crate) processes: processes::Processes,
    watched: watched::Watched,
    stalled: stalled::Stalled,
    exchanges: BTreeMap<ExchangeId, Running>,
    next: u64,
}

/// An exchange and what it has sent.
#[derive(Default)]
struct Running {
    exchange: Option<Exchange>,
    sent: Sent,
}

/// What an exchange has sent.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) response: Option<Response<Bytes>>,
    pub(crate) head: Option<Response<()>>,
    pub(crate) body: String,
    pub(crate) closed: bool,
}

impl World {
    /// Alice and Bob have signed in, with one client each.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            server: TestServer::dev(),
            hub: Hub::new(),
            store: BTreeMap::new(),
            conflicts: 0,
            store_is_down: false,
            keys_fail: false,
            graph: VecDeque::new(),
            asked: Vec::new(),
            entra: VecDeque::new(),
            documents: VecDeque::new(),
            redeemed: Vec::new(),
            logged: Vec::new(),
            calls: VecDeque::new(),
            granted: Vec::new(),
            cancelled: 0,
            client: None,
            entra_is_slow: false,
            asking: VecDeque::new(),
            opened: OpenedSessions::default(),
            published: Vec::new(),
            pulls: backend::Pulls::default(),
            processes: processes::Processes::default(),
            watched: watched::Watched::default(),
            stalled: stalled::Stalled::default(),
            exchanges: BTreeMap::new(),
            next: 0,
        };
        world.hub.publish(world.server.known.clone());
        for user in ["alice", "bob"] {
            world.sign_in(user, "a client", "user.read");
        }
        world
    }

    /// The same, with a server that offers this.
    pub(crate) fn offering(catalog: Catalog) -> Self {
        let mut world = Self::new();
        world.server.server.catalog = catalog;
        world
    }

    /// Time passes, in steps of a second; whoever wants to be woken is.
    pub(crate) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.server.now.instant = self.server.now.instant.after(Duration::from_secs(1));
            self.server.now.unix = UnixTime(self.server.now.unix.0 + 1);
            let running: Vec<ExchangeId> = self.exchanges.keys().copied().collect();
            for id in running {
                self.handle(id, Event::Tick);
            }
        }
    }

    /// Asks the store.
    pub(crate) fn ask(&mut self, store: Store) -> Result<Option<Stored>, StoreFault> {
        if self.store_is_down {
            return Err(StoreFault::Unavailable);
        }
        match store {
            Store::Get(key) => Ok(self.store.get(&key.0).cloned()),
            Store::Take(key) => Ok(self.store.remove(&key.0)),
            Store::Delete(key) => {
                self.store.remove(&key.0);
                Ok(None)
            }
            Store::Put(key, record, guard) => self.put(key.0, record, guard),
        }
    }

    fn put(
        &mut self,
        key: String,
        record: Record,
        guard: Guard,
    ) -> Result<Option<Stored>, StoreFault> {
        let version = self.store.get(&key).map(|stored| stored.version);
        if self.conflicts > 0 {
            self.conflicts -= 1;
            let stored = self.store.get_mut(&key).unwrap();
            stored.version = Version(stored.version.0 + 1);
            return Err(StoreFault::Conflict);
        }
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => version.is_none(),
            Guard::Version(read) => version == Some(read),
        };
        if !holds {
            return Err(StoreFault::Conflict);
        }
        let version = Version(version.map_or(1, |version| version.0 + 1));
        self.store.insert(key, Stored { record, version });
        Ok(None)
    }

    /// Begins a request and runs everything until nothing more happens.
    pub(crate) fn begin(&mut self, request: Request<Bytes>) -> ExchangeId {
        self.next += 1;
        let id = ExchangeId(self.next);
        self.asked_by_client(id, &request);
        let (head, body) = request.into_parts();
        let mut running = Running::default();
        let (server, now) = (&self.server.server, self.server.now);
        match admit::admit(head, server, now, RequestId::own(1)) {
            Err(refusal) => running.sent.response = Some(*refusal),
            Ok(admission) => {
                let mut seed = [7; 32];
                seed[..8].copy_from_slice(&self.next.to_be_bytes());
                let mut admission = admission.of_client(self.client);
                admission.recognize(&mut self.opened);
                let exchange = admission.begin(id, &Seed::new(seed), body, self.server.env());
                running.exchange = Some(exchange);
            }
        }
        self.exchanges.insert(id, running);
        self.drain(id);
        self.run_and_decline();
        id
    }

    fn run(&mut self, job: Job) {
        self.next += 1;
        let id = ExchangeId(self.next);
        let exchange = Exchange::job(id, &Seed::new([8; 32]), job, self.server.env());
        let running = Running {
            exchange: Some(exchange),
            sent: Sent::default(),
        };
        self.exchanges.insert(id, running);
        self.drain(id);
    }

    /// The response to a request.
    pub(crate) fn send(&mut self, request: Request<Bytes>) -> Response<Bytes> {
        let id = self.begin(request);
        let response = self.sent(id).response.clone();
        response.expect("the request is answered")
    }

    /// What an exchange has sent so far.
    pub(crate) fn sent(&self, id: ExchangeId) -> &Sent {
        &self.exchanges[&id].sent
    }

    /// Whether an exchange is over.
    pub(crate) fn is_over(&self, id: ExchangeId) -> bool {
        self.exchanges[&id].exchange.is_none()
    }

    /// Hands in an event, if the exchange still lives.
    pub(crate) fn handle(&mut self, id: ExchangeId, event: Event) {
        self.hand(id, event);
        self.run_and_decline();
    }

    fn hand(&mut self, id: ExchangeId, event: Event) {
        let env = self.server.env();
        let running = self.exchanges.get_mut(&id);
        if let Some(exchange) = running.and_then(|running| running.exchange.as_mut()) {
            exchange.handle(event, env).expect("the contract is kept");
            self.drain(id);
        }
    }

    fn run_hub(&mut self) {
        loop {
            match self.hub.poll() {
                HubOutput::Deliver(id, message) => self.deliver(id, message),
                HubOutput::Idle => return,
                HubOutput::Publish(known) => self.server.known = (*known).clone(),
                HubOutput::Spawn(job) => self.run(job),
            }
        }
    }

    /// Does what an exchange wants, asks last. As in the runtimes, an ask of the last step is lost, which
    /// would be a bug of the exchange.
    fn drain(&mut self, id: ExchangeId) {
        let mut asks = Vec::new();
        loop {
            let running = self.exchanges.get_mut(&id).unwrap();
            let Some(exchange) = running.exchange.as_mut() else {
                return;
            };
            let sent = &mut running.sent;
            match exchange.poll() {
                Output::Wait(until) => {
                    assert!(until > self.server.now.instant);
                    return self.perform_all(id, asks);
                }
                Output::Done(_) => {
                    assert!(asks.is_empty(), "{asks:?} of the last step are lost");
                    running.exchange = None;
                    self.hub.forget(id);
                    return;
                }
                Output::Do(Action::Respond(response)) => {
                    self.watched.answered(id, &response, response.body());
                    sent.response = Some(response);
                }
                Output::Do(Action::Open(head)) => {
                    self.watched.answered(id, &head, b"");
                    sent.head = Some(head);
                }
                Output::Do(Action::Write(bytes)) => {
                    self.watched.wrote(id, &bytes);
                    sent.body.push_str(std::str::from_utf8(&bytes).unwrap());
                }
                Output::Do(Action::Close) => sent.closed = true,
                Output::Do(Action::Log(line)) => self.logged.push(line),
                Output::Do(Action::ToHub(message)) => {
                    self.hub.handle(id, message, self.server.now);
                }
                Output::Do(Action::Remember(opened)) => self.opened.insert(opened),
                Output::Do(Action::Publish(message)) => self.published.push(message),
                Output::Do(Action::Cancel(_)) => self.cancelled += 1,
                Output::Do(Action::Invoke(ticket, call)) => {
                    self.calls.push_back((id, ticket, *call));
                }
                Output::Do(Action::Pull(ticket, pull)) => self.pulls.sent(id, ticket, *pull),
                Output::Do(Action::More(ask)) => self.processes.more(id, ask),
                Output::Do(action @ (Action::Spawn(..) | Action::Feed(..) | Action::End(..))) => {
                    self.processes.perform(id, action);
                }
                Output::Do(Action::Resume(_, granted)) => self.granted.push(granted),
                Output::Do(
                    ask @ (Action::Store(..)
                    | Action::Fetch(..)
                    | Action::Assert(..)
                    | Action::Sign(..)),
                ) => {
                    asks.push(ask);
                }
            }
        }
    }

    /// Performs asks one after the other, as a thread does. What is asked and not performed before the exchange
    /// ends is lost as well.
    fn perform_all(&mut self, id: ExchangeId, asks: Vec<Action>) {
        for ask in asks {
            assert!(!self.is_over(id), "{ask:?} is lost");
            self.perform(id, ask);
        }
    }

    /// A request of somebody's, with further headers.
    pub(crate) fn request(
        &self,
        user: &str,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Request<Bytes> {
        let mut request = self
            .server
            .request(method, target)
            .header("authorization", format!("Bearer {}", self.token(user)))
            .header("accept", "application/json, text/event-stream");
        if method == "POST" {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    /// POST /mcp.
    pub(crate) fn post(
        &mut self,
        user: &str,
        fields: &[(&str, &str)],
        body: impl AsRef<str>,
    ) -> Response<Bytes> {
        let request = self.request(user, "POST", "/mcp", fields, body.as_ref());
        self.send(request)
    }

    /// Begins an MCP session and gives its id.
    pub(crate) fn initialize(&mut self, user: &str, revision: &str) -> String {
        self.initialize_with(user, revision, &json!({}))
    }

    /// Begins an MCP session with a client that has these capabilities.
    pub(crate) fn initialize_with(
        &mut self,
        user: &str,
        revision: &str,
        capabilities: &Value,
    ) -> String {
        let response = self.post(user, &[], initialize_with(revision, capabilities));
        assert_eq!(response.status(), 200);
        let agreed = &testing::json(&response)["result"]["protocolVersion"];
        assert_eq!(*agreed, json!(revision));
        testing::header(&response, "mcp-session-id").to_owned()
    }
}

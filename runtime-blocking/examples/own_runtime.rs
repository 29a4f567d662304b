//! A third runtime, whole, to show what one is: one thread for each request, `tiny_http` to read,
//! `ureq` to fetch. It runs the core cases of the end-to-end suite (`tests/own_runtime.rs`).
//!
//!     cargo run -p entra-mcp-blocking --example own_runtime
//!
//! It leaves out what makes a server robust: ceilings, deadlines for slow peers, an orderly end;
//! and the gateway.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{Read as _, Write},
    process::ExitCode,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::admit,
    ask::{Ask, Fetch, FetchFault, FetchTarget},
    env::{EntraSnapshot, Env},
    event::Event,
    exchange::{Exchange, ExchangeId, Job, Output},
    hub::{FromHub, Hub, HubOutput, ToHub},
    request_id::RequestId,
    time::Now,
};
use entra_mcp_http1::Refusal;
use entra_mcp_runtime::{
    Program, RuntimeParts, SharedDevTenant, boot, finish_log, log, on_shutdown, seed,
};
use http::{Request, Response};

static PROGRAM: Program = Program {
    name: "own_runtime",
    flags: &[],
    // Only a Redis that knows this server by Entra ID needs it.
    fetch: |_, _| Err(FetchFault::Unreachable),
};

struct Runtime {
    parts: RuntimeParts,
    agent: ureq::Agent,
    next: AtomicU64,
    entra: RwLock<Arc<EntraSnapshot>>,
    hub: Mutex<(Hub, BTreeMap<ExchangeId, Sender<FromHub>>)>,
}

impl Runtime {
    /// The driver: perform what the exchange wants, hand in what happened, until it is done.
    fn drive(
        self: &Arc<Self>,
        begin: impl FnOnce(ExchangeId, Env<'_>) -> Exchange,
        mut writer: ResponseWriter,
    ) {
        let id = ExchangeId(self.next.fetch_add(1, Ordering::Relaxed));
        let mailbox = self.register(id);
        let mut exchange = self.in_env(|env| begin(id, env));
        let mut events = VecDeque::new();
        loop {
            match exchange.poll() {
                Output::Done(_) => break,
                Output::Do(Action::Respond(response)) => writer.respond(response),
                Output::Do(Action::Open(head)) => writer.open(&head),
                Output::Do(Action::Write(piece)) => writer.write(&piece),
                Output::Do(Action::Close) => writer.write(b""),
                Output::Do(Action::Fetch(ticket, fetch)) => {
                    events.push_back(ticket.answer(self.fetch(*fetch)));
                }
                Output::Do(Action::Assert(ticket, assertion)) => {
                    let now = self.parts.clock.now().unix;
                    let made = self.parts.client_assertions.answer(&assertion, now);
                    events.push_back(ticket.answer(made));
                }
                Output::Do(Action::Store(ticket, ask)) => {
                    let now = self.parts.clock.now().unix;
                    events.push_back(ticket.answer(self.parts.store.answer(ask, now)));
                }
                Output::Do(Action::ToHub(message)) => self.send_to_hub(id, message),
                Output::Do(Action::Log(event)) => log(&event),
                Output::Do(_) => {}
                Output::Wait(until) => {
                    let event = events.pop_front().unwrap_or_else(|| {
                        if writer.is_disconnected {
                            return Event::Disconnected;
                        }
                        let left = self.parts.clock.until(until);
                        mailbox
                            .recv_timeout(left)
                            .map_or(Event::Tick, Event::FromHub)
                    });
                    self.in_env(|env| exchange.handle(event, env))
                        .expect("the contract is kept");
                }
            }
        }
        let mut hub = self.hub.lock().expect("nobody panics with it");
        hub.0.forget(id);
        hub.1.remove(&id);
    }

    fn in_env<T>(&self, f: impl FnOnce(Env<'_>) -> T) -> T {
        let entra = Arc::clone(&self.entra.read().expect("nobody panics with it"));
        let now: Now = self.parts.clock.now();
        f(Env {
            server: &self.parts.server,
            catalog: &self.parts.server.catalog,
            entra: &entra,
            clients: &self.parts.clients.current(),
            policy: &self.parts.policy.current(),
            endpoint: entra_mcp_core::config::Endpoint::MAIN,
            now,
        })
    }

    fn register(&self, id: ExchangeId) -> Receiver<FromHub> {
        let (sender, receiver) = channel();
        self.hub
            .lock()
            .expect("nobody panics with it")
            .1
            .insert(id, sender);
        receiver
    }

    /// The hub: hand in a message, do what it wants.
    fn send_to_hub(self: &Arc<Self>, from: ExchangeId, message: ToHub) {
        let mut hub = self.hub.lock().expect("nobody panics with it");
        let (hub, mailboxes) = &mut *hub;
        hub.handle(from, message, self.parts.clock.now());
        loop {
            match hub.poll() {
                HubOutput::Idle => return,
                HubOutput::Deliver(id, message) => {
                    let _ = mailboxes.get(&id).map(|mailbox| mailbox.send(message));
                }
                HubOutput::Publish(entra) => {
                    *self.entra.write().expect("nobody panics with it") = entra;
                }
                HubOutput::Spawn(job) => self.spawn(job),
            }
        }
    }

    /// Drives a job, beside everything else.
    fn spawn(self: &Arc<Self>, job: Job) {
        let runtime = Arc::clone(self);
        let begin = |id, env: Env<'_>| Exchange::job(id, &seed(), job, env);
        thread::spawn(move || runtime.drive(begin, ResponseWriter::nobody()));
    }

    fn fetch(&self, fetch: Fetch) -> <Fetch as Ask>::Answer {
        let request = match fetch.target {
            FetchTarget::Configured(request) => request,
            // It judges no addresses, so what strangers name is not fetched: the pinned clients get in.
            FetchTarget::PublicOnly(_) => return Err(FetchFault::Forbidden),
        };
        let (head, body) = request.into_parts();
        let request = self
            .agent
            .configure_request(Request::from_parts(head, body.to_vec()));
        let answer = self
            .agent
            .run(request.timeout_global(Some(fetch.within)).build());
        let (head, mut body) = answer.map_err(|_| FetchFault::Unreachable)?.into_parts();
        let body = body
            .with_config()
            .limit(fetch.body_limit as u64)
            .read_to_vec();
        Ok(Response::from_parts(
            head,
            body.map_err(|_| FetchFault::TooLarge)?.into(),
        ))
    }

    /// One request of `tiny_http`.
    fn answer(self: &Arc<Self>, mut asked: tiny_http::Request, tenant: Option<&SharedDevTenant>) {
        let mut head = Request::builder()
            .method(asked.method().as_str())
            .uri(asked.url());
        for field in asked.headers() {
            head = head.header(field.field.as_str().as_str(), field.value.as_str());
        }
        let Ok(head) = head.body(()) else { return };
        let (head, ()) = head.into_parts();
        let now = self.parts.clock.now();
        if let Some(tenant) = tenant {
            let Some(body) = read(&mut asked, 65536) else {
                return ResponseWriter::of(asked).respond(Refusal::BodyTooLarge.response());
            };
            let response = tenant.answer(&Request::from_parts(head, body), now).0;
            return ResponseWriter::of(asked).respond(response);
        }
        // Any number that no other request has.
        let request_id = RequestId::own(self.next.fetch_add(1, Ordering::Relaxed));
        let admission = match admit(head, &self.parts.server, now, request_id) {
            Ok(admission) => admission,
            Err(refusal) => return ResponseWriter::of(asked).respond(*refusal),
        };
        let Some(body) = read(&mut asked, admission.body_limit()) else {
            return ResponseWriter::of(asked).respond(Refusal::BodyTooLarge.response());
        };
        self.drive(
            |id, env| admission.begin(id, &seed(), body, env),
            ResponseWriter::of(asked),
        );
    }
}

/// The body, unless it is longer than this.
fn read(asked: &mut tiny_http::Request, limit: usize) -> Option<Bytes> {
    let mut body = Vec::new();
    if asked.body_length() != Some(0) && *asked.method() == tiny_http::Method::Post {
        let _ = asked
            .as_reader()
            .take(limit as u64 + 1)
            .read_to_end(&mut body);
    }
    (body.len() <= limit).then(|| Bytes::from(body))
}

/// Whom the answer goes to: written by hand, so that each piece of a stream is flushed.
struct ResponseWriter {
    writer: Box<dyn Write + Send>,
    is_disconnected: bool,
}

impl ResponseWriter {
    fn of(request: tiny_http::Request) -> Self {
        Self {
            writer: request.into_writer(),
            is_disconnected: false,
        }
    }

    fn nobody() -> Self {
        Self {
            writer: Box::new(std::io::sink()),
            is_disconnected: false,
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let sent = self
            .writer
            .write_all(bytes)
            .and_then(|()| self.writer.flush());
        self.is_disconnected |= sent.is_err();
    }

    fn head<T>(head: &Response<T>) -> String {
        let mut text = format!("HTTP/1.1 {}\r\n", head.status());
        for (name, value) in head.headers() {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        text
    }

    fn respond(&mut self, response: Response<Bytes>) {
        let length = response.body().len();
        let head = Self::head(&response) + &format!("Content-Length: {length}\r\n\r\n");
        self.send(&[head.as_bytes(), response.body()].concat());
        *self = Self::nobody();
    }

    fn open(&mut self, head: &Response<()>) {
        self.send((Self::head(head) + "Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    }

    fn write(&mut self, piece: &[u8]) {
        self.send(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
    }
}

fn main() -> ExitCode {
    let parts = match boot(&PROGRAM) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0);
    let agent = agent.max_redirects_will_error(false).build().new_agent();
    let runtime = Arc::new(Runtime {
        hub: Mutex::new((
            Hub::with_capacity(parts.server.config.capacity),
            BTreeMap::new(),
        )),
        parts,
        agent,
        next: AtomicU64::new(0),
        entra: RwLock::default(),
    });
    let server = runtime
        .parts
        .server
        .config
        .listen
        .iter()
        .map(|address| (*address, None));
    let tenant = runtime.parts.tenant.iter().flat_map(|tenant| {
        tenant
            .listen()
            .iter()
            .map(move |address| (*address, Some(Arc::clone(tenant))))
    });
    // The tenant first: whoever finds the server finds it, too.
    for (address, tenant) in tenant.chain(server) {
        let Ok(listener) = tiny_http::Server::http(address) else {
            continue;
        };
        let runtime = Arc::clone(&runtime);
        thread::spawn(move || {
            while let Ok(request) = listener.recv() {
                let (runtime, tenant) = (Arc::clone(&runtime), tenant.clone());
                thread::spawn(move || runtime.answer(request, tenant.as_deref()));
            }
        });
    }
    if runtime.parts.tenant.is_none() {
        runtime.spawn(Job::check_credential());
    }
    runtime.parts.startup_banner();
    on_shutdown(|| {
        finish_log();
        std::process::exit(0)
    });
    loop {
        thread::park();
    }
}

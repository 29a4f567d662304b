//! One exchange alone: any request, and any answers to what it asks, in any order.
//!
//! Properties: it answers at most once, never after it ended; it ends; it waits for something ahead;
//! Entra's tokens of the made-up answers are in none of its own.

use arbitrary::Arbitrary;
use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit,
    ask::{Fetch, FetchFault, Record, Store, StoreFault, Stored, Ticket, Version},
    config::PreregisteredClients,
    entropy::Seed,
    env::{EntraSnapshot, Env, Server},
    event::Event,
    exchange::{Exchange, ExchangeId, Output},
    request_id::RequestId,
    time::{Instant, Now, UnixTime},
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use super::read;
use crate::{checks::Checks, clock::BEGINNING, options::Options, server::Keys};

/// A request, as anybody may send it.
#[derive(Debug, Arbitrary)]
struct Asked<'a> {
    method: u8,
    path: u8,
    query: &'a str,
    headers: Vec<(u8, &'a str)>,
    body: &'a [u8],
}

/// What happens next to the exchange.
#[derive(Debug, Arbitrary)]
enum Next<'a> {
    Fetched(u16, &'a [u8]),
    FetchFails,
    Stored(&'a [u8]),
    Nothing,
    Conflict,
    Unavailable,
    Later(u16),
    Gone,
}

const PATHS: [&str; 24] = [
    "/",
    "/style.css",
    "/healthz",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/sse",
    "/.well-known/oauth-authorization-server",
    "/register",
    "/authorize",
    "/consent",
    "/auth/callback",
    "/token",
    "/revoke",
    "/mcp",
    "/sse",
    "/message",
    "/nowhere",
    "/device_authorization",
    "/device",
    "/device/return",
    "/me",
    "/step-up",
    "/admin-consent",
    "/auth/admin-consent",
    "/jwks.json",
];

const HEADERS: [&str; 16] = [
    "host",
    "origin",
    "authorization",
    "cookie",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "accept",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "last-event-id",
    "access-control-request-method",
    "x-forwarded-host",
];

const METHODS: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
    Method::HEAD,
    Method::PUT,
];

/// What Entra's made-up answers hold, and ours must not.
const LABEL: &str = "made-up-access-token-of-entra";

impl Asked<'_> {
    fn request(&self) -> Option<Request<Bytes>> {
        let path = PATHS.get(usize::from(self.path) % PATHS.len())?;
        let target = format!("{path}?{}", self.query);
        let mut request = Request::new(Bytes::copy_from_slice(self.body));
        *request.uri_mut() = target.parse::<Uri>().ok()?;
        *request.method_mut() = METHODS
            .get(usize::from(self.method) % METHODS.len())?
            .clone();
        let host = HeaderValue::from_static("localhost:3001");
        request.headers_mut().insert(http::header::HOST, host);
        for (name, value) in self.headers.iter().take(20) {
            let name = HEADERS.get(usize::from(*name) % HEADERS.len())?;
            if let Ok(value) = HeaderValue::from_str(value) {
                let name = HeaderName::from_static(name);
                request.headers_mut().append(name, value);
            }
        }
        Some(request)
    }
}

fn now(milliseconds: u64) -> Now {
    Now {
        instant: Instant(milliseconds),
        unix: UnixTime(BEGINNING + milliseconds / 1000),
    }
}

/// Any head gets the same verdict twice, and a refusal is a refusal.
pub(super) fn admit(bytes: &[u8]) {
    let server = crate::server::build(&Options::faultless(), Keys::default(), &mut Checks::new());
    let Some(request) = read::<Asked<'_>>(bytes).and_then(|asked| asked.request()) else {
        return;
    };
    let (head, _) = request.into_parts();
    let verdict = || admit::admit(head.clone(), &server, now(1000), RequestId::own(1));
    match (verdict(), verdict()) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.body_limit(), other.body_limit(), "two verdicts");
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.status(), other.status(), "two verdicts");
            assert!(!one.status().is_server_error(), "{}", one.status());
        }
        _ => panic!("two verdicts"),
    }
}

/// An exchange with whatever happens to it.
pub(super) fn run(bytes: &[u8]) {
    let Some((asked, events)) = read::<(Asked<'_>, Vec<Next<'_>>)>(bytes) else {
        return;
    };
    let Some(request) = asked.request() else {
        return;
    };
    let server = crate::server::build(&Options::faultless(), Keys::default(), &mut Checks::new());
    let mut alone = Alone {
        server,
        known: EntraSnapshot::default(),
        clock: 1000,
        answers: 0,
        fetches: Vec::new(),
        stores: Vec::new(),
    };
    let seed = Seed::new([3; 32]);
    let (head, body) = request.into_parts();
    let env = alone.env();
    let Ok(admission) = admit::admit(head, env.server, env.now, RequestId::own(1)) else {
        return;
    };
    let exchange = admission.begin(ExchangeId(1), &seed, body, env);
    alone.run_to_end(exchange, events);
}

/// An exchange's whole world.
struct Alone {
    server: Server,
    known: EntraSnapshot,
    clock: u64,
    answers: u32,
    fetches: Vec<Ticket<Fetch>>,
    stores: Vec<Ticket<Store>>,
}

impl Alone {
    fn env(&self) -> Env<'_> {
        Env {
            server: &self.server,
            catalog: &self.server.catalog,
            entra: &self.known,
            clients: PreregisteredClients::none(),
            policy: entra_mcp_core::policy::Policy::none(),
            endpoint: entra_mcp_core::config::Endpoint::MAIN,
            now: now(self.clock),
        }
    }

    fn run_to_end(&mut self, mut exchange: Exchange, events: Vec<Next<'_>>) {
        let mut events = events.into_iter().take(64);
        // Once the bytes are used up the peer leaves, and time goes on until it ends.
        let mut gone = false;
        for _ in 0..200_u32 {
            let Some(until) = self.drain(&mut exchange) else {
                return;
            };
            assert!(until > Instant(self.clock), "it waits for what is past");
            let event = match events.next().map(|next| self.event(next)) {
                Some(Some(Event::Disconnected)) if gone => continue,
                Some(Some(event)) => event,
                Some(None) => continue,
                None if !gone => Event::Disconnected,
                None => {
                    self.clock = until.0;
                    Event::Tick
                }
            };
            gone |= matches!(event, Event::Disconnected);
            let handled = exchange.handle(event, self.env());
            handled.expect("this driver keeps the contract");
        }
        panic!("the exchange never ends");
    }

    fn drain(&mut self, exchange: &mut Exchange) -> Option<Instant> {
        loop {
            match exchange.poll() {
                Output::Do(action) => self.perform(action),
                Output::Wait(until) => return Some(until),
                Output::Done(_) => return None,
            }
        }
    }

    fn perform(&mut self, action: Action) {
        let printed = format!("{action:?}");
        assert!(!printed.contains(LABEL), "{printed}");
        let body = match action {
            Action::Respond(response) => {
                self.answers += 1;
                assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
                format!("{:?}", response.headers()) + &String::from_utf8_lossy(response.body())
            }
            Action::Open(_) => {
                self.answers += 1;
                String::new()
            }
            Action::Write(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Action::Fetch(ticket, _) => {
                self.fetches.push(ticket);
                String::new()
            }
            Action::Store(ticket, _) => {
                self.stores.push(ticket);
                String::new()
            }
            Action::Log(line) => line.to_string(),
            _ => String::new(),
        };
        assert!(!body.contains(LABEL), "Entra's token leaks");
        assert!(self.answers <= 1, "a second answer");
    }

    /// The event, if there is something that it answers.
    fn event(&mut self, next: Next<'_>) -> Option<Event> {
        let stored = |bytes: &[u8]| Stored {
            record: Record {
                bytes: Bytes::copy_from_slice(bytes),
                expires: UnixTime(u64::MAX),
            },
            version: Version(1),
        };
        Some(match next {
            Next::Fetched(status, body) => {
                let mut response = Response::new(Bytes::copy_from_slice(body));
                let status = 100 + status % 500;
                *response.status_mut() = StatusCode::from_u16(status).ok()?;
                self.fetches.pop()?.answer(Ok(response))
            }
            Next::FetchFails => self.fetches.pop()?.answer(Err(FetchFault::Unreachable)),
            Next::Stored(bytes) => self.stores.pop()?.answer(Ok(Some(stored(bytes)))),
            Next::Nothing => self.stores.pop()?.answer(Ok(None)),
            Next::Conflict => self.stores.pop()?.answer(Err(StoreFault::Conflict)),
            Next::Unavailable => self.stores.pop()?.answer(Err(StoreFault::Unavailable)),
            Next::Later(milliseconds) => {
                self.clock += u64::from(milliseconds) + 1;
                Event::Tick
            }
            Next::Gone => Event::Disconnected,
        })
    }
}

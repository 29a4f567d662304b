//! The pure core of entra-mcp: MCP messages, OAuth towards MCP clients, Entra's steps and session
//! mapping, as events in and actions out.
//!
//! Nothing here opens a socket, reads a clock, draws a random number or starts a thread. A **runtime**
//! does, and drives an [`Exchange`](exchange::Exchange) for each request.
//!
//! ```text
//!    MCP client, browser                                Entra ID, Graph
//!           | bytes                                            ^ HTTPS
//! +---------v------------------ a runtime ---------------------+---------+
//! |  head -> admit() -> body -> Exchange                                 |
//! |  +-- Exchange: one for each request, no lock ---------------------+  |
//! |  |   handle(Event, Env)                        poll() -> Output   |  |
//! |  +----^-------------------------------------------------+---------+  |
//! |   Fetched Stored Invoked         Respond Open Write Close            |
//! |   FromHub Disconnected Tick      Fetch Store Invoke ToHub Log        |
//! |  +-- Hub: one, behind a mutex ------------------------- v ---------+ |
//! |  |   streams, replay buffers, calls, subscriptions, tasks          | |
//! |  +-----------------------------------------------------------------+ |
//! +----------------------------------------------------------------------+
//! ```
//!
//! # The contract
//!
//! - **The admission rule.** [`admit`](admit::admit) checks the head of a request before its body is
//!   read. A refusal is an answer; only the [`Admission`](admit::Admission) begins an exchange.
//! - **The drain rule.** After an exchange began and after each
//!   [`handle`](exchange::Exchange::handle), [`poll`](exchange::Exchange::poll) until it says `Wait` or
//!   `Done`, and do each [`Action`](action::Action) in order, those of the last step too. Whoever hands in
//!   an event before gets [`Misuse::NotDrained`](exchange::Misuse::NotDrained).
//! - **The ticket rule.** An action that expects an answer carries a [`Ticket`](ask::Ticket), the only way
//!   to make the [`Event`](event::Event) that answers it. An answer may come late: the exchange
//!   drops what nobody waits for.
//! - **The time rule.** [`Now`](time::Now) is read once for each event; its monotonic clock never goes back,
//!   its wall clock may.
//! - **The hub rule.** What exchanges share is the [`Hub`](hub::Hub): hand it each `ToHub`, deliver what it
//!   says, and report to it when an exchange is over.
//!
//! [`event`], [`action`] and [`ask`] hold the whole contract. What is logged is a table:
//! [`LogEventId`](log_event::LogEventId).
//!
//! # A driver
//!
//! This one has no network: it answers what can be answered at once, `/healthz` and a client without a
//! token. `runtime-blocking/examples/own_runtime.rs` is a whole one.
//!
//! ```
//! use bytes::Bytes;
//! use entra_mcp_core::{
//!     action::Action, admit::admit, config::PreregisteredClients, entropy::Seed, env::{EntraSnapshot, Env, Server},
//!     policy::Policy,
//!     event::Event, exchange::{ExchangeId, Output},
//!     request_id::RequestId, time::{Instant, Now, UnixTime},
//! };
//! use http::{Request, Response};
//!
//! fn answer(server: &Server, request: Request<Bytes>) -> Response<Bytes> {
//!     let now = || Now { instant: Instant(0), unix: UnixTime(1_800_000_000) };
//!     let entra = EntraSnapshot::default();
//!     let clients = PreregisteredClients::none();
//!     let policy = Policy::none();
//!     let env = || Env { server, catalog: &server.catalog, entra: &entra, clients, policy, endpoint: Default::default(), now: now() };
//!     let (head, body) = request.into_parts();
//!     let admission = match admit(head, server, now(), RequestId::own(1)) {
//!         Ok(admission) => admission,
//!         Err(refusal) => return *refusal,
//!     };
//!     // Thirty-two bytes from the operating system, for each exchange anew.
//!     let seed = Seed::new([7; 32]);
//!     let mut exchange = admission.begin(ExchangeId(1), &seed, body, env());
//!     let mut answer = Response::default();
//!     loop {
//!         match exchange.poll() {
//!             Output::Do(Action::Respond(response)) => answer = response,
//!             Output::Do(Action::Log(line)) => eprintln!("{line}"),
//!             // A runtime performs these: Fetch, Store, Assert, Invoke, ToHub, and a streamed answer.
//!             Output::Do(action) => eprintln!("left out: {action:?}"),
//!             // It would wait here for the first answer, or until it is time.
//!             Output::Wait(_) => exchange.handle(Event::Disconnected, env()).expect("drained"),
//!             Output::Done(_) => return answer,
//!         }
//!     }
//! }
//! # use entra_mcp_core::{config::*, keys::{Keyring, MasterKey}, tools};
//! # let config = Config {
//! #     listen: Vec::new(),
//! #     metrics_listen: Vec::new(),
//! #     public_url: PublicUrl::parse("http://localhost:3001").unwrap(),
//! #     entra: EntraApp {
//! #         tenant: "11111111-1111-1111-1111-111111111111".to_owned(),
//! #         tenants: Tenants::One,
//! #         client_id: "22222222-2222-2222-2222-222222222222".to_owned(),
//! #         credential: ClientCredential::Secret("secret".to_owned().into()),
//! #         authority_host: url::Url::parse("https://login.example/").unwrap(),
//! #         graph: url::Url::parse("https://graph.example/").unwrap(),
//! #     },
//! #     dev_tenant: None,
//! #     store: StoreLocation::Folder("data".into()),
//! #     keys: Vec::new(),
//! #     store_ca: None,
//! #     allowed_origins: Vec::new(),
//! #     registration: Registration::Open,
//! #     allowed_users: AllowedUsers::default(),
//! #     contact: None,
//! #     client_documents: ClientDocuments::default(),
//! #     lifetimes: Lifetimes::default(),
//! #     clients: None,
//! #     device_authorization: false,
//! #     code_page: false,
//! #     gateway: None,
//! #     backends: Vec::new(),
//! #     with_own_tools: false,
//! #     sessions_per_user: entra_mcp_core::limits::SESSIONS_PER_USER,
//! #     trusted_proxies: Vec::new(),
//! #     proxy_protocol: false,
//! #     rate_limits: RateLimits::none(),
//! #     allowed_hosts: Vec::new(),
//! #     authorization_response_iss: true,
//! #     entra_tokens: None,
//! #     authorization_servers: entra_mcp_core::config::AuthorizationServers::Own,
//! #     call_limits: entra_mcp_core::config::CallLimits::default(),
//! #     capacity: entra_mcp_core::config::Capacity::default(),
//! #     shutdown: Shutdown::default(),
//! #     log: LogFormat::Text,
//! #     log_filter: LogFilter::default(),
//! #     dev_tenant_file: None,
//! #     graph_tools: std::collections::BTreeSet::new(),
//! #     audit_log: None,
//! # };
//! # let keys = Keyring::new(MasterKey::new([42; 32]), Vec::new());
//!
//! let server = Server::new(config, keys, tools::catalog());
//! let request = |method, path| {
//!     let request = Request::builder().method(method).uri(path);
//!     request.header("host", "localhost:3001").body(Bytes::new()).unwrap()
//! };
//! assert_eq!(answer(&server, request("GET", "/healthz")).body(), "ok\n");
//! let refused = answer(&server, request("POST", "/mcp"));
//! assert_eq!(refused.status(), 401);
//! assert!(refused.headers().contains_key("www-authenticate"));
//! ```

// The modules by floors: a file imports from its own floor and those below, never from one above
// (`.ci/floors` sees to it). Below all of them is `entra-mcp-wire`.

// Floor 1: names and numbers that depend on nothing.
pub mod base_path; // The path of the public address.
mod endpoint; // The MCP endpoints of one server.
mod fault; // What does not work in the environment.
mod few; // A list that mostly has one element.
mod id; // The ids of exchanges, sessions, streams, requests and tasks.
pub mod limits; // Every bound, with its reason.
pub mod log_event; // The lines of the log, as data.
mod pause; // Pauses of an exchange.
pub mod planted; // Bugs for the simulator to find.
pub mod request_id; // What lines of the log, pages and responses have in common.
mod revision; // The revisions of MCP, and what differs between them.
pub mod route; // The paths of the server.
mod throttle; // Waits that Entra and Graph asked for.
mod ticket; // Who asks, who may answer, who waits for the answer.

// Floor 2: settings and formats.
mod claims_challenge; // What Entra or a resource wants of a token.
mod client_document; // What a client says of itself at the URL that is its id.
mod client_id_url; // A `client_id` that is a URL.
mod client_keys; // The keys by which a client proves who it is.
pub mod client_setup; // How MCP clients are set up for this server.
pub mod config; // The settings, checked.
mod device_authorization; // What a device without a browser asked for.
pub mod error_responses; // The responses that a runtime gives by itself.
mod event_source; // Server-sent events, as a backend sends them.
mod http; // Cookies, forms and responses.
mod identity_token; // The token of a managed identity.
mod json_rpc; // JSON-RPC 2.0.
mod provider_metadata; // OpenID Connect metadata and signing keys.
pub mod rate_limit; // Who has asked for something too often.
mod redirect_uri; // Where clients may be returned to.
mod token_beginning; // How session tokens begin.

// Floor 3: what the server offers.
pub mod catalog; // Tools, resources, prompts and scopes, declared as data.
mod gateway; // Messages that pass to and from a backend, and what it is told of users.
pub mod policy; // What users may do of what a backend offers.
pub mod tools; // The tools that are built in.

// Floor 4: what a step may look at.
mod entra_token; // Who calls, as an access token of Entra's says.
pub mod env; // The server, what is known of Entra, the time.
mod pages; // The frame of the pages that a user sees.

// Floor 5: what exchanges share.
pub mod hub; // Tables behind the runtime's one mutex, and the messages to and from them.

// Floor 6: the contract with a runtime.
pub mod action; // What an exchange wants done.
pub mod ask; // Actions that expect an answer.
pub mod event; // What an exchange receives.
pub mod opened_session; // Sessions that were opened a moment ago.
pub mod replicas; // What replicas tell each other.

// Floor 7: how a step asks, answers and waits.
mod step;

// Floor 8: sessions.
mod session; // Records, session tokens, the look-up of the one by the other.

// Floor 9: who may come in.
pub mod admit; // Host, Origin, bearer token, CORS, the caller.
pub mod operator; // The sessions of all users, for the operator.

// Floor 10: the client of Entra ID and Microsoft Graph.
mod backend; // What the gateway does towards the server behind it.
mod entra;
pub use entra::store_token; // The password of a Redis that knows this server by Entra ID.

// Floor 11: the protocols towards clients.
mod mcp; // The transports and messages of MCP.
mod oauth; // The authorization server.

// Floor 12: the machine.
pub mod exchange; // From a request to the state that answers it.
#[cfg(feature = "fuzzing")]
pub mod fuzzing; // The properties of the decoders.

#[cfg(test)]
mod testing;

pub use entra_mcp_wire::{certificate, entropy, keys, secret, time};

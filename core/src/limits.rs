//! Every bound of the server, in one place, each with the reason for its value.

mod calls;
mod clients;
mod entra_tokens;
mod gateway;
mod lifetimes;
mod rates;

use std::{ops::RangeInclusive, time::Duration};

pub use self::{calls::*, clients::*, entra_tokens::*, gateway::*, lifetimes::*, rates::*};
pub use entra_mcp_http1::limits::{HEAD_BYTES, HEAD_FIELDS, TARGET_BYTES};

/// The longest path of the public address: it is in every cookie, and they share a head.
pub const BASE_PATH_BYTES: usize = 128;

/// The longest value of a field of the log, in characters.
pub const LOG_VALUE_CHARS: usize = 200;

/// The longest id that a proxy may give a request, in characters: those of proxies, clouds and tracing have at most forty.
pub const REQUEST_ID_CHARS: usize = 64;

/// The longest field of the log that holds text of this server or its environment, in characters.
pub const LOG_TEXT_CHARS: usize = 2000;

/// How many lines of one event that strangers can cause are written within [`LOG_BURST_WINDOW`]; the
/// others are counted.
pub const LOG_BURST: u64 = 20;

/// How long the lines of one burst are counted, from the first.
pub const LOG_BURST_WINDOW: Duration = Duration::from_secs(10);

/// The most bytes of a body of a stranger: registrations and forms are far smaller.
pub const UNAUTHENTICATED_BODY_BYTES: usize = 64 * 1024;

/// The most bytes of an MCP message of a client with a good token.
pub const MESSAGE_BODY_BYTES: usize = 4 * 1024 * 1024;

/// What an operator may set it to. What another replica or the store takes has room for the largest.
pub const MESSAGE_BODY_BYTES_BOUNDS: RangeInclusive<usize> = 64 * 1024..=MESSAGE_BODY_BYTES;

/// The longest `state` that a client may send (threat C14).
pub const STATE_BYTES: usize = 2048;

/// The longest `scope` that a client may send.
pub const SCOPE_BYTES: usize = 1024;

/// The most bytes of the names of the scopes that a catalog offers: a client may ask for all of them,
/// and a sign-in under way fits into a cookie.
pub const OFFERED_SCOPES_BYTES: usize = 512;

/// The longest name of a user that is stored, in characters; longer ones are cut.
pub const USER_NAME_CHARS: usize = 256;

/// The longest value of an app role that is stored: Entra allows 120 characters.
pub const ROLE_BYTES: usize = 512;

/// The most app roles of a user that are stored.
pub const ROLES: usize = 128;

/// The most groups of a user that are stored: as many as Entra puts into a token.
pub const GROUPS: usize = 200;

/// How long an exchange may take from its request to its end, streams apart.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an exchange that is otherwise over waits for the store to answer what it wrote.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a session may be on the list of its user before it is written: as long as an exchange may take.
pub const LISTED_BEFORE_WRITTEN: Duration = EXCHANGE_TIMEOUT;

/// How long a client assertion towards Entra is good for.
pub const CLIENT_ASSERTION_LIFETIME: Duration = Duration::from_secs(600);

/// How long one replica may take to refresh the tokens of a session with Entra before another one does it, too: a fetch,
/// and the store.
pub const REFRESH_LEASE: Duration = Duration::from_secs(20);

/// After what time a replica that waits for that looks for the first time whether it is done; then after twice as long each
/// time.
pub const REFRESH_LEASE_PAUSE: Duration = Duration::from_millis(100);

/// After what time at the latest.
pub const REFRESH_LEASE_LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long one fetch to Entra or Graph may take.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// The most bytes of an answer of Entra's or Graph's.
pub const FETCH_BODY_BYTES: usize = 1024 * 1024;

/// The most bytes of a body that a tool sends to Graph: what Graph takes in one request without an upload session.
pub const GRAPH_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes of an answer of Graph's that a tool may ask for, unless set: it is held in memory. What is larger is read
/// piece by piece.
pub const GRAPH_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// What an operator may set for that.
pub const GRAPH_RESPONSE_BYTES_BOUNDS: RangeInclusive<usize> = 64 * 1024..=64 * 1024 * 1024;

/// How many answers of Graph's one call may have open at once, to read them piece by piece: each is a connection.
pub const GRAPH_STREAMS: usize = 4;

/// The longest that a tool may wait for an answer of Graph's.
pub const GRAPH_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a sign-in may take, from the consent page to the callback.
pub const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(600);

/// How many codes are redeemed at Entra at once; further sign-ins are asked to wait. A redemption takes some
/// hundred milliseconds.
pub const CODE_REDEMPTIONS: usize = 128;

/// After what time a sign-in is tried again that found all redemptions taken.
pub const CODE_REDEMPTION_RETRY: Duration = Duration::from_secs(5);

/// How many codes that Entra refuses may come from all browsers in which no user has signed in yet, before they
/// wait: people mistype, and Entra is down for a while.
pub const REFUSED_CODES_OF_STRANGERS: u32 = 60;

/// After what time they may send one more: what a flood costs Entra.
pub const REFUSED_CODE_OF_STRANGERS_RECOVERY: Duration = Duration::from_secs(1);

/// The same of one address (of IPv6: one /64), which a whole company may share.
pub const REFUSED_CODES_OF_ADDRESS: u32 = 20;

/// After what time such an address may send one more: a tenth of what all may, so that a flood from one address
/// takes no sign-in from others.
pub const REFUSED_CODE_OF_ADDRESS_RECOVERY: Duration = Duration::from_secs(10);

/// The same of one browser in which a user has signed in.
pub const REFUSED_CODES_OF_DEVICE: u32 = 5;

/// After what time such a browser may send one more.
pub const REFUSED_CODE_OF_DEVICE_RECOVERY: Duration = Duration::from_secs(20);

/// How many such browsers have an allowance of their own at once; further ones share that of strangers.
pub const DEVICES: usize = 4096;

/// How long a browser is known after a user has signed in.
pub const DEVICE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// How many sign-ins are remembered that have redeemed a code; further ones are asked to wait. Strangers make
/// six hundred in the ten minutes of a sign-in, users twenty-five a second.
pub const SPENT_SIGN_INS: usize = 16 * 1024;

/// How many sign-ins one browser has under way; the oldest goes. Each is a cookie, and all of them come with
/// every request.
pub const SIGN_INS_PER_BROWSER: usize = 4;

/// How many sessions one user has in all, with whatever clients: the one that was used longest ago makes room
/// for another. Each may hold streams, calls and tasks up to the bounds of one user and client, so that one
/// user never takes more than half of what there is; where an operator allows more sessions, one may.
pub const SESSIONS_PER_USER: usize = 32;

/// How many an operator may allow; where the development tenant is, its few users stand for everybody, and each
/// has the most. All of them are looked at where one is too many.
pub const SESSIONS_PER_USER_BOUNDS: RangeInclusive<usize> = 1..=256;

/// How many shares open one session at once: the refresh token that is good, and those before it whose
/// session tokens still last. A client that refreshes more often than that in an hour loses its oldest
/// session token early.
pub const SESSION_SHARES: usize = 32;

/// Memory for sessions that were opened a moment ago: of some thousand users.
pub const OPENED_SESSION_BYTES: usize = 8 * 1024 * 1024;

/// How often a session's record is read again because somebody else has written it: each time means that
/// another request has got on.
pub const SESSION_UPDATE_ATTEMPTS: u8 = 8;

/// How long a redeemed code is remembered, so that it ends what it gave when it is seen again.
pub const SPENT_CODE_MEMORY: Duration = Duration::from_secs(600);

/// How many approvals one browser remembers; the oldest goes.
pub const REMEMBERED_CONSENTS: usize = 16;

/// How many approvals one user has in the store; the oldest goes.
pub const CONSENTS_PER_USER: usize = 64;

/// The leeway between our clock and that of who signed a token.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(60);

/// The leeway between our clock and Entra's (Microsoft's own libraries allow five minutes).
pub const ENTRA_CLOCK_LEEWAY: Duration = Duration::from_secs(300);

/// Entra's access token is renewed when it has less than this to live.
pub const ACCESS_TOKEN_RENEWAL: Duration = Duration::from_secs(300);

/// An unknown key id makes the server fetch Entra's keys at most this often
/// (Microsoft, signing key rollover).
pub const KEYS_REFETCH: Duration = Duration::from_secs(300);

/// After a fetch of Entra's metadata failed, it is tried again no sooner than this.
pub const KEYS_RETRY: Duration = Duration::from_secs(2);

/// Entra's metadata and keys are fetched anew after this (Microsoft: cache for 24 hours).
pub const KEYS_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// For how long a token of the managed identity is kept at most: Azure gives them out for a day.
pub const IDENTITY_TOKEN_LIFETIME: Duration = Duration::from_secs(86_400);

/// A token of the managed identity is not used in the last part of its life, as the clocks may differ.
pub const IDENTITY_TOKEN_MARGIN: Duration = Duration::from_secs(300);

/// Another token of the managed identity is fetched no sooner than this: Azure gives out the same one for a while.
pub const IDENTITY_TOKEN_REFETCH: Duration = Duration::from_secs(60);

/// After a fetch failed, the managed identity is asked again no sooner than this (Microsoft, "Retry guidance" for managed
/// identities).
pub const IDENTITY_TOKEN_RETRY: Duration = Duration::from_secs(2);

/// The longest file by which the agent of Azure Arc has its callers prove that they may read it.
pub const ARC_KEY_BYTES: u64 = 4096;

/// How many of Entra's signing keys are held; it has four to eight.
pub const SIGNING_KEYS: usize = 64;

/// The longest wait that a `Retry-After` of Entra or Graph is believed (as Microsoft's libraries have it).
pub const RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How long a request waits that was throttled by Entra or Graph without a `Retry-After` (as Microsoft's
/// libraries have it for confidential clients).
pub const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);

/// How long a user's token refreshes wait when Entra has seen a request loop (AADSTS50196): it counts over
/// five minutes.
pub const REQUEST_LOOP: Duration = Duration::from_secs(300);

/// How many waits for Entra and Graph are remembered.
pub const THROTTLED: usize = 1024;

/// How many exchanges may wait for one refresh of the keys.
pub const KEYS_WAITERS: usize = 1024;

/// How old a message of another replica may be, or how far ahead of our clock: somebody may keep it and repeat it.
pub const REPLICA_MESSAGE_LEEWAY: Duration = Duration::from_secs(60);

/// How many answers and cancellations of a user's client are kept for calls on other replicas.
pub const UNDELIVERED_MESSAGES: usize = 64;

/// How many changed lists and resources replicas keep for each other, for as long as a message is good: of one thing the last,
/// of more the latest.
pub const ANNOUNCEMENTS: usize = 256;

/// How often at most a replica looks for them, when its streams send their comments.
pub const ANNOUNCEMENTS_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The most bytes of a message of another replica: an MCP message, and what is around it.
pub const REPLICA_MESSAGE_BYTES: usize = 2 * MESSAGE_BODY_BYTES;

/// How often an open stream sends a comment and looks whether its session still lives; a call does, too. So late a
/// revocation, or a subscription, reaches what runs on another replica, if its message is lost.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a stream or call goes on while its session cannot be looked up, where replicas share the store: the session may
/// have been ended on another one. A failover of Redis takes less.
pub const UNVERIFIED_SESSION: Duration = Duration::from_secs(60);

/// How many streams one user may hold open with one client.
pub const STREAMS_PER_PRINCIPAL: usize = 16;

/// What an operator may set it to.
pub const STREAMS_PER_PRINCIPAL_BOUNDS: RangeInclusive<usize> = 1..=256;

/// How many streams the server holds open in all.
pub const STREAMS: usize = 4096;

/// The bytes of events that wait until an HTTP+SSE stream has sent what it was given; beyond that calls and
/// messages wait. It is given as much again: 128 KiB for each stream whose client does not read.
pub const STREAM_QUEUE_BYTES: usize = 64 * 1024;

/// How many messages to one HTTP+SSE stream may wait until there is room on it; further ones get 503.
pub const STREAM_WAITERS: usize = 64;

/// How long an MCP session of the older revisions lasts: no sign-in lasts longer, so none ends in use.
pub const MCP_SESSION_LIFETIME: Duration = *SESSION_ABSOLUTE_BOUNDS.end();

/// How many MCP sessions of one sign-in are remembered as ended, until they would have expired; more are not
/// ended. Each is 32 bytes of a record that every request reads.
pub const ENDED_MCP_SESSIONS: usize = 512;

/// The most messages of one batch (2025-03-26).
pub const BATCH: usize = 32;

/// The longest id of a JSON-RPC request, as text.
pub const REQUEST_ID_BYTES: usize = 256;

/// How long a whole head may take to arrive (threat M6).
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may be idle between two requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a peer may take to read one piece of an answer (threat M7).
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections are open at once; further ones get 503, unless they ask for health or
/// metadata (threat M10).
pub const CONNECTIONS: usize = 4096 + 512;

/// What an operator may set it to.
pub const CONNECTIONS_BOUNDS: RangeInclusive<usize> = 16..=65_536;

/// How many connections over a limit are answered, each with one response.
pub const OVERFLOW_CONNECTIONS: usize = 64;

/// How many of these may be of one address, so that it does not take the answer away from others.
pub const OVERFLOW_CONNECTIONS_PER_ADDRESS: usize = 8;

/// How many connections one address (of IPv6: one /64) has open at once, those of users too: half of all, so
/// that it locks nobody out. Addresses of this machine are not counted: a proxy may be there.
pub const CONNECTIONS_PER_ADDRESS: usize = CONNECTIONS / 2;

/// How many of these may not have shown a session token that is good; behind a trusted proxy: how many
/// such requests of one client are served at once. A whole company may have one address.
pub const UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS: usize = 256;

/// How many requests of one session may be worked on after their response, as the messages of HTTP+SSE are: the
/// calls of a user, and some shorter ones. Further requests of that session get 429.
pub const REMAINDERS_PER_SESSION: usize = 128;

/// How many there may be in all; beyond that a session that has one already gets 503.
pub const REMAINDERS: usize = 4096;

/// How many bytes of a head, and of a body, are not counted in [`UNAUTHENTICATED_BYTES`], so that strangers do not
/// keep users out: most have no more, and the number of connections bounds them.
pub const UNCOUNTED_BYTES: usize = 8 * 1024;

/// The most bytes that are buffered of requests that have not shown a session token that is good, heads and
/// bodies, in all. Further requests that are longer than [`UNCOUNTED_BYTES`] get 503 (threat M10).
pub const UNAUTHENTICATED_BYTES: usize = 64 * 1024 * 1024;

/// How many of these may be of one address (of IPv6: one /64): some forty of the longest requests.
pub const UNAUTHENTICATED_BYTES_PER_ADDRESS: usize = 4 * 1024 * 1024;

/// The most bytes of bodies that are held of one session's requests, while they are read and worked on; a body of
/// up to [`UNCOUNTED_BYTES`] is not counted. Further requests that are longer get 429.
pub const SESSION_BODY_BYTES: usize = 2 * MESSAGE_BODY_BYTES;

/// How many there may be in all: twice what the sessions of one user may hold. Beyond that longer requests get 503.
pub const USER_BODY_BYTES: usize = 2 * SESSIONS_PER_USER * SESSION_BODY_BYTES;

/// How many bytes of responses to requests of one session wait to be written, for the client reads them slowly; but one response always may.
pub const SESSION_RESPONSE_BYTES: usize = RESPONSE_BYTES / 8;

/// How many of all sessions do, so that none may have more than one.
pub const RESPONSE_BYTES: usize = 256 * 1024 * 1024;

/// How often the store is asked whether it answers, because somebody asks whether this replica is ready.
pub const READINESS_INTERVAL: Duration = Duration::from_secs(1);

/// How long the exchanges under way have when the server is asked to end, unless set.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// What may be set for that: no call lasts longer than the most.
pub const SHUTDOWN_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(600);

/// What may be set for how long a server that is asked to end goes on accepting requests, until a balancer has seen that it
/// is not ready any more.
pub const SHUTDOWN_DELAY_BOUNDS: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(300);

/// After how many milliseconds a client whose stream ends with the server is to come back, at least and at most: all of
/// them do, and not all at once.
pub const COME_BACK: RangeInclusive<u64> = 500..=2500;

/// How long the streams have of that to send their last event, before their connections are closed.
pub const STREAM_END_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the store deletes what expired (threat M16).
pub const PURGE_INTERVAL: Duration = Duration::from_secs(300);

//! Bounds of the gateway.

use std::{ops::RangeInclusive, time::Duration};

/// How long an assertion is good for at a backend: a call begins at once, and clocks differ little.
pub const ASSERTION_LIFETIME: Duration = Duration::from_secs(120);

/// For how long one that was signed is sent again: it is good for a minute and a half still.
pub const ASSERTION_REUSE: Duration = Duration::from_secs(30);

/// How many signed assertions are remembered: the oldest is forgotten, and signed anew when it is needed.
pub const ASSERTIONS: usize = 4096;

/// How many groups an assertion names: headers have an end. Beyond them it says that it names none.
pub const ASSERTION_GROUPS: usize = 32;

/// How many assertions are looked for in what a process that several users share writes: one is new for each user every half minute, and
/// is good for two.
pub const GUARDED_ASSERTIONS: usize = 64;

/// The longest scopes of a backend's application, in bytes: they go into the query of a sign-in.
pub const BACKEND_SCOPES_BYTES: usize = 1024;

/// How long a key signs assertions.
pub const ASSERTION_KEY_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long a key is published before it signs, and after it has.
pub const ASSERTION_KEY_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a replica reads the keys again, for another may have made one.
pub const ASSERTION_KEYS_REREAD: Duration = Duration::from_secs(60 * 60);

/// How long nobody looks again after the keys could not be read or made.
pub const ASSERTION_KEYS_REST: Duration = Duration::from_secs(1);

/// How many backends there are that have names: each is asked whether it is there, and has shares of the limits of its own.
pub const BACKENDS: usize = 32;

/// The longest name of a backend: it is a part of addresses that people read.
pub const BACKEND_NAME_BYTES: usize = 32;

/// How often a backend is asked whether it is there, while somebody asks whether this server is ready.
pub const BACKEND_PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// How long a connection to a backend may take.
pub const BACKEND_CONNECT: Duration = Duration::from_secs(5);

/// What an operator may set for that: a network that needs longer is not there.
pub const BACKEND_CONNECT_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(60);

/// How long the opening of a backend's session may take.
pub const BACKEND_OPENING: Duration = Duration::from_secs(20);

/// What an operator may set for that, and for [`PROCESS_OPENING`]: a client waits for it.
pub const BACKEND_OPENING_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(600);

/// How long a backend may send nothing once it has begun to answer.
pub const BACKEND_IDLE: Duration = Duration::from_secs(300);

/// What an operator may set for that: no call takes longer.
pub const BACKEND_IDLE_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3000);

/// How long a call of a backend may take unless another time is set.
pub const BACKEND_CALL: Duration = Duration::from_secs(600);

/// The most bytes of one message of a backend unless others are set: text and structured content double what a tool returns.
pub const BACKEND_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The most that may be set.
pub const BACKEND_MESSAGE_BYTES_CEILING: usize = 64 * 1024 * 1024;

/// How many bytes are held in all of answers of backends that are not whole yet, unless others are set: beyond them calls fail.
pub const BACKEND_HELD_BYTES: usize = 256 * 1024 * 1024;

/// The most that may be set.
pub const BACKEND_HELD_BYTES_CEILING: usize = 16 * 1024 * 1024 * 1024;

/// How many bytes of an answer are not counted among these: most answers are smaller, and need nobody's leave.
pub const BACKEND_FREE_BYTES: usize = 64 * 1024;

/// By how many bytes at least more are counted.
pub const BACKEND_HELD_STEP: usize = 1024 * 1024;

/// How many messages a backend may send before the answer to one call.
pub const BACKEND_MESSAGES: usize = 10_000;

/// What an operator may set for that.
pub const BACKEND_MESSAGES_BOUNDS: RangeInclusive<usize> = 1..=1_000_000;

/// How much the log tells of what a backend sent that is no message, in characters.
pub const BACKEND_EXCERPT_CHARS: usize = 200;
/// How often one call may end with questions to the client before its backend has to answer (2026-07-28).
pub const INPUT_ROUNDS: usize = 16;

/// How many calls wait for what only their clients can answer (2026-07-28 in front of a backend with sessions).
pub const PARKED_CALLS: usize = 256;

/// The same, of one owner.
pub const PARKED_CALLS_OF_PRINCIPAL: usize = 8;

/// How long such a call waits: a user thinks before answering, and the backend holds a connection meanwhile.
pub const PARKED_CALL: Duration = Duration::from_secs(600);

/// How many bytes of what a backend says of itself are kept with a session, for clients of 2026-07-28.
pub const BACKEND_SAID_BYTES: usize = 64 * 1024;

/// How many sessions of backends are known, in all and of one owner: the one that was used longest ago makes room.
pub const BACKEND_SESSIONS: usize = 4096;

/// The same, of one owner.
pub const BACKEND_SESSIONS_OF_PRINCIPAL: usize = 8;

/// How many assertions are looked for in what a backend sends that it was given in a session: one is new every half minute, and is good for
/// two.
pub const GIVEN_ASSERTIONS: usize = 5;

/// The same of access tokens of Entra's: one, and that before it was renewed.
pub const GIVEN_TOKENS: usize = 2;

/// How long a session of a backend lasts that no call and no stream uses: the backend keeps something for each, and it is opened again
/// when it is needed.
pub const BACKEND_SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// What an operator may set for that.
pub const BACKEND_SESSION_IDLE_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// How much a backend is told at once that needs no answer of its own, such as what it has asked: each takes a connection.
pub const BACKEND_TELLINGS: usize = 64;

/// The same, in one of its sessions.
pub const BACKEND_TELLINGS_OF_SESSION: usize = 4;

/// How much waits to be told to a backend: beyond it nothing is told, but that sessions are over, of which as much again may wait.
pub const BACKEND_TELLINGS_WAITING: usize = 4096;

/// The same, in one of its sessions: what this server answers at once is dropped first.
pub const BACKEND_TELLINGS_WAITING_OF_SESSION: usize = 64;

/// How many bytes that may have: answers of users are among it.
pub const BACKEND_TELLING_BYTES: usize = 64 * 1024 * 1024;

/// The same, in one of its sessions: two requests of the largest size.
pub const BACKEND_TELLING_BYTES_OF_SESSION: usize = 8 * 1024 * 1024;

/// How many bytes of settings of a session are remembered, to be set again when the backend has lost it.
pub const BACKEND_SETTINGS_BYTES: usize = 16 * 1024;

/// How long a stream lasts on which a backend sends what it likes: then it is opened anew, so that one whose peer is gone
/// without a word is found out.
pub const BACKEND_LISTENING: Duration = Duration::from_secs(60 * 60);

/// How long after such a stream has ended it is opened again; twice as long after each that has brought nothing.
pub const BACKEND_LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// The longest of these waits, and the longest that a backend can ask for.
pub const BACKEND_LISTEN_AGAIN_LONGEST: Duration = Duration::from_secs(60);

/// How long a call waits for such a stream to be open that it has opened itself: most backends begin to answer at once, and some not before
/// there is something.
pub const BACKEND_LISTEN_FIRST: Duration = Duration::from_secs(1);

/// After how long a backend is polled that has closed the stream of a call before its answer, if it does not say it.
pub const BACKEND_POLL: Duration = Duration::from_secs(1);

/// The shortest time that such a backend can ask for: each poll is a request.
pub const BACKEND_POLL_SHORTEST: Duration = Duration::from_millis(100);

/// The longest: the client waits meanwhile.
pub const BACKEND_POLL_LONGEST: Duration = Duration::from_secs(30);

/// How often it is polled for one call without a message of it in between.
pub const BACKEND_POLLS_IN_VAIN: usize = 600;

/// The longest id of an event that a backend is told it was read to.
pub const BACKEND_EVENT_ID_BYTES: usize = 256;

/// How long a process may take until its session is open: what `npx` or `uvx` run may have to be fetched first.
pub const PROCESS_OPENING: Duration = Duration::from_secs(50);

/// How many processes there are at once unless another number is set: each takes some 50 MB.
pub const PROCESSES: usize = 32;

/// The most that may be set.
pub const PROCESSES_CEILING: usize = 1024;

/// How many processes one owner has: the one that has had nothing to do for longest makes room.
pub const PROCESSES_OF_PRINCIPAL: usize = 4;

/// How long a process lives that nobody asks anything, unless another time is set.
pub const PROCESS_IDLE: Duration = Duration::from_secs(15 * 60);

/// The same while the server shuts down: the next request of a session that has just been opened comes sooner.
pub const PROCESS_IDLE_AT_SHUTDOWN: Duration = Duration::from_secs(1);

/// How long a process may take to end after its input was closed; and then after it was asked to.
pub const PROCESS_CLOSING: Duration = Duration::from_secs(5);

/// The same, after it was asked to.
pub const PROCESS_TERMINATING: Duration = Duration::from_secs(2);

/// The longest that an owner waits for the next process after those before ended without having answered anything.
pub const PROCESS_REST: Duration = Duration::from_secs(30);

/// What an operator may set for that.
pub const PROCESS_REST_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// For how many owners it is known that their processes do so: the oldest is forgotten.
pub const PROCESS_FAILURES: usize = 1024;

/// How many bytes wait to be read by a process: a request of the largest size, and as much again.
pub const PROCESS_UNREAD_BYTES: usize = 8 * 1024 * 1024;

/// How many bytes of answers to what a process asks wait to be read by it: beyond them no more of what it says is read.
pub const PROCESS_UNREAD_ANSWERS: usize = 64 * 1024;

/// How many bytes of a process wait for the exchange that they are for. Beyond them the process waits.
pub const PROCESS_WAITING_BYTES: usize = 64 * 1024;

/// How many lines of a process' error stream are logged in a minute; of the others it is said how many there were.
pub const PROCESS_COMPLAINTS: u32 = 100;

/// What an operator may set for that.
pub const PROCESS_COMPLAINTS_BOUNDS: RangeInclusive<u32> = 1..=100_000;

/// How many questions of a process are open.
pub const PROCESS_QUESTIONS: usize = 64;

/// How many pages of a backend's list are read to find out whether there is what a call names, under a policy that hides something.
pub const LOOKED_UP_PAGES: usize = 20;

/// How many characters of an argument are shown in the question whether a call may be made.
pub const CONFIRMATION_VALUE_CHARS: usize = 200;

/// How long the file of the policy may be, in bytes.
pub const POLICY_FILE_BYTES: u64 = 1024 * 1024;

/// How many arguments of a call are repeated in headers for a backend (2026-07-28).
pub const HEADER_PARAMS: usize = 32;

/// How long an argument may be, in bytes, to be repeated in a header for a backend.
pub const HEADER_PARAM_BYTES: usize = 4096;

/// For how many tools of one session of a backend it is kept which arguments they want repeated in headers.
pub const KEPT_HEADER_PARAMS: usize = 64;

/// How many bytes of that are kept for one tool; more is looked at for each call.
pub const KEPT_HEADER_PARAMS_BYTES: usize = 2048;

/// How long it is kept at most, whatever the backend's list says.
pub const KEPT_HEADER_PARAMS_TIME: Duration = Duration::from_secs(5 * 60);

/// How many bytes of a backend's stream may be of no message between two messages: comments, which keep connections open, and fields that
/// say nothing.
pub const BACKEND_IDLE_BYTES: usize = 1024 * 1024;

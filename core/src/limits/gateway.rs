//! Bounds of the gateway.

use std::time::Duration;

/// How long an assertion is good for at a backend: a call begins at once, and clocks differ little.
pub const ASSERTION_LIFETIME: Duration = Duration::from_secs(120);

/// For how long one that was signed is sent again: it is good for a minute and a half still.
pub const ASSERTION_REUSE: Duration = Duration::from_secs(30);

/// How many signed assertions are remembered: the oldest is forgotten, and signed anew when it is needed.
pub const ASSERTIONS: usize = 4096;

/// How many groups an assertion names: headers have an end. Beyond them it says that it names none.
pub const ASSERTION_GROUPS: usize = 32;

/// How long a key signs assertions.
pub const ASSERTION_KEY_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long a key is published before it signs, and after it has.
pub const ASSERTION_KEY_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a replica reads the keys again, for another may have made one.
pub const ASSERTION_KEYS_REREAD: Duration = Duration::from_secs(60 * 60);

/// How long nobody looks again after the keys could not be read or made.
pub const ASSERTION_KEYS_REST: Duration = Duration::from_secs(1);

/// How long a connection to a backend may take.
pub const BACKEND_CONNECT: Duration = Duration::from_secs(5);

/// How long the opening of a backend's session may take.
pub const BACKEND_OPENING: Duration = Duration::from_secs(20);

/// How long a backend may send nothing once it has begun to answer.
pub const BACKEND_IDLE: Duration = Duration::from_secs(300);

/// How long a call of a backend may take unless another time is set.
pub const BACKEND_CALL: Duration = Duration::from_secs(600);

/// The most bytes of one message of a backend unless others are set: text and structured content double what a tool returns.
pub const BACKEND_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The most that may be set.
pub const BACKEND_MESSAGE_BYTES_CEILING: usize = 64 * 1024 * 1024;

/// How many messages a backend may send before the answer to one call.
pub const BACKEND_MESSAGES: usize = 10_000;

/// How many sessions of backends are known, in all and of one owner: the one that was used longest ago makes room.
pub const BACKEND_SESSIONS: usize = 4096;

/// The same, of one owner.
pub const BACKEND_SESSIONS_OF_PRINCIPAL: usize = 8;

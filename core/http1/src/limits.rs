//! The bounds of a connection, each with its reason.

use std::time::Duration;

/// The most bytes of a request's target (path and query). Longer ones are 414.
pub const TARGET_BYTES: usize = 16 * 1024;

/// The most bytes of a request's head (threat L11). Longer ones are 431.
pub const HEAD_BYTES: usize = 32 * 1024;

/// The most fields of a request's head. More are 431.
pub const HEAD_FIELDS: usize = 100;

/// The longest line of a chunk's size with its extensions.
pub const CHUNK_LINE_BYTES: usize = 256;

/// The most bytes of sizes, extensions and trailers of one chunked body, beyond one for each byte of the body:
/// otherwise a body within its limit could be wrapped in any amount of nothing.
pub const CHUNK_OVERHEAD_BYTES: usize = 16 * 1024;

/// How much of what a peer still sends after the last response is read and discarded, and for how long:
/// closing with unread bytes would take the response away from it (RFC 9112 section 9.6).
pub const LINGER_BYTES: usize = 512 * 1024;
/// See [`LINGER_BYTES`].
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest header of the PROXY protocol: addresses have 216 bytes at most, and what else a proxy tells is passed over.
pub const PROXY_HEADER_BYTES: usize = 4096;

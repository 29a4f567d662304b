//! Request bodies: by length or in chunks (RFC 9112 sections 6 and 7.1), bounded in bytes and time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use entra_mcp_core::request_head::Framing;

use super::wire::{ReadError, Wire};

/// The longest line of a chunk's size with its extensions.
const SIZE_LINE_BYTES: usize = 256;

/// The most bytes of sizes, extensions and trailers of one body, beyond one for each of its own:
/// otherwise a body within its limit could be wrapped in any amount of nothing.
const WRAPPING_BYTES: usize = 16 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is longer than was admitted.
    TooLarge,
    /// Its chunks are not chunks.
    Malformed,
    /// It took too long.
    TimedOut,
    /// The peer left before its end.
    Disconnected,
}

impl From<ReadError> for BodyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TimedOut => Self::TimedOut,
            ReadError::Disconnected => Self::Disconnected,
        }
    }
}

/// Reads a whole body.
pub(super) fn read(
    wire: &mut Wire,
    framing: Framing,
    limit: usize,
    timeouts: Duration,
) -> Result<Bytes, BodyError> {
    let deadline = Instant::now() + timeouts;
    match framing {
        Framing::Empty => Ok(Bytes::new()),
        Framing::Length(length) => {
            let length = usize::try_from(length).map_err(|_| BodyError::TooLarge)?;
            if length > limit {
                return Err(BodyError::TooLarge);
            }
            exactly(wire, length, deadline).map(Bytes::from)
        }
        Framing::Chunked => chunks(wire, limit, deadline),
    }
}

fn exactly(wire: &mut Wire, length: usize, deadline: Instant) -> Result<Vec<u8>, BodyError> {
    // The buffer grows with what arrives, not with what was announced.
    while wire.buffer().len() < length {
        wire.fill(deadline)?;
    }
    Ok(wire.take(length))
}

fn chunks(wire: &mut Wire, limit: usize, deadline: Instant) -> Result<Bytes, BodyError> {
    let mut body = Vec::new();
    let mut wrapping = 0;
    loop {
        let line = line(wire, deadline)?;
        wrapping += line.len();
        let size = chunk_size(&line)?;
        if size == 0 {
            trailers(wire, wrapping, deadline)?;
            return Ok(body.into());
        }
        if size > limit.saturating_sub(body.len()) {
            return Err(BodyError::TooLarge);
        }
        body.extend(exactly(wire, size, deadline)?);
        if exactly(wire, 2, deadline)? != b"\r\n" {
            return Err(BodyError::Malformed);
        }
        if wrapping > WRAPPING_BYTES.saturating_add(body.len()) {
            return Err(BodyError::Malformed);
        }
    }
}

/// `chunk-size [ chunk-ext ]`: hexadecimal digits, then perhaps extensions, which mean nothing to
/// us. No sign, no prefix, no space, no number that overflows.
fn chunk_size(line: &[u8]) -> Result<usize, BodyError> {
    let (digits, extensions) = match line.iter().position(|byte| *byte == b';') {
        Some(place) => line.split_at(place),
        None => (line, &b""[..]),
    };
    let is_number = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let is_plain = extensions
        .iter()
        .all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    if !is_number || !is_plain {
        return Err(BodyError::Malformed);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| BodyError::Malformed)?;
    usize::from_str_radix(digits, 16).map_err(|_| BodyError::Malformed)
}

/// Reads trailers away, up to and with the empty line: nothing in them is of use to us.
fn trailers(wire: &mut Wire, wrapping: usize, deadline: Instant) -> Result<(), BodyError> {
    let mut read = wrapping;
    loop {
        let line = line(wire, deadline)?;
        if line.is_empty() {
            return Ok(());
        }
        read += line.len();
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let is_field = line.contains(&b':')
            && http::HeaderName::from_bytes(name).is_ok()
            && line
                .iter()
                .all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f);
        if !is_field || read > WRAPPING_BYTES {
            return Err(BodyError::Malformed);
        }
    }
}

/// A line without its CR LF; any other CR or LF is an error.
fn line(wire: &mut Wire, deadline: Instant) -> Result<Vec<u8>, BodyError> {
    loop {
        let buffer = wire.buffer();
        match buffer.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            Some(end) if end > SIZE_LINE_BYTES => return Err(BodyError::Malformed),
            Some(end) => match (buffer.get(end), buffer.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => {
                    let line = wire.take(end);
                    wire.take(2);
                    return Ok(line);
                }
                (Some(b'\r'), None) => {}
                _ => return Err(BodyError::Malformed),
            },
            None if buffer.len() > SIZE_LINE_BYTES => return Err(BodyError::Malformed),
            None => {}
        }
        wire.fill(deadline)?;
    }
}

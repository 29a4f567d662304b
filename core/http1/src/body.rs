//! The body of a request: by length or in chunks (RFC 9112 sections 6 and 7.1), bounded in bytes.

use bytes::Bytes;

use crate::{head::Framing, limits};

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than was accepted.
    TooLarge,
    /// Its chunks are not chunks.
    Malformed,
}

/// A body that is being received.
#[derive(Debug)]
pub(crate) enum Body {
    /// This many bytes.
    Length(usize),
    /// Chunks.
    Chunked(Chunks),
}

impl Body {
    /// Awaits a body of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// It announces more.
    pub(crate) fn new(framing: Framing, limit: usize) -> Result<Self, BodyError> {
        match framing {
            Framing::Empty => Ok(Self::Length(0)),
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= limit => Ok(Self::Length(length)),
                _ => Err(BodyError::TooLarge),
            },
            Framing::Chunked => Ok(Self::Chunked(Chunks::new(limit))),
        }
    }

    /// How many bytes of it are held that were taken already.
    pub(crate) fn received_bytes(&self) -> usize {
        match self {
            Self::Length(_) => 0,
            Self::Chunked(chunks) => chunks.body.len(),
        }
    }

    /// Takes what belongs to the body off the front of the buffer. Returns the body if it is whole.
    ///
    /// # Errors
    ///
    /// It is too long, or no body.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Bytes>, BodyError> {
        match self {
            // The buffer grows with what arrives, not with what was announced.
            Self::Length(length) if buffer.len() < *length => Ok(None),
            Self::Length(length) => {
                let rest = buffer.split_off(*length);
                Ok(Some(std::mem::replace(buffer, rest).into()))
            }
            Self::Chunked(chunks) => {
                let mut input = Input {
                    bytes: buffer,
                    used: 0,
                };
                let read = chunks.read(&mut input);
                let used = input.used;
                buffer.drain(..used);
                read
            }
        }
    }
}

/// A chunked body that is being received.
#[derive(Debug)]
pub(crate) struct Chunks {
    limit: usize,
    body: Vec<u8>,
    /// The bytes of sizes, extensions and trailers so far.
    overhead: usize,
    next: Next,
}

/// What is awaited of a chunked body.
#[derive(Clone, Copy, Debug)]
enum Next {
    Size,
    /// So many bytes of a chunk.
    Data(usize),
    /// The end of a chunk's line.
    DataEnd,
    Trailer,
}

/// What was received, and how much of it is used.
struct Input<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// At most so many bytes.
    fn take(&mut self, most: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..most).unwrap_or(rest);
        self.used += taken.len();
        taken
    }

    /// A line without its CR LF; any other CR or LF is an error.
    fn line(&mut self) -> Result<Option<&'a [u8]>, BodyError> {
        let rest = self.rest();
        let end = memchr::memchr2(b'\r', b'\n', rest);
        if end.unwrap_or(rest.len()) > limits::CHUNK_LINE_BYTES {
            return Err(BodyError::Malformed);
        }
        let Some(end) = end else {
            return Ok(None);
        };
        match (rest.get(end), rest.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                self.used += end + 2;
                Ok(rest.get(..end))
            }
            (Some(b'\r'), None) => Ok(None),
            _ => Err(BodyError::Malformed),
        }
    }
}

impl Chunks {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            body: Vec::new(),
            overhead: 0,
            next: Next::Size,
        }
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.next {
                Next::Size => {
                    let Some(line) = input.line()? else {
                        return Ok(None);
                    };
                    self.count(line.len())?;
                    let size = chunk_size(line)?;
                    if size > self.limit.saturating_sub(self.body.len()) {
                        return Err(BodyError::TooLarge);
                    }
                    self.next = match size {
                        0 => Next::Trailer,
                        size => Next::Data(size),
                    };
                }
                Next::Data(left) => {
                    let bytes = input.take(left);
                    self.body.extend_from_slice(bytes);
                    self.next = match left - bytes.len() {
                        0 => Next::DataEnd,
                        left => Next::Data(left),
                    };
                    if bytes.len() < left {
                        return Ok(None);
                    }
                }
                Next::DataEnd => match input.line()? {
                    None => return Ok(None),
                    Some(b"") => self.next = Next::Size,
                    Some(_) => return Err(BodyError::Malformed),
                },
                Next::Trailer => match input.line()? {
                    None => return Ok(None),
                    Some(b"") => return Ok(Some(std::mem::take(&mut self.body).into())),
                    // Nothing in a trailer is of use here.
                    Some(line) => {
                        self.count(line.len())?;
                        trailer(line)?;
                    }
                },
            }
        }
    }

    /// Counts what is not of the body.
    fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.overhead += bytes;
        match self.overhead > self.body.len() + limits::CHUNK_OVERHEAD_BYTES {
            true => Err(BodyError::Malformed),
            false => Ok(()),
        }
    }
}

/// `chunk-size [ chunk-ext ]`: hexadecimal digits, then perhaps extensions, which are ignored. No sign, no
/// prefix, no space, no number that overflows (threat L5).
fn chunk_size(line: &[u8]) -> Result<usize, BodyError> {
    let (digits, extensions) = match memchr::memchr(b';', line) {
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

/// A trailer is a field.
fn trailer(line: &[u8]) -> Result<(), BodyError> {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_field = line.contains(&b':')
        && http::HeaderName::from_bytes(name).is_ok()
        && line
            .iter()
            .all(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f);
    match is_field {
        true => Ok(()),
        false => Err(BodyError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, and what was left behind it; in whatever pieces it comes.
    fn chunks(bytes: &[u8], limit: usize) -> Result<Option<(Bytes, Vec<u8>)>, BodyError> {
        let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut body = Body::new(Framing::Chunked, limit)?;
            let mut buffer = Vec::new();
            while let Some(piece) = pieces.next() {
                buffer.extend_from_slice(piece);
                if let Some(whole) = body.read(&mut buffer)? {
                    pieces.for_each(|piece| buffer.extend_from_slice(piece));
                    return Ok(Some((whole, buffer)));
                }
            }
            Ok(None)
        };
        let at_once = read(&mut std::iter::once(bytes));
        assert_eq!(read(&mut bytes.chunks(1)), at_once);
        assert_eq!(read(&mut bytes.chunks(3)), at_once);
        at_once
    }

    #[test]
    fn chunks_are_joined_and_the_next_request_is_left() {
        let text = b"3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /";
        let (body, rest) = chunks(text, 13).unwrap().unwrap();
        assert_eq!(&body[..], b"abc0123456789");
        assert_eq!(rest, b"GET /");
        assert_eq!(chunks(&text[..20], 13), Ok(None));
    }

    // L5
    #[test]
    fn chunk_that_lenient_parsers_accept_is_malformed() {
        for text in [
            "3 \r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "3;\0\r\nabc\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc0\r\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\r\nno field\r\n\r\n",
            "100000000\r\n",
        ] {
            assert_eq!(
                chunks(text.as_bytes(), 100),
                Err(BodyError::Malformed),
                "{text}"
            );
        }
    }

    // M8
    #[test]
    fn chunk_over_the_limit_is_refused_by_its_size() {
        assert_eq!(chunks(b"5\r\n", 4), Err(BodyError::TooLarge));
        assert_eq!(chunks(b"4\r\nabcd\r\n1\r\n", 4), Err(BodyError::TooLarge));
        assert_eq!(chunks(b"ffffffff\r\n", usize::MAX / 2), Ok(None));
    }

    // M8
    #[test]
    fn overhead_of_chunks_is_bounded() {
        let extension = "x".repeat(200);
        let text = format!("1;{extension}\r\na\r\n").repeat(100);
        assert_eq!(chunks(text.as_bytes(), 1000), Err(BodyError::Malformed));
        let line = format!("1;{}", "x".repeat(limits::CHUNK_LINE_BYTES));
        assert_eq!(chunks(line.as_bytes(), 1000), Err(BodyError::Malformed));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(5000));
        assert_eq!(chunks(trailers.as_bytes(), 1000), Err(BodyError::Malformed));
    }

    #[test]
    fn announced_length_over_the_limit_is_refused() {
        assert!(Body::new(Framing::Length(5), 5).is_ok());
        assert!(Body::new(Framing::Length(6), 5).is_err());
        assert!(Body::new(Framing::Length(u64::MAX), usize::MAX).is_ok());
        let mut body = Body::new(Framing::Length(3), 5).unwrap();
        let mut buffer = b"ab".to_vec();
        assert_eq!(body.read(&mut buffer), Ok(None));
        buffer.extend_from_slice(b"cGET");
        assert_eq!(body.read(&mut buffer), Ok(Some(Bytes::from_static(b"abc"))));
        assert_eq!(buffer, b"GET");
    }
}

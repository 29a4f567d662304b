//! Where the head of a request ends (RFC 9112 section 2.2). CR and LF come together or not at all: a
//! parser that takes either alone for the end of a line may be made to see another request than a proxy did
//! (threat L6).

use crate::{head::HeadError, limits};

/// Looks for the end of a head at the front of a buffer, at each byte once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadEnd {
    /// How many bytes were looked at.
    scanned: usize,
    /// Where the last line feed was, if there was one.
    line_feed: Option<usize>,
}

impl HeadEnd {
    /// Returns the length of the head, with its empty line, if its end has come.
    ///
    /// # Errors
    ///
    /// It is no head, or one that is too large, whatever is still to come.
    pub(crate) fn find(&mut self, buffer: &[u8]) -> Result<Option<usize>, HeadError> {
        // A request begins with a method in capital letters: TLS, HTTP/2 and noise are known at once.
        if buffer
            .first()
            .is_some_and(|byte| !byte.is_ascii_uppercase())
        {
            return Err(HeadError::Malformed);
        }
        // What has come since, as far as a head may be. A CR at its end is looked at when what follows it has come.
        let most = buffer.len().min(limits::HEAD_BYTES);
        let new = buffer.get(self.scanned..most).unwrap_or_default();
        let new = match (new.strip_suffix(b"\r"), buffer.get(most)) {
            (Some(new), None | Some(b'\n')) => new,
            _ => new,
        };
        let mut lines = 0;
        for place in memchr::memchr_iter(b'\n', new) {
            let place = self.scanned + place;
            let before = place.checked_sub(1).and_then(|before| buffer.get(before));
            if before != Some(&b'\r') {
                return Err(HeadError::Malformed);
            }
            lines += 1;
            // The line is empty if only its CR lies between the two line feeds.
            let line_feed = self.line_feed.replace(place);
            if line_feed.is_some_and(|before| before + 2 == place) {
                let head = buffer.get(self.scanned..=place).unwrap_or_default();
                check(head, lines)?;
                return Ok(Some(place + 1));
            }
        }
        check(new, lines)?;
        self.scanned += new.len();
        match buffer.len() > limits::HEAD_BYTES {
            true => Err(self.too_large()),
            false => Ok(None),
        }
    }

    /// What of the head is too large: its first line, or the fields.
    fn too_large(self) -> HeadError {
        match self.line_feed {
            Some(_) => HeadError::TooLarge,
            None => HeadError::TargetTooLong,
        }
    }
}

/// Checks bytes in which so many line feeds come after a CR each. If there are no other CRs, none stands alone: that is counted
/// at once, not looked at one by one.
fn check(bytes: &[u8], lines: usize) -> Result<(), HeadError> {
    let returns = memchr::memchr_iter(b'\r', bytes).count();
    match returns == lines && memchr::memchr(0, bytes).is_none() {
        true => Ok(()),
        false => Err(HeadError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(bytes: &[u8]) -> Result<Option<usize>, HeadError> {
        let whole = HeadEnd::default().find(bytes);
        // Where the reads end means nothing.
        let mut end = HeadEnd::default();
        let mut found = Ok(None);
        for length in 1..=bytes.len() {
            found = end.find(&bytes[..length]);
            if found != Ok(None) {
                break;
            }
        }
        assert_eq!(found, whole, "{:?}", String::from_utf8_lossy(bytes));
        whole
    }

    #[test]
    fn head_ends_with_its_empty_line() {
        assert_eq!(find(b"GET / HTTP/1.1\r\n\r\nGET"), Ok(Some(18)));
        assert_eq!(find(b"GET / HTTP/1.1\r\nA: b\r\n\r\n"), Ok(Some(24)));
        assert_eq!(find(b"GET / HTTP/1.1\r\nA: b\r\n"), Ok(None));
        assert_eq!(find(b"GET / HTTP/1.1\r\nA: b\r"), Ok(None));
        assert_eq!(find(b""), Ok(None));
    }

    // L6
    #[test]
    fn line_end_that_is_not_cr_lf_is_malformed() {
        for bytes in [
            &b"GET / HTTP/1.1\n\n"[..],
            b"GET / HTTP/1.1\r\nA: b\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
            b"GET / HTTP/1.1\r\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\r\n\n",
            b"GET / HTTP/1.1\r\nA: b\r\r\nC: d\r\n\r\n",
            b"GET / HTTP/1.1\rA: b\r\n\r\n",
            b"\x16\x03\x01",
            b"get / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(find(bytes), Err(HeadError::Malformed));
        }
    }

    // L11
    #[test]
    fn head_over_the_limit_is_too_large_at_once() {
        let find = |bytes: &[u8]| HeadEnd::default().find(bytes);
        let of = |length: usize| {
            let mut head = b"GET / HTTP/1.1\r\nA: ".to_vec();
            head.resize(length - 4, b'x');
            head.extend_from_slice(b"\r\n\r\n");
            head
        };
        let most = limits::HEAD_BYTES;
        assert_eq!(find(&of(most)), Ok(Some(most)));
        assert_eq!(find(&of(most + 1)), Err(HeadError::TooLarge));
        assert_eq!(find(&of(most + 1)[..most]), Ok(None));
        let line = vec![b'G'; most + 1];
        assert_eq!(find(&line), Err(HeadError::TargetTooLong));
    }
}

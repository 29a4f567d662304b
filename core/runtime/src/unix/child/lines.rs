//! Lines out of bytes that come in any pieces.

use bytes::Bytes;

/// Cuts a stream into lines that end with LF or CRLF.
#[derive(Debug)]
pub(super) struct Lines {
    /// The most bytes of a line.
    limit: usize,
    /// The beginning of a line that has not ended.
    line: Vec<u8>,
    /// Whether that line is over the limit: it is skipped to its end.
    is_skipped: bool,
}

/// A line, or that there was one which is over the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Bytes),
    TooLong,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            is_skipped: false,
        }
    }

    /// The next line, with the bytes that have come, of which those that were used are taken off; `None` when all are.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Line> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (rest, ended) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.hold(rest);
        *bytes = ended.get(1..).unwrap_or_default();
        end.map(|_| self.take())
    }

    /// What is left at the end of the stream, if it is not nothing.
    pub(super) fn last(&mut self) -> Option<Line> {
        (self.is_skipped || !self.line.is_empty()).then(|| self.take())
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.is_skipped {
            return;
        }
        // One byte more, for the CR of a line end.
        if self.line.len().saturating_add(bytes.len()) > self.limit.saturating_add(1) {
            self.line = Vec::new();
            self.is_skipped = true;
            return;
        }
        self.line.extend_from_slice(bytes);
    }

    fn take(&mut self) -> Line {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let is_too_long = std::mem::take(&mut self.is_skipped) || line.len() > self.limit;
        match is_too_long {
            true => Line::TooLong,
            false => Line::Whole(Bytes::from(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Line> {
        let (mut lines, mut found) = (Lines::new(limit), Vec::new());
        for mut piece in pieces {
            while let Some(line) = lines.next(&mut piece) {
                found.push(line);
            }
        }
        found.extend(lines.last());
        found
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"12345\r\n\n123456\n12345\r\rx\na\rb\n1234567890\nhalf";
        let whole = |text: &'static str| Line::Whole(Bytes::from_static(text.as_bytes()));
        let expected = [
            whole("12345"),
            whole(""),
            Line::TooLong,
            Line::TooLong,
            whole("a\rb"),
            Line::TooLong,
            whole("half"),
        ];
        for size in 1..=text.len() {
            assert_eq!(lines(5, text.chunks(size)), expected, "{size}");
        }
    }

    #[test]
    fn line_over_the_limit_is_not_held() {
        let mut lines = Lines::new(10);
        for _ in 0..100 {
            assert_eq!(lines.next(&mut &[b'a'; 1000][..]), None);
            assert!(lines.line.capacity() < 100);
        }
        assert_eq!(lines.next(&mut &b"\n"[..]), Some(Line::TooLong));
        assert_eq!(lines.last(), None);
    }
}

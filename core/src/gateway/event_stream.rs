//! Server-sent events as they come in (WHATWG HTML, section 9.2): pieces of bytes in, the data of whole events out.
//!
//! Names and ids of events are not looked at: a message of MCP is its data, and nothing is resumed.

use super::answer_reader::TooLarge;

/// A stream that is being read.
#[derive(Debug)]
pub(super) struct EventStream {
    /// The bytes of the line that has not ended.
    line: Vec<u8>,
    /// The data of the event that has not ended.
    data: Vec<u8>,
    has_data: bool,
    /// Whether the last byte was a carriage return: a line feed then belongs to it.
    after_return: bool,
    is_first_line: bool,
    limit: usize,
}

impl EventStream {
    /// A stream whose events are not longer than this.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_return: false,
            is_first_line: true,
            limit,
        }
    }

    /// Takes a piece, and adds the data of the events that end in it.
    pub(super) fn push(&mut self, piece: &[u8], events: &mut Vec<Vec<u8>>) -> Result<(), TooLarge> {
        let mut rest = piece;
        if std::mem::take(&mut self.after_return) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let (line, ended) = rest.split_at(end);
            self.extend(line)?;
            rest = match ended {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            self.end_line(events);
        }
        self.extend(rest)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.data.len() + self.line.len() + bytes.len() > self.limit {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) {
        let mut line = self.line.as_slice();
        if std::mem::take(&mut self.is_first_line) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.line.clear();
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) && !data.is_empty() {
                events.push(data);
            }
            return;
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => Some(value),
            _ => None,
        };
        if let Some(value) = value {
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let (mut stream, mut events) = (EventStream::new(1000), Vec::new());
        for piece in pieces {
            stream.push(piece, &mut events).unwrap();
        }
        let text = |event| String::from_utf8(event).unwrap();
        events.into_iter().map(text).collect()
    }

    #[test]
    fn data_of_events_is_read_however_they_are_written() {
        let text = b"\xef\xbb\xbfdata:a\n\n: comment\nid: 7\nevent: message\r\ndata: b\r\ndata\r\ndata:  c\r\n\r\ndata: d\r\rdatax: e\n\nid: 8\ndata: \n\ndata: unfinished\n";
        assert_eq!(read(&[text]), ["a", "b\n\n c", "d"]);
    }

    // The same events, wherever the pieces are cut.
    #[test]
    fn pieces_change_nothing() {
        let text = "data: \u{e9}1\r\n\r\ndata: 2\rdata: 3\r\r\n: x\ndata: 4\n\n".as_bytes();
        let whole = read(&[text]);
        assert_eq!(whole, ["\u{e9}1", "2\n3", "4"]);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(read(&pieces), whole, "{first} {second}");
            }
        }
    }

    // R9
    #[test]
    fn event_that_is_too_long_is_refused() {
        let mut stream = EventStream::new(10);
        let mut events = Vec::new();
        assert!(stream.push(b"data: 1234", &mut events).is_ok());
        assert!(stream.push(b"5", &mut events).is_err());
        let mut stream = EventStream::new(10);
        let line = b"data: 1\n";
        let pushed: Vec<_> = (0..10).map(|_| stream.push(line, &mut events)).collect();
        assert!(pushed.iter().any(Result::is_err), "lines add up");
    }
}

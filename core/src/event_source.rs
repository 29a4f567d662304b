//! Server-sent events (WHATWG HTML, section 9.2): how a stream of a backend is read, in whatever pieces it comes.

use bytes::Bytes;
use memchr::memchr2;

/// Reads a stream of events, piece by piece. However it is cut into pieces, its events are the same.
#[derive(Debug)]
pub(crate) struct EventReader {
    /// The most bytes of an event: of its lines, without what becomes of them.
    limit: usize,
    /// How many bytes of a byte order mark were seen; as many as it has, once there is none to expect.
    mark: usize,
    /// Whether the last byte was a CR that ended a line: an LF after it belongs to it.
    is_after_cr: bool,
    /// The line that has not ended.
    line: Vec<u8>,
    data: Vec<u8>,
    kind: Vec<u8>,
    /// How many bytes the event under way has.
    held: usize,
    /// Whether the event under way is over the limit: it is skipped to its end.
    is_skipped: bool,
    last_event_id: Vec<u8>,
    retry: Option<u64>,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    /// Its type; `message` where none was said.
    pub(crate) kind: String,
    /// Its data, as the bytes that came, lines joined by LF.
    pub(crate) data: Bytes,
}

/// What an event is that is over the limit. It was skipped; the stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTooLong;

/// A byte order mark, which a stream may begin with.
const MARK: &[u8] = b"\xef\xbb\xbf";

impl EventReader {
    /// Reads from the beginning, events of at most so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            mark: 0,
            is_after_cr: false,
            line: Vec::new(),
            data: Vec::new(),
            kind: Vec::new(),
            held: 0,
            is_skipped: false,
            last_event_id: Vec::new(),
            retry: None,
        }
    }

    /// The next event, with the bytes that have come, of which those that were used are taken off; `None` when all are.
    ///
    /// # Errors
    ///
    /// One is over the limit. Bytes may be left.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<ServerEvent>, EventTooLong> {
        self.skip_mark(bytes)?;
        loop {
            if self.is_after_cr && !bytes.is_empty() {
                self.is_after_cr = false;
                *bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            let Some(end) = memchr2(b'\r', b'\n', bytes) else {
                let rest = std::mem::take(bytes);
                self.hold(rest)?;
                return Ok(None);
            };
            let (rest, ended) = bytes.split_at(end);
            self.is_after_cr = ended.first() == Some(&b'\r');
            *bytes = ended.get(1..).unwrap_or_default();
            let held = self.hold(rest);
            let event = self.end_line();
            held?;
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// How many bytes the event under way has.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The id of the last event that had one; empty if there was none.
    pub(crate) fn last_event_id(&self) -> &[u8] {
        &self.last_event_id
    }

    /// After how many milliseconds to come back, if the stream said so.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Takes a mark off the beginning. What begins like one and is none belongs to the first line.
    fn skip_mark(&mut self, bytes: &mut &[u8]) -> Result<(), EventTooLong> {
        while let (Some(expected), Some(first)) = (MARK.get(self.mark), bytes.first()) {
            if expected != first {
                let seen = MARK.get(..self.mark).unwrap_or_default();
                self.mark = MARK.len();
                return self.hold(seen);
            }
            self.mark += 1;
            *bytes = bytes.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Adds to the line that has not ended.
    fn hold(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Of a comment, or an event that is skipped, only that there is a line matters.
        let is_comment = self.line.first().or(bytes.first()) == Some(&b':');
        if self.is_skipped || is_comment {
            let first = bytes.iter().take(usize::from(self.line.is_empty()));
            self.line.extend(first);
            return Ok(());
        }
        self.held = self.held.saturating_add(bytes.len());
        self.line.extend_from_slice(bytes);
        if self.held <= self.limit {
            return Ok(());
        }
        self.is_skipped = true;
        self.line.truncate(1);
        self.line.shrink_to_fit();
        (self.data, self.kind) = (Vec::new(), Vec::new());
        Err(EventTooLong)
    }

    /// A line has ended, and with an empty one an event.
    fn end_line(&mut self) -> Option<ServerEvent> {
        if self.line.is_empty() {
            return self.end_event();
        }
        if self.is_skipped {
            self.line.clear();
            return None;
        }
        let line = std::mem::take(&mut self.line);
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => value.clone_into(&mut self.kind),
            b"id" if !value.contains(&0) => value.clone_into(&mut self.last_event_id),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let digits = std::str::from_utf8(value).ok();
                self.retry = digits.and_then(|digits| digits.parse().ok());
            }
            // A comment, or a field that nobody knows.
            _ => {}
        }
        None
    }

    /// An event without data is none.
    fn end_event(&mut self) -> Option<ServerEvent> {
        (self.held, self.is_skipped) = (0, false);
        let (mut data, kind) = (
            std::mem::take(&mut self.data),
            std::mem::take(&mut self.kind),
        );
        data.pop()?;
        let kind = match kind.is_empty() {
            true => "message".to_owned(),
            false => String::from_utf8_lossy(&kind).into_owned(),
        };
        let data = Bytes::from(data);
        Some(ServerEvent { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came of a stream that is handed in like this: events as type and data, and those that were too long.
    fn read<'a>(
        reader: &mut EventReader,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<Result<(String, String), EventTooLong>> {
        let mut events = Vec::new();
        for mut piece in pieces {
            while let Some(event) = reader.next(&mut piece).transpose() {
                events.push(event.map(|event| {
                    let data = String::from_utf8(event.data.to_vec()).unwrap();
                    (event.kind, data)
                }));
            }
            assert!(piece.is_empty());
        }
        events
    }

    fn events(stream: &str) -> Vec<(String, String)> {
        let read = read(&mut EventReader::new(1000), [stream.as_bytes()]);
        read.into_iter().map(Result::unwrap).collect()
    }

    fn expected(events: &[(&str, &str)]) -> Vec<(String, String)> {
        let events = events.iter();
        events
            .map(|(kind, data)| ((*kind).to_owned(), (*data).to_owned()))
            .collect()
    }

    // The examples of WHATWG HTML, section 9.2.6.
    #[test]
    fn examples_of_the_standard_are_read() {
        for (stream, found) in [
            (
                "data: YHOO\ndata: +2\ndata: 10\n\n",
                &[("message", "YHOO\n+2\n10")][..],
            ),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                &[
                    ("message", "first event"),
                    ("message", "second event"),
                    ("message", " third event"),
                ],
            ),
            (
                "data\n\ndata\ndata\n\ndata:",
                &[("message", ""), ("message", "\n")],
            ),
            (
                "data:test\n\ndata: test\n\n",
                &[("message", "test"), ("message", "test")],
            ),
            (
                "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
                &[("add", "73857293"), ("remove", "2153")],
            ),
        ] {
            assert_eq!(events(stream), expected(found), "{stream:?}");
        }
    }

    #[test]
    fn every_line_end_ends_a_line_once() {
        let found = expected(&[("message", "a\nb"), ("message", "c")]);
        for end in ["\n", "\r", "\r\n"] {
            let stream = "data: a|data: b||data: c||".replace('|', end);
            assert_eq!(events(&stream), found, "{end:?}");
        }
        assert_eq!(events("data: a\rdata: b\n\r\ndata: c\r\n\r"), found);
        // An LF and a CR are two.
        assert_eq!(
            events("data: a\n\rdata: c\n\n"),
            expected(&[("message", "a"), ("message", "c")])
        );
    }

    #[test]
    fn mark_is_skipped_at_the_beginning_only() {
        let found = expected(&[("message", "a")]);
        assert_eq!(events("\u{feff}data: a\n\n"), found);
        assert_eq!(events("\u{feff}\u{feff}data: a\n\n"), []);
        assert_eq!(events("\n\u{feff}data: a\n\n"), []);
        let mut reader = EventReader::new(1000);
        assert_eq!(
            read(&mut reader, [&b"\xef\xbbdata: a\n\ndata: b\n\n"[..]]).len(),
            1
        );
    }

    #[test]
    fn fields_without_data_are_remembered_and_are_no_event() {
        let mut reader = EventReader::new(1000);
        let mut next = |stream: &str| {
            let count = read(&mut reader, [stream.as_bytes()]).len();
            let id = String::from_utf8(reader.last_event_id().to_vec()).unwrap();
            (count, id, reader.retry())
        };
        assert_eq!(
            next("id: 7\nretry: 250\n\n"),
            (0, "7".to_owned(), Some(250))
        );
        assert_eq!(next("data: a\n\n"), (1, "7".to_owned(), Some(250)));
        assert_eq!(
            next("id: 8\0\nretry: 2x\ndata: a\n\n"),
            (1, "7".to_owned(), Some(250))
        );
        assert_eq!(
            next("id\nretry: \nDATA: a\n\n"),
            (0, String::new(), Some(250))
        );
        assert_eq!(next("event: a\n\n"), (0, String::new(), Some(250)));
        // The type is that of the next event only.
        assert_eq!(
            events("event: a\n\ndata: b\n\n"),
            expected(&[("message", "b")])
        );
    }

    #[test]
    fn stream_is_read_alike_however_it_is_cut() {
        let stream = "\u{feff}: c\r\nid: 1\r\nevent: é\r\ndata: {\"a\":\r\ndata:1}\r\n\r\ndata\n\rretry: 9\r\rdata:\n\n";
        let whole = read(&mut EventReader::new(1000), [stream.as_bytes()]);
        assert_eq!(whole.len(), 3);
        for size in 1..stream.len() {
            let mut reader = EventReader::new(1000);
            assert_eq!(
                read(&mut reader, stream.as_bytes().chunks(size)),
                whole,
                "{size}"
            );
            assert_eq!(
                (reader.last_event_id(), reader.retry()),
                (&b"1"[..], Some(9))
            );
        }
    }

    #[test]
    fn event_over_the_limit_is_skipped_and_the_next_is_read() {
        let long = "x".repeat(30);
        let stream = format!(
            "data: {long}\ndata: y\n\ndata: b\n\ndata: {long}\n\nevent: {long}\n\ndata: {}\n\n",
            "z".repeat(14)
        );
        let b = |data: &str| Ok(("message".to_owned(), data.to_owned()));
        let found = [
            Err(EventTooLong),
            b("b"),
            Err(EventTooLong),
            Err(EventTooLong),
            b(&"z".repeat(14)),
        ];
        for size in 1..stream.len() {
            let mut reader = EventReader::new(20);
            assert_eq!(
                read(&mut reader, stream.as_bytes().chunks(size)),
                found,
                "{size}"
            );
        }
    }

    #[test]
    fn comment_and_what_is_skipped_are_not_held() {
        let mut reader = EventReader::new(20);
        assert_eq!(
            read(&mut reader, [&b":"[..], &[b'a'; 1 << 20], b"\ndata: a\n\n"]).len(),
            1
        );
        assert!(reader.line.capacity() < 100);
        let found = read(
            &mut reader,
            [&b"data:"[..], &[b'a'; 1 << 20], &[b'a'; 1 << 20]],
        );
        assert_eq!(found, [Err(EventTooLong)]);
        assert!(reader.line.capacity() < 100, "{}", reader.line.capacity());
    }
}

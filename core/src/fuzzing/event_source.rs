//! The property of what reads server-sent events.

use crate::{
    event_source::{EventReader, EventTooLong, ServerEvent},
    mcp::sse,
};

/// The limit of an event.
const LIMIT: usize = 64;

/// However a stream is cut into pieces, its events are the same, and so are its id and time; no event is over the limit; what
/// this server writes is read as it was meant.
pub fn event_source(bytes: &[u8], cuts: &[u8]) {
    let mut reader = EventReader::new(LIMIT);
    let whole = read(&mut reader, [bytes]);
    let mut cut_reader = EventReader::new(LIMIT);
    let mut rest = bytes;
    let pieces = cuts.iter().map(|cut| {
        let (piece, left) = rest.split_at(usize::from(*cut).min(rest.len()));
        rest = left;
        piece
    });
    let mut pieces: Vec<_> = pieces.collect();
    pieces.push(rest);
    assert_eq!(read(&mut cut_reader, pieces), whole);
    assert_eq!(cut_reader.last_event_id(), reader.last_event_id());
    assert_eq!(cut_reader.retry(), reader.retry());
    let singly = read(&mut EventReader::new(LIMIT), bytes.chunks(1));
    assert_eq!(singly, whole);
    for event in whole.iter().flatten() {
        assert!(event.data.len() <= LIMIT, "an event is over the limit");
        assert!(!event.data.contains(&b'\r'), "a line has not ended");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let written = sse::event("message", text);
        let mut reader = EventReader::new(usize::MAX);
        let read = read(&mut reader, [&*written]);
        let found: Vec<_> = read.iter().flatten().map(|event| &event.data[..]).collect();
        let expected = text.replace(['\r', '\n'], " ");
        assert_eq!(found, [expected.as_bytes()]);
    }
}

fn read<'a>(
    reader: &mut EventReader,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Result<ServerEvent, EventTooLong>> {
    let mut events = Vec::new();
    for mut piece in pieces {
        while let Some(event) = reader.next(&mut piece).transpose() {
            events.push(event);
        }
        assert!(piece.is_empty(), "bytes are left");
    }
    events
}

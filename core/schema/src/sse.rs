//! The events of a stream, piece by piece.
//!
//! Source: HTML Living Standard, 9.2.6, interpreting an event stream.

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `message`, unless it says otherwise.
    pub(crate) name: String,
    /// The `data` lines. Empty where an event only has an `id`, for clients that come back.
    pub(crate) data: String,
}

/// What was not read yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    unread: Vec<u8>,
}

impl Events {
    /// Reads on: the events that are complete now.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Event>, String> {
        self.unread.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
            let rest = self.unread.split_off(end + 2);
            let event = std::mem::replace(&mut self.unread, rest);
            let text = String::from_utf8(event).map_err(|_| "an event is not UTF-8")?;
            events.extend(parse(&text)?);
        }
        Ok(events)
    }
}

/// `None` for an event without data, as a comment is.
fn parse(text: &str) -> Result<Option<Event>, String> {
    let mut name = "message".to_owned();
    let mut data: Vec<&str> = Vec::new();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            // A comment, or what a client that comes back needs.
            "" | "id" | "retry" => {}
            other => return Err(format!("an event has the field {other:?}")),
        }
    }
    let data = data.join("\n");
    Ok((!data.is_empty()).then_some(Event { name, data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_split_across_chunks_are_parsed_and_comments_skipped() {
        let mut events = Events::default();
        assert_eq!(events.read(b": hello\n\nid: 1\ndata:\n\neven"), Ok(vec![]));
        assert_eq!(events.read(b"t: endpoint\ndata: /message\n"), Ok(vec![]));
        let found = events.read(b"\ndata: {\ndata: }\n\n").unwrap();
        let names: Vec<&str> = found.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["endpoint", "message"]);
        assert_eq!(found[1].data, "{\n}");
        assert!(events.read(b"junk\n\n").is_err());
    }
}

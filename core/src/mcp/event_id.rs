//! The id of an event of a stream that is kept: which stream, and which event of it.
//!
//! It is a name, not a credential: only the owner of the stream, in the same MCP session, goes on from
//! it (threat I4).
//!
//! Source: MCP specification 2025-11-25, basic/transports, resumability and redelivery.

use crate::id::StreamId;

/// The id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId {
    pub(crate) stream: StreamId,
    /// Counted from zero.
    pub(crate) number: u64,
}

impl EventId {
    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, stream) = text.split_once('-')?;
        let id = Self {
            stream: StreamId::parse(stream)?,
            number: number.parse().ok().filter(|number| *number < u64::MAX)?,
        };
        (id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.number, self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_has_one_spelling() {
        let id = EventId {
            stream: StreamId([255; 16]),
            number: 7,
        };
        let text = id.to_string();
        assert_eq!(EventId::parse(&text), Some(id));
        for odd in [
            format!("0{text}"),
            format!("+{text}"),
            format!("{text} "),
            text.replace('7', "18446744073709551615"),
            "7".to_owned(),
            String::new(),
        ] {
            assert_eq!(EventId::parse(&odd), None, "{odd}");
        }
    }
}

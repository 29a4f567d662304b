//! How messages are written into the body of an answer: as one JSON text, or as events in any of the ways that there are.

use bytes::Bytes;
use serde_json::Value;

use crate::choice::Choice;

/// An event that holds a message (WHATWG HTML, server-sent events).
pub(super) fn event(message: &Value, number: u64, choice: &mut Choice) -> String {
    let end = *choice.pick(&["\n", "\r\n", "\r"]);
    let mut lines = Vec::new();
    if choice.chance(100) {
        lines.push(": a comment".to_owned());
    }
    if choice.chance(500) {
        lines.push("event: message".to_owned());
    }
    if choice.chance(300) {
        lines.push(format!("id: {number}"));
    }
    lines.push(format!("data: {message}"));
    let mut text = lines.join(end);
    text.push_str(end);
    text.push_str(end);
    text
}

/// A text in pieces, cut anywhere.
pub(super) fn pieces(text: &str, choice: &mut Choice) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(text.as_bytes());
    let mut pieces = Vec::new();
    let most = *choice.pick(&[8, 64 * 1024, 64 * 1024, 64 * 1024]);
    while pieces.len() < 12 && rest.len() > 1 && most < rest.len() + 64 * 1024 {
        let size = 1 + choice.below(most.min(rest.len()) as u64);
        let size = usize::try_from(size).expect("a size").min(rest.len());
        pieces.push(rest.split_to(size));
    }
    while !rest.is_empty() {
        let size = rest.len().min(64 * 1024);
        pieces.push(rest.split_to(size));
    }
    pieces
}

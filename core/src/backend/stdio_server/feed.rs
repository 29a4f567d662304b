//! What a process is fed, a message a line; and when it may write its next one.

use bytes::Bytes;
use serde_json::Value;

use super::{Stage, StdioServer};
use crate::step::Cx;

/// What some readers of lines take for the end of one, and how a string of JSON has it without that.
const OTHER_LINE_ENDS: [(&str, &str); 3] = [
    ("\u{85}", "\\u0085"),
    ("\u{2028}", "\\u2028"),
    ("\u{2029}", "\\u2029"),
];

impl StdioServer {
    /// Writes a message to its input.
    pub(super) fn feed(&mut self, message: &str, cx: &mut Cx<'_>) {
        self.feed_line(message, false, cx);
    }

    /// Answers what it has asked.
    pub(super) fn feed_answer(&mut self, message: &Value, cx: &mut Cx<'_>) {
        self.feed_line(&message.to_string(), true, cx);
    }

    fn feed_line(&mut self, message: &str, is_answer: bool, cx: &mut Cx<'_>) {
        let line = one_line(message);
        self.unread.fed(line.len(), is_answer);
        cx.feed(&self.child, Bytes::from(line));
    }

    /// Lets the next line come. One that asks and asks has to read first what it was answered.
    pub(super) fn next_line(&mut self, cx: &mut Cx<'_>) {
        let is_running = matches!(self.stage, Stage::Running);
        self.owes_line = is_running && self.unread.is_answered_enough();
        if !self.owes_line {
            cx.more(&self.child);
        }
    }
}

/// A message as one line: line ends between its members become spaces. In strings there are none, but what some readers take for one,
/// who would find another message there (threat R7).
fn one_line(message: &str) -> String {
    let mut line = message.replace(['\r', '\n'], " ");
    for (end, escaped) in OTHER_LINE_ENDS {
        if line.contains(end) {
            line = line.replace(end, escaped);
        }
    }
    line.push('\n');
    line
}

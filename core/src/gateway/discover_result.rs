//! What a backend says of itself without a session: of its capabilities those pass that the gateway keeps.
//!
//! Source: MCP specification 2026-07-28, server/discover.

use super::{RawMessage, raw_edit};

/// A capability that does not pass: the ids of tasks would be good for whoever hears of one (threat R5).
const TASKS: &[&str] = &[
    "result",
    "capabilities",
    "extensions",
    "io.modelcontextprotocol/tasks",
];

/// Capabilities of a process that several have: nobody listens for its changes (`subscriptions/listen`).
const CHANGES: [&[&str]; 4] = [
    &["result", "capabilities", "tools", "listChanged"],
    &["result", "capabilities", "prompts", "listChanged"],
    &["result", "capabilities", "resources", "listChanged"],
    &["result", "capabilities", "resources", "subscribe"],
];

/// The response to `server/discover` as clients get it.
pub(crate) fn without_what_does_not_pass(message: RawMessage, is_listened_to: bool) -> RawMessage {
    let changes = CHANGES.iter().filter(|_| !is_listened_to);
    let without = changes
        .chain([&TASKS])
        .try_fold(message.text().to_owned(), |text, path| {
            raw_edit::without_member(&text, path)
        });
    without
        .ok()
        .and_then(|text| RawMessage::of_checked(&text).ok())
        .unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_the_gateway_does_not_keep_are_not_told() {
        for (text, passed) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true, "listChanged":true,"x":1.0},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}},"prompts":{}},"supportedVersions":["2026-07-28"]}}"#,
                r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"tools":{},"resources":{"x":1.0},"extensions":{"a/b":{}},"prompts":{}},"supportedVersions":["2026-07-28"]}}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"x"}}"#,
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"x"}}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":[]}}"#,
                r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":[]}}"#,
            ),
        ] {
            let message = RawMessage::read(text).unwrap();
            assert_eq!(without_what_does_not_pass(message, false).text(), passed);
        }
    }
}

//! A process that sends much and takes nothing, and lines that are no lines.

use super::*;
use crate::limits as bounds;

// R17: what answers it waits for it, so nothing more is read of one that reads nothing.
#[test]
fn process_that_asks_and_reads_nothing_is_read_no_further() {
    let mut world = world();
    begin(&mut world, "alice", 0);
    let id = "x".repeat(bounds::REQUEST_ID_BYTES);
    for method in ["ping", "roots/list"] {
        let question = json!({"jsonrpc": "2.0", "id": id, "method": method}).to_string();
        let most = bounds::PROCESS_UNREAD_ANSWERS / question.len() * 4;
        let written = (0..most).take_while(|_| {
            let may_write = world.may_write(0);
            if may_write {
                world.writes(0, &question);
            }
            may_write
        });
        assert!(written.count() < most, "{method}");
        while !world.has_read_all(0) {
            world.reads(0);
        }
        assert!(world.may_write(0), "it goes on");
    }
}

// R7: what some readers of lines take for the end of one is written so that it is none.
#[test]
fn text_of_a_client_is_no_line_of_its_own() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let smuggled = r#"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}"#;
    for end in ['\u{85}', '\u{2028}', '\u{2029}'] {
        let text = format!("{end}{smuggled}{end}");
        let call = CALL.replace("\\u00e9", &text);
        send(&mut world, "alice", &session, &call);
        let line = world.process(0).fed_next();
        assert!(!line.contains(end), "{line}");
        let sent = world.reads(0);
        let text = text.replace("\\\"", "\"");
        assert_eq!(sent["params"]["arguments"]["text"], text);
    }
}

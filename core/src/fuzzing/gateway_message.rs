//! The properties of messages that pass the gateway: backends are other people's programs.

use serde_json::Value;

use crate::{
    gateway::{MessageKind, RawMessage, Replaced},
    json_rpc::Id,
};

/// What passes is JSON; with other ids it is the same message in all else, and with none replaced the same bytes; what is
/// put in is what is read back (threats R5, R9).
pub fn gateway_message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(message) = RawMessage::read(text) else {
        return;
    };
    let json: Value = serde_json::from_str(text).expect("what passes is JSON");
    assert_eq!(
        message.with_ids(Replaced::default()),
        text.trim_matches([' ', '\t', '\n', '\r']),
        "bytes of a message change"
    );
    assert_eq!(
        json.get("method").and_then(Value::as_str),
        match message.kind() {
            MessageKind::Request { method, .. } | MessageKind::Notification { method } => {
                Some(method.as_str())
            }
            MessageKind::Response { .. } => None,
        },
        "two readers read two methods"
    );
    let ours = Id::Text("ours\"\\\u{7}".to_owned());
    let replaced = message.with_ids(Replaced {
        id: Some(&ours),
        token: Some(&ours),
        cancelled: Some(&ours),
    });
    let again = RawMessage::read(&replaced).expect("it is a message still");
    assert!(message.token().is_none() || again.token() == Some(&ours));
    assert!(message.cancelled().is_none() || again.cancelled() == Some(&ours));
    let mut expected = json;
    let mut put = |pointer: &str, is_there: bool| {
        if let (Some(place), true) = (expected.pointer_mut(pointer), is_there) {
            *place = serde_json::to_value(&ours).expect("an id is JSON");
        }
    };
    put("/id", true);
    let is_request = matches!(message.kind(), MessageKind::Request { .. });
    let token = match is_request {
        true => "/params/_meta/progressToken",
        false => "/params/progressToken",
    };
    put(token, message.token().is_some());
    put("/params/requestId", message.cancelled().is_some());
    let replaced: Value = serde_json::from_str(&replaced).expect("it is JSON still");
    assert_eq!(replaced, expected, "more than ids is replaced");
}

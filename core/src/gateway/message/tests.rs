use super::*;

fn read(text: &str) -> RawMessage {
    RawMessage::read(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
}

const OURS: Id = Id::Positive(77);

fn with_id(text: &str) -> String {
    read(text).with_ids(Replaced {
        id: Some(&OURS),
        token: Some(&OURS),
        cancelled: Some(&OURS),
    })
}

// R5: nothing but the ids changes, wherever they stand.
#[test]
fn ids_are_replaced_and_every_other_byte_stays() {
    for (text, replaced) in [
        (
            r#"{ "result":{"n":1.00,"b":[1e3,"\u00e9"]} ,"jsonrpc":"2.0","id":4}"#,
            r#"{ "result":{"n":1.00,"b":[1e3,"\u00e9"]} ,"jsonrpc":"2.0","id":77}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a\"b","method":"tools/call","params":{"name":"x","_meta":{"progressToken":"t","io.x/y":{"a": 1}},"arguments":{"id":5,"_meta":{"progressToken":9}}},"more":0}"#,
            r#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":77,"io.x/y":{"a": 1}},"arguments":{"id":5,"_meta":{"progressToken":9}}},"more":0}"#,
        ),
        (
            r#"{"method":"notifications/progress","jsonrpc":"2.0","params":{"progress":0.5,"progressToken":-3,"_meta":{"progressToken":1}}}"#,
            r#"{"method":"notifications/progress","jsonrpc":"2.0","params":{"progress":0.5,"progressToken":77,"_meta":{"progressToken":1}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":"3"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77,"reason":"3"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"progressToken":1,"requestId":2}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"progressToken":1,"requestId":2}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":77,"error":{"code":-32600,"message":"x"}}"#,
        ),
    ] {
        assert_eq!(with_id(text), replaced);
        assert_eq!(read(text).with_ids(Replaced::default()), text);
    }
}

#[test]
fn id_that_looks_like_another_is_not_that_one() {
    let id = |text: &str| match read(text).kind() {
        MessageKind::Response { id, .. } => id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        Some(Id::Positive(1))
    );
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","id":"1","result":{}}"#),
        Some(Id::Text("1".to_owned()))
    );
    let text = r#"{"jsonrpc":"2.0","id":1.0,"error":{"code":1,"message":""}}"#;
    assert_eq!(id(text), None);
}

#[test]
fn kinds_of_message_are_told_apart() {
    let request = MessageKind::Request {
        id: Id::Positive(1),
        method: "ping".to_owned(),
    };
    assert_eq!(
        read(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).kind(),
        &request
    );
    let notification = MessageKind::Notification {
        method: "notifications/x".to_owned(),
    };
    let text = r#"{"jsonrpc":"2.0","method":"notifications\/x"}"#;
    assert_eq!(read(text).kind(), &notification);
    let text = r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#;
    let is_result = matches!(
        read(text).kind(),
        MessageKind::Response {
            is_error: false,
            ..
        }
    );
    assert!(is_result);
    assert_eq!(read(text).outcome(), Some("{}"));
}

// R9
#[test]
fn what_can_be_read_in_two_ways_or_not_at_all_does_not_pass() {
    for text in [
        "",
        "[]",
        "printed by a tool",
        r#"{"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"hi"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":[1]}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"oops"}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"y"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"y"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":5}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"y"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":1,"name":2}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"progressToken":1,"progressToken":2}}}"#,
    ] {
        assert!(RawMessage::read(text).is_err(), "{text}");
    }
}

// MCP: the id of a request is not null.
#[test]
fn what_asks_without_an_id_is_ignored() {
    for text in [
        r#"{"jsonrpc":"2.0","id":null,"method":"sampling/createMessage"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"notifications/message"}"#,
        r#"{"jsonrpc":"2.0","method":"elicitation/create","params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"sampling/createMessage"}"#,
        r#"{"jsonrpc":"2.0","method":"roots\/list"}"#,
        r#"{"jsonrpc":"2.0","method":"ping"}"#,
    ] {
        let read = RawMessage::read(text);
        assert_eq!(read.err(), Some(MessageFault::NotAnswerable), "{text}");
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
        let body = format!("[{text},{request}]");
        let found = RawMessage::read_of(&body, &Id::Positive(1)).unwrap();
        assert_eq!(found.text(), request, "{text}");
    }
}

#[test]
fn message_of_a_batch_is_found_by_its_id() {
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
    let two = r#"{"jsonrpc":"2.0","id":"1","method":"b"}"#;
    let body = format!("[{one}, {two}]");
    let found = RawMessage::read_of(&body, &Id::Text("1".to_owned())).unwrap();
    assert_eq!(found.text(), two);
    assert!(RawMessage::read_of(&body, &Id::Positive(2)).is_err());
    let found = RawMessage::read_of(one, &Id::Positive(1)).unwrap();
    assert_eq!((found.text(), found.params()), (one, None));
}

#[test]
fn parameter_is_read_as_its_text_means() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"d\u0065lete"}}"#;
    assert_eq!(read(text).param("name").as_deref(), Some("delete"));
    assert_eq!(read(text).param("uri"), None);
}

#[test]
fn params_that_are_null_are_none() {
    let text = r#"{"jsonrpc":"2.0","params":null,"method":"notifications/x"}"#;
    let message = read(text);
    assert_eq!((message.params(), message.text()), (None, text));
    let given = message.with_param(&["_meta", "a"], "1").unwrap();
    let expected = r#"{"jsonrpc":"2.0","params":{"_meta":{"a":1}},"method":"notifications/x"}"#;
    assert_eq!(given.text(), expected);
    let without = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
    assert_eq!(message.without_null_params().text(), without);
    let params = r#"{"jsonrpc":"2.0","method":"x","params":{}}"#;
    assert_eq!(read(params).without_null_params().text(), params);
}

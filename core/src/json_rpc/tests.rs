//! Threats K1 to K8, K10.

use super::*;

fn code(body: impl AsRef<[u8]>) -> i32 {
    parse(body.as_ref()).unwrap_err().error.code
}

fn one(body: &str) -> Message {
    match parse(body.as_bytes()).unwrap() {
        Incoming::One(message) => message,
        Incoming::Batch(_) => panic!("a batch"),
    }
}

// K1
#[test]
fn invalid_json_or_utf_8_is_a_parse_error_without_id() {
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"hello",
        b"{'id':1}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x",
        b"{} {}",
        b"NaN",
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        b"\xff\xfe{\0}\0",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xffng\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"x\":\"\xc3\x28\"}}",
    ];
    for body in bodies {
        let refused = parse(body).unwrap_err();
        assert_eq!(refused.error.code, Error::PARSE, "{body:?}");
        assert_eq!(refused.id, None);
    }
}

// K2
#[test]
fn deeply_nested_message_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [200, 100_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(code(body), Error::PARSE);
        }
    }
}

// K3
#[test]
fn message_of_too_many_values_is_refused() {
    let wide = format!("[{}1]", "1,".repeat(1_000_000));
    assert_eq!(code(wide), Error::INVALID_REQUEST);
}

// K4
#[test]
fn message_with_duplicate_members_is_refused() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
    ] {
        assert_eq!(code(body), Error::INVALID_REQUEST, "{body}");
    }
}

// K4
#[test]
fn member_name_in_another_case_is_unknown() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"Method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method\u0000":"ping"}"#,
        r#"{"JSONRPC":"2.0","id":1,"method":"ping"}"#,
    ] {
        assert_eq!(code(body), Error::INVALID_REQUEST, "{body}");
    }
    let Message::Notification(_) = one(r#"{"jsonrpc":"2.0","ID":1,"method":"ping"}"#) else {
        panic!("`ID` is no id")
    };
}

// K3, K5
#[test]
fn request_id_is_a_bounded_string_or_integer() {
    for id in ["null", "true", "1.5", "1e3", "[1]", "{}", "1e30"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(code(body), Error::INVALID_REQUEST, "{id}");
    }
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#,
        "x".repeat(limits::REQUEST_ID_BYTES + 1)
    );
    assert_eq!(code(long), Error::INVALID_REQUEST);
    for id in ["0", "-7", "18446744073709551615", "\"\"", "\"a\""] {
        let Message::Request(request) =
            one(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#))
        else {
            panic!("a request")
        };
        assert_eq!(serde_json::to_string(&request.id).unwrap(), id);
    }
}

// K6
#[test]
fn invalid_request_gets_an_error_with_its_id() {
    for body in [
        "1",
        "\"ping\"",
        "null",
        "{}",
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
    ] {
        assert_eq!(code(body), Error::INVALID_REQUEST, "{body}");
    }
    let body = br#"{"jsonrpc":"2.0","id":"a","method":7}"#;
    assert_eq!(parse(body).unwrap_err().id, Some(Id::Text("a".to_owned())));
    for params in ["[]", "1", "\"x\""] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#);
        assert_eq!(code(body), Error::INVALID_PARAMS, "{params}");
    }
}

// K7
#[test]
fn batch_over_the_bound_is_refused() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let batch = |count| format!("[{}]", vec![ping; count].join(","));
    assert_eq!(code("[]"), Error::INVALID_REQUEST);
    assert_eq!(code(batch(limits::BATCH + 1)), Error::INVALID_REQUEST);
    assert!(matches!(
        parse(batch(limits::BATCH).as_bytes()),
        Ok(Incoming::Batch(messages)) if messages.len() == limits::BATCH
    ));
}

// K8
#[test]
fn message_without_method_is_a_response_and_without_id_a_notification() {
    for body in [
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}"#,
    ] {
        assert!(matches!(one(body), Message::Response(_)), "{body}");
    }
    let body = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"getUserDetails"}}"#;
    assert!(matches!(one(body), Message::Notification(_)));
}

#[test]
fn null_params_are_as_if_left_out() {
    for (params, read) in [
        ("null", "{}"),
        (r#"{"cursor":null,"arguments":null,"_meta":null}"#, "{}"),
        (
            r#"{"_meta":{"progressToken":null,"a":{"b":null}},"name":"x"}"#,
            r#"{"_meta":{"a":{}},"name":"x"}"#,
        ),
        (
            r#"{"arguments":{"a":null},"inputResponses":{"b":{"content":null}}}"#,
            r#"{"arguments":{"a":null},"inputResponses":{"b":{"content":null}}}"#,
        ),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
        let Message::Request(request) = one(&body) else {
            panic!("a request")
        };
        let read: Value = serde_json::from_str(read).unwrap();
        assert_eq!(Value::Object(request.params.to_map()), read, "{params}");
    }
    let body = r#"{"jsonrpc":"2.0","id":null,"method":"notifications/initialized","params":null}"#;
    assert!(matches!(one(body), Message::Notification(_)));
}

#[test]
fn response_with_null_error_is_a_result() {
    let body = r#"{"jsonrpc":"2.0","id":9,"result":{},"error":null}"#;
    let Message::Response(response) = one(body) else {
        panic!("a response")
    };
    assert!(response.result.is_ok());
    let body = r#"{"jsonrpc":"2.0","id":9,"result":null,"error":{"code":1,"message":"x"}}"#;
    let Message::Response(response) = one(body) else {
        panic!("a response")
    };
    assert!(response.result.is_err());
    let body = br#"{"jsonrpc":"2.0","id":9,"error":null}"#;
    assert_eq!(code(body), Error::INVALID_REQUEST);
}

// K10
#[test]
fn error_does_not_echo_the_request() {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":{{"{}":1}}}}"#,
        "x".repeat(100_000)
    );
    let refused = parse(body.as_bytes()).unwrap_err();
    assert!(Response::error(refused.id, refused.error).to_json().len() < 200);
}

#[test]
fn response_is_written_on_one_line() {
    let result = serde_json::Map::from_iter([("text".to_owned(), "a\nb\u{2028}".into())]);
    let answer = Response::result(Id::Positive(1), result).to_json();
    assert_eq!(
        answer,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"text\":\"a\\nb\u{2028}\"}}"
    );
    let refused = Response::error(None, Error::new(Error::PARSE, "This is not JSON."));
    assert_eq!(
        refused.to_json(),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"This is not JSON."}}"#
    );
}

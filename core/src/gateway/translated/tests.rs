use super::*;

fn read(text: &str) -> RawMessage {
    RawMessage::read(text).unwrap()
}

#[test]
fn request_of_a_session_says_of_its_client_what_initialize_said() {
    let params = r#"{"protocolVersion":"2025-11-25","capabilities":{"roots":{"x":1.0},"tasks":{}},"clientInfo":{"name":"a","version":"1"}}"#;
    let declared = Declared::of_initialize(params).unwrap();
    for (text, passed) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{META}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"params":{"n":1.00,"_meta":{"progressToken":7}},"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"params":{"n":1.00,"_meta":{"progressToken":7,META}},"method":"a"}"#,
        ),
    ] {
        let meta = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{"x":1.0}},"io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/logLevel":"info""#;
        let stateless = read(text).for_stateless(declared, Some("info")).unwrap();
        assert_eq!(stateless.text(), passed.replace("META", meta));
    }
}

#[test]
fn request_for_a_session_says_nothing_of_its_client() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},"progressToken":"t","io.modelcontextprotocol/logLevel":"error","a/b":1.0},"name":"a","inputResponses":{},"requestState":"x"}}"#;
    let message = read(text);
    assert_eq!(message.wanted_level().as_deref(), Some("error"));
    let declared = message.declared().unwrap();
    let initialize = declared.to_initialize(Revision::V2025_11_25);
    assert!(
        initialize.starts_with(
            r#"{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"entra-mcp""#
        ),
        "{initialize}"
    );
    let passed = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t","a/b":1.0},"name":"a"}}"#;
    assert_eq!(message.for_session().unwrap().text(), passed);
}

#[test]
fn results_have_what_their_clients_era_has() {
    let stateless = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[ 1.0 ],"ttlMs":5,"cacheScope":"public","x":1.0}}"#;
    let session = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[ 1.0 ],"x":1.0}}"#;
    assert_eq!(read(stateless).of_stateless().text(), session);
    assert_eq!(
        read(session).of_session(true).text(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[ 1.0 ],"x":1.0,"resultType":"complete","ttlMs":0,"cacheScope":"private"}}"#
    );
    let empty = read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    let complete = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#;
    assert_eq!(empty.of_session(false).text(), complete);
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"","resultType":1}}"#;
    assert_eq!(read(error).of_stateless().text(), error);
    assert_eq!(read(error).of_session(true).text(), error);
}

#[test]
fn input_that_is_required_is_read_and_given() {
    let text = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"a \"b":{"method":"elicitation/create","params":{"n":1.0}},"c":{"method":"roots/list"}},"requestState":"s\u0041"}}"#;
    let input = read(text).input_required().unwrap().unwrap();
    let keys: Vec<_> = input
        .requests
        .iter()
        .map(|request| (&*request.key, &*request.method, request.params.as_deref()))
        .collect();
    assert_eq!(
        keys,
        [
            ("a \"b", "elicitation/create", Some(r#"{"n":1.0}"#)),
            ("c", "roots/list", None),
        ]
    );
    let call = read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#);
    let responses = [("a \"b".to_owned(), r#"{"x":1.00}"#.to_owned())];
    let again = call.with_input(&responses, input.state.as_deref()).unwrap();
    assert_eq!(
        again.text(),
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","inputResponses":{"a \"b":{"x":1.00}},"requestState":"s\u0041"}}"#
    );
    assert!(call.input_required().is_none());
    let complete = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#;
    assert!(read(complete).input_required().is_none());
    for bad in [
        r#"{"resultType":"input_required","inputRequests":[]}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{}}}"#,
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{bad}}}"#);
        assert!(read(&text).input_required().unwrap().is_err(), "{bad}");
    }
}

#[test]
fn what_a_server_says_of_itself_is_said_in_the_other_era() {
    let discovered = r#"{"supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{"a/b":{}},"x":1.0},"instructions":"I","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"o","version":"1"}}}"#;
    let initialized = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"x":1.0},"serverInfo":{"name":"o","version":"1"},"instructions":"I"}"#;
    let revision = Revision::V2025_06_18;
    assert_eq!(
        initialize_of_discover(discovered, revision, false).as_deref(),
        Some(initialized)
    );
    let heard = initialize_of_discover(discovered, revision, true).unwrap();
    assert!(heard.contains(r#""tools":{"listChanged":true}"#), "{heard}");
    assert_eq!(
        discover_of_initialize(initialized, r#"["2026-07-28"]"#, true).as_deref(),
        Some(
            r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"x":1.0},"instructions":"I","resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"o","version":"1"}}}"#
        )
    );
    let listened = r#"{"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"tasks":{}},"serverInfo":{}}"#;
    let changes =
        r#"{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}}"#;
    for (is_heard, kept) in [(true, changes), (false, r#"{"tools":{},"resources":{}}"#)] {
        let said = discover_of_initialize(listened, "[]", is_heard).unwrap();
        assert!(
            said.contains(&format!(r#""capabilities":{kept},"#)),
            "{said}"
        );
    }
    let older = r#"{"supportedVersions":["2025-11-25"],"capabilities":{}}"#;
    assert!(initialize_of_discover(older, revision, true).is_none());
}

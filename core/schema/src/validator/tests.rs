use serde_json::{Value, json};

use super::{ReceivedResponse, SchemaValidator, SentRequest};

/// A client and a server, one exchange after another.
#[derive(Default)]
struct Talk {
    watcher: SchemaValidator,
    exchanges: u64,
}

impl Talk {
    fn asks(&mut self, asked: SentRequest<'_>) -> u64 {
        self.exchanges += 1;
        self.watcher.asked(self.exchanges, &asked).unwrap();
        self.exchanges
    }

    fn posts(&mut self, session: Option<&str>, message: &Value) -> u64 {
        let body = message.to_string();
        let body = body.as_bytes();
        self.asks(SentRequest {
            target: "/mcp",
            session,
            body,
            ..SentRequest::default()
        })
    }

    fn gets_json(&mut self, exchange: u64, body: &Value) -> Result<(), String> {
        self.gets(exchange, None, "application/json", &body.to_string())
    }

    fn gets(
        &mut self,
        exchange: u64,
        session: Option<&str>,
        content_type: &str,
        body: &str,
    ) -> Result<(), String> {
        let body = body.as_bytes();
        let answered = ReceivedResponse {
            status: 200,
            content_type,
            session,
            body,
        };
        self.watcher.answered(exchange, &answered)
    }

    fn agrees(&mut self, revision: &str) {
        let exchange = self.posts(None, &initialize(revision));
        let body = agreed(revision).to_string();
        self.gets(exchange, Some("s"), "application/json", &body)
            .unwrap();
    }
}

fn initialize(revision: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"}}})
}

fn agreed(revision: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": revision,
        "capabilities": {}, "serverInfo": {"name": "a", "version": "1"}}})
}

fn request(id: u64, method: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method})
}

fn call(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "sing"}})
}

fn sound(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": [
        {"type": "audio", "data": "AAEC", "mimeType": "audio/wav"}]}})
}

#[test]
fn session_decides_the_revision_and_id_the_method() {
    for (revision, fits) in [
        ("2024-11-05", false),
        ("2025-03-26", true),
        ("2025-11-25", true),
    ] {
        let mut talk = Talk::default();
        talk.agrees(revision);
        let exchange = talk.posts(Some("s"), &call(1));
        assert_eq!(
            talk.gets_json(exchange, &sound(1)).is_ok(),
            fits,
            "{revision}"
        );
        let exchange = talk.posts(Some("s"), &request(2, "tools/list"));
        assert!(
            talk.gets_json(exchange, &sound(2)).is_err(),
            "no list of tools"
        );
        assert!(talk.gets_json(exchange, &sound(3)).is_err(), "nobody asked");
        let unnamed = json!({"jsonrpc": "2.0", "id": null, "error": {"code": 1, "message": "no"}});
        assert!(
            talk.gets_json(exchange, &unnamed).is_err(),
            "the id could be read"
        );
    }
}

#[test]
fn batches_belong_to_one_revision() {
    for (revision, fits) in [("2025-03-26", true), ("2025-06-18", false)] {
        let mut talk = Talk::default();
        talk.agrees(revision);
        let exchange = talk.posts(Some("s"), &call(1));
        let batch = json!([sound(1)]);
        assert_eq!(talk.gets_json(exchange, &batch).is_ok(), fits, "{revision}");
    }
}

#[test]
fn http_sse_stream_answers_posted_requests() {
    let mut talk = Talk::default();
    let stream = talk.asks(SentRequest {
        target: "/sse",
        ..SentRequest::default()
    });
    let endpoint = "event: endpoint\ndata: /message?sessionId=x\n\n";
    talk.gets(stream, None, "text/event-stream", endpoint)
        .unwrap();
    for message in [initialize("2024-11-05"), call(1)] {
        let body = message.to_string();
        let target = "/message?sessionId=x";
        talk.asks(SentRequest {
            target,
            body: body.as_bytes(),
            ..SentRequest::default()
        });
    }
    let good = format!("event: message\ndata: {}\n\n", agreed("2024-11-05"));
    assert_eq!(talk.watcher.wrote(stream, good.as_bytes()), Ok(()));
    let bad = format!("event: message\ndata: {}\n\n", sound(1));
    assert!(
        talk.watcher.wrote(stream, bad.as_bytes()).is_err(),
        "there is no sound yet"
    );
}

#[test]
fn stream_messages_are_checked_one_by_one() {
    let mut talk = Talk::default();
    talk.agrees("2025-06-18");
    let exchange = talk.posts(Some("s"), &call(1));
    let input_request = json!({"jsonrpc": "2.0", "id": 7, "method": "elicitation/create", "params": {
        "message": "Your name?", "requestedSchema": {"type": "object", "properties": {}}}});
    let events = format!("id: 1\ndata:\n\nid: 2\ndata: {input_request}\n\n");
    assert_eq!(
        talk.gets(exchange, None, "text/event-stream", &events),
        Ok(())
    );
    let unknown = b"data: {\"jsonrpc\": \"2.0\", \"method\": \"notifications/x\"}\n\n";
    assert!(talk.watcher.wrote(exchange, unknown).is_err());
    // The client answers what the server asked.
    let mut answers = |result: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 7, "result": result}).to_string();
        let (session, body) = (Some("s"), body.as_bytes());
        let asked = SentRequest {
            target: "/mcp",
            session,
            body,
            ..SentRequest::default()
        };
        talk.watcher.asked(99, &asked)
    };
    assert_eq!(answers(json!({"action": "decline"})), Ok(()));
    assert!(answers(json!({"action": "sulk"})).is_err());
    // Another stream may bring the answer.
    let stream = talk.asks(SentRequest {
        target: "/mcp",
        session: Some("s"),
        ..SentRequest::default()
    });
    let late = format!("data: {}\n\n", sound(1));
    assert_eq!(talk.gets(stream, None, "text/event-stream", &late), Ok(()));
}

#[test]
fn stateless_request_names_its_own_revision() {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "a", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}});
    let mut talk = Talk::default();
    let mut message = call(1);
    message["params"]["_meta"] = meta.clone();
    let exchange = talk.posts(None, &message);
    assert!(
        talk.gets_json(exchange, &sound(1)).is_err(),
        "there is no resultType"
    );
    let mut answer = sound(1);
    answer["result"]["resultType"] = json!("complete");
    assert_eq!(talk.gets_json(exchange, &answer), Ok(()));
    let listen = json!({"jsonrpc": "2.0", "id": 2, "method": "subscriptions/listen",
        "params": {"_meta": meta, "notifications": {"toolsListChanged": true}}});
    let exchange = talk.posts(None, &listen);
    let notification = |id: u64| {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
            "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": id}}});
        format!("data: {note}\n\n")
    };
    assert_eq!(
        talk.gets(exchange, None, "text/event-stream", &notification(2)),
        Ok(())
    );
    assert!(
        talk.watcher
            .wrote(exchange, notification(3).as_bytes())
            .is_err(),
        "another subscription"
    );
}

#[test]
fn oauth_errors_are_not_mcp_messages() {
    let mut talk = Talk::default();
    let exchange = talk.posts(None, &call(1));
    let body = b"{\"error\": \"invalid_token\"}";
    let content_type = "application/json";
    let answered = ReceivedResponse {
        status: 401,
        content_type,
        body,
        ..ReceivedResponse::default()
    };
    assert_eq!(talk.watcher.answered(exchange, &answered), Ok(()));
    let refusal = br#"{"jsonrpc": "2.0", "id": null, "error": {"code": 1}}"#;
    let answered = ReceivedResponse {
        body: refusal,
        ..answered
    };
    assert!(
        talk.watcher.answered(exchange, &answered).is_err(),
        "there is no message"
    );
    let other = talk.asks(SentRequest {
        target: "/token",
        body: b"a=b",
        ..SentRequest::default()
    });
    assert_eq!(talk.gets_json(other, &json!({"access_token": "t"})), Ok(()));
}

//! The tools of Microsoft Graph that the server offers by itself.

use std::{io::ErrorKind, net::TcpListener};

use serde_json::{Value, json};

use super::entra_tokens::control;
use crate::{Program, Server, client::sign_in_for, raw_http::Response, session::Session};

const ALL: [&str; 2] = ["--graph", "mail,calendar,files,people,teams,search"];

const SCOPE: &str = "user.read mail.read calendars.read tasks.read files.read sites.read.all people.read user.readbasic.all \
                     chat.readbasic chat.read files.read.all";

fn call(session: &Session<'_>, tool: &str, arguments: &Value) -> Response {
    let params = json!({"name": tool, "arguments": arguments});
    session.post(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}))
}

/// A scope is asked for when a tool is first called that needs it; then each tool answers.
pub fn tools_of_graph_ask_for_their_scopes_and_answer(program: &Program) {
    let server = program.start_with(&ALL);
    let mut session = Session::of(&server, "alice");
    let refused = call(
        &session,
        "calendar_view",
        &json!({"start": "2026-12-01T00:00:00", "end": "2026-12-08T00:00:00"}),
    );
    assert_eq!(refused.status, 403, "{}", refused.body);
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("scope=\"user.read calendars.read\""),
        "{challenge}"
    );
    let client_id = session.client.client_id.clone();
    session.client = sign_in_for(&server, client_id, "alice", Some(SCOPE));
    let get = |tool: &str, arguments: Value| {
        let result = session.call(tool, &arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        result["structuredContent"].clone()
    };
    let first = get("mail_list", json!({"limit": 2}));
    assert_eq!(first["messages"][0]["subject"], "Budget 2027");
    let rest = get(
        "mail_list",
        json!({"limit": 2, "cursor": first["nextCursor"]}),
    );
    assert_eq!(rest["messages"].as_array().unwrap().len(), 1);
    assert_eq!(rest["nextCursor"], Value::Null);
    next_page_is_asked_of_graph_wherever_its_link_leads(&server, &get);
    let found = get("mail_search", json!({"query": "lunch"}));
    let message = get("mail_get", json!({"id": found["messages"][0]["id"]}));
    assert_eq!(message["text"], "At noon, in the canteen?");
    let week = json!({"start": "2026-12-01T00:00:00", "end": "2026-12-08T00:00:00"});
    assert_eq!(
        get("calendar_view", week)["events"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        get("tasks", json!({}))["tasks"][0]["title"],
        "Count the budget"
    );
    assert_eq!(
        get("people", json!({"query": "bob"}))["people"][0]["displayName"],
        "Bob Baumann"
    );
    assert_eq!(
        get("users_search", json!({"query": "carol"}))["users"][0]["jobTitle"],
        "Counsel"
    );
    assert_eq!(
        get("sites_search", json!({"query": "retail"}))["sites"][0]["displayName"],
        "Retail"
    );
    let chats = get("chats_list", json!({}));
    let messages = get("chat_messages", json!({"chatId": chats["chats"][0]["id"]}));
    assert_eq!(messages["messages"][0]["text"], "The budget is in.");
}

/// P9: the token goes to the configured Graph alone.
fn next_page_is_asked_of_graph_wherever_its_link_leads(
    server: &Server,
    get: &dyn Fn(&str, Value) -> Value,
) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", elsewhere.local_addr().unwrap());
    control(
        server,
        &json!({"action": "next_link_origin", "origin": origin}),
    );
    let first = get("mail_list", json!({"limit": 1}));
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = get("mail_list", json!({"limit": 1, "cursor": cursor}));
    assert_ne!(rest["messages"][0]["id"], first["messages"][0]["id"]);
    let asked = elsewhere.accept().map(|(_, address)| address);
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::WouldBlock);
    control(
        server,
        &json!({"action": "next_link_origin", "origin": null}),
    );
}

/// P9: what a link leads to gets no token; the development tenant gives nothing to who sends one.
pub fn content_of_a_file_is_read_by_a_link_without_the_token(program: &Program) {
    let server = program.start_with(&ALL);
    let mut session = Session::of(&server, "alice");
    let client_id = session.client.client_id.clone();
    session.client = sign_in_for(&server, client_id, "alice", Some(SCOPE));
    let found =
        session.call("files_search", &json!({"query": "Budget.csv"}))["structuredContent"].clone();
    let file = &found["files"][0];
    let place = json!({"driveId": file["driveId"], "id": file["id"]});
    let read = session.call("file_content", &place);
    let text = read["structuredContent"]["text"]
        .as_str()
        .unwrap_or_default();
    assert!(text.starts_with("sheet,amount\n"), "{read}");
    let results =
        session.call("search", &json!({"query": "budget"}))["structuredContent"]["results"].clone();
    let ids: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["id"].as_str().unwrap())
        .collect();
    for kind in ["file:", "site:", "mail:", "event:", "chat:"] {
        let id = ids
            .iter()
            .find(|id| id.starts_with(kind))
            .unwrap_or_else(|| panic!("{kind} in {ids:?}"));
        let fetched = session.call("fetch", &json!({"id": id}))["structuredContent"].clone();
        assert!(
            !fetched["text"].as_str().unwrap_or_default().is_empty(),
            "{id}: {fetched}"
        );
    }
    let requests = server
        .ask_tenant("GET", "/control/requests", &[], "")
        .json();
    let requests = requests.as_array().unwrap().iter();
    let links: Vec<_> = requests
        .filter(|request| request["path"].as_str().unwrap().starts_with("/download/"))
        .collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(
            !link["headers"].to_string().contains("authorization"),
            "{link}"
        );
    }
}

/// None is there unless it is asked for, and who has no mailbox is told so.
pub fn tools_of_graph_are_off_unless_asked_for(program: &Program) {
    let names = |session: &Session<'_>| {
        let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
        let tools = tools.as_array().unwrap().iter();
        tools
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let server = program.start();
    assert_eq!(names(&Session::of(&server, "alice")), ["getUserDetails"]);
    let server = program.start_with(&["--graph", "mail"]);
    let mut session = Session::of(&server, "bob");
    assert_eq!(names(&session).len(), 4);
    let client_id = session.client.client_id.clone();
    session.client = sign_in_for(&server, client_id, "bob", Some("user.read mail.read"));
    let result = session.call("mail_list", &json!({}));
    assert_eq!(result["isError"], true);
    assert!(result.to_string().contains("no mailbox"), "{result}");
}

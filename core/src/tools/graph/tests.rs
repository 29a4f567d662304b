//! The tools of Graph, step by step: threats P1, P5, P9.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{files, list, mail, register, search, teams};
use crate::{
    catalog::{
        Call, Catalog, Effect, EffectResult, GraphError, GraphRequest, GraphResponse, Principal,
        Step, ToolResult,
    },
    config::GraphTools,
    revision::Revision,
};

type Function = fn(&Call) -> Step<ToolResult>;

fn offered() -> Vec<super::Offer> {
    [
        mail::offers(),
        super::calendar::offers(),
        files::offers(),
        super::people::offers(),
        teams::offers(),
        search::offers(),
    ]
    .concat()
}

fn function(name: &str) -> Function {
    let mut offers = offered().into_iter();
    offers.find(|(tool, _)| tool.name() == name).unwrap().1
}

fn call(arguments: Value, scopes: &[&str]) -> Call {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object")
    };
    let principal = Principal {
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Principal::default()
    };
    Call::for_tests(arguments, principal)
}

/// Runs a tool over these answers of Graph: what it asked, and what it returned.
fn run(
    name: &str,
    mut call: Call,
    answers: Vec<Result<Value, GraphError>>,
) -> (Vec<GraphRequest>, Value) {
    let (step, mut asked) = (function(name), Vec::new());
    let mut answers = answers.into_iter();
    loop {
        match step(&call) {
            Step::Effect(Effect::Graph(request)) => {
                request.check().unwrap();
                asked.push(*request);
                let answer = answers.next().expect("an answer is left");
                let answer = answer.map(|body| match body {
                    Value::String(text) => GraphResponse::new(text),
                    body => GraphResponse::new(body.to_string()),
                });
                call.results.push(EffectResult::Graph(answer));
            }
            Step::Effect(other) => panic!("{other:?}"),
            Step::Done(Ok(result)) => {
                return (asked, Value::Object(result.to_json(Revision::V2025_11_25)));
            }
            Step::Done(Err(error)) => return (asked, json!({"failed": format!("{error:?}")})),
        }
    }
}

fn all() -> BTreeSet<GraphTools> {
    GraphTools::ALL.into()
}

#[test]
fn families_fit_together_and_none_is_offered_by_itself() {
    let nothing = register(Catalog::builder(), &BTreeSet::new())
        .build()
        .unwrap();
    assert!(nothing.scopes().is_empty());
    let catalog = register(crate::tools::register(Catalog::builder()), &all());
    let catalog = catalog.build().unwrap();
    for (tool, _) in offered() {
        let listed = Value::Object(tool.to_json(Revision::V2025_11_25));
        let [scope] = tool.scopes() else {
            panic!("one scope: {listed}")
        };
        assert!(
            catalog
                .scopes()
                .iter()
                .any(|offered| offered.name == *scope)
        );
        assert!(tool.has_output_schema(), "{listed}");
    }
    // Each family stands alone.
    for family in GraphTools::ALL {
        register(Catalog::builder(), &BTreeSet::from([family]))
            .build()
            .unwrap();
    }
}

#[test]
fn list_of_mail_has_the_chosen_members_and_a_cursor_of_its_own() {
    let next = "https://graph.example/v1.0/me/mailFolders/inbox/messages?$select=id&$top=2&$skip=2";
    let page = json!({"@odata.nextLink": next, "value": [
        {"id": "1", "subject": "Lunch", "from": {"emailAddress": {"address": "bob@contoso.example", "name": "Bob"}},
         "isRead": false, "internetMessageHeaders": "secret"},
        {"id": "2", "subject": null},
    ]});
    let (asked, result) = run(
        "mail_list",
        call(json!({"limit": 2}), &[]),
        vec![Ok(page.clone())],
    );
    let path = asked[0].path();
    assert!(
        path.starts_with("v1.0/me/mailFolders/inbox/messages?$select=id"),
        "{path}"
    );
    assert!(
        path.contains("$orderby=receivedDateTime%20desc&$top=2"),
        "{path}"
    );
    let found = &result["structuredContent"];
    assert_eq!(found["messages"][0]["from"], "bob@contoso.example");
    assert_eq!(found["messages"][0]["webLink"], Value::Null);
    assert!(!result.to_string().contains("secret"), "P5: {result}");
    let cursor = found["nextCursor"].as_str().unwrap();
    assert!(!cursor.contains("graph.example"));
    let (asked, _) = run(
        "mail_list",
        call(json!({"cursor": cursor}), &[]),
        vec![Ok(page)],
    );
    assert!(
        asked[0].path().ends_with("&$top=25&$skip=2"),
        "{}",
        asked[0].path()
    );
}

// P9: a cursor is what the model says, and leads nowhere else.
#[test]
fn forged_cursor_leads_nowhere() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    for forged in ["x", "https://evil.example/", "$skip=1"] {
        let (asked, result) = run("mail_list", call(json!({"cursor": forged}), &[]), vec![]);
        assert!(
            asked.is_empty() && result.to_string().contains("none of this tool's"),
            "{result}"
        );
    }
    let evil = URL_SAFE_NO_PAD.encode("$skip=1%26$select%3Dbody%23/../../users");
    let page = json!({"value": []});
    let (asked, _) = run(
        "mail_list",
        call(json!({"cursor": evil}), &[]),
        vec![Ok(page)],
    );
    let path = asked[0].path();
    assert!(
        path.starts_with("v1.0/me/mailFolders/inbox/messages?"),
        "{path}"
    );
    assert!(
        path.ends_with("$skip=1%26%24select%3Dbody%23%2F..%2F..%2Fusers"),
        "{path}"
    );
    let other = URL_SAFE_NO_PAD.encode("$filter=1");
    let (asked, _) = run("mail_list", call(json!({"cursor": other}), &[]), vec![]);
    assert!(asked.is_empty());
}

#[test]
fn ids_and_queries_of_the_model_stay_where_they_belong() {
    let nothing = || vec![Ok(json!({"value": []}))];
    let path = |name: &str, arguments: Value| {
        let (asked, _) = run(name, call(arguments, &[]), nothing());
        asked[0].path().to_owned()
    };
    let get = path("mail_get", json!({"id": "../../users?$x"}));
    assert!(
        get.starts_with("v1.0/me/messages/..%2F..%2Fusers%3F%24x?"),
        "{get}"
    );
    let found = path("files_search", json!({"query": "bob's') or (q='"}));
    let quoted = "v1.0/me/drive/root/search(q='bob%27%27s%27%27%29%20or%20%28q%3D%27%27')?";
    assert!(found.starts_with(quoted), "{found}");
    let users = path("users_search", json!({"query": "a\" OR \"mail:"}));
    assert!(
        users.contains("$search=%22displayName%3Aa%20%20OR%20%20mail%3A%22%20OR%20%22mail"),
        "{users}"
    );
    let (asked, _) = run("users_search", call(json!({"query": "a"}), &[]), nothing());
    assert_eq!(asked[0].headers()["consistencylevel"], "eventual");
    let view = json!({"start": "2026-12-01T00:00:00", "end": "2026-12-02T00:00:00", "timeZone": "Europe/Berlin"});
    let (asked, _) = run("calendar_view", call(view, &[]), nothing());
    assert_eq!(
        asked[0].headers()["prefer"],
        "outlook.timezone=\"Europe/Berlin\""
    );
}

#[test]
fn message_is_read_as_text() {
    let message = json!({"id": "1", "subject": "Lunch", "toRecipients": [{"emailAddress": {"address": "a@b.example"}}, {}],
        "body": {"contentType": "html", "content": "<p>At <b>noon</b>?</p>"}});
    let (asked, result) = run("mail_get", call(json!({"id": "1"}), &[]), vec![Ok(message)]);
    assert_eq!(
        asked[0].headers()["prefer"],
        "outlook.body-content-type=\"text\""
    );
    let found = &result["structuredContent"];
    assert_eq!(found["text"], "At noon?");
    assert_eq!(found["to"], json!(["a@b.example"]));
    let messages = json!({"value": [{"id": "7", "from": {"user": {"displayName": "Bob"}},
        "body": {"contentType": "html", "content": "Yes&nbsp;<at>Alice</at>"}}]});
    let (_, result) = run(
        "chat_messages",
        call(json!({"chatId": "19:a@thread.v2"}), &[]),
        vec![Ok(messages)],
    );
    assert_eq!(
        result["structuredContent"]["messages"][0]["text"],
        "Yes Alice"
    );
}

#[test]
fn account_without_a_mailbox_is_told_so() {
    let error = GraphError::new(
        404,
        "MailboxNotEnabledForRESTAPI",
        "REST API is not yet supported for this mailbox.",
    );
    let (_, result) = run("mail_list", call(json!({}), &[]), vec![Err(error)]);
    assert!(result.to_string().contains("no mailbox"), "{result}");
    let words = list::words(&GraphError::new(403, "ErrorAccessDenied", "no"));
    assert!(
        format!("{words:?}").contains("permission is missing"),
        "{words:?}"
    );
}

#[test]
fn file_is_read_in_pieces_by_the_link_that_graph_gives() {
    let file = |size: u64| {
        json!({"name": "notes.txt", "size": size, "webUrl": "https://contoso.example/notes.txt",
        "file": {"mimeType": "text/plain"}})
    };
    let place = |offset: u64| call(json!({"driveId": "b!1", "id": "2", "offset": offset}), &[]);
    let (asked, result) = run(
        "file_content",
        place(0),
        vec![Ok(file(5)), Ok(json!("Hello"))],
    );
    assert_eq!(asked[1].path(), "v1.0/drives/b%211/items/2/content");
    assert_eq!(asked[1].headers()["range"], "bytes=0-99999");
    assert!(asked[1].follows_link());
    let found = &result["structuredContent"];
    assert_eq!(
        (&found["text"], &found["nextOffset"]),
        (&json!("Hello"), &Value::Null)
    );
    let long = "é".repeat(60_000);
    let (_, result) = run(
        "file_content",
        place(0),
        vec![Ok(file(120_000)), Ok(json!(long))],
    );
    assert_eq!(result["structuredContent"]["nextOffset"], 100_000);
    let (asked, _) = run("file_content", place(5), vec![Ok(file(5))]);
    assert_eq!(asked.len(), 1, "there is nothing left to ask for");
    let picture = json!({"name": "a.png", "size": 5, "webUrl": "https://contoso.example/a.png", "file": {"mimeType": "image/png"}});
    let (asked, result) = run("file_content", place(0), vec![Ok(picture)]);
    assert!(
        asked.len() == 1 && result.to_string().contains("https://contoso.example/a.png"),
        "{result}"
    );
}

#[test]
fn search_asks_for_what_was_granted_and_fetch_reads_it() {
    let hit = |resource: Value| json!({"value": [{"hitsContainers": [{"hits": [{"hitId": "1", "summary": "a <c0>budget</c0>", "resource": resource}]}]}]});
    let files = hit(
        json!({"@odata.type": "#microsoft.graph.driveItem", "id": "2", "name": "Budget.csv",
        "webUrl": "https://contoso.example/2", "parentReference": {"driveId": "b!1"}}),
    );
    let mail = hit(
        json!({"@odata.type": "#microsoft.graph.message", "subject": "Budget", "webLink": "https://contoso.example/m"}),
    );
    let granted = ["user.read", "files.read.all", "mail.read"];
    let (asked, result) = run(
        "search",
        call(json!({"query": "budget"}), &granted),
        vec![Ok(files.clone()), Ok(mail)],
    );
    assert_eq!(asked.len(), 2, "events and chats were not granted");
    let body: Value = serde_json::from_slice(asked[1].content()).unwrap();
    assert_eq!(body["requests"][0]["entityTypes"], json!(["message"]));
    let found = &result["structuredContent"]["results"];
    assert_eq!(
        found[0],
        json!({"id": "file:b!1/2", "title": "Budget.csv", "url": "https://contoso.example/2"})
    );
    assert_eq!(found[1]["id"], "mail:1");
    // A guest may not search mail.
    let denied = GraphError::new(403, "Forbidden", "");
    let (_, result) = run(
        "search",
        call(json!({"query": "budget"}), &granted),
        vec![Ok(files), Err(denied)],
    );
    assert_eq!(
        result["structuredContent"]["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let file = json!({"name": "Budget.csv", "size": 3, "webUrl": "https://contoso.example/2", "file": {"mimeType": "text/csv"}});
    let (_, result) = run(
        "fetch",
        call(json!({"id": "file:b!1/2"}), &granted),
        vec![Ok(file), Ok(json!("a,b"))],
    );
    let found = &result["structuredContent"];
    assert_eq!(
        (&found["text"], &found["metadata"]["source"]),
        (&json!("a,b"), &json!("file"))
    );
    for (id, words) in [
        ("chat:1/2", "chat.read"),
        ("x:1", "no id"),
        ("file:1", "no id"),
        ("1", "no id"),
    ] {
        let (asked, result) = run("fetch", call(json!({"id": id}), &granted), vec![]);
        assert!(
            asked.is_empty() && result.to_string().contains(words),
            "{id}: {result}"
        );
    }
}

#[test]
fn tasks_are_those_of_each_list() {
    let lists =
        json!({"value": [{"id": "A=", "displayName": "Work"}, {"id": "B", "displayName": "Home"}]});
    let tasks =
        |title: &str| json!({"value": [{"id": "1", "title": title, "status": "notStarted"}]});
    let answers = vec![Ok(lists), Ok(tasks("Write")), Ok(tasks("Cook"))];
    let (asked, result) = run("tasks", call(json!({}), &[]), answers);
    assert!(
        asked[1]
            .path()
            .starts_with("v1.0/me/todo/lists/A%3D/tasks?"),
        "{}",
        asked[1].path()
    );
    let found = &result["structuredContent"]["tasks"];
    assert_eq!(
        (&found[1]["list"], &found[1]["title"]),
        (&json!("Home"), &json!("Cook"))
    );
}

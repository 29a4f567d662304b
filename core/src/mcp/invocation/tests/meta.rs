//! `_meta` of what a call says, by revision.

use super::*;
use crate::catalog::List;

const ALL: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", NEW];

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

fn each(mut check: impl FnMut(&mut World, &Client, &str)) {
    let mut world = world();
    for revision in ALL {
        let client = Client::new(&mut world, revision, able());
        check(&mut world, &client, revision);
    }
}

/// Notifies of progress and of a line of the log, both with `_meta`.
fn notifies(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => {
            let half = ProgressNotification::new(1.0, 2.0);
            Step::effect(Effect::Progress(half.meta("com.example/page", 7)))
        }
        1 => {
            let line = LogNotification::new(LogLevel::Warning, "slow");
            Step::effect(Effect::Log(line.meta("com.example/span", "s")))
        }
        2 => Step::effect(Effect::progress(2.0, Some(2.0))),
        3 => Step::effect(Effect::log(LogLevel::Warning, "slower")),
        _ => Step::done("done"),
    }
}

/// Asks a question of the kind that the caller names, with `_meta`.
fn asks(call: &Call) -> Step<ToolResult> {
    let question = match call.text("kind") {
        "form" => {
            let form = ElicitationSchema::new().field("name", FieldSchema::text());
            InputRequest::form("Your name?", form)
        }
        "url" => InputRequest::url("Please go there.", "https://a.example/"),
        "sampling" => InputRequest::sample("A poem, please.", 100),
        _ => InputRequest::roots(),
    };
    let question = question
        .meta("com.example/why", 1)
        .result_meta("com.example/round", 2);
    Step::effect(Effect::request_input("key", question))
}

/// Asks likewise, and says what the client says of its answer.
fn hears(call: &Call) -> Step<ToolResult> {
    match call.answer_meta("key") {
        None => asks(call),
        Some(meta) => Step::done(json!(meta).to_string()),
    }
}

fn suggest(_: &Call) -> Step<CompleteResult> {
    let found = CompleteResult::new(["Berlin", "Bern"]).total(7);
    Step::done(found.meta("com.example/source", "s"))
}

fn note(call: &Call) -> Step<ReadResult> {
    let read = ReadResult::new([ResourceContents::text(call.name(), "lunch")]);
    Step::done(read.meta("com.example/age", 3))
}

fn world() -> World {
    let catalog = offer(Catalog::builder())
        .prompt(
            Prompt::new("town", "Tells").argument(PromptArgument::new("name")),
            Handler::Step(review),
        )
        .complete_prompt("town", Handler::Step(suggest))
        .resource(Resource::new("note://7", "a note"), Handler::Step(note))
        .meta("com.example/region", "eu");
    let mut catalog = [
        (List::Tools, "tools"),
        (List::Prompts, "prompts"),
        (List::Resources, "resources"),
        (List::ResourceTemplates, "templates"),
    ]
    .into_iter()
    .fold(catalog, |catalog, (list, of)| {
        catalog.list_meta(list, "com.example/list", of)
    });
    let kind = json!({"type": "object", "properties": {"kind": {"type": "string"}}});
    for (tool, handler) in [
        text("notifies", notifies),
        (
            text("asks", asks).0.input_schema(kind.clone()),
            Handler::Step(asks as fn(&Call) -> _),
        ),
        (
            text("hears", hears).0.input_schema(kind),
            Handler::Step(hears),
        ),
    ] {
        catalog = catalog.tool(tool, handler);
    }
    World::offering(catalog.build().unwrap())
}

#[test]
fn notification_has_the_meta_of_its_function_where_its_schema_has_it() {
    let mut world = world();
    for revision in ALL {
        let client = Client::new(&mut world, revision, able());
        client.ask(&mut world, "logging/setLevel", json!({"level": "debug"}));
        let mut params = json!({"name": "notifies", "_meta": {"progressToken": "p"}});
        if revision == NEW {
            params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
        }
        let id = client.begin(&mut world, "tools/call", params);
        let params: Vec<_> = messages(&world, id)
            .into_iter()
            .map(|message| message["params"].clone())
            .collect();
        let has = revision >= "2025-11-25";
        let (page, span) = (
            json!({"com.example/page": 7}),
            json!({"com.example/span": "s"}),
        );
        let expected = [
            Some(&page).filter(|_| has),
            Some(&span).filter(|_| has),
            None,
            None,
        ];
        let found: Vec<_> = params[..4].iter().map(|one| one.get("_meta")).collect();
        assert_eq!(found, expected, "{revision}");
    }
}

#[test]
fn question_has_the_meta_of_its_function_where_its_schema_has_it() {
    let mut world = world();
    for (kind, since, until) in [
        ("form", "2025-11-25", "2025-11-25"),
        ("url", "2025-11-25", "2025-11-25"),
        ("sampling", "2025-11-25", "2025-11-25"),
        ("roots", ALL[0], NEW),
    ] {
        for revision in ALL {
            let client = Client::new(&mut world, revision, able());
            let params = json!({"name": "asks", "arguments": {"kind": kind}});
            let id = client.begin(&mut world, "tools/call", params);
            let asked = match &world.sent(id).response {
                Some(response) => body(response)["result"].clone(),
                None => messages(&world, id)[0].clone(),
            };
            let question = match revision {
                NEW => {
                    assert_eq!(asked["_meta"]["com.example/round"], 2, "{kind}");
                    &asked["inputRequests"]["key"]
                }
                _ => &asked,
            };
            let has = (since..=until).contains(&revision);
            let meta = question["params"].get("_meta");
            let expected = json!({"com.example/why": 1});
            assert_eq!(meta, Some(&expected).filter(|_| has), "{kind} {revision}");
        }
    }
}

// A result has it in every revision.
#[test]
fn result_has_the_meta_of_its_function() {
    each(|world, client, revision| {
        let reference = json!({"ref": {"type": "ref/prompt", "name": "town"},
            "argument": {"name": "name", "value": "Be"}});
        let found = client.ask(world, "completion/complete", reference);
        let completion = json!({"values": ["Berlin", "Bern"], "total": 7, "hasMore": true});
        assert_eq!(found["completion"], completion, "{revision}");
        assert_eq!(found["_meta"]["com.example/source"], "s", "{revision}");
        let read = client.ask(world, "resources/read", json!({"uri": "note://7"}));
        assert_eq!(read["_meta"]["com.example/age"], 3, "{revision}");
    });
}

#[test]
fn server_and_its_lists_have_the_meta_of_the_catalog() {
    each(|world, client, revision| {
        for (method, of) in [
            ("tools/list", "tools"),
            ("prompts/list", "prompts"),
            ("resources/list", "resources"),
            ("resources/templates/list", "templates"),
        ] {
            let page = client.ask(world, method, json!({}));
            assert_eq!(page["_meta"]["com.example/list"], of, "{revision}");
            assert_eq!(page["_meta"].get("com.example/region"), None, "{revision}");
        }
        let described = match revision {
            NEW => client.ask(world, "server/discover", json!({})),
            _ => {
                let params = json!({"protocolVersion": revision, "capabilities": {},
                    "clientInfo": {"name": "a test", "version": "1"}});
                let json = rpc(1, "initialize", &params);
                let request = world.request("alice", "POST", "/mcp", &[], &json);
                let id = world.begin(request);
                answer(world, id)
            }
        };
        assert_eq!(described["_meta"]["com.example/region"], "eu", "{revision}");
    });
}

#[test]
fn function_reads_what_a_client_says_of_its_answer() {
    each(|world, client, revision| {
        for (kind, mut result) in [
            ("form", json!({"action": "decline"})),
            ("url", json!({"action": "accept"})),
            (
                "sampling",
                json!({"role": "assistant", "model": "m",
                "content": {"type": "text", "text": "A poem."}}),
            ),
            ("roots", json!({"roots": []})),
        ] {
            result["_meta"] = json!({"com.example/why": kind});
            let mut params = json!({"name": "hears", "arguments": {"kind": kind}});
            let id = client.begin(world, "tools/call", params.clone());
            let first = match &world.sent(id).response {
                Some(response) => body(response)["result"].clone(),
                None => messages(world, id)[0].clone(),
            };
            let said = match (revision, first["id"].as_str()) {
                (NEW, _) => {
                    params["inputResponses"] = json!({"key": result});
                    params["requestState"] = first["requestState"].clone();
                    client.ask(world, "tools/call", params)
                }
                (_, Some(asked)) => {
                    let reply = json!({"jsonrpc": "2.0", "id": asked, "result": result});
                    client.post(world, &reply);
                    answer(world, id)
                }
                // The revision cannot ask this.
                (_, None) => continue,
            };
            let expected = json!({"com.example/why": kind}).to_string();
            assert_eq!(said["content"][0]["text"], expected, "{kind} {revision}");
        }
    });
}

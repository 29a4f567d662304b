//! What is offered is listed, called and refused in every revision.

use super::*;
use crate::catalog::TaskSupport;

#[test]
fn catalog_is_listed_and_announced_in_every_revision() {
    let mut world = world();
    for revision in OLD.into_iter().chain([NEW]) {
        let client = Client::new(&mut world, revision, json!({}));
        let prompts = client.ask(&mut world, "prompts/list", json!({}));
        assert_eq!(prompts["prompts"][0]["arguments"][0]["required"], true);
        let resources = client.ask(&mut world, "resources/list", json!({}));
        assert_eq!(resources["resources"][0]["uri"], "a://static");
        let templates = client.ask(&mut world, "resources/templates/list", json!({}));
        assert_eq!(
            templates["resourceTemplates"][0]["uriTemplate"],
            "a://one/{id}"
        );
        let read = client.ask(&mut world, "resources/read", json!({"uri": "a://one/7"}));
        assert_eq!(
            read["contents"][0],
            json!({"uri": "a://one/7", "text": "id 7"})
        );
        let params = json!({"name": "review", "arguments": {"code": "x"}});
        let prompt = client.ask(&mut world, "prompts/get", params);
        assert_eq!(prompt["messages"][0]["content"]["text"], "Review x");
        let is_new = revision == NEW;
        for result in [prompts, resources, templates, read] {
            assert_eq!(result["ttlMs"].is_u64(), is_new);
            assert_eq!(result["resultType"] == "complete", is_new);
        }
        assert_eq!(prompt["resultType"] == "complete", is_new);
    }
}

#[test]
fn completion_values_are_bounded_and_has_more_is_set() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let mut complete = |reference: Value, name: &str, value: &str| {
        let params = json!({"ref": reference, "argument": {"name": name, "value": value}});
        client.ask(&mut world, "completion/complete", params)
    };
    let prompt = json!({"type": "ref/prompt", "name": "review"});
    let found = complete(prompt.clone(), "code", "code1")["completion"].clone();
    assert_eq!(
        (&found["total"], &found["hasMore"]),
        (&json!(50), &json!(false))
    );
    let all = complete(prompt.clone(), "code", "")["completion"].clone();
    assert_eq!(all["values"].as_array().unwrap().len(), 100);
    assert_eq!(
        (&all["total"], &all["hasMore"]),
        (&json!(150), &json!(true))
    );
    assert_eq!(
        complete(prompt, "other", "")["completion"]["values"],
        json!([])
    );
    let nobody = json!({"type": "ref/prompt", "name": "nobody"});
    assert_eq!(complete(nobody, "code", "")["code"], -32602);
    let template = json!({"type": "ref/resource", "uri": "a://one/{id}"});
    assert_eq!(
        complete(template, "id", "")["completion"]["values"],
        json!([])
    );
}

#[test]
fn unknown_name_or_invalid_params_is_an_error_with_a_message() {
    let mut world = world();
    for revision in OLD.into_iter().chain([NEW]) {
        let client = Client::new(&mut world, revision, json!({}));
        for uri in ["a://nowhere", "a://one/gone"] {
            let error = client.ask(&mut world, "resources/read", json!({"uri": uri}));
            let code = if revision == NEW { -32602 } else { -32002 };
            assert_eq!(error["code"], code, "{revision} {error}");
            assert_eq!(error["data"]["uri"], uri);
        }
        let missing = client.ask(&mut world, "prompts/get", json!({"name": "review"}));
        assert_eq!(missing["code"], -32602);
        assert!(missing["message"].as_str().unwrap().contains("`code`"));
        let params = json!({"name": "review", "arguments": {"code": null}});
        assert_eq!(client.ask(&mut world, "prompts/get", params), missing);
        let wrong = client.call(&mut world, "slow", json!({"arguments": {"whom": 1}}));
        let message = match revision >= "2025-11-25" {
            true => wrong["content"][0]["text"].as_str().unwrap().to_owned(),
            false => wrong["message"].as_str().unwrap().to_owned(),
        };
        assert!(message.contains("/whom"), "{revision} {message}");
        let unknown = client.call(&mut world, "nothing", json!({}));
        assert_eq!(unknown["code"], -32602);
    }
}

#[test]
fn list_is_paginated() {
    let catalog = offer(Catalog::builder()).page_size(4).build().unwrap();
    let mut world = World::offering(catalog);
    let client = Client::new(&mut world, "2025-06-18", json!({}));
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let page = client.ask(&mut world, "tools/list", params);
        let tools = page["tools"].as_array().unwrap();
        assert!(tools.len() <= 4);
        names.extend(
            tools
                .iter()
                .map(|tool| tool["name"].as_str().unwrap().to_owned()),
        );
        match page.get("nextCursor") {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    assert_eq!(names.len(), 10, "{names:?}");
    for odd in [json!("x"), json!(1), json!("ZnJvbSA5OTk")] {
        let error = client.ask(&mut world, "tools/list", json!({"cursor": odd}));
        assert_eq!(error["code"], -32602);
    }
}

#[test]
fn whole_number_with_a_fraction_reaches_the_tool_as_an_integer() {
    fn count(call: &Call) -> Step<ToolResult> {
        match call.arguments()["days"].as_u64() {
            Some(days) => Step::done(format!("{days} days")),
            None => Step::Done(Err("no integer".into())),
        }
    }
    let days = json!({"type": "object", "properties": {"days": {"type": "integer"}}});
    let tool = Tool::new("count", "Counts").input_schema(days);
    let catalog = Catalog::builder().tool(tool, Handler::Step(count));
    let mut world = World::offering(catalog.build().unwrap());
    let client = Client::new(&mut world, NEW, json!({}));
    for days in [json!(5), json!(5.0), json!(5e0)] {
        let result = client.call(&mut world, "count", json!({"arguments": {"days": days}}));
        assert_eq!(result["content"][0]["text"], "5 days");
    }
}

#[test]
fn null_is_as_if_left_out_in_every_method() {
    let mut world = world();
    for revision in OLD.into_iter().chain([NEW]) {
        let client = Client::new(&mut world, revision, json!({}));
        for (method, params, nulls) in [
            ("tools/list", json!({}), json!({"cursor": null})),
            ("prompts/list", json!({}), json!({"cursor": null})),
            ("resources/list", json!({}), json!({"cursor": null})),
            (
                "resources/templates/list",
                json!({}),
                json!({"cursor": null}),
            ),
            (
                "tools/call",
                json!({"name": "nothing"}),
                json!({"name": "nothing", "arguments": null, "task": null}),
            ),
            (
                "prompts/get",
                json!({"name": "review", "arguments": {"code": "x"}}),
                json!({"name": "review", "arguments": {"code": "x"}, "other": null}),
            ),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "review"},
                    "argument": {"name": "code", "value": "code1"}}),
                json!({"ref": {"type": "ref/prompt", "name": "review", "uri": null},
                    "argument": {"name": "code", "value": "code1"}, "context": null}),
            ),
        ] {
            let plain = client.ask(&mut world, method, params);
            let answer = client.ask(&mut world, method, nulls);
            assert_eq!(answer, plain, "{revision} {method}");
        }
    }
}

// P1, P8: who lacks the role does not see the tool, and cannot call it.
#[test]
fn guarded_tool_is_unknown_to_others() {
    let mut world = world();
    for revision in ["2025-11-25", NEW] {
        let client = Client::new(&mut world, revision, json!({}));
        let tools = client.ask(&mut world, "tools/list", json!({}));
        assert!(!tools.to_string().contains("reports"));
        let error = client.call(&mut world, "reports", json!({}));
        assert_eq!(error, client.call(&mut world, "nothing", json!({})));
    }
}

// P1: nor does it show by what it would need of its caller.
#[test]
fn guarded_tool_does_not_show_by_headers_or_tasks() {
    let mirrored = json!({"type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
    let hidden = |name: &str| Tool::new(name, "For some").requires_role("Reports.Read");
    let catalog = Catalog::builder()
        .tool(hidden("job").tasks(TaskSupport::Required), Handler::Runtime)
        .tool(hidden("regional").input_schema(mirrored), Handler::Runtime);
    let mut world = World::offering(catalog.build().unwrap());
    for revision in ["2025-11-25", NEW] {
        let client = Client::new(&mut world, revision, json!({}));
        let unknown = client.call(&mut world, "nothing", json!({}));
        assert_eq!(client.call(&mut world, "job", json!({})), unknown);
        let params = json!({"arguments": {"region": "eu"}});
        assert_eq!(client.call(&mut world, "regional", params), unknown);
    }
}

/// A way to ask for a tool called `reports`, with each method that could tell whether there is one.
fn requests_about_reports() -> [(&'static str, Value); 13] {
    let call = |more: Value| {
        let mut params = json!({"name": "reports"});
        let members = params.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        ("tools/call", params)
    };
    let reference = json!({"type": "ref/tool", "name": "reports"});
    [
        ("tools/list", json!({})),
        ("server/discover", json!({})),
        ("tasks/get", json!({"taskId": "x"})),
        ("tasks/update", json!({"taskId": "x", "inputResponses": {}})),
        ("tasks/cancel", json!({"taskId": "x"})),
        call(json!({})),
        call(json!({"arguments": 7})),
        call(json!({"arguments": {"region": "eu"}})),
        call(json!({"arguments": {"other": 1}})),
        call(json!({"requestState": "x"})),
        call(json!({"inputResponses": {"a": {}}})),
        call(json!({"_meta": {"progressToken": 1}})),
        (
            "completion/complete",
            json!({"ref": reference, "argument": {"name": "region", "value": ""}}),
        ),
    ]
}

/// Two servers, one with the tool `reports` for a role that nobody has, one without it.
fn with_and_without_reports(support: TaskSupport) -> [World; 2] {
    let schema = json!({"type": "object", "additionalProperties": false,
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
    let reports = Tool::new("reports", "For some")
        .requires_role("Reports.Read")
        .requires_scope("mail.read")
        .input_schema(schema)
        .output_schema(json!({"type": "object"}))
        .tasks(support);
    let plain = || {
        let mail = crate::catalog::ScopeDefinition {
            name: "mail.read".to_owned(),
            permission: "Mail.Read".to_owned(),
            description: "Read mail".to_owned(),
        };
        let open = Tool::new("open", "For all");
        Catalog::builder().scope(mail).tool(open, Handler::Runtime)
    };
    [plain().tool(reports, Handler::Runtime), plain()]
        .map(|catalog| World::offering(catalog.build().unwrap()))
}

// P1, P8: for each method and way of calling, a server with a hidden tool answers as one without it.
#[test]
fn hidden_tool_is_unknown_in_every_method() {
    let capable = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let supports = [
        TaskSupport::Never,
        TaskSupport::Optional,
        TaskSupport::Required,
    ];
    let revisions = || OLD.into_iter().chain([NEW]);
    for (support, revision) in supports
        .into_iter()
        .flat_map(|support| revisions().map(move |revision| (support, revision)))
    {
        let [mut with, mut without] = with_and_without_reports(support);
        for capabilities in [json!({}), capable.clone()] {
            let here = Client::new(&mut with, revision, capabilities.clone());
            let there = Client::new(&mut without, revision, capabilities);
            for (method, params) in requests_about_reports() {
                let one = here.begin(&mut with, method, params.clone());
                let other = there.begin(&mut without, method, params.clone());
                let answered = |world: &World, id| {
                    let sent = world.sent(id);
                    let whole = sent.response.as_ref();
                    let whole = whole.map(|answer| (answer.status(), answer.body().clone()));
                    (whole, sent.body.clone())
                };
                let one = answered(&with, one);
                assert_ne!(one, (None, String::new()), "{revision} {method} {params}");
                let other = answered(&without, other);
                assert_eq!(one, other, "{revision} {support:?} {method} {params}");
            }
        }
    }
}

// O1: what went wrong inside is for the log, not for the client.
#[test]
fn internal_error_is_logged_and_not_disclosed() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let error = client.call(&mut world, "broken", json!({}));
    assert_eq!(error["code"], -32603);
    assert!(!error.to_string().contains("secrets"));
    assert!(format!("{:?}", world.logged).contains("secrets"));
    let endless = client.call(&mut world, "endless", json!({}));
    assert_eq!(endless["code"], -32603);
    let misfit = client.call(&mut world, "misfit", json!({}));
    assert_eq!(misfit["isError"], true);
    assert!(misfit.get("structuredContent").is_none());
}

#[test]
fn content_unknown_to_a_revision_becomes_text() {
    let sound = Content::audio(b"x", "audio/wav");
    let link = Content::link(Resource::new("a://b", "b"));
    let kinds = |revision: &str| {
        let revision = crate::revision::Revision::parse(revision).unwrap();
        let json = ToolResult::content([sound.clone(), link.clone()]).to_json(revision);
        let content = json["content"].as_array().unwrap().clone();
        content
            .iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("2024-11-05"), ["text", "text"]);
    assert_eq!(kinds("2025-03-26"), ["audio", "text"]);
    assert_eq!(kinds("2025-06-18"), ["audio", "resource_link"]);
}

//! Who may do what of that which the backend offers (threat R7).

mod alike;
mod batches;
mod completions;
mod confirmation;
mod streams;

use super::*;
use crate::policy::{ArgumentCheck, ArgumentRule, Confirmation, NamePattern, Policy, PolicyRule};

fn rule(name: &str) -> PolicyRule {
    PolicyRule::allowing(NamePattern::parse(name).unwrap())
}

fn hidden(name: &str) -> PolicyRule {
    PolicyRule {
        hidden: true,
        ..rule(name)
    }
}

/// A gateway of this policy, and Alice's MCP session.
fn under(policy: Policy) -> (World, String) {
    let mut world = world();
    world.server.policy = policy;
    let session = begin(&mut world, "alice", "theirs");
    (world, session)
}

fn of_tools(tools: Vec<PolicyRule>) -> (World, String) {
    under(Policy {
        tools,
        ..Policy::default()
    })
}

fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string()
}

fn call(name: &str) -> String {
    request("tools/call", &json!({"name": name, "arguments": {}}))
}

/// The backend gives an empty list as often as it is asked, and is asked for nothing else.
fn looks_for_hidden(world: &mut World, id: ExchangeId) {
    while !world.is_over(id) {
        let sent = world.pulled();
        let method = sent.json()["method"].as_str().unwrap().to_owned();
        assert!(method.ends_with("/list"), "{method}");
        let lists = r#"{"tools":[],"prompts":[],"resources":[],"resourceTemplates":[]}"#;
        let empty = result(&sent, lists);
        world.answers(sent, 200, &empty);
    }
}

const TOOLS: &str =
    r#"{"tools":[{"name":"read","n":1.00},{"name":"delete_all"}],"nextCursor":"2","x":1.0}"#;

/// What the client gets, byte for byte, when the backend answers in this way; it is asked for its list if need be.
fn answered(world: &mut World, session: &str, body: &str, answer: &str, list: &str) -> Vec<u8> {
    let id = send(world, "alice", session, body);
    for answer in [answer, list] {
        if world.pulls.is_empty() {
            break;
        }
        let sent = world.pulled();
        let text = match answer.starts_with("{\"code\"") {
            false => result(&sent, answer),
            true => format!(
                r#"{{"jsonrpc":"2.0","id":{},"error":{answer}}}"#,
                id_of(&sent)
            ),
        };
        world.answers(sent, 200, &text);
    }
    assert!(world.pulls.is_empty() && world.is_over(id));
    let response = world.sent(id).response.as_ref().unwrap();
    response.body().to_vec()
}

// R7
#[test]
fn hidden_tool_is_in_no_list_and_each_page_is_filtered_by_itself() {
    let (mut world, session) = of_tools(vec![hidden("delete_*")]);
    let list = request("tools/list", &json!({}));
    let body = answered(&mut world, &session, &list, TOOLS, "");
    let expected = r#"{"tools":[{"name":"read","n":1.00}],"nextCursor":"2","x":1.0}"#;
    let expected = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{expected}}}"#);
    assert_eq!(body, expected.as_bytes());
    let page = r#"{"tools":[{"name":"delete_one"}],"nextCursor":"3"}"#;
    let body = answered(&mut world, &session, &list, page, "");
    let text = String::from_utf8(body).unwrap();
    assert!(text.contains(r#"{"tools":[],"nextCursor":"3"}"#), "{text}");
}

// R7: a list that is filtered is not enough, for whoever knows the name calls it.
#[test]
fn call_of_a_hidden_tool_never_reaches_the_backend_and_is_answered_like_one_of_no_tool() {
    let unknown = [
        (r#"{"code":-32602,"message":"Unknown tool: x"}"#, TOOLS),
        (
            r#"{"content":[{"type":"text","text":"Unknown tool: x"}],"isError":true}"#,
            TOOLS,
        ),
    ];
    for (answer, list) in unknown {
        let (mut world, session) = of_tools(vec![hidden("delete_*")]);
        let id = send(&mut world, "alice", &session, &call("delete_all"));
        // As many requests as for what does not exist, and none of them names it.
        for list in [list, list, r#"{"tools":[{"name":"y"}]}"#] {
            let sent = world.pulled();
            assert_eq!(sent.json()["method"], "tools/list");
            assert!(!sent.text().contains("delete_all"), "{}", sent.text());
            let text = result(&sent, list);
            world.answers(sent, 200, &text);
        }
        let response = world.sent(id).response.as_ref().unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let of_hidden = response.body().to_vec();
        // Not on the page that the backend gives, and there is another.
        let id = send(&mut world, "alice", &session, &call("x"));
        for answer in [answer, list, r#"{"tools":[{"name":"y"}]}"#] {
            let sent = world.pulled();
            let text = match answer.starts_with("{\"code\"") {
                false => result(&sent, answer),
                true => format!(
                    r#"{{"jsonrpc":"2.0","id":{},"error":{answer}}}"#,
                    id_of(&sent)
                ),
            };
            world.answers(sent, 200, &text);
        }
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(response.body().to_vec(), of_hidden);
        assert_eq!((response.status(), response.headers()), (status, &headers));
        let lines = logged(&world, LogEventId::GatewayCalled);
        assert!(
            lines
                .iter()
                .all(|line| line.contains("refused") && line.contains("tool=")),
            "{lines:?}"
        );
    }
}

#[test]
fn failure_of_a_tool_that_is_there_passes_as_it_is() {
    let (mut world, session) = of_tools(vec![hidden("delete_*")]);
    let failed = r#"{"content":[{"type":"text","text":"no such file"}],"isError":true}"#;
    let body = answered(&mut world, &session, &call("read"), failed, TOOLS);
    assert_eq!(
        body,
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{failed}}}"#).as_bytes()
    );
}

// R6: after the answer, what happens to the list does not make the call a second time.
#[test]
fn call_is_not_made_again_if_the_session_is_lost_after_its_answer() {
    let (mut world, session) = of_tools(vec![hidden("delete_*")]);
    let id = send(&mut world, "alice", &session, &call("read"));
    let sent = world.pulled();
    let failed = result(&sent, r#"{"content":[],"isError":true}"#);
    world.answers(sent, 200, &failed);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/list");
    world.answers(sent, 404, "");
    assert!(world.pulls.is_empty() && world.is_over(id));
}

// R7
#[test]
fn tool_of_a_role_is_there_for_who_has_it() {
    let (mut world, session) = of_tools(vec![PolicyRule {
        roles: vec!["Orders.Admin".to_owned()],
        ..rule("delete_*")
    }]);
    let id = send(&mut world, "alice", &session, &call("delete_all"));
    looks_for_hidden(&mut world, id);
    world.has_roles("alice", &["Orders.Admin"]);
    send(&mut world, "alice", &session, &call("delete_all"));
    assert_eq!(world.pulled().json()["params"]["name"], "delete_all");
}

// R7, P1
#[test]
fn tool_of_a_scope_is_seen_and_its_call_is_403_without_it() {
    let (mut world, session) = of_tools(vec![
        PolicyRule {
            scopes: vec!["mail.read".to_owned()],
            ..rule("delete_all")
        },
        PolicyRule {
            scopes: vec!["user.read".to_owned()],
            ..rule("read")
        },
        PolicyRule {
            scopes: vec!["mail.read".to_owned()],
            ..hidden("secret")
        },
    ]);
    let id = send(&mut world, "alice", &session, &call("delete_all"));
    let response = world.sent(id).response.as_ref().unwrap();
    assert_eq!(response.status(), 403);
    assert!(testing::header(response, "www-authenticate").contains("insufficient_scope"));
    assert!(world.pulls.is_empty());
    is_told_once(&mut world, "refused");
    let id = send(&mut world, "alice", &session, &call("secret"));
    looks_for_hidden(&mut world, id);
    assert_eq!(
        world.sent(id).response.as_ref().unwrap().status(),
        200,
        "it is hidden first"
    );
    send(&mut world, "alice", &session, &call("read"));
    assert!(!world.pulls.is_empty());
}

// R7
#[test]
fn argument_that_the_policy_does_not_allow_is_refused_in_words() {
    let (mut world, session) = of_tools(vec![PolicyRule {
        arguments: vec![ArgumentRule {
            argument: "repo".to_owned(),
            check: ArgumentCheck::OneOf(vec![json!("sandbox")]),
        }],
        ..rule("search")
    }]);
    let mut ask = |arguments: &str| {
        let params = format!(r#"{{"name":"search","arguments":{arguments}}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#);
        let id = send(&mut world, "alice", &session, &body);
        match world.is_over(id) {
            true => Some(body_of(&world, id)),
            false => {
                world.pulled();
                None
            }
        }
    };
    assert_eq!(ask(r#"{"repo":"sandbox"}"#), None);
    let refused = ask(r#"{"repo":"main"}"#).unwrap();
    assert_eq!(refused["result"]["isError"], true);
    let words = refused["result"]["content"][0]["text"].to_string();
    assert!(
        words.contains("`repo`") && words.contains("sandbox"),
        "{words}"
    );
    assert!(ask("{}").unwrap()["result"]["isError"] == true);
    // What other readers would take for the argument.
    for arguments in [
        r#"{"repo":"sandbox","Repo":"main"}"#,
        r#"{"repo":"sandbox","repo":"main"}"#,
        r#"["main"]"#,
    ] {
        let refused = ask(arguments).unwrap();
        let code = refused["error"]["code"].as_i64();
        assert!(
            matches!(code, Some(-32602 | -32600)),
            "{arguments}: {refused}"
        );
    }
}

// R7: members that some readers take for others.
#[test]
fn name_in_another_spelling_is_no_way_round_the_policy() {
    let (mut world, session) = of_tools(vec![hidden("delete_*")]);
    for body in [
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read","Name":"delete_all"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read"},"Params":{"name":"delete_all"}}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"read\"},\"param\u{17f}\":{\"name\":\"delete_all\"}}",
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":["delete_all"]}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"completion/complete","params":{"ref":{"type":"ref/x","name":"delete_all"}}}"#,
    ] {
        let id = send(&mut world, "alice", &session, body);
        assert_eq!(body_of(&world, id)["error"]["code"], -32602, "{body}");
        assert!(world.pulls.is_empty(), "{body}");
    }
    let escaped =
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete\u005fall"}}"#;
    let id = send(&mut world, "alice", &session, escaped);
    looks_for_hidden(&mut world, id);
    assert_eq!(body_of(&world, id)["error"]["code"], -32602);
}

// R7
#[test]
fn hidden_prompts_resources_and_their_completion_are_not_there() {
    let (mut world, session) = under(Policy {
        prompts: vec![hidden("secret")],
        resources: vec![hidden("file:///etc/*"), hidden("note:///{x}")],
        ..Policy::default()
    });
    let prompts = r#"{"prompts":[{"name":"open"},{"name":"secret"}]}"#;
    let templates =
        r#"{"resourceTemplates":[{"uriTemplate":"note:///{x}"},{"uriTemplate":"a:{b}"}]}"#;
    let resources = r#"{"resources":[{"uri":"file:///etc/passwd"},{"uri":"file:///a"}]}"#;
    for (method, answer, cut) in [
        ("prompts/list", prompts, "secret"),
        ("resources/templates/list", templates, "note"),
        ("resources/list", resources, "passwd"),
    ] {
        let body = answered(
            &mut world,
            &session,
            &request(method, &json!({})),
            answer,
            "",
        );
        assert!(!String::from_utf8(body).unwrap().contains(cut), "{method}");
    }
    let complete = |kind: &str, member: &str, name: &str| {
        let argument = json!({"name": "x", "value": ""});
        let params = json!({"ref": {"type": kind, member: name}, "argument": argument});
        request("completion/complete", &params)
    };
    let values = r#"{"completion":{"values":[]}}"#;
    let gone = r#"{"code":-32002,"message":"Resource not found: x"}"#;
    for (of_hidden, of_unknown, answer, list) in [
        (
            request("prompts/get", &json!({"name": "secret"})),
            request("prompts/get", &json!({"name": "none"})),
            r#"{"code":0,"message":"Unknown prompt: none"}"#,
            prompts,
        ),
        (
            request("resources/read", &json!({"uri": "file:///etc/x"})),
            request("resources/read", &json!({"uri": "file:///none"})),
            gone,
            "",
        ),
        (
            request("resources/subscribe", &json!({"uri": "file:///etc/x"})),
            request("resources/subscribe", &json!({"uri": "file:///none"})),
            gone,
            "",
        ),
        (
            complete("ref/prompt", "name", "secret"),
            complete("ref/prompt", "name", "none"),
            values,
            prompts,
        ),
        (
            complete("ref/resource", "uri", "note:///{x}"),
            complete("ref/resource", "uri", "none:{x}"),
            values,
            templates,
        ),
    ] {
        let id = send(&mut world, "alice", &session, &of_hidden);
        looks_for_hidden(&mut world, id);
        let response = world.sent(id).response.as_ref().unwrap();
        let of_hidden = response.body().to_vec();
        let of_unknown = answered(&mut world, &session, &of_unknown, answer, list);
        assert_eq!(of_unknown, of_hidden);
    }
}

#[test]
fn change_of_a_hidden_resource_is_not_told() {
    let (mut world, session) = under(Policy {
        resources: vec![hidden("file:///etc/*")],
        ..Policy::default()
    });
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    for uri in ["file:///etc/passwd", "file:///a"] {
        let message = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}});
        world.piece(&sent, &event(&message.to_string()));
    }
    let messages = streamed(&world, id);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["params"]["uri"], "file:///a");
}

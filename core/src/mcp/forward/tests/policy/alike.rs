//! What is hidden and what does not exist are alike, also in what they cost.

use super::*;

/// How many requests the backend is sent until a request is answered; each with this answer.
fn costs(world: &mut World, session: &str, body: &str) -> usize {
    let id = send(world, "alice", session, body);
    let mut requests = 0;
    while !world.is_over(id) {
        let sent = world.pulled();
        requests += 1;
        let text = match sent.json()["method"].as_str().unwrap() {
            "tools/list" if sent.json()["params"]["cursor"].is_null() => result(&sent, TOOLS),
            "tools/list" => result(&sent, r#"{"tools":[]}"#),
            "prompts/list" => result(&sent, r#"{"prompts":[{"name":"secret"}]}"#),
            "resources/list" => result(&sent, r#"{"resources":[]}"#),
            "resources/templates/list" => result(&sent, r#"{"resourceTemplates":[]}"#),
            "completion/complete" => result(&sent, r#"{"completion":{"values":[]}}"#),
            _ => format!(
                r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"Unknown"}}}}"#,
                id_of(&sent)
            ),
        };
        world.answers(sent, 200, &text);
    }
    requests
}

// R7: by how long an answer takes nobody finds out what is hidden from them.
#[test]
fn hidden_costs_as_many_requests_as_what_does_not_exist() {
    let (mut world, session) = under(Policy {
        tools: vec![hidden("delete_*")],
        prompts: vec![hidden("secret")],
        resources: vec![hidden("file:///etc/*"), hidden("note:///{x}")],
        ..Policy::default()
    });
    let complete = |kind: &str, member: &str, name: &str| {
        let argument = json!({"name": "x", "value": ""});
        let params = json!({"ref": {"type": kind, member: name}, "argument": argument});
        request("completion/complete", &params)
    };
    let prompt = |name: &str| request("prompts/get", &json!({"name": name}));
    let resource = |uri: &str| request("resources/read", &json!({"uri": uri}));
    for (of_hidden, of_unknown) in [
        (call("delete_all"), call("none")),
        (prompt("secret"), prompt("none")),
        (resource("file:///etc/passwd"), resource("file:///none")),
        (
            complete("ref/prompt", "name", "secret"),
            complete("ref/prompt", "name", "none"),
        ),
        (
            complete("ref/resource", "uri", "note:///{x}"),
            complete("ref/resource", "uri", "none:{x}"),
        ),
    ] {
        let [hidden, unknown] =
            [&of_hidden, &of_unknown].map(|body| costs(&mut world, &session, body));
        assert_eq!(hidden, unknown, "{of_hidden}");
        assert!(hidden > 0, "{of_hidden}");
    }
}

// R7, R8: a backend that is not there says nothing of what it would have.
#[test]
fn hidden_fails_as_what_does_not_exist_fails_where_the_backend_does_not_answer() {
    let (mut world, session) = of_tools(vec![hidden("delete_*")]);
    let answers = ["delete_all", "none"].map(|name| {
        let id = send(&mut world, "alice", &session, &call(name));
        let sent = world.pulled();
        world.answers(sent, 503, "");
        assert!(world.pulls.is_empty());
        body_of(&world, id)
    });
    assert_eq!(answers[0], answers[1]);
}

//! Completions of a template under a policy.

use super::*;

// R7
#[test]
fn completions_that_would_name_a_hidden_resource_are_not_passed() {
    let (mut world, session) = under(Policy {
        resources: vec![hidden("file:///etc/*")],
        ..Policy::default()
    });
    let reference = json!({"type": "ref/resource", "uri": "file:///{dir}/{name}"});
    let templates = r#"{"resourceTemplates":[{"uriTemplate":"file:///{dir}/{name}"}]}"#;
    for (argument, context, values, left) in [
        ("dir", json!({}), json!(["etc", "home"]), json!(["home"])),
        ("name", json!({"dir": "etc"}), json!(["passwd"]), json!([])),
        ("name", json!({"dir": "home"}), json!(["a"]), json!(["a"])),
        (
            "name",
            json!({"dir": "home"}),
            json!(["../etc/passwd"]),
            json!([]),
        ),
    ] {
        let params = json!({
            "ref": reference,
            "argument": {"name": argument, "value": ""},
            "context": {"arguments": context},
        });
        let body = request("completion/complete", &params);
        let answer = json!({"completion": {"values": values, "hasMore": false}}).to_string();
        let response = answered(&mut world, &session, &body, &answer, templates);
        let response: Value = serde_json::from_slice(&response).unwrap();
        assert_eq!(
            response["result"]["completion"]["values"], left,
            "{context}"
        );
    }
}

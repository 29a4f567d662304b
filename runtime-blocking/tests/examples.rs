//! The examples, each as a server in memory, asked by the client of `testing` alone.

use entra_mcp_blocking::{
    Config, Running, Server,
    testing::{Client, REVISIONS, SignIn},
};
use serde_json::{Value, json};

#[path = "../examples/everything.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod everything;
#[path = "../examples/guarded.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod guarded;
#[path = "../examples/hello.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod hello;
#[path = "../examples/notes.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod notes;
#[path = "../examples/trouble.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod trouble;
#[path = "../examples/whoami.rs"]
#[expect(dead_code, reason = "an example has a `main`, too")]
mod whoami;

fn start(offer: fn(Server) -> Server) -> Running {
    let started = offer(Server::new(Config::in_memory())).start();
    started.expect("what the example offers is right")
}

fn text(client: &Client, tool: &str, arguments: &Value) -> String {
    let answer = client.call(tool, arguments);
    answer.expect("the call is answered").text()
}

#[test]
fn hello_adds_in_every_revision() {
    let running = start(hello::offer);
    for revision in REVISIONS {
        let alice = SignIn::new("alice")
            .revision(revision)
            .to(&running)
            .unwrap();
        assert_eq!(
            text(&alice, "add", &json!({"a": 2, "b": 0.5})),
            "2.5",
            "{revision}"
        );
    }
}

#[test]
fn everything_is_listed_in_every_revision() {
    let running = start(everything::offer);
    for revision in REVISIONS {
        let alice = SignIn::new("alice")
            .revision(revision)
            .to(&running)
            .unwrap();
        assert!(alice.tools().unwrap().len() > 5, "{revision}");
        let prompts = alice.request("prompts/list", json!({})).unwrap();
        assert!(!prompts["prompts"].as_array().unwrap().is_empty());
    }
}

#[test]
fn guarded_tool_names_the_scope_that_it_needs_and_is_called_with_it() {
    let running = start(guarded::offer);
    let alice = SignIn::new("alice").to(&running).unwrap();
    let refused = alice.call("readMail", &json!({})).unwrap_err();
    assert_eq!(refused.needs_scope.as_deref(), Some("user.read mail.read"));
    // Alice has the role, and Bob has not.
    let bob = SignIn::new("bob").to(&running).unwrap();
    let sees = |client: &Client| client.tools().unwrap().contains(&"readReports".to_owned());
    assert!(sees(&alice) && !sees(&bob));
    let again = SignIn::new("alice").scope("user.read mail.read");
    let alice = again.to(&running).unwrap();
    assert_eq!(text(&alice, "readMail", &json!({})), "Mail can be read.");
}

#[test]
fn whoami_tells_who_has_signed_in_and_asks_them() {
    let running = start(whoami::offer);
    let introduction = json!({"nickname": "Al", "tone": "Friendly"});
    let alice = SignIn::new("alice")
        .accepts(&introduction)
        .to(&running)
        .unwrap();
    let who = alice.call("whoami", &json!({})).unwrap();
    assert_eq!(who.data()["name"], "Alice Adams");
    assert_eq!(text(&alice, "introduceMe", &json!({})), "Meet Al!");
    assert_eq!(alice.questions().len(), 1);
    assert!(text(&alice, "myMail", &json!({})).contains("alice"));
}

#[test]
fn note_is_read_completed_and_reviewed_by_whose_it_is() {
    let running = start(notes::offer);
    let [alice, bob] = ["alice", "bob"].map(|user| SignIn::new(user).to(&running).unwrap());
    let note = json!({"title": "lunch", "text": "At noon."});
    assert!(text(&alice, "writeNote", &note).contains("notes://mine/lunch"));
    let uri = json!({"uri": "notes://mine/lunch"});
    let read = alice.request("resources/read", uri.clone()).unwrap();
    assert_eq!(read["contents"][0]["text"], "At noon.");
    assert!(bob.request("resources/read", uri).is_err());
    let begun = json!({"ref": {"type": "ref/prompt", "name": "review"},
        "argument": {"name": "title", "value": "l"}});
    let completed = alice.request("completion/complete", begun.clone()).unwrap();
    assert_eq!(completed["completion"]["values"], json!(["lunch"]));
    let completed = bob.request("completion/complete", begun).unwrap();
    assert_eq!(completed["completion"]["values"], json!([]));
    let review = json!({"name": "review", "arguments": {"title": "lunch"}});
    let review = alice.request("prompts/get", review).unwrap();
    assert!(review.to_string().contains("At noon."));
}

#[test]
fn trouble_of_a_tool_is_told_to_whom_it_concerns() {
    let running = start(trouble::offer);
    let alice = SignIn::new("alice").to(&running).unwrap();
    for tool in ["readConfig", "panic"] {
        let failed = alice.call(tool, &json!({})).unwrap_err().to_string();
        assert!(failed.contains("request id"), "{failed}");
    }
    assert!(alice.tools().unwrap().contains(&"wait".to_owned()));
}

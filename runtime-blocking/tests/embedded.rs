//! Servers on this runtime inside of a program.

use std::{
    io::{Read as _, Write as _},
    marker::PhantomData,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
};

use bytes::Bytes;

use entra_mcp_blocking::{
    Blocking, CallError, ChangeError, ChangeNotification, Config, Context, GraphRequest, Prompt,
    Resource, ResourcePage, ResourceTemplate, Server, Tool,
    testing::{REVISIONS, SignIn},
};
use http::{Request, Response};
use serde_json::{Map, Value, json};

entra_mcp_e2e::embedded_cases!(PhantomData::<Blocking>);

/// A folder of a test, deleted with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("entra_mcp_blocking-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn config(&self) -> Config {
        Config::dev_tenant().data_folder(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whoever is connected sees it at once, and is told where the revision has a stream for that.
#[test]
fn tools_come_and_go_while_a_server_runs() {
    let folder = Folder::new("tools");
    let server = Server::new(folder.config()).list_changed();
    let handle = server.handle();
    let add = || {
        let greet = Tool::new("greet", "Greets the client");
        handle.add_tool(greet, |cx: &Context| {
            Ok(cx.client().info.name.clone().unwrap_or_default())
        })
    };
    assert_eq!(add(), Err(ChangeError::NotRunning));
    let running = server.start().unwrap();
    for revision in REVISIONS {
        let alice = SignIn::new("alice")
            .revision(revision)
            .to(&running)
            .unwrap();
        let greet = || alice.call("greet", &json!({}));
        assert!(greet().is_err(), "{revision}");
        add().unwrap();
        assert!(alice.tools().unwrap().contains(&"greet".to_owned()));
        assert_eq!(greet().unwrap().text(), "test");
        let twice = add().unwrap_err().to_string();
        assert!(twice.contains("Two tools are called `greet`"), "{twice}");
        assert_eq!(greet().unwrap().text(), "test");
        assert!(handle.remove_tool("greet") && !handle.remove_tool("greet"));
        assert!(greet().is_err());
        let changed = |told: &&Value| told["method"] == "notifications/tools/list_changed";
        let told = || alice.notifications().iter().filter(changed).count();
        // The others listen on a stream of its own.
        let expected = usize::from(revision == "2024-11-05") * 2;
        // What was told may come after the answer of a call that began after it.
        for _ in 0..50 {
            if told() < expected {
                alice.tools().unwrap();
            }
        }
        assert_eq!(told(), expected, "{revision}");
    }
    running.stop();
    running.wait().unwrap();
    assert_eq!(add(), Err(ChangeError::NotRunning));
}

/// On a stream of its own: by GET, or `subscriptions/listen` since 2026-07-28.
#[test]
fn client_that_listens_is_told_which_list_has_changed() {
    let server = Server::new(Config::in_memory()).list_changed();
    let server = server.announce_empty_lists();
    let handle = server.handle();
    let running = server.start().unwrap();
    for revision in REVISIONS {
        let alice = SignIn::new("alice").revision(revision);
        let alice = alice.to(&running).unwrap();
        let listening = alice.listen();
        if revision == "2024-11-05" {
            assert!(listening.is_err());
            continue;
        }
        let mut stream = listening.unwrap();
        let mut told = |list: &str| {
            let method = format!("notifications/{list}/list_changed");
            assert_eq!(stream.message().unwrap()["method"], method, "{revision}");
        };
        let hello = |_: &Context| Ok("Hello.");
        handle
            .add_tool(Tool::new("greet", "Greets"), hello)
            .unwrap();
        told("tools");
        assert!(handle.remove_tool("greet"));
        told("tools");
        handle
            .add_prompt(Prompt::new("greet", "Greets"), hello)
            .unwrap();
        told("prompts");
        assert!(handle.remove_prompt("greet"));
        told("prompts");
        let resource = Resource::new("hello://world", "world");
        handle.add_resource(resource, hello).unwrap();
        told("resources");
        assert!(handle.remove_resource("hello://world"));
        told("resources");
        let template = ResourceTemplate::new("hello://{name}", "name");
        handle
            .add_template(template, |_: &Context, _: Map<String, Value>| Ok("Hello."))
            .unwrap();
        told("resources");
        assert!(handle.remove_template("hello://{name}"));
        told("resources");
    }
    running.stop();
    running.wait().unwrap();
}

/// Each user sees their own, page by page, and reads no other's.
#[test]
fn resources_are_listed_and_read_for_who_calls() {
    let list = |cx: &Context, from: Option<String>| {
        let own = |number: u8| {
            let user = cx.principal().username.clone().unwrap_or_default();
            Resource::new(format!("notes://{user}/{number}"), "note")
        };
        Ok(match from.as_deref() {
            None => ResourcePage::new([own(1), own(2)]).next("3"),
            Some(_) => ResourcePage::new([own(3)]),
        })
    };
    let read = |cx: &Context| {
        let user = cx.principal().username.clone().unwrap_or_default();
        match cx.name().starts_with(&format!("notes://{user}/")) {
            true => Ok(format!("a note of {user}")),
            false => Err(CallError::NotFound),
        }
    };
    let server = Server::new(Config::in_memory()).list_changed();
    let server = server.list_resources(list, read);
    let handle = server.handle();
    let running = server.start().unwrap();
    let [alice, bob] = ["alice", "bob"].map(|user| SignIn::new(user).to(&running).unwrap());
    let uris = |page: &Value| -> Vec<String> {
        let listed = page["resources"].as_array().unwrap().iter();
        listed
            .map(|one| one["uri"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = alice.request("resources/list", json!({})).unwrap();
    assert_eq!(uris(&first).len(), 2);
    let cursor = json!({"cursor": first["nextCursor"]});
    let last = alice.request("resources/list", cursor).unwrap();
    assert_eq!(uris(&last).len(), 1);
    let own = json!({"uri": uris(&last)[0]});
    let note = alice.request("resources/read", own.clone()).unwrap();
    assert!(
        note["contents"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("a note of alice")
    );
    assert!(bob.request("resources/read", own).is_err());
    // Nobody listens, which is no fault.
    handle.notify_user("tenant", "user", ChangeNotification::Resources);
    running.stop();
    running.wait().unwrap();
}

/// The same answers in every revision, without a socket or a file; and questions to the user in the middle of a call.
#[test]
fn server_in_memory_is_signed_in_to_and_called_in_every_revision() {
    let running = Server::new(Config::in_memory()).start().unwrap();
    assert!(running.addresses().is_empty());
    let other = Server::new(Config::in_memory()).start().unwrap();
    for revision in REVISIONS {
        let bob = SignIn::new("bob").revision(revision).to(&running).unwrap();
        let details = bob.call("getUserDetails", &json!({})).unwrap();
        assert!(
            details.text().contains("Bob"),
            "{revision}: {}",
            details.text()
        );
        assert!(bob.call("nothing", &json!({})).is_err());
    }
    assert!(SignIn::new("nobody").to(&other).is_err());
    running.stop();
    running.wait().unwrap();
    other.stop();
    other.wait().unwrap();
}

fn echo(request: &Request<Bytes>) -> Response<Bytes> {
    let text = format!(
        "{} {} {:?}",
        request.method(),
        request.uri(),
        request.body()
    );
    Response::new(text.into())
}

/// What is received in answer to this, up to the end.
fn exchanged(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    let sent = socket.write_all(request.as_bytes());
    sent.expect("the server reads");
    let mut answer = String::new();
    let received = socket.read_to_string(&mut answer);
    received.expect("the server answers with text");
    answer
}

/// Nothing of the server's is hidden behind them, and a bug in one is one failed request.
#[test]
fn own_paths_are_served_beside_the_server() {
    let folder = Folder::new("routes");
    let running = Server::new(folder.config())
        .route("/hooks", |request: Request<Bytes>| echo(&request))
        .route("/broken", |_: Request<Bytes>| {
            panic!("a bug of the program's")
        })
        .start()
        .unwrap();
    let address = running.addresses()[0];
    let port = address.port();
    let ask = |head: &str, host: &str, body: &str| {
        let length = body.len();
        exchanged(
            address,
            &format!(
                "{head} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ),
        )
    };
    let host = format!("localhost:{port}");
    let answer = ask("POST /hooks/git?a=1", &host, "pushed");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.ends_with("POST /hooks/git?a=1 b\"pushed\""),
        "{answer}"
    );
    assert!(ask("GET /healthz", &host, "").starts_with("HTTP/1.1 200"));
    assert!(ask("GET /hooks2", &host, "").starts_with("HTTP/1.1 404"));
    assert!(ask("POST /hooks", &host, &"x".repeat(70_000)).starts_with("HTTP/1.1 413"));
    // J1
    assert!(!ask("GET /hooks", "evil.example", "").starts_with("HTTP/1.1 200"));
    assert!(ask("GET /broken", &host, "").starts_with("HTTP/1.1 500"));
    running.stop();
    running.wait().unwrap();
    for taken in ["/mcp", "/auth", "/"] {
        let server = Server::new(Config::in_memory());
        let error = server
            .route(taken, |request: Request<Bytes>| echo(&request))
            .start()
            .unwrap_err();
        assert!(error.to_string().contains(taken), "{error}");
    }
}

/// However large the whole is; nor does it outlive its call.
#[test]
fn answer_of_graph_is_read_piece_by_piece() {
    let folder = Folder::new("stream");
    let file = folder.0.join("tenant.json");
    let content = "0123456789abcdef".repeat(640 * 1024);
    let error = json!({"code": "itemNotFound", "message": "It is gone."});
    let routes = json!([
        {"path": "/v1.0/me/big", "status": 302, "headers": {"location": "{graph}/files/big"}},
        {"path": "/files/big", "token": false, "body": content},
        {"path": "/v1.0/me/gone", "status": 404, "body": {"error": error}},
    ]);
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(&file, json!({"graph": routes}).to_string()).unwrap();
    let (kept, still_there) = std::sync::mpsc::channel();
    let count = |cx: &Context| {
        let big = GraphRequest::get_path("v1.0/me/big").follow_link();
        let whole = big.clone().response_limit(usize::MAX);
        let whole = cx.graph_send(whole).unwrap_err();
        let mut content = cx.graph_stream(big)?;
        let (status, mut length, mut largest) = (content.head().status(), 0, 0);
        while let Some(piece) = content.next()? {
            length += piece.len();
            largest = largest.max(piece.len());
        }
        let gone = GraphRequest::get_path("v1.0/me/gone");
        let gone = cx.graph_stream(gone).unwrap_err();
        let is_piece = (1..=64 * 1024).contains(&largest);
        Ok(format!(
            "{status} {length} {is_piece} {:?} {} {whole}",
            gone.status, gone.code
        ))
    };
    let keep = move |cx: &Context| {
        let me = || GraphRequest::get_path("v1.0/me");
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(cx.graph_stream(me())?);
        }
        let fifth = cx.graph_stream(me()).unwrap_err().to_string();
        kept.send(streams).unwrap();
        Ok(fifth)
    };
    let config = folder.config().dev_tenant_file(file);
    let running = Server::new(config)
        .tool(Tool::new("count", "Counts"), count)
        .tool(Tool::new("keep", "Keeps"), keep)
        .start()
        .unwrap();
    let alice = SignIn::new("alice").to(&running).unwrap();
    let counted = alice.call("count", &json!({})).unwrap().text();
    let expected = "200 10485760 true Some(404) itemNotFound The answer of Microsoft Graph is longer than 8388608 bytes";
    assert!(counted.starts_with(expected), "{counted}");
    let kept = alice.call("keep", &json!({})).unwrap().text();
    assert!(
        kept.contains("has 4 answers of Microsoft Graph open"),
        "{kept}"
    );
    for mut stream in still_there.recv().unwrap() {
        let ended = stream.next().unwrap_err();
        assert_eq!(ended.to_string(), "the call is over");
    }
    running.stop();
    running.wait().unwrap();
}

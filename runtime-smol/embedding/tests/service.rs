//! The MCP server as a service of axum, in this process.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, thread};

use embedding::{pages, serve, server};
use entra_mcp_smol::{
    Bytes, CallError, Config, Context, Request, Response, Running, StartError, Tool,
    testing::{REVISIONS, SignIn},
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};

/// A program of this process, and what ends it.
struct Program {
    address: SocketAddr,
    running: Running,
    served: JoinHandle<std::io::Result<()>>,
    end: oneshot::Sender<()>,
    folder: PathBuf,
}

impl Program {
    async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = format!("embedding-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let config = Config::dev_tenant().data_folder(&folder);
        let hook = |request: Request<Bytes>| async move {
            Response::new(Bytes::from(format!("{} bytes", request.body().len())))
        };
        let (service, running) = server(config.listen(address))
            .tool(Tool::new("count", "Counts"), count)
            .route("/hooks", hook)
            .into_service()
            .unwrap();
        let (end, ended) = oneshot::channel();
        let stopper = running.stopper();
        let router = pages().fallback_service(service);
        let served = tokio::spawn(serve(listener, router, async move {
            let _ = ended.await;
            stopper.stop();
        }));
        Self {
            address,
            running,
            served,
            end,
            folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it as SIGTERM does; all of it ends.
    async fn end(self) {
        self.end.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        let running = self.running;
        spawn_blocking(|| running.wait()).await.unwrap().unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

/// Tells how far it is: by a stream.
async fn count(cx: Context) -> Result<String, CallError> {
    let mut text = String::new();
    for number in 1..=3_u8 {
        cx.progress(f64::from(number), 3.0).await?;
        write!(text, "{number} ").unwrap();
    }
    Ok(text)
}

/// A user signs in through axum, in every revision, and calls tools whose progress is streamed.
#[tokio::test]
async fn user_signs_in_and_calls_tools_through_axum() {
    let program = Program::start("calls").await;
    let program = spawn_blocking(move || {
        for revision in REVISIONS {
            let alice = SignIn::new("alice").revision(revision);
            let alice = alice.to(&program.running).unwrap();
            let details = alice.call("getUserDetails", &json!({})).unwrap();
            assert!(details.text().contains("Alice Adams"), "{revision}");
            assert_eq!(alice.call("count", &json!({})).unwrap().text(), "1 2 3 ");
            let told = alice.notifications();
            let told = told
                .iter()
                .filter(|told| told["method"] == "notifications/progress");
            assert!(told.count() > 0, "{revision}");
        }
        program
    });
    let program = program.await.unwrap();
    let own = reqwest::get(program.url("/")).await.unwrap();
    assert_eq!(own.text().await.unwrap(), "Hello!");
    let unsigned = reqwest::get(program.url("/mcp")).await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
    let nowhere = reqwest::get(program.url("/nowhere")).await.unwrap();
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    program.end().await;
}

/// As on sockets of its own.
#[tokio::test]
async fn bounds_and_hosts_hold_through_axum() {
    let program = Program::start("bounds").await;
    let client = reqwest::Client::new();
    let post = |path: &str, bytes: usize| client.post(program.url(path)).body("x".repeat(bytes));
    let hook = post("/hooks/git", 7).send().await.unwrap();
    assert_eq!(hook.text().await.unwrap(), "7 bytes");
    for path in ["/hooks", "/register"] {
        let refused = post(path, 70_000).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    // J1
    let foreign = post("/hooks", 1)
        .header("Host", "evil.example")
        .send()
        .await
        .unwrap();
    assert!(foreign.status().is_client_error(), "{}", foreign.status());
    program.end().await;
}

/// A stream would go on for as long as its client listens: it ends with the server, and so does its connection.
#[tokio::test]
async fn program_ends_though_a_client_listens() {
    let program = Program::start("end").await;
    let (program, client) = spawn_blocking(move || {
        let client = SignIn::new("bob").revision("2024-11-05");
        let client = client.to(&program.running).unwrap();
        (program, client)
    })
    .await
    .unwrap();
    program.end().await;
    let call = move || client.call("count", &json!({}));
    assert!(thread::spawn(call).join().unwrap().is_err());
}

#[test]
fn address_of_the_program_must_be_known() {
    let error = server(Config::dev_tenant()).into_service().unwrap_err();
    assert!(matches!(error, StartError::PortUnknown));
    assert!(error.to_string().contains("Config::listen"), "{error}");
}

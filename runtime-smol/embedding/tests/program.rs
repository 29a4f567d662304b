//! The program as its users run it, and its tool without a server.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
};

use embedding::{Page, fetch};
use entra_mcp_smol::{Context, testing::Script};

/// The whole response to a GET.
fn get(origin: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
    let host = origin.trim_start_matches("http://");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

struct Program {
    child: Child,
    folder: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the program; where its own pages and its MCP server are.
fn start(name: &str, arguments: &[&str]) -> (Program, ChildStderr, [String; 2]) {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_embedding"))
        .arg("--data-folder")
        .arg(&folder)
        .args(arguments)
        // Neither an argument nor a variable is the MCP server's: it would refuse to start with this one.
        .env("AZURE_CLIENT_ID", "of somebody else")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let log = child.stderr.take().unwrap();
    let program = Program { child, folder };
    let addresses = ["own pages: ", "MCP: "].map(|name| {
        let line = lines.next().unwrap().unwrap();
        let address = line.strip_prefix(name);
        address.unwrap_or_else(|| panic!("{line}")).to_owned()
    });
    (program, log, addresses)
}

fn serves_both_and_ends_after_sigterm(name: &str, arguments: &[&str]) -> [String; 2] {
    let (mut program, mut log, [own, mcp]) = start(name, arguments);
    assert!(get(&own, "/").ends_with("Hello!"));
    let refused = get(mcp.trim_end_matches("/mcp"), "/mcp");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");

    let pid = program.child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
    assert!(program.child.wait().unwrap().success());
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    assert!(text.contains("both have ended"), "{text}");
    [own, mcp]
}

#[test]
fn program_with_the_server_as_its_service_serves_both_and_ends_after_sigterm() {
    let [own, mcp] = serves_both_and_ends_after_sigterm("embedding-service", &[]);
    assert_eq!(format!("{own}/mcp"), mcp);
}

#[test]
fn program_with_the_server_beside_it_serves_both_and_ends_after_sigterm() {
    let beside = ["--mcp-listen", "127.0.0.1:0"];
    let [own, mcp] = serves_both_and_ends_after_sigterm("embedding-beside", &beside);
    assert_ne!(format!("{own}/mcp"), mcp);
}

#[test]
fn tool_of_tokio_runs_on_the_executor_of_smol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nHello";
        stream.write_all(response.as_bytes()).unwrap();
    });
    let (cx, _) = Script::new().context::<Context>();
    let page = smol::block_on(fetch(cx, Page { url }));
    assert_eq!(page.unwrap(), "Hello");
    answering.join().unwrap();
}

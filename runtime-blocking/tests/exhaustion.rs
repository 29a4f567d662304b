//! The binary, with more peers than it can bear: afterwards it still answers (threats.md M10, M13).

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A running server that ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
    data_dir: PathBuf,
}

impl Server {
    /// Starts the binary, with at most this many descriptors.
    fn start(descriptors: u32) -> Self {
        let [address, tenant] = [free(), free()];
        let data_dir = std::env::temp_dir().join(format!("entra-mcp-{}", address.port()));
        let binary = env!("CARGO_BIN_EXE_entra-mcp-blocking");
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "ulimit -n {descriptors}; exec {binary} --dev-tenant-listen {tenant}"
            ))
            .env("ENTRA_MCP_LISTEN", address.to_string())
            .env("ENTRA_MCP_PUBLIC_URL", format!("http://{address}"))
            .env("ENTRA_MCP_DATA_DIR", &data_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            address,
            data_dir,
        };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "the server does not start");
            std::thread::yield_now();
        }
        server
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        let patience = Some(Duration::from_secs(30));
        socket.set_read_timeout(patience).unwrap();
        socket
    }

    /// The status of `GET /healthz` on a connection of its own.
    fn health(&self) -> String {
        let mut socket = self.connect();
        let host = self.address;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let mut said = String::new();
        // The server may close while it has no descriptor for us: then it has said nothing.
        let _ = socket.write_all(request.as_bytes());
        let _ = socket.read_to_string(&mut said);
        said.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

// DOS-11
#[test]
fn two_thousand_idle_connections_hold_up_nobody() {
    let files = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: files.maximum,
        maximum: files.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let server = Server::start(5000);
    let idle: Vec<_> = (0..2000).map(|_| server.connect()).collect();
    assert_eq!(server.health(), "HTTP/1.1 200 OK");
    drop(idle);
    assert_eq!(server.health(), "HTTP/1.1 200 OK");
}

// M10
#[test]
fn when_no_descriptors_are_left_the_server_waits_and_goes_on() {
    let server = Server::start(40);
    let idle: Vec<_> = (0..200).map(|_| server.connect()).collect();
    drop(idle);
    let end = Instant::now() + Duration::from_secs(30);
    while server.health() != "HTTP/1.1 200 OK" {
        assert!(Instant::now() < end, "the server did not come back");
    }
}

//! Starting, killing and asking a server.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    Program,
    raw_http::{self, Response},
    schema_checked::CheckedTraffic,
};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    program: Program,
    descriptors: Option<u32>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    base_path: &'static str,
    folder: PathBuf,
    port: u16,
    pub(crate) tenant_port: u16,
    /// That of another server.
    tenant: Option<Tenant>,
    running: Option<Running>,
    watched: CheckedTraffic,
    log: Arc<Mutex<String>>,
}

/// The dev tenant of another server, as an operator would configure a real one.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) port: u16,
    /// What is set as `AZURE_TENANT_ID`.
    pub(crate) id: &'static str,
    /// The variables that say what the server proves itself with.
    pub(crate) credential: Vec<(&'static str, String)>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(program: Program, descriptors: Option<u32>, tenant: Option<Tenant>) -> Self {
        Self::with(program, descriptors, tenant, &[], "")
    }

    /// One that runs inside of this process.
    #[must_use]
    pub fn embedded(running: &entra_mcp_runtime::Running) -> Self {
        let mut server = Self::stopped(Program::new("", &[]), None, None, &[], "");
        server.port = running.addresses()[0].port();
        server.tenant_port = running.dev_tenant_addresses()[0].port();
        server
    }

    pub(crate) fn with_variables(
        program: Program,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut server = Self::stopped(program, None, None, arguments, "");
        let variables = variables.iter();
        server.variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        server.start();
        server
    }

    pub(crate) fn with(
        program: Program,
        descriptors: Option<u32>,
        tenant: Option<Tenant>,
        arguments: &[&str],
        base_path: &'static str,
    ) -> Self {
        let mut server = Self::stopped(program, descriptors, tenant, arguments, base_path);
        server.start();
        server
    }

    fn stopped(
        program: Program,
        descriptors: Option<u32>,
        tenant: Option<Tenant>,
        arguments: &[&str],
        base_path: &'static str,
    ) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!(
            "entra-mcp-e2e-{}-{:?}-{port}",
            std::process::id(),
            std::thread::current().id()
        ));
        let _ = std::fs::remove_dir_all(&folder);
        Self {
            program,
            descriptors,
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            variables: Vec::new(),
            base_path,
            folder,
            port,
            tenant_port: tenant.as_ref().map_or_else(free_port, |tenant| tenant.port),
            tenant,
            running: None,
            watched: CheckedTraffic::default(),
            log: Arc::default(),
        }
    }

    /// Starts it, again with the same ports and the same data folder.
    pub fn start(&mut self) {
        let mut command = self.program.command_with_descriptors(self.descriptors);
        match &self.tenant {
            None => command.args([
                "--dev-tenant-listen",
                &format!("localhost:{}", self.tenant_port),
            ]),
            Some(Tenant { credential, id, .. }) => command
                .env("AZURE_TENANT_ID", id)
                .env("AZURE_CLIENT_ID", entra_mcp_dev_tenant::CLIENT_ID)
                .env("AZURE_AUTHORITY_HOST", self.tenant_url())
                .envs(credential.iter().map(|(name, value)| (name, value))),
        };
        if !self.base_path.is_empty() {
            command.args(["--public-url", &self.url()]);
        }
        let mut child = command
            .envs(self.variables.iter().cloned())
            .current_dir(std::env::temp_dir())
            .args(["--listen", &format!("localhost:{}", self.port)])
            .arg("--data-dir")
            .arg(&self.folder)
            // Last, for one of them may be the command of a backend.
            .args(&self.arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![self.listen_to(stdout), self.listen_to(stderr)];
        self.running = Some(Running { child, readers });
        let end = Instant::now() + PATIENCE;
        while !self.is_healthy() {
            assert!(
                Instant::now() < end,
                "the server does not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn listen_to(&self, pipe: impl std::io::Read + Send + 'static) -> JoinHandle<()> {
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .is_ok_and(|length| length > 0)
            {
                log.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        })
    }

    /// Whether it says that it lives.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        raw_http::try_request(self.address(), &self.get("/healthz"))
            .is_ok_and(|response| response.status == 200)
    }

    /// Asserts that it lives: whatever was done to it.
    pub fn assert_healthy(&self) {
        let end = Instant::now() + PATIENCE;
        while !self.is_healthy() {
            assert!(
                Instant::now() < end,
                "the server does not answer: {}",
                self.log()
            );
        }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().expect("the server runs");
            running.child.wait().expect("the server ends");
            for reader in running.readers {
                let _ = reader.join();
            }
        }
    }

    /// Asks it to end, as an operator does; how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the server runs");
        send_signal(&running.child, "TERM");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = running.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let running = self.running.as_ref().expect("the server runs");
        send_signal(&running.child, name);
    }

    /// What it has printed and logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its issuer and base address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://localhost:{}{}", self.port, self.base_path)
    }

    /// What requests to it must carry as `Host`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The address of the dev tenant.
    #[must_use]
    pub fn tenant_url(&self) -> String {
        format!("http://localhost:{}", self.tenant_port)
    }

    /// Its data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text of a GET.
    #[must_use]
    pub fn get(&self, target: &str) -> String {
        format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.host()
        )
    }

    /// Sends the text of a request on a connection of its own.
    #[must_use]
    pub fn send(&self, request: &str) -> Response {
        raw_http::try_request(self.address(), request).expect("the server answers")
    }

    /// Sends a request with headers and a body.
    #[must_use]
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let exchange = self.watched.asked(target, headers, body);
        let response = self.send(&raw_http::text(method, target, &self.host(), headers, body));
        exchange.answered(&response);
        response
    }

    /// Asks the dev tenant.
    #[must_use]
    pub fn ask_tenant(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let address = SocketAddr::from(([127, 0, 0, 1], self.tenant_port));
        let host = format!("localhost:{}", self.tenant_port);
        let request = raw_http::text(method, target, &host, headers, body);
        raw_http::try_request(address, &request).expect("the dev tenant answers")
    }

    /// Who looks at every MCP message.
    #[must_use]
    pub fn watched(&self) -> &CheckedTraffic {
        &self.watched
    }

    /// How many bytes of memory the process holds (Linux).
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let id = self.running.as_ref().expect("the server runs").child.id();
        let mut text = String::new();
        let file = std::fs::File::open(format!("/proc/{id}/status"));
        file.unwrap().read_to_string(&mut text).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse::<u64>().unwrap() * 1024
    }

    /// How many threads the process has (Linux).
    #[must_use]
    pub fn threads(&self) -> usize {
        let id = self.running.as_ref().expect("the server runs").child.id();
        std::fs::read_dir(format!("/proc/{id}/task"))
            .unwrap()
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn send_signal(child: &Child, name: &str) {
    let (signal, id) = (format!("-{name}"), child.id().to_string());
    let sent = Command::new("kill").args([signal, id]).status().unwrap();
    assert!(sent.success());
}

/// A port that is free on both families, for the server listens on both.
///
/// It is below those that the system gives to whoever connects, and tests in other processes begin elsewhere: nothing
/// takes it until the server listens.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    /// How many a process takes before it takes those of the next.
    const OF_A_PROCESS: u32 = 16;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(OF_A_PROCESS);
    loop {
        let next = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + next % COUNT).expect("it is below 32,768");
        let is_free = TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free
            && (TcpListener::bind(("::1", port)).is_ok() || TcpListener::bind("[::1]:0").is_err())
        {
            return port;
        }
    }
}

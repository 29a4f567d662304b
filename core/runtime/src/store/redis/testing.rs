//! A Redis of a test's own, on a socket in a folder that goes away with it.

use std::{
    io::Write as _,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use entra_mcp_core::{
    config::{RedisEndpoint, RedisPassword, RedisServer},
    secret::Secret,
};

use super::{RedisStore, connector::Connector};
use crate::{
    store::suite::now,
    unix::{
        local_socket::LocalStream,
        testing::{self, Signal},
    },
};

/// How long Redis may take to start, on a machine that is busy.
const START: Duration = Duration::from_secs(60);

/// A port that nobody listens on. It is below those that the system gives to whoever connects, so that it stays free.
pub(super) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Tests of other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(16);
    loop {
        let next = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + next % COUNT).expect("it is below 32,768");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A Redis that ends with the test.
pub(in crate::store) struct RedisProcess {
    folder: PathBuf,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl RedisProcess {
    pub(in crate::store) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one that keeps what it has acknowledged.
    pub(in crate::store) fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(in crate::store) fn with(arguments: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("entra-mcp-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let mut redis = Self {
            folder,
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            process: None,
        };
        redis.start_again();
        redis
    }

    /// Starts it again after it was killed, and waits until it answers.
    pub(in crate::store) fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.arguments)
            .stdout(Stdio::null());
        let started = command.spawn();
        let process = started.expect("redis-server is needed: apt-get install redis-server");
        self.process = Some(process);
        let end = Instant::now() + START;
        while !self.is_there() {
            assert!(Instant::now() < end, "redis-server does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_there(&self) -> bool {
        use std::io::Read as _;
        let Ok(mut socket) = LocalStream::connect(self.socket()) else {
            return false;
        };
        let mut answer = [0];
        // An error is an answer, too, unless it still reads its file.
        let asked = socket.write_all(b"PING\r\n");
        let mut rest = [0; 7];
        asked.is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && (answer == *b"+" || (socket.read_exact(&mut rest).is_ok() && rest != *b"LOADING"))
    }

    /// Ends it without a word.
    pub(in crate::store) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends it a signal, such as one that stops it until it is told to go on.
    pub(in crate::store) fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it was started");
        testing::signal(process, signal);
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// Where it is.
    pub(in crate::store) fn server(&self) -> RedisServer {
        RedisServer {
            endpoint: RedisEndpoint::Unix(self.socket()),
            database: 0,
            user: None,
            password: None,
            prefix: "{entra-mcp}:".to_owned(),
        }
    }

    /// The same, with these credentials.
    pub(in crate::store) fn server_for(&self, user: &str, password: &str) -> RedisServer {
        RedisServer {
            user: Some(user.to_owned()),
            password: Some(RedisPassword::Given(Secret::new(password.to_owned()))),
            ..self.server()
        }
    }

    /// A store in it, of a replica of its own.
    pub(in crate::store) fn store(&self) -> RedisStore {
        RedisStore::open(&self.server(), None, None, now()).unwrap()
    }

    /// A connection by which to look into it.
    pub(in crate::store) fn connection(&self) -> redis::Connection {
        Connector::new(&self.server(), None, None)
            .connect(None)
            .unwrap()
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

//! Servers inside of a program that does other things, too: nothing of its process is theirs.

use std::{
    future,
    marker::PhantomData,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
};

use entra_mcp_runtime::{Config, Running, Server as EmbeddedServer, ServerRuntime, StartError};

use crate::{
    Server,
    client::sign_in,
    server::free_port,
    unix::{Mode, Resource, getrlimit, stat, umask},
};

const REVISION: &str = "2025-11-25";

/// A folder of a test, deleted with it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("entra-mcp-embedded-{}-{number}", std::process::id());
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

fn start<R: ServerRuntime>(config: Config) -> (Running, Server) {
    let running = EmbeddedServer::<R>::new(config).start().unwrap();
    let server = Server::embedded(&running);
    (running, server)
}

/// Each has users, sessions, ports and an end of its own.
pub fn two_servers_of_one_process_are_apart<R: ServerRuntime>(_: &PhantomData<R>) {
    let folders = [Folder::new(), Folder::new()];
    let [(first_running, first), (second_running, second)] =
        [0, 1].map(|number: usize| start::<R>(folders[number].config()));
    let alice = sign_in(&first, "alice");
    assert_eq!(
        alice.details(&first, REVISION)["structuredContent"]["displayName"],
        "Alice Adams"
    );
    assert!(!alice.works(&second));
    let bob = sign_in(&second, "bob");
    assert_eq!(
        bob.details(&second, REVISION)["structuredContent"]["displayName"],
        "Bob Baumann"
    );
    first_running.stop();
    first_running.wait().unwrap();
    assert!(bob.works(&second));
    second_running.stop();
    second_running.wait().unwrap();
}

/// Whoever starts it again finds the sessions, at the same address.
pub fn stopped_server_starts_again<R: ServerRuntime>(_: &PhantomData<R>) {
    let folder = Folder::new();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let (running, server) = start::<R>(folder.config().listen(address));
    let alice = sign_in(&server, "alice");
    for _ in 0..3 {
        let again = EmbeddedServer::<R>::new(folder.config()).start();
        let error = again.expect_err("the folder is in use").to_string();
        assert!(error.contains(&folder.0.display().to_string()), "{error}");
    }
    running.stop();
    running.wait().unwrap();
    let free = TcpListener::bind(address).expect("the port is free");
    drop(free);
    let (running, server) = start::<R>(folder.config().listen(address));
    assert_eq!(running.addresses(), [address]);
    assert!(alice.works(&server), "{address}");
    running.stop();
    running.wait().unwrap();
}

/// Neither file modes, nor core files, nor the number of descriptors; and sessions are private all the same.
pub fn process_of_an_embedded_server_is_left_alone<R: ServerRuntime>(_: &PhantomData<R>) {
    let usual = Mode::from_raw_mode(0o022);
    umask(usual);
    let limits = || [Resource::Core, Resource::Nofile].map(getrlimit);
    let before = limits();
    let folder = Folder::new();
    let (running, server) = start::<R>(folder.config());
    assert!(sign_in(&server, "alice").works(&server));
    assert_eq!(umask(usual), usual);
    assert_eq!(limits(), before);
    for file in std::fs::read_dir(folder.0.join("dev-tenant")).unwrap() {
        let file = file.unwrap();
        let mode = Mode::from(stat(file.path()).unwrap().st_mode);
        let others = mode & (Mode::RWXG | Mode::RWXO);
        assert_eq!(others, Mode::empty(), "{}", file.path().display());
    }
    running.stop();
    running.wait().unwrap();
}

/// The future is polled on the thread of the caller.
pub fn embedded_server_runs_until_a_future_ends<R: ServerRuntime>(_: &PhantomData<R>) {
    let folder = Folder::new();
    let mut polled = 0;
    let stop = future::poll_fn(|cx| {
        polled += 1;
        cx.waker().wake_by_ref();
        if polled < 3 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    });
    EmbeddedServer::<R>::new(folder.config())
        .run_until(stop)
        .unwrap();
    assert_eq!(polled, 3);
}

/// In the words of the settings, and nothing is left behind.
pub fn wrong_configuration_of_an_embedded_server_is_an_error<R: ServerRuntime>(_: &PhantomData<R>) {
    let folder = Folder::new();
    let start = |config: Config| EmbeddedServer::<R>::new(config).start();
    let error = start(Config::dev_tenant()).expect_err("no folder");
    assert!(error.to_string().contains("ENTRA_MCP_DATA_DIR"), "{error}");
    let config = folder.config().setting("ENTRA_MCP_REGISTRATON", "open");
    let error = start(config).expect_err("no such setting");
    assert!(
        error.to_string().contains("ENTRA_MCP_REGISTRATION"),
        "{error}"
    );
    assert!(matches!(error, StartError::Config(_)));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = folder.config().listen(taken.local_addr().unwrap());
    let error = start(config).expect_err("the port is taken");
    assert!(matches!(error, StartError::Listen(_)), "{error}");
    let running = start(folder.config()).expect("the folder is free");
    drop(running);
}

/// There is one for the process: a second file is refused rather than the first one left.
pub fn second_audit_log_of_one_process_is_refused<R: ServerRuntime>(_: &PhantomData<R>) {
    let folders = [Folder::new(), Folder::new()];
    std::fs::create_dir_all(&folders[0].0).unwrap();
    let file = |name: &str| folders[0].0.join(name).display().to_string();
    let start = |folder: &Folder, name: &str| {
        let config = folder.config().setting("ENTRA_MCP_AUDIT_LOG", file(name));
        EmbeddedServer::<R>::new(config).start()
    };
    let first = start(&folders[0], "audit.log").unwrap();
    let error = start(&folders[1], "other.log").expect_err("another file");
    assert!(error.to_string().contains(&file("audit.log")), "{error}");
    let second = start(&folders[1], "audit.log").unwrap();
    let bob = sign_in(&Server::embedded(&second), "bob");
    assert!(bob.works(&Server::embedded(&second)));
    for running in [first, second] {
        running.stop();
        running.wait().unwrap();
    }
    let written = std::fs::read_to_string(file("audit.log")).unwrap();
    assert!(written.contains("sign_in.completed"), "{written}");
}

//! A cluster of three masters, and a sentinel that makes another server the primary.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use entra_mcp_core::config::{RedisAddress, RedisEndpoint};
use redis::Value;

use super::{testing::free_port, *};

/// Servers on ports of this computer, which end with the test.
struct Servers {
    folder: PathBuf,
    ports: Vec<u16>,
    processes: Vec<Option<Child>>,
}

impl Servers {
    fn new(name: &str) -> Self {
        let name = format!("entra-mcp-redis-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self {
            folder,
            ports: Vec::new(),
            processes: Vec::new(),
        }
    }

    fn start(&mut self, port: u16, arguments: &[&str]) {
        let folder = self.folder.join(port.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("redis-server");
        let file = folder.join("sentinel.conf");
        if arguments == ["--sentinel"] {
            command.arg(&file);
        }
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(&folder)
            .args(arguments)
            .stdout(Stdio::null());
        if arguments != ["--sentinel"] {
            command.args(["--save", ""]);
        }
        let process = command.spawn().expect("redis-server is there");
        self.ports.push(port);
        self.processes.push(Some(process));
        while self.try_ask(port, &["PING"]).is_none() {
            std::thread::yield_now();
        }
    }

    fn folder_of(&self, port: u16) -> PathBuf {
        self.folder.join(port.to_string())
    }

    fn try_ask(&self, port: u16, words: &[&str]) -> Option<Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).ok()?;
        let mut connection = client.get_connection().ok()?;
        let (name, arguments) = words.split_first()?;
        redis::cmd(name).arg(arguments).query(&mut connection).ok()
    }

    fn ask(&self, port: u16, words: &[&str]) -> Value {
        let answer = self.try_ask(port, words);
        answer.unwrap_or_else(|| panic!("{port} does not do {words:?}"))
    }

    fn text(&self, port: u16, words: &[&str]) -> String {
        redis::from_redis_value(self.ask(port, words)).unwrap()
    }

    fn until(&self, port: u16, words: &[&str], has: &str) {
        while !self.text(port, words).contains(has) {
            std::thread::yield_now();
        }
    }

    fn kill(&mut self, port: u16) {
        let place = self.ports.iter().position(|own| *own == port).unwrap();
        let mut process = self.processes[place].take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn server(endpoint: RedisEndpoint) -> RedisServer {
    RedisServer {
        endpoint,
        database: 0,
        user: None,
        password: None,
        prefix: "{entra-mcp}:".to_owned(),
    }
}

fn addresses(ports: &[u16]) -> Vec<RedisAddress> {
    let host = "127.0.0.1".to_owned();
    let address = |port: &u16| RedisAddress {
        host: host.clone(),
        port: *port,
    };
    ports.iter().map(address).collect()
}

/// A cluster of three masters, each with a third of the slots.
fn cluster() -> (Servers, [u16; 3]) {
    let mut servers = Servers::new("cluster");
    let [a, b, c, bus_a, bus_b, bus_c] = [(); 6].map(|()| free_port());
    let ports = [a, b, c];
    for (port, bus) in ports.into_iter().zip([bus_a, bus_b, bus_c]) {
        let bus = bus.to_string();
        servers.start(port, &["--cluster-enabled", "yes", "--cluster-port", &bus]);
    }
    for (port, (first, last)) in
        ports
            .into_iter()
            .zip([("0", "5461"), ("5462", "10922"), ("10923", "16383")])
    {
        servers.ask(port, &["CLUSTER", "ADDSLOTSRANGE", first, last]);
    }
    for (port, bus) in [(b, bus_b), (c, bus_c)] {
        let (port, bus) = (port.to_string(), bus.to_string());
        servers.ask(a, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
    }
    for port in ports {
        servers.until(port, &["CLUSTER", "INFO"], "cluster_state:ok");
        servers.until(port, &["CLUSTER", "INFO"], "cluster_known_nodes:3");
    }
    (servers, ports)
}

/// Which of the nodes has the keys, and two others.
fn by_owner(servers: &Servers, ports: [u16; 3]) -> (u16, [u16; 2]) {
    let is_owner = |port: &u16| servers.try_ask(*port, &["GET", "{entra-mcp}:a"]).is_some();
    let owner = ports.iter().copied().find(is_owner).unwrap();
    let others: Vec<_> = ports.into_iter().filter(|port| *port != owner).collect();
    (owner, others.try_into().unwrap())
}

// Q5
#[test]
fn keys_are_followed_to_the_node_of_a_cluster_that_has_them() {
    let (servers, ports) = cluster();
    let (owner, [other, target]) = by_owner(&servers, ports);
    // A node is enough, which has none of them; one that does not answer is passed over.
    let nobody = free_port();
    let nodes = addresses(&[nobody, other]);
    let endpoint = RedisEndpoint::Cluster {
        nodes,
        is_secure: false,
    };
    let store = RedisStore::open(&server(endpoint), None, None, now()).unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    // The slot moves: a key that is not there any more is asked for at its next node, and all of them once it has moved.
    let slot: u16 =
        redis::from_redis_value(servers.ask(owner, &["CLUSTER", "KEYSLOT", "{entra-mcp}:a"]))
            .unwrap();
    let slot = slot.to_string();
    let id = |port| servers.text(port, &["CLUSTER", "MYID"]);
    servers.ask(
        target,
        &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(owner)],
    );
    servers.ask(
        owner,
        &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(target)],
    );
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    let port = target.to_string();
    for key in ["{entra-mcp}:a", "{entra-mcp}:last-version"] {
        servers.ask(owner, &["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
    }
    assert_eq!(text(get(&store, "a")).as_deref(), Some("one"));
    assert!(!put(&store, "a", "two", Guard::Absent));
    for node in [target, owner, other] {
        servers.ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id(target)]);
    }
    assert!(put(&store, "a", "two", Guard::Any));
    assert_eq!(text(get(&store, "a")).as_deref(), Some("two"));
    assert!(servers.try_ask(owner, &["GET", "{entra-mcp}:a"]).is_none());
}

fn sentinel_file(path: &Path, primary: u16) {
    let file = format!(
        "sentinel monitor main 127.0.0.1 {primary} 1\nsentinel down-after-milliseconds main 300\n\
         sentinel failover-timeout main 3000\n"
    );
    std::fs::create_dir_all(path).unwrap();
    std::fs::write(path.join("sentinel.conf"), file).unwrap();
}

// Q4
#[test]
fn store_goes_on_with_the_primary_that_a_sentinel_names_after_a_failover() {
    let mut servers = Servers::new("sentinel");
    let [primary, copy, sentinel, nobody] = [(); 4].map(|()| free_port());
    servers.start(primary, &[]);
    let port = primary.to_string();
    servers.start(copy, &["--replicaof", "127.0.0.1", &port]);
    servers.until(copy, &["INFO", "replication"], "master_link_status:up");
    sentinel_file(&servers.folder_of(sentinel), primary);
    servers.start(sentinel, &["--sentinel"]);
    servers.until(sentinel, &["INFO", "sentinel"], "slaves=1");
    let endpoint = |service: &str| RedisEndpoint::Sentinel {
        sentinels: addresses(&[nobody, sentinel]),
        service: service.to_owned(),
        is_secure: false,
    };
    let error = RedisStore::open(&server(endpoint("other")), None, None, now()).unwrap_err();
    assert!(error.to_string().contains("no such service"), "{error}");
    let store = RedisStore::open(&server(endpoint("main")), None, None, now()).unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    // The copy answers nil until the write has reached it.
    while servers.ask(copy, &["GET", "{entra-mcp}:a"]) == Value::Nil {
        std::thread::yield_now();
    }
    servers.kill(primary);
    assert_eq!(text(found_again(&store, "a")).as_deref(), Some("one"));
    assert!(put(&store, "a", "two", Guard::Any));
    servers.until(copy, &["INFO", "replication"], "role:master");
}

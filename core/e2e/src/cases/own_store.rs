//! A server that keeps its sessions where the program that it is part of keeps things.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use entra_mcp_core::time::UnixTime;
use entra_mcp_runtime::{
    Config, Server as EmbeddedServer, ServerRuntime,
    api::store::{CustomStore, Guard, Key, Record, Store, StoreFault, Stored, Version},
};

use super::embedded::Folder;
use crate::{Server, client::sign_in, server::free_port};

/// Records in memory. Clones are the same.
#[derive(Clone, Debug, Default)]
struct MemoryStore(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    records: BTreeMap<Key, Stored>,
    last: u64,
    asked: usize,
    fails: bool,
}

impl Records {
    fn get(&self, key: &Key, now: UnixTime) -> Option<Stored> {
        let found = self.records.get(key).cloned();
        found.filter(|stored| stored.record.expires > now)
    }

    fn put(&mut self, key: Key, record: Record, guard: Guard, now: UnixTime) -> bool {
        let present = self.get(&key, now).map(|stored| stored.version);
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => present.is_none(),
            Guard::Version(version) => present == Some(version),
        };
        if holds {
            self.last += 1;
            let version = Version(self.last);
            self.records.insert(key, Stored { record, version });
        }
        holds
    }
}

impl CustomStore for MemoryStore {
    fn answer(&self, ask: Store, now: UnixTime) -> Result<Option<Stored>, StoreFault> {
        let mut records = self.0.lock().unwrap();
        records.asked += 1;
        if records.fails {
            return Err(StoreFault::Unavailable);
        }
        match ask {
            Store::Get(key) => Ok(records.get(&key, now)),
            Store::Take(key) => {
                let found = records.get(&key, now);
                records.records.remove(&key);
                Ok(found)
            }
            Store::Put(key, record, guard) => match records.put(key, record, guard, now) {
                true => Ok(None),
                false => Err(StoreFault::Conflict),
            },
            Store::Delete(key) => {
                records.records.remove(&key);
                Ok(None)
            }
        }
    }

    fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        let records = self.0.lock().unwrap();
        if records.fails {
            return Err(StoreFault::Unavailable);
        }
        let keys = records.records.keys();
        Ok(keys
            .filter(|key| key.0.starts_with(prefix))
            .cloned()
            .collect())
    }
}

/// A server with this store.
fn with(store: &MemoryStore) -> Config {
    Config::dev_tenant()
        .setting(
            "ENTRA_MCP_KEY",
            "IA28nbtnJ26+9Y9KcXMhM2Fx5w1hIwbpPoKQ0s3d6qI=",
        )
        .store(store.clone())
}

/// It writes no file of its own, and whoever starts it again with that store finds the sessions.
pub fn sessions_are_kept_in_the_store_of_the_program<R: ServerRuntime>(_: &PhantomData<R>) {
    let folder = Folder::new();
    let store = MemoryStore::default();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = || with(&store).data_folder(folder.path()).listen(address);
    let running = EmbeddedServer::<R>::new(config()).start().unwrap();
    let server = Server::embedded(&running);
    let alice = sign_in(&server, "alice");
    assert!(alice.works(&server));
    running.stop();
    running.wait().unwrap();
    let is_session = |key: &Key| key.0.starts_with("session/");
    assert!(store.0.lock().unwrap().records.keys().any(is_session));
    assert!(!folder.path().exists(), "{}", folder.path().display());
    let running = EmbeddedServer::<R>::new(config()).start().unwrap();
    assert!(alice.works(&server));
    running.stop();
    running.wait().unwrap();
}

/// Nobody is signed out by that, nor signed in without it.
pub fn failing_store_of_the_program_is_an_outage_and_no_more<R: ServerRuntime>(_: &PhantomData<R>) {
    let store = MemoryStore::default();
    let running = EmbeddedServer::<R>::new(with(&store)).start().unwrap();
    let server = Server::embedded(&running);
    let alice = sign_in(&server, "alice");
    let asked = || std::mem::take(&mut store.0.lock().unwrap().asked);
    assert!(alice.works(&server) && asked() > 0);
    store.0.lock().unwrap().fails = true;
    assert!(!alice.works(&server) && asked() > 0);
    store.0.lock().unwrap().fails = false;
    assert!(alice.works(&server));
    running.stop();
    running.wait().unwrap();
}

/// Sessions that nobody can open after a restart would be worth nothing.
pub fn store_of_the_program_needs_a_key<R: ServerRuntime>(_: &PhantomData<R>) {
    let config = Config::dev_tenant().store(MemoryStore::default());
    let error = EmbeddedServer::<R>::new(config).start();
    let error = error.expect_err("there is no key").to_string();
    assert!(error.contains("ENTRA_MCP_KEY"), "{error}");
}

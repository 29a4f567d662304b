//! The store that replicas share: a Redis, or what speaks its protocol (Valkey, Azure Managed Redis), of version 6.2
//! or later.
//!
//! Each operation is one command or one script, which Redis does as a whole (threats Q5, E3). Records expire by Redis
//! itself. Nothing is kept in memory here: every look-up asks, so that what was ended on one replica has ended on
//! all. What Redis has answered is as durable as Redis is: see `core/docs/replicas.md`.

mod advice;
mod agreement;
mod channel;
mod connector;
mod mark;
mod pool;
mod record;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use entra_mcp_core::{
    ask::{Ask, Guard, Key, Record, Store, StoreFault},
    config::{Config, RedisServer},
    keys::Keyring,
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};
use redis::{Connection, RedisError, RedisResult, Script};

pub(crate) use self::tokens::StoreTokens;
use self::{
    channel::Sender,
    connector::Connector,
    pool::{Pool, pause},
    record::{digits, stored},
};
use crate::{log::log, seed, shared_store_error::SharedStoreError};

/// The script that writes a record.
const PUT: &str = include_str!("redis/put.lua");

/// The key of the last version.
const VERSION_KEY: &str = "last-version";

/// How many keys are looked at in a step.
const SCAN_COUNT: u32 = 500;

/// How long a record of the trial at the start would last.
const TRIAL_SECONDS: u64 = 60;

/// How often a command follows its keys from node to node.
const REDIRECTIONS: usize = 4;

/// What a command came to that Redis did not do.
#[derive(Debug)]
enum PoolFault {
    /// It failed just now.
    Failed(RedisError),
    /// Redis was away a moment ago, and is not asked again yet.
    Away,
    /// All connections are in use.
    Busy,
    /// Another node of the cluster has the keys, and was not asked yet.
    Moved,
    /// Others use it with another master key.
    OtherKey,
}

/// The store in a Redis.
pub struct RedisStore {
    pool: Pool,
    put: Script,
    prefix: String,
    sender: Sender,
    /// Where replicas tell each other what has happened.
    channel: String,
    /// Its address without credentials.
    address: String,
    /// Whether its mark was of our keys when it was last looked at.
    is_ours: AtomicBool,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedisStore({})", self.address)
    }
}

impl RedisStore {
    /// Connects, and tries whether everything that a store does is allowed there. TLS believes these certificates
    /// (DER), or else those of Mozilla. `tokens` are its passwords if it is to know this server by Entra ID.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn open(
        server: &RedisServer,
        roots: Option<&[Vec<u8>]>,
        tokens: Option<StoreTokens>,
        now: UnixTime,
    ) -> Result<Self, SharedStoreError> {
        let address = server.to_string();
        let unusable = |fault| SharedStoreError::Unusable {
            store: address.clone(),
            cure: advice::cure(&fault, server),
            error: text_of(fault),
        };
        let store = Self {
            pool: Pool::new(Connector::new(server, roots, tokens.map(Arc::new))),
            put: Script::new(PUT),
            prefix: server.prefix.clone(),
            sender: Sender::draw(),
            channel: channel::name(server),
            address: address.clone(),
            is_ours: AtomicBool::new(true),
        };
        store.try_all(now).map_err(unusable)?;
        Ok(store)
    }

    /// Does each operation once: a user who may not is told of it at the start, not at the first sign-in.
    fn try_all(&self, now: UnixTime) -> Result<(), PoolFault> {
        let [a, b, c, d, ..] = seed::bytes();
        let key = Key(format!("trial/{:08x}", u32::from_be_bytes([a, b, c, d])));
        let record = Record {
            bytes: bytes::Bytes::from_static(b"trial"),
            expires: UnixTime(now.0 + TRIAL_SECONDS),
        };
        let name = self.key(&key);
        // Those of the script first: what is refused within it is not named.
        let script = ["SCRIPT", "LOAD", PUT];
        for command in [
            &["PING"][..],
            &script,
            &["SETNX", &name, "trial"],
            &["SET", &name, "trial", "EX", "60"],
            &["GET", &name],
            &["GETRANGE", &name, "0", "0"],
            &["TIME"],
            &["DEL", &name],
        ] {
            let (command, arguments) = command.split_first().unwrap_or((&"PING", &[]));
            let _: redis::Value = self.run(redis::cmd(command).arg(arguments))?;
        }
        self.put(&key, &record, Guard::Absent, now)?;
        let _: Option<Vec<u8>> = self.run(redis::cmd("GETDEL").arg(&name))?;
        let () = self.run(redis::cmd("DEL").arg(&name))?;
        self.try_channel()
    }

    /// Whether one of these keys is the one that the store was used with last; a new store takes any.
    ///
    /// # Errors
    ///
    /// It cannot be known.
    pub(crate) fn fits(&self, keys: &Keyring) -> Result<bool, SharedStoreError> {
        self.unusable(mark::fits(self, keys))
    }

    /// Leaves a mark of these keys if there is none, as after Redis has lost all: whether the one that is there is of any
    /// of them. While it is not, nothing is asked of the store any more.
    ///
    /// # Errors
    ///
    /// It cannot be known.
    pub(crate) fn keep_mark(&self, keys: &Keyring) -> Result<bool, SharedStoreError> {
        let kept = mark::keep(self, keys);
        if let Ok(is_ours) = kept {
            let was_ours = self.is_ours.swap(is_ours, Ordering::Relaxed);
            if was_ours && !is_ours {
                let _ = failed(PoolFault::OtherKey);
            }
        }
        self.unusable(kept)
    }

    /// Leaves the mark of the first of these keys: they are those that it is used with from now on.
    ///
    /// # Errors
    ///
    /// The mark is of another key, or cannot be read or written.
    pub(crate) fn renew_mark(&self, keys: &Keyring) -> Result<(), SharedStoreError> {
        if !self.keep_mark(keys)? {
            return Err(SharedStoreError::WrongKey {
                store: self.address.clone(),
            });
        }
        self.unusable(mark::renew(self, keys))
    }

    /// Says what of these settings all replicas must have, as one that runs does.
    ///
    /// # Errors
    ///
    /// Others that run have set something else, or it cannot be known.
    pub(crate) fn agree(&self, config: &Config) -> Result<(), SharedStoreError> {
        let ours = agreement::of(config);
        match self.unusable(agreement::keep(self, &ours))? {
            None => Ok(()),
            Some(theirs) => Err(SharedStoreError::OtherSettings {
                store: self.address.clone(),
                ours,
                theirs,
            }),
        }
    }

    fn unusable<T>(&self, done: Result<T, PoolFault>) -> Result<T, SharedStoreError> {
        done.map_err(|fault| SharedStoreError::Unusable {
            store: self.address.clone(),
            error: text_of(fault),
            cure: "Try again.",
        })
    }

    /// Its address, without credentials.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Answers an ask. It waits for the network.
    pub fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        if !self.is_ours.load(Ordering::Relaxed) {
            return Err(StoreFault::Unavailable);
        }
        let done = match &ask {
            Store::Get(key) => self.get(key),
            Store::Take(key) => self.run(redis::cmd("GETDEL").arg(self.key(key))),
            Store::Delete(key) => self
                .run::<()>(redis::cmd("DEL").arg(self.key(key)))
                .map(|()| None),
            Store::Put(key, record, guard) => match self.put(key, record, *guard, now) {
                Ok(true) => Ok(None),
                Ok(false) => return Err(StoreFault::Conflict),
                Err(fault) => Err(fault),
            },
        };
        let found = done.map_err(failed)?.map(stored);
        match found {
            None => Ok(None),
            // Somebody else has written there.
            Some(None) => Err(StoreFault::Unavailable),
            Some(found) => Ok(found.filter(|stored| now < stored.record.expires)),
        }
    }

    /// The keys that begin like this: in steps, so that Redis goes on serving others.
    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        let whole = format!("{}{prefix}", self.prefix);
        let pattern = glob_of(&whole) + "*";
        let (mut keys, mut cursor) = (std::collections::BTreeSet::new(), 0_u64);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(SCAN_COUNT);
            let (next, found): (u64, Vec<String>) = self.run(&scan).map_err(failed)?;
            let found = found
                .iter()
                .filter_map(|key| key.strip_prefix(&self.prefix));
            keys.extend(found.map(|key| Key(key.to_owned())));
            cursor = next;
            if cursor == 0 {
                return Ok(keys.into_iter().collect());
            }
        }
    }

    /// A look-up may be done twice: the connection may have been dropped while it was not used.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, PoolFault> {
        let mut get = redis::cmd("GET");
        get.arg(self.key(key));
        match self.run(&get) {
            Err(PoolFault::Failed(error)) if error.is_connection_dropped() => self.run(&get),
            done => done,
        }
    }

    fn put(
        &self,
        key: &Key,
        record: &Record,
        guard: Guard,
        now: UnixTime,
    ) -> Result<bool, PoolFault> {
        let guard = match guard {
            Guard::Any => "any".to_owned(),
            Guard::Absent => "absent".to_owned(),
            Guard::Version(version) => digits(version.0),
        };
        let mut put = self.put.prepare_invoke();
        put.key(self.key(key))
            .key(format!("{}{VERSION_KEY}", self.prefix))
            .arg(guard)
            .arg(digits(now.0))
            .arg(digits(record.expires.0))
            .arg(&record.bytes[..]);
        self.run_with(|connection| put.invoke(connection))
            .map(|written: u8| written == 1)
    }

    fn run<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, PoolFault> {
        self.run_with(|connection| command.query(connection))
    }

    /// Does something where the keys are: a node of a cluster that has them no more says which one has.
    fn run_with<T>(
        &self,
        command: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, PoolFault> {
        for _ in 0..REDIRECTIONS {
            match self.pool.lease()?.run(&command) {
                Err(PoolFault::Moved) => {}
                done => return done,
            }
        }
        Err(PoolFault::Moved)
    }

    fn key(&self, key: &Key) -> String {
        format!("{}{}", self.prefix, key.0)
    }
}

/// A pattern that means this text alone.
fn glob_of(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '^' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// Redis is there again after it was away.
fn reconnected() {
    log(&LogEvent::new(LogEventId::StoreReopened));
}

fn failed(fault: PoolFault) -> StoreFault {
    // While Redis is away, each try is logged, and not each request.
    if !matches!(fault, PoolFault::Away) {
        log(&LogEvent::new(LogEventId::StoreFailed).with(Field::Error, text_of(fault)));
    }
    StoreFault::Unavailable
}

fn text_of(fault: PoolFault) -> String {
    match fault {
        PoolFault::Failed(error) => {
            let text = error.to_string();
            // Old servers repeat what they were asked.
            let shown = text.split(", with args beginning with").next();
            shown.unwrap_or_default().to_owned()
        }
        PoolFault::Away => "it was away a moment ago".to_owned(),
        PoolFault::Busy => "all connections to it are in use".to_owned(),
        PoolFault::OtherKey => "replicas with another master key use it".to_owned(),
        PoolFault::Moved => "its keys are moved again and again".to_owned(),
    }
}

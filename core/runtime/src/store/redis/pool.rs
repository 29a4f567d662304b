//! Connections to Redis: some, each for one command at a time, which come back by themselves after it was away.
//!
//! While it is away, one caller at a time tries to connect, after a pause that grows and is never the same on two
//! replicas; the others are told at once. So a Redis that starts again is not run over.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entra_mcp_core::config::RedisAddress;
use redis::{Connection, RedisError, RedisResult};

use super::{PoolFault, connector::Connector};
use crate::seed;

/// The most connections at once: each is busy for one round trip only.
const CONNECTIONS: usize = 16;

/// How long a caller waits for a connection that is free.
const WAIT: Duration = Duration::from_secs(3);

/// A connection that was idle for longer is tried before it is used: what lies between may have dropped it.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The pause after a first failure, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The connections.
pub(super) struct Pool {
    connector: Connector,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that are free, and since when; the last one was used last.
    free: Vec<(Made, Instant)>,
    /// How many there are, those in use and those that are being made too.
    count: usize,
    /// Which connections are still good: those made since Redis was away last.
    generation: u64,
    /// How often in a row no connection could be made.
    failures: u32,
    /// Until when nobody tries to connect.
    rests_until: Option<Instant>,
    /// Whether somebody tries to connect after a failure.
    is_trying: bool,
    /// The node of a cluster that has the keys, as another one has said.
    moved: Option<RedisAddress>,
}

/// A connection, and when it was made.
struct Made {
    connection: Connection,
    at: Instant,
}

/// A connection in use. If it is not given back, it is closed.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Made>,
    generation: u64,
}

/// What to do for a connection.
enum Turn {
    Use(Made, u64),
    /// Try whether it is still there.
    Try(Made, u64),
    Connect(u64),
}

impl Pool {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A connection that was used a moment ago or has just been tried.
    pub(super) fn lease(&self) -> Result<Lease<'_>, PoolFault> {
        let until = Instant::now() + WAIT;
        loop {
            match self.turn(until)? {
                Turn::Use(connection, generation) => {
                    return Ok(self.leased(connection, generation));
                }
                Turn::Try(mut made, generation) => {
                    // If it panics or fails, the lease closes the connection.
                    let mut lease = Lease {
                        pool: self,
                        connection: None,
                        generation,
                    };
                    match redis::cmd("PING").query::<String>(&mut made.connection) {
                        Ok(_) => {
                            lease.connection = Some(made);
                            return Ok(lease);
                        }
                        Err(error) if error.is_timeout() => {
                            lease.broken(None);
                            self.is_hung();
                            return Err(PoolFault::Failed(error));
                        }
                        // Those that were idle for as long are not there any more either.
                        Err(_) => lease.broken(None),
                    }
                }
                Turn::Connect(generation) => return self.connect(generation),
            }
        }
    }

    fn leased(&self, made: Made, generation: u64) -> Lease<'_> {
        Lease {
            pool: self,
            connection: Some(made),
            generation,
        }
    }

    /// Waits for a free connection, or for the right to make one.
    fn turn(&self, until: Instant) -> Result<Turn, PoolFault> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            if let Some((connection, since)) = state.free.pop() {
                if self.is_over(&connection, now) {
                    state.count -= 1;
                    continue;
                }
                let is_trusted = now.saturating_duration_since(since) < TRUSTED_FOR;
                return Ok(match is_trusted {
                    true => Turn::Use(connection, state.generation),
                    false => Turn::Try(connection, state.generation),
                });
            }
            let is_away = state.failures > 0;
            if is_away && (state.is_trying || state.rests_until.is_some_and(|rest| now < rest)) {
                return Err(PoolFault::Away);
            }
            if state.count < CONNECTIONS {
                state.count += 1;
                state.is_trying = is_away;
                return Ok(Turn::Connect(state.generation));
            }
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return Err(PoolFault::Busy);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn connect(&self, generation: u64) -> Result<Lease<'_>, PoolFault> {
        let made = self.make();
        let mut state = self.state();
        state.is_trying = false;
        match made {
            Ok(connection) => {
                let was_away = state.failures > 0;
                state.failures = 0;
                state.rests_until = None;
                drop(state);
                if was_away {
                    super::reconnected();
                }
                let at = Instant::now();
                Ok(self.leased(Made { connection, at }, generation))
            }
            Err(error) => {
                state.count -= 1;
                state.moved = None;
                state.failures = state.failures.saturating_add(1);
                state.rests_until = Some(Instant::now() + pause(state.failures));
                drop(state);
                self.changed.notify_all();
                Err(PoolFault::Failed(error))
            }
        }
    }

    /// Redis does not answer over a connection that is there: from now on one caller at a time tries whether it does.
    fn is_hung(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.rests_until = Some(Instant::now() + pause(state.failures));
        drop(state);
        self.changed.notify_all();
    }

    /// Whether a connection has been used for as long as it may be.
    fn is_over(&self, made: &Made, now: Instant) -> bool {
        let longest = self.connector.longest_use();
        longest.is_some_and(|longest| now.saturating_duration_since(made.at) >= longest)
    }

    /// Until when a connection that is made now may be used.
    pub(super) fn used_until(&self) -> Option<Instant> {
        Some(Instant::now() + self.connector.longest_use()?)
    }

    /// All that are free have been used for as long as they may be.
    #[cfg(test)]
    pub(super) fn age(&self) {
        let at = Instant::now().checked_sub(super::tokens::LONGEST_USE);
        let at = at.expect("this machine has run for longer");
        for (made, _) in &mut self.state().free {
            made.at = at;
        }
    }

    /// A connection over which Redis has answered: one that hangs accepts connections, too.
    fn make(&self) -> RedisResult<Connection> {
        let moved = self.state().moved.clone();
        let mut connection = self.connector.connect(moved.as_ref())?;
        let _: redis::Value = redis::cmd("PING").query(&mut connection)?;
        Ok(connection)
    }

    /// A connection for something else, which is not counted.
    pub(super) fn connect_apart(&self) -> RedisResult<Connection> {
        self.make()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Does a command. A connection that has failed is closed; so are the free ones, which lead to the same server.
    pub(super) fn run<T>(
        mut self,
        command: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, PoolFault> {
        let Some(mut made) = self.connection.take() else {
            return Err(PoolFault::Away);
        };
        match command(&mut made.connection) {
            Ok(done) => {
                self.connection = Some(made);
                Ok(done)
            }
            Err(error) => {
                if let Some(node) = node_of(&error) {
                    return match error.code() {
                        // This key is on its way there, the others are not yet.
                        Some("ASK") => {
                            self.connection = Some(made);
                            self.ask(&node, command)
                        }
                        _ => {
                            self.broken(Some(node));
                            Err(PoolFault::Moved)
                        }
                    };
                }
                if is_of_command(&error) {
                    self.connection = Some(made);
                } else {
                    self.broken(None);
                    if error.is_timeout() {
                        self.pool.is_hung();
                    }
                }
                Err(PoolFault::Failed(error))
            }
        }
    }

    /// Does a command once at another node (Redis cluster specification, "ASK redirection").
    fn ask<T>(
        &self,
        node: &RedisAddress,
        command: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, PoolFault> {
        let connection = self.pool.connector.connect(Some(node));
        let asked = connection.and_then(|mut connection| {
            let mut ask = || {
                let () = redis::cmd("ASKING").query(&mut connection)?;
                command(&mut connection)
            };
            match ask() {
                // It was asked again without a word: a script that the node did not know.
                Err(error) if node_of(&error).is_some() => ask(),
                asked => asked,
            }
        });
        asked.map_err(PoolFault::Failed)
    }

    /// The connection is not there any more, and neither are those that were made before this moment.
    fn broken(&self, moved: Option<RedisAddress>) {
        let mut state = self.pool.state();
        state.moved = moved;
        if state.generation == self.generation {
            state.generation += 1;
            state.count -= state.free.len();
            state.free.clear();
        }
    }
}

/// The node that has the keys, if this error says it.
fn node_of(error: &RedisError) -> Option<RedisAddress> {
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let port = port.parse().ok()?;
    // Without a host, a node does not know its own.
    (!host.is_empty()).then(|| RedisAddress {
        host: host.to_owned(),
        port,
    })
}

/// Whether Redis has answered, and only refused what it was asked.
fn is_of_command(error: &RedisError) -> bool {
    let is_broken = error.is_io_error() || error.is_connection_dropped() || error.is_timeout();
    // A server that has become a replica, or is still loading, may be another one in a moment.
    let is_moved = matches!(
        error.code(),
        Some("READONLY" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN")
    );
    !is_broken && !is_moved && error.code().is_some()
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        match self.connection.take() {
            Some(connection) if state.generation == self.generation => {
                state.free.push((connection, Instant::now()));
            }
            _ => state.count -= 1,
        }
        drop(state);
        self.pool.changed.notify_one();
    }
}

/// The pause after so many failures: at least half of what it may be, the rest by chance.
pub(super) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
    let [chance, ..] = seed::bytes();
    longest / 2 + longest * u32::from(chance) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_grows_up_to_a_bound_and_differs() {
        for failures in 1..100 {
            let longest = (50 * 2_u64.pow((failures - 1).min(20))).min(2000);
            let pauses: Vec<u128> = (0..64).map(|_| pause(failures).as_millis()).collect();
            let bounds = u128::from(longest / 2)..=u128::from(longest);
            assert!(
                pauses.iter().all(|pause| bounds.contains(pause)),
                "{pauses:?}"
            );
            assert!(pauses.iter().min() < pauses.iter().max(), "{pauses:?}");
        }
    }
}

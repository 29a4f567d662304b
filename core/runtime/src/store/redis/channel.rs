//! The channel by which replicas tell each other what has happened, on a connection of its own.
//!
//! Each message begins with the number of its sender, who does not want it back. Redis keeps no message for whoever is
//! not there: what is lost, others find in the store a little later.

use std::time::{Duration, Instant};

use entra_mcp_core::config::RedisServer;
use redis::{Connection, ErrorKind, RedisError, RedisResult};

use super::{PoolFault, RedisStore, failed, pause};

/// What the name of the channel ends with.
const CHANNEL: &str = "replicas";

/// The name of the channel of a store. All databases of a server have the same channels, so the number of one that keeps a
/// deployment apart is in its name.
pub(super) fn name(server: &RedisServer) -> String {
    match server.database {
        0 => format!("{}{CHANNEL}", server.prefix),
        number => format!("{}{number}:{CHANNEL}", server.prefix),
    }
}

/// How many bytes of a message are the number of its sender.
const SENDER_BYTES: usize = 16;

/// How long nothing comes before it is tried whether anything can, and how long that may take; how often a receiver is
/// asked whether it still wants messages.
const QUIET: Duration = Duration::from_secs(5);

/// How long a message of one's own takes at most.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The number of this replica, drawn at its start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender([u8; SENDER_BYTES]);

impl Sender {
    pub(super) fn draw() -> Self {
        let mut sender = [0; SENDER_BYTES];
        let drawn = crate::seed::bytes();
        sender
            .iter_mut()
            .zip(drawn)
            .for_each(|(byte, drawn)| *byte = drawn);
        Self(sender)
    }
}

impl RedisStore {
    /// Hands a message to the other replicas. It waits for the network, and may be lost.
    pub(crate) fn publish(&self, message: &[u8]) {
        let mut publish = redis::cmd("PUBLISH");
        publish
            .arg(self.channel())
            .arg([&self.sender.0, message].concat());
        let published: Result<u64, PoolFault> = self.run(&publish);
        if let Err(fault) = published {
            let _ = failed(fault);
        }
    }

    /// Hands on the messages of the other replicas until `deliver` says that it wants no more; an empty one asks whether
    /// it still does, at the beginning and every few seconds. It waits for them, so it needs a thread of its own.
    pub(crate) fn receive(&self, most: usize, mut deliver: impl FnMut(&[u8]) -> bool) {
        let mut failures = 0;
        loop {
            let mut is_wanted = true;
            let received = self.pool.connect_apart().and_then(|mut connection| {
                self.receive_on(&mut connection, |message| {
                    failures = 0;
                    is_wanted = message.len() > most || deliver(message);
                    is_wanted
                })
            });
            if !is_wanted {
                return;
            }
            failures += 1;
            // The first time it says nothing new: a Redis that restarts drops all connections.
            if let Err(error) = received
                && failures > 1
            {
                let _ = failed(PoolFault::Failed(error));
            }
            std::thread::sleep(pause(failures));
        }
    }

    fn receive_on(
        &self,
        connection: &mut Connection,
        mut deliver: impl FnMut(&[u8]) -> bool,
    ) -> RedisResult<()> {
        let until = self.pool.used_until();
        let mut subscription = connection.as_pubsub();
        subscription.subscribe(self.channel())?;
        subscription.set_read_timeout(Some(QUIET))?;
        let (mut asked, mut is_tried) = (None, false);
        // What is said while it is made anew is found in the store.
        while until.is_none_or(|until| Instant::now() < until) {
            if asked.is_none_or(|asked: Instant| asked.elapsed() >= QUIET) {
                asked = Some(Instant::now());
                if !deliver(&[]) {
                    return Ok(());
                }
            }
            let message = match subscription.get_message() {
                Ok(message) => message,
                Err(error) if error.is_timeout() && is_tried => return Err(self.silent()),
                Err(error) if error.is_timeout() => {
                    // Who may not listen is not told so: what one says oneself has to come.
                    is_tried = true;
                    self.publish(&[]);
                    continue;
                }
                Err(error) => return Err(error),
            };
            is_tried = false;
            let others = message
                .get_payload_bytes()
                .split_at_checked(SENDER_BYTES)
                .filter(|(sender, message)| *sender != self.sender.0 && !message.is_empty());
            if let Some((_, message)) = others
                && !deliver(message)
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Listens until a message of its own has come: whether it is allowed to.
    pub(super) fn try_channel(&self) -> Result<(), PoolFault> {
        let mut listening = self.pool.connect_apart().map_err(PoolFault::Failed)?;
        let mut subscription = listening.as_pubsub();
        let listens = subscription
            .set_read_timeout(Some(ANSWER_TIMEOUT))
            .and_then(|()| subscription.subscribe(self.channel()));
        listens.map_err(PoolFault::Failed)?;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.channel()).arg(&self.sender.0[..]);
        let _: u64 = self.run(&publish)?;
        loop {
            let message = subscription.get_message().map_err(|error| {
                PoolFault::Failed(match error.is_timeout() {
                    true => self.silent(),
                    false => error,
                })
            })?;
            if message.get_payload_bytes() == self.sender.0 {
                return Ok(());
            }
        }
    }

    fn silent(&self) -> RedisError {
        let channel = self.channel().to_owned();
        let words = "what was published there does not come back: the user needs `+subscribe` and the channel";
        (ErrorKind::Client, words, channel).into()
    }

    pub(super) fn channel(&self) -> &str {
        &self.channel
    }
}

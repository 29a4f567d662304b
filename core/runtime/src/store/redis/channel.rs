//! The channel by which replicas tell each other what has happened, on a connection of its own.
//!
//! Each message begins with the number of its sender, who does not want it back. Redis keeps no message for whoever is
//! not there: what is lost, others find in the store a little later.

use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::{PoolFault, RedisStore, failed, pause};

/// What the name of the channel ends with.
const CHANNEL: &str = "replicas";

/// How many bytes of a message are the number of its sender.
const SENDER_BYTES: usize = 16;

/// How long nothing comes before it is tried whether the connection still is.
const QUIET: Duration = Duration::from_secs(5);

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
    /// it still does. It waits for them, so it
    /// needs a thread of its own.
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
        if !deliver(&[]) {
            return Ok(());
        }
        // What is said while it is made anew is found in the store.
        while until.is_none_or(|until| Instant::now() < until) {
            let message = match subscription.get_message() {
                Ok(message) => message,
                Err(error) if error.is_timeout() => {
                    subscription.ping::<redis::Value>()?;
                    if !deliver(&[]) {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let others = message
                .get_payload_bytes()
                .split_at_checked(SENDER_BYTES)
                .filter(|(sender, _)| *sender != self.sender.0);
            if let Some((_, message)) = others
                && !deliver(message)
            {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) fn channel(&self) -> String {
        format!("{}{CHANNEL}", self.prefix)
    }
}

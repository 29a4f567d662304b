//! Accepting connections, and what happens when the machine has no more to give (threat M10).

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_io::{Async, Timer};
use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};
use entra_mcp_runtime::{ConnectionLimit, ConnectionPermit};

use crate::{
    executor::Executor,
    inbound::{Service, connection},
    queue::{Receiver, Sender, queue},
};

/// After an accept that failed, how long until the next: a descriptor may be free again by then.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How often a failing accept is logged.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Everything that an accept loop hands to a connection.
#[derive(Clone)]
pub(crate) struct Acceptor {
    pub(crate) limit: Arc<ConnectionLimit>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) executor: Executor,
}

impl Acceptor {
    /// Accepts for ever; each connection is a task.
    pub(crate) async fn accept(self, listener: Async<TcpListener>) {
        let mut warned = None;
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => {
                    if let Some(permit) = self.limit.acquire(peer.ip()) {
                        self.serve(socket, permit);
                    }
                }
                Err(error) => {
                    // A peer that left before it was accepted, or no descriptors: neither is a
                    // reason to stop, and the latter needs a while.
                    if warned.is_none_or(|last: Instant| last.elapsed() > WARN_INTERVAL) {
                        let event = LogEvent::new(LogEventId::ConnectionNotAccepted);
                        entra_mcp_runtime::log(&event.with(Field::Error, error.to_string()));
                        warned = Some(Instant::now());
                    }
                    Timer::after(BACK_OFF).await;
                }
            }
        }
    }

    fn serve(&self, socket: Async<TcpStream>, permit: Arc<ConnectionPermit>) {
        let (guard, closing) = self.connections.register();
        let (service, executor) = (Arc::clone(&self.service), self.executor.clone());
        let connection = connection(socket, service, executor, permit, closing, guard);
        self.executor.spawn(connection);
    }
}

/// When this ends, the server is about to: it never says anything else.
pub(crate) type Closing = Receiver<Infallible>;

/// The open connections. Each waits on a channel of its own, so that it shares nothing with others
/// while it is served.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<OpenConnections>);

#[derive(Debug, Default)]
struct OpenConnections {
    last: u64,
    open: BTreeMap<u64, Option<Sender<Infallible>>>,
}

/// An open connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionGuard {
    number: u64,
    connections: Arc<Connections>,
}

impl Connections {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn register(self: &Arc<Self>) -> (ConnectionGuard, Closing) {
        let (sender, closing) = queue();
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table.open.insert(number, Some(sender));
        let connections = Arc::clone(self);
        let guard = ConnectionGuard {
            number,
            connections,
        };
        (guard, closing)
    }

    /// Tells all of them to end.
    pub(crate) fn close(&self) {
        for sender in self.table().open.values_mut() {
            *sender = None;
        }
    }

    /// Whether all have ended.
    pub(crate) fn are_over(&self) -> bool {
        self.table().open.is_empty()
    }

    fn table(&self) -> MutexGuard<'_, OpenConnections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn connections_are_notified_of_shutdown_and_counted_until_closed() {
        let connections = Arc::new(Connections::new());
        let open = [connections.register(), connections.register()];
        let cx = Context::from_waker(Waker::noop());
        let are_closing = |is_closing| {
            open.iter()
                .all(|(_, closing)| closing.poll_next(&cx).is_ready() == is_closing)
        };
        assert!(are_closing(false));
        connections.close();
        assert!(are_closing(true));
        assert!(!connections.are_over());
        drop(open);
        assert!(connections.are_over());
    }
}

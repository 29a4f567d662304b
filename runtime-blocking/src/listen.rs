//! Accepting connections: how many there may be, and what happens when the machine has no more to
//! give (threat M10).

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};
use entra_mcp_runtime::{ConnectionLimit, ConnectionPermit, Stopped};

use crate::threads::Threads;

/// After an accept that failed, how long until the next: a descriptor may be free again by then.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How often a failing accept is logged.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What listeners need of their server: threads, and its end.
#[derive(Clone, Debug)]
pub(crate) struct AtWork {
    pub(crate) threads: Threads,
    pub(crate) stopped: Arc<Stopped>,
    /// Whether the server is about to end: connections do with the response that is under way.
    pub(crate) closing: Arc<AtomicBool>,
}

#[cfg(test)]
impl AtWork {
    /// That of a server that does not stop.
    pub(crate) fn for_ever() -> Self {
        Self {
            threads: Threads::default(),
            stopped: Arc::new(Stopped::new().unwrap()),
            closing: Arc::default(),
        }
    }
}

/// Accepts until the server stops; `serve` gives each connection a thread.
pub(crate) fn accept(
    listener: &TcpListener,
    limit: &Arc<ConnectionLimit>,
    stopped: &Stopped,
    serve: impl Fn(TcpStream, Arc<ConnectionPermit>) -> io::Result<()>,
) {
    let mut warned = None;
    loop {
        let served = match stopped.accept(listener) {
            Ok(None) => return,
            Ok(Some((socket, peer))) => match limit.acquire(peer.ip()) {
                Some(permit) => serve(socket, permit),
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            // A peer that left before it was accepted, no descriptors, no threads: none of it is a
            // reason to stop, and the last two need a while.
            if warned.is_none_or(|last: Instant| last.elapsed() > WARN_INTERVAL) {
                let event = LogEvent::new(LogEventId::ConnectionNotAccepted);
                entra_mcp_runtime::log(&event.with(Field::Error, error.to_string()));
                warned = Some(Instant::now());
            }
            std::thread::sleep(BACK_OFF);
        }
    }
}

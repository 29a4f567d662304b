//! Accepting connections: how many there may be, and what happens when the machine has no more to
//! give (threat M10).

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use entra_mcp_core::log_event::{Field, LogEvent, LogEventId};
use entra_mcp_runtime::{ConnectionLimit, ConnectionPermit};

/// After an accept that failed, how long until the next: a descriptor may be free again by then.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How often a failing accept is logged.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// Accepts for ever; `serve` gives each connection a thread.
pub(crate) fn accept(
    listener: &TcpListener,
    limit: &Arc<ConnectionLimit>,
    serve: impl Fn(TcpStream, Arc<ConnectionPermit>) -> io::Result<()>,
) {
    let mut warned = None;
    loop {
        let served = match listener.accept() {
            Ok((socket, peer)) => match limit.acquire(peer.ip()) {
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

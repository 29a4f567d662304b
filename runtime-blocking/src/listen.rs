//! Accepting connections: how many there may be, and what happens when the machine has no more to
//! give (threats.md M10).

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use entra_mcp_core::limits;

/// After an accept that failed, how long until the next: a descriptor may be free again by then.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How often a failing accept is told in the log.
const COMPLAIN: Duration = Duration::from_secs(10);

/// The stack of a connection's thread. Only what is touched of it costs memory.
const STACK_BYTES: usize = 1024 * 1024;

/// The door: counts who is inside.
#[derive(Debug)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    ceiling: usize,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// There was room.
    Usual,
    /// The house was full: a word is exchanged, no more.
    Brief,
}

/// The right to be inside, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    lane: Lane,
}

impl Gate {
    /// A door for this many, and a few to be turned away with a word.
    pub(crate) fn new(ceiling: usize) -> Self {
        Self {
            inside: AtomicUsize::new(0),
            ceiling,
        }
    }

    /// Lets somebody in; `None` if there is not even a word for them.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let before = self.inside.fetch_add(1, Ordering::AcqRel);
        let pass = |lane| Pass {
            gate: Arc::clone(self),
            lane,
        };
        if before < self.ceiling {
            return Some(pass(Lane::Usual));
        }
        // Counted out again by the pass if it is not given.
        let brief = pass(Lane::Brief);
        (before < self.ceiling + limits::EXTRA_CONNECTIONS).then_some(brief)
    }
}

impl Pass {
    /// How its owner came in.
    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Accepts for ever; `serve` starts a thread for each connection.
pub(crate) fn accept(
    listener: &TcpListener,
    gate: &Arc<Gate>,
    serve: impl Fn(TcpStream, Pass) -> io::Result<()>,
) {
    let mut complained = None;
    loop {
        let served = match listener.accept() {
            Ok((socket, _)) => match gate.enter() {
                Some(pass) => serve(socket, pass),
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            // A peer that left before it was accepted, no descriptors, no threads: none of it is a
            // reason to stop, and the last two need a while.
            if complained.is_none_or(|last: Instant| last.elapsed() > COMPLAIN) {
                tracing::warn!("a connection could not be accepted: {error}");
                complained = Some(Instant::now());
            }
            std::thread::sleep(BACK_OFF);
        }
    }
}

/// Starts the thread of a connection.
pub(crate) fn thread(f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name("connection".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(f)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    // M10, M13
    #[test]
    fn the_house_fills_turns_away_with_a_word_and_empties() {
        let gate = Arc::new(Gate::new(2));
        let mut inside: Vec<_> = (0..2).map(|_| gate.enter().unwrap()).collect();
        assert!(inside.iter().all(|pass| pass.lane() == Lane::Usual));
        let turned_away: Vec<_> = (0..limits::EXTRA_CONNECTIONS)
            .map(|_| gate.enter().unwrap())
            .collect();
        assert!(turned_away.iter().all(|pass| pass.lane() == Lane::Brief));
        assert!(gate.enter().is_none());
        drop(turned_away);
        assert_eq!(gate.enter().unwrap().lane(), Lane::Brief);
        inside.pop();
        assert_eq!(gate.enter().unwrap().lane(), Lane::Usual);
    }
}

//! The door: how many connections are open at once (threat M10).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use entra_mcp_core::limits;

/// The door: counts who is inside.
#[derive(Debug)]
pub struct Gate {
    inside: AtomicUsize,
    ceiling: usize,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// There was room.
    Usual,
    /// The house was full: a word is exchanged, no more.
    Brief,
}

/// The right to be inside, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    gate: Arc<Gate>,
    lane: Lane,
}

impl Gate {
    /// A door for this many, and a few to be turned away with a word.
    #[must_use]
    pub fn new(ceiling: usize) -> Self {
        Self {
            inside: AtomicUsize::new(0),
            ceiling,
        }
    }

    /// Lets somebody in; `None` if there is not even a word for them.
    pub fn enter(self: &Arc<Self>) -> Option<Pass> {
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
        (before < self.ceiling + limits::OVERFLOW_CONNECTIONS).then_some(brief)
    }
}

impl Pass {
    /// How its owner came in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.inside.fetch_sub(1, Ordering::AcqRel);
    }
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
        let turned_away: Vec<_> = (0..limits::OVERFLOW_CONNECTIONS)
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

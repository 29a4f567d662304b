//! How much calls may take.

use std::time::Duration;

use crate::limits;

/// How much calls may take; [`limits`] has what is usual and the bounds. A tool may say that its own take less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// How long a call may take, questions to the user included.
    pub call: Duration,
    /// How long a task may take.
    pub task: Duration,
    /// How long a user may take to answer a question, before revision 2026-07-28: since then no call waits for that.
    pub input: Duration,
    /// The shortest time between two progress notifications of one call, after a burst.
    pub progress: Duration,
    /// The most bytes of an answer of Graph's that a tool may ask for.
    pub graph_answer_bytes: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            call: limits::CALL_TIMEOUT,
            task: limits::TASK_TIMEOUT,
            input: limits::INPUT_TIMEOUT,
            progress: limits::PROGRESS_INTERVAL,
            graph_answer_bytes: limits::GRAPH_RESPONSE_BYTES,
        }
    }
}

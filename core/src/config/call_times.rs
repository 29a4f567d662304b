//! How long calls may take.

use std::time::Duration;

use crate::limits;

/// How long calls may take; [`limits`] has what is usual and the bounds. A tool may say that its own take less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTimes {
    /// A call, questions to the user included.
    pub call: Duration,
    /// A task.
    pub task: Duration,
}

impl Default for CallTimes {
    fn default() -> Self {
        Self {
            call: limits::CALL_TIMEOUT,
            task: limits::TASK_TIMEOUT,
        }
    }
}

//! What functions are told of answers of Graph that they read piece by piece.

use entra_mcp_core::{ask::FetchFault, catalog::GraphError, limits};

/// The answer has no end.
#[must_use]
pub fn broken_stream(fault: FetchFault) -> GraphError {
    GraphError::no_answer(match fault {
        FetchFault::TimedOut => {
            "The answer of Microsoft Graph has stopped before its end: nothing came in time. What was read is not all."
        }
        FetchFault::Unreachable | FetchFault::TooLarge | FetchFault::Forbidden => {
            "The answer of Microsoft Graph broke off before its end. What was read is not all."
        }
    })
}

/// The call has as many open as it may.
#[must_use]
pub fn too_many_streams() -> GraphError {
    GraphError::no_answer(format!(
        "The call has {} answers of Microsoft Graph open, and may have no more at once.",
        limits::GRAPH_STREAMS
    ))
}

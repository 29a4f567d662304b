//! What a function that is put around calls goes on with.

use std::sync::Arc;

use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};

use crate::{
    Context,
    invoke::{BoxedHandler, guarded},
};

/// The rest of a call: what else is put around it, and its function. See [`Server::around`](crate::Server::around).
pub struct Next(BoxedHandler);

impl Next {
    pub(crate) fn new(handler: BoxedHandler) -> Self {
        Self(handler)
    }

    /// A call that results in this, for tests of functions that are put around calls.
    #[must_use]
    pub fn returning(result: Result<InvokeOutput, CallError>) -> Self {
        Self(Arc::new(move |_| result.clone()))
    }

    /// Performs the call.
    ///
    /// # Errors
    ///
    /// It failed; a panic is a [`CallError::Internal`], too.
    pub fn run(self, cx: &Context) -> Result<InvokeOutput, CallError> {
        guarded(&self.0, cx)
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}

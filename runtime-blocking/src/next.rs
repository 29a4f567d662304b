//! What a function that is put around calls goes on with.

use std::sync::Arc;

use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};
use entra_mcp_runtime::handlers::CallContext;

use crate::{
    Context,
    invoke::{BoxedHandler, guarded},
};

/// The rest of a call: what else is put around it, and its function. See [`Server::around`](crate::Server::around).
pub struct Next {
    handler: BoxedHandler,
    /// Whose rest it is: with the context of another call it would act as another user (threat P3).
    call: Option<Arc<CallContext>>,
}

impl Next {
    pub(crate) fn new(handler: BoxedHandler, cx: &Context) -> Self {
        Self {
            handler,
            call: Some(Arc::clone(&cx.call)),
        }
    }

    /// A call that results in this, for tests of functions that are put around calls.
    #[must_use]
    pub fn returning(result: Result<InvokeOutput, CallError>) -> Self {
        Self {
            handler: Arc::new(move |_| result.clone()),
            call: None,
        }
    }

    /// Performs the call.
    ///
    /// # Errors
    ///
    /// It failed; a panic is a [`CallError::Internal`], too, and so is the context of another call.
    pub fn run(self, cx: &Context) -> Result<InvokeOutput, CallError> {
        if self.call.is_some_and(|own| !Arc::ptr_eq(&own, &cx.call)) {
            return Err(CallContext::of_another(&cx.call));
        }
        guarded(&self.handler, cx)
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Next")
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::catalog::ToolResult;
    use entra_mcp_runtime::{MakeMiddleware as _, testing::Script};

    use super::*;
    use crate::Blocking;

    // P3
    #[test]
    fn call_goes_on_with_its_own_context_only() {
        let [kept, cx] = [0, 1].map(|_| Script::new().context::<Context>().0);
        let middleware = Blocking::make_middleware(move |_: &Context, next: Next| next.run(&kept));
        let of_another = ToolResult::from("of another");
        let handler = middleware(Arc::new(move |_| {
            Ok(InvokeOutput::Tool(of_another.clone()))
        }));
        let error = handler(&cx).unwrap_err();
        assert!(matches!(&error, CallError::Internal(said) if said.contains("Next::run")));
    }
}

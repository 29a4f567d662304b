//! What a function that is put around calls goes on with.

use std::{panic::AssertUnwindSafe, sync::Arc};

use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};
use entra_mcp_runtime::handlers::CallContext;
use smol::future::FutureExt as _;

use crate::{Context, invoke::BoxedHandler};

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
            handler: Arc::new(move |_| {
                let result = result.clone();
                Box::pin(async move { result })
            }),
            call: None,
        }
    }

    /// Performs the call.
    ///
    /// # Errors
    ///
    /// It failed; a panic is a [`CallError::Internal`], too, and so is the context of another call.
    pub async fn run(self, cx: Context) -> Result<InvokeOutput, CallError> {
        let call = Arc::clone(&cx.call);
        if self.call.is_some_and(|own| !Arc::ptr_eq(&own, &call)) {
            return Err(CallContext::of_another(&call));
        }
        let performed = AssertUnwindSafe(async move { (self.handler)(cx).await });
        let performed = performed.catch_unwind().await;
        performed.unwrap_or_else(|panic| Err(CallContext::panicked(&call, &*panic)))
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
    use crate::Smol;

    fn done(text: &str) -> Result<InvokeOutput, CallError> {
        Ok(InvokeOutput::Tool(ToolResult::from(text)))
    }

    /// What a call comes to with this function around it, and that as the function of its tool.
    fn around(outcome: Option<&'static str>) -> Result<InvokeOutput, CallError> {
        let middleware = Smol::make_middleware(|cx: Context, next: Next| async move {
            if cx.meta().contains_key("refused") {
                return Err("Not now.".into());
            }
            match next.run(cx).await {
                Err(CallError::Internal(_)) => done("mended"),
                other => other,
            }
        });
        let handler = middleware(Arc::new(move |_| {
            Box::pin(async move {
                let text = outcome.ok_or("none");
                done(text.unwrap())
            })
        }));
        let script = match outcome {
            Some("refused") => Script::new().meta("refused", true),
            _ => Script::new(),
        };
        smol::block_on(handler(script.context::<Context>().0))
    }

    #[test]
    fn call_that_is_refused_is_not_performed() {
        assert_eq!(around(Some("refused")), Err("Not now.".into()));
    }

    // P3
    #[test]
    fn call_goes_on_with_its_own_context_only() {
        let [kept, cx] = [0, 1].map(|_| Script::new().context::<Context>().0);
        let kept = std::sync::Mutex::new(Some(kept));
        let middleware = Smol::make_middleware(move |_: Context, next: Next| {
            let kept = kept.lock().unwrap().take().unwrap();
            async move { next.run(kept).await }
        });
        let handler = middleware(Arc::new(|_| Box::pin(async { done("of another") })));
        let error = smol::block_on(handler(cx)).unwrap_err();
        assert!(matches!(&error, CallError::Internal(said) if said.contains("Next::run")));
    }

    #[test]
    fn result_passes_and_a_panic_is_an_error_that_can_be_mended() {
        assert_eq!(around(Some("done")), done("done"));
        assert_eq!(around(None), done("mended"));
    }
}

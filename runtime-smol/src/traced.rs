//! The span of `tracing` that a function runs in.

use entra_mcp_runtime::handlers::{call_span, record_outcome};
use tracing::Instrument as _;

use crate::{
    context::Context,
    invoke::{BoxedHandler, HandlerFuture},
};

/// Calls a function inside of the call's span, if anybody wants that.
pub(crate) fn traced(handler: &BoxedHandler, context: Context) -> HandlerFuture {
    let span = call_span(&context.call);
    if span.is_disabled() {
        return handler(context);
    }
    let future = span.in_scope(|| handler(context));
    let recorded = async move {
        let result = future.await;
        record_outcome(&result);
        result
    };
    Box::pin(recorded.instrument(span))
}

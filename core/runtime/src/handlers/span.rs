//! The span of `tracing` that a function runs in, for the subscriber of a program that wants traces.
//!
//! Source: OpenTelemetry semantic conventions for MCP (`mcp.method.name`); W3C Trace Context section 3.2 (`traceparent`).

use entra_mcp_core::{
    ask::{InvokeOutput, Target},
    catalog::CallError,
};
use tracing::{Span, field::Empty};

use super::CallContext;

/// The target of the spans. The server's own log does not show them.
pub const CALL_TARGET: &str = "entra_mcp::call";

/// The span of a call. Its name is `call`; its fields are how `tracing-opentelemetry` wants them.
#[must_use]
pub fn call_span(call: &CallContext) -> Span {
    let (method, name) = named(call.target());
    tracing::info_span!(
        target: CALL_TARGET,
        "call",
        otel.name = format_args!("{method} {name}"),
        otel.kind = "server",
        mcp.method.name = method,
        name,
        request_id = %call.request_id(),
        traceparent = call.traceparent(),
        outcome = Empty,
    )
}

/// Says in the span that is entered how its call ended: `done`, `failed` if the model or the client is told why, `fault` if only
/// the log is.
pub fn record_outcome(result: &Result<InvokeOutput, CallError>) {
    let outcome = match result {
        Ok(InvokeOutput::Tool(result)) if result.is_error() => "failed",
        Ok(_) => "done",
        Err(CallError::Internal(_)) => "fault",
        Err(_) => "failed",
    };
    Span::current().record("outcome", outcome);
}

/// The method of MCP that calls this, and the name under which it is offered.
fn named(target: &Target) -> (&'static str, &str) {
    match target {
        Target::Tool(name) => ("tools/call", name),
        Target::Resource(name) | Target::Template(name) => ("resources/read", name),
        // Its URI may be one of many.
        Target::Listed(_) => ("resources/read", ""),
        Target::ListResources => ("resources/list", ""),
        Target::Prompt(name) => ("prompts/get", name),
        Target::CompletePrompt(name, _) | Target::CompleteTemplate(name, _) => {
            ("completion/complete", name)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use entra_mcp_core::{ask::Invoke, catalog::Call};
    use tracing_subscriber::fmt::format::FmtSpan;

    use super::*;
    use crate::handlers::SharedState;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn call(target: Target, traceparent: &str) -> CallContext {
        let invoke = Invoke {
            target,
            call: Call::new("x").with_meta("traceparent", traceparent.into()),
            within: Duration::from_mins(1),
        };
        CallContext::new(invoke, &SharedState::default())
    }

    #[test]
    fn span_names_the_call_its_trace_and_its_outcome() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let call = call(Target::Tool("add".to_owned()), TRACE);
            call_span(&call).in_scope(|| record_outcome(&Err(CallError::internal("x"))));
        });
        let told = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        for part in [
            "entra_mcp::call",
            "tools/call add",
            "request_id=",
            &format!("traceparent=\"{TRACE}\""),
            "outcome=\"fault\"",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }

    #[test]
    fn malformed_traceparent_is_none() {
        let traced = |value: &str| {
            let call = call(Target::Tool("add".to_owned()), value);
            call.traceparent().map(str::to_owned)
        };
        assert_eq!(traced(TRACE).as_deref(), Some(TRACE));
        assert_eq!(traced("00-nothing"), None);
    }
}

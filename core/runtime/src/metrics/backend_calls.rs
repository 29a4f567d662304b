//! Calls of tools of the servers behind this one, by the name of the server.

use std::time::Duration;

use entra_mcp_core::log_event::{Field, LogEvent};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::labels::{BackendLabels, CallLabels};

/// The counters of calls.
#[derive(Debug)]
pub(super) struct BackendCalls {
    calls: Family<CallLabels, Counter>,
    durations: Family<BackendLabels, Histogram, fn() -> Histogram>,
}

impl BackendCalls {
    pub(super) fn new(histogram: fn() -> Histogram) -> Self {
        Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(histogram),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "backend_calls",
            "Calls of tools of the servers behind this one by how they ended: done, failed (the tool or the server), refused (by the \
             server, the policy or the user), cancelled; main is the server without a name",
            self.calls.clone(),
        );
        registry.register_with_unit(
            "backend_call_duration",
            "From the end of a request to the end of its call of a server behind this one",
            Unit::Seconds,
            self.durations.clone(),
        );
    }

    /// Counts what the line of the log about a call says.
    pub(super) fn called(&self, backend: &str, event: &LogEvent) {
        let outcome = event.field(Field::Outcome).unwrap_or_default().to_owned();
        let backend = backend.to_owned();
        let took = event.field(Field::Milliseconds);
        let took = took.and_then(|took| took.parse().ok());
        let took = Duration::from_millis(took.unwrap_or_default());
        let labels = BackendLabels {
            backend: backend.clone(),
        };
        self.durations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        let labels = CallLabels { backend, outcome };
        self.calls.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::{hub::HubStats, log_event::LogEventId};

    use super::super::Metrics;
    use super::*;
    use crate::connection_limit::Occupancy;

    #[test]
    fn calls_are_counted_by_their_server_and_how_they_ended() {
        let metrics = Metrics::new("a-program");
        let called = |backend, outcome, took| {
            let event = LogEvent::new(LogEventId::GatewayCalled)
                .with(Field::Tool, "a tool")
                .with(Field::Outcome, outcome)
                .with(Field::Milliseconds, took);
            metrics.called(backend, &event);
        };
        called("orders", "done", "3");
        called("orders", "done", "300");
        called("docs", "failed", "3");
        let text = metrics.text(HubStats::default(), Occupancy::default());
        for line in [
            r#"entra_mcp_backend_calls_total{backend="orders",outcome="done"} 2"#,
            r#"entra_mcp_backend_calls_total{backend="docs",outcome="failed"} 1"#,
            r#"entra_mcp_backend_call_duration_seconds_bucket{le="0.005",backend="orders"} 1"#,
            r#"entra_mcp_backend_call_duration_seconds_count{backend="orders"} 2"#,
        ] {
            assert!(text.contains(line), "no {line} in\n{text}");
        }
        assert!(!text.contains("a tool"));
    }
}

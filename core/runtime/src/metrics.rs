//! What monitoring reads: counters, durations, and how full each table is, as OpenMetrics.
//!
//! Labels have few values, all of them chosen here or, as the names of backends are, by the operator: never a name of a user or a
//! client, an address, an id or a token. Nothing but events is
//! counted unless `--metrics-listen` is set.

mod backend_calls;
mod labels;
mod listener;
mod pending;
mod sign_ins;
mod tables;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entra_mcp_core::{
    event::AskOutcome,
    hub::HubStats,
    log_event::{LogEvent, LogEventId},
    route::Route,
};
use http::StatusCode;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use self::labels::{
    EventLabels, FetchLabels, RequestLabels, RouteLabels, SignInLabels, StoreLabels, TableLabels,
};
pub use self::listener::serve_metrics;
pub(crate) use self::pending::{Destination, PendingAsks};
use crate::connection_limit::Occupancy;

/// Upper bounds of durations, in seconds: from a call that needs nobody to one that asks a user.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 600.0,
];

/// How often each event of the log has happened in this process, whether its line was written or not.
static EVENTS: [AtomicU64; LogEventId::ALL.len()] = [const { AtomicU64::new(0) }; _];

/// Counts an event of the log.
pub(crate) fn count_event(id: LogEventId) {
    if let Some(count) = EVENTS.get(id as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    fetches: Family<FetchLabels, Counter>,
    store: Family<StoreLabels, Counter>,
    events: Family<EventLabels, Counter>,
    sign_ins: Family<SignInLabels, Counter>,
    calls: backend_calls::BackendCalls,
    entries: Family<TableLabels, Gauge>,
    bounds: Family<TableLabels, Gauge>,
}

impl Metrics {
    /// Counts nothing yet.
    #[must_use]
    pub(crate) fn new(program: &'static str) -> Self {
        let mut registry = Registry::with_prefix("entra_mcp");
        let build = Info::new(vec![
            ("version", env!("CARGO_PKG_VERSION")),
            ("program", program),
        ]);
        registry.register("build", "Which program this is", build);
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            fetches: Family::default(),
            store: Family::default(),
            events: Family::default(),
            sign_ins: Family::default(),
            calls: backend_calls::BackendCalls::new(histogram),
            entries: Family::default(),
            bounds: Family::default(),
            registry: Registry::default(),
        };
        registry.register(
            "requests",
            "Requests by the path that they were for and the status of the response",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "response_duration",
            "From the end of a request to the head of its response",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "outbound_requests",
            "Requests to Entra ID, Microsoft Graph and the hosts of clients by the status of the response, or why \
             there was none; retry is yes for one that repeats one that failed",
            metrics.fetches.clone(),
        );
        registry.register(
            "store_operations",
            "Operations of the store by their outcome",
            metrics.store.clone(),
        );
        registry.register(
            "events",
            "Events of the log by their id, whether their line was written or not",
            metrics.events.clone(),
        );
        registry.register(
            "sign_ins",
            "Sign-ins by the step that they have come to and how it ended",
            metrics.sign_ins.clone(),
        );
        metrics.calls.register(&mut registry);
        registry.register(
            "table_entries",
            "How full a table is",
            metrics.entries.clone(),
        );
        registry.register(
            "table_bound",
            "How full a table may be",
            metrics.bounds.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// Counts a response, from the end of its request on.
    pub(crate) fn responded(&self, route: Option<Route>, status: StatusCode, after: Duration) {
        let path = route.map_or("other", Route::path);
        let status = status.as_u16();
        self.requests
            .get_or_create(&RequestLabels { path, status })
            .inc();
        self.durations
            .get_or_create(&RouteLabels { path })
            .observe(after.as_secs_f64());
    }

    /// Counts a request of this server.
    pub(crate) fn fetched(&self, destination: Destination, is_retry: bool, outcome: AskOutcome) {
        let labels = FetchLabels {
            destination: destination.as_str(),
            outcome: labels::outcome(outcome),
            retry: if is_retry { "yes" } else { "no" },
        };
        self.fetches.get_or_create(&labels).inc();
    }

    /// Counts a call of a backend's tool, of which the log tells this.
    pub(crate) fn called(&self, backend: &str, event: &LogEvent) {
        self.calls.called(backend, event);
    }

    /// Counts an operation of the store.
    pub(crate) fn stored(&self, operation: &'static str, outcome: AskOutcome) {
        let labels = StoreLabels {
            operation,
            outcome: labels::outcome(outcome),
        };
        self.store.get_or_create(&labels).inc();
    }

    /// Returns all of it, with the tables as full as they are now.
    pub(crate) fn text(&self, hub: HubStats, connections: Occupancy) -> String {
        for (id, count) in LogEventId::ALL.iter().zip(&EVENTS) {
            let event = id.as_str();
            let counted = self.events.get_or_create(&EventLabels { event });
            // Written, not added: two readers may ask at once.
            let count = count.load(Ordering::Relaxed);
            counted.inner().store(count, Ordering::Relaxed);
        }
        for (labels, ids) in sign_ins::STEPS {
            let count = |id: &LogEventId| {
                EVENTS
                    .get(*id as usize)
                    .map(|count| count.load(Ordering::Relaxed))
            };
            let count = ids.iter().filter_map(count).sum();
            let counted = self.sign_ins.get_or_create(&labels);
            counted.inner().store(count, Ordering::Relaxed);
        }
        for fill in tables::fills(hub, connections) {
            let labels = TableLabels { table: fill.table };
            self.entries
                .get_or_create(&labels)
                .set(number(fill.entries));
            self.bounds.get_or_create(&labels).set(number(fill.bound));
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::limits;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.text(HubStats::default(), Occupancy::default())
    }

    fn value(text: &str, name: &str) -> String {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
            .trim()
            .to_owned()
    }

    #[test]
    fn responses_outbound_requests_and_store_operations_are_counted() {
        let metrics = Metrics::new("a-program");
        let after = Duration::from_millis(3);
        metrics.responded(Some(Route::Mcp), StatusCode::OK, after);
        metrics.responded(Some(Route::Mcp), StatusCode::OK, after);
        metrics.responded(None, StatusCode::NOT_FOUND, after);
        metrics.fetched(
            Destination::Graph,
            true,
            AskOutcome::Status(StatusCode::TOO_MANY_REQUESTS),
        );
        metrics.fetched(Destination::Entra, false, AskOutcome::Failed("timed out"));
        metrics.stored("get", AskOutcome::Done);
        let text = text(&metrics);
        for (name, count) in [
            (r#"entra_mcp_requests_total{path="/mcp",status="200"}"#, "2"),
            (
                r#"entra_mcp_requests_total{path="other",status="404"}"#,
                "1",
            ),
            (
                r#"entra_mcp_response_duration_seconds_bucket{le="0.0025",path="/mcp"}"#,
                "0",
            ),
            (
                r#"entra_mcp_response_duration_seconds_bucket{le="0.005",path="/mcp"}"#,
                "2",
            ),
            (
                r#"entra_mcp_outbound_requests_total{destination="graph",outcome="429",retry="yes"}"#,
                "1",
            ),
            (
                r#"entra_mcp_outbound_requests_total{destination="entra",outcome="timed out",retry="no"}"#,
                "1",
            ),
            (
                r#"entra_mcp_store_operations_total{operation="get",outcome="done"}"#,
                "1",
            ),
        ] {
            assert_eq!(value(&text, name), count, "{name}");
        }
        assert!(text.contains(r#"entra_mcp_build_info{version="#) && text.ends_with("# EOF\n"));
    }

    #[test]
    fn fill_of_a_table_stands_beside_its_bound() {
        let hub = HubStats {
            streams: 7,
            ..HubStats::default()
        };
        let connections = Occupancy {
            connections: 3,
            ..Occupancy::default()
        };
        let text = Metrics::new("a-program").text(hub, connections);
        assert_eq!(
            value(&text, r#"entra_mcp_table_entries{table="connections"}"#),
            "3"
        );
        assert_eq!(
            value(&text, r#"entra_mcp_table_entries{table="streams"}"#),
            "7"
        );
        let bound = limits::STREAMS.to_string();
        assert_eq!(
            value(&text, r#"entra_mcp_table_bound{table="streams"}"#),
            bound
        );
    }

    #[test]
    fn event_is_counted_though_its_line_was_left_out() {
        let (metrics, name) = (
            Metrics::new("a-program"),
            r#"entra_mcp_events_total{event="dev_tenant.key_failed"}"#,
        );
        let count = |text: &str| value(text, name).parse::<u64>().unwrap();
        let before = count(&text(&metrics));
        count_event(LogEventId::DevTenantKeyFailed);
        assert_eq!(count(&text(&metrics)), before + 1);
    }

    #[test]
    fn sign_in_is_counted_by_its_step_and_how_that_ended() {
        let metrics = Metrics::new("a-program");
        let name = r#"entra_mcp_sign_ins_total{step="consent",outcome="refused"}"#;
        let count = || value(&text(&metrics), name).parse::<u64>().unwrap();
        let before = count();
        count_event(LogEventId::ConsentForeign);
        assert_eq!(count(), before + 1);
    }

    /// The names that begin with that of this server, and the ids of events, in a dashboard.
    fn named(dashboard: &str) -> (Vec<String>, Vec<String>) {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let words = dashboard.split(|character| !is_name(character));
        let metrics = words.filter(|word| word.starts_with("entra_mcp_"));
        let lists = dashboard.split("event=~\\\"").skip(1);
        let lists = lists.filter_map(|rest| rest.split_once('\\'));
        let events = lists.flat_map(|(list, _)| list.split('|'));
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        (owned(metrics.collect()), owned(events.collect()))
    }

    #[test]
    fn dashboard_names_metrics_and_events_that_there_are() {
        let metrics = Metrics::new("entra-mcp-test");
        metrics.responded(Some(Route::Mcp), StatusCode::OK, Duration::ZERO);
        metrics.fetched(
            Destination::Graph,
            false,
            AskOutcome::Status(StatusCode::OK),
        );
        metrics.stored("get", AskOutcome::Done);
        let text = text(&metrics);
        let dashboard = include_str!("../../../runtime-smol/deploy/grafana.json");
        let (names, events) = named(dashboard);
        assert!(
            names.len() > 10 && events.len() > 10,
            "{names:?} {events:?}"
        );
        for name in names {
            let is_there = text.lines().any(|line| {
                let rest = line.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            assert!(is_there, "{name} is no metric");
        }
        let known: Vec<_> = LogEventId::ALL.iter().map(|event| event.as_str()).collect();
        for event in events {
            assert!(known.contains(&event.as_str()), "{event} is no event");
        }
        let json: serde_json::Value = serde_json::from_str(dashboard).unwrap();
        assert_eq!(json["title"], "entra-mcp");
    }
}

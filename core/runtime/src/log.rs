//! The log: one line an event worth knowing, to standard error, for people or as JSON.
//!
//! A [`LogEvent`] of the core is data already cut and made harmless; here it becomes a line. Whatever
//! else writes to the log (other crates, panics) has its control characters escaped here, so that
//! one record is one line (threats O3, O4).

use std::{
    fmt::{self, Write as _},
    sync::{Mutex, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

use entra_mcp_core::{
    config::{LogFilter, LogFormat, LogLevel},
    log_event::{Field as LogField, Level, LogEvent, LogEventId, Throttle, sanitize},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::{Layer as _, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{audit_log, handlers::CALL_TARGET, metrics::count_event};

/// The longest message of a crate that is not ours, in characters.
const MESSAGE_CHARS: usize = 2000;

/// How often it is looked whether a burst is over.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the log. It is quiet unless the filter says otherwise: of our own crates what is worth knowing, of others errors.
pub(crate) fn start(format: LogFormat, filter: &LogFilter) {
    // A second start in one process, as in tests, keeps the first log.
    let _ = tracing_subscriber::registry()
        .with(layer(format, filter, std::io::stderr))
        .try_init();
    std::panic::set_hook(Box::new(|panic| {
        // The place is enough to find the bug; the message may hold what a peer sent.
        let place = panic.location().map(ToString::to_string);
        let panicked = LogEvent::new(LogEventId::ServerPanicked);
        log(&panicked.with(LogField::Location, place.as_deref().unwrap_or("?")));
    }));
}

/// Has the number of lines of a burst that were left out written soon after it is over.
pub(crate) fn summarize() {
    static SUMMARIES: Once = Once::new();
    SUMMARIES.call_once(|| {
        // Without a thread the count of a burst is written with the next line.
        let _ = thread::Builder::new()
            .name("log".to_owned())
            .spawn(write_summaries);
    });
}

/// Writes how many lines of a burst were left out soon after it is over, though no other line follows.
fn write_summaries() {
    loop {
        thread::sleep(SUMMARY_INTERVAL);
        throttle(|throttle, now| throttle.summaries(now))
            .iter()
            .for_each(write);
    }
}

/// Writes what was left out until now: the server ends.
pub fn finish_log() {
    let end = Duration::MAX;
    throttle(|throttle, _| throttle.summaries(end))
        .iter()
        .for_each(write);
    audit_log::finish();
}

fn layer<S, W>(
    format: LogFormat,
    filter: &LogFilter,
    writer: W,
) -> impl tracing_subscriber::Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .event_format(Line(format))
        .with_filter(targets(filter))
}

/// What is written of which crates: the longest name that fits decides. All of ours begin with `entra_mcp`.
fn targets(filter: &LogFilter) -> Targets {
    let others = filter.others().map_or(LevelFilter::ERROR, level_filter);
    let own = filter.all.map_or(LevelFilter::INFO, level_filter);
    let named = filter.targets.iter();
    Targets::new()
        .with_default(others)
        .with_target("entra_mcp", own)
        // They are no lines: whoever wants traces has a subscriber for them.
        .with_target(CALL_TARGET, LevelFilter::OFF)
        .with_targets(named.map(|(target, level)| (target.as_str(), level_filter(*level))))
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// What bounds the lines that strangers can cause.
static THROTTLE: Mutex<Option<(Instant, Throttle)>> = Mutex::new(None);

/// Writes a line of the core or of a runtime, unless it is one of a burst.
pub fn log(event: &LogEvent) {
    count_event(event.id());
    audit_log::write(event);
    let (summaries, is_admitted) = throttle(|throttle, now| {
        let summaries = throttle.summaries(now);
        (summaries, throttle.admits(event.id(), now))
    });
    for summary in &summaries {
        write(summary);
    }
    if is_admitted {
        write(event);
    }
}

fn throttle<T>(f: impl FnOnce(&mut Throttle, Duration) -> T) -> T {
    let mut throttle = THROTTLE.lock().unwrap_or_else(PoisonError::into_inner);
    let (began, throttle) = throttle.get_or_insert_with(|| (Instant::now(), Throttle::default()));
    f(throttle, began.elapsed())
}

fn write(event: &LogEvent) {
    let (id, sentence) = (event.id().as_str(), event.id().sentence());
    let fields = Fields(event);
    match event.level() {
        Level::Error => {
            tracing::error!(target: "entra_mcp", id = %id, fields = ?fields, "{sentence}");
        }
        Level::Warn => {
            tracing::warn!(target: "entra_mcp", id = %id, fields = ?fields, "{sentence}")
        }
        Level::Info => {
            tracing::info!(target: "entra_mcp", id = %id, fields = ?fields, "{sentence}")
        }
        Level::Debug => {
            tracing::debug!(target: "entra_mcp", id = %id, fields = ?fields, "{sentence}");
        }
    }
}

/// The fields of a line: ` name="value"` each; with `{:#?}` the members of a JSON object.
struct Fields<'a>(&'a LogEvent);

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, value) in self.0.fields() {
            let name = field.as_str();
            if f.alternate() {
                write!(f, ",{}:{}", Quoted(name), Quoted(value))?;
            } else {
                write!(f, " {name}={}", Quoted(value))?;
            }
        }
        Ok(())
    }
}

/// A JSON string; also how values stand in a line for people.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// How a line is written.
struct Line(LogFormat);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _cx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = MessageVisitor {
            format: self.0,
            id: String::new(),
            message: String::new(),
            fields: String::new(),
        };
        event.record(&mut said);
        let message = sanitize(&said.message, MESSAGE_CHARS);
        let (level, id, fields) = (event.metadata().level(), said.id, said.fields);
        match self.0 {
            LogFormat::Text => {
                SystemTime.format_time(&mut writer)?;
                write!(writer, " {level:>5} ")?;
                if !id.is_empty() {
                    write!(writer, "[{id}] ")?;
                }
                writeln!(writer, "{message}{fields}")
            }
            LogFormat::Json => {
                writer.write_str("{\"time\":\"")?;
                SystemTime.format_time(&mut writer)?;
                write!(writer, "\",\"level\":\"{level}\"")?;
                if !id.is_empty() {
                    write!(writer, ",\"event\":\"{id}\"")?;
                }
                writeln!(writer, ",\"message\":{}{fields}}}", Quoted(&message))
            }
        }
    }
}

/// What an event says.
struct MessageVisitor {
    format: LogFormat,
    id: String,
    message: String,
    fields: String,
}

impl Visit for MessageVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a String does not fail.
        let _ = match (field.name(), self.format) {
            ("id", _) => write!(self.id, "{value:?}"),
            ("message", _) => write!(self.message, "{value:?}"),
            ("fields", LogFormat::Text) => write!(self.fields, "{value:?}"),
            ("fields", LogFormat::Json) => write!(self.fields, "{value:#?}"),
            (name, _) => write!(self.message, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged inside `f`.
    fn logged(format: LogFormat, f: impl FnOnce()) -> String {
        filtered(format, "", f)
    }

    /// The same with this `RUST_LOG`.
    fn filtered(format: LogFormat, directives: &str, f: impl FnOnce()) -> String {
        let filter = LogFilter::parse(directives).unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Captured(Arc::clone(&written));
        let subscriber =
            tracing_subscriber::registry().with(layer(format, &filter, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, f);
        let written = written.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[derive(Clone)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn registered() -> LogEvent {
        LogEvent::new(LogEventId::ClientRegistered).with(LogField::ClientName, "a \"b\"\n\\ c")
    }

    // O4
    #[test]
    fn text_log_event_is_one_line_with_its_id() {
        let line = logged(LogFormat::Text, || write(&registered()));
        let (time, rest) = line.split_once("  INFO ").unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
        assert_eq!(
            rest,
            "[client.registered] a client registered client_name=\"a \\\"b\\\"\\\\u{a}\\\\ c\"\n"
        );
    }

    #[test]
    fn json_log_event_is_one_object() {
        let line = logged(LogFormat::Json, || write(&registered()));
        let (head, rest) = line.split_once(",\"level\"").unwrap();
        assert!(head.starts_with("{\"time\":\""), "{line}");
        assert_eq!(
            rest,
            ":\"INFO\",\"event\":\"client.registered\",\"message\":\"a client registered\",\
             \"client_name\":\"a \\\"b\\\"\\\\u{a}\\\\ c\"}\n"
        );
    }

    // M14
    #[test]
    fn burst_of_unauthenticated_lines_is_bounded() {
        let lines = logged(LogFormat::Text, || {
            for _ in 0..1000 {
                log(&LogEvent::new(LogEventId::AuthorizationRefused));
            }
        });
        let written = lines.matches("authorization.refused").count();
        assert!((1..100).contains(&written), "{written}");
    }

    // O4
    #[test]
    fn log_line_of_another_crate_is_one_line() {
        let line = logged(LogFormat::Text, || {
            tracing::warn!("a\nforged line \u{1b}[31m{}", "x".repeat(10_000));
        });
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.contains('\u{1b}') && line.len() < 3000, "{line}");
    }

    #[test]
    fn log_of_other_crates_is_filtered() {
        let line = logged(LogFormat::Text, || {
            write(&LogEvent::new(LogEventId::GraphTokenRefused));
            tracing::info!(target: "ureq", "chatter");
        });
        assert_eq!(line, "");
    }

    #[test]
    fn lines_are_those_that_rust_log_asks_for() {
        let say = || {
            write(&registered());
            write(&LogEvent::new(LogEventId::StorePurged));
            tracing::debug!(target: "hyper", "a token");
            tracing::info!(target: "hyper", "hello of hyper");
            tracing::info!(target: "rustls::check", "hello of rustls");
        };
        for (directives, expected) in [
            ("", &["client.registered"][..]),
            ("off", &[]),
            ("warn", &[]),
            ("entra_mcp=debug", &["client.registered", "store.purged"]),
            (
                "debug",
                &["client.registered", "store.purged", "of hyper", "of rustls"],
            ),
            (
                "warn,entra_mcp=info,hyper=info",
                &["client.registered", "of hyper"],
            ),
            ("hyper=info", &["client.registered", "of hyper"]),
        ] {
            let text = filtered(LogFormat::Text, directives, say);
            assert_eq!(text.lines().count(), expected.len(), "{directives}: {text}");
            for part in expected {
                assert!(text.contains(part), "{directives}: {part} in {text}");
            }
        }
    }
}

use std::{collections::BTreeSet, fmt::Write as _};

use super::*;

/// The document that operators read, written from the two tables.
fn document() -> String {
    let mut text = String::from(
        "# The log\n\n\
         One line for each event, to standard error; `--log json` writes one JSON object a line. Ids and names of fields are stable: \
         name them in dashboards and alerts. The sentence beside the id may change.\n\n\
         ```text\n\
         2026-03-01T10:00:00.000000Z  INFO [sign_in.completed] a user signed in subject=\"9ZcE…\" destination=\"client.example\" scope=\"mcp.use\" request_id=\"5b1c9a0e7d20c4f1\"\n\
         {\"time\":\"2026-03-01T10:00:00.000000Z\",\"level\":\"INFO\",\"event\":\"sign_in.completed\",\"message\":\"a user signed in\",\"subject\":\"9ZcE…\",…}\n\
         ```\n\n\
         No line holds a token, code, verifier, state, cookie, name or address of a user. A value that comes from outside is cut and \
         its control and invisible characters are escaped. `DEBUG` lines are not written by default: `RUST_LOG=entra_mcp=debug` writes them. Of a burst of one event that strangers can cause, the first lines are written \
         and `log.throttled` says how many were not. Lines of other crates have no id.\n\n\
         This file is written from the tables in `src/log_event`; after a change there, \
         `UPDATE_LOG_MD=1 cargo test -p entra-mcp-core log_md` writes it anew.\n\n\
         ## Events\n\n| event | level | sentence | fields | meaning |\n| --- | --- | --- | --- | --- |\n",
    );
    for event in LogEventId::ALL {
        let fields: Vec<_> = event
            .fields()
            .iter()
            .map(|field| format!("`{}`", field.as_str()))
            .collect();
        let level = format!("{:?}", event.level()).to_uppercase();
        let (id, sentence, meaning) = (event.as_str(), event.sentence(), event.meaning());
        writeln!(
            text,
            "| `{id}` | {level} | {sentence} | {} | {meaning} |",
            fields.join(" ")
        )
        .unwrap();
    }
    text += "\n## Fields\n\n| field | meaning |\n| --- | --- |\n";
    for field in Field::ALL {
        writeln!(text, "| `{}` | {} |", field.as_str(), field.meaning()).unwrap();
    }
    text
}

/// The document about the audit log, written from the same tables.
fn audit_document() -> String {
    let mut text = String::from(include_str!("audit.md"));
    text += "\n## Events\n\n| event | outcome | meaning | further members |\n| --- | --- | --- | --- |\n";
    for event in LogEventId::ALL {
        let Some(outcome) = event.audit_outcome() else {
            continue;
        };
        let outcome = match event.fields().contains(&Field::Outcome) {
            true => "as it was",
            false => outcome.as_str(),
        };
        let fields = event
            .fields()
            .iter()
            .filter(|field| !audit::is_left_out(**field));
        let fields: Vec<_> = fields
            .map(|field| format!("`{}`", field.as_str()))
            .collect();
        let (id, meaning, fields) = (event.as_str(), event.meaning(), fields.join(" "));
        writeln!(text, "| `{id}` | {outcome} | {meaning} | {fields} |").unwrap();
    }
    text += "\n## Members\n\n| member | meaning |\n| --- | --- |\n\
             | `time` | When the line was written, in UTC (RFC 3339). |\n\
             | `event` | What happened: an id of the table above, which is that of the log, too (`core/LOG.md`). |\n";
    let outcomes: Vec<_> = AuditOutcome::ALL
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();
    writeln!(text, "| `outcome` | `{}`. |", outcomes.join("`, `")).unwrap();
    writeln!(text, "| `request_id` | {} |", Field::RequestId.meaning()).unwrap();
    for (name, meaning) in Audited::MEMBERS {
        writeln!(text, "| `{name}` | {} |", meaning.trim_ascii()).unwrap();
    }
    for field in Field::ALL {
        let is_used =
            |event: &LogEventId| event.audit_outcome().is_some() && event.fields().contains(field);
        let is_member = Audited::MEMBERS
            .iter()
            .any(|(name, _)| *name == field.as_str());
        let is_used =
            LogEventId::ALL.iter().any(is_used) || *field == Field::Count || *field == Field::Event;
        if is_used && !is_member && !audit::is_left_out(*field) {
            writeln!(text, "| `{}` | {} |", field.as_str(), field.meaning()).unwrap();
        }
    }
    text
}

/// Compares a document with what it is written from, or writes it anew when asked to.
#[expect(
    clippy::disallowed_methods,
    reason = "the test writes the document anew when asked to"
)]
fn assert_written(name: &str, document: &str) {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("UPDATE_LOG_MD").is_ok() {
        std::fs::write(&path, document).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == document,
        "core/{name} is old: UPDATE_LOG_MD=1 cargo test -p entra-mcp-core log_md"
    );
}

#[test]
fn log_md_lists_every_event_and_field() {
    assert_written("LOG.md", &document());
}

#[test]
fn audit_log_md_lists_every_event_and_member() {
    assert_written("docs/audit.md", &audit_document());
}

#[test]
fn ids_and_field_names_are_unique_and_well_formed() {
    let ids: Vec<_> = LogEventId::ALL.iter().map(|event| event.as_str()).collect();
    let names: Vec<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
    for list in [&ids, &names] {
        assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len());
        for name in list {
            assert!(
                name.bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')),
                "{name}"
            );
        }
    }
    for id in ids {
        assert_eq!(
            id.matches('.').count(),
            1,
            "{id} is what, and what happened to it"
        );
    }
}

#[test]
fn logged_value_is_escaped_and_bounded() {
    let line = LogEvent::new(LogEventId::ClientRegistered)
        .with(
            Field::ClientName,
            "Claude\r\nERROR forged \u{1b}[31m\u{202e}",
        )
        .with(Field::Destination, "x".repeat(100_000));
    let name = line.field(Field::ClientName).unwrap();
    assert!(!name.contains(['\r', '\n', '\u{1b}', '\u{202e}']), "{name}");
    assert!(line.field(Field::Destination).unwrap().chars().count() <= LOG_VALUE_CHARS + 1);
    let message =
        LogEvent::new(LogEventId::ServerFailed).with_text(Field::Error, "x".repeat(100_000));
    assert!(message.field(Field::Error).unwrap().chars().count() <= LOG_TEXT_CHARS + 1);
}

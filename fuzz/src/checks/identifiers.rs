//! Names are no credentials: a `requestState`, a task, an event of a stream serve only the user and
//! the client to whom they were given (threats I4, I8).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Check, Ledger,
    ledger::ExchangeRecord,
    sessions::{Owner, owner},
};
use crate::observation::Observation;

/// Nobody is served by a name that was given to somebody else.
#[derive(Debug, Default)]
pub(super) struct OwnNamesOnly {
    owners: BTreeMap<String, Owner>,
}

impl OwnNamesOnly {
    /// Learns the names in some bytes that somebody is sent.
    fn note(&mut self, case: &ExchangeRecord, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        let events = text.lines().filter_map(|line| line.strip_prefix("id: "));
        let mut names: Vec<String> = events.map(str::to_owned).collect();
        for message in messages(text) {
            for name in ["requestState", "taskId"] {
                let name = message.pointer(&format!("/result/{name}"));
                names.extend(name.and_then(Value::as_str).map(str::to_owned));
            }
        }
        for name in names {
            self.owners.entry(name).or_insert_with(|| owner(case));
        }
    }

    /// The name of somebody else's that a request uses.
    fn foreign(&self, case: &ExchangeRecord) -> Option<String> {
        let mut names: Vec<String> = case.last_event.clone().into_iter().collect();
        let body = std::str::from_utf8(&case.body).unwrap_or_default();
        if body.contains("\"requestState\"") || body.contains("\"taskId\"") {
            let message: Value = serde_json::from_str(body).unwrap_or_default();
            for name in ["requestState", "taskId"] {
                let name = message.pointer(&format!("/params/{name}"));
                names.extend(name.and_then(Value::as_str).map(str::to_owned));
            }
        }
        let is_foreign = |name: &String| {
            self.owners
                .get(name)
                .is_some_and(|known| *known != owner(case))
        };
        names.into_iter().find(is_foreign)
    }
}

/// The messages of MCP in an answer or in a piece of a stream, as far as they can name something.
fn messages(text: &str) -> Vec<Value> {
    if !text.contains("\"result\"") {
        return Vec::new();
    }
    let lines = text.lines();
    let lines = lines.map(|line| line.strip_prefix("data: ").unwrap_or(line));
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

impl Check for OwnNamesOnly {
    fn name(&self) -> &'static str {
        "own names only"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let (who, bytes, opens) = match seen {
            Observation::ResponseStarted {
                who,
                head,
                body,
                open,
            } => (who, *body, *open && head.status() == 200),
            Observation::BodyWritten { who, bytes } => (who, *bytes, false),
            _ => return Ok(()),
        };
        let Some(case) = ledger.case(*who) else {
            return Ok(());
        };
        if let Some(name) = self.foreign(case) {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            let is_disclosed = messages(text)
                .iter()
                .any(|message| message.get("result").is_some());
            // A stream that opens for another's event is one too many.
            if is_disclosed || (opens && case.last_event.is_some()) {
                let peer = &case.peer;
                return Err(format!("{who} serves {peer} by another's name {name:.20}"));
            }
        }
        self.note(case, bytes);
        Ok(())
    }
}

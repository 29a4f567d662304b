//! Every MCP message, to and fro, fits the schema of the revision in use.

use std::collections::BTreeMap;

use entra_mcp_schema::{ReceivedResponse, SchemaValidator, SentRequest};
use http::{HeaderMap, header};

use super::{Check, Ledger};
use crate::ids::{ExchangeRef, Role};
use crate::observation::Observation;

/// Whatever the server sends as a message of MCP fits the published schema, to whomever it is sent;
/// what well-behaved clients send does too.
#[derive(Debug, Default)]
pub(super) struct FitsItsSchema {
    watcher: SchemaValidator,
    numbers: BTreeMap<ExchangeRef, u64>,
    count: u64,
}

impl Check for FitsItsSchema {
    fn name(&self) -> &'static str {
        "fits its schema"
    }

    fn see(&mut self, seen: &Observation<'_>, _ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted {
                who, role, request, ..
            } => {
                self.count += 1;
                self.numbers.insert(*who, self.count);
                let target = request.uri().path_and_query();
                let asked = SentRequest {
                    target: target.map_or("", |target| target.as_str()),
                    session: text(request.headers(), "mcp-session-id"),
                    revision: text(request.headers(), "mcp-protocol-version"),
                    body: request.body(),
                };
                match self.watcher.asked(self.count, &asked) {
                    Err(what) if *role == Role::Client => Err(format!("{who} is sent {what}")),
                    Ok(()) | Err(_) => Ok(()),
                }
            }
            Observation::ResponseStarted {
                who, head, body, ..
            } => {
                let Some(number) = self.numbers.get(who) else {
                    return Ok(());
                };
                let content_type = text(head.headers(), header::CONTENT_TYPE.as_str());
                let answered = ReceivedResponse {
                    status: head.status().as_u16(),
                    content_type: content_type.unwrap_or_default(),
                    session: text(head.headers(), "mcp-session-id"),
                    body,
                };
                let judged = self.watcher.answered(*number, &answered);
                judged.map_err(|what| format!("{who} answers {what}"))
            }
            Observation::BodyWritten { who, bytes } => {
                let Some(number) = self.numbers.get(who) else {
                    return Ok(());
                };
                let judged = self.watcher.wrote(*number, bytes);
                judged.map_err(|what| format!("{who} writes {what}"))
            }
            Observation::ExchangeEnded { who, .. } => {
                if let Some(number) = self.numbers.remove(who) {
                    self.watcher.ended(number);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

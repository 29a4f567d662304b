//! An MCP session serves the user and the client that began it (threats I2 to I4).

use std::collections::BTreeMap;

use super::{
    Check, Ledger,
    ledger::{ExchangeRecord, claims},
};
use crate::observation::Observation;

/// Whose a session is: the user's `oid`, and the client; and at which endpoint.
pub(super) type Owner = (Option<String>, Option<String>, Option<String>);

/// Nobody is served in a session of somebody else, or of another client of the same user.
#[derive(Debug, Default)]
pub(super) struct OwnSessionsOnly {
    owners: BTreeMap<String, Owner>,
}

/// What the MCP endpoint of a path is called: nothing, if there is one only; `None`: the path is of something else.
pub(crate) fn endpoint(path: &str) -> Option<&str> {
    let doors = ["/mcp", "/sse", "/message"];
    let rest = doors.iter().find_map(|door| path.strip_prefix(door))?;
    match rest {
        "" => Some(""),
        rest => rest.strip_prefix('/').filter(|name| !name.contains('/')),
    }
}

pub(super) fn owner(case: &ExchangeRecord) -> Owner {
    let claims = case.bearer.as_deref().and_then(claims);
    let client = claims.and_then(|claims| Some(claims.get("client_id")?.as_str()?.to_owned()));
    let endpoint = endpoint(&case.path).map(str::to_owned);
    (case.user.clone(), client, endpoint)
}

/// The session that the endpoint event of HTTP+SSE names.
fn named(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text
        .strip_prefix("event: endpoint")?
        .split_once("sessionId=")?;
    rest.split_whitespace().next().map(str::to_owned)
}

impl Check for OwnSessionsOnly {
    fn name(&self) -> &'static str {
        "own sessions only"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::BodyWritten { who, bytes } => {
                if let (Some(case), Some(session)) = (ledger.case(*who), named(bytes)) {
                    self.owners.insert(session, owner(case));
                }
            }
            Observation::ResponseStarted { who, head, .. } => {
                let Some(case) = ledger.case(*who) else {
                    return Ok(());
                };
                let begun = head.headers().get("mcp-session-id");
                if let Some(session) = begun.and_then(|session| session.to_str().ok()) {
                    self.owners.insert(session.to_owned(), owner(case));
                }
                // A stale id is no obstacle to a new session, and none to a revision without them.
                let ignores = begun.is_some() || case.revision.as_deref() == Some("2026-07-28");
                let known = case.session.as_ref();
                let known = known.and_then(|session| self.owners.get(session));
                let foreign = known.is_some_and(|known| *known != owner(case));
                if foreign && head.status().is_success() && !ignores {
                    return Err(format!("{who} serves {} in a foreign session", case.peer));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

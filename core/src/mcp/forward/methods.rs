//! Which methods a backend is asked, and what names the object of each: others of the revision do not pass, and those of
//! none do not either (threat R10).

use crate::{gateway::assertion, revision::Revision};

/// Those of all revisions.
const METHODS: [&str; 7] = [
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// Those within a session.
const OF_SESSIONS: [&str; 3] = [
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
];

/// What of a request does not pass. It may say that it may become a task, as a client that asks for one (2025-11-25), or that knows them
/// (2026-07-28): tasks do not pass, and a call that became one would be lost. And only this server says who calls (threat R2).
pub(super) const NEVER_PASSED: [&[&str]; 3] = [
    &["_meta", assertion::META],
    &["task"],
    &[
        "_meta",
        "io.modelcontextprotocol/clientCapabilities",
        "extensions",
        "io.modelcontextprotocol/tasks",
    ],
];

/// Whether requests of this method pass.
pub(super) fn is_forwarded(method: &str, revision: Revision) -> bool {
    let own = match revision.features().stateless {
        true => &["server/discover"][..],
        false => &OF_SESSIONS,
    };
    METHODS.contains(&method) || own.contains(&method) || method == "completion/complete"
}

/// Which parameter names the object, as a header repeats it (2026-07-28).
pub(super) fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    }
}

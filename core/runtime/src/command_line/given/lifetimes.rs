//! The settings of how long what is issued lasts.

use super::settings::{Setting, setting};

pub(in crate::command_line) const SESSION_TOKEN_LIFETIME: Setting = setting(
    "session-token-lifetime",
    "ENTRA_MCP_SESSION_TOKEN_LIFETIME",
    "DURATION",
    "how long a session token lasts before its client refreshes, and at most until a user who is \
     disabled in Entra is out: 5m to 1d (default 1h)",
);
pub(in crate::command_line) const SESSION_IDLE: Setting = setting(
    "session-idle-lifetime",
    "ENTRA_MCP_SESSION_IDLE_LIFETIME",
    "DURATION",
    "how long a session lasts that is not refreshed: 1h to 90d (default 14d)",
);
pub(in crate::command_line) const SESSION_ABSOLUTE: Setting = setting(
    "session-lifetime",
    "ENTRA_MCP_SESSION_LIFETIME",
    "DURATION",
    "how long a session lasts at most, before the user signs in again: 1h to 365d (default 90d)",
);
pub(in crate::command_line) const CODE_LIFETIME: Setting = setting(
    "code-lifetime",
    "ENTRA_MCP_CODE_LIFETIME",
    "DURATION",
    "how long an authorization code lasts, which clients redeem at once: 10s to 10m (default 1m)",
);
pub(in crate::command_line) const CONSENT_LIFETIME: Setting = setting(
    "consent-lifetime",
    "ENTRA_MCP_CONSENT_LIFETIME",
    "DURATION",
    "how long the approval of a web site's client is remembered: 1m to 365d (default 30d)",
);
pub(in crate::command_line) const CALL_TIMEOUT: Setting = setting(
    "call-timeout",
    "ENTRA_MCP_CALL_TIMEOUT",
    "DURATION",
    "how long a call may take, questions to the user included, where a tool does not say less: 1s to 1h (default 10m)",
);
pub(in crate::command_line) const TASK_TIMEOUT: Setting = setting(
    "task-timeout",
    "ENTRA_MCP_TASK_TIMEOUT",
    "DURATION",
    "how long a call may take that has become a task: 1s to 50m (default 50m)",
);
pub(in crate::command_line) const INPUT_TIMEOUT: Setting = setting(
    "input-timeout",
    "ENTRA_MCP_INPUT_TIMEOUT",
    "DURATION",
    "how long a call waits for its user's answer to a question, before revision 2026-07-28: 10s to 1h (default 5m)",
);
pub(in crate::command_line) const PROGRESS_PER_SECOND: Setting = setting(
    "progress-per-second",
    "ENTRA_MCP_PROGRESS_PER_SECOND",
    "NUMBER",
    "how many progress notifications of one call are sent in a second, after a burst of 32; of those that come faster the \
     last one is: 1 to 1000 (default 10)",
);
pub(in crate::command_line) const GRAPH_ANSWER_BYTES: Setting = setting(
    "graph-answer-bytes",
    "ENTRA_MCP_GRAPH_ANSWER_BYTES",
    "NUMBER",
    "the most bytes of one answer of Microsoft Graph that a tool may ask for: 65536 to 67108864 (default 8388608)",
);
pub(in crate::command_line) const SHUTDOWN_DELAY: Setting = setting(
    "shutdown-delay",
    "ENTRA_MCP_SHUTDOWN_DELAY",
    "DURATION",
    "how long the server goes on accepting requests after SIGTERM, while /readyz answers 503, until a \
     balancer sends no more: 0s to 5m (default 0s)",
);
pub(in crate::command_line) const SHUTDOWN_TIMEOUT: Setting = setting(
    "shutdown-timeout",
    "ENTRA_MCP_SHUTDOWN_TIMEOUT",
    "DURATION",
    "how long calls under way may take after that: 0s to 10m (default 10s)",
);
pub(in crate::command_line) const REFRESH_REUSE: Setting = setting(
    "refresh-reuse",
    "ENTRA_MCP_REFRESH_REUSE",
    "DURATION",
    "for how long a refresh token still works after its successor was first used, for clients whose \
     processes share one: 0s to 1h (default 2m)",
);

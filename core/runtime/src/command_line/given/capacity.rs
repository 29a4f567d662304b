//! How much is served at once.

use super::{Setting, setting};

pub(in crate::command_line) const CONNECTIONS: Setting = setting(
    "connections",
    "ENTRA_MCP_CONNECTIONS",
    "NUMBER",
    "how many connections may be open at once, fewer where the process may not have four descriptors for each three: 16 to 65536 \
     (default 4608)",
);
pub(in crate::command_line) const MESSAGE_BYTES: Setting = setting(
    "message-bytes",
    "ENTRA_MCP_MESSAGE_BYTES",
    "NUMBER",
    "the most bytes of the body of one MCP request: 65536 to 4194304 (default 4194304)",
);
pub(in crate::command_line) const CALLS_PER_USER: Setting = setting(
    "calls-per-user",
    "ENTRA_MCP_CALLS_PER_USER",
    "NUMBER",
    "how many calls of one user with one client may be in flight: 1 to 1024 (default 64)",
);
pub(in crate::command_line) const TASKS_PER_USER: Setting = setting(
    "tasks-per-user",
    "ENTRA_MCP_TASKS_PER_USER",
    "NUMBER",
    "how many tasks of one user with one client may run: 1 to 32 (default 16)",
);
pub(in crate::command_line) const STREAMS_PER_USER: Setting = setting(
    "streams-per-user",
    "ENTRA_MCP_STREAMS_PER_USER",
    "NUMBER",
    "how many streams of one user with one client may be open: 1 to 256 (default 16)",
);

//! The settings of the gateway.

use super::settings::{Setting, setting};

pub(in crate::command_line) const BACKEND: Setting = setting(
    "backend",
    "ENTRA_MCP_BACKEND",
    "[NAME=]URL",
    "the MCP endpoint of another server, which this one puts [behind its sign-in](gateway.md) in place of its own tools: \
     http://127.0.0.1:8000/mcp, https://orders.example/mcp or unix:/run/orders.sock:/mcp; [several](gateway.md#several-servers) with names, \
     each at /mcp/NAME: orders=URL, or files=stdio:COMMAND; every other setting of the gateway is then for all of them, or as NAME=VALUE for one \
     (default: no gateway)",
);
pub(in crate::command_line) const IDENTITY: Setting = setting(
    "identity",
    "ENTRA_MCP_IDENTITY",
    "WAY[,WAY ...]",
    "how the backend is told [who calls](gateway.md#who-calls): assertion (a signed JWT in the header Entra-MCP-Assertion), bearer (the same \
     as a bearer token), entra:SCOPES (the user's access token for the application that the backend is), easy-auth or forwarded (headers \
     as of Azure App Service or oauth2-proxy), several with commas; or none (default assertion)",
);
pub(in crate::command_line) const BACKEND_AUDIENCE: Setting = setting(
    "backend-audience",
    "ENTRA_MCP_BACKEND_AUDIENCE",
    "TEXT",
    "the audience of that JWT (default: the address of the backend, or the name of the command)",
);
pub(in crate::command_line) const BACKEND_HEADER: Setting = setting(
    "",
    "ENTRA_MCP_BACKEND_HEADER",
    "",
    "a header that goes to the backend with every request, such as \"X-Api-Key: KEY\" (default: none)",
);
pub(in crate::command_line) const BACKEND_TIMEOUT: Setting = setting(
    "backend-timeout",
    "ENTRA_MCP_BACKEND_TIMEOUT",
    "DURATION",
    "how long the backend may take for one request (default 10m)",
);
pub(in crate::command_line) const BACKEND_ANSWER_BYTES: Setting = setting(
    "backend-answer-bytes",
    "ENTRA_MCP_BACKEND_ANSWER_BYTES",
    "NUMBER",
    "the most bytes of one message of the backend (default 16777216)",
);
pub(in crate::command_line) const BACKEND_HELD_BYTES: Setting = setting(
    "backend-held-bytes",
    "ENTRA_MCP_BACKEND_HELD_BYTES",
    "NUMBER",
    "the most bytes of messages of the backend that are not whole yet, of all calls together (default 268435456)",
);
pub(in crate::command_line) const BACKEND_CONNECT_TIMEOUT: Setting = setting(
    "backend-connect-timeout",
    "ENTRA_MCP_BACKEND_CONNECT_TIMEOUT",
    "DURATION",
    "how long a connection to the backend may take (default 5s)",
);
pub(in crate::command_line) const BACKEND_OPEN_TIMEOUT: Setting = setting(
    "backend-open-timeout",
    "ENTRA_MCP_BACKEND_OPEN_TIMEOUT",
    "DURATION",
    "how long the backend may take until a session is open, and a process until it has begun, too (default 20s, of a process 50s)",
);
pub(in crate::command_line) const BACKEND_SILENCE: Setting = setting(
    "backend-silence",
    "ENTRA_MCP_BACKEND_SILENCE",
    "DURATION",
    "how long the backend may send nothing while it answers, streams aside on which it sends what it likes (default 5m)",
);
pub(in crate::command_line) const BACKEND_SESSION_IDLE: Setting = setting(
    "backend-session-idle",
    "ENTRA_MCP_BACKEND_SESSION_IDLE",
    "DURATION",
    "how long a session of the backend lasts that no call and no stream uses; the next one opens it again (default 30m)",
);
pub(in crate::command_line) const BACKEND_MESSAGES: Setting = setting(
    "backend-messages",
    "ENTRA_MCP_BACKEND_MESSAGES",
    "NUMBER",
    "how many messages the backend may send before the answer to one call (default 10000)",
);
pub(in crate::command_line) const POLICY: Setting = setting(
    "policy",
    "ENTRA_MCP_POLICY",
    "FILE",
    "TOML file that says [who may do what](gateway.md#who-may-do-what) of that which the backend offers; read again when it changes, and \
     after SIGHUP (default: everybody may do everything)",
);
pub(in crate::command_line) const BACKEND_CA: Setting = setting(
    "backend-ca",
    "ENTRA_MCP_BACKEND_CA",
    "FILE",
    "PEM certificates of authorities that are believed of the backend besides the public ones (default: none)",
);
pub(in crate::command_line) const BACKEND_CERT: Setting = setting(
    "backend-cert",
    "ENTRA_MCP_BACKEND_CERT",
    "FILE",
    "PEM certificate that the backend is shown if it asks who comes, and its key in the same file (default: none)",
);
pub(in crate::command_line) const BACKEND_COMMAND: Setting = setting(
    "",
    "ENTRA_MCP_BACKEND_COMMAND",
    "",
    "in place of an address a command that runs an MCP server by its standard streams, as words or as a JSON array of them, without a shell; \
     on the command line all that stands after `--` (default: none)",
);
pub(in crate::command_line) const BACKEND_ENV: Setting = setting(
    "backend-env",
    "ENTRA_MCP_BACKEND_ENV",
    "NAME[=VALUE]",
    "a variable for that process, with this value or with that of this server; may be given several times (default: PATH and HOME alone)",
);
pub(in crate::command_line) const BACKEND_DIR: Setting = setting(
    "backend-dir",
    "ENTRA_MCP_BACKEND_DIR",
    "FOLDER",
    "the folder that it runs in (default: that of this server)",
);
pub(in crate::command_line) const BACKEND_USER: Setting = setting(
    "backend-user",
    "ENTRA_MCP_BACKEND_USER",
    "UID:GID",
    "the user and group that it runs as, by number, if this server is root (default: those of this server)",
);
pub(in crate::command_line) const BACKEND_SHARE: Setting = setting(
    "backend-share",
    "ENTRA_MCP_BACKEND_SHARE",
    "session|user|all",
    "who has such a process together: nobody but one session of a client, all sessions of a user, or all users (default session)",
);
pub(in crate::command_line) const BACKEND_PROCESSES: Setting = setting(
    "backend-processes",
    "ENTRA_MCP_BACKEND_PROCESSES",
    "NUMBER",
    "how many such processes there are at once, one for each session of a client (default 32)",
);
pub(in crate::command_line) const BACKEND_IDLE: Setting = setting(
    "backend-idle",
    "ENTRA_MCP_BACKEND_IDLE",
    "DURATION",
    "how long one lives that nobody asks anything (default 15m)",
);
pub(in crate::command_line) const BACKEND_PROCESSES_PER_USER: Setting = setting(
    "backend-processes-per-user",
    "ENTRA_MCP_BACKEND_PROCESSES_PER_USER",
    "NUMBER",
    "how many of them one user with one client has (default 4)",
);
pub(in crate::command_line) const BACKEND_RESTART: Setting = setting(
    "backend-restart",
    "ENTRA_MCP_BACKEND_RESTART",
    "DURATION",
    "the longest that a user's next one waits after those before have ended without having answered; the first wait is a second (default 30s)",
);
pub(in crate::command_line) const BACKEND_LOG_LINES: Setting = setting(
    "backend-log-lines",
    "ENTRA_MCP_BACKEND_LOG_LINES",
    "NUMBER",
    "how many lines of the error stream of one are logged in a minute (default 100)",
);
pub(in crate::command_line) const WITH_OWN_TOOLS: Setting = setting(
    "with-own-tools",
    "ENTRA_MCP_WITH_OWN_TOOLS",
    "",
    "offer the tools of this server, too, at /mcp/own-tools beside the gateway; as a variable: on",
);

/// What means nothing to a process.
pub(in crate::command_line) const OF_ADDRESS: [&Setting; 6] = [
    &BACKEND_HEADER,
    &BACKEND_CA,
    &BACKEND_CERT,
    &BACKEND_CONNECT_TIMEOUT,
    &BACKEND_SILENCE,
    &BACKEND_SESSION_IDLE,
];

/// What means nothing without a backend.
pub(in crate::command_line) const OF_BACKEND: [&Setting; 14] = [
    &IDENTITY,
    &BACKEND_AUDIENCE,
    &BACKEND_HEADER,
    &BACKEND_TIMEOUT,
    &BACKEND_ANSWER_BYTES,
    &BACKEND_HELD_BYTES,
    &BACKEND_CONNECT_TIMEOUT,
    &BACKEND_OPEN_TIMEOUT,
    &BACKEND_SILENCE,
    &BACKEND_SESSION_IDLE,
    &BACKEND_MESSAGES,
    &BACKEND_CA,
    &BACKEND_CERT,
    &POLICY,
];

/// What means nothing without a command.
pub(in crate::command_line) const OF_COMMAND: [&Setting; 9] = [
    &BACKEND_SHARE,
    &BACKEND_ENV,
    &BACKEND_DIR,
    &BACKEND_USER,
    &BACKEND_PROCESSES,
    &BACKEND_PROCESSES_PER_USER,
    &BACKEND_IDLE,
    &BACKEND_RESTART,
    &BACKEND_LOG_LINES,
];

/// What is of one backend, where there are several: it may be a secret, or what one of them is known by.
pub(in crate::command_line) const OF_ONE: [&Setting; 3] =
    [&BACKEND_HEADER, &BACKEND_AUDIENCE, &BACKEND_ENV];

//! The settings, each with its flag, its variable and its line of `--help`.

use super::capacity::{
    CALLS_PER_USER, CONNECTIONS, MESSAGE_BYTES, STREAMS_PER_USER, TASKS_PER_USER,
};
use super::entra_tokens::{
    ACCEPT_AGENTS, ACCEPT_APP, ACCEPT_ENTRA_TOKENS, ACCEPT_ROLE, ACCEPT_SCOPE, APP_ID_URI,
    AUTHORIZATION_SERVERS,
};
use super::gateway::{
    BACKEND, BACKEND_ANSWER_BYTES, BACKEND_AUDIENCE, BACKEND_CA, BACKEND_CERT, BACKEND_COMMAND,
    BACKEND_CONNECT_TIMEOUT, BACKEND_DIR, BACKEND_ENV, BACKEND_HEADER, BACKEND_HELD_BYTES,
    BACKEND_IDLE, BACKEND_LOG_LINES, BACKEND_MESSAGES, BACKEND_OPEN_TIMEOUT, BACKEND_PROCESSES,
    BACKEND_PROCESSES_PER_USER, BACKEND_RESTART, BACKEND_SESSION_IDLE, BACKEND_SHARE,
    BACKEND_SILENCE, BACKEND_TIMEOUT, BACKEND_USER, IDENTITY, POLICY, WITH_OWN_TOOLS,
};
use super::lifetimes::{
    CALL_TIMEOUT, CODE_LIFETIME, CONSENT_LIFETIME, GRAPH_ANSWER_BYTES, INPUT_TIMEOUT,
    PROGRESS_PER_SECOND, REFRESH_REUSE, SESSION_ABSOLUTE, SESSION_IDLE, SESSION_TOKEN_LIFETIME,
    SHUTDOWN_DELAY, SHUTDOWN_TIMEOUT, TASK_TIMEOUT,
};
use super::sign_in::{
    ALLOW_DOMAIN, ALLOW_GROUP, ALLOW_GUESTS, ALLOW_ROLE, ALLOW_TENANT, ALLOW_USER, GRAPH,
};
use super::store::{
    STORE, STORE_CA, STORE_ENTRA_AUTH, STORE_PASSWORD, STORE_PASSWORD_FILE, STORE_PREFIX,
};

/// A setting: its flag, its variable, and what `--help` says of it.
#[derive(Debug)]
pub(in crate::command_line) struct Setting {
    pub(in crate::command_line) flag: &'static str,
    pub(in crate::command_line) variable: &'static str,
    pub(in crate::command_line) value: &'static str,
    pub(in crate::command_line) help: &'static str,
}

pub(super) const fn setting(
    flag: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        flag,
        variable,
        value,
        help,
    }
}

impl Setting {
    /// How errors call it: by the flag and the variable.
    pub(in crate::command_line) fn name(&self) -> String {
        match (self.flag, self.variable) {
            ("", variable) => variable.to_owned(),
            (flag, "") => format!("--{flag}"),
            (flag, variable) => format!("--{flag} ({variable})"),
        }
    }
}

pub(in crate::command_line) const LISTEN: Setting = setting(
    "listen",
    "ENTRA_MCP_LISTEN",
    "HOST:PORT",
    "where to listen (default localhost:3001)",
);
pub(in crate::command_line) const PUBLIC_URL: Setting = setting(
    "public-url",
    "ENTRA_MCP_PUBLIC_URL",
    "URL",
    "the address that clients use, [with or without a path](deploy.md#below-a-path); https unless loopback (default \
     http://localhost:PORT)",
);
pub(in crate::command_line) const DATA_DIR: Setting = setting(
    "data-dir",
    "ENTRA_MCP_DATA_DIR",
    "FOLDER",
    "where sessions and the generated key are kept (default ~/.local/share/entra-mcp)",
);
pub(in crate::command_line) const DEV_TENANT: Setting = setting(
    "dev-tenant",
    "",
    "",
    "start the development tenant even if AZURE_* is set",
);
pub(in crate::command_line) const DEV_TENANT_FILE: Setting = setting(
    "dev-tenant-file",
    "ENTRA_MCP_DEV_TENANT_FILE",
    "FILE",
    "JSON with [people, roles, groups and answers of Graph](development-tenant.md) for the development tenant",
);
pub(in crate::command_line) const DEV_TENANT_LISTEN: Setting = setting(
    "dev-tenant-listen",
    "ENTRA_MCP_DEV_TENANT_LISTEN",
    "HOST:PORT",
    "where the development tenant listens (default localhost:3002)",
);
pub(in crate::command_line) const ALLOW_ORIGIN: Setting = setting(
    "allow-origin",
    "ENTRA_MCP_ALLOWED_ORIGINS",
    "ORIGIN",
    "a web page that may use the MCP endpoints, such as http://localhost:6274; repeatable",
);
pub(in crate::command_line) const REGISTRATION: Setting = setting(
    "registration",
    "ENTRA_MCP_REGISTRATION",
    "open|listed|closed",
    "[which clients come in](clients.md#who-comes-in) by themselves: any, those that return to places of well-known clients, or \
     none but those of --clients (default open on loopback, else listed)",
);
pub(in crate::command_line) const ALLOW_CLIENT: Setting = setting(
    "allow-client",
    "ENTRA_MCP_ALLOWED_CLIENTS",
    "PLACE",
    "adds a place that listed clients may return to: a host such as agent.contoso.com or an app scheme \
     such as com.contoso.agent; with a minus before it, takes one away: -localhost for programs on the \
     user's own computer, -all for all that come with the server; repeatable",
);
pub(in crate::command_line) const CONTACT: Setting = setting(
    "contact",
    "ENTRA_MCP_CONTACT",
    "TEXT",
    "whom users are to ask who are not let in, such as it@contoso.com (default: the operator of this \
     server)",
);
pub(in crate::command_line) const CLIENT_DOCUMENTS: Setting = setting(
    "client-documents",
    "ENTRA_MCP_CLIENT_DOCUMENTS",
    "off|pinned|public|loopback",
    "where clients may be described whose client_id is a URL: nowhere, in the pinned copies only, on \
     the public internet, or, with the development tenant, on this computer, too (default public)",
);
pub(in crate::command_line) const PINNED_CLIENT: Setting = setting(
    "pinned-client",
    "ENTRA_MCP_PINNED_CLIENTS",
    "URL [REDIRECT_URI ...]",
    "a client_id that is a URL, and where that client returns to, separated by spaces: its site is not \
     asked; the URL alone takes away what is pinned for it; several are separated by semicolons; \
     repeatable",
);
pub(in crate::command_line) const CLIENTS: Setting = setting(
    "clients",
    "ENTRA_MCP_CLIENTS",
    "FILE",
    "a file (TOML) of clients that are [registered beforehand](clients.md), with an id and a secret; read again when \
     it changes, and after SIGHUP (default: none)",
);
pub(in crate::command_line) const TRUSTED_PROXY: Setting = setting(
    "trusted-proxy",
    "ENTRA_MCP_TRUSTED_PROXIES",
    "ADDRESS",
    "a proxy whose X-Forwarded-For, or else Forwarded, names the client that limits for each address count: an IP \
     address or a range such as 10.0.0.0/8; the id that it gives a request in traceparent or X-Request-ID is used, too; repeatable (default: none)",
);
pub(in crate::command_line) const PROXY_PROTOCOL: Setting = setting(
    "proxy-protocol",
    "ENTRA_MCP_PROXY_PROTOCOL",
    "on|off",
    "whether every connection from a trusted proxy begins with a header of the PROXY protocol, version 1 or 2, which names \
     the client (default off)",
);
pub(in crate::command_line) const RATE_LIMIT: Setting = setting(
    "rate-limit",
    "ENTRA_MCP_RATE_LIMITS",
    "NAME=COUNT/TIME",
    "[how many requests](#how-often) there may be within a time, or off: registration, sign-in and token of one address, half of it \
     with one client; tools of one user with one client; repeatable (default registration=120/1m, sign-in=600/1m, \
     token=1200/1m, tools=60000/1m, on loopback tools=off)",
);
pub(in crate::command_line) const ALLOW_HOST: Setting = setting(
    "allow-host",
    "ENTRA_MCP_ALLOWED_HOSTS",
    "HOST[:PORT]",
    "a further name under which requests come in, such as that of a load balancer; what the server says \
     of itself names the public URL all the same; repeatable (default: none)",
);
pub(in crate::command_line) const RESPONSE_ISS: Setting = setting(
    "response-iss",
    "ENTRA_MCP_RESPONSE_ISS",
    "on|off",
    "whether authorization responses name the issuer (RFC 9207), which protects clients that talk to several \
     servers; off only for clients that lose it and then refuse the response (default on)",
);
pub(in crate::command_line) const DEVICE_AUTHORIZATION: Setting = setting(
    "device-authorization",
    "ENTRA_MCP_DEVICE_AUTHORIZATION",
    "on|off",
    "whether clients on devices without a browser may show a code that their user types elsewhere (RFC 8628); \
     users can be tricked into typing somebody else's (default off)",
);
pub(in crate::command_line) const SESSIONS_PER_USER: Setting = setting(
    "sessions-per-user",
    "ENTRA_MCP_SESSIONS_PER_USER",
    "NUMBER",
    "how many sessions a user has with all clients, 1 to 256; one more ends the one that was used longest ago \
     (default 32, with the development tenant 256)",
);
pub(in crate::command_line) const CODE_PAGE: Setting = setting(
    "code-page",
    "ENTRA_MCP_CODE_PAGE",
    "on|off",
    "whether clients may have their users copy the code of a sign-in from [a page](clients.md#a-code-to-copy), by the redirect URI \
     PUBLIC-URL/authorize/code (default off)",
);
pub(in crate::command_line) const METRICS_LISTEN: Setting = setting(
    "metrics-listen",
    "ENTRA_MCP_METRICS_LISTEN",
    "HOST:PORT",
    "where [monitoring](deploy.md#monitoring) reads counters and durations as OpenMetrics, by GET /metrics, without any sign-in; such as \
     localhost:9464 (default: nowhere)",
);
pub(in crate::command_line) const LOG: Setting = setting(
    "log",
    "ENTRA_MCP_LOG",
    "text|json",
    "how the log is written (default text)",
);
pub(in crate::command_line) const RUST_LOG: Setting = setting(
    "",
    "RUST_LOG",
    "",
    "which lines of the log are written: a level (off, error, warn, info, debug, trace), or modules with one such as \
     entra_mcp=debug, separated by commas; other crates say nothing below info (default entra_mcp=info, of other crates error)",
);
pub(in crate::command_line) const AUDIT_LOG: Setting = setting(
    "audit-log",
    "ENTRA_MCP_AUDIT_LOG",
    "FILE|-",
    "a file to which one JSON object a line is added that says [who did what](audit.md), or - for standard output; opened anew \
     after SIGHUP (default: none)",
);
pub(in crate::command_line) const KEY: Setting = setting(
    "",
    "ENTRA_MCP_KEY",
    "",
    "master keys, 32 bytes as base64 each, the first seals (default: one kept in the data folder); \
     make one with `openssl rand -base64 32`",
);
pub(in crate::command_line) const TENANT_ID: Setting = setting(
    "",
    "AZURE_TENANT_ID",
    "",
    "the directory (tenant) id, or a domain of it; `organizations` where there are [several](tenants.md)",
);
pub(in crate::command_line) const CLIENT_ID: Setting =
    setting("", "AZURE_CLIENT_ID", "", "the application (client) id");
pub(in crate::command_line) const CLIENT_SECRET: Setting = setting(
    "",
    "AZURE_CLIENT_SECRET",
    "",
    "the value of a client secret",
);
pub(in crate::command_line) const CLIENT_SECRET_EXPIRES: Setting = setting(
    "client-secret-expires",
    "ENTRA_MCP_CLIENT_SECRET_EXPIRES",
    "DATE",
    "when the client secret ends, such as 2027-05-31: the log says so from thirty days before on",
);
pub(in crate::command_line) const CLIENT_CERTIFICATE_PATH: Setting = setting(
    "",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "",
    "instead of a client secret: a PEM file with a certificate that is registered and its private key; or a PFX file, if \
     the program was built with `--features pfx`",
);
pub(in crate::command_line) const CLIENT_CERTIFICATE_PASSWORD: Setting = setting(
    "",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "",
    "what opens that file, if it is a PFX file or its private key is encrypted (`--features pfx`)",
);
pub(in crate::command_line) const FEDERATED_TOKEN_FILE: Setting = setting(
    "",
    "AZURE_FEDERATED_TOKEN_FILE",
    "",
    "instead of a client secret: a file with the token of an issuer that a federated credential of the \
     application names, as a Kubernetes cluster writes it",
);
pub(in crate::command_line) const MANAGED_IDENTITY: Setting = setting(
    "managed-identity",
    "ENTRA_MCP_MANAGED_IDENTITY",
    "CLIENT_ID",
    "instead of a client secret: the client id of a user-assigned managed identity of this machine, which a \
     federated credential of the application names",
);
pub(in crate::command_line) const AUTHORITY_HOST: Setting = setting(
    "",
    "AZURE_AUTHORITY_HOST",
    "",
    "the cloud's authority (default https://login.microsoftonline.com)",
);

/// All of them, in the order of `--help`.
pub(in crate::command_line) const SETTINGS: &[&Setting] = &[
    &LISTEN,
    &PUBLIC_URL,
    &DATA_DIR,
    &STORE,
    &STORE_CA,
    &STORE_ENTRA_AUTH,
    &STORE_PREFIX,
    &STORE_PASSWORD,
    &STORE_PASSWORD_FILE,
    &DEV_TENANT,
    &DEV_TENANT_LISTEN,
    &DEV_TENANT_FILE,
    &GRAPH,
    &BACKEND,
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
    &BACKEND_COMMAND,
    &BACKEND_ENV,
    &BACKEND_DIR,
    &BACKEND_USER,
    &BACKEND_SHARE,
    &BACKEND_PROCESSES,
    &BACKEND_PROCESSES_PER_USER,
    &BACKEND_IDLE,
    &BACKEND_RESTART,
    &BACKEND_LOG_LINES,
    &POLICY,
    &WITH_OWN_TOOLS,
    &ALLOW_ORIGIN,
    &REGISTRATION,
    &ALLOW_CLIENT,
    &CLIENT_DOCUMENTS,
    &PINNED_CLIENT,
    &CLIENTS,
    &ALLOW_USER,
    &ALLOW_GROUP,
    &ALLOW_ROLE,
    &ALLOW_DOMAIN,
    &ALLOW_TENANT,
    &ALLOW_GUESTS,
    &CONTACT,
    &ACCEPT_ENTRA_TOKENS,
    &APP_ID_URI,
    &ACCEPT_APP,
    &ACCEPT_SCOPE,
    &ACCEPT_ROLE,
    &ACCEPT_AGENTS,
    &AUTHORIZATION_SERVERS,
    &ALLOW_HOST,
    &SESSION_TOKEN_LIFETIME,
    &SESSION_IDLE,
    &SESSION_ABSOLUTE,
    &CODE_LIFETIME,
    &CONSENT_LIFETIME,
    &REFRESH_REUSE,
    &TRUSTED_PROXY,
    &PROXY_PROTOCOL,
    &RATE_LIMIT,
    &RESPONSE_ISS,
    &DEVICE_AUTHORIZATION,
    &CODE_PAGE,
    &SESSIONS_PER_USER,
    &CALL_TIMEOUT,
    &TASK_TIMEOUT,
    &INPUT_TIMEOUT,
    &PROGRESS_PER_SECOND,
    &GRAPH_ANSWER_BYTES,
    &CONNECTIONS,
    &MESSAGE_BYTES,
    &CALLS_PER_USER,
    &TASKS_PER_USER,
    &STREAMS_PER_USER,
    &SHUTDOWN_DELAY,
    &SHUTDOWN_TIMEOUT,
    &LOG,
    &RUST_LOG,
    &AUDIT_LOG,
    &METRICS_LISTEN,
    &KEY,
    &TENANT_ID,
    &CLIENT_ID,
    &CLIENT_SECRET,
    &CLIENT_SECRET_EXPIRES,
    &CLIENT_CERTIFICATE_PATH,
    &CLIENT_CERTIFICATE_PASSWORD,
    &FEDERATED_TOKEN_FILE,
    &MANAGED_IDENTITY,
    &AUTHORITY_HOST,
];

//! # Deployment
//!
//! A program with [`Server::from_env`](crate::Server::from_env) and [`run`](crate::Server::run) is deployed as `entra-mcp-smol` itself is: it
//! has all of its flags, variables and commands, and `core/docs/deploy.md` of the repository has files for proxies, systemd, containers and Kubernetes,
//! in which only the name of the program changes. Build it without the development tenant:
//!
//! ```toml
//! [dependencies]
//! entra-mcp-smol = { path = "../entra-mcp/runtime-smol", default-features = false }
//!
//! # In place of the above while you develop, and for its tests:
//! # entra-mcp-smol = { path = "../entra-mcp/runtime-smol" }
//! ```
//!
//! Of its features, `dev-tenant` and `tower` ([`into_service`](crate::Server::into_service)) are on unless you say so; `redis` lets replicas share their
//! sessions, `pfx` reads certificates from PFX files.
//!
//! What these two do to a process, because it is there for the server:
//!
//! | | |
//! | --- | --- |
//! | `from_env` | reads arguments, variables and `.env`; ends the process after `--help`, `--version` and commands such as `sessions list`; files are private (umask 077); no core file, and no other process of the user reads its memory; as many descriptors as the system allows |
//! | `run` | writes the log to standard error, unless there is a subscriber of `tracing`; a panic is a line of it; prints what to do next; SIGTERM and Ctrl-C end the server after what is under way, SIGHUP reads files anew |
//!
//! [`Server::new`](crate::Server::new) and [`start`](crate::Server::start) do none of it: [`embedding`](super::embedding) is about that. The program then calls
//! [`Stopper::stop`](crate::Stopper::stop) on its own signal, and [`Running::wait`](crate::Running::wait) returns when what was under way has ended
//! (`ENTRA_MCP_SHUTDOWN_TIMEOUT`).
//!
//! The server speaks plain HTTP, so a proxy with TLS stands in front, and users reach it at the public address. What is wrong with a setting is told at
//! the start, with the setting and what to write:
//!
//! ```
//! use entra_mcp_smol::{Config, Credential, Secret, Server};
//!
//! let config = |public_url: &str| {
//!     let secret = Credential::Secret(Secret::new("of the application".to_owned()));
//!     Config::entra("contoso.com", "6f1e5f0a-0c8f-4d1e-9a65-2b2a4b1f8e11", secret)
//!         .listen("127.0.0.1:0".parse().unwrap())
//!         .public_url(public_url)
//!         .setting("ENTRA_MCP_TRUSTED_PROXIES", "127.0.0.1")
//! };
//! let error = Server::new(config("http://mcp.contoso.com")).start().unwrap_err();
//! assert!(error.to_string().contains("ENTRA_MCP_PUBLIC_URL"), "{error}");
//!
//! let misspelled = config("https://mcp.contoso.com").setting("ENTRA_MCP_CALL_TIME", "5m");
//! let error = Server::new(misspelled).start().unwrap_err();
//! assert!(error.to_string().contains("ENTRA_MCP_CALL_TIME"), "{error}");
//! ```
//!
//! `GET /healthz` answers 200 while the process serves, `GET /readyz` while it is to be given requests. What a user who has signed in did is in the
//! log and the audit log (`ENTRA_MCP_AUDIT_LOG`), with the request id that the client was told.

//! # Inside of another program
//!
//! [`Server::new`](crate::Server::new) takes its settings from you, and [`start`](crate::Server::start) leaves the process alone: no argument and no
//! variable is read, and log, signals, panics and file modes stay the program's. [`Server::from_env`](crate::Server::from_env) and
//! [`run`](crate::Server::run) are for processes that are there for the server, and do all of that.
//!
//! ```
//! use entra_mcp_smol::{Config, Context, Server, Tool};
//!
//! let folder = std::env::temp_dir().join(format!("entra-mcp-guide-{}", std::process::id()));
//! let config = Config::dev_tenant().data_folder(&folder);
//! let ping = Tool::new("ping", "Answers");
//! let running = Server::new(config)
//!     .tool(ping, |_cx: Context| async { Ok("pong") })
//!     .start()
//!     .unwrap();
//! // It listens: the port is one that was free.
//! assert_ne!(running.addresses()[0].port(), 0);
//! running.stop();
//! running.wait().unwrap();
//! # std::fs::remove_dir_all(folder).unwrap();
//! ```
//!
//! Paths of your own are served beside the server's by [`Server::route`](crate::Server::route): a webhook, a page. A path that begins as one of the
//! server's does is an error at the start.
//!
//! ```
//! use entra_mcp_smol::{Bytes, Config, Request, Response, Server};
//!
//! let hook = |request: Request<Bytes>| async move {
//!     Response::new(Bytes::from(format!("{} bytes came", request.body().len())))
//! };
//! let running = Server::new(Config::in_memory()).route("/hooks", hook).start().unwrap();
//! running.stop();
//! running.wait().unwrap();
//! let error = Server::new(Config::in_memory()).route("/mcp", hook).start().unwrap_err();
//! assert!(error.to_string().contains("/mcp"), "{error}");
//! ```
//!
//! A program that has an HTTP server itself, such as axum, serves ours by it: [`into_service`](crate::Server::into_service) returns a service of
//! tower, and [`service`](crate::service) says what it asks of the program.
//!
//! ```
//! use entra_mcp_smol::{Bytes, Config, Request, Server};
//! use http_body_util::Full;
//! use tower_service::Service as _;
//!
//! // Where the program listens.
//! let config = Config::in_memory().listen("127.0.0.1:8080".parse().unwrap());
//! let (mut service, running) = Server::new(config).into_service().unwrap();
//! // As `Router::new().route("/", get(own_page)).fallback_service(service)` does with each request:
//! let request = Request::get("/mcp").header("host", "127.0.0.1:8080");
//! let response = service.call(request.body(Full::new(Bytes::new())).unwrap());
//! assert_eq!(smol::block_on(response).unwrap().status(), 401);
//! running.stop();
//! running.wait().unwrap();
//! ```
//!
//! Lines of the log go to the program's subscriber of `tracing`, with the target `entra_mcp`. [`Server::title`](crate::Server::title) is what users
//! read above the pages of the sign-in.
//!
//! Sessions are kept in a file of the data folder, or where a [`CustomStore`](crate::store::CustomStore) keeps them
//! ([`Config::store`](crate::Config::store)). A program that has its proof of the application from a key vault gives a function for it:
//!
//! ```
//! use entra_mcp_smol::{AssertionSource, Config, Credential, Secret};
//!
//! let assertions = AssertionSource::new(|| {
//!     // Asks the vault to sign, or another issuer for a token.
//!     Ok(Secret::new("header.claims.signature".to_owned()))
//! });
//! let credential = Credential::Assertion(assertions);
//! let config = Config::entra("contoso.com", "6f1e5f0a-0c8f-4d1e-9a65-2b2a4b1f8e11", credential);
//! # let _ = config;
//! ```

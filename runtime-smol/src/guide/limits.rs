//! # Limits
//!
//! Everything that a client can fill is bounded, and says so in words when it is full. `core/docs/settings.md` of the repository has all bounds, and which are
//! settings. What a function of yours meets:
//!
//! | what | bound |
//! | --- | --- |
//! | a call, with its questions | 10 minutes (`ENTRA_MCP_CALL_TIMEOUT`), or what [`Tool::timeout`](crate::Tool::timeout) says, if that is less |
//! | a task | 50 minutes (`ENTRA_MCP_TASK_TIMEOUT`); its result is at most 1 MiB, and there for an hour from its beginning, or less ([`Tool::task_ttl`](crate::Tool::task_ttl)) |
//! | an answer of the user, before revision 2026-07-28 | 5 minutes (`ENTRA_MCP_INPUT_TIMEOUT`); 16 questions at once |
//! | progress | any number; ten a second are sent (`ENTRA_MCP_PROGRESS_PER_SECOND`), of those between them none |
//! | an answer of Graph's | 1 MiB and 15 seconds, or what [`response_limit`](crate::GraphRequest::response_limit) and [`timeout`](crate::GraphRequest::timeout) say, up to 8 MiB (`ENTRA_MCP_GRAPH_ANSWER_BYTES`) and a minute; more is read piece by piece ([`Context::graph_stream`](crate::Context::graph_stream)), of which a call has four at once |
//! | a body that is sent to Graph | 4 MiB |
//! | a request of MCP | 4 MiB (`--message-bytes`) |
//! | calls in flight, of one user with one client | 64 (`--calls-per-user`) |
//! | tasks that run, of one user with one client | 16 (`--tasks-per-user`) |
//! | streams that are open, of one user with one client | 16 (`--streams-per-user`) |
//! | connections in all | 4,608 (`--connections`) |
//! | resources on a page of [`list_resources`](crate::Server::list_resources) | 1,000 |
//! | values of a completion | 100; of more the first are sent |
//!
//! A setting has the name of its variable (that of `--calls-per-user` is `ENTRA_MCP_CALLS_PER_USER`), also where nothing is read from the environment
//! ([`Config::setting`](crate::Config::setting)):
//!
//! ```
//! use std::time::Duration;
//!
//! use entra_mcp_smol::{Config, Context, Server, Tool, testing::SignIn};
//! use serde_json::json;
//!
//! async fn forever(_cx: Context) -> Result<(), entra_mcp_smol::CallError> {
//!     std::future::pending().await
//! }
//!
//! let config = || Config::in_memory();
//! let slow = Tool::new("slow", "Takes too long").timeout(Duration::from_secs(1));
//! let config_of_mine = config().setting("ENTRA_MCP_CALL_TIMEOUT", "5m");
//! let server = Server::new(config_of_mine.setting("ENTRA_MCP_CALLS_PER_USER", "8"));
//! let running = server.tool(slow, forever).start().unwrap();
//! let alice = SignIn::new("alice").to(&running).unwrap();
//! let said = alice.call("slow", &json!({})).unwrap();
//! assert!(said.is_error() && said.text().contains("longer than 1 s"), "{said:?}");
//!
//! let wrong = Server::new(config().setting("ENTRA_MCP_CALL_TIMEOUT", "2h"));
//! let error = wrong.start().unwrap_err().to_string();
//! assert!(error.contains("not a duration from 1s to 1h"), "{error}");
//! ```

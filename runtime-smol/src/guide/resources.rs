//! # Resources, templates and prompts
//!
//! A resource is read by its URI. A template is a family of them: `{name}` stands for a segment of a path, `{+path}` for several,
//! `{?version}` at the end for a part of the query that may be left out (RFC 6570). What clients send for these, and for the arguments of
//! a prompt, which are the fields of its function's type, is text; the fields that it is read into may be text, numbers, booleans, choices, and `Option`s of these. A field of
//! another type, or of another name, is an error at the start.
//!
//! ```
//! use entra_mcp_smol::{CallError, Config, Context, Prompt, ResourceTemplate, Server};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Page {
//!     path: String,
//!     version: Option<u32>,
//! }
//!
//! async fn page(_cx: Context, page: Page) -> Result<String, CallError> {
//!     Ok(format!("{} in version {}", page.path, page.version.unwrap_or(1)))
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Nested {
//!     page: Page,
//! }
//!
//! async fn nested(_cx: Context, _: Nested) -> Result<String, CallError> {
//!     Ok("never".to_owned())
//! }
//!
//! let handbook = ResourceTemplate::new("handbook://{+path}{?version}", "handbook");
//! assert_eq!(handbook.matches("handbook://travel/rail?version=2").unwrap()["path"], "travel/rail");
//!
//! let server = Server::new(Config::in_memory())
//!     .template(handbook.requires_role("Staff"), page)
//!     .prompt(Prompt::new("ask", "Asks about a page"), nested);
//! let error = server.start().unwrap_err().to_string();
//! assert!(error.contains("no text can become the field `page`"), "{error}");
//! ```
//!
//! A type that users are to be asked for is checked at the start by [`Server::form`](crate::Server::form).

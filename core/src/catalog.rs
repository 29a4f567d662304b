//! What the server offers: tools, resources, templates, prompts and completions, declared as data.
//!
//! Each is performed in one of two ways: by a pure step function ([`Call`] tells how), or by the
//! runtime, to which the call goes out as an action. A catalog is checked when it is built, and does
//! not change while the server runs.
//!
//! ```
//! use entra_mcp_core::catalog::{Call, Catalog, Performer, Step, Tool, ToolResult};
//!
//! fn hello(call: &Call) -> Step<ToolResult> {
//!     Step::done(format!("Hello, {}!", call.principal().oid))
//! }
//!
//! let catalog = Catalog::builder()
//!     .tool(Tool::new("hello", "Says hello"), Performer::Pure(hello))
//!     .build()
//!     .unwrap();
//! # let _ = catalog;
//! ```

mod annotations;
mod builder;
mod call;
mod check;
mod content;
mod form;
mod made;
mod offered;
mod prompt;
mod question;
mod resource;
mod result;
mod schema;
#[cfg(test)]
mod tests;
mod tool;

pub use self::{
    annotations::{Annotations, Icon, Role},
    builder::CatalogBuilder,
    call::{Abilities, Call, Change, Granted, LogLevel, Principal, Step, Wish},
    check::CatalogError,
    content::{Content, ResourceContents},
    form::{Field, Form},
    offered::{Catalog, OfferedScope, Performer},
    prompt::{Messages, Prompt, PromptArgument},
    question::{Answer, Question},
    resource::{Resource, ResourceTemplate},
    result::{Failure, Json, ToolResult},
    tool::{TaskSupport, Tool},
};
pub(crate) use self::{offered::ToolEntry, question::Ability};

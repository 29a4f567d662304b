//! What the server offers: tools, resources, templates, prompts and completions, declared as data.
//!
//! Each is performed in one of two ways: by a pure step function (see [`Call`]), or by the
//! runtime, to which the call goes out as an action. A catalog is checked when it is built, and does
//! not change while the server runs.
//!
//! ```
//! use entra_mcp_core::catalog::{Call, Catalog, Handler, Step, Tool, ToolResult};
//!
//! fn hello(call: &Call) -> Step<ToolResult> {
//!     Step::done(format!("Hello, {}!", call.principal().oid))
//! }
//!
//! let catalog = Catalog::builder()
//!     .tool(Tool::new("hello", "Says hello"), Handler::Step(hello))
//!     .build()
//!     .unwrap();
//! # let _ = catalog;
//! ```

mod annotations;
mod argument_problem;
mod audience;
mod builder;
mod cache;
mod call;
mod check;
mod client;
mod complete_result;
mod content;
mod effect;
mod elicitation_schema;
mod entries;
mod error;
mod fixture;
mod graph;
mod input_request;
mod input_response;
mod list;
mod list_caching;
mod meta;
mod names;
mod notification;
mod portable;
mod prompt;
mod read_result;
mod removing;
mod resource;
mod resource_page;
mod result;
mod schema;
pub(crate) mod scope;
mod server_meta;
#[cfg(test)]
mod tests;
mod tool;
mod uri_template;

pub(crate) use self::graph::path_text as graph_path_text;
pub use self::{
    annotations::{Annotations, Icon, Role},
    argument_problem::ArgumentProblem,
    builder::CatalogBuilder,
    cache::CacheScope,
    call::{AgentFor, Call, ClientCapabilities, Principal, PrincipalKind, Step},
    client::{Client, ClientInfo, VerifiedBy},
    complete_result::CompleteResult,
    content::{Content, ResourceContents},
    effect::{Effect, EffectResult},
    elicitation_schema::{ElicitationSchema, FieldSchema},
    entries::{Catalog, Handler, ScopeDefinition},
    error::{CatalogEntry, CatalogError, CatalogErrors, ToolSchema},
    graph::{GraphError, GraphPage, GraphRequest, GraphResponse},
    input_request::InputRequest,
    input_response::{InputResponse, InputResult},
    list::List,
    names::Names,
    notification::{ChangeNotification, LogLevel, LogNotification, ProgressNotification},
    portable::NonportableSchema,
    prompt::{Prompt, PromptArgument, PromptMessages},
    read_result::ReadResult,
    resource::{Resource, ResourceTemplate},
    resource_page::ResourcePage,
    result::{CallError, Json, ToolResult},
    schema::HeaderAnnotationError,
    tool::{TaskSupport, Tool},
};
pub(crate) use self::{
    audience::Audience,
    cache::Caching,
    check::is_tool_name,
    entries::{PromptEntry, ResourceAt, ToolEntry},
    input_request::ClientCapability,
    schema::{HeaderParam, header_params, with_integers},
    tool::TaskTimes,
};

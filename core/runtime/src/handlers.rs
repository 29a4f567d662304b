//! What a library of either runtime needs beyond the catalog of the core: functions that are offered
//! (`server_builder`), their arguments and results as types (`arguments`, `results`, `schema`), and the
//! part of a call's context that does not depend on how one waits (`call_context`, `elicit`).
//!
//! Source: MCP specification 2025-11-25, server/tools, client/elicitation; 2026-07-28, basic/patterns
//! (multi round-trip requests).

mod arguments;
mod call_context;
mod context_methods;
mod elicit;
mod functions;
mod results;
mod schema;
mod server_builder;
mod span;
mod state;
mod streams;
mod text_arguments;

pub use self::{
    arguments::CompletionRequest,
    call_context::{CallContext, Interrupted},
    elicit::{ElicitResult, elicitation_schema_of},
    functions::{Handlers, Middleware},
    results::{IntoCompletion, IntoContents, IntoMessages, IntoToolResult},
    schema::{input_schema_of, output_schema_of},
    server_builder::ServerBuilder,
    span::{CALL_TARGET, call_span, record_outcome},
    state::SharedState,
    streams::{broken_stream, too_many_streams},
};

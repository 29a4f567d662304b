//! What is offered with a function of one's own: the same at the start of a server and while it runs.

use entra_mcp_core::{
    ask::InvokeOutput,
    catalog::{Prompt, Resource, ResourcePage, ResourceTemplate, Tool},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    MakeHandler, ServerRuntime,
    handlers::{
        CallContext, CompletionRequest, IntoCompletion, IntoContents, IntoMessages, IntoToolResult,
        ServerBuilder,
    },
};

/// What is offered, for a runtime.
pub(crate) type Builder<R> = ServerBuilder<<R as ServerRuntime>::Handler>;

pub(crate) fn tool<R, A, T, F, M>(builder: Builder<R>, tool: Tool, function: F) -> Builder<R>
where
    A: DeserializeOwned + JsonSchema + 'static,
    T: IntoToolResult + 'static,
    R: MakeHandler<F, A, T, M>,
{
    let wrap = |_: &CallContext, result: T| InvokeOutput::Tool(result.into_tool_result());
    let tool = match (tool.has_output_schema(), T::output_schema()) {
        (false, Some(schema)) => tool.output_schema(schema),
        _ => tool,
    };
    let handler = R::make_handler(function, CallContext::read, wrap);
    builder.tool::<A>(tool, handler)
}

pub(crate) fn resource<R, T, F, M>(
    builder: Builder<R>,
    resource: Resource,
    function: F,
) -> Builder<R>
where
    T: IntoContents + 'static,
    R: MakeHandler<F, (), T, M>,
{
    builder.resource(resource, reader::<R, T, F, M>(function))
}

/// What reads a resource that is named by its URI.
fn reader<R, T, F, M>(function: F) -> R::Handler
where
    T: IntoContents + 'static,
    R: MakeHandler<F, (), T, M>,
{
    let wrap =
        |cx: &CallContext, result: T| InvokeOutput::Contents(result.into_contents(cx.name()));
    R::make_handler(function, |_| Ok(()), wrap)
}

pub(crate) fn list_resources<R, L, M, T, F, N>(builder: Builder<R>, list: L, read: F) -> Builder<R>
where
    T: IntoContents + 'static,
    R: MakeHandler<L, Option<String>, ResourcePage, M> + MakeHandler<F, (), T, N>,
{
    let cursor = |cx: &CallContext| Ok(CallContext::cursor(cx));
    let list = R::make_handler(list, cursor, |_, page| InvokeOutput::ResourcePage(page));
    builder.list_resources(list, reader::<R, T, F, N>(read))
}

pub(crate) fn template<R, A, T, F, M>(
    builder: Builder<R>,
    template: ResourceTemplate,
    function: F,
) -> Builder<R>
where
    A: DeserializeOwned + JsonSchema + 'static,
    T: IntoContents + 'static,
    R: MakeHandler<F, A, T, M>,
{
    let wrap =
        |cx: &CallContext, result: T| InvokeOutput::Contents(result.into_contents(cx.name()));
    let handler = R::make_handler(function, CallContext::read_texts, wrap);
    builder.template::<A>(template, handler)
}

pub(crate) fn prompt<R, A, T, F, M>(builder: Builder<R>, prompt: Prompt, function: F) -> Builder<R>
where
    A: DeserializeOwned + JsonSchema + 'static,
    T: IntoMessages + 'static,
    R: MakeHandler<F, A, T, M>,
{
    let wrap = |_: &CallContext, result: T| InvokeOutput::PromptMessages(result.into_messages());
    let handler = R::make_handler(function, CallContext::read_texts, wrap);
    builder.prompt::<A>(prompt, handler)
}

pub(crate) fn completion<R, T, F, M>(function: F) -> R::Handler
where
    T: IntoCompletion + 'static,
    R: MakeHandler<F, CompletionRequest, T, M>,
{
    let read = |cx: &CallContext| Ok(CallContext::completing(cx));
    let wrap = |_: &CallContext, found: T| InvokeOutput::Values(found.into_completion());
    R::make_handler(function, read, wrap)
}

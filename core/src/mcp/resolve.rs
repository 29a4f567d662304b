//! From `tools/call`, `prompts/get`, `resources/read` and `completion/complete` to the call that is
//! performed.
//!
//! Source: MCP specification 2025-11-25, server/tools, server/prompts, server/resources,
//! server/utilities/completion.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    find::{find_prompt, find_template, find_tool},
    invocation::{
        ClientProfile, HandlerRef, Invocation, InvocationCx, InvocationProgress, RequestMeta,
    },
    lifecycle, lists, request_state, v2026_07_28,
};
use crate::{
    admit::caller::Caller,
    ask::Target,
    catalog::{
        Catalog, CompleteResult, LogLevel, PromptArgument, ResourceAt, TaskSupport, ToolResult,
        with_integers,
    },
    json_rpc::{Error, Json, Params, Request, id_of},
    limits,
    revision::Revision,
    step::Cx,
};

/// `resources/read` of what is not there, before 2026-07-28.
pub(crate) const RESOURCE_NOT_FOUND: i32 = -32002;

/// The argument of the function that lists resources.
const CURSOR: &str = "cursor";

/// How the names in `_meta` begin that are MCP's own.
const OWN_PREFIX: &str = "io.modelcontextprotocol/";

/// A call that is about to begin.
pub(crate) struct ResolvedCall {
    handler: HandlerRef,
    target: Target,
    name: String,
    arguments: Map<String, Value>,
    timeout: Option<Duration>,
    authentication_context: Option<String>,
}

/// What a request asks to be performed; `None` if its method performs nothing.
pub(crate) fn resolve(
    request: &Request,
    revision: Revision,
    caller: &Caller,
    catalog: &Catalog,
) -> Option<Result<ResolvedCall, Rejection>> {
    let params = &request.params;
    match request.method.as_str() {
        "tools/call" => Some(tool(params, revision, caller, catalog)),
        "prompts/get" => Some(prompt(params, caller, catalog).map_err(Rejection::Error)),
        "resources/read" => Some(resource(params, caller, catalog).map_err(Rejection::Error)),
        "resources/list" => {
            list(params, caller, catalog).map(|call| call.map_err(Rejection::Error))
        }
        "completion/complete" => Some(completion(params, caller, catalog)),
        _ => None,
    }
}

/// Why a call does not begin.
pub(crate) enum Rejection {
    /// An error of the protocol.
    Error(Error),
    /// A result all the same.
    Result(Map<String, Value>),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Invokes what a request has been resolved to.
pub(crate) fn start(
    call: ResolvedCall,
    request: &Request,
    client: ClientProfile,
    time_limit: Duration,
    icx: &mut InvocationCx<'_, '_>,
) -> Result<InvocationProgress, Error> {
    let time_limit = (time_limit, call.timeout);
    let mut meta = request_meta(request, client, time_limit, icx.caller, icx.cx)?;
    meta.authentication_context = call.authentication_context;
    let named = (call.name, call.arguments);
    Ok(Invocation::start(
        call.handler,
        call.target,
        named,
        client,
        meta,
        icx,
    ))
}

fn request_meta(
    request: &Request,
    client: ClientProfile,
    (time_limit, timeout): (Duration, Option<Duration>),
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<RequestMeta, Error> {
    let params = &request.params;
    let meta = params.get("_meta");
    let token = meta.and_then(|meta| meta.get("progressToken"));
    let mut request_meta = RequestMeta {
        progress_token: token.and_then(id_of),
        level: None,
        answers: BTreeMap::new(),
        responses: Map::new(),
        time_limit: timeout.map_or(time_limit, |timeout| timeout.min(time_limit)),
        timeout,
        authentication_context: None,
        client_info: None,
        extensions: meta.map(extensions).unwrap_or_default(),
    };
    if client.revision.features().stateless {
        let info = meta.and_then(|meta| meta.get(v2026_07_28::CLIENT_INFO));
        request_meta.client_info = Some(lifecycle::client_info(info));
        let level = meta.and_then(|meta| meta.get(v2026_07_28::LOG_LEVEL));
        request_meta.level = level.and_then(Json::as_str).and_then(LogLevel::parse);
        request_meta.answers = request_state::open(request, caller, cx)?;
        let responses = params.get("inputResponses").and_then(Json::to_map);
        request_meta.responses = responses.unwrap_or_default();
    }
    Ok(request_meta)
}

/// The members of `_meta` that are not MCP's own.
fn extensions(meta: Json<'_>) -> Map<String, Value> {
    let is_own = |name: &str| name == "progressToken" || name.starts_with(OWN_PREFIX);
    let members = meta.members().into_iter().flatten();
    let others = members.filter(|(name, _)| !is_own(name));
    others
        .map(|(name, value)| (name.to_owned(), value.to_value()))
        .collect()
}

fn text<'a>(value: Option<Json<'a>>, name: &str) -> Result<&'a str, Error> {
    value.and_then(Json::as_str).ok_or_else(|| {
        let message = format!("The parameter `{name}` must be a string.");
        Error::with_message(Error::INVALID_PARAMS, message)
    })
}

/// The arguments, which may be left out.
fn arguments(params: &Params) -> Result<Map<String, Value>, Error> {
    let Some(arguments) = params.get("arguments") else {
        return Ok(Map::new());
    };
    arguments
        .to_map()
        .ok_or_else(|| Error::invalid_params("The parameter `arguments` must be an object."))
}

/// Whether a caller may know of a tool whose calls may become tasks.
pub(crate) fn has_tasks(caller: &Caller, catalog: &Catalog) -> bool {
    let mut tools = catalog.tools_for(|audience| caller.may_see(audience));
    tools.any(|entry| entry.tool.task_support() != TaskSupport::Never)
}

pub(crate) fn no_such_tool() -> Error {
    Error::invalid_params("There is no such tool.")
}

fn tool(
    params: &Params,
    revision: Revision,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<ResolvedCall, Rejection> {
    let name = text(params.get("name"), "name")?;
    let arguments = arguments(params)?;
    let Some(entry) = find_tool(name, caller, catalog) else {
        return Err(no_such_tool().into());
    };
    let given = Value::Object(arguments);
    if let Some(mismatch) = entry.input.first_error(&given) {
        let message = format!("The arguments do not fit the tool's input schema: {mismatch}");
        return Err(match revision.features().bad_arguments_are_tool_errors {
            true => Rejection::Result(ToolResult::error(message).to_json(revision)),
            false => Rejection::Error(Error::with_message(Error::INVALID_PARAMS, message)),
        });
    }
    let arguments = match given {
        Value::Object(arguments) => with_integers(arguments),
        _ => Map::new(),
    };
    Ok(ResolvedCall {
        handler: entry.handler.into(),
        target: Target::Tool(name.to_owned()),
        name: name.to_owned(),
        arguments,
        timeout: entry.tool.time_limit(),
        authentication_context: entry.tool.authentication_context().map(str::to_owned),
    })
}

fn prompt(params: &Params, caller: &Caller, catalog: &Catalog) -> Result<ResolvedCall, Error> {
    let name = text(params.get("name"), "name")?;
    let mut arguments = arguments(params)?;
    // They are texts: `null` is none.
    arguments.retain(|_, value| !value.is_null());
    let Some(entry) = find_prompt(name, caller, catalog) else {
        return Err(Error::invalid_params("There is no such prompt."));
    };
    let known = entry.prompt.arguments();
    for (argument, value) in &arguments {
        if !value.is_string() || !known.iter().any(|known| known.name() == argument) {
            return Err(Error::invalid_params(
                "The prompt has no such argument, or it is not a string.",
            ));
        }
    }
    let missing =
        |known: &&PromptArgument| known.is_required() && !arguments.contains_key(known.name());
    if let Some(missing) = known.iter().find(missing) {
        let message = format!("The prompt needs the argument `{}`.", missing.name());
        return Err(Error::with_message(Error::INVALID_PARAMS, message));
    }
    Ok(ResolvedCall {
        handler: entry.handler.into(),
        target: Target::Prompt(name.to_owned()),
        name: name.to_owned(),
        arguments,
        timeout: None,
        authentication_context: None,
    })
}

/// The list of resources, if a function has a part in this page of it.
fn list(
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Option<Result<ResolvedCall, Error>> {
    let listed = catalog.listed()?;
    let from = match lists::computed_from(params, caller, catalog) {
        Ok(from) => from?,
        Err(error) => return Some(Err(error)),
    };
    let cursor = from.map(|cursor| (CURSOR.to_owned(), Value::String(cursor)));
    Some(Ok(ResolvedCall {
        handler: listed.list.into(),
        target: Target::ListResources,
        name: "resources/list".to_owned(),
        arguments: cursor.into_iter().collect(),
        timeout: None,
        authentication_context: None,
    }))
}

fn resource(params: &Params, caller: &Caller, catalog: &Catalog) -> Result<ResolvedCall, Error> {
    let uri = text(params.get("uri"), "uri")?;
    let (handler, target, variables) =
        match catalog.resource_at(uri, |audience| caller.may_see(audience)) {
            Some(ResourceAt::Listed(_, handler)) => {
                (handler, Target::Resource(uri.to_owned()), Map::new())
            }
            Some(ResourceAt::Computed(handler)) => {
                (handler, Target::Listed(uri.to_owned()), Map::new())
            }
            Some(ResourceAt::OfTemplate(template, handler, variables)) => {
                let target = Target::Template(template.uri_template().to_owned());
                (handler, target, variables)
            }
            None => {
                let error = Error::new(RESOURCE_NOT_FOUND, "There is no such resource.");
                return Err(error.with_data(json!({"uri": truncated(uri)})));
            }
        };
    Ok(ResolvedCall {
        handler: handler.into(),
        target,
        name: uri.to_owned(),
        arguments: variables,
        timeout: None,
        authentication_context: None,
    })
}

/// As much of a URI as is echoed.
pub(super) fn truncated(uri: &str) -> String {
    uri.chars().take(limits::RESOURCE_URI_BYTES).collect()
}

fn completion(
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<ResolvedCall, Rejection> {
    let object = |name| params.get(name).filter(|parameter| parameter.is_object());
    let (reference, argument) = (object("ref"), object("argument"));
    let (Some(reference), Some(argument)) = (reference, argument) else {
        let message = "The parameters `ref` and `argument` must be objects.";
        return Err(Error::invalid_params(message).into());
    };
    let (name, value) = (
        text(argument.get("name"), "name")?,
        text(argument.get("value"), "value")?,
    );
    let context = params
        .get("context")
        .and_then(|context| context.get("arguments"));
    let arguments = context.and_then(Json::to_map);
    let mut arguments = arguments.unwrap_or_default();
    arguments.insert(name.to_owned(), json!(value));
    let (by, target, of) = match reference.get("type").and_then(Json::as_str) {
        Some("ref/prompt") => {
            let of = text(reference.get("name"), "name")?;
            let entry = find_prompt(of, caller, catalog);
            let entry = entry.ok_or_else(|| Error::invalid_params("There is no such prompt."))?;
            let known = entry
                .prompt
                .arguments()
                .iter()
                .any(|one| one.name() == name);
            let by = entry.completion.filter(|_| known);
            (
                by,
                Target::CompletePrompt(of.to_owned(), name.to_owned()),
                of,
            )
        }
        Some("ref/resource") => {
            let of = text(reference.get("uri"), "uri")?;
            let template = find_template(of, caller, catalog);
            let template =
                template.ok_or_else(|| Error::invalid_params("There is no such template."))?;
            let variables = template.variables().unwrap_or_default();
            let by = catalog
                .template_completion(of)
                .filter(|_| variables.contains(&name));
            (
                by,
                Target::CompleteTemplate(of.to_owned(), name.to_owned()),
                of,
            )
        }
        _ => {
            let message = "The member `type` of `ref` must be \"ref/prompt\" or \"ref/resource\".";
            return Err(Error::invalid_params(message).into());
        }
    };
    // Nothing to suggest is a good answer, too.
    let Some(by) = by else {
        return Err(Rejection::Result(CompleteResult::default().into_json()));
    };
    Ok(ResolvedCall {
        handler: by.into(),
        target,
        name: of.to_owned(),
        arguments,
        timeout: None,
        authentication_context: None,
    })
}

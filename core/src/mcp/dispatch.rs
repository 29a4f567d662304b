//! From the method of a request to what answers it.

mod session_methods;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    audit, find,
    forward::{self, ForwardProgress},
    invocation::{ClientProfile, Invocation, InvocationCx, InvocationEnd},
    lists,
    resolve::{self, Rejection},
    security_schemes,
    session_settings::SettingProgress,
    step_up,
    tasks::{self, TaskRequest},
    v2026_07_28,
};
use crate::{
    admit::caller::Caller,
    catalog::{Audience, Catalog, TaskSupport, TaskTimes, ToolResult},
    env::Env,
    json_rpc::{Error, Json, Request},
    planted::Planted,
    revision::Revision,
    step::Progress,
};

/// What a request leads to.
pub(super) enum Reply {
    Result(Map<String, Value>),
    Error(Error),
    Invocation(Progress<Box<Invocation>, InvocationEnd>),
    /// A setting of the MCP session is changed.
    Setting(SettingProgress),
    Task(Progress<TaskRequest, Result<Map<String, Value>, Error>>),
    /// The backend answers it.
    Forward(ForwardProgress),
}

pub(super) fn may_become_task(support: TaskSupport, client: ClientProfile) -> bool {
    client.tasks && support != TaskSupport::Never
}

/// Whether calls of the tool that a request names, and that the caller may know of, may become tasks, and what clients are told of these.
pub(super) fn task_support(
    request: &Request,
    caller: &Caller,
    catalog: &Catalog,
) -> (TaskSupport, TaskTimes) {
    let never = (TaskSupport::Never, TaskTimes::default());
    if request.method != "tools/call" {
        return never;
    }
    let name = request.params.get("name").and_then(Json::as_str);
    let entry = name.and_then(|name| find::find_tool(name, caller, catalog));
    entry.map_or(never, |entry| {
        (entry.tool.task_support(), entry.tool.task_times())
    })
}

/// The scopes that a request needs, if the caller was not granted them all (threat P1).
pub(super) fn missing_scopes(
    request: &Request,
    caller: &Caller,
    env: Env<'_>,
) -> Option<Vec<String>> {
    let needed = match env.gateway() {
        Some(_) => {
            if request.method != "tools/call" {
                return None;
            }
            let name = request.params.get("name")?.as_str()?;
            forward::needed_scopes(env.policy, name, caller)?
        }
        None => find::audience(request, caller, env.catalog)?.scopes(),
    };
    let lacks = needed.iter().any(|scope| !caller.may(scope));
    let lacks = lacks && !env.server.has(Planted::ToolScopesIgnored);
    lacks.then(|| needed.to_vec())
}

/// Answers a request, or begins to.
pub(super) fn answer(
    request: &Request,
    client: ClientProfile,
    icx: &mut InvocationCx<'_, '_>,
) -> Reply {
    let (server, revision) = (icx.cx.env.server, client.revision);
    let catalog = icx.cx.env.catalog;
    let is_gateway = icx.cx.env.gateway().is_some();
    if !is_gateway && !is_offered(&request.method, icx.caller, catalog) {
        return Reply::Error(Error::method_not_found());
    }
    if client.security_schemes
        && request.method == "tools/call"
        && let Some(needed) = missing_scopes(request, icx.caller, icx.cx.env)
    {
        audit::step_up(&needed, icx.cx);
        let result = security_schemes::step_up(&needed, icx.caller, revision, icx.cx.env);
        return Reply::Result(result);
    }
    if is_gateway {
        return forwarded(request, client, icx);
    }
    let (support, _) = task_support(request, icx.caller, catalog);
    if support == TaskSupport::Required && !client.tasks {
        return without_tasks(revision);
    }
    let client = ClientProfile {
        // What may become a task has no stream for what it sends before.
        streams: client.streams && !may_become_task(support, client),
        ..client
    };
    let time_limit = match may_become_task(support, client) {
        true => {
            icx.registration.as_task();
            server.config.call_limits.task
        }
        false => server.config.call_limits.call,
    };
    if let Some(resolved) = resolve::resolve(request, revision, icx.caller, catalog) {
        let started = match resolved {
            Ok(call) => resolve::start(call, request, client, time_limit, icx),
            Err(Rejection::Error(error)) => Err(error),
            Err(Rejection::Result(result)) => return Reply::Result(result),
        };
        return match started {
            Ok(progress) => Reply::Invocation(progress),
            Err(error) => Reply::Error(error),
        };
    }
    let params = &request.params;
    let result = match request.method.as_str() {
        "tools/list" => lists::tools(client, params, icx.caller, icx.cx.env),
        "prompts/list" => lists::prompts(revision, params, icx.caller, catalog),
        "resources/list" => lists::resources(revision, params, icx.caller, catalog),
        "resources/templates/list" => lists::templates(revision, params, icx.caller, catalog),
        "server/discover" if revision.features().stateless => {
            Ok(v2026_07_28::discover(icx.caller, catalog))
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" if revision.features().stateless => {
            match client.tasks {
                true => return Reply::Task(TaskRequest::start(request, icx.caller, icx.cx)),
                false => Err(tasks::unknown_to_client()),
            }
        }
        _ => match client.mcp_session {
            Some(mcp_session) => {
                return session_methods::reply(request, mcp_session, client, icx);
            }
            None => Err(Error::method_not_found()),
        },
    };
    match result {
        Ok(result) => Reply::Result(result),
        Err(error) => Reply::Error(error),
    }
}

/// The client does not know tasks, and the tool needs them.
fn without_tasks(revision: Revision) -> Reply {
    match revision.features().stateless {
        true => Reply::Error(tasks::unknown_to_client()),
        false => {
            let message = "This tool needs tasks, which this revision of MCP does not have.";
            Reply::Result(ToolResult::error(message).to_json(revision))
        }
    }
}

/// Has the backend answer a request; there is nothing of this server's own, but that it is there.
fn forwarded(request: &Request, client: ClientProfile, icx: &mut InvocationCx<'_, '_>) -> Reply {
    if is_call(&request.method)
        && let Some(claims) = step_up::required(None, icx.caller, icx.cx.env.now.unix)
    {
        let responses = request.params.get("inputResponses");
        let responses = responses.and_then(Json::to_map).unwrap_or_default();
        let call = client.stopped(BTreeMap::new(), &responses);
        let end = step_up::end(claims, call, icx.caller, icx.cx).into();
        return Reply::Invocation(Progress::Ready(end));
    }
    match forward::start(request, client, icx) {
        Some(progress) => Reply::Forward(progress),
        None if request.method == "ping" && client.mcp_session.is_some() => {
            Reply::Result(Map::new())
        }
        None => Reply::Error(Error::method_not_found()),
    }
}

/// Whether a method has something performed.
fn is_call(method: &str) -> bool {
    matches!(
        method,
        "tools/call" | "prompts/get" | "resources/read" | "completion/complete"
    )
}

/// Whether there is anything behind a method: a client finds out what a server has not by its error.
fn is_offered(method: &str, caller: &Caller, catalog: &Catalog) -> bool {
    let may_see = |audience: &Audience| caller.may_see(audience);
    match method {
        "prompts/list" | "prompts/get" => catalog.has_prompts(may_see),
        "resources/list" | "resources/read" | "resources/templates/list" => {
            catalog.has_resources(may_see)
        }
        "resources/subscribe" | "resources/unsubscribe" => {
            catalog.has_resources(may_see) && catalog.changes()
        }
        "completion/complete" => catalog.completes(may_see),
        "tasks/get" | "tasks/update" | "tasks/cancel" => resolve::has_tasks(caller, catalog),
        _ => true,
    }
}

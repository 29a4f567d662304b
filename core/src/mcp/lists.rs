//! The lists: tools, prompts, resources and templates, page by page.
//!
//! Source: MCP specification 2025-11-25, server/utilities/pagination.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{invocation::ClientProfile, security_schemes, v2026_07_28};
use crate::{
    admit::caller::Caller,
    catalog::Catalog,
    env::Server,
    json_rpc::{Error, Params},
    planted::Planted,
    revision::Revision,
};

/// `tools/list`, as all lists: those that the caller may call, as far as roles and groups go. Scopes are another
/// matter: a client can sign in for more (threats P1, P8).
pub(crate) fn tools(
    client: ClientProfile,
    params: &Params,
    caller: &Caller,
    server: &Server,
) -> Result<Map<String, Value>, Error> {
    let tools = server
        .catalog
        .tools_for(|audience| caller.may_see(audience));
    let tools = tools.map(|entry| {
        let mut tool = entry.tool.to_json(client.revision);
        if client.security_schemes {
            security_schemes::describe(&mut tool, entry.tool.scopes(), server);
        }
        tool
    });
    let mut result = page("tools", tools, client.revision, params, &server.catalog)?;
    if server.has(Planted::NullWritten) {
        result.entry("nextCursor").or_insert(Value::Null);
    }
    Ok(result)
}

/// `prompts/list`.
pub(crate) fn prompts(
    revision: Revision,
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Map<String, Value>, Error> {
    let prompts = catalog.prompts_for(|audience| caller.may_see(audience));
    let prompts = prompts.map(|entry| entry.prompt.to_json(revision));
    page("prompts", prompts, revision, params, catalog)
}

/// `resources/list`.
pub(crate) fn resources(
    revision: Revision,
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Map<String, Value>, Error> {
    let resources = catalog.resources_for(|audience| caller.may_see(audience));
    let resources = resources.map(|resource| resource.to_json(revision));
    page("resources", resources, revision, params, catalog)
}

/// `resources/templates/list`.
pub(crate) fn templates(
    revision: Revision,
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Map<String, Value>, Error> {
    let templates = catalog.templates_for(|audience| caller.may_see(audience));
    let templates = templates.map(|template| template.to_json(revision));
    page("resourceTemplates", templates, revision, params, catalog)
}

fn page(
    name: &str,
    entries: impl Iterator<Item = Map<String, Value>>,
    revision: Revision,
    params: &Params,
    catalog: &Catalog,
) -> Result<Map<String, Value>, Error> {
    let from = match params.get("cursor") {
        None => 0,
        Some(cursor) => cursor
            .as_str()
            .and_then(parse_cursor)
            .ok_or_else(|| Error::invalid_params("There is no such cursor."))?,
    };
    let mut entries = entries.skip(from).peekable();
    if from > 0 && entries.peek().is_none() {
        return Err(Error::invalid_params("There is no such cursor."));
    }
    let size = catalog.page_size();
    let page: Vec<_> = entries.by_ref().take(size).collect();
    let mut result = Map::new();
    result.insert(name.to_owned(), json!(page));
    if entries.peek().is_some() {
        result.insert("nextCursor".to_owned(), json!(cursor(from + size)));
    }
    if revision.features().stateless {
        v2026_07_28::cacheable(&mut result, catalog.lists_cached_for());
    }
    Ok(result)
}

/// The place where the next page begins: what is offered does not change while the server runs.
fn cursor(from: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("from {from}"))
}

fn parse_cursor(cursor: &str) -> Option<usize> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = std::str::from_utf8(&text).ok()?;
    text.strip_prefix("from ")?.parse().ok()
}

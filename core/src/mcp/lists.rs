//! The lists: tools, prompts, resources and templates, page by page.
//!
//! Source: MCP specification 2025-11-25, server/utilities/pagination.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{invocation::ClientProfile, security_schemes, v2026_07_28};
use crate::{
    admit::caller::Caller,
    catalog::{Audience, Caching, Catalog, List, ResourcePage},
    env::Env,
    json_rpc::{Error, Params},
    limits,
    planted::Planted,
    revision::Revision,
};

/// `tools/list`, as all lists: those that the caller may call, as far as roles and groups go. Scopes are another
/// matter: a client can sign in for more (threats P1, P8).
pub(crate) fn tools(
    client: ClientProfile,
    params: &Params,
    caller: &Caller,
    env: Env<'_>,
) -> Result<Map<String, Value>, Error> {
    let (server, catalog) = (env.server, env.catalog);
    let tools = catalog.tools_for(|audience| caller.may_see(audience));
    let tools = tools.map(|entry| {
        let mut tool = entry.tool.to_json(client.revision);
        if client.security_schemes {
            security_schemes::describe(&mut tool, entry.tool.scopes(), server);
        }
        tool
    });
    let caching = catalog.list_caching(
        catalog
            .tools_for(|_| true)
            .map(|entry| entry.tool.audience()),
    );
    // What is said of scopes is for this client.
    let caching = match client.security_schemes {
        true => caching.private(),
        false => caching,
    };
    let mut result = page(
        List::Tools,
        tools,
        client.revision,
        params,
        (catalog, caching),
    )?;
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
    let audiences = catalog
        .prompts_for(|_| true)
        .map(|entry| entry.prompt.audience());
    let caching = catalog.list_caching(audiences);
    page(List::Prompts, prompts, revision, params, (catalog, caching))
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
    let caching = catalog.list_caching(catalog.resource_audiences());
    page(
        List::Resources,
        resources,
        revision,
        params,
        (catalog, caching),
    )
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
    let caching = catalog.list_caching(catalog.resource_audiences());
    page(
        List::ResourceTemplates,
        templates,
        revision,
        params,
        (catalog, caching),
    )
}

/// What a page of `resources/list` has of the function that lists resources for who calls: from this cursor on, or from its beginning.
/// `None` if it has nothing of it.
pub(crate) fn computed_from(
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Option<Option<String>>, Error> {
    let from = match parse_place(params)? {
        Place::From(from) => from,
        Place::Then(cursor) => return Ok(Some(Some(cursor))),
    };
    let rest = catalog.resources_for(|audience| caller.may_see(audience));
    let is_last = rest.skip(from).count() <= catalog.page_size();
    Ok(is_last.then_some(None))
}

/// A page of `resources/list` with what a function has listed: on the last page of what everybody is offered, and on those after it.
pub(crate) fn with_computed(
    computed: &ResourcePage,
    revision: Revision,
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Map<String, Value>, Error> {
    let may_see = |audience: &Audience| caller.may_see(audience);
    let from = match parse_place(params)? {
        Place::From(from) => from,
        Place::Then(_) => usize::MAX,
    };
    let offered = catalog.resources_for(may_see).skip(from);
    let listed = computed.resources().iter();
    let listed = listed.filter(|resource| may_see(resource.audience()));
    let entries: Vec<_> = offered
        .chain(listed)
        .map(|resource| resource.to_json(revision))
        .collect();
    let mut result = Map::from_iter([("resources".to_owned(), json!(entries))]);
    catalog.put_list_meta(List::Resources, &mut result);
    computed.put_meta(&mut result);
    if let Some(next) = computed.cursor() {
        let next = URL_SAFE_NO_PAD.encode(format!("then {next}"));
        result.insert("nextCursor".to_owned(), json!(next));
    }
    if revision.features().stateless {
        let caching = catalog.list_caching(std::iter::empty()).private();
        v2026_07_28::cacheable(&mut result, caching);
    }
    Ok(result)
}

fn page(
    list: List,
    entries: impl Iterator<Item = Map<String, Value>>,
    revision: Revision,
    params: &Params,
    (catalog, caching): (&Catalog, Caching),
) -> Result<Map<String, Value>, Error> {
    let Place::From(from) = parse_place(params)? else {
        return Err(no_such_cursor());
    };
    let mut entries = entries.skip(from).peekable();
    if from > 0 && entries.peek().is_none() {
        return Err(no_such_cursor());
    }
    let size = catalog.page_size();
    let page: Vec<_> = entries.by_ref().take(size).collect();
    let mut result = Map::new();
    result.insert(list.member().to_owned(), json!(page));
    catalog.put_list_meta(list, &mut result);
    if entries.peek().is_some() {
        result.insert("nextCursor".to_owned(), json!(cursor(from + size)));
    }
    if revision.features().stateless {
        v2026_07_28::cacheable(&mut result, caching);
    }
    Ok(result)
}

/// The place where the next page begins. If something is added or removed before it, an entry may come twice, or not: clients that
/// listen for changes of the list are told, and ask anew.
fn cursor(from: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("from {from}"))
}

/// Where a page begins.
enum Place {
    /// At this entry of what is offered.
    From(usize),
    /// After that, at this cursor of a function.
    Then(String),
}

fn parse_place(params: &Params) -> Result<Place, Error> {
    match params.get("cursor") {
        None => Ok(Place::From(0)),
        Some(cursor) => {
            let place = cursor.as_str().and_then(parse_cursor);
            place.ok_or_else(no_such_cursor)
        }
    }
}

fn parse_cursor(cursor: &str) -> Option<Place> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = std::str::from_utf8(&text).ok()?;
    match text.strip_prefix("then ") {
        Some(cursor) if cursor.len() > limits::LIST_CURSOR_BYTES => None,
        Some(cursor) => Some(Place::Then(cursor.to_owned())),
        None => text.strip_prefix("from ")?.parse().ok().map(Place::From),
    }
}

fn no_such_cursor() -> Error {
    Error::invalid_params("There is no such cursor.")
}

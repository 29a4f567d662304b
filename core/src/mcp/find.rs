//! What a request names, if its caller may know of it.

use crate::{
    admit::caller::Caller,
    catalog::{Audience, Catalog, PromptEntry, ResourceTemplate, ToolEntry},
    json_rpc::{Json, Request},
};

/// The tool that a caller means, if they may know of it: for who lacks role and group it is not there
/// (threat P1).
pub(crate) fn find_tool<'a>(
    name: &str,
    caller: &Caller,
    catalog: &'a Catalog,
) -> Option<&'a ToolEntry> {
    // By its name first: who may know of the others is nobody's question.
    let entry = catalog
        .tools_for(|_| true)
        .find(|entry| entry.tool.name() == name);
    entry.filter(|entry| caller.may_see(entry.tool.audience()))
}

/// The prompt that a caller means, if they may know of it.
pub(crate) fn find_prompt<'a>(
    name: &str,
    caller: &Caller,
    catalog: &'a Catalog,
) -> Option<&'a PromptEntry> {
    let mut prompts = catalog.prompts_for(|audience| caller.may_see(audience));
    prompts.find(|entry| entry.prompt.name() == name)
}

/// The template that a caller means, if they may know of it.
pub(crate) fn find_template<'a>(
    uri_template: &str,
    caller: &Caller,
    catalog: &'a Catalog,
) -> Option<&'a ResourceTemplate> {
    let mut templates = catalog.templates_for(|audience| caller.may_see(audience));
    templates.find(|template| template.uri_template() == uri_template)
}

/// For whom that is which a request names, if it names something that the caller may know of.
pub(crate) fn audience<'a>(
    request: &Request,
    caller: &Caller,
    catalog: &'a Catalog,
) -> Option<&'a Audience> {
    let named = |member: &str| request.params.get(member).and_then(Json::as_str);
    match request.method.as_str() {
        "tools/call" => Some(find_tool(named("name")?, caller, catalog)?.tool.audience()),
        "prompts/get" => Some(
            find_prompt(named("name")?, caller, catalog)?
                .prompt
                .audience(),
        ),
        "resources/read" | "resources/subscribe" => {
            let found = catalog.resource_at(named("uri")?, |audience| caller.may_see(audience));
            Some(found?.audience())
        }
        "completion/complete" => {
            let reference = request.params.get("ref")?;
            let named = |member: &str| reference.get(member).and_then(Json::as_str);
            match named("type")? {
                "ref/prompt" => Some(
                    find_prompt(named("name")?, caller, catalog)?
                        .prompt
                        .audience(),
                ),
                _ => Some(find_template(named("uri")?, caller, catalog)?.audience()),
            }
        }
        _ => None,
    }
}

//! What is checked of the entries of a catalog.

use serde_json::Value;

use super::{
    CacheScope, CatalogEntry, CatalogError, Icon, ScopeDefinition, Tool, ToolSchema,
    audience::{Audience, EVERYBODY},
    cache::Caching,
    portable,
    schema::Schema,
};
use crate::{catalog::scope::OIDC_SCOPES, claims_challenge, limits};

/// Everything that is wrong with a tool by itself.
pub(super) fn tool(tool: &Tool, errors: &mut Vec<CatalogError>) {
    let name = || tool.name().to_owned();
    if !is_tool_name(tool.name()) {
        errors.push(CatalogError::InvalidToolName { name: name() });
    }
    icons(tool.icons(), || CatalogEntry::Tool(name()), errors);
    if let Some(id) = tool.authentication_context()
        && !claims_challenge::is_context(id)
    {
        errors.push(CatalogError::InvalidAuthenticationContext {
            tool: name(),
            id: id.to_owned(),
        });
    }
    if tool.input().get("type").and_then(Value::as_str) != Some("object") {
        errors.push(CatalogError::InputNotObject { tool: name() });
    }
    for (which, schema) in [
        (ToolSchema::Input, Some(tool.input())),
        (ToolSchema::Output, tool.output()),
    ] {
        if let Some(Err(message)) = schema.map(Schema::compile) {
            errors.push(CatalogError::InvalidSchema {
                tool: name(),
                schema: which,
                message,
            });
        }
    }
    if !tool.allows_nonportable_schemas() {
        let mut nonportable = |schema, problem| {
            errors.push(CatalogError::NonportableSchema {
                tool: name(),
                schema,
                problem,
            });
        };
        portable::input(tool.input(), &mut |problem| {
            nonportable(ToolSchema::Input, problem);
        });
        if let Some(schema) = tool.output() {
            portable::output(schema, &mut |problem| {
                nonportable(ToolSchema::Output, problem);
            });
        }
    }
}

/// What a shared cache would give to users for whom it is not.
pub(super) fn caching(
    caching: Caching,
    audience: &Audience,
    entry: impl Fn() -> CatalogEntry,
    errors: &mut Vec<CatalogError>,
) {
    if caching.scope == CacheScope::Public && *audience != EVERYBODY {
        errors.push(CatalogError::PublicForSome { entry: entry() });
    }
}

/// Everything that is wrong with a scope that is offered beside others.
pub(super) fn scope(
    scope: &ScopeDefinition,
    others: &[ScopeDefinition],
    errors: &mut Vec<CatalogError>,
) {
    scope_name(scope, others, errors);
    if !is_permission(&scope.permission) {
        errors.push(CatalogError::InvalidPermission {
            scope: scope.name.clone(),
            permission: scope.permission.clone(),
        });
    }
}

/// What is wrong with its name.
pub(super) fn scope_name(
    scope: &ScopeDefinition,
    others: &[ScopeDefinition],
    errors: &mut Vec<CatalogError>,
) {
    let name = &scope.name;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    if name.is_empty() || !name.bytes().all(is_name) {
        errors.push(CatalogError::InvalidScopeName { name: name.clone() });
    }
    if OIDC_SCOPES.contains(&name.as_str()) {
        errors.push(CatalogError::ReservedScopeName { name: name.clone() });
    }
    if name == "user.read" || others.iter().any(|other| other.name == *name) {
        errors.push(CatalogError::DuplicateScope { name: name.clone() });
    }
    let all = others.iter().chain([scope]);
    if all.map(|scope| scope.name.len()).sum::<usize>() > limits::OFFERED_SCOPES_BYTES {
        errors.push(CatalogError::ScopeNamesTooLong);
    }
}

/// A permission of Microsoft Graph's, or of the resource whose App ID URI stands before it.
fn is_permission(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_uri = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    // Graph's has no resource: which Graph it is, the settings say.
    let is_resource = |resource: &str| {
        resource.contains("://")
            && resource != "https://graph.microsoft.com"
            && resource.bytes().all(is_uri)
    };
    let name = match text.rsplit_once('/') {
        Some((resource, name)) if is_resource(resource) => name,
        Some(_) => return false,
        None => text,
    };
    !name.is_empty() && name.bytes().all(is_name) && text.len() <= limits::SCOPE_BYTES
}

/// MCP 2025-11-25, server/tools, tool names.
pub(crate) fn is_tool_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

/// Icons are fetched by clients: from the web by https, or from the icon itself.
pub(super) fn icons(
    icons: &[Icon],
    entry: impl Fn() -> CatalogEntry,
    errors: &mut Vec<CatalogError>,
) {
    for icon in icons {
        if !icon.src().starts_with("https://") && !icon.src().starts_with("data:image/") {
            errors.push(CatalogError::InvalidIcon {
                entry: entry(),
                src: icon.src().to_owned(),
            });
        }
    }
}

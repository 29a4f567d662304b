//! What can be wrong with a catalog, told at the start in words that say what to change.

use serde_json::Value;

use super::{Icon, ScopeDefinition, Tool, portable, schema::Schema};
use crate::{catalog::scope::OIDC_SCOPES, limits};

/// What is wrong with a catalog, in words that say what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError(String);

impl CatalogError {
    pub(super) fn new(words: String) -> Self {
        Self(words)
    }
}

impl std::fmt::Display for CatalogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

/// Everything that is wrong with a tool by itself.
pub(super) fn tool(tool: &Tool, wrong: &mut impl FnMut(String)) {
    if !is_tool_name(tool.name()) {
        let words = "a name is 1 to 128 letters, digits, dots, hyphens and underscores";
        wrong(words.to_owned());
    }
    icons(tool.icons(), wrong);
    if tool.input().get("type").and_then(Value::as_str) != Some("object") {
        wrong("its input schema must be of `\"type\": \"object\"`".to_owned());
    }
    for (which, schema) in [("input", Some(tool.input())), ("output", tool.output())] {
        if let Some(Err(words)) = schema.map(Schema::compile) {
            wrong(format!("its {which} schema is not valid: {words}"));
        }
    }
    if !tool.allows_nonportable_schemas() {
        portable::input(tool.input(), &mut |words| {
            wrong(format!("its input schema: {words}"))
        });
        if let Some(schema) = tool.output() {
            portable::output(schema, &mut |words| {
                wrong(format!("its output schema: {words}"))
            });
        }
    }
}

/// Everything that is wrong with a scope that is offered beside others.
pub(super) fn scope(
    scope: &ScopeDefinition,
    others: &[ScopeDefinition],
    wrong: &mut impl FnMut(String),
) {
    let ScopeDefinition { name, graph, .. } = scope;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    if name.is_empty() || !name.bytes().all(is_name) {
        let words = "is no name for a scope: use lower case letters, digits and dots";
        wrong(format!("`{name}` {words}."));
    }
    if OIDC_SCOPES.contains(&name.as_str()) {
        let words = "is a scope of OpenID Connect, which clients ask for out of habit";
        wrong(format!("`{name}` {words}: use another name."));
    }
    let is_permission = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if graph.is_empty() || !graph.bytes().all(is_permission) {
        let words = "stands for no permission of Microsoft Graph, such as `Mail.Read`";
        wrong(format!("The scope `{name}` {words}: `{graph}`."));
    }
    if name == "user.read" || others.iter().any(|other| other.name == *name) {
        wrong(format!("Two scopes are called `{name}`."));
    }
    let all = others.iter().chain([scope]);
    if all.map(|scope| scope.name.len()).sum::<usize>() > limits::OFFERED_SCOPES_BYTES {
        let most = limits::OFFERED_SCOPES_BYTES;
        let words = "The names of the scopes are too long together";
        wrong(format!("{words}: {most} bytes at most."));
    }
}

/// MCP 2025-11-25, server/tools, tool names.
fn is_tool_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

/// Icons are fetched by clients: from the web by https, or from the icon itself.
pub(super) fn icons(icons: &[Icon], wrong: &mut impl FnMut(String)) {
    for icon in icons {
        if !icon.src().starts_with("https://") && !icon.src().starts_with("data:image/") {
            wrong("the address of an icon begins with https: or data:image/".to_owned());
        }
    }
}

//! What can be wrong with a catalog, told at the start in words that say what to change.

use serde_json::Value;

use super::{Icon, Tool, schema::Schema};

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

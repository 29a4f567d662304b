//! The headers `Mcp-Param-...` of a call (2026-07-28), which repeat arguments as the schema of the tool says with `x-mcp-header`: those of a
//! client are held against the body, and those for a backend are written from it. None is copied (threat R2).
//!
//! Source: MCP specification 2026-07-28, basic/transports (`x-mcp-header`).

use serde_json::Value;

use crate::{
    catalog::{HeaderParam, header_params},
    gateway::RawMessage,
    json_rpc::Error,
    limits,
    mcp::v2026_07_28::{differing_param, repeats},
};

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct HeaderParams {
    /// Those that the client has sent.
    pub(super) sent: Vec<(String, String)>,
    pub(super) known: Known,
}

/// Those for the backend.
#[derive(Debug, Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    /// As the tool wanted them when it was looked at for an earlier call.
    Kept(Vec<(String, String)>),
    /// The tool was looked at.
    LookedUp(Vec<(String, String)>),
}

impl HeaderParams {
    pub(super) fn for_backend(&self) -> &[(String, String)] {
        match &self.known {
            Known::Nothing => &[],
            Known::Kept(headers) | Known::LookedUp(headers) => headers,
        }
    }
}

/// What a tool, an element of a list, wants repeated; nothing, if it does not say so in one way.
pub(super) fn of_tool(element: &str) -> Vec<HeaderParam> {
    let tool: Value = serde_json::from_str(element).unwrap_or_default();
    let schema = tool.get("inputSchema");
    let declared = schema.and_then(|schema| header_params(schema).ok());
    declared.unwrap_or_default()
}

/// The headers for the backend.
///
/// # Errors
///
/// What the client has sent is not what the body says.
pub(super) fn checked(
    declared: &[HeaderParam],
    sent: &[(String, String)],
    call: &RawMessage,
) -> Result<Vec<(String, String)>, Error> {
    let mut written = Vec::new();
    for param in declared {
        let path: Vec<&str> = ["arguments"]
            .into_iter()
            .chain(param.path.iter().map(String::as_str))
            .collect();
        let value: Option<Value> = call
            .param_at(&path)
            .and_then(|value| serde_json::from_str(value).ok());
        let mut of_param = sent.iter().filter(|(name, _)| *name == param.header);
        let header = of_param.next().map(|(_, value)| value.as_str());
        let is_once = of_param.next().is_none();
        let is_checked = !sent.is_empty();
        if is_checked && !(is_once && repeats(header, value.as_ref())) {
            return Err(differing_param());
        }
        let text = match value {
            Some(Value::String(text)) => text,
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            _ => continue,
        };
        // More than that no server takes in a head.
        if text.len() <= limits::HEADER_PARAM_BYTES && written.len() < limits::HEADER_PARAMS {
            written.push((param.header.clone(), text));
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: &str = r#"{"name":"query","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}}}}}"#;

    fn call(arguments: &str) -> RawMessage {
        let params = format!(r#"{{"name":"query","arguments":{arguments}}}"#);
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        RawMessage::read(&text).unwrap()
    }

    fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        let headers = headers.iter();
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        headers.map(pair).collect()
    }

    // R2
    #[test]
    fn headers_are_those_of_the_body_and_others_are_refused() {
        let declared = of_tool(TOOL);
        let call = call(r#"{"region":"caf\u00e9","deep":{"n":5}}"#);
        let right = pairs(&[
            ("mcp-param-n", "5"),
            ("mcp-param-region", "=?base64?Y2Fmw6k=?="),
            ("mcp-param-other", "x"),
        ]);
        let written = pairs(&[("mcp-param-n", "5"), ("mcp-param-region", "caf\u{e9}")]);
        let sorted = |mut pairs: Vec<(String, String)>| {
            pairs.sort();
            pairs
        };
        for sent in [&right[..], &[]] {
            let checked = checked(&declared, sent, &call).unwrap();
            assert_eq!(sorted(checked), written);
        }
        for wrong in [
            &[("mcp-param-n", "5")][..],
            &[
                ("mcp-param-n", "6"),
                ("mcp-param-region", "=?base64?Y2Fmw6k=?="),
            ],
            &[("mcp-param-n", "5"), ("mcp-param-region", "us")],
            &[
                ("mcp-param-n", "5"),
                ("mcp-param-n", "5"),
                ("mcp-param-region", "=?base64?Y2Fmw6k=?="),
            ],
        ] {
            assert!(
                checked(&declared, &pairs(wrong), &call).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn argument_that_is_not_given_or_too_long_has_no_header() {
        let declared = of_tool(TOOL);
        let none = call(r#"{"region":null,"deep":{"n":[1]}}"#);
        assert!(checked(&declared, &[], &none).unwrap().is_empty());
        let long = "a".repeat(limits::HEADER_PARAM_BYTES + 1);
        let long = call(&format!(r#"{{"region":"{long}"}}"#));
        assert!(checked(&declared, &[], &long).unwrap().is_empty());
        let odd = TOOL.replace("integer", "number");
        assert!(of_tool(&odd).is_empty() && of_tool("{}").is_empty());
    }
}

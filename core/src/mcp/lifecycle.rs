//! `initialize`: client and server agree on a revision and tell each other what they can do.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle.

use serde_json::{Map, Value, json};

use super::{Revision, json_rpc::Error};

/// What the model is told of this server.
const INSTRUCTIONS: &str = "The tools of this server act as the signed-in Microsoft Entra ID user.";

/// What this server is, in the words that a revision has for it.
pub(crate) fn server_info(revision: Revision) -> Value {
    let mut info = Map::new();
    info.insert("name".to_owned(), json!("entra-mcp"));
    if revision.features().titles {
        info.insert("title".to_owned(), json!("entra-mcp"));
    }
    info.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    Value::Object(info)
}

/// What this server can do: tools, whose list does not change.
pub(crate) fn capabilities() -> Value {
    json!({"tools": {}})
}

/// What the model is told of this server.
pub(crate) fn instructions() -> Value {
    json!(INSTRUCTIONS)
}

/// Answers `initialize`: the revision agreed on, and the result.
pub(crate) fn initialize(params: &Map<String, Value>) -> Result<(Revision, Value), Error> {
    let requested = params.get("protocolVersion").and_then(Value::as_str);
    let Some(requested) = requested else {
        return Err(Error::invalid_params(
            "The parameter `protocolVersion` must be a string.",
        ));
    };
    for name in ["capabilities", "clientInfo"] {
        if !params.get(name).is_some_and(Value::is_object) {
            return Err(Error::invalid_params(
                "The parameters `capabilities` and `clientInfo` must be objects.",
            ));
        }
    }
    let revision = Revision::negotiate(requested);
    let result = json!({
        "protocolVersion": revision.name(),
        "capabilities": capabilities(),
        "serverInfo": server_info(revision),
        "instructions": instructions(),
    });
    Ok((revision, result))
}

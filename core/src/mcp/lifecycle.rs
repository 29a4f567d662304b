//! `initialize`: client and server agree on a revision and tell each other what they can do.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle.

use serde_json::{Map, Value, json};

use crate::{
    admit::caller::Caller,
    catalog::{Audience, Catalog, ClientCapabilities, ClientInfo},
    json_rpc::{Error, Json, Params},
    revision::Revision,
};

/// What this server is, in the members that a revision has for it.
fn server_info(revision: Revision, catalog: &Catalog) -> Value {
    let mut info = catalog.server_info().value.clone();
    let features = revision.features();
    let since = [
        ("title", features.titles),
        ("icons", features.icons),
        ("websiteUrl", features.icons),
    ];
    if let Value::Object(members) = &mut info {
        for (member, _) in since.iter().filter(|(_, is_known)| !is_known) {
            members.remove(*member);
        }
    }
    info
}

/// What this server can do, which follows from what it offers to who asks: what is hidden from them shows nowhere that it is
/// there (threat P8). Lists that are to be filled later are announced by whoever fills them.
pub(crate) fn capabilities(revision: Revision, caller: &Caller, catalog: &Catalog) -> Value {
    let may_see = |audience: &Audience| caller.may_see(audience);
    let mut capabilities = Map::new();
    let mut can = |name: &str, settings: Value| capabilities.insert(name.to_owned(), settings);
    let changes = match catalog.changes() {
        true => json!({"listChanged": true}),
        false => json!({}),
    };
    // Lists that are not offered are not announced, but for tools: every client asks for them.
    can("tools", changes.clone());
    if catalog.has_prompts(may_see) {
        can("prompts", changes);
    }
    if catalog.has_resources(may_see) {
        can(
            "resources",
            match catalog.changes() {
                true => json!({"listChanged": true, "subscribe": true}),
                false => json!({}),
            },
        );
    }
    if catalog.completes(may_see) && revision.features().annotations {
        can("completions", json!({}));
    }
    can("logging", json!({}));
    Value::Object(capabilities)
}

/// Answers `initialize`: the revision agreed on, what the client can be asked, and the result.
pub(crate) fn initialize(
    params: &Params,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<(Revision, ClientCapabilities, Map<String, Value>), Error> {
    let requested = params.get("protocolVersion").and_then(Json::as_str);
    let Some(requested) = requested else {
        return Err(Error::invalid_params(
            "The parameter `protocolVersion` must be a string.",
        ));
    };
    for name in ["capabilities", "clientInfo"] {
        if !params.get(name).is_some_and(Json::is_object) {
            return Err(Error::invalid_params(
                "The parameters `capabilities` and `clientInfo` must be objects.",
            ));
        }
    }
    let revision = Revision::negotiate(requested);
    let mut result = Map::from_iter([
        ("protocolVersion".to_owned(), json!(revision.name())),
        (
            "capabilities".to_owned(),
            capabilities(revision, caller, catalog),
        ),
        ("serverInfo".to_owned(), server_info(revision, catalog)),
    ]);
    if let Some(instructions) = catalog.instructions() {
        result.insert("instructions".to_owned(), json!(instructions));
    }
    catalog.put_meta(&mut result);
    let capabilities = params.get("capabilities");
    Ok((
        revision,
        client_capabilities(revision, capabilities),
        result,
    ))
}

/// Which program a client says that it is, in `clientInfo`.
pub(crate) fn client_info(info: Option<Json<'_>>) -> ClientInfo {
    let member = |name| info?.get(name).and_then(Json::as_str);
    ClientInfo::new(member("name"), member("version"))
}

/// What a client can be asked, as far as its revision has it.
pub(crate) fn client_capabilities(
    revision: Revision,
    capabilities: Option<Json<'_>>,
) -> ClientCapabilities {
    let features = revision.features();
    let object = |name| capabilities?.get(name).filter(|member| member.is_object());
    let elicitation = object("elicitation");
    let mode = |mode: &str| elicitation.is_some_and(|modes| modes.get(mode).is_some());
    ClientCapabilities {
        // Who names no mode means forms.
        elicitation_form: features.elicitation
            && elicitation.is_some()
            && (mode("form") || !mode("url")),
        elicitation_url: features.url_elicitation && mode("url"),
        sampling: object("sampling").is_some(),
        roots: object("roots").is_some(),
    }
}

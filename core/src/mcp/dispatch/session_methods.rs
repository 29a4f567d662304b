//! The methods that the revisions with sessions have: `ping`, `logging/setLevel`, `resources/subscribe` and
//! `resources/unsubscribe`.

use serde_json::{Map, json};

use super::Reply;
use crate::{
    catalog::{Audience, LogLevel},
    hub::SettingChange,
    id::{McpSessionId, ResourceId},
    json_rpc::{Error, Json, Request},
    limits,
    mcp::{
        invocation::{ClientProfile, InvocationCx},
        resolve,
        session_settings::ChangingSetting,
    },
};

/// Answers a method that only the revisions with sessions have.
pub(super) fn reply(
    request: &Request,
    mcp_session: McpSessionId,
    client: ClientProfile,
    icx: &mut InvocationCx<'_, '_>,
) -> Reply {
    let change = match request.method.as_str() {
        "ping" => return Reply::Result(Map::new()),
        "initialize" => {
            return Reply::Error(Error::invalid_request(
                "The method `initialize` comes alone and first.",
            ));
        }
        "logging/setLevel" => level(request),
        "resources/subscribe" => resource(request, icx).map(SettingChange::Subscribe),
        "resources/unsubscribe" => uri(request)
            .map(ResourceId::of)
            .map(SettingChange::Unsubscribe),
        _ => Err(Error::method_not_found()),
    };
    match change {
        Ok(change) => {
            let (caller, cx) = (icx.caller, &mut *icx.cx);
            let progress = ChangingSetting::start(change, mcp_session, client, caller, cx);
            Reply::Setting(progress)
        }
        Err(error) => Reply::Error(error),
    }
}

fn level(request: &Request) -> Result<SettingChange, Error> {
    let level = request.params.get("level").and_then(Json::as_str);
    let level = level.and_then(LogLevel::parse).ok_or_else(|| {
        Error::invalid_params(
            "The parameter `level` must be a level of RFC 5424, such as \"info\".",
        )
    })?;
    Ok(SettingChange::Level(level))
}

fn uri(request: &Request) -> Result<&str, Error> {
    let uri = request.params.get("uri").and_then(Json::as_str);
    let fits = |uri: &&str| uri.len() <= limits::RESOURCE_URI_BYTES;
    uri.filter(fits).ok_or_else(|| {
        Error::invalid_params("The parameter `uri` must be a string of at most 4096 bytes.")
    })
}

/// The resource that a request names, if it is there for the caller.
fn resource(request: &Request, icx: &InvocationCx<'_, '_>) -> Result<ResourceId, Error> {
    let uri = uri(request)?;
    let may_see = |audience: &Audience| icx.caller.may_see(audience);
    match icx.cx.env.catalog.resource_at(uri, may_see) {
        Some(_) => Ok(ResourceId::of(uri)),
        None => {
            let error = Error::new(resolve::RESOURCE_NOT_FOUND, "There is no such resource.");
            Err(error.with_data(json!({"uri": uri})))
        }
    }
}

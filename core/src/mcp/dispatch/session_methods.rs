//! The methods that the revisions with sessions have: `ping`, `logging/setLevel`, `resources/subscribe` and
//! `resources/unsubscribe`.

use serde_json::{Map, json};

use super::Reply;
use crate::{
    catalog::{Audience, LogLevel},
    hub::{SettingsFull, TableFull, ToHub, ToHubKind},
    id::McpSessionId,
    json_rpc::{Error, Json, Request},
    limits,
    mcp::{invocation::InvocationCx, resolve},
};

/// Answers a method that only the revisions with sessions have.
pub(super) fn reply(
    method: &str,
    request: &Request,
    mcp_session: McpSessionId,
    icx: &mut InvocationCx<'_, '_>,
) -> Reply {
    let principal = icx.caller.principal_id;
    match method {
        "ping" => Reply::Result(Map::new()),
        "initialize" => Reply::Error(Error::invalid_request(
            "The method `initialize` comes alone and first.",
        )),
        "logging/setLevel" => {
            let level = request.params.get("level").and_then(Json::as_str);
            let Some(level) = level.and_then(LogLevel::parse) else {
                let message =
                    "The parameter `level` must be a level of RFC 5424, such as \"info\".";
                return Reply::Error(Error::invalid_params(message));
            };
            Reply::StoringSetting(icx.cx.ask_hub(|ticket| ToHubKind::SetLogLevel {
                ticket,
                principal,
                mcp_session,
                level,
            }))
        }
        "resources/subscribe" | "resources/unsubscribe" => {
            let uri = request.params.get("uri").and_then(Json::as_str);
            let fits = |uri: &&str| uri.len() <= limits::RESOURCE_URI_BYTES;
            let Some(uri) = uri.filter(fits).map(str::to_owned) else {
                let message = "The parameter `uri` must be a string of at most 4096 bytes.";
                return Reply::Error(Error::invalid_params(message));
            };
            if method == "resources/unsubscribe" {
                icx.cx.to_hub(ToHub(ToHubKind::Unsubscribe {
                    principal,
                    mcp_session,
                    uri,
                }));
                return Reply::Result(Map::new());
            }
            let may_see = |audience: &Audience| icx.caller.may_see(audience);
            let catalog = icx.cx.env.catalog;
            if catalog.resource_at(&uri, may_see).is_none() {
                let error = Error::new(resolve::RESOURCE_NOT_FOUND, "There is no such resource.");
                return Reply::Error(error.with_data(json!({"uri": uri})));
            }
            Reply::StoringSetting(icx.cx.ask_hub(|ticket| ToHubKind::Subscribe {
                ticket,
                principal,
                mcp_session,
                uri,
            }))
        }
        _ => Reply::Error(Error::method_not_found()),
    }
}

/// The error of a setting for which there is no room.
pub(crate) fn settings_full(full: SettingsFull) -> Error {
    let message = match full {
        SettingsFull::Sessions(TableFull::OfPrincipal) => format!(
            "Too many sessions: {} of yours have a log level or subscriptions with this client. End one (DELETE), \
             or leave one alone for an hour.",
            limits::SESSION_SETTINGS_PER_PRINCIPAL
        ),
        SettingsFull::Subscriptions => format!(
            "Too many subscriptions: this session has {}. Unsubscribe from a resource first.",
            limits::SUBSCRIPTIONS
        ),
        SettingsFull::Bytes(TableFull::OfPrincipal) => format!(
            "The URIs of your subscriptions with this client would be longer than {} bytes together. Unsubscribe \
             from a resource first.",
            limits::SUBSCRIPTION_BYTES_PER_PRINCIPAL
        ),
        SettingsFull::Sessions(TableFull::OfServer) | SettingsFull::Bytes(TableFull::OfServer) => {
            "The server has too many settings of sessions. Please try again later.".to_owned()
        }
    };
    Error::with_message(Error::INTERNAL, message)
}

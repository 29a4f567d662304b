//! `subscriptions/listen`: what a client listens for, and the acknowledgement of that.
//!
//! Source: MCP specification 2026-07-28, basic/utilities/subscriptions.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    admit::caller::Caller,
    catalog::{Audience, Catalog},
    hub::SubscriptionFilter,
    json_rpc::{Error, Id, Json, Request, Response, with_server_info},
    limits,
    mcp::server_messages,
};

/// What a `subscriptions/listen` asked for.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: Id,
    pub(crate) filter: SubscriptionFilter,
}

/// What a `subscriptions/listen` asks for, as far as it is offered.
pub(crate) fn subscription(
    request: Request,
    caller: &Caller,
    catalog: &Catalog,
) -> Result<Subscription, Error> {
    let wanted = request
        .params
        .get("notifications")
        .filter(|wanted| wanted.is_object());
    let Some(wanted) = wanted else {
        let message = "The parameter `notifications` must be an object.";
        return Err(Error::invalid_params(message));
    };
    let is_wanted = |name: &str| wanted.get(name).is_some_and(Json::is_true) && catalog.changes();
    let may_see = |audience: &Audience| caller.may_see(audience);
    let has_resources = catalog.has_resources(may_see);
    let mut uris = BTreeSet::new();
    if let Some(list) = wanted.get("resourceSubscriptions") {
        let message =
            "The member `resourceSubscriptions` must be a list of URIs, and not too long.";
        let list = list.elements();
        let list = list.map(|list| list.take(limits::SUBSCRIPTIONS + 1).collect::<Vec<_>>());
        let list = list.filter(|list| list.len() <= limits::SUBSCRIPTIONS);
        for uri in list.ok_or_else(|| Error::invalid_params(message))? {
            let uri = uri
                .as_str()
                .filter(|uri| uri.len() <= limits::RESOURCE_URI_BYTES);
            let uri = uri.ok_or_else(|| Error::invalid_params(message))?;
            // What the caller may not read is as if it were not there.
            let found = catalog.resource_at(uri, may_see);
            let may_read = |scopes: &[String]| scopes.iter().all(|scope| caller.may(scope));
            if catalog.changes() && found.is_some_and(|found| may_read(found.audience().scopes())) {
                uris.insert(uri.to_owned());
            }
        }
    }
    let filter = SubscriptionFilter {
        tools: is_wanted("toolsListChanged"),
        prompts: is_wanted("promptsListChanged") && catalog.has_prompts(may_see),
        resources: is_wanted("resourcesListChanged") && has_resources,
        uris,
    };
    Ok(Subscription {
        id: request.id,
        filter,
    })
}

/// `notifications/subscriptions/acknowledged`: what a stream will send.
pub(crate) fn acknowledged(subscription: &Subscription) -> String {
    let filter = &subscription.filter;
    let mut accepted = Map::new();
    for (name, is_accepted) in [
        ("toolsListChanged", filter.tools),
        ("promptsListChanged", filter.prompts),
        ("resourcesListChanged", filter.resources),
    ] {
        if is_accepted {
            accepted.insert(name.to_owned(), json!(true));
        }
    }
    if !filter.uris.is_empty() {
        accepted.insert("resourceSubscriptions".to_owned(), json!(filter.uris));
    }
    let meta = json!({server_messages::SUBSCRIPTION_ID: subscription.id});
    let params = Map::from_iter([
        ("_meta".to_owned(), meta),
        ("notifications".to_owned(), Value::Object(accepted)),
    ]);
    server_messages::notification("notifications/subscriptions/acknowledged", params)
}

/// The answer of a `subscriptions/listen` that the server ends.
pub(crate) fn listen_result(id: &Id, catalog: &Catalog) -> String {
    let mut result = with_server_info(Map::new(), &catalog.server_info().value);
    if let Some(Value::Object(meta)) = result.get_mut("_meta") {
        meta.insert(server_messages::SUBSCRIPTION_ID.to_owned(), json!(id));
    }
    Response::result(id.clone(), result).to_json()
}

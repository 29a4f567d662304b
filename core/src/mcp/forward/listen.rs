//! `subscriptions/listen` of a client, as the backend is asked (2026-07-28): without resources that the client may not know of.

use super::{judge, methods::NEVER_PASSED};
use crate::{
    admit::caller::Caller,
    config::{BackendShare, Gateway},
    gateway::RawMessage,
    json_rpc::{Error, Request},
    policy::PolicyKind,
    step::Cx,
};

/// Whether the backend is asked to answer this.
pub(crate) fn listens(request: &Request, cx: &Cx<'_>) -> bool {
    cx.env.gateway().is_some() && request.method == "subscriptions/listen"
}

/// Whether what a backend says for no request is certainly its client's: not, where several have a process.
pub(crate) fn can_be_heard(gateway: &Gateway) -> bool {
    let command = gateway.command();
    command.is_none_or(|command| command.share == BackendShare::Session)
}

/// The request as the backend is to get it, but for its id.
pub(crate) fn listen_request(
    request: &Request,
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<Box<RawMessage>, Error> {
    let unreadable = || Error::invalid_request("The message cannot be passed on as it is written.");
    let message = RawMessage::read_of(request.params.body(), &request.id);
    let message = message.map_err(|_| unreadable())?;
    let message = NEVER_PASSED.into_iter().fold(message, RawMessage::without);
    let (policy, kind) = (cx.env.policy, PolicyKind::Resource);
    const URIS: [&str; 2] = ["notifications", "resourceSubscriptions"];
    let Some(uris) = message.param_at(&URIS).filter(|_| policy.hides(kind)) else {
        return Ok(Box::new(message));
    };
    let uris: Vec<String> = serde_json::from_str(uris).map_err(|_| unreadable())?;
    let shown: Vec<_> = uris
        .into_iter()
        .filter(|uri| judge::is_shown(policy, kind, uri, caller))
        .collect();
    let shown = serde_json::to_string(&shown).map_err(|_| unreadable())?;
    let message = message
        .with_param_at(&URIS, &shown)
        .ok_or_else(unreadable)?;
    Ok(Box::new(message))
}

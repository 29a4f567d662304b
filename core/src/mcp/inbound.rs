//! What comes in within an MCP session, or on an HTTP+SSE stream, besides requests: notifications and
//! the client's answers to our questions.
//!
//! Source: MCP specification 2025-11-25, basic, messages; basic/utilities/cancellation.

use ::http::Response;
use bytes::Bytes;

use super::{audit, undelivered::Undelivered};
use crate::{
    admit::{bearer, caller::Caller},
    id::{McpSessionId, PrincipalId, ServerRequestId},
    json_rpc::{Id, Message, Request, id_of},
    replicas::ReplicaMessage,
    route::Route,
    step::Cx,
};

/// From whom messages come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) principal: PrincipalId,
    pub(crate) mcp_session: McpSessionId,
}

/// What messages come to.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// What wants an answer.
    pub(crate) requests: Vec<Request>,
    /// What is for calls, to be kept in case that it does not reach their replica.
    pub(crate) undelivered: Vec<Undelivered>,
}

/// Routes messages of a client. Answers of the client and cancellations are handed on to the calls that they
/// are for, if these are the client's own; notifications that mean nothing here are dropped, and so are
/// answers that nobody asked for (threat K8).
pub(crate) fn route_messages(messages: Vec<Message>, from: Origin, cx: &mut Cx<'_>) -> Routed {
    let Origin {
        principal,
        mcp_session,
    } = from;
    let mut routed = Routed::default();
    for message in messages {
        let for_call = match message {
            Message::Request(request) => {
                routed.requests.push(request);
                None
            }
            Message::Notification(notification) => {
                let request = notification.params.get("requestId");
                let cancels = notification.method == "notifications/cancelled";
                let request = request.filter(|_| cancels).and_then(id_of);
                request.map(|request| ReplicaMessage::CancelRequest {
                    principal,
                    mcp_session,
                    request,
                })
            }
            Message::Response(response) => {
                let request = match &response.id {
                    Some(Id::Text(text)) => ServerRequestId::parse(text),
                    _ => None,
                };
                request.map(|request| ReplicaMessage::ClientResponse {
                    principal,
                    mcp_session,
                    request,
                    result: response.result.map(Box::new),
                })
            }
        };
        if let Some(message) = for_call {
            routed.undelivered.extend(Undelivered::of(&message, cx));
            cx.to_every_hub(message);
        }
    }
    routed
}

/// 403: the token does not have the scopes.
pub(crate) fn forbidden(
    route: Route,
    scopes: &[String],
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Response<Bytes> {
    audit::step_up(scopes, cx);
    if !caller.kind().has_user() {
        return bearer::needs_user();
    }
    bearer::insufficient_scope(route, scopes, &caller.scope, cx.env)
}

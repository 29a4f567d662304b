//! Who may sign in with a client of the operator's list. Whoever may not is told so on a page, before there is a session
//! or a code.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::tokens_received::SignedIn;
use crate::{
    log_event::{Field, LogEvent, LogEventId},
    pages,
    step::Cx,
};

/// The page for a user whom the list does not name; `None` for one who may sign in.
pub(super) fn refuse(signed_in: &SignedIn, cx: &mut Cx<'_>) -> Option<Response<Bytes>> {
    let SignedIn {
        sign_in, identity, ..
    } = signed_in;
    let client = cx.env.clients.of_hash(&sign_in.request.client.0)?;
    let username = identity.claims.profile.username.as_deref();
    if client.admits_user(&identity.oid, username) {
        return None;
    }
    cx.log(LogEvent::new(LogEventId::SignInUserNotListed).with(Field::ClientId, &client.id));
    let text = format!(
        "The operator of this server lets only some users in with {}, and your account is not one of them. Nothing \
         was given to it. Ask {} to add you, and tell them the reference below.",
        client.name,
        cx.env.server.config.contact()
    );
    Some(pages::error(
        StatusCode::FORBIDDEN,
        "You may not use this client here",
        &text,
        &cx.request_id(),
        cx.env,
    ))
}

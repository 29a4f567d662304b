//! Who may sign in here, and with a client of the operator's list. Whoever may not is told so on a page, before there is
//! a session or a code.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::tokens_received::SignedIn;
use crate::{
    log_event::{Field, LogEvent, LogEventId},
    pages,
    session::allowed::{self, NotAllowed},
    step::Cx,
};

/// The page for a user whom no list names; `None` for one who may sign in.
pub(super) fn refuse(signed_in: &SignedIn, cx: &mut Cx<'_>) -> Option<Response<Bytes>> {
    let SignedIn {
        sign_in, identity, ..
    } = signed_in;
    let client = &sign_in.request.client;
    let not_allowed = allowed::check(&identity.to_user(), client, cx.env).err()?;
    let (event, title, with) = match not_allowed {
        NotAllowed::Here => (
            LogEvent::new(LogEventId::SignInUserNotAllowed),
            "You may not sign in here",
            String::new(),
        ),
        NotAllowed::With(client) => (
            LogEvent::new(LogEventId::SignInUserNotListed).with(Field::ClientId, &client.id),
            "You may not use this client here",
            format!(" with {}", client.name),
        ),
    };
    cx.log(event);
    let text = format!(
        "The operator of this server lets only some users in{with}, and your account is not one of them. Nothing \
         was given to it. Ask {} to add you, and tell them the reference below.",
        cx.env.server.config.contact()
    );
    Some(pages::error(
        StatusCode::FORBIDDEN,
        title,
        &text,
        &cx.request_id(),
        cx.env,
    ))
}

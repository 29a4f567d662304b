//! The session of a user who has just signed in.

use super::tokens_received::SignedIn;
use crate::{
    ask::Guard,
    oauth::issuing_code::SignedInRequest,
    session::record::{ApprovedClient, Outline, Session},
    step::Cx,
};

/// Makes the session, which is not stored yet, and says what for.
pub(super) fn new_session(signed_in: SignedIn, cx: &mut Cx<'_>) -> SignedInRequest {
    let SignedIn {
        sign_in,
        browser,
        tokens,
        identity,
    } = signed_in;
    let user = identity.to_user();
    let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
    let request = &sign_in.request;
    let outline = Outline {
        client: request.client,
        subject: user.subject(&request.client, keys),
        ..Outline::default()
    };
    let id = sign_in.session_id(keys);
    let granted = (request.scope.to_string(), request.resource.clone());
    let mut session = Session::new(id, outline, user, granted, now, cx.entropy);
    session.set_entra_tokens(&tokens.into_tokens(now), keys, cx.entropy);
    session.client = Some(ApprovedClient {
        name: sign_in.client_label.name.clone(),
        verified_by: sign_in.client_label.verified_by(),
    });
    SignedInRequest {
        session,
        guard: Guard::Absent,
        request: sign_in.request,
        client_label: sign_in.client_label,
        remembered: browser.remembered,
        address: browser.browser.address,
    }
}

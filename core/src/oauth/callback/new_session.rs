//! The session of a user who has just signed in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::tokens_received::SignedIn;
use crate::{
    ask::Guard,
    keys::{Keyring, Purpose},
    oauth::issuing_code::SignedInRequest,
    session::record::{Hash, Outline, Session, User},
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
        subject: subject(&user, &request.client, keys),
        ..Outline::default()
    };
    let id = sign_in.session_id(keys);
    let granted = (request.scope.to_string(), request.resource.clone());
    let mut session = Session::new(id, outline, user, granted, now, cx.entropy);
    session.set_entra_tokens(&tokens.into_tokens(now), keys, cx.entropy);
    SignedInRequest {
        session,
        guard: Guard::Absent,
        request: sign_in.request,
        client_label: sign_in.client_label,
        remembered: browser.remembered,
        address: browser.browser.address,
    }
}

/// The subject by which this client knows a user: another client knows them by another, and neither tells
/// who they are (threat F12, OpenID Connect Core section 8.1).
fn subject(user: &User, client: &Hash, keys: &Keyring) -> String {
    let client = URL_SAFE_NO_PAD.encode(client.0);
    let named = format!("{}|{}|{client}", user.tenant_id, user.oid);
    URL_SAFE_NO_PAD.encode(keys.mac(Purpose::Subject, named.as_bytes()))
}

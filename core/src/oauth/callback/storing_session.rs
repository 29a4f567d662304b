//! The end of a sign-in: a session is written and the client is sent a code of ours.
//!
//! The session is named after the sign-in's `state` and is written only if there is none of that
//! name, so of two callbacks of one sign-in one succeeds, on whichever replica (threat D1). The
//! record lasts as long as the code; redeeming the code makes it last.

use ::http::{Response, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::{
    error::{CallbackError, Failure, unknown},
    tokens_received::SignedIn,
};
use crate::{
    ask::{Answered, Awaiting, Guard, Store, StoreFault},
    entra::id_token::Identity,
    id::SessionId,
    keys::{Keyring, Purpose},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        authorization_request::{AuthorizationRequest, RedirectTarget},
        device_cookie, opaque_token,
    },
    secret::Secret,
    session::record::{Code, Hash, Outline, Session, User},
    step::Cx,
};

/// A session that is being written, and where its code goes.
#[derive(Debug)]
pub(crate) struct StoringSession {
    redirect_target: RedirectTarget,
    code: Secret<String>,
    /// One line of the log (threat O6).
    signed_in: LogEvent,
    awaiting: Awaiting<Store>,
}

impl StoringSession {
    /// Writes the session.
    pub(super) fn start(signed_in: SignedIn, cx: &mut Cx<'_>) -> Self {
        let SignedIn {
            sign_in,
            tokens,
            identity,
        } = signed_in;
        identity.claims.warn(cx);
        let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
        let id = sign_in.session_id(keys);
        let code = opaque_token::new_code(id, cx.entropy, keys);
        let expires = now.after(limits::AUTHORIZATION_CODE_LIFETIME);
        let mut session = new_session(id, identity, &sign_in.request, cx);
        session.code = Some(Code {
            hash: code.hash,
            code_challenge: sign_in.request.code_challenge.clone(),
            redirect_uri: sign_in
                .request
                .redirect_target
                .redirect_uri
                .as_str()
                .to_owned(),
            expires,
        });
        session.open_only_to(&code.share(), cx.env.server);
        session.set_entra_tokens(&tokens.into_tokens(now), keys, cx.entropy);
        let put = session.put(Guard::Absent, expires, keys, cx.entropy);
        let redirect_target = sign_in.request.redirect_target;
        let signed_in = LogEvent::new(LogEventId::SignInCompleted)
            .with(Field::Subject, &session.outline.subject)
            .with(
                Field::Destination,
                redirect_target.redirect_uri.destination().to_string(),
            )
            .with(Field::Scope, &session.scope);
        Self {
            redirect_target,
            code: code.text,
            signed_in,
            awaiting: cx.store(put),
        }
    }

    /// The store has answered.
    pub(super) fn answered(
        self,
        answered: Answered<Store>,
        cx: &mut Cx<'_>,
    ) -> Result<Response<Bytes>, Failure> {
        match self.awaiting.into_answer(answered) {
            Ok(_) => {
                cx.log(self.signed_in);
                let public_url = &cx.env.server.config.public_url;
                let mut response = self.redirect_target.code(&self.code, public_url);
                let cookies = response.headers_mut();
                if let Some(cookie) = device_cookie::set(cx.env, cx.entropy) {
                    cookies.append(header::SET_COOKIE, cookie);
                }
                Ok(response)
            }
            Err(StoreFault::Conflict) => {
                cx.log(LogEventId::SignInReplayed);
                Ok(unknown(&cx.request_id()))
            }
            Err(StoreFault::Unavailable) => {
                cx.log(LogEventId::SessionNotStored);
                Err(Failure::new(
                    self.redirect_target,
                    CallbackError::Unavailable,
                ))
            }
        }
    }
}

fn new_session(
    id: SessionId,
    identity: Identity,
    request: &AuthorizationRequest,
    cx: &mut Cx<'_>,
) -> Session {
    let Identity {
        tenant_id,
        oid,
        sub,
        claims,
    } = identity;
    let outline = Outline {
        client: request.client,
        subject: subject(&tenant_id, &oid, &request.client, &cx.env.server.keys),
        ..Outline::default()
    };
    let user = User {
        tenant_id,
        oid,
        sub,
        profile: claims.profile,
    };
    let granted = (request.scope.to_string(), request.resource.clone());
    Session::new(id, outline, user, granted, cx.env.now.unix, cx.entropy)
}

/// The subject by which this client knows a user: another client knows them by another, and neither tells
/// who they are (threat F12, OpenID Connect Core section 8.1).
fn subject(tenant_id: &str, oid: &str, client: &Hash, keys: &Keyring) -> String {
    let client = URL_SAFE_NO_PAD.encode(client.0);
    let named = format!("{tenant_id}|{oid}|{client}");
    URL_SAFE_NO_PAD.encode(keys.mac(Purpose::Subject, named.as_bytes()))
}

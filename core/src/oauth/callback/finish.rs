//! The end of a sign-in: Entra's tokens in, a session and a code of ours out.
//!
//! The session is named after the sign-in's `state` and is written only if there is none of that
//! name, so of two callbacks of one sign-in one succeeds, on whichever replica (threat D1). The
//! record lasts as long as the code; redeeming the code makes it last.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Callback, CallbackError, redirect_with_entra_error, redirect_with_error, unknown};
use crate::{
    ask::{Ask, Fetch, Guard, Store, StoreFault},
    entra::{
        awaiting_metadata::AwaitingMetadata,
        error::{EntraError, Step},
        id_token::{self, IdTokenError, Identity},
        token_endpoint::{self, TokenResponse},
    },
    hub::{ToHub, ToHubKind},
    id::SessionId,
    keys::{Keyring, Purpose},
    limits,
    log_event::{Field, LogEvent, LogEventId},
    oauth::{
        authorization_request::{AuthorizationRequest, RedirectTarget},
        opaque_token,
        pending_sign_in::PendingSignIn,
    },
    provider_metadata::ProviderMetadata,
    secret::Secret,
    session::record::{Code, Hash, Outline, Session, User},
    step::{Cx, Progress},
    throttle::Throttled,
};

/// A sign-in with Entra's tokens.
#[derive(Debug)]
pub(crate) struct TokensReceived {
    sign_in: PendingSignIn,
    tokens: TokenResponse,
}

/// A session that is being written, and where its code goes.
#[derive(Debug)]
pub(crate) struct StoringSession {
    redirect_target: RedirectTarget,
    code: Secret<String>,
    /// One line of the log (threat O6).
    signed_in: LogEvent,
}

/// Entra's token endpoint has answered.
pub(super) fn redeemed(
    sign_in: PendingSignIn,
    answer: <Fetch as Ask>::Answer,
    cx: &mut Cx<'_>,
) -> Progress<Callback> {
    match token_endpoint::read(answer) {
        Ok(tokens) => TokensReceived { sign_in, tokens }.verify(cx),
        Err(error) => {
            cx.log(error.log_event(Step::CodeRedemption));
            // A request loop is that of one browser, and must not hold up the sign-ins of all others.
            if let EntraError::Throttled(_, wait) = &error
                && !error.is_request_loop()
            {
                let (requests, until) =
                    (Throttled::CodeRedemption, cx.env.now.instant.after(*wait));
                cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
            }
            let redirect_target = &sign_in.request.redirect_target;
            redirect_with_entra_error(redirect_target, &error, cx)
        }
    }
}

impl TokensReceived {
    /// Verifies the ID token; if its key is not known, newer keys are fetched once.
    fn verify(self, cx: &mut Cx<'_>) -> Progress<Callback> {
        match self.identity(cx.env.entra.metadata.as_deref(), cx) {
            Err(IdTokenError::UnknownKey) => {
                let awaiting = AwaitingMetadata::newer(self, cx);
                Progress::Pending(Callback::AwaitingKeys(Box::new(awaiting)))
            }
            verified => self.check_identity(verified, cx),
        }
    }

    /// The same with newer keys, if there are any.
    pub(super) fn verify_again(
        self,
        newer: Option<&ProviderMetadata>,
        cx: &mut Cx<'_>,
    ) -> Progress<Callback> {
        let verified = match newer {
            Some(_) => self.identity(newer, cx),
            None => Err(IdTokenError::UnknownKey),
        };
        self.check_identity(verified, cx)
    }

    fn identity(
        &self,
        metadata: Option<&ProviderMetadata>,
        cx: &Cx<'_>,
    ) -> Result<Identity, IdTokenError> {
        let metadata = metadata.ok_or(IdTokenError::Wrong("no metadata is known"))?;
        let id_token = self.tokens.id_token.as_ref();
        let id_token = id_token.ok_or(IdTokenError::Wrong("there is none"))?;
        id_token::verify(
            id_token.expose(),
            self.sign_in.nonce.expose(),
            metadata,
            cx.env,
        )
    }

    /// Whether the user may sign in here.
    fn check_identity(
        self,
        verified: Result<Identity, IdTokenError>,
        cx: &mut Cx<'_>,
    ) -> Progress<Callback> {
        let redirect_target = &self.sign_in.request.redirect_target;
        let identity = match verified {
            Ok(identity) => identity,
            Err(doubt) => {
                let (event, error) = match doubt {
                    IdTokenError::OtherTenant => {
                        (LogEventId::IdTokenOtherTenant, CallbackError::OtherTenant)
                    }
                    IdTokenError::UnknownKey | IdTokenError::Wrong(_) => {
                        (LogEventId::IdTokenRejected, CallbackError::ServerError)
                    }
                };
                cx.log(LogEvent::new(event).with(Field::Reason, doubt.as_str()));
                return redirect_with_error(redirect_target, error, cx);
            }
        };
        // Entra may grant less than was asked for (Microsoft identity platform, "Scopes and
        // permissions"). It sends no scope only where it is the one that was asked for (RFC 6749
        // section 5.1).
        let granted = &self.tokens.scope;
        if !granted.is_empty() && !self.sign_in.request.scope.is_granted_by(granted) {
            cx.log(LogEvent::new(LogEventId::EntraScopeNotGranted).with(Field::Scope, granted));
            return redirect_with_error(redirect_target, CallbackError::NotGranted, cx);
        }
        self.store(identity, cx)
    }

    fn store(self, identity: Identity, cx: &mut Cx<'_>) -> Progress<Callback> {
        let Self { sign_in, tokens } = self;
        identity.claims.warn(cx);
        let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
        let id = session_id(&sign_in.state, keys);
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
        let storing = StoringSession {
            redirect_target,
            code: code.text,
            signed_in,
        };
        let awaiting = cx.store(put);
        Progress::Pending(Callback::AwaitingStore(Box::new(storing), awaiting))
    }
}

impl StoringSession {
    /// The store has answered.
    pub(super) fn stored(
        self,
        answer: &<Store as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Callback> {
        match answer {
            Ok(_) => {
                cx.log(self.signed_in);
                let public_url = &cx.env.server.config.public_url;
                cx.done(self.redirect_target.code(&self.code, public_url))
            }
            Err(StoreFault::Conflict) => {
                cx.log(LogEventId::SignInReplayed);
                cx.done(unknown(&cx.request_id()))
            }
            Err(StoreFault::Unavailable) => {
                cx.log(LogEventId::SessionNotStored);
                redirect_with_error(&self.redirect_target, CallbackError::Unavailable, cx)
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
        profile: claims.profile,
    };
    let granted = (request.scope.to_string(), request.resource.clone());
    Session::new(id, outline, user, granted, cx.env.now.unix, cx.entropy)
}

/// The name of the session of a sign-in.
fn session_id(state: &Secret<String>, keys: &Keyring) -> SessionId {
    let mac = keys.mac(Purpose::SessionId, state.expose().as_bytes());
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(mac) {
        *to = from;
    }
    SessionId::new(id)
}

/// The subject by which this client knows a user: another client knows them by another, and neither tells
/// who they are (threat F12, OpenID Connect Core section 8.1).
fn subject(tenant_id: &str, oid: &str, client: &Hash, keys: &Keyring) -> String {
    let client = URL_SAFE_NO_PAD.encode(client.0);
    let named = format!("{tenant_id}|{oid}|{client}");
    URL_SAFE_NO_PAD.encode(keys.mac(Purpose::Subject, named.as_bytes()))
}

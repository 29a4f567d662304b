//! The end of a step-up: what Entra gave for the claims is put into the session that has to satisfy them, if it is the
//! session's own user who has done so (threat D23).
//!
//! ```text
//! Reading --the session, and its user--> Writing --written--> page
//!    ^                                      |
//!    \-------------- conflict --------------/
//! ```
//!
//! The client's tokens stay as they are: the next call goes on with them.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::{
    ask::Stored,
    entra::{id_token::Identity, token_endpoint::TokenResponse},
    event::Answer,
    log_event::{Field, LogEvent, LogEventId},
    pages::{self, Kind, html::Html},
    session::{
        allowed,
        record::{EntraTokens, Session, User},
        step_up::StepUp,
        update::{Attempt, Update, Updated},
    },
    step::{Cx, Progress},
};

const DONE: &str = "<h1>Your sign-in is confirmed</h1>\n\
    <p>Go back to your program, and ask it again for what it could not do. You can close this page.</p>";

/// A session that is about to have what it needs.
#[derive(Debug)]
pub(crate) struct SavingStepUp {
    step_up: StepUp,
    identity: Identity,
    tokens: EntraTokens,
    update: Update<String>,
}

/// How far it is; then the page for the user.
type Saved = Progress<SavingStepUp, Response<Bytes>>;

impl SavingStepUp {
    /// Begins. Entra has verified who signed in, and has given these tokens.
    pub(super) fn start(
        step_up: StepUp,
        identity: Identity,
        tokens: TokenResponse,
        cx: &mut Cx<'_>,
    ) -> Self {
        Self {
            update: Update::read(step_up.session, cx),
            step_up,
            identity,
            tokens: tokens.into_tokens(cx.env.now.unix),
        }
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Saved {
        let Self {
            step_up,
            identity,
            tokens,
            update,
        } = self;
        match update.handle(answer, cx) {
            Progress::Pending(update) => Progress::Pending(Self {
                step_up,
                identity,
                tokens,
                update,
            }),
            Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                match write(&step_up, &identity, &tokens, (stored, attempt), cx) {
                    Ok(update) => Progress::Pending(Self {
                        step_up,
                        identity,
                        tokens,
                        update,
                    }),
                    Err(page) => Progress::Ready(*page),
                }
            }
            Progress::Ready(Ok(Updated::Written(subject))) => {
                cx.log(LogEvent::new(LogEventId::ClaimsSatisfied).with(Field::Subject, &subject));
                let body = Html::fill(DONE, &[]);
                let title = "Your sign-in is confirmed – entra-mcp";
                let page = pages::page(StatusCode::OK, title, &body, Kind::Plain, cx.env);
                Progress::Ready(page)
            }
            Progress::Ready(Err(_)) => {
                cx.log(LogEventId::SessionUnavailable);
                Progress::Ready(unavailable(cx))
            }
        }
    }
}

/// Writes the session as it is now, with the tokens.
fn write(
    step_up: &StepUp,
    identity: &Identity,
    tokens: &EntraTokens,
    (stored, attempt): (Option<Stored>, Attempt),
    cx: &mut Cx<'_>,
) -> Result<Update<String>, Box<Response<Bytes>>> {
    let keys = &cx.env.server.keys;
    let opened = stored.and_then(|stored| step_up.open_session(&stored, keys));
    let Some((mut session, version)) = opened else {
        cx.log(LogEventId::ClaimsLinkStale);
        return Err(Box::new(over(cx)));
    };
    session.audit(cx);
    let event = |id| LogEvent::new(id).with(Field::Subject, &session.outline.subject);
    let user = &session.user;
    if (&user.tenant_id, &user.oid) != (&identity.tenant_id, &identity.oid) {
        cx.log(event(LogEventId::ClaimsOtherUser));
        return Err(Box::new(other_user(cx)));
    }
    let user = User {
        profile: identity.claims.renewed_profile(&user.profile),
        ..user.clone()
    };
    let scope = cx.env.server.scopes.held(&session.scope);
    let is_granted = tokens.scope.is_empty() || scope.is_granted_by(&tokens.scope);
    if !is_granted || allowed::check(&user, &session.outline.client, cx.env).is_err() {
        cx.log(event(LogEventId::SessionUserNotAllowed));
        return Err(Box::new(not_allowed(cx)));
    }
    let subject = session.outline.subject.clone();
    session.user = user;
    session.required_claims = None;
    put(tokens, &mut session, cx).ok_or_else(|| Box::new(over(cx)))?;
    Ok(Update::write(&session, version, attempt, cx).then(subject))
}

/// Puts the tokens in the place of those of before. `None` if these do not open.
fn put(tokens: &EntraTokens, session: &mut Session, cx: &mut Cx<'_>) -> Option<()> {
    let keys = &cx.env.server.keys;
    let old = session.entra_tokens(keys)?;
    let tokens = EntraTokens {
        refresh_token: tokens.refresh_token.clone().or(old.refresh_token),
        ..tokens.clone()
    };
    session.set_entra_tokens(&tokens, keys, cx.entropy);
    Some(())
}

/// The link is too old, or the session has ended.
pub(crate) fn over(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "This link is over",
        "It was good for ten minutes, or the session that it belonged to has ended. Nothing was changed. Ask your program \
         again: it gets a new link, or has you sign in.",
        &cx.request_id(),
        cx.env,
    )
}

pub(crate) fn unavailable(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Your sign-in cannot be confirmed just now",
        "Microsoft Entra ID or the sessions of this server cannot be reached. Nothing was changed. Wait a moment, then \
         open the link again.",
        &cx.request_id(),
        cx.env,
    )
}

fn other_user(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::FORBIDDEN,
        "This is another account",
        "The program that gave you this link is signed in with another account than the one that you have just used. \
         Nothing was changed. If somebody else sent you the link, close this page.",
        &cx.request_id(),
        cx.env,
    )
}

fn not_allowed(cx: &Cx<'_>) -> Response<Bytes> {
    let text = format!(
        "Your account may not use this server any more, or not for all that the program was granted. Nothing was \
         changed. Ask {}, and tell them the reference below.",
        cx.env.server.config.contact()
    );
    pages::error(
        StatusCode::FORBIDDEN,
        "You may not go on here",
        &text,
        &cx.request_id(),
        cx.env,
    )
}

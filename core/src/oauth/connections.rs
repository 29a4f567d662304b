//! GET and POST /me: what a user has connected, and its end (threat A4: approvals that can be withdrawn; MCP security
//! best practices, "a registry of approvals per user").
//!
//! ```text
//! GET  --no cookie--> SigningIn --> Entra --> callback --> GET
//! GET  --cookie--> Loading --> the page
//! POST --cookie, and the form of that page--> Loading --> Ending --> GET
//! ```
//!
//! The cookie names the user, and everything is found by that: nobody sees or ends what is another's. What the page
//! shows was written into the user's own records at the sign-in, for a session opens to its client alone.

mod ending;
mod loading;
mod page;
#[cfg(test)]
mod tests;
mod user;

use ::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;

use self::{
    ending::{Ending, Target},
    loading::Loading,
    user::ConnectionsUser,
};
use super::page_sign_in::{PageSignIn, PageTarget};
use crate::{
    entra::{
        awaiting_metadata::{AwaitingMetadata, WithMetadata},
        id_token::Identity,
    },
    event::Answer,
    http::{form::Form, response},
    log_event::{Field, LogEvent, LogEventId},
    pages,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum Connections {
    /// This server has just been started, and does not know where Entra is.
    SigningIn(Box<AwaitingMetadata<Vec<HeaderValue>>>),
    /// What the user has connected is being read; what to end of it, if anything.
    Loading(Box<Loading>, Option<Target>),
    Ending(Box<Ending>),
}

impl Connections {
    pub(crate) fn start(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let headers = request.headers();
        let user = ConnectionsUser::of(headers, cx.env);
        if request.method() != Method::POST {
            return match user {
                Some(user) => Self::load(user, None, cx),
                None => Self::sign_in(PageSignIn::make_room(headers, cx.env), cx),
            };
        }
        let form = Form::parse(request.body());
        let target = form.one("end").ok().flatten().and_then(Target::parse);
        match (user, target) {
            (Some(user), Some(target)) if user.has_sent(&form, headers, cx.env) => {
                Self::load(user, Some(target), cx)
            }
            _ => {
                cx.log(LogEventId::ConnectionsForeign);
                cx.done(foreign(cx))
            }
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::SigningIn(awaiting) => Self::redirect(awaiting.handle(answer, cx), cx),
            Self::Loading(loading, target) => match loading.handle(answer, cx) {
                Progress::Pending(loading) => {
                    Progress::Pending(Self::Loading(Box::new(loading), target))
                }
                Progress::Ready(Ok(loaded)) => match target {
                    None => cx.done(page::respond(&loaded, cx.env)),
                    Some(target) => Self::on_progress(Ending::start(loaded, &target, cx), cx),
                },
                Progress::Ready(Err(_)) => {
                    cx.log(LogEventId::SessionUnavailable);
                    cx.done(unavailable(cx))
                }
            },
            Self::Ending(ending) => Self::on_progress(ending.handle(answer, cx), cx),
        }
    }

    fn load(user: ConnectionsUser, target: Option<Target>, cx: &mut Cx<'_>) -> Progress<Self> {
        let loading = Loading::start(user, cx);
        Progress::Pending(Self::Loading(Box::new(loading), target))
    }

    /// One thing has ended; is there more?
    fn on_progress(
        ending: Progress<Ending, Result<(), ending::NotEnded>>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        match ending {
            Progress::Pending(ending) => Progress::Pending(Self::Ending(Box::new(ending))),
            Progress::Ready(Ok(())) => {
                let address = cx.env.server.config.public_url.join("/me");
                cx.done(response::see_other(&address))
            }
            Progress::Ready(Err(ending::NotEnded)) => {
                cx.log(LogEventId::SessionUnavailable);
                cx.done(not_ended(cx))
            }
        }
    }

    fn sign_in(cookies: Vec<HeaderValue>, cx: &mut Cx<'_>) -> Progress<Self> {
        match AwaitingMetadata::known(cookies, cx) {
            Progress::Pending(awaiting) => Progress::Pending(Self::SigningIn(Box::new(awaiting))),
            Progress::Ready(ready) => Self::redirect(ready, cx),
        }
    }

    fn redirect(
        (cookies, metadata): WithMetadata<Vec<HeaderValue>>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        let response = match metadata {
            Some(metadata) => PageSignIn::begin(PageTarget::Connections, cookies, &metadata, cx),
            None => {
                cx.log(LogEventId::SignInUnavailable);
                unavailable(cx)
            }
        };
        cx.done(response)
    }
}

/// This user has signed in: the browser may show their connections for a while.
pub(super) fn signed_in(identity: &Identity, cx: &mut Cx<'_>) -> Response<Bytes> {
    let mut response = response::see_other(&cx.env.server.config.public_url.join("/me"));
    if let Some(cookie) = ConnectionsUser::set_cookie(identity, cx.env, cx.entropy) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    let signed_in = LogEvent::new(LogEventId::ConnectionsSignedIn);
    let subject = user::subject(&identity.tenant_id, &identity.oid, cx.env.server);
    cx.log(signed_in.with(Field::Subject, &subject));
    response
}

pub(super) fn unavailable(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Your connections cannot be shown just now",
        "Microsoft Entra ID or the sessions of this server cannot be reached. Nothing was changed. Wait a \
         moment, then open the page again.",
        &cx.request_id(),
        cx.env,
    )
}

fn foreign(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::FORBIDDEN,
        "Nothing was ended",
        "The page of your connections was open for more than ten minutes, or another page sent this. Open it \
         again and press the button once more.",
        &cx.request_id(),
        cx.env,
    )
}

fn not_ended(cx: &Cx<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not everything was ended",
        "The sessions of this server cannot be reached just now. Open the page of your connections again: \
         what it shows still lives.",
        &cx.request_id(),
        cx.env,
    )
}

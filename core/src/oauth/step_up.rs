//! GET and POST /step-up: a user opens the link that a call was answered with, and satisfies at Entra what it needs
//! (Microsoft identity platform, "Claims challenges, claims requests, and client capabilities"; threats D22, D23).
//!
//! ```text
//! GET  --a link of ours--> a page that asks whether the user has begun this
//! POST --that page's form--> cookie, Entra --> callback --> the session has what it needs
//! ```
//!
//! The page comes first, so that no other page sends the user through unseen.

use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;

use super::page_sign_in::{PageSignIn, PageTarget, saving};
use crate::{
    entra::awaiting_metadata::{AwaitingMetadata, WithMetadata},
    env::Env,
    event::Answer,
    http::form::Form,
    log_event::LogEventId,
    pages::{
        self, Kind,
        html::{Html, Slot},
    },
    session::step_up::StepUp,
    step::{Cx, Progress},
};

const PAGE: &str = r#"<h1>Confirm your sign-in</h1>
<p>A program that uses this server as <strong class="name">{username}</strong> has asked for something for which your
organization wants more of you, such as a second factor. Microsoft Entra ID asks you for it next.</p>
<p>Go on only if you have <strong>just asked your program</strong> for something. The program goes on where it is: it gets
nothing that it has not been granted.</p>
<form method="post" action="{action}">
<input type="hidden" name="link" value="{link}">
<div class="buttons"><button class="primary" type="submit" name="decision" value="continue">Continue</button></div>
</form>
<p class="soft">If you have not, close this page: nothing was changed.</p>"#;

/// A browser on its way to Entra.
#[derive(Debug)]
pub(crate) struct Redirecting {
    step_up: Box<StepUp>,
    /// Those that make room for the cookie of this sign-in.
    cookies: Vec<HeaderValue>,
}

#[derive(Debug)]
pub(crate) enum StepUpPage {
    /// This server has just been started, and does not know where Entra is.
    AwaitingMetadata(AwaitingMetadata<Redirecting>),
}

impl StepUpPage {
    pub(crate) fn start(request: &Request<Bytes>, cx: &mut Cx<'_>) -> Progress<Self> {
        let is_posted = request.method() == Method::POST;
        let form = match is_posted {
            true => Form::parse(request.body()),
            false => Form::parse(request.uri().query().unwrap_or_default().as_bytes()),
        };
        let link = form.one("link").ok().flatten().unwrap_or_default();
        let Some(step_up) = StepUp::open(link, cx.env) else {
            cx.log(LogEventId::ClaimsLinkStale);
            return cx.done(saving::over(cx));
        };
        if !is_posted {
            return cx.done(ask(&step_up, link, cx.env));
        }
        if !is_from_here(request.headers(), cx.env) {
            cx.log(LogEventId::ClaimsLinkForeign);
            return cx.done(saving::over(cx));
        }
        let redirecting = Redirecting {
            step_up: Box::new(step_up),
            cookies: PageSignIn::make_room(request.headers(), cx.env),
        };
        match AwaitingMetadata::known(redirecting, cx) {
            Progress::Pending(awaiting) => Progress::Pending(Self::AwaitingMetadata(awaiting)),
            Progress::Ready(ready) => redirect(ready, cx),
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self::AwaitingMetadata(awaiting) = self;
        redirect(awaiting.handle(answer, cx), cx)
    }
}

fn redirect(
    (redirecting, metadata): WithMetadata<Redirecting>,
    cx: &mut Cx<'_>,
) -> Progress<StepUpPage> {
    let Some(metadata) = metadata else {
        cx.log(LogEventId::SignInUnavailable);
        return cx.done(saving::unavailable(cx));
    };
    let Redirecting { step_up, cookies } = redirecting;
    let response = PageSignIn::begin(PageTarget::StepUp(step_up), cookies, &metadata, cx);
    cx.done(response)
}

/// Whether the form was sent by our own page, as the browser says (threat A5).
fn is_from_here(headers: &HeaderMap, env: Env<'_>) -> bool {
    let own = env.server.config.public_url.origin();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => origin.as_bytes() == own.as_bytes(),
        _ => false,
    }
}

fn ask(step_up: &StepUp, link: &str, env: Env<'_>) -> Response<Bytes> {
    let action = env.server.config.public_url.base_path().join("/step-up");
    let username = step_up.username.as_deref();
    let slots = [
        ("username", Slot::Text(username.unwrap_or("you"))),
        ("action", Slot::Text(&action)),
        ("link", Slot::Text(link)),
    ];
    let body = Html::fill(PAGE, &slots);
    let title = "Confirm your sign-in – entra-mcp";
    pages::page(StatusCode::OK, title, &body, Kind::Form, env)
}

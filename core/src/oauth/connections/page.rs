//! The page of connections: what each client is, as far as anybody knows, and a button to end it.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::{
    ending::Target,
    loading::{LiveSession, Loaded},
};
use crate::{
    config::Lifetimes,
    env::Env,
    oauth::user_consents::UserConsent,
    pages::{
        self, Kind,
        html::{Html, Slot},
    },
    redirect_uri::RedirectUri,
    session::user_sessions::{AboutSession, VerifiedBy},
    time::UnixTime,
};

const PAGE: &str = r#"<h1 class="wide">My connections</h1>
<p>Signed in as <strong class="name">{username}</strong>. These programs may use this server as you. What you end
here stops at once; a program that is to go on must ask you to sign in again.</p>
<form method="post" action="{action}">
<input type="hidden" name="form" value="{form}">
<h2>Sessions</h2>
{sessions}
<h2>Remembered approvals</h2>
<p class="soft">These web sites get a new session without asking you again in a browser in which you approved
them.</p>
{consents}
{all}
</form>
<p class="soft">Times are in UTC. Who opens this page after ten minutes signs in again.</p>"#;

const SESSION: &str = r#"<li><strong class="name">{name}</strong>
<span class="soft">{verified}</span>
<dl><dt>Goes to</dt><dd>{place}</dd><dt>May use</dt><dd>{scope}</dd><dt>Since</dt><dd>{since}</dd>
<dt>Last used</dt><dd>{used}</dd><dt>Signed in from</dt><dd>{address}</dd></dl>
<button type="submit" name="end" value="{target}" aria-label="End the session of {name}, since {since}">End</button></li>
"#;

const CONSENT: &str = r#"<li><strong class="name">{name}</strong>
<dl><dt>Goes to</dt><dd>{place}</dd><dt>May use</dt><dd>{scope}</dd><dt>Approved</dt><dd>{since}</dd></dl>
<button type="submit" name="end" value="{target}" aria-label="Withdraw the approval of {name}">Withdraw</button></li>
"#;

const ALL: &str = r#"<div class="buttons"><button class="primary" type="submit" name="end" value="all">End everything</button></div>"#;

const NAMELESS: &str = "A client that gave no name";

/// The page of what was found.
pub(super) fn respond(loaded: &Loaded, env: Env<'_>) -> Response<Bytes> {
    let now = env.now.unix;
    let lifetimes = &env.server.config.lifetimes;
    let sessions = loaded.sessions.iter();
    let sessions: Vec<_> = sessions.map(|one| session(one, now, lifetimes)).collect();
    let consents: Vec<_> = loaded.approved.consents.list(now).map(consent).collect();
    let is_anything = !sessions.is_empty() || !consents.is_empty();
    let all = Html::fill(if is_anything { ALL } else { "" }, &[]);
    let username = match loaded.user.username.as_str() {
        "" => "the user who has just signed in",
        username => username,
    };
    let action = env.server.config.public_url.base_path().join("/me");
    let slots = [
        ("username", Slot::Text(username)),
        ("action", Slot::Text(&action)),
        ("form", Slot::Text(&loaded.user.form_token)),
        ("sessions", Slot::Html(&list(&sessions))),
        ("consents", Slot::Html(&list(&consents))),
        ("all", Slot::Html(&all)),
    ];
    let body = Html::fill(PAGE, &slots);
    let title = "My connections";
    pages::page(StatusCode::OK, title, &body, Kind::Form, env)
}

fn list(items: &[Html]) -> Html {
    if items.is_empty() {
        return Html::fill("<p class=\"soft\">None.</p>", &[]);
    }
    let mut all = Html::default();
    for item in items {
        all.push(item);
    }
    Html::fill(
        "<ul class=\"connections\">\n{all}</ul>",
        &[("all", Slot::Html(&all))],
    )
}

fn session(session: &LiveSession, now: UnixTime, lifetimes: &Lifetimes) -> Html {
    let target = Target::of_session(session.listed.id);
    let Some(about) = &session.listed.about else {
        return Html::fill(
            SESSION,
            &[
                ("name", Slot::Text("A client of before this page was there")),
                ("verified", Slot::Text("")),
                ("place", Slot::Text("–")),
                ("scope", Slot::Text("–")),
                ("since", Slot::Text("–")),
                ("used", Slot::Text("–")),
                ("address", Slot::Text("–")),
                ("target", Slot::Text(&target)),
            ],
        );
    };
    let verified = match &about.verified_by {
        VerifiedBy::Site(host) => format!("Verified by {host}"),
        VerifiedBy::Operator => "Registered by the operator of this server".to_owned(),
        VerifiedBy::Nobody => "Registered itself: nobody has checked that name".to_owned(),
    };
    let slots = [
        (
            "name",
            Slot::Text(about.client_name.as_deref().unwrap_or(NAMELESS)),
        ),
        ("verified", Slot::Text(&verified)),
        ("place", Slot::Text(&about.destination)),
        ("scope", Slot::Text(&about.scope)),
        ("since", Slot::Text(&minute(about.since))),
        (
            "used",
            Slot::Text(&used(session.expires, about, now, lifetimes)),
        ),
        (
            "address",
            Slot::Text(about.address.as_deref().unwrap_or("not known")),
        ),
        ("target", Slot::Text(&target)),
    ];
    Html::fill(SESSION, &slots)
}

fn consent(consent: &UserConsent) -> Html {
    let place = RedirectUri::parse(&consent.redirect_uri);
    let place = place.map(|place| place.destination().to_string());
    let scope = match &consent.endpoint {
        Some(name) => format!("{} at {name}", consent.scope),
        None => consent.scope.clone(),
    };
    let slots = [
        (
            "name",
            Slot::Text(consent.client_name.as_deref().unwrap_or(NAMELESS)),
        ),
        ("place", Slot::Text(place.as_deref().unwrap_or_default())),
        ("scope", Slot::Text(&scope)),
        ("since", Slot::Text(&minute(consent.given))),
        ("target", Slot::Text(&Target::of_consent(consent))),
    ];
    Html::fill(CONSENT, &slots)
}

/// When a session was last used, as far as its record says: it ends so long after that, unless it has lasted as long
/// as it may.
fn used(expires: UnixTime, about: &AboutSession, now: UnixTime, lifetimes: &Lifetimes) -> String {
    if expires >= about.since.after(lifetimes.session_absolute) {
        let days = lifetimes.session_idle.as_secs() / (24 * 3600);
        return format!("in the last {} days", days.max(1));
    }
    let written = UnixTime(expires.0.saturating_sub(lifetimes.session_idle.as_secs()));
    minute(written.max(about.since).min(now))
}

/// A time to the minute.
fn minute(time: UnixTime) -> String {
    let text = time.to_string();
    let text = text.get(..16).unwrap_or_default();
    text.replace('T', " ")
}

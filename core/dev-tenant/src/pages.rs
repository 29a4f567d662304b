//! The tenant's pages: sign-in, consent, signed out, errors, and what can be made to go wrong.
//!
//! All say what they are, loudly. No script; they work with a keyboard, in the dark and on a phone.

use bytes::Bytes;
use entra_mcp_wire::{
    html::{Html, Slot},
    response,
};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::{
    APPLICATION, TENANT_DOMAIN, TENANT_ID,
    aadsts_error::AadstsError,
    formats,
    request_context::RequestContext,
    scope::Permission,
    users::{Account, TestUser},
};

/// There is no `form-action`: browsers apply it to the redirects after the form, which lead back to
/// the application.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; \
                                       frame-ancestors 'none'; base-uri 'none'";

const PAGE: &str = include_str!("pages/page.html");
const SIGN_IN: &str = include_str!("pages/sign_in.html");
const ADMIN_CONSENT: &str = include_str!("pages/admin_consent.html");
const CONSENT: &str = include_str!("pages/consent.html");
const DEVICE_CODE: &str = include_str!("pages/device_code.html");
const ERROR: &str = include_str!("pages/error.html");
const HOME: &str = include_str!("pages/home.html");

const PERSON: &str = "<button class=\"user\" name=\"username\" value=\"{username}\">\
     <span class=\"face\" aria-hidden=\"true\">{initials}</span>\
     <span class=\"who\"><strong>{name}</strong><span>{username}</span>\
     <small>{note}</small></span></button>\n";

const PERMISSION: &str = "<li><strong>{meaning}</strong> <code>{name}</code></li>\n";

const STANDING: &str = "<form class=\"row\" method=\"post\" action=\"/control\">\n\
     <input type=\"hidden\" name=\"username\" value=\"{username}\">\n\
     <span class=\"who\"><strong>{name}</strong><span>{username}</span>\
     <small>{note}. Now: {status}</small></span>\n\
     <button name=\"action\" value=\"disable\">Disable</button>\n\
     <button name=\"action\" value=\"enable\">Enable</button>\n\
     <button name=\"action\" value=\"revoke\">Revoke sessions</button>\n\
     </form>\n";

const AGAIN: &str = "<p><a class=\"button\" href=\"{again}\">Choose a different account</a></p>\n";

fn page(status: StatusCode, title: &str, body: &Html) -> Response<Bytes> {
    let slots = [("title", Slot::Text(title)), ("body", Slot::Html(body))];
    let html = Html::fill(PAGE, &slots).into_bytes();
    let mut response = response::of(status, "text/html; charset=utf-8", html);
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::PRAGMA, "no-cache"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// Who signs in? The user that the client hints at comes first.
pub(super) fn sign_in(users: &[&TestUser], hint: Option<&str>, sealed: &str) -> Response<Bytes> {
    let action = format!("/{TENANT_ID}/login");
    let body = choice(SIGN_IN, &action, users, hint, sealed);
    page(StatusCode::OK, "Sign in", &body)
}

/// Which administrator lets the application in?
pub(super) fn admin_consent(administrators: &[&TestUser], sealed: &str) -> Response<Bytes> {
    let action = format!("/{TENANT_ID}/adminconsent");
    let body = choice(ADMIN_CONSENT, &action, administrators, None, sealed);
    page(StatusCode::OK, "Permissions requested", &body)
}

/// Which code does the device show?
pub(super) fn device_code(is_unknown: bool) -> Response<Bytes> {
    let problem = match is_unknown {
        true => "That code is not known, or it has expired. Check it, and enter it again.",
        false => "",
    };
    let body = Html::fill(DEVICE_CODE, &[("problem", Slot::Text(problem))]);
    page(StatusCode::OK, "Enter code", &body)
}

/// Who signs in to the device?
pub(super) fn device_sign_in(users: &[&TestUser], sealed: &str) -> Response<Bytes> {
    let body = choice(SIGN_IN, "/devicelogin", users, None, sealed);
    page(StatusCode::OK, "Sign in", &body)
}

/// May the application on the device do this?
pub(super) fn device_consent(
    user: &TestUser,
    permissions: &[&Permission],
    sealed: &str,
) -> Response<Bytes> {
    let to = "the application on your device";
    consent_at("/devicelogin", user, permissions, to, sealed)
}

/// The device knows.
pub(super) fn device_done(is_signed_in: bool) -> Response<Bytes> {
    let (title, text) = match is_signed_in {
        true => (
            "You have signed in on your device",
            "You may close this page.",
        ),
        false => ("You have not signed in", "Nothing happened on your device."),
    };
    let slots = [("title", Slot::Text(title)), ("text", Slot::Text(text))];
    let body = Html::fill("<h1>{title}</h1>\n<p>{text}</p>", &slots);
    page(StatusCode::OK, title, &body)
}

/// A page that asks who somebody is.
fn choice(
    template: &'static str,
    action: &str,
    users: &[&TestUser],
    hint: Option<&str>,
    sealed: &str,
) -> Html {
    let is_hinted = |user: &TestUser| hint.is_some_and(|hint| is_called(user, hint));
    let all = || users.iter().copied();
    let first = all().filter(|user| is_hinted(user));
    let rest = all().filter(|user| !is_hinted(user));
    let mut cards = Html::default();
    for user in first.chain(rest) {
        let initials = format!("{}{}", initial(user.given_name), initial(user.surname));
        let slots = [
            ("username", Slot::Text(user.username)),
            ("initials", Slot::Text(&initials)),
            ("name", Slot::Text(user.display_name)),
            ("note", Slot::Text(user.note)),
        ];
        cards.push(&Html::fill(PERSON, &slots));
    }
    let slots = [
        ("application", Slot::Text(APPLICATION)),
        ("action", Slot::Text(action)),
        ("ctx", Slot::Text(sealed)),
        ("users", Slot::Html(&cards)),
    ];
    Html::fill(template, &slots)
}

fn initial(name: &str) -> char {
    name.chars().next().unwrap_or(' ')
}

fn is_called(user: &TestUser, hint: &str) -> bool {
    user.username.eq_ignore_ascii_case(hint.trim())
}

/// May the application do this?
pub(super) fn consent(
    user: &TestUser,
    permissions: &[&Permission],
    redirect_uri: &str,
    sealed: &str,
) -> Response<Bytes> {
    let action = format!("/{TENANT_ID}/consent");
    consent_at(&action, user, permissions, redirect_uri, sealed)
}

fn consent_at(
    action: &str,
    user: &TestUser,
    permissions: &[&Permission],
    redirect_uri: &str,
    sealed: &str,
) -> Response<Bytes> {
    let mut list = Html::default();
    for permission in permissions {
        let slots = [
            ("meaning", Slot::Text(permission.meaning)),
            ("name", Slot::Text(permission.name)),
        ];
        list.push(&Html::fill(PERMISSION, &slots));
    }
    let slots = [
        ("username", Slot::Text(user.username)),
        ("application", Slot::Text(APPLICATION)),
        ("redirect_uri", Slot::Text(redirect_uri)),
        ("permissions", Slot::Html(&list)),
        ("action", Slot::Text(action)),
        ("ctx", Slot::Text(sealed)),
    ];
    let body = Html::fill(CONSENT, &slots);
    page(StatusCode::OK, "Permissions requested", &body)
}

/// An error that the client does not receive. Where another account may help, `again` leads redirect.
pub(super) fn error(
    status: StatusCode,
    error: &AadstsError,
    cx: &RequestContext<'_>,
    again: Option<&str>,
) -> Response<Bytes> {
    let link = again.map(|again| Html::fill(AGAIN, &[("again", Slot::Text(again))]));
    let link = link.unwrap_or_default();
    let code = error.code.to_string();
    let timestamp = formats::entra(cx.now);
    let slots = [
        ("code", Slot::Text(&code)),
        ("text", Slot::Text(&error.text)),
        ("trace_id", Slot::Text(&cx.trace_id)),
        ("correlation_id", Slot::Text(&cx.correlation_id)),
        ("timestamp", Slot::Text(&timestamp)),
        ("again", Slot::Html(&link)),
    ];
    let body = Html::fill(ERROR, &slots);
    page(
        status,
        "Sorry, but we're having trouble signing you in",
        &body,
    )
}

/// The answer by `response_mode=form_post`: Entra's page sends itself by script, this one is sent
/// by hand.
pub(super) fn form_post(target: &str, parameters: &[(&str, String)]) -> Response<Bytes> {
    const FIELD: &str = "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n";
    const FORM: &str = "<h1>Signed in</h1>\n<form method=\"post\" action=\"{target}\">\n{fields}\
         <div class=\"buttons\"><button class=\"primary\" autofocus>Continue</button></div>\n</form>";
    let mut fields = Html::default();
    for (name, value) in parameters {
        let slots = [("name", Slot::Text(name)), ("value", Slot::Text(value))];
        fields.push(&Html::fill(FIELD, &slots));
    }
    let slots = [
        ("target", Slot::Text(target)),
        ("fields", Slot::Html(&fields)),
    ];
    page(StatusCode::OK, "Continue", &Html::fill(FORM, &slots))
}

/// The browser is signed out.
pub(super) fn signed_out() -> Response<Bytes> {
    let body = "<h1>You signed out of your account</h1>\n\
                <p>It's a good idea to close all browser windows.</p>";
    page(StatusCode::OK, "Signed out", &Html::fill(body, &[]))
}

/// A form of a page that is too old, or of before a restart.
pub(super) fn stale() -> Response<Bytes> {
    let body = "<h1>This page is out of date</h1>\n\
                <p>It is from an earlier sign-in, or from before the tenant was restarted. Please \
                begin to sign in anew, in the application.</p>";
    let title = "This page is out of date";
    page(StatusCode::BAD_REQUEST, title, &Html::fill(body, &[]))
}

/// A request that another site made the browser send.
pub(super) fn forbidden() -> Response<Bytes> {
    let body = "<h1>Not from there</h1>\n\
                <p>The development tenant is reached at its own address only, and its forms are \
                sent from its own pages.</p>";
    page(
        StatusCode::FORBIDDEN,
        "Not from there",
        &Html::fill(body, &[]),
    )
}

/// What the tenant is, who is in it, and what can be made to go wrong.
pub(super) fn home(users: &[Account]) -> Response<Bytes> {
    let mut rows = Html::default();
    for account in users {
        let slots = [
            ("username", Slot::Text(account.user.username)),
            ("name", Slot::Text(account.user.display_name)),
            ("note", Slot::Text(account.user.note)),
            ("status", Slot::Text(account.status.name())),
        ];
        rows.push(&Html::fill(STANDING, &slots));
    }
    let metadata = format!("/{TENANT_ID}/v2.0/.well-known/openid-configuration");
    let slots = [
        ("domain", Slot::Text(TENANT_DOMAIN)),
        ("metadata", Slot::Text(&metadata)),
        ("users", Slot::Html(&rows)),
    ];
    page(StatusCode::OK, TENANT_DOMAIN, &Html::fill(HOME, &slots))
}

/// The one style sheet.
pub(super) fn style_sheet() -> Response<Bytes> {
    let sheet = include_str!("pages/style.css");
    let mut response = response::of(StatusCode::OK, "text/css; charset=utf-8", sheet);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}

//! The consent page: who asks, where the answer goes, what for (threats A7, A10, A11).
//!
//! The place that the answer goes to is shown larger than the name, for anybody can call itself
//! anything, but the answer goes there and nowhere else.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::pages::{
    self, Kind,
    html::{Html, Slot},
};
use crate::{catalog::scope::Scope, oauth::redirect_uri::Destination};

const CONSENT: &str = r#"<p class="brand">entra-mcp</p>
<h1>Allow access?</h1>
<div class="place"><span>{label}</span><strong>{place}</strong></div>
{warning}
<p>{who} asks to use this server as you. It will be able to:</p>
<ul>
{scopes}</ul>
<form method="post" action="/consent">
<input type="hidden" name="request" value="{request}">
<div class="buttons">
<button class="primary" type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Cancel</button>
</div>
</form>
<p class="soft">If you approve, you are asked to sign in next. Your password and your Microsoft Entra
tokens are never given to this client.</p>"#;

const NAMED: &str = "A client that calls itself <strong class=\"name\">{name}</strong> (nobody has \
                     checked that name)";
const NAMELESS: &str = "A client that told no name";

const THIS_COMPUTER: &str = r#"<div class="warn" role="note">The answer goes to a program on
<strong>this computer</strong>. Approve only if you have just started to sign in from a program
here: any program that runs on this computer could be the one that asks.</div>"#;

const APP: &str = r#"<div class="warn" role="note">The answer goes to <strong>the app on this
device</strong> that opens <strong>{place}</strong> links. Approve only if you have just started to
sign in from that app: another app may have claimed those links.</div>"#;

/// The consent page of a request; `sealed` is the form's hidden field.
pub(crate) fn respond(
    client_name: Option<&str>,
    destination: Destination<'_>,
    scope: &Scope,
    sealed: &str,
) -> Response<Bytes> {
    let place = destination.to_string();
    let (label, warning) = match destination {
        Destination::Web(_) => ("You will be sent back to the web site", Html::default()),
        Destination::ThisComputer(_) => (
            "You will be sent back to a program on this computer",
            Html::fill(THIS_COMPUTER, &[]),
        ),
        Destination::App(_) => (
            "You will be sent back to the app that opens",
            Html::fill(APP, &[("place", Slot::Text(&place))]),
        ),
    };
    let who = match client_name {
        Some(name) => Html::fill(NAMED, &[("name", Slot::Text(name))]),
        None => Html::fill(NAMELESS, &[]),
    };
    let mut scopes = Html::default();
    for offered in scope.iter() {
        let slots = [
            ("words", Slot::Text(&offered.description)),
            ("name", Slot::Text(&offered.name)),
        ];
        let item = Html::fill("<li>{words} <code>{name}</code></li>\n", &slots);
        scopes.push(&item);
    }
    let slots = [
        ("label", Slot::Text(label)),
        ("place", Slot::Text(&place)),
        ("warning", Slot::Html(&warning)),
        ("who", Slot::Html(&who)),
        ("scopes", Slot::Html(&scopes)),
        ("request", Slot::Text(sealed)),
    ];
    let body = Html::fill(CONSENT, &slots);
    pages::page(
        StatusCode::OK,
        "Allow access? – entra-mcp",
        &body,
        Kind::Form,
    )
}

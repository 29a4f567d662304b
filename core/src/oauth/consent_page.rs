//! The consent page: who asks, where the answer goes, what for (threats A7, A10, A11).
//!
//! The place that the answer goes to is shown larger than the name, for anybody can call itself
//! anything, but the answer goes there and nowhere else.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::{
    client_label::{ClientLabel, Voucher},
    consent_form::ConsentForm,
};
use crate::pages::{
    self, Kind,
    html::{Html, Slot},
};
use crate::{
    config::{ClientAddress, Gateway},
    entropy::Entropy,
    env::Env,
    redirect_uri::Destination,
};

const CONSENT: &str = r#"<h1>Allow access?</h1>
<div class="place"><span>{label}</span><strong>{place}</strong></div>
{verified}{warning}
<p>{who} asks to use this server as you. It will be able to:</p>
<ul>
{scopes}</ul>
<form method="post" action="{action}">
<input type="hidden" name="request" value="{request}">
<div class="buttons">
<button class="primary" type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Cancel</button>
</div>
</form>
<p class="soft">{next} Your password and your Microsoft Entra tokens are never given to this client.</p>"#;

const BEFORE_SIGN_IN: &str = "If you approve, you are asked to sign in next.";

const AFTER_SIGN_IN: &str = "You are signed in as <strong class=\"name\">{username}</strong>. This client was \
                             approved in this browser before, but not with your account.";

const NAMED: &str = "A client that calls itself <strong class=\"name\">{name}</strong> (nobody has \
                     checked that name)";
const NAMELESS: &str = "A client that gave no name";

/// The site comes first: a name may say that it is verified by another.
const VERIFIED: &str =
    r#"A client that <strong>{host}</strong> describes as <strong class="name">{name}</strong>"#;

const REGISTERED: &str =
    r#"<strong class="name">{name}</strong> (registered by the operator of this server)"#;

/// The site says what the client is called and where it may return to. Which program on a computer it is that asks, no
/// site can say (MCP 2025-11-25, localhost redirect URI risks).
const VERIFIED_BY: &str = r#"<div class="place"><span>Verified by the web site</span><strong>{host}</strong>
<span>{pinned}</span></div>
"#;

const THIS_COMPUTER: &str = r#"<div class="warn" role="note">The answer goes to a program on
<strong>this computer</strong>. Approve only if you have just started to sign in from a program
here: any program that runs on this computer could be the one that asks.</div>"#;

const APP: &str = r#"<div class="warn" role="note">The answer goes to <strong>the app on this
device</strong> that opens <strong>{place}</strong> links. Approve only if you have just started to
sign in from that app: another app may have claimed those links.</div>"#;

const COPIED: &str = r#"<div class="warn" role="note">Approve only if <strong>you</strong> have just started to sign in from a
program that asks for this code. If somebody sent you here, or asks you for the code, cancel: whoever gets it gets access
in your name.</div>"#;

const DEVICE: &str = r#"<div class="warn" role="note">A device {place} asked for this {when}. Approve only if that was
<strong>you</strong>, on your own device. If somebody sent you the code, cancel: they would get access in your name.</div>"#;

/// Which device a user is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    /// Where it is, if that is known.
    pub(crate) address: Option<ClientAddress>,
    /// How many whole minutes ago it asked.
    pub(crate) minutes: u64,
}

/// Who asks, and who vouches for the name.
fn describe(client: &ClientLabel) -> (Html, Html) {
    let name = client.name.as_deref();
    match (&client.voucher, name) {
        (Voucher::Site { host, pinned }, name) => {
            let name = name.unwrap_or(host);
            let pinned = match pinned.as_deref() {
                None => "It describes this client, and was asked just now or lately.".to_owned(),
                Some("") => "The operator of this server vouches for that; the site was not asked."
                    .to_owned(),
                Some(seen) => format!(
                    "It described this client so on {seen}; this server has a copy, and did not ask it again."
                ),
            };
            let slots = [
                ("host", Slot::Text(host)),
                ("name", Slot::Text(name)),
                ("pinned", Slot::Text(&pinned)),
            ];
            (
                Html::fill(VERIFIED, &slots),
                Html::fill(VERIFIED_BY, &slots),
            )
        }
        (Voucher::Operator, Some(name)) => (
            Html::fill(REGISTERED, &[("name", Slot::Text(name))]),
            Html::default(),
        ),
        (Voucher::Nobody, Some(name)) => (
            Html::fill(NAMED, &[("name", Slot::Text(name))]),
            Html::default(),
        ),
        (Voucher::Nobody | Voucher::Operator, None) => (Html::fill(NAMELESS, &[]), Html::default()),
    }
}

/// Whose tools a client gets, and what that server is told and given (threat R4).
fn behind(gateway: &Gateway) -> &'static str {
    match (&gateway.identity.entra, gateway.identity.tells()) {
        (Some(_), _) => {
            "<li>Use the tools of the MCP server at <strong>{backend}</strong>, which is told who you are, and may act as you: it gets access \
             tokens of yours for <code>{scopes}</code></li>\n"
        }
        (None, true) => {
            "<li>Use the tools of the MCP server at <strong>{backend}</strong>, which is told who you are</li>\n"
        }
        (None, false) => "<li>Use the tools of the MCP server at <strong>{backend}</strong></li>\n",
    }
}

/// The consent page of a device (RFC 8628 section 5.4): what there is to see of it.
pub(crate) fn respond_for_device(
    form: &ConsentForm,
    device: Device,
    env: Env<'_>,
    entropy: &mut Entropy,
) -> Response<Bytes> {
    let place = match device.address {
        Some(address) => format!("at the address {address}"),
        None => "that is on this computer, or behind the same proxy,".to_owned(),
    };
    let when = match device.minutes {
        0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    };
    let slots = [("place", Slot::Text(&place)), ("when", Slot::Text(&when))];
    let returned_to = ReturnedTo {
        label: "You connect the device that shows the code",
        place: form
            .request
            .redirect_target
            .state
            .clone()
            .unwrap_or_default(),
        warning: Html::fill(DEVICE, &slots),
    };
    let next = Html::fill(BEFORE_SIGN_IN, &[]);
    page(form, &returned_to, &next, env, entropy)
}

/// The consent page of a request, with the name of the user if they have signed in already.
pub(crate) fn respond(
    form: &ConsentForm,
    username: Option<&str>,
    env: Env<'_>,
    entropy: &mut Entropy,
) -> Response<Bytes> {
    let destination = form.request.redirect_target.redirect_uri.destination();
    let next = match &form.session {
        None => Html::fill(BEFORE_SIGN_IN, &[]),
        Some(_) => {
            let username = username.unwrap_or("the user who has just signed in");
            Html::fill(AFTER_SIGN_IN, &[("username", Slot::Text(username))])
        }
    };
    let place = destination.to_string();
    let redirect_uri = &form.request.redirect_target.redirect_uri;
    let (label, warning) = match destination {
        _ if env.server.config.has_code_page_at(redirect_uri) => {
            return page(form, &copied(), &next, env, entropy);
        }
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
    let returned_to = ReturnedTo {
        label,
        place,
        warning,
    };
    page(form, &returned_to, &next, env, entropy)
}

/// Where the answer goes, as the page shows it.
struct ReturnedTo {
    label: &'static str,
    place: String,
    warning: Html,
}

/// The user takes the answer along.
fn copied() -> ReturnedTo {
    ReturnedTo {
        label: "You will be shown",
        place: "a code to copy".to_owned(),
        warning: Html::fill(COPIED, &[]),
    }
}

fn page(
    form: &ConsentForm,
    returned_to: &ReturnedTo,
    next: &Html,
    env: Env<'_>,
    entropy: &mut Entropy,
) -> Response<Bytes> {
    let sealed = form.seal(env, entropy);
    let (who, verified) = describe(&form.client_label);
    let mut scopes = Html::default();
    let config = &env.server.config;
    let endpoint = config.public_url.endpoint_of(&form.request.resource);
    if let Some(gateway) = config.gateway_at(endpoint) {
        let shown = gateway.shown();
        let given = gateway.identity.entra.as_deref().unwrap_or_default();
        let slots = [
            ("backend", Slot::Text(shown.as_str())),
            ("scopes", Slot::Text(given)),
        ];
        let item = Html::fill(behind(gateway), &slots);
        scopes.push(&item);
    }
    for offered in form.request.scope.iter() {
        let slots = [
            ("description", Slot::Text(&offered.description)),
            ("name", Slot::Text(&offered.name)),
        ];
        let item = Html::fill("<li>{description} <code>{name}</code></li>\n", &slots);
        scopes.push(&item);
    }
    let action = env.server.config.public_url.base_path().join("/consent");
    let slots = [
        ("action", Slot::Text(&action)),
        ("label", Slot::Text(returned_to.label)),
        ("place", Slot::Text(&returned_to.place)),
        ("verified", Slot::Html(&verified)),
        ("warning", Slot::Html(&returned_to.warning)),
        ("who", Slot::Html(&who)),
        ("scopes", Slot::Html(&scopes)),
        ("request", Slot::Text(&sealed)),
        ("next", Slot::Html(next)),
    ];
    let body = Html::fill(CONSENT, &slots);
    pages::page(StatusCode::OK, "Allow access?", &body, Kind::Form, env)
}

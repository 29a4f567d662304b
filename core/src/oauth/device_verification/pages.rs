//! The pages on which a user types a code and is told how it went.

use std::time::Duration;

use ::http::{Response, StatusCode, header};
use bytes::Bytes;

use super::Decided;
use crate::{
    env::Env,
    pages::{
        self, Kind,
        html::{Html, Slot},
    },
    throttle::whole_seconds,
};

const FORM: &str = r#"<h1>Connect a device</h1>
{problem}
<p>Type the code that the device, or the program in its terminal, shows you.</p>
<form method="post" action="{action}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" type="text" required autofocus autocomplete="off" autocapitalize="characters"
spellcheck="false" maxlength="16" placeholder="BCDF-GHJK">
<div class="buttons"><button class="primary" type="submit">Continue</button></div>
</form>
<div class="warn" role="note">Go on only if <strong>you</strong> have just started this on your own device. If somebody
sent you a code, or a link to this page, stop: they would get access in your name.</div>"#;

const PROBLEM: &str = r#"<div class="warn" role="alert">No device waits for this code. A code is good for ten minutes, and
once.</div>"#;

const RESULT: &str = "<h1>{title}</h1>\n<p>{text}</p>";

/// The form. Nothing is filled in, also where the link holds a code.
pub(super) fn form(env: Env<'_>) -> Response<Bytes> {
    form_with(StatusCode::OK, &Html::default(), env)
}

pub(super) fn unknown_code(env: Env<'_>) -> Response<Bytes> {
    form_with(StatusCode::BAD_REQUEST, &Html::fill(PROBLEM, &[]), env)
}

fn form_with(status: StatusCode, problem: &Html, env: Env<'_>) -> Response<Bytes> {
    let action = env.server.config.public_url.base_path().join("/device");
    let slots = [
        ("problem", Slot::Html(problem)),
        ("action", Slot::Text(&action)),
    ];
    let body = Html::fill(FORM, &slots);
    pages::page(status, "Connect a device", &body, Kind::Form, env)
}

pub(super) fn too_many_codes(wait: Duration, request_id: &str, env: Env<'_>) -> Response<Bytes> {
    let seconds = whole_seconds(wait);
    let text = format!(
        "Too many codes that no device waits for were typed here. Try again in {seconds} seconds."
    );
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = pages::error(status, "Too many wrong codes", &text, request_id, env);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    response
}

pub(super) fn not_served(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::NOT_FOUND,
        "Devices cannot be connected here",
        "The operator of this server has not turned on device authorization.",
        request_id,
        env,
    )
}

/// The store does not answer.
pub(super) fn unavailable(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "Devices cannot be connected just now",
        "The devices that wait cannot be looked up. Wait a moment, then reload this page.",
        request_id,
        env,
    )
}

/// There is nothing for the device.
pub(super) fn failed(request_id: &str, env: Env<'_>) -> Response<Bytes> {
    pages::error(
        StatusCode::BAD_REQUEST,
        "The device is not connected",
        "The sign-in did not succeed. The code of your device can be typed once more while it is good.",
        request_id,
        env,
    )
}

pub(super) fn decided(decided: Decided, is_waiting: bool, env: Env<'_>) -> Response<Bytes> {
    let (status, title, text) = match (decided, is_waiting) {
        (Decided::Approved, true) => (
            StatusCode::OK,
            "The device is connected",
            "Go back to your device: it goes on by itself in a few seconds. You can close this page.",
        ),
        (Decided::Denied, true) => (
            StatusCode::OK,
            "The device is not connected",
            "You said no, and the device is told so. You can close this page.",
        ),
        (_, false) => (
            StatusCode::GONE,
            "The device does not wait any more",
            "It has had its answer, or its ten minutes are over. If it is not connected, begin again on the device.",
        ),
    };
    let slots = [("title", Slot::Text(title)), ("text", Slot::Text(text))];
    let title = "Connect a device";
    pages::page(status, title, &Html::fill(RESULT, &slots), Kind::Plain, env)
}

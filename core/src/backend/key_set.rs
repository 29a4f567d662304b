//! `GET /jwks.json`: the public keys that assertions are verified with (RFC 7517 section 5).
//!
//! Session tokens have none among them: they are signed with a secret, and no backend can be made to take one.

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::{
    ask::Awaiting,
    event::Answer,
    http::response,
    hub::{AssertionMessage, NeedSigningKeys, ToHubKind},
    step::{Cx, Progress},
};

/// The keys are waited for.
#[derive(Debug)]
pub(crate) struct KeySet(Awaiting<NeedSigningKeys>);

/// For how long others may keep it: an hour, of the day by which keys are published before they are used.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=3600");

impl KeySet {
    pub(crate) fn start(cx: &mut Cx<'_>) -> Progress<Self> {
        let mut gateways = cx.env.server.config.gateways();
        if !gateways.any(|(_, gateway)| gateway.signs()) {
            return cx.done(response::not_found());
        }
        let need = |ticket| ToHubKind::Assertion(AssertionMessage::NeedKeys(ticket));
        Progress::Pending(Self(cx.ask_hub(need)))
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let response = match self.0.into_answer(answer) {
            Some(keys) => published(response::json(
                StatusCode::OK,
                &keys.key_set(cx.env.now.unix),
            )),
            None => response::unavailable(),
        };
        cx.done(response)
    }
}

fn published(mut response: Response<Bytes>) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    response
}

//! POST /token: a code or a refresh token in, a session token out.

use ::http::Request;
use bytes::Bytes;

use crate::{
    event::Event,
    exchange::{Cx, Next},
    http::answer,
};

/// The states.
#[derive(Debug)]
pub(crate) enum Token {}

impl Token {
    /// Begins.
    pub(crate) fn start(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }
    /// The next state after an event.
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> Next<Self> {
        match self {}
    }
}

//! POST /message: a message of HTTP+SSE (2024-11-05), answered on its stream.

use ::http::Request;
use bytes::Bytes;

use crate::{
    event::Event,
    exchange::{Cx, Next},
    http::answer,
};

/// The states.
#[derive(Debug)]
pub(crate) enum PostMessage {}

impl PostMessage {
    /// Begins.
    pub(crate) fn start(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }
    /// The next state after an event.
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> Next<Self> {
        match self {}
    }
}

//! GET /sse and GET /mcp: the long-lived streams.

use ::http::Request;
use bytes::Bytes;

use crate::{
    event::Event,
    exchange::{Cx, Next},
    http::answer,
};

/// The states.
#[derive(Debug)]
pub(crate) enum Stream {}

impl Stream {
    /// Begins.
    pub(crate) fn open(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }

    /// Begins.
    pub(crate) fn listen(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }
    /// The next state after an event.
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> Next<Self> {
        match self {}
    }
}

//! GET /authorize and POST /consent: the user is asked here, before Entra is involved.

use ::http::Request;
use bytes::Bytes;

use crate::{
    event::Event,
    exchange::{Cx, Next},
    http::answer,
};

/// The states.
#[derive(Debug)]
pub(crate) enum Consent {}

impl Consent {
    /// Begins.
    pub(crate) fn authorize(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }

    /// Begins.
    pub(crate) fn decide(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<Self> {
        cx.done(answer::not_found())
    }
    /// The next state after an event.
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> Next<Self> {
        match self {}
    }
}

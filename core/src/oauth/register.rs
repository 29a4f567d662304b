//! POST /register: stateless dynamic client registration (RFC 7591).

use ::http::Request;
use bytes::Bytes;

use crate::{
    exchange::{Cx, Next},
    http::answer,
};

/// Registers a client.
pub(crate) fn respond<S>(_request: &Request<Bytes>, cx: &mut Cx<'_>) -> Next<S> {
    cx.done(answer::not_found())
}

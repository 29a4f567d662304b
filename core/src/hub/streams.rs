//! Who listens on which stream: bounded for each owner and in all.

use std::collections::VecDeque;

use bytes::Bytes;

use super::HubOutput;
use crate::{exchange::ExchangeId, session::SessionId};

/// The name of a stream: the `sessionId` of HTTP+SSE, or the id of an MCP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) [u8; 16]);

/// Whose stream: the SHA-256 of tenant, person and client, never of a token's bytes
/// (products.md 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner(pub(crate) [u8; 32]);

/// Which transport a stream belongs to; their names are not interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StreamKind {
    /// HTTP+SSE.
    Sse,
    /// The GET stream of Streamable HTTP.
    Streamable,
}

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct Streams {}

impl Streams {
    pub(super) fn open(
        &mut self,
        _from: ExchangeId,
        _stream: StreamId,
        _owner: Owner,
        _session: SessionId,
        _kind: StreamKind,
        _out: &mut VecDeque<HubOutput>,
    ) {
    }

    pub(super) fn leave(&mut self, _from: ExchangeId) {}

    pub(super) fn deliver(
        &mut self,
        _from: ExchangeId,
        _stream: StreamId,
        _owner: Owner,
        _bytes: Bytes,
        _out: &mut VecDeque<HubOutput>,
    ) {
    }

    pub(super) fn end_session(&mut self, _session: SessionId, _out: &mut VecDeque<HubOutput>) {}

    pub(super) fn end(&mut self, _stream: StreamId, _owner: Owner, _out: &mut VecDeque<HubOutput>) {
    }
}

//! What waits to be sent on one stream.
//!
//! A stream asks for what comes next when it has sent what it was given, and is answered once. So it has at
//! most one message of its own unread, however slowly its client reads; what comes meanwhile waits here.
//! Events are bounded by their bytes: whoever sends more waits for room. What has changed, the end of the
//! token and the end of the stream are said once, however often they come.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{EndReason, StreamOutput};
use crate::{id::ExchangeId, limits};

/// What waits to be sent on one stream, and who waits for room in it.
#[derive(Debug, Default)]
pub(super) struct StreamQueue {
    pub(super) next: StreamOutput,
    /// The bytes of the events.
    bytes: usize,
    /// Whether the stream has to end: nothing is added any more.
    pub(super) is_ending: bool,
    /// Whether the stream has sent what it was given.
    pub(super) is_awaited: bool,
    /// Those that have put events here.
    pub(super) producers: BTreeSet<ExchangeId>,
    /// Those that ask whether messages are taken.
    pub(super) finders: Vec<ExchangeId>,
}

impl StreamQueue {
    /// Whether another event is taken.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < limits::STREAM_QUEUE_BYTES
    }

    /// Adds events.
    pub(super) fn push(&mut self, events: Vec<Bytes>) {
        if !self.is_ending {
            self.bytes += events.iter().map(Bytes::len).sum::<usize>();
            self.next.events.extend(events);
        }
    }

    /// The stream ends after what it was given. The first reason counts.
    pub(super) fn end(&mut self, reason: EndReason) {
        if !std::mem::replace(&mut self.is_ending, true) {
            self.next.end = Some(reason);
        }
    }

    /// What the stream sends next, if it waits for that and there is something.
    pub(super) fn take(&mut self) -> Option<StreamOutput> {
        if !self.is_awaited || self.next == StreamOutput::default() {
            return None;
        }
        self.is_awaited = false;
        self.bytes = 0;
        Some(std::mem::take(&mut self.next))
    }
}

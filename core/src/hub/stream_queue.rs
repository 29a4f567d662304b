//! What waits to be sent on one stream.
//!
//! A stream asks for what comes next when it has sent what it was given, and is answered once. So it has at
//! most one message of its own unread, however slowly its client reads; what comes meanwhile waits here.
//! Events are bounded by their bytes: whoever sends more waits for room. What has changed, the end of the
//! token and the end of the stream are said once, however often they come.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Deliver, EndReason, FindStream, HubOutput, ReadStream, StreamOutput, asks::Waiter};
use crate::{id::ExchangeId, limits};

/// What waits to be sent on one stream, and who waits for room in it.
#[derive(Debug, Default)]
pub(super) struct StreamQueue {
    pub(super) next: StreamOutput,
    /// The bytes of the events.
    bytes: usize,
    /// Whether the stream has to end: nothing is added any more.
    pub(super) is_ending: bool,
    /// The stream, if it has sent what it was given.
    pub(super) reader: Option<Waiter<ReadStream>>,
    /// Those that have put events here; each waits for one answer, whatever it has put here.
    pub(super) producers: BTreeMap<ExchangeId, Waiter<Deliver>>,
    /// Those that ask whether messages are taken.
    pub(super) finders: Vec<Waiter<FindStream>>,
}

impl StreamQueue {
    /// Whether another event is taken.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < limits::STREAM_QUEUE_BYTES
    }

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

    /// Gives the stream what it sends next, if it waits for that and there is something.
    pub(super) fn take(&mut self) -> Option<HubOutput> {
        if self.next == StreamOutput::default() {
            return None;
        }
        let reader = self.reader.take()?;
        self.bytes = 0;
        Some(reader.answer(std::mem::take(&mut self.next)))
    }
}

//! Streams that are resumed: they are counted like all others, and read from a replay buffer.

use super::{FromHub, FromHubKind, Hub, HubOutput, StreamKind, StreamRefusal};
use crate::{
    id::{ExchangeId, PrincipalId, SessionId, UserId},
    time::UnixTime,
};

impl Hub {
    /// Opens a stream: one that is resumed, if there is such an event to go on from.
    pub(super) fn open_stream(
        &mut self,
        from: ExchangeId,
        owner: (PrincipalId, UserId),
        token: (SessionId, UnixTime),
        kind: StreamKind,
    ) -> Result<(), StreamRefusal> {
        self.close_stream(from);
        let StreamKind::Resumed {
            mcp_session,
            stream,
            after,
        } = kind
        else {
            return self.streams.open(from, owner, token, kind);
        };
        let at = (stream, after);
        if !self.replays.has(at, owner.0, mcp_session) {
            return Err(StreamRefusal::NoSuchEvent);
        }
        self.streams.open(from, owner, token, kind)?;
        if let Some(writer) = self.replays.follow(from, at) {
            let taken_over = FromHub(FromHubKind::ReplayTakenOver);
            self.outputs
                .push_back(HubOutput::Deliver(writer, taken_over));
        }
        Ok(())
    }

    /// Gives resumed streams what is new for them.
    pub(super) fn feed_woken(&mut self) {
        for id in self.replays.take_woken() {
            self.feed(id);
        }
    }

    /// Gives a resumed stream what is kept for it, if it has sent what it was given before.
    pub(super) fn feed(&mut self, id: ExchangeId) {
        if self.streams.has_reader(id)
            && let Some((events, end)) = self.replays.read(id)
        {
            self.streams.push(id, events, end, &mut self.outputs);
        }
    }
}

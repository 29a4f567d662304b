//! Which of a session's refresh tokens was presented.

use super::RefreshRequest;
use crate::{
    oauth::opaque_token::OpaqueToken,
    planted::Planted,
    session::record::{Generation, Predecessor, Refresh},
    step::Cx,
};

impl RefreshRequest {
    /// What the presented token is to the session.
    pub(super) fn generation<'a>(&self, refresh: &'a Refresh, cx: &Cx<'_>) -> Generation<'a> {
        let server = cx.env.server;
        if server.has(Planted::ReuseIgnored) {
            return Generation::Current;
        }
        let reuse = server.config.lifetimes.refresh_reuse;
        match refresh.generation(self.presented.hash, reuse, cx.env.now.unix) {
            Generation::Repeated(_) if server.has(Planted::WindowIgnored) => Generation::Replayed,
            generation => generation,
        }
    }

    /// The token that is good: each of those between opens the next one.
    pub(super) fn live(
        &self,
        between: &[Predecessor],
        refresh: &Refresh,
        cx: &Cx<'_>,
    ) -> Option<OpaqueToken> {
        let keys = &cx.env.server.keys;
        let (first, rest) = between.split_first()?;
        let mut live = self.presented.open_successor(&first.successor, keys)?;
        for next in rest {
            live = live.open_successor(&next.successor, keys)?;
        }
        (live.hash == refresh.current).then_some(live)
    }
}

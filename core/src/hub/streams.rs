//! The open streams: bounded for each owner and in all.
//!
//! The id of an MCP session is a name, not a credential: whoever delivers to a stream or ends one must be
//! its owner, and the names of one transport are unknown to the other (threats I2, I4, M4).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::{
    FromHub, FromHubKind, HubOutput, Negotiated, StreamKind, SubscriptionFilter, counts::Counts,
    session_settings::SessionSettings,
};
use crate::{
    catalog::ChangeNotification,
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId},
    limits,
    time::UnixTime,
};

impl SubscriptionFilter {
    fn wants(&self, change: &ChangeNotification) -> bool {
        match change {
            ChangeNotification::Tools => self.tools,
            ChangeNotification::Prompts => self.prompts,
            ChangeNotification::Resources => self.resources,
            ChangeNotification::Resource(uri) => self.uris.contains(uri),
        }
    }
}

impl StreamKind {
    fn mcp_session(&self) -> Option<McpSessionId> {
        match self {
            Self::Sse(mcp_session) | Self::Standalone(mcp_session) => Some(*mcp_session),
            Self::Resumed | Self::Subscription(_) => None,
        }
    }
}

/// An open stream.
#[derive(Debug)]
struct Stream {
    principal: PrincipalId,
    session: SessionId,
    token_expires: UnixTime,
    kind: StreamKind,
    negotiated: Option<Negotiated>,
    /// Whether its session was revoked: it ends as soon as its calls have.
    is_ending: bool,
}

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<ExchangeId, Stream>,
    sse: BTreeMap<McpSessionId, ExchangeId>,
    of_principal: Counts,
}

impl Streams {
    /// How many streams are open, and the most of one owner.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.open.len(), self.of_principal.most())
    }

    pub(super) fn open(
        &mut self,
        from: ExchangeId,
        principal: PrincipalId,
        (session, token_expires): (SessionId, UnixTime),
        kind: StreamKind,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.close(from);
        let has_room = self.of_principal.of(principal) < limits::STREAMS_PER_PRINCIPAL
            && self.open.len() < limits::STREAMS;
        if has_room {
            self.of_principal.add(principal);
            if let StreamKind::Sse(mcp_session) = kind {
                self.sse.insert(mcp_session, from);
            }
            let stream = Stream {
                principal,
                session,
                token_expires,
                kind,
                negotiated: None,
                is_ending: false,
            };
            self.open.insert(from, stream);
        }
        out.push_back(deliver(from, FromHubKind::StreamOpened(has_room)));
    }

    pub(super) fn close(&mut self, from: ExchangeId) {
        let Some(stream) = self.open.remove(&from) else {
            return;
        };
        if let StreamKind::Sse(mcp_session) = stream.kind {
            self.sse.remove(&mcp_session);
        }
        self.of_principal.remove(stream.principal);
    }

    /// Finds a HTTP+SSE stream. It lives on with a newer token of its session.
    pub(super) fn find(
        &mut self,
        from: ExchangeId,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        (session, token_expires): (SessionId, UnixTime),
        out: &mut VecDeque<HubOutput>,
    ) {
        let found = self.sse(mcp_session, principal);
        let found = found.map(|(id, stream)| (id, stream.negotiated));
        if let Some((id, _)) = found
            && let Some(stream) = self.open.get_mut(&id)
            && stream.session == session
            && stream.token_expires < token_expires
        {
            stream.token_expires = token_expires;
            out.push_back(deliver(id, FromHubKind::TokenRenewed(token_expires)));
        }
        let negotiated = found.map(|(_, negotiated)| negotiated);
        out.push_back(deliver(from, FromHubKind::StreamFound(negotiated)));
    }

    pub(super) fn negotiated(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        negotiated: Negotiated,
    ) {
        let Some((id, _)) = self.sse(mcp_session, principal) else {
            return;
        };
        if let Some(stream) = self.open.get_mut(&id) {
            stream.negotiated = Some(negotiated);
        }
    }

    pub(super) fn deliver(
        &self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        bytes: Bytes,
        out: &mut VecDeque<HubOutput>,
    ) {
        if let Some((to, _)) = self.sse(mcp_session, principal) {
            out.push_back(deliver(to, FromHubKind::Deliver(bytes)));
        }
    }

    /// A session was revoked: its streams end; one of HTTP+SSE after its calls, whose errors it sends.
    pub(super) fn end_session(
        &mut self,
        session: SessionId,
        has_calls: impl Fn(McpSessionId) -> bool,
        out: &mut VecDeque<HubOutput>,
    ) {
        for stream in self.open.values_mut() {
            let is_awaited =
                matches!(stream.kind, StreamKind::Sse(mcp_session) if has_calls(mcp_session));
            stream.is_ending |= stream.session == session && is_awaited;
        }
        self.end_where(|stream| stream.session == session && !stream.is_ending, out);
    }

    /// The last call that kept a stream of a revoked session open has ended.
    pub(super) fn calls_ended(
        &mut self,
        session: SessionId,
        mcp_session: McpSessionId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_its = |stream: &Stream| stream.session == session && stream.is_ending;
        let kind = StreamKind::Sse(mcp_session);
        self.end_where(|stream| is_its(stream) && stream.kind == kind, out);
    }

    pub(super) fn end(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_meant = |stream: &Stream| {
            stream.principal == principal && stream.kind.mcp_session() == Some(mcp_session)
        };
        self.end_where(is_meant, out);
    }

    fn end_where(&mut self, ends: impl Fn(&Stream) -> bool, out: &mut VecDeque<HubOutput>) {
        let ended = self.open.iter().filter(|(_, stream)| ends(stream));
        let ended: Vec<ExchangeId> = ended.map(|(id, _)| *id).collect();
        for id in ended {
            self.close(id);
            out.push_back(deliver(id, FromHubKind::EndStream));
        }
    }

    /// Tells every stream that listens for it that something changed.
    pub(super) fn notify_changed(
        &self,
        change: &ChangeNotification,
        settings: &SessionSettings,
        out: &mut VecDeque<HubOutput>,
    ) {
        let mut told = BTreeSet::new();
        for (id, stream) in &self.open {
            let listens = match (&stream.kind, change) {
                (StreamKind::Subscription(filter), _) => filter.wants(change),
                (StreamKind::Resumed, _) => false,
                (
                    StreamKind::Sse(mcp_session) | StreamKind::Standalone(mcp_session),
                    ChangeNotification::Resource(uri),
                ) => settings.is_subscribed(*mcp_session, stream.principal, uri),
                (StreamKind::Sse(_), _) => stream.negotiated.is_some(),
                (StreamKind::Standalone(_), _) => true,
            };
            // A message goes to one of the streams of a session (transports, multiple connections).
            let is_first = stream.kind.mcp_session().is_none_or(|one| told.insert(one));
            if listens && is_first {
                out.push_back(deliver(*id, FromHubKind::Changed(change.clone())));
            }
        }
    }

    /// The MCP session of the HTTP+SSE stream that an exchange holds, if it holds one.
    pub(super) fn sse_of(&self, id: ExchangeId) -> Option<(McpSessionId, PrincipalId)> {
        let stream = self.open.get(&id)?;
        match stream.kind {
            StreamKind::Sse(mcp_session) => Some((mcp_session, stream.principal)),
            _ => None,
        }
    }

    /// The HTTP+SSE stream of this MCP session, if it is this owner's.
    fn sse(
        &self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
    ) -> Option<(ExchangeId, &Stream)> {
        let id = *self.sse.get(&mcp_session)?;
        let stream = self.open.get(&id)?;
        (stream.principal == principal).then_some((id, stream))
    }
}

fn deliver(to: ExchangeId, message: FromHubKind) -> HubOutput {
    HubOutput::Deliver(to, FromHub(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);

    fn mcp_session(byte: u8) -> McpSessionId {
        McpSessionId([byte; 16])
    }

    fn session(byte: u8) -> SessionId {
        SessionId::new([byte; 16])
    }

    #[derive(Default)]
    struct Table {
        streams: Streams,
        out: VecDeque<HubOutput>,
    }

    impl Table {
        fn open(
            &mut self,
            id: u64,
            principal: PrincipalId,
            kind: fn(McpSessionId) -> StreamKind,
        ) -> bool {
            let byte = u8::try_from(id % 200).unwrap();
            let (kind, session) = (kind(mcp_session(byte)), session(byte));
            let out = &mut self.out;
            self.streams
                .open(ExchangeId(id), principal, (session, UnixTime(0)), kind, out);
            matches!(
                self.out.pop_back(),
                Some(HubOutput::Deliver(
                    _,
                    FromHub(FromHubKind::StreamOpened(true))
                ))
            )
        }

        fn delivered(&mut self, to: McpSessionId, principal: PrincipalId) -> bool {
            let out = &mut self.out;
            self.streams.deliver(to, principal, Bytes::from("x"), out);
            let told = self.out.pop_back();
            matches!(
                told,
                Some(HubOutput::Deliver(_, FromHub(FromHubKind::Deliver(_))))
            )
        }
    }

    // I2, I4
    #[test]
    fn a_stream_is_delivered_to_by_its_owner_only() {
        let mut table = Table::default();
        assert!(table.open(1, ALICE, StreamKind::Sse));
        assert!(table.delivered(mcp_session(1), ALICE));
        assert!(!table.delivered(mcp_session(1), BOB));
        assert!(!table.delivered(mcp_session(2), ALICE));
    }

    // I3
    #[test]
    fn ids_of_the_transports_are_not_interchangeable() {
        let mut table = Table::default();
        assert!(table.open(1, ALICE, StreamKind::Standalone));
        assert!(!table.delivered(mcp_session(1), ALICE));
    }

    // I6, M4
    #[test]
    fn streams_of_one_user_are_bounded_and_closing_makes_room() {
        let mut table = Table::default();
        let limit = u64::try_from(limits::STREAMS_PER_PRINCIPAL).unwrap();
        for id in 0..limit {
            assert!(table.open(id, ALICE, StreamKind::Sse));
        }
        assert!(!table.open(limit, ALICE, StreamKind::Sse));
        assert!(table.open(limit + 1, BOB, StreamKind::Sse));
        table.streams.close(ExchangeId(0));
        assert!(table.open(limit, ALICE, StreamKind::Sse));
    }

    #[test]
    fn streams_of_the_server_are_bounded() {
        let mut table = Table::default();
        for id in 0..u64::try_from(limits::STREAMS).unwrap() {
            let mut principal = [0; 32];
            principal[..8].copy_from_slice(&id.to_be_bytes());
            assert!(table.open(id, PrincipalId(principal), StreamKind::Sse));
        }
        assert!(!table.open(u64::MAX, BOB, StreamKind::Sse));
    }

    // I7
    #[test]
    fn a_revoked_session_and_a_closed_stream_take_their_names_with_them() {
        let mut table = Table::default();
        table.open(1, ALICE, StreamKind::Sse);
        table.open(2, ALICE, StreamKind::Sse);
        table
            .streams
            .end_session(session(1), |_| false, &mut table.out);
        assert!(matches!(
            table.out.pop_front(),
            Some(HubOutput::Deliver(
                ExchangeId(1),
                FromHub(FromHubKind::EndStream)
            ))
        ));
        assert!(table.out.is_empty());
        assert!(!table.delivered(mcp_session(1), ALICE));
        table.streams.close(ExchangeId(2));
        assert!(!table.delivered(mcp_session(2), ALICE));
        assert!(table.streams.of_principal.is_empty() && table.streams.sse.is_empty());
    }

    // I2
    #[test]
    fn a_stream_is_ended_by_its_owner_only() {
        let mut table = Table::default();
        table.open(1, ALICE, StreamKind::Standalone);
        table.streams.end(mcp_session(1), BOB, &mut table.out);
        assert!(table.out.is_empty());
        table.streams.end(mcp_session(1), ALICE, &mut table.out);
        assert!(!table.out.is_empty());
    }

    #[test]
    fn a_change_is_told_on_one_stream_of_a_session() {
        let mut table = Table::default();
        // The same session twice, and another.
        for id in [1, 201, 2] {
            assert!(table.open(id, ALICE, StreamKind::Standalone));
        }
        let (change, settings) = (ChangeNotification::Tools, SessionSettings::default());
        table
            .streams
            .notify_changed(&change, &settings, &mut table.out);
        assert_eq!(table.out.len(), 2);
    }
}

//! Who listens on which stream: bounded for each owner and in all.
//!
//! The name of a stream is a name, not a credential: whoever delivers to one or ends one must be
//! its owner, and the names of one transport are unknown to the other (threats I2, I4, M4).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::{
    Agreed, FromHub, FromHubKind, HubOutput, StreamKind, Wants, counts::Counts,
    session_settings::Wishes,
};
use crate::{
    catalog::ChangeNotification,
    id::{ExchangeId, Owner, SessionId, StreamId},
    limits,
};

impl Wants {
    fn change(&self, change: &ChangeNotification) -> bool {
        match change {
            ChangeNotification::Tools => self.tools,
            ChangeNotification::Prompts => self.prompts,
            ChangeNotification::Resources => self.resources,
            ChangeNotification::Resource(uri) => self.uris.contains(uri),
        }
    }
}

/// An open stream.
#[derive(Debug)]
struct Open {
    stream: StreamId,
    owner: Owner,
    session: SessionId,
    kind: StreamKind,
    agreed: Option<Agreed>,
}

/// The open streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<ExchangeId, Open>,
    by_name: BTreeSet<(StreamId, ExchangeId)>,
    of_owner: Counts,
}

impl Streams {
    /// How many streams are open, and the most of one owner.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.open.len(), self.of_owner.most())
    }

    pub(super) fn open(
        &mut self,
        from: ExchangeId,
        stream: StreamId,
        owner: Owner,
        session: SessionId,
        kind: StreamKind,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.leave(from);
        let room = self.of_owner.of(owner) < limits::STREAMS_PER_OWNER
            && self.open.len() < limits::STREAMS;
        if room {
            self.of_owner.add(owner);
            self.by_name.insert((stream, from));
            let open = Open {
                stream,
                owner,
                session,
                kind,
                agreed: None,
            };
            self.open.insert(from, open);
        }
        out.push_back(tell(from, FromHubKind::StreamOpened(room)));
    }

    pub(super) fn leave(&mut self, from: ExchangeId) {
        let Some(open) = self.open.remove(&from) else {
            return;
        };
        self.by_name.remove(&(open.stream, from));
        self.of_owner.remove(open.owner);
    }

    pub(super) fn find(
        &self,
        from: ExchangeId,
        stream: StreamId,
        owner: Owner,
        out: &mut VecDeque<HubOutput>,
    ) {
        let agreed = self.sse(stream, owner).map(|(_, open)| open.agreed);
        out.push_back(tell(from, FromHubKind::StreamFound(agreed)));
    }

    pub(super) fn agree(&mut self, stream: StreamId, owner: Owner, agreed: Agreed) {
        let Some((id, _)) = self.sse(stream, owner) else {
            return;
        };
        if let Some(open) = self.open.get_mut(&id) {
            open.agreed = Some(agreed);
        }
    }

    pub(super) fn deliver(
        &self,
        stream: StreamId,
        owner: Owner,
        bytes: Bytes,
        out: &mut VecDeque<HubOutput>,
    ) {
        if let Some((to, _)) = self.sse(stream, owner) {
            out.push_back(tell(to, FromHubKind::Deliver(bytes)));
        }
    }

    pub(super) fn end_session(&mut self, session: SessionId, out: &mut VecDeque<HubOutput>) {
        self.end_where(|open| open.session == session, out);
    }

    pub(super) fn end(&mut self, stream: StreamId, owner: Owner, out: &mut VecDeque<HubOutput>) {
        self.end_where(|open| open.stream == stream && open.owner == owner, out);
    }

    fn end_where(&mut self, ends: impl Fn(&Open) -> bool, out: &mut VecDeque<HubOutput>) {
        let ended = self.open.iter().filter(|(_, open)| ends(open));
        let ended: Vec<ExchangeId> = ended.map(|(id, _)| *id).collect();
        for id in ended {
            self.leave(id);
            out.push_back(tell(id, FromHubKind::EndStream));
        }
    }

    /// Tells everybody who listens for it that something changed.
    pub(super) fn announce(
        &self,
        change: &ChangeNotification,
        wishes: &Wishes,
        out: &mut VecDeque<HubOutput>,
    ) {
        for (id, open) in &self.open {
            let hears = match (&open.kind, change) {
                (StreamKind::Listen(wants), _) => wants.change(change),
                (StreamKind::Rest, _) => false,
                (_, ChangeNotification::Resource(uri)) => {
                    wishes.listens(open.stream, open.owner, uri)
                }
                (StreamKind::Sse, _) => open.agreed.is_some(),
                (StreamKind::Streamable, _) => true,
            };
            if hears {
                out.push_back(tell(*id, FromHubKind::Changed(change.clone())));
            }
        }
    }

    /// The HTTP+SSE stream that an exchange holds, if it holds one.
    pub(super) fn sse_of(&self, id: ExchangeId) -> Option<(StreamId, Owner)> {
        let open = self.open.get(&id)?;
        (open.kind == StreamKind::Sse).then_some((open.stream, open.owner))
    }

    /// The stream of this name that listens by HTTP+SSE and is this owner's.
    fn sse(&self, stream: StreamId, owner: Owner) -> Option<(ExchangeId, &Open)> {
        let named = (stream, ExchangeId(0))..=(stream, ExchangeId(u64::MAX));
        self.by_name.range(named).find_map(|(_, id)| {
            let open = self.open.get(id)?;
            (open.owner == owner && open.kind == StreamKind::Sse).then_some((*id, open))
        })
    }
}

fn tell(to: ExchangeId, message: FromHubKind) -> HubOutput {
    HubOutput::Deliver(to, FromHub(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Owner = Owner([1; 32]);
    const BOB: Owner = Owner([2; 32]);

    fn stream(byte: u8) -> StreamId {
        StreamId([byte; 16])
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
        fn open(&mut self, id: u64, owner: Owner, kind: StreamKind) -> bool {
            let byte = u8::try_from(id % 200).unwrap();
            let (name, session) = (stream(byte), session(byte));
            let out = &mut self.out;
            self.streams
                .open(ExchangeId(id), name, owner, session, kind, out);
            matches!(
                self.out.pop_back(),
                Some(HubOutput::Deliver(
                    _,
                    FromHub(FromHubKind::StreamOpened(true))
                ))
            )
        }

        fn delivered(&mut self, to: StreamId, owner: Owner) -> bool {
            let out = &mut self.out;
            self.streams.deliver(to, owner, Bytes::from("x"), out);
            let told = self.out.pop_back();
            matches!(
                told,
                Some(HubOutput::Deliver(_, FromHub(FromHubKind::Deliver(_))))
            )
        }
    }

    // I2, I4
    #[test]
    fn only_its_owner_delivers_to_a_stream() {
        let mut table = Table::default();
        assert!(table.open(1, ALICE, StreamKind::Sse));
        assert!(table.delivered(stream(1), ALICE));
        assert!(!table.delivered(stream(1), BOB));
        assert!(!table.delivered(stream(2), ALICE));
    }

    // I3
    #[test]
    fn the_names_of_the_transports_are_not_interchangeable() {
        let mut table = Table::default();
        assert!(table.open(1, ALICE, StreamKind::Streamable));
        assert!(!table.delivered(stream(1), ALICE));
    }

    // I6, M4
    #[test]
    fn a_user_holds_so_many_streams_and_leaving_makes_room() {
        let mut table = Table::default();
        let limit = u64::try_from(limits::STREAMS_PER_OWNER).unwrap();
        for id in 0..limit {
            assert!(table.open(id, ALICE, StreamKind::Sse));
        }
        assert!(!table.open(limit, ALICE, StreamKind::Sse));
        assert!(table.open(limit + 1, BOB, StreamKind::Sse));
        table.streams.leave(ExchangeId(0));
        assert!(table.open(limit, ALICE, StreamKind::Sse));
    }

    #[test]
    fn the_server_holds_so_many_streams() {
        let mut table = Table::default();
        for id in 0..u64::try_from(limits::STREAMS).unwrap() {
            let mut owner = [0; 32];
            owner[..8].copy_from_slice(&id.to_be_bytes());
            assert!(table.open(id, Owner(owner), StreamKind::Sse));
        }
        assert!(!table.open(u64::MAX, BOB, StreamKind::Sse));
    }

    // I7
    #[test]
    fn a_revoked_session_and_a_left_stream_take_their_names_with_them() {
        let mut table = Table::default();
        table.open(1, ALICE, StreamKind::Sse);
        table.open(2, ALICE, StreamKind::Sse);
        table.streams.end_session(session(1), &mut table.out);
        assert!(matches!(
            table.out.pop_front(),
            Some(HubOutput::Deliver(
                ExchangeId(1),
                FromHub(FromHubKind::EndStream)
            ))
        ));
        assert!(table.out.is_empty());
        assert!(!table.delivered(stream(1), ALICE));
        table.streams.leave(ExchangeId(2));
        assert!(!table.delivered(stream(2), ALICE));
        assert!(table.streams.of_owner.is_empty() && table.streams.by_name.is_empty());
    }

    // I2
    #[test]
    fn nobody_ends_the_stream_of_another() {
        let mut table = Table::default();
        table.open(1, ALICE, StreamKind::Streamable);
        table.streams.end(stream(1), BOB, &mut table.out);
        assert!(table.out.is_empty());
        table.streams.end(stream(1), ALICE, &mut table.out);
        assert!(!table.out.is_empty());
    }
}

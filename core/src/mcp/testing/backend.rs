//! The backend of a gateway in a test: it is sent requests, and answers as the test says.

use std::collections::{BTreeSet, VecDeque};

use ::http::{Method, Request, Response};
use bytes::Bytes;
use serde_json::Value;

use super::World;
use crate::{
    ask::{PIECE_BYTES, Pull, PullFault, Ticket},
    config::{Endpoint, Gateway},
    hub::Job,
    id::ExchangeId,
};

/// The requests that the backend was sent and has not answered.
#[derive(Default)]
pub(crate) struct Pulls {
    sent: VecDeque<(ExchangeId, Ticket<Pull>, Pull)>,
    /// The exchanges that are requests of clients, and no streams.
    posts: BTreeSet<ExchangeId>,
    /// Whether calls are given the stream that they open for what is asked outside of them.
    pub(crate) has_streams: bool,
}

impl Pulls {
    pub(super) fn sent(&mut self, from: ExchangeId, ticket: Ticket<Pull>, pull: Pull) {
        self.sent.push_back((from, ticket, pull));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

/// A request that the backend was sent.
pub(crate) struct Sent {
    from: ExchangeId,
    ticket: Ticket<Pull>,
    pub(crate) pull: Pull,
}

impl Sent {
    /// Its body.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.pull.body).unwrap()
    }

    /// Its body, read.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap()
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.pull.headers.get(name)?.to_str().unwrap())
    }
}

impl World {
    pub(super) fn asked_by_client(&mut self, id: ExchangeId, request: &Request<Bytes>) {
        self.watched.asked(id, request);
        if request.method() == Method::POST {
            self.pulls.posts.insert(id);
        }
    }

    /// Runs what there is to do; a call that opens a stream is told that there is none, unless the test is about that.
    pub(super) fn run_and_decline(&mut self) {
        self.run_hub();
        let pulls = &mut self.pulls;
        let is_declined = |(from, _, pull): &(ExchangeId, Ticket<Pull>, Pull)| {
            pull.method == Method::GET && pulls.posts.contains(from) && !pulls.has_streams
        };
        if let Some(place) = pulls.sent.iter().position(is_declined)
            && let Some((from, ticket, pull)) = pulls.sent.remove(place)
        {
            self.answers(Sent { from, ticket, pull }, 405, "");
        }
    }

    /// It is a gateway from now on.
    pub(crate) fn has_backend(&mut self, gateway: Gateway) {
        self.server.server.config.gateway = Some(gateway);
        self.watched.look_away();
    }

    /// The backend is tried, as when the server starts.
    pub(crate) fn checks_backend(&mut self) {
        self.run(Job::check_backend(Endpoint::MAIN));
        self.run_hub();
    }

    /// It is a gateway of several backends from now on, each of which has a name.
    pub(crate) fn has_backends(&mut self, backends: Vec<Gateway>) {
        self.server.server.config.backends = backends;
        self.server.name_endpoints();
        self.watched.look_away();
    }

    /// Something that this server offers itself has changed.
    pub(crate) fn changes(&mut self, change: crate::catalog::ChangeNotification) {
        let changed = crate::hub::ToHub::notify_changed(change);
        self.hub.handle(ExchangeId(0), changed, self.server.now);
        self.run_hub();
    }

    /// The request that the backend was sent longest ago.
    pub(crate) fn pulled(&mut self) -> Sent {
        self.next_pulled().expect("the backend is asked")
    }

    /// The same, if it was sent one.
    pub(crate) fn next_pulled(&mut self) -> Option<Sent> {
        let (from, ticket, pull) = self.pulls.sent.pop_front()?;
        Some(Sent { from, ticket, pull })
    }

    /// The backend sends the head of its answer.
    pub(crate) fn head(&mut self, sent: &Sent, status: u16, headers: &[(&str, &str)]) {
        let mut head = Response::builder().status(status);
        for (name, value) in headers {
            head = head.header(*name, *value);
        }
        self.handle(sent.from, sent.ticket.head(head.body(()).unwrap()));
    }

    /// It sends a piece of the body, or several.
    pub(crate) fn piece(&mut self, sent: &Sent, text: &str) {
        for piece in text.as_bytes().chunks(PIECE_BYTES) {
            let piece = Bytes::copy_from_slice(piece);
            self.handle(sent.from, sent.ticket.piece(piece));
        }
    }

    /// Its answer ends.
    pub(crate) fn end(&mut self, sent: Sent, end: Result<(), PullFault>) {
        self.handle(sent.from, sent.ticket.answer(end));
    }

    /// It answers with this.
    pub(crate) fn answers(&mut self, sent: Sent, status: u16, body: &str) {
        self.answers_with(sent, status, &[("content-type", "application/json")], body);
    }

    /// The same with these headers.
    pub(crate) fn answers_with(
        &mut self,
        sent: Sent,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        self.head(&sent, status, headers);
        if !body.is_empty() {
            self.piece(&sent, body);
        }
        self.end(sent, Ok(()));
    }
}

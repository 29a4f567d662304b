//! The network: requests on their way, answers on their way back, and what breaks between.
//!
//! A [`Peer`] sends a request and gets a [`Call`], on which the answer arrives, whole or piece by
//! piece. Dropping a call before its end closes the connection, which the server notices.

use std::{collections::VecDeque, task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use entra_mcp_core::{event::Event, exchange::ExchangeId, limits};
use http::{HeaderValue, Request, Response, header};

use crate::{
    clock::SimInstant,
    ids::{ConnId, ENTRA_ORIGIN, Process, Role, TaskId},
    observation::Observation,
    options::Fault,
    world::{SimEvent, State, World},
};

mod call;

pub use self::call::{Broken, Call};

/// The longest time that a slow reader, who is not given up, takes over a piece.
const SLOWEST: Duration = Duration::from_secs(25);

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    Head(Response<()>),
    Body(Bytes),
    End,
    Broken,
}

/// A connection, for one request.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) name: String,
    pub(crate) role: Role,
    replica: Option<usize>,
    pub(crate) exchange: Option<(Process, ExchangeId)>,
    /// The answer ended, or the connection broke: nothing more is sent.
    pub(crate) over: bool,
    /// The peer reads no more.
    pub(crate) stalled: bool,
    inbox: VecDeque<Piece>,
    waiter: Option<TaskId>,
    not_before: SimInstant,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Net {
    conns: std::collections::BTreeMap<ConnId, Conn>,
    count: u64,
}

impl Net {
    pub(crate) fn get(&self, id: ConnId) -> Option<&Conn> {
        self.conns.get(&id)
    }
}

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Peer {
    world: World,
    name: String,
    role: Role,
    replica: Option<usize>,
}

impl Peer {
    pub(crate) fn new(world: &World, name: &str, role: Role) -> Self {
        Self {
            world: world.clone(),
            name: name.to_owned(),
            role,
            replica: None,
        }
    }

    /// The world it lives in.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Returns the name that traces call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on its requests go to this replica, as behind a balancer with affinity; `None`: to
    /// any.
    pub fn stick_to(&mut self, replica: Option<usize>) {
        self.replica = replica;
    }

    /// The replica that its requests go to, if it is one.
    #[must_use]
    pub fn stuck(&self) -> Option<usize> {
        self.replica
    }

    /// Whether there is a server at an address; what is not is a client's own.
    #[must_use]
    pub fn serves(&self, url: &url::Url) -> bool {
        let origin = url.origin().ascii_serialization();
        self.world
            .with(|state| origin == state.options.public_url || origin == ENTRA_ORIGIN)
    }

    /// Sends a request with an absolute URI.
    #[must_use]
    pub fn send(&self, request: Request<Bytes>) -> Call {
        let id = self
            .world
            .with(|state| state.send(&self.name, self.role, self.replica, request));
        Call::new(self.world.clone(), id)
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection ended first.
    pub async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        self.send(request).whole().await
    }
}

impl State {
    fn send(
        &mut self,
        name: &str,
        role: Role,
        replica: Option<usize>,
        mut request: Request<Bytes>,
    ) -> ConnId {
        self.net.count += 1;
        let id = ConnId(self.net.count);
        let conn = Conn {
            name: name.to_owned(),
            role,
            replica,
            exchange: None,
            over: false,
            stalled: false,
            inbox: VecDeque::new(),
            waiter: None,
            not_before: self.moment,
        };
        self.net.conns.insert(id, conn);
        if let Some(authority) = request.uri().authority().cloned() {
            let host = HeaderValue::from_str(authority.as_str()).expect("an authority is a word");
            // A peer may lie about the host: then it has set it by itself.
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        let line = format!("-> {} {}", request.method(), brief(request.uri()));
        self.note(name, &line);
        let at = self.moment.after(self.latency());
        if self.injects(Fault::CutBefore) {
            self.schedule(at, SimEvent::Reach(id, Piece::Broken));
        } else {
            self.schedule(at, SimEvent::Arrive(id, request));
        }
        id
    }

    /// A request reaches where it was sent.
    pub(crate) fn arrive(&mut self, id: ConnId, request: Request<Bytes>) {
        let origin = origin(request.uri());
        if origin == self.options.public_url {
            let wanted = self.net.get(id).and_then(|conn| conn.replica);
            match self.balance(wanted) {
                Some(replica) => self.begin_exchange(replica, id, request),
                None => self.send_piece(id, Piece::Broken),
            }
        } else if self.entra.serves(&origin) {
            let (after, response) = self.entra_answers(None, &request);
            if let Some(conn) = self.net.conns.get_mut(&id) {
                conn.not_before = conn.not_before.max(self.moment.after(after));
            }
            let (parts, body) = response.into_parts();
            self.send_piece(id, Piece::Head(Response::from_parts(parts, ())));
            self.send_piece(id, Piece::Body(body));
            self.send_piece(id, Piece::End);
        } else {
            self.send_piece(id, Piece::Broken);
        }
    }

    fn balance(&mut self, wanted: Option<usize>) -> Option<usize> {
        let alive: Vec<usize> = self
            .replicas
            .iter()
            .enumerate()
            .filter(|(index, replica)| {
                replica.process().is_some() && wanted.is_none_or(|wanted| wanted == *index)
            })
            .map(|(index, _)| index)
            .collect();
        (!alive.is_empty()).then(|| *self.choice.pick(&alive))
    }

    /// Sends a piece of an answer on its way.
    pub(crate) fn send_piece(&mut self, id: ConnId, piece: Piece) {
        let at = self.moment.after(self.latency());
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        if conn.over || (conn.stalled && !matches!(piece, Piece::Broken)) {
            return;
        }
        conn.over = matches!(piece, Piece::End | Piece::Broken);
        // TCP keeps the order.
        conn.not_before = conn.not_before.max(at);
        let at = conn.not_before;
        self.schedule(at, SimEvent::Reach(id, piece));
    }

    /// The peer takes its time over what it was sent; returns until when.
    pub(crate) fn slow_down(&mut self, id: ConnId) -> Option<SimInstant> {
        let slow = self.choice.between(Duration::from_secs(1), SLOWEST);
        let until = self.moment.after(slow);
        let conn = self.net.conns.get_mut(&id)?;
        conn.not_before = conn.not_before.max(until);
        Some(until)
    }

    /// The peer reads no more; after a while the runtime gives it up.
    pub(crate) fn stall(&mut self, id: ConnId) {
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.stalled = true;
            let at = self.moment.after(limits::WRITE_TIMEOUT);
            self.schedule(at, SimEvent::Reset(id));
        }
    }

    /// A piece of an answer reaches the peer.
    pub(crate) fn reach(&mut self, id: ConnId, piece: Piece) {
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        conn.over |= matches!(piece, Piece::Broken);
        let line = match &piece {
            Piece::Head(head) => Some(format!("<- {}", head.status().as_u16())),
            Piece::Broken => Some("<- broken".to_owned()),
            Piece::Body(_) | Piece::End => None,
        };
        conn.inbox.push_back(piece);
        if let Some(task) = conn.waiter.take() {
            self.woken.insert(task);
        }
        let name = conn.name.clone();
        if let Some(line) = line {
            self.note(&name, &line);
        }
    }

    /// The server notices that the peer has left.
    pub(crate) fn left(&mut self, id: ConnId) {
        let Some(conn) = self.net.conns.remove(&id) else {
            return;
        };
        if conn.over {
            return;
        }
        if let Some((process, exchange)) = conn.exchange {
            self.see(&Observation::PeerDisconnected { conn: id });
            self.deliver(process, exchange, Event::Disconnected);
        }
    }

    /// Breaks a connection from outside: the peer sees it, and the server too.
    pub(crate) fn cut(&mut self, id: ConnId) {
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        if conn.over {
            return;
        }
        let exchange = conn.exchange.take();
        self.send_piece(id, Piece::Broken);
        if let Some((process, exchange)) = exchange {
            self.see(&Observation::PeerDisconnected { conn: id });
            let at = self.moment.after(self.latency());
            self.schedule(
                at,
                SimEvent::Deliver(process, exchange, Event::Disconnected),
            );
        }
    }

    /// The exchange of a connection began.
    pub(crate) fn connect(&mut self, id: ConnId, process: Process, exchange: ExchangeId) {
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.exchange = Some((process, exchange));
        }
    }

    /// The next piece for the peer, or the running actor is woken when there is one.
    fn take_piece(&mut self, id: ConnId) -> Poll<Option<Piece>> {
        let current = self.current;
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return Poll::Ready(None);
        };
        match conn.inbox.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None => {
                conn.waiter = Some(current);
                Poll::Pending
            }
        }
    }

    /// The peer wants nothing more of this connection.
    fn let_go(&mut self, id: ConnId) {
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        conn.waiter = None;
        let at = self.moment.after(self.latency());
        self.schedule(at, SimEvent::PeerClosed(id));
    }
}

/// Scheme, host and port of an address.
#[must_use]
pub fn origin(uri: &http::Uri) -> String {
    let authority = uri.authority().map(http::uri::Authority::as_str);
    format!(
        "{}://{}",
        uri.scheme_str().unwrap_or_default(),
        authority.unwrap_or_default()
    )
}

/// An address without its query, whose secrets no trace may hold.
fn brief(uri: &http::Uri) -> String {
    format!("{}{}", origin(uri), uri.path())
}

/// Puts pieces together.
fn join(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [one] => one.clone(),
        many => {
            let mut all = BytesMut::new();
            many.iter().for_each(|piece| all.extend_from_slice(piece));
            all.freeze()
        }
    }
}

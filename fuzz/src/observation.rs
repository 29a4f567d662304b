//! What the checks see: everything that happens between the server and the rest of the world.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Key, Record},
    exchange::Outcome,
    hub::HubStats,
    log_event::LogEvent,
    time::{Instant, Now},
};
use entra_mcp_dev_tenant::IdTokenFault;
use http::{Request, Response};
use serde_json::Value;

use crate::ids::{ConnId, ExchangeRef, Role};

/// Something that happened.
#[derive(Debug)]
pub enum Observation<'a> {
    /// A request was let in, and its exchange began.
    RequestAdmitted {
        /// The exchange.
        who: ExchangeRef,
        /// The connection.
        conn: ConnId,
        /// The kind of peer.
        role: Role,
        /// The peer's name.
        name: &'a str,
        /// The request.
        request: &'a Request<Bytes>,
        /// What the replica's clocks say.
        now: Now,
    },
    /// A request was refused by its head.
    RequestRefused {
        /// The answer.
        response: &'a Response<Bytes>,
    },
    /// An exchange answers, whole or by opening a stream.
    ResponseStarted {
        /// The exchange.
        who: ExchangeRef,
        /// The head.
        head: &'a Response<()>,
        /// The body, as far as there is one now.
        body: &'a [u8],
        /// Whether more may follow.
        open: bool,
    },
    /// An exchange writes to its open answer.
    BodyWritten {
        /// The exchange.
        who: ExchangeRef,
        /// What it writes.
        bytes: &'a [u8],
    },
    /// An exchange ends its open answer.
    ResponseEnded {
        /// The exchange.
        who: ExchangeRef,
    },
    /// The peer left.
    PeerDisconnected {
        /// Its connection.
        conn: ConnId,
    },
    /// An exchange has nothing to do until then.
    Idle {
        /// The exchange.
        who: ExchangeRef,
        /// What its clock says.
        now: Instant,
        /// When it wants to be woken.
        until: Instant,
    },
    /// An exchange is over.
    ExchangeEnded {
        /// The exchange.
        who: ExchangeRef,
        /// How.
        outcome: Outcome,
    },
    /// A line was logged.
    Logged {
        /// The line.
        line: &'a LogEvent,
    },
    /// An exchange wants a record to be written.
    RecordWritten {
        /// The exchange.
        who: ExchangeRef,
        /// Its key.
        key: &'a Key,
        /// The record.
        record: &'a Record,
    },
    /// An exchange sends a request out.
    FetchSent {
        /// The exchange.
        who: ExchangeRef,
        /// The request.
        request: &'a Request<Bytes>,
    },
    /// The last reply of Entra or Graph to this exchange does not reach it.
    UpstreamReplyLost {
        /// Which exchange.
        who: ExchangeRef,
    },
    /// Entra or Graph answers, an exchange or a browser.
    UpstreamReplied {
        /// The exchange that asked, if it was one.
        who: Option<ExchangeRef>,
        /// What was asked.
        request: &'a Request<Bytes>,
        /// The answer.
        response: &'a Response<Bytes>,
        /// Why the ID token in it must not be believed.
        spoiled: Option<IdTokenFault>,
    },
    /// The site of a client answers.
    SiteReplied {
        /// The exchange that asked.
        who: ExchangeRef,
        /// The address.
        address: &'a str,
        /// The answer.
        response: &'a Response<Bytes>,
    },
    /// An exchange sends a request to a backend.
    BackendAsked {
        /// The exchange.
        who: ExchangeRef,
        /// The bearer token in it.
        token: Option<&'a str>,
    },
    /// A backend wants more of the token that it was sent.
    BackendChallenged {
        /// The exchange that asked.
        who: ExchangeRef,
        /// What it wants.
        wanted: &'a Value,
        /// Whether the exchange only listens to it.
        listens: bool,
    },
    /// How full a hub's tables are after a message.
    HubLoad {
        /// The replica.
        replica: usize,
        /// The tables.
        load: HubStats,
        /// How many exchanges are under way.
        exchanges: usize,
    },
    /// What the code prints of its own values when it is debugged.
    Printed {
        /// The text.
        text: &'a str,
    },
}

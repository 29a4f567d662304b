//! The ask that sends a request to a backend and has its answer read piece by piece.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Response};

use crate::{config::BackendAddress, endpoint::Endpoint, ticket::AskId};

/// The most bytes of one piece of an answer.
pub const PIECE_BYTES: usize = 64 * 1024;

/// A request to a backend, whose answer is read piece by piece.
///
/// - The head comes by itself: [`head`](super::Ticket::head). Every status is an answer; interim responses and redirects are not
///   followed.
/// - Each [`crate::action::Action::More`] lets one piece come, of at most [`PIECE_BYTES`]: [`piece`](super::Ticket::piece). They may be
///   given ahead, before the head also, and add up. Without one nothing is read from the socket, so the backend waits:
///   that is the only back-pressure.
/// - The end is the answer of the ticket. It uses up no `More`, but is seen only while there is one: who has what it
///   wants either asks for more or cancels.
/// - [`crate::action::Action::Cancel`] closes the connection at once, as does the end of the exchange.
///
/// The runtime sends no header of its own but `Host`, `Content-Length` (with `POST`) and `User-Agent`. It goes
/// through no proxy.
pub struct Pull {
    /// Whom to ask.
    pub backend: Arc<BackendAddress>,
    /// Which backend that is. What is set for its connections counts for no other, and it shares no connection with another at the same
    /// address.
    pub endpoint: Endpoint,
    /// The method.
    pub method: Method,
    /// The headers, which are not copied from any client.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long each step may take.
    pub limits: PullLimits,
}

/// How long a request to a backend may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimits {
    /// Until there is a connection, TLS included; later it is [`PullFault::Unreachable`].
    pub connect: Duration,
    /// From the beginning to the end, whether the exchange reads or not; `None`: as long as the exchange.
    pub whole: Option<Duration>,
    /// After the head, without a byte while there is a [`crate::action::Action::More`]; `None`: no limit of its own.
    pub idle: Option<Duration>,
}

impl std::fmt::Debug for Pull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither headers nor body: they carry assertions and tokens.
        write!(f, "Pull({} {})", self.method, self.backend)
    }
}

/// Why the answer of a backend did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullFault {
    /// No connection: nothing of the request was sent, so it may be sent again.
    Unreachable,
    /// The connection broke, or what came is no HTTP. The backend may have done what it was asked.
    Broken,
    /// The limit of the whole or of idleness has passed. The backend may have done what it was asked.
    TimedOut,
}

impl PullFault {
    /// A text for the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "the connection broke",
            Self::TimedOut => "timed out",
        }
    }
}

/// A part of the answer of a backend, on its way to the exchange.
pub struct Pulled {
    pub(crate) id: AskId,
    pub(crate) part: PulledPart,
}

/// A part of the answer of a backend.
pub(crate) enum PulledPart {
    Head(Box<Response<()>>),
    Piece(Bytes),
}

impl std::fmt::Debug for Pulled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pulled({})", self.id.0)
    }
}

//! One request to a backend and its answer on the wire, with the machine that drives `ureq` (RFC 9112).

use std::{
    io::{self, Read as _, Write as _},
    time::Instant,
};

use bytes::Bytes;
use entra_mcp_core::ask::{PIECE_BYTES, Pull, PullFault};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use ureq_proto::{
    BodyMode,
    client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult, state},
};

use super::Connection;

/// How much is read at once, to begin with.
const CHUNK_BYTES: usize = 4 * 1024;

/// An answer whose head was read.
#[derive(Debug)]
pub(super) struct Answer {
    connection: Connection,
    read: Buffer,
    /// What a piece is made in.
    piece: Vec<u8>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Coming(Box<Call<state::RecvBody>>),
    Over { is_kept: bool },
}

/// Bytes that were read and not used.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Answer {
    /// Sends a request and reads the head of its answer.
    pub(super) fn to(
        mut connection: Connection,
        pull: &Pull,
        until: Option<Instant>,
    ) -> Result<(Response<()>, Self), PullFault> {
        connection.limit(until);
        let mut call = send(&mut connection, pull)?;
        let mut read = Buffer::new();
        let head = loop {
            let (used, head) = call.try_response(read.unused(), false).map_err(broken)?;
            read.start += used;
            match head {
                Some(head) => break head,
                None if used > 0 => {}
                None if read.fill(&mut connection)? == 0 => return Err(PullFault::Broken),
                None => {}
            }
        };
        let body = match call.proceed().ok_or(PullFault::Broken)? {
            RecvResponseResult::RecvBody(call) => Body::Coming(Box::new(call)),
            RecvResponseResult::Redirect(call) => Body::Over {
                is_kept: !call.must_close_connection(),
            },
            RecvResponseResult::Cleanup(call) => Body::Over {
                is_kept: !call.must_close_connection(),
            },
        };
        let answer = Self {
            connection,
            read,
            piece: Vec::new(),
            body,
        };
        Ok((head, answer))
    }

    /// The next piece of the body; `None` at its end.
    pub(super) fn next(&mut self, until: Option<Instant>) -> Result<Option<Bytes>, PullFault> {
        self.connection.limit(until);
        loop {
            let Body::Coming(call) = &mut self.body else {
                return Ok(None);
            };
            // As much as was read at most comes of it; to make room for more is to clear it for nothing.
            let unused = self.read.unused();
            if self.piece.len() < unused.len() {
                self.piece.resize(unused.len(), 0);
            }
            let (used, made) = call.read(unused, &mut self.piece).map_err(broken)?;
            self.read.start += used;
            if made > 0 {
                let piece = self.piece.get(..made).unwrap_or_default();
                return Ok(Some(Bytes::copy_from_slice(piece)));
            }
            let ends_with_connection = matches!(call.body_mode(), BodyMode::CloseDelimited);
            if call.can_proceed() && !ends_with_connection {
                self.end();
                return Ok(None);
            }
            if used == 0 && self.read.fill(&mut self.connection)? == 0 {
                if !ends_with_connection {
                    return Err(PullFault::Broken);
                }
                self.end();
                return Ok(None);
            }
        }
    }

    fn end(&mut self) {
        let over = Body::Over { is_kept: false };
        let is_kept = match std::mem::replace(&mut self.body, over) {
            Body::Coming(call) => match call.proceed() {
                Some(RecvBodyResult::Redirect(call)) => !call.must_close_connection(),
                Some(RecvBodyResult::Cleanup(call)) => !call.must_close_connection(),
                None => false,
            },
            Body::Over { is_kept } => is_kept,
        };
        self.body = Body::Over { is_kept };
    }

    /// The connection, if it takes another request.
    pub(super) fn into_connection(self) -> Option<Connection> {
        let is_kept = matches!(self.body, Body::Over { is_kept: true });
        (is_kept && self.read.unused().is_empty()).then_some(self.connection)
    }
}

impl Buffer {
    fn new() -> Self {
        Self {
            bytes: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
        }
    }

    fn unused(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads once; none at the end. It holds as much as a piece at most, so a head has an end.
    fn fill(&mut self, connection: &mut Connection) -> Result<usize, PullFault> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            if self.end >= PIECE_BYTES {
                return Err(PullFault::Broken);
            }
            self.bytes.resize((self.end * 2).min(PIECE_BYTES), 0);
        }
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let (length, room) = (
            connection.read(room).map_err(|error| fault(&error))?,
            room.len(),
        );
        self.end += length;
        if length == room && self.bytes.len() < PIECE_BYTES {
            // There is more at once: the next read is larger.
            self.bytes
                .resize((self.bytes.len() * 2).min(PIECE_BYTES), 0);
        }
        Ok(length)
    }
}

fn send(connection: &mut Connection, pull: &Pull) -> Result<Call<state::RecvResponse>, PullFault> {
    let call = Call::new(request(pull)).map_err(broken)?;
    let mut call = call.proceed();
    let longest = pull.headers.iter();
    let longest = longest.map(|(name, value)| name.as_str().len() + value.len() + 4);
    let room = longest.sum::<usize>() + pull.backend.path().len() + 1024;
    let mut bytes = vec![0; room + pull.backend.authority().len()];
    let length = call.write(&mut bytes).map_err(broken)?;
    bytes.truncate(length);
    // What is small goes out in one piece.
    bytes.extend_from_slice(&pull.body);
    connection
        .write_all(&bytes)
        .map_err(|error| fault(&error))?;
    connection.flush().map_err(|error| fault(&error))?;
    match call.proceed().map_err(broken)?.ok_or(PullFault::Broken)? {
        SendRequestResult::RecvResponse(call) => Ok(call),
        SendRequestResult::SendBody(mut call) => {
            call.consume_direct_write(pull.body.len()).map_err(broken)?;
            call.proceed().ok_or(PullFault::Broken)
        }
        // Nobody asks for an invitation.
        SendRequestResult::Await100(_) => Err(PullFault::Broken),
    }
}

/// The request as it is sent: in origin form, with `Host`, `Content-Length` and `User-Agent`.
fn request(pull: &Pull) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = pull.method.clone();
    // The address was judged when it was read.
    *request.uri_mut() = Uri::try_from(pull.backend.path()).unwrap_or_default();
    let headers = request.headers_mut();
    *headers = pull.headers.clone();
    if let Ok(host) = HeaderValue::from_str(&pull.backend.authority()) {
        headers.insert(header::HOST, host);
    }
    if pull.method == Method::POST || !pull.body.is_empty() {
        let length = HeaderValue::from(pull.body.len());
        headers.insert(header::CONTENT_LENGTH, length);
    }
    headers.insert(header::USER_AGENT, HeaderValue::from_static("entra-mcp"));
    request
}

fn broken(_: ureq_proto::Error) -> PullFault {
    PullFault::Broken
}

fn fault(error: &io::Error) -> PullFault {
    match error.kind() {
        io::ErrorKind::TimedOut => PullFault::TimedOut,
        _ => PullFault::Broken,
    }
}

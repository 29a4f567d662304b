//! `tiny_http` 0.12 behind the seam, for loopback or behind a proxy that normalises requests.
//!
//! What it misreads it has misread before a request reaches us (its parser is lenient where RFC
//! 9112 is strict), so this file contains and does not repair: what looks ambiguous in the request
//! that we see is refused, bodies are bounded, requests beyond a ceiling get 503, responses are
//! written by us, from values that were checked, and a listener that ended is begun anew. [`serve`]
//! says in the log what remains.

#[cfg(test)]
mod tests;

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};
use entra_mcp_http1::{
    Fields, Refusal,
    encode::{self, BodyEnd},
    head::{self, Framing, Head, HeadError},
};
use entra_mcp_runtime::{Clock, ConnectionLimit, ConnectionPermit, RequestPermit, log};
use http::{HeaderName, HeaderValue, Method, Response, Version};
use tiny_http::{HTTPVersion, Server};

use super::{ResponseWriter, Sent, Service, serve_guarded};
use crate::{listen::AtWork, work::Peer};

/// Between the end of a listener and the next.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How often it is looked whether the server has stopped: `tiny_http` waits for requests only.
const STOP_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Where a request comes from of which `tiny_http` does not say it.
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Each whole response ends its connection. A connection has a thread of `tiny_http`'s own for as long as it lasts, and of
/// those that come at once some wait for the thread of another: behind clients that keep theirs open, they would wait until
/// these are gone (its `TaskPool` counts threads as idle that were given a connection already).
const CLOSES: bool = true;

/// How much of a body is read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Accepts connections and serves requests, each on a thread of its own.
pub(super) fn serve(
    listener: &TcpListener,
    service: &Arc<dyn Service>,
    limit: &Arc<ConnectionLimit>,
    at_work: &AtWork,
) {
    log(&LogEventId::TinyHttpChosen.into());
    loop {
        let server = listener
            .try_clone()
            .map_err(Into::into)
            .and_then(|listener| Server::from_listener(listener, None));
        match server {
            Ok(server) => serve_until_error(&server, service, limit, at_work),
            Err(error) => log(&LogEvent::new(LogEventId::TinyHttpNotListening)
                .with(Field::Error, error.to_string())),
        }
        if at_work.stopped.within(BACK_OFF) {
            return;
        }
    }
}

/// One failed accept ends its listener; the next is begun by the caller.
fn serve_until_error(
    server: &Server,
    service: &Arc<dyn Service>,
    limit: &Arc<ConnectionLimit>,
    at_work: &AtWork,
) {
    while !at_work.stopped.within(Duration::ZERO) {
        match server.recv_timeout(STOP_POLL_INTERVAL) {
            Ok(None) => {}
            Ok(Some(request)) => {
                // Without a permit or a thread it answers 500 by itself, when it is dropped.
                let peer = request.remote_addr().map(SocketAddr::ip);
                let Some(permit) = limit.acquire(peer.unwrap_or(LOCALHOST)) else {
                    continue;
                };
                let service = Arc::clone(service);
                let started = at_work
                    .threads
                    .run(move || answer(request, &*service, &permit));
                if let Err(error) = started {
                    log(&LogEvent::new(LogEventId::ThreadNotStarted)
                        .with(Field::Error, error.to_string()));
                }
            }
            Err(error) => {
                log(&LogEvent::new(LogEventId::TinyHttpRestarted)
                    .with(Field::Error, error.to_string()));
                return;
            }
        }
    }
}

fn answer(
    mut request: tiny_http::Request,
    service: &dyn Service,
    connection: &Arc<ConnectionPermit>,
) {
    let head = match convert(&request) {
        Ok(head) => head,
        Err(error) => return send(request, &Method::GET, &Refusal::from(error).response()),
    };
    let method = head.request.method.clone();
    let version = head.request.version;
    let admitted = connection
        .pending_request(&head.request)
        .and_then(|pending| {
            let admitted = service.admit(head.request, pending.origin())?;
            let permit = pending.begin(connection, admitted.holder)?;
            Ok((admitted, permit))
        });
    let (admitted, mut permit) = match admitted {
        Ok(admitted) => admitted,
        Err(answer) => return send(request, &method, &answer),
    };
    let body = match head.framing {
        Framing::Empty => Ok(Vec::new()),
        _ => read(request.as_reader(), admitted.body_limit, &mut permit),
    };
    let body = match body {
        Ok(body) => body,
        Err(answer) => return send(request, &method, &answer),
    };
    let writer = TinyWriter {
        writer: request.into_writer(),
        ends: match version {
            Version::HTTP_10 => BodyEnd::WithConnection,
            _ => BodyEnd::WithLastChunk,
        },
        method,
        sent: Sent::Nothing,
        broken: false,
    };
    serve_guarded(admitted.serve, Bytes::from(body), permit, writer);
}

/// Reads a whole body, bounded in bytes. `tiny_http` bounds no time.
fn read(
    body: &mut dyn Read,
    limit: usize,
    permit: &mut RequestPermit,
) -> Result<Vec<u8>, Box<Response<Bytes>>> {
    let limit = permit.body_limit(limit);
    let (mut bytes, mut chunk) = (Vec::new(), [0; CHUNK_BYTES]);
    loop {
        match body.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(length) => bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Box::new(Refusal::Malformed.response())),
        }
        if bytes.len() > limit {
            return Err(Box::new(Refusal::BodyTooLarge.response()));
        }
        permit.buffer(bytes.len())?;
    }
}

/// What it read, checked as strictly as what we read ourselves.
fn convert(request: &tiny_http::Request) -> Result<Head, HeadError> {
    let method = head::method(request.method().as_str())?;
    let uri = head::target(request.url())?;
    let version = match request.http_version() {
        HTTPVersion(1, 0) => Version::HTTP_10,
        HTTPVersion(1, 1) => Version::HTTP_11,
        _ => return Err(HeadError::Malformed),
    };
    let mut headers = Fields::default();
    for field in request.headers() {
        let name = HeaderName::from_bytes(field.field.as_str().as_str().as_bytes());
        let value = HeaderValue::from_str(field.value.as_str());
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(HeadError::Malformed);
        };
        headers.append(name, value);
    }
    head::validate(method, uri, version, headers)
}

fn unix_time() -> UnixTime {
    Clock::start().now().unix
}

fn send(request: tiny_http::Request, method: &Method, response: &Response<Bytes>) {
    let mut writer = request.into_writer();
    let mut bytes = Vec::new();
    encode::response(&mut bytes, response, method, CLOSES, unix_time());
    // Who does not read its answer has left.
    let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
}

/// The peer of a request of `tiny_http`. Its socket is out of reach: that the peer left is noticed
/// when a write fails.
struct TinyWriter {
    writer: Box<dyn Write + Send>,
    method: Method,
    ends: BodyEnd,
    sent: Sent,
    broken: bool,
}

impl TinyWriter {
    fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>, BodyEnd)) {
        let mut bytes = Vec::new();
        encode(&mut bytes, self.ends);
        if !self.broken {
            let written = self.writer.write_all(&bytes);
            self.broken = written.and_then(|()| self.writer.flush()).is_err();
        }
    }
}

impl Peer for TinyWriter {
    /// `tiny_http` has the connection.
    fn go_on(self) {}
}

impl ResponseWriter for TinyWriter {
    fn respond(&mut self, response: Response<Bytes>) {
        self.sent = Sent::All;
        let method = self.method.clone();
        self.send(|out, _| encode::response(out, &response, &method, CLOSES, unix_time()));
    }

    fn open(&mut self, head: Response<()>) {
        self.sent = Sent::Head;
        self.send(|out, end| encode::head(out, &head, end, unix_time()));
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.sent == Sent::Head && !bytes.is_empty() {
            self.send(|out, end| encode::chunk(out, bytes, end));
        }
    }

    fn close(&mut self) {
        if self.sent == Sent::Head {
            self.sent = Sent::All;
            self.send(encode::last_chunk);
        }
    }

    fn is_disconnected(&mut self) -> bool {
        self.broken
    }

    fn is_streaming(&self) -> bool {
        self.sent == Sent::Head
    }

    fn is_complete(&self) -> bool {
        self.sent == Sent::All
    }

    fn has_started(&self) -> bool {
        self.sent != Sent::Nothing
    }
}

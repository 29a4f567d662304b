//! HTTP/1.1 of the test's client: one request on a connection of its own, or in memory, whose answer is read as it comes.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request};

use crate::{MemoryResponse, ResponsePart, memory::Memory};

/// How long a client waits for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest body or event that a test reads.
const BODY_BYTES: u64 = 16 * 1024 * 1024;

/// How requests reach a server.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    /// By sockets of this machine.
    Sockets,
    /// Without any.
    Memory(Memory),
}

/// An answer of which the head was read.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    source: Source,
    /// What was read of the next event of a stream.
    pending: String,
}

/// Where the body comes from.
#[derive(Debug)]
enum Source {
    Socket(BufReader<TcpStream>),
    Memory(VecDeque<Bytes>, MemoryResponse),
}

impl Transport {
    /// Sends a request to whoever is at this port.
    pub(super) fn send(
        &self,
        port: u16,
        request: (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Response> {
        match self {
            Self::Sockets => over_socket(port, request, headers, body),
            Self::Memory(memory) => in_memory(memory, port, request, headers, body),
        }
    }
}

fn in_memory(
    memory: &Memory,
    port: u16,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let request = Request::builder().method(method).uri(target);
    let host = format!("localhost:{port}");
    let request = headers
        .iter()
        .fold(request.header("Host", host), |request, (name, value)| {
            request.header(*name, *value)
        });
    let request = request.body(Bytes::copy_from_slice(body.as_bytes()));
    let request = request.map_err(|_| io::ErrorKind::InvalidInput)?;
    let parts = memory.send(port, request);
    let (status, head, first) = match next(&parts)? {
        Some(ResponsePart::Full(response)) => {
            let (head, body) = response.into_parts();
            (head.status, head.headers, Some(body))
        }
        Some(ResponsePart::Head(head)) => (head.status(), head.headers().clone(), None),
        Some(ResponsePart::Bytes(_)) | None => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    Ok(Response {
        status: status.as_u16(),
        headers: texts(&head),
        source: Source::Memory(first.into_iter().collect(), parts),
        pending: String::new(),
    })
}

fn next(parts: &MemoryResponse) -> io::Result<Option<ResponsePart>> {
    let part = parts.next(PATIENCE);
    part.map_err(|_| io::ErrorKind::TimedOut.into())
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

fn over_socket(
    port: u16,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "Connection: close\r\n\r\n";
    let mut reader = BufReader::new(stream);
    reader.get_mut().write_all(text.as_bytes())?;
    reader.get_mut().write_all(body.as_bytes())?;
    let (status, headers) = read_head(&mut reader)?;
    Ok(Response {
        status,
        headers,
        source: Source::Socket(reader),
        pending: String::new(),
    })
}

type Head = (u16, Vec<(String, String)>);

fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let status = line(reader)?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok((status, headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

impl Response {
    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The first value of a header, or the empty text.
    pub(super) fn header(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Whether events follow.
    pub(super) fn is_stream(&self) -> bool {
        self.header("content-type").starts_with("text/event-stream")
    }

    /// The body, whole.
    pub(super) fn body(&mut self) -> io::Result<String> {
        let is_chunked = self.header("transfer-encoding") == "chunked";
        let length = self.header("content-length").parse().unwrap_or(0);
        let mut body = Vec::new();
        match &mut self.source {
            Source::Socket(reader) if !is_chunked => {
                let mut reader = reader.take(BODY_BYTES.min(length));
                reader.read_to_end(&mut body)?;
            }
            _ => {
                while let Some(chunk) = self.chunk()? {
                    body.extend(chunk);
                }
            }
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The next piece of a body in chunks; `None` after the last.
    fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.source {
            Source::Socket(reader) => {
                let length = u64::from_str_radix(&line(reader)?, 16);
                let length = length.map_err(|_| io::ErrorKind::InvalidData)?;
                let mut chunk = Vec::new();
                let mut rest = reader.take(BODY_BYTES.min(length));
                rest.read_to_end(&mut chunk)?;
                line(reader)?;
                Ok((length > 0).then(|| chunk.into()))
            }
            Source::Memory(first, parts) => {
                if let Some(bytes) = first.pop_front() {
                    return Ok(Some(bytes));
                }
                match next(parts)? {
                    Some(ResponsePart::Bytes(bytes)) => Ok(Some(bytes)),
                    _ => Ok(None),
                }
            }
        }
    }

    /// The next event of a stream that has data: its name and data. `None` if the stream has ended.
    pub(super) fn event(&mut self) -> io::Result<Option<(String, String)>> {
        loop {
            while let Some((event, rest)) = self.pending.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.pending = rest;
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    let values = lines.map(|value| value.strip_prefix(' ').unwrap_or(value));
                    values.collect::<Vec<_>>().join("\n")
                };
                let data = field("data:");
                if !data.is_empty() {
                    return Ok(Some((field("event:"), data)));
                }
            }
            match self.chunk()? {
                Some(chunk) => self.pending += &String::from_utf8_lossy(&chunk),
                None => return Ok(None),
            }
        }
    }
}

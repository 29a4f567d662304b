//! HTTP/1.1 of the test's client: one request on a connection of its own, whose answer is read as it comes.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long a client waits for the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest body or event that a test reads.
const BODY_BYTES: u64 = 16 * 1024 * 1024;

/// An answer of which the head was read.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    /// What was read of the next event of a stream.
    pending: String,
}

/// Sends a request.
pub(super) fn send(
    address: SocketAddr,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let port = address.port();
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "Connection: close\r\n\r\n";
    let mut response = Response {
        status: 0,
        headers: Vec::new(),
        reader: BufReader::new(stream),
        pending: String::new(),
    };
    let socket = response.reader.get_mut();
    socket.write_all(text.as_bytes())?;
    socket.write_all(body.as_bytes())?;
    response.read_head()?;
    Ok(response)
}

impl Response {
    fn read_head(&mut self) -> io::Result<()> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        self.status = status.ok_or(io::ErrorKind::InvalidData)?;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(());
            };
            let value = value.trim().to_owned();
            self.headers.push((name.to_ascii_lowercase(), value));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

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
        let mut body = Vec::new();
        if self.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
        } else {
            let length = self.header("content-length").parse().unwrap_or(0);
            let mut reader = (&mut self.reader).take(BODY_BYTES.min(length));
            reader.read_to_end(&mut body)?;
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The next piece of a body in chunks; `None` after the last.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = u64::from_str_radix(&self.line()?, 16);
        let length = length.map_err(|_| io::ErrorKind::InvalidData)?;
        let mut chunk = Vec::new();
        let mut reader = (&mut self.reader).take(BODY_BYTES.min(length));
        reader.read_to_end(&mut chunk)?;
        self.line()?;
        Ok((length > 0).then_some(chunk))
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

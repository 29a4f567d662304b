//! One thread a connection: the machine of HTTP/1.1 over a socket, with TLS or without.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_http1::{Connection, Output, Timeouts};
use entra_mcp_runtime::{Clock, SharedDevTenant};
use http::Request;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest body of a request.
const BODY_BYTES: usize = 1024 * 1024;

/// How long a peer may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every connection shares.
pub(crate) struct Server {
    pub(crate) tenant: Arc<SharedDevTenant>,
    pub(crate) clock: Clock,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

impl Server {
    /// Serves as long as the process lives.
    pub(crate) fn serve(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            for stream in listener.incoming().flatten() {
                scope.spawn(move || {
                    // What a peer does wrong ends its connection.
                    let _ = self.handle(stream);
                });
            }
        });
    }

    fn handle(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.drive(stream),
            Some(config) => {
                let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.drive(StreamOwned::new(tls, stream))
            }
        }
    }

    fn drive(&self, mut stream: impl Read + Write) -> io::Result<()> {
        let timeouts = Timeouts {
            idle: PATIENCE,
            head: PATIENCE,
            body: PATIENCE,
            write: PATIENCE,
        };
        let mut connection = Connection::new(timeouts, self.clock.now().instant);
        let mut head = None;
        let mut buffer = [0; 16 * 1024];
        loop {
            match connection.poll(self.clock.now()) {
                Output::Proxied(_) => {}
                Output::Head(parts) => {
                    head = Some(parts);
                    connection.accept(BODY_BYTES, self.clock.now());
                }
                Output::Request(body) => {
                    let Some(parts) = head.take() else {
                        return Ok(());
                    };
                    self.respond(parts.with_body(body), &mut connection);
                }
                Output::ShutdownWrite | Output::Close => {
                    return stream.flush();
                }
                Output::Wait { reads, .. } => {
                    let pending = connection.pending().len();
                    if pending > 0 {
                        stream.write_all(connection.pending())?;
                        stream.flush()?;
                        connection.written(pending, self.clock.now().instant);
                    } else if reads {
                        match stream.read(&mut buffer)? {
                            0 => connection.end_input(),
                            length => connection.receive(buffer.get(..length).unwrap_or_default()),
                        }
                    } else {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn respond(&self, request: Request<Bytes>, connection: &mut Connection) {
        let (response, wait) = self.tenant.answer(&request, self.clock.now());
        // It was told to be slow, as Entra can be.
        if wait > Duration::ZERO {
            thread::sleep(wait);
        }
        connection.respond(&response, self.clock.now());
    }
}

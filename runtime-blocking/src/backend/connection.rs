//! One connection to a backend: dialled, perhaps TLS, with a time for everything, and something to close it with from
//! another thread.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use entra_mcp_core::{
    ask::Pull,
    config::BackendHost,
    log_event::{Field, LogEvent, LogEventId},
};
use entra_mcp_runtime::BackendTls;
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::{
    threads::Threads,
    unix::{BorrowedFd, Came, Descriptor, LocalStream, look},
};

/// How long one address may take to answer before the next is tried.
const ATTEMPT: Duration = Duration::from_secs(4);

/// A connection.
#[derive(Debug)]
pub(super) enum Connection {
    /// Without TLS.
    Plain(TimedSocket),
    /// With TLS.
    Secure(Box<StreamOwned<ClientConnection, TimedSocket>>),
}

/// Closes a connection, whoever reads it.
#[derive(Debug)]
pub(super) struct Closer(Socket);

/// A socket of which no operation lasts beyond a time.
#[derive(Debug)]
pub(super) struct TimedSocket {
    socket: Socket,
    until: Option<Instant>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(LocalStream),
}

impl Connection {
    /// A new connection, as yet without TLS.
    pub(super) fn dial(
        host: &BackendHost,
        until: Option<Instant>,
        threads: &Threads,
    ) -> io::Result<Self> {
        let socket = match host {
            BackendHost::Unix(path) => Socket::Unix(LocalStream::connect(path)?),
            BackendHost::Tcp { name, port, .. } => {
                let addresses = resolve(name, *port, until, threads)?;
                Socket::Tcp(first_that_answers(&addresses, until)?)
            }
        };
        Ok(Self::Plain(TimedSocket { socket, until }))
    }

    /// Speaks TLS from now on, if the host does.
    pub(super) fn secure(&mut self, pull: &Pull, tls: &BackendTls) -> io::Result<()> {
        let BackendHost::Tcp {
            name,
            is_secure: true,
            ..
        } = pull.backend.host()
        else {
            return Ok(());
        };
        let Self::Plain(socket) = self else {
            return Ok(());
        };
        let server = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
        let mut tls =
            ClientConnection::new(tls.config(pull.endpoint), server).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(socket) {
                let failed = LogEvent::new(LogEventId::TlsFailed).with(Field::Host, name);
                entra_mcp_runtime::log(&failed.with(Field::Error, error.to_string()));
                return Err(error);
            }
        }
        let socket = TimedSocket {
            socket: socket.socket.try_clone()?,
            until: socket.until,
        };
        *self = Self::Secure(Box::new(StreamOwned::new(tls, socket)));
        Ok(())
    }

    /// By when the next operations are to be over.
    pub(super) fn limit(&mut self, until: Option<Instant>) {
        self.timed_mut().until = until;
    }

    /// What closes it.
    pub(super) fn closer(&self) -> io::Result<Closer> {
        self.timed().socket.try_clone().map(Closer)
    }

    /// Whether it is open and nothing came on it.
    pub(super) fn is_silent(&self) -> bool {
        matches!(look(&self.timed().socket), Ok(Came::Nothing))
    }

    fn timed(&self) -> &TimedSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Secure(stream) => &stream.sock,
        }
    }

    fn timed_mut(&mut self) -> &mut TimedSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Secure(stream) => &mut stream.sock,
        }
    }
}

impl Closer {
    /// Closes it: whoever reads or writes it is told, and the peer.
    pub(super) fn close(&self) {
        self.0.shutdown();
    }
}

/// The addresses of a host. The system's resolver knows no time, so it is asked on a thread that may be left alone.
fn resolve(
    name: &str,
    port: u16,
    until: Option<Instant>,
    threads: &Threads,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (found, finds) = channel();
    let name = name.to_owned();
    threads.run(move || {
        let addresses = (name.as_str(), port).to_socket_addrs();
        let _ = found.send(addresses.map(Vec::from_iter));
    })?;
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    match until {
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            finds.recv_timeout(left).map_err(late)?
        }
        None => finds.recv().map_err(io::Error::other)?,
    }
}

fn first_that_answers(addresses: &[SocketAddr], until: Option<Instant>) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        let left = until.map_or(ATTEMPT, |until| {
            until.saturating_duration_since(Instant::now()).min(ATTEMPT)
        });
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(socket) => {
                // Without it the end of a request waits for the acknowledgement of its beginning.
                let _ = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Read for Connection {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Secure(stream) => stream.read(bytes),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}

impl TimedSocket {
    /// Does this until the time is up: what was interrupted or woke too early is done again.
    fn timed<T>(
        &mut self,
        set: impl Fn(&Socket, Option<Duration>) -> io::Result<()>,
        mut operation: impl FnMut(&mut Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self
                .until
                .map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            set(&self.socket, left)?;
            match operation(&mut self.socket) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) => {}
                done => return done,
            }
        }
    }
}

impl Read for TimedSocket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.timed(Socket::set_read_timeout, |socket| socket.read(bytes))
    }
}

impl Write for TimedSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.timed(Socket::set_write_timeout, |socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }

    fn shutdown(&self) {
        // One that is closed already is what is wanted.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Self::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }

    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_read_timeout(timeout),
            Self::Unix(socket) => socket.set_read_timeout(timeout),
        }
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_write_timeout(timeout),
            Self::Unix(socket) => socket.set_write_timeout(timeout),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(bytes),
            Self::Unix(socket) => socket.read(bytes),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }
}

impl Descriptor for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

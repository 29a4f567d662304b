//! The end of a server, as the threads see it that serve it: they wait for it beside their work.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// Whether a server has stopped. Two sockets that are connected: one is closed when it has, and whoever waits at the
/// other wakes up.
#[derive(Debug)]
pub struct Stopped {
    waited_for: UnixStream,
    held: Mutex<Option<UnixStream>>,
}

impl Stopped {
    /// A server that runs.
    ///
    /// # Errors
    ///
    /// There are no descriptors.
    pub fn new() -> io::Result<Self> {
        let (held, waited_for) = UnixStream::pair()?;
        Ok(Self {
            waited_for,
            held: Mutex::new(Some(held)),
        })
    }

    /// From now on it has stopped.
    pub fn set(&self) {
        drop(
            self.held
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Waits this long, or until the server has stopped: whether it has.
    pub fn within(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut waited = [PollFd::new(&self.waited_for, PollFlags::IN)];
            // A pause of centuries is one that does not end.
            let left_timespec = Timespec::try_from(left).ok();
            match poll(&mut waited, left_timespec.as_ref()) {
                Ok(0) | Err(Errno::INTR) if left.is_zero() => return false,
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return true,
                // Without memory in the kernel there is no way to wait for both.
                Err(_) => {
                    std::thread::sleep(left);
                    return false;
                }
            }
        }
    }

    /// Waits until there is something to read, or to accept: false if the server has stopped before.
    fn is_readable(&self, socket: &impl AsFd) -> io::Result<bool> {
        loop {
            let mut waited = [
                PollFd::new(&self.waited_for, PollFlags::IN),
                PollFd::new(socket, PollFlags::IN),
            ];
            match poll(&mut waited, None) {
                Ok(_) if !waited[0].revents().is_empty() => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Accepts a connection; `None` if the server has stopped.
    ///
    /// # Errors
    ///
    /// The peer has left already, or there are no descriptors.
    pub fn accept(&self, listener: &TcpListener) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        match self.is_readable(listener)? {
            true => listener.accept().map(Some),
            false => Ok(None),
        }
    }

    /// The same, of a socket of this machine.
    ///
    /// # Errors
    ///
    /// The peer has left already, or there are no descriptors.
    pub(crate) fn accept_local(&self, listener: &UnixListener) -> io::Result<Option<UnixStream>> {
        match self.is_readable(listener)? {
            true => listener.accept().map(|(socket, _)| Some(socket)),
            false => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn pause_is_over_when_the_server_stops() {
        let stopped = Arc::new(Stopped::new().unwrap());
        let waiting = {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || stopped.within(Duration::from_secs(3600)))
        };
        stopped.set();
        assert!(waiting.join().unwrap());
        assert!(stopped.within(Duration::ZERO));
    }

    #[test]
    fn pause_of_a_server_that_runs_lasts_its_time() {
        let stopped = Stopped::new().unwrap();
        let began = Instant::now();
        assert!(!stopped.within(Duration::from_millis(20)));
        assert!(began.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn connection_is_accepted_until_the_server_stops() {
        let stopped = Arc::new(Stopped::new().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, peer) = stopped.accept(&listener).unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let waiting = {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || stopped.accept(&listener).unwrap().is_none())
        };
        stopped.set();
        assert!(waiting.join().unwrap());
    }
}

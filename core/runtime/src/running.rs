//! A server that runs inside another program: where it listens, and its end.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Wake, Waker},
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use crate::{InMemory, boot::RuntimeParts, memory::Memory, on_shutdown, start_error::StartError};

/// How long it is waited, after a server has ended, for threads that still have its store: they have seen that it ended.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a server listens.
#[derive(Debug, Default)]
struct Addresses {
    of_server: Vec<SocketAddr>,
    of_dev_tenant: Vec<SocketAddr>,
    /// In place of these.
    memory: Option<Memory>,
    /// The port in its public URL, for a server in memory.
    port: u16,
}

/// Who says when a server ends, and who is told that it serves.
#[derive(Debug)]
pub struct Lifecycle(Owner);

#[derive(Debug)]
enum Owner {
    /// The server is what the process is for.
    Process,
    /// A program that does other things, too.
    Program {
        started: Sender<Addresses>,
        stop: Arc<Stop>,
    },
}

impl Lifecycle {
    /// That of a process that is there for the server: signals end it, and it prints what to do next.
    pub(crate) fn of_process() -> Self {
        Self(Owner::Process)
    }

    /// Says that the server serves, and how it is asked without a socket.
    pub fn serves(&self, parts: &RuntimeParts, server: impl FnOnce() -> Arc<dyn InMemory>) {
        match &self.0 {
            Owner::Process => parts.startup_banner(),
            Owner::Program { started, .. } => {
                // Who does not wait for it does not want to know.
                let config = &parts.server.config;
                let _ = started.send(match parts.is_in_memory() {
                    false => Addresses {
                        of_server: config.listen.clone(),
                        of_dev_tenant: config.dev_tenant.clone().unwrap_or_default(),
                        ..Addresses::default()
                    },
                    true => Addresses {
                        memory: Some(Memory {
                            server: server(),
                            #[cfg(feature = "dev-tenant")]
                            tenant: parts.memory_tenant(),
                        }),
                        port: config.listen.first().map_or(0, SocketAddr::port),
                        ..Addresses::default()
                    },
                });
            }
        }
    }

    /// Calls `f` when the server is to end, once, on another thread.
    pub fn on_stop(&self, f: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Owner::Process => on_shutdown(f),
            Owner::Program { stop, .. } => stop.on_stop(Box::new(f)),
        }
    }
}

type Callback = Box<dyn FnOnce() + Send>;

/// Asks a server to end.
#[derive(Default)]
struct Stop(Mutex<StopState>);

#[derive(Default)]
struct StopState {
    is_asked: bool,
    callback: Option<Callback>,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stop")
    }
}

impl Stop {
    fn on_stop(&self, callback: Callback) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_asked {
            drop(state);
            callback();
        } else {
            state.callback = Some(callback);
        }
    }

    fn ask(&self) {
        let callback = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_asked = true;
            state.callback.take()
        };
        if let Some(callback) = callback {
            callback();
        }
    }
}

/// A server that runs on threads of its own. If it is dropped, the server is asked to end and nobody waits for that.
#[derive(Debug)]
#[must_use = "a server that is dropped ends"]
pub struct Running {
    addresses: Addresses,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<Result<(), StartError>>>,
    ended: Ended,
    store_closed: Receiver<Infallible>,
}

impl Running {
    /// Runs `serve` on a thread of its own; returns when it serves.
    ///
    /// # Errors
    ///
    /// Why it does not serve.
    pub(crate) fn start(
        parts: RuntimeParts,
        serve: impl FnOnce(&RuntimeParts, &Lifecycle) -> Result<(), StartError> + Send + 'static,
    ) -> Result<Self, StartError> {
        let (started, serving) = channel();
        let stop = Arc::new(Stop::default());
        let owner = Owner::Program {
            started,
            stop: Arc::clone(&stop),
        };
        let store_closed = parts.store.closed();
        let ended = Ended::default();
        let guard = EndGuard(ended.clone());
        let thread = thread::Builder::new()
            .name("entra-mcp".to_owned())
            .spawn(move || {
                let _guard = guard;
                serve(&parts, &Lifecycle(owner))
            })
            .map_err(|error| StartError::Thread { error })?;
        let mut running = Self {
            addresses: Addresses::default(),
            stop,
            thread: Some(thread),
            ended,
            store_closed,
        };
        match serving.recv() {
            Ok(addresses) => running.addresses = addresses,
            Err(_) => running.join()?,
        }
        Ok(running)
    }

    /// Where it listens: the ports that it got, where port 0 was asked for. Empty only of a server in memory.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses.of_server
    }

    /// How it is asked without a socket, if it is in memory; and the port in its public URL.
    pub(crate) fn memory(&self) -> Option<(&Memory, u16)> {
        Some((self.addresses.memory.as_ref()?, self.addresses.port))
    }

    /// Where its development tenant listens; empty without one.
    #[must_use]
    pub fn dev_tenant_addresses(&self) -> &[SocketAddr] {
        &self.addresses.of_dev_tenant
    }

    /// Asks the server to end: it takes no new connections, tells streams to come back, and lets what is under way finish within
    /// the time of `ENTRA_MCP_SHUTDOWN_TIMEOUT`. Returns at once.
    pub fn stop(&self) {
        self.stop.ask();
    }

    /// Returns what asks the server to end, from wherever the program learns that it is to.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }

    /// Waits until the server has ended. Its ports and its data folder are free then.
    ///
    /// # Errors
    ///
    /// Why it could not go on serving.
    pub fn wait(mut self) -> Result<(), StartError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), StartError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let served = match thread.join() {
            Ok(served) => served,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // Nothing is ever sent: it ends, or a tool that does not end keeps it.
        let _ = self.store_closed.recv_timeout(STORE_TIMEOUT);
        served
    }

    /// Waits for a future on this thread, then ends the server and waits for that. A server that ends before is not waited for.
    ///
    /// # Errors
    ///
    /// Why it could not go on serving.
    pub(crate) fn until(self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        block_on(stop, &self.ended);
        self.stop();
        self.wait()
    }
}

/// Asks a server to end, as [`Running::stop`] does. Clones are for the same server.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Stop>);

impl Stopper {
    /// Asks the server to end. Returns at once.
    pub fn stop(&self) {
        self.0.ask();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a server has ended, and whom that wakes.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<(bool, Option<Waker>)>>);

impl Ended {
    fn wake(&self, waker: Waker) {
        self.state().1 = Some(waker);
    }

    fn is_over(&self) -> bool {
        self.state().0
    }

    fn state(&self) -> MutexGuard<'_, (bool, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the server has ended, however it did.
struct EndGuard(Ended);

impl Drop for EndGuard {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future on this thread, which sleeps while it is pending; no longer than until the server has ended.
fn block_on(future: impl Future<Output = ()>, ended: &Ended) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    ended.wake(waker.clone());
    let mut future = pin!(future);
    let mut cx = Context::from_waker(&waker);
    while !ended.is_over() && future.as_mut().poll(&mut cx).is_pending() {
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn future_is_not_waited_for_once_the_server_has_ended() {
        let ended = Ended::default();
        let guard = EndGuard(ended.clone());
        let server = thread::spawn(move || drop(guard));
        block_on(std::future::pending(), &ended);
        server.join().unwrap();
        // Whoever waits only now does not wait either.
        block_on(std::future::pending(), &ended);
    }
}
